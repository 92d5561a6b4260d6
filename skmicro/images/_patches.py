r"""Patches of one large scan, and cross-validation that keeps them apart.

Two patches of sides :math:`s` at positions :math:`p, q` share a voxel exactly when
:math:`|p_i - q_i| < s_i` along every axis, that is when the Chebyshev distance between
:math:`p / s` and :math:`q / s` is below one. Patches that overlap are nearly copies of
each other: with one in the training set and the other in the test set a score measures
memory.
"""

import math

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import qmc

from .._checks import check_choice, check_image_shape, check_integer
from .._random import draw_seed, numpy_generator
from ._checks import finite, real_numbers
from ._large import is_chunked, windows_of


def extract_patches(
    scan, shape, n_patches=None, *, method="random", random_state=None, return_positions=False
):
    """Cut patches out of one large image or volume.

    Parameters
    ----------
    scan : array-like of shape (H, W) or (D, H, W)
        The scan. Of a memory map, or an array in chunks (zarr, HDF5), patches alone are read.
    shape : tuple of int
        Sides of a patch, one for each axis of the scan.
    n_patches : int, default=None
        Number of patches. The default is the number of tiles that fit in the scan.
    method : {"random", "grid", "latin-hypercube"}, default="random"
        ``"random"``: independent uniform positions. ``"grid"``: tiles that do not overlap,
        in the order of the array; ``n_patches`` of them are a random subset.
        ``"latin-hypercube"``: random positions of which each of ``n_patches`` equal
        intervals along each axis holds one, which covers the scan more evenly; Henkes and
        Wessels 2022 (CMAME 400, 115497) cut 1000 volumes of 64^3 out of one scan so.
    random_state : int, numpy.random.RandomState, numpy.random.Generator or None, default=None
        Source of the positions.
    return_positions : bool, default=False
        Whether to return the positions as well.

    Returns
    -------
    patches : ndarray of shape (n_patches, *shape)
        Copies of parts of the scan.
    positions : ndarray of shape (n_patches, scan.ndim), int64
        First voxel of each patch. Only with ``return_positions=True``.

    Raises
    ------
    ValueError
        If the scan does not have two or three axes, a patch does not fit in it, the grid
        has fewer tiles than asked for, a patch holds values that are not finite, or the method
        is unknown.
    TypeError
        If a number that must be an integer is not, or the scan does not hold real numbers.

    See Also
    --------
    split_patches : Folds for cross-validation without overlap.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro import extract_patches
    >>> extract_patches(np.eye(6), (3, 3), method="grid").shape
    (4, 3, 3)
    """
    scan = real_numbers("scan", scan)
    if scan.ndim not in (2, 3):
        raise ValueError(f"scan must have 2 or 3 axes, got shape {scan.shape}.")
    shape = check_image_shape("shape", shape, (scan.ndim,))
    if any(side > length for side, length in zip(shape, scan.shape, strict=True)):
        raise ValueError(f"shape must fit in the scan of shape {scan.shape}, got {shape}.")
    check_choice("method", method, _METHODS)
    if n_patches is None:
        n_patches = math.prod(_tiles(scan.shape, shape))
    check_integer("n_patches", n_patches, 1)
    rng = numpy_generator(draw_seed(random_state))
    positions = _METHODS[method](scan.shape, shape, n_patches, rng)
    if is_chunked(scan):
        patches = windows_of(scan, positions, shape)
    else:
        windows = np.lib.stride_tricks.sliding_window_view(scan, shape)
        patches = windows[tuple(positions.T)]
    patches = finite("scan", patches)
    return (patches, positions) if return_positions else patches


def split_patches(positions, shape, n_splits=5):
    """Split patches into folds whose test patches share no voxel with training patches.

    The patches are divided into ``n_splits`` spatial blocks of nearly equal numbers by
    repeated cuts across the longest extent. Each block is the test set once; the training
    set is all other patches but those that overlap a test patch, which this fold leaves out.

    Parameters
    ----------
    positions : array-like of shape (n_patches, n_axes), integers
        First voxel of each patch, as ``extract_patches`` returns them.
    shape : tuple of int
        Sides of a patch.
    n_splits : int, default=5
        Number of folds, at least 2.

    Returns
    -------
    folds : list of (train, test) pairs of ndarray of int64
        Sorted indices of patches, usable as ``cv=`` in scikit-learn. Every patch is in
        exactly one test set.

    Raises
    ------
    ValueError
        If there are fewer patches than folds, or if all patches of the other blocks
        overlap the test patches of a fold.
    TypeError
        If positions or shape are not integers.

    See Also
    --------
    extract_patches : Cut patches out of a scan.

    Examples
    --------
    >>> from skmicro import split_patches
    >>> split_patches([[0, 0], [0, 2], [0, 9], [0, 20]], (4, 4), n_splits=2)
    [(array([2, 3]), array([0, 1])), (array([0, 1]), array([2, 3]))]
    """
    positions = np.asarray(positions)
    if positions.ndim != 2 or positions.shape[1] not in (2, 3):
        raise ValueError(
            f"positions must have shape (n_patches, 2 or 3), got shape {positions.shape}."
        )
    if positions.dtype.kind not in "iu":
        raise TypeError(f"positions must be integers, got dtype {positions.dtype}.")
    shape = check_image_shape("shape", shape, (positions.shape[1],))
    check_integer("n_splits", n_splits, 2)
    if len(positions) < n_splits:
        raise ValueError(f"n_splits must be <= {len(positions)} (the patches), got {n_splits}.")
    everything = np.arange(len(positions))
    folds = []
    for fold, test in enumerate(_blocks(positions, everything, n_splits)):
        others = np.setdiff1d(everything, test)
        train = others[~_overlaps(positions[others], positions[test], shape)]
        if not len(train):
            raise ValueError(
                f"fold {fold} of {n_splits} has no training patch: all others overlap its "
                f"{len(test)} test patches; use smaller patches, more of the scan or another "
                "n_splits."
            )
        folds.append((train, np.sort(test)))
    return folds


def _random_positions(lengths, shape, n_patches, rng):
    return rng.integers(_n_positions(lengths, shape), size=(n_patches, len(shape)))


def _grid_positions(lengths, shape, n_patches, rng):
    tiles = _tiles(lengths, shape)
    n_tiles = math.prod(tiles)
    if n_patches > n_tiles:
        raise ValueError(
            f"n_patches must be <= {n_tiles} (the tiles of the grid), got {n_patches}."
        )
    chosen = np.sort(rng.permutation(n_tiles)[:n_patches])
    return np.stack(np.unravel_index(chosen, tiles), axis=1) * np.array(shape)


def _latin_hypercube_positions(lengths, shape, n_patches, rng):
    points = qmc.LatinHypercube(len(shape), rng=rng).random(n_patches)
    return np.floor(points * _n_positions(lengths, shape)).astype(np.int64)


_METHODS = {
    "random": _random_positions,
    "grid": _grid_positions,
    "latin-hypercube": _latin_hypercube_positions,
}


def _tiles(lengths, shape):
    return tuple(length // side for length, side in zip(lengths, shape, strict=True))


def _n_positions(lengths, shape):
    return np.subtract(lengths, shape) + 1


def _blocks(positions, indices, n_blocks):
    """Cut a set of patches across its longest extent until there are ``n_blocks``."""
    if n_blocks == 1:
        return [indices]
    chosen = positions[indices]
    axis = np.argmax(chosen.max(axis=0) - chosen.min(axis=0))
    ordered = indices[np.argsort(chosen[:, axis], kind="stable")]
    n_left = n_blocks // 2
    cut = round(len(ordered) * n_left / n_blocks)
    return [
        *_blocks(positions, ordered[:cut], n_left),
        *_blocks(positions, ordered[cut:], n_blocks - n_left),
    ]


def _overlaps(positions, others, shape):
    """Tell of each position whether a patch there shares a voxel with one of ``others``."""
    distance, _ = cKDTree(others / np.array(shape)).query(positions / np.array(shape), p=np.inf)
    # Half a voxel keeps rounding from turning patches that touch into patches that overlap.
    return distance < 1 - 0.5 / max(shape)
