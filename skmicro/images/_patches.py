r"""Patches of large scans, and cross-validation that keeps them apart.

Two patches of sides :math:`s` at positions :math:`p, q` share a voxel exactly when
:math:`|p_i - q_i| < s_i` along every axis, that is when the Chebyshev distance between
:math:`p / s` and :math:`q / s` is below one. Patches that overlap are nearly copies of
each other: with one in the training set and the other in the test set a score measures
memory.
"""

import math
from typing import Literal

import numpy as np
from scipy.spatial import cKDTree
from scipy.stats import qmc

from .._checks import check_choice, check_image_shape, check_integer, check_real
from .._random import draw_seed, numpy_generator
from .._typing import Seed
from ._checks import finite
from ._large import is_chunked, windows_of
from ._scans import open_positions, scans_of
from ._unknown import IN_MEMORY, has_nan

BLOCK_SIDE = 3
"""Sides of a patch to the side of a block."""


def extract_patches(
    scan,
    shape: tuple[int, ...],
    n_patches: int | None = None,
    *,
    method: Literal["random", "grid", "latin-hypercube"] = "random",
    random_state: Seed = None,
    return_positions: bool = False,
    min_known: float = 1.0,
):
    """Cut patches out of large images or volumes.

    Parameters
    ----------
    scan : array-like of shape (H, W) or (D, H, W), stack (n, H, W) or (n, D, H, W), or list
        The scan, or several: a stack, or a list of images which may have several sizes. Of a
        memory map, or an array in chunks (zarr, HDF5), patches alone are read. Voxels may be
        unknown, masked (:mod:`numpy.ma`) or NaN, but in chunks and memory maps.
    shape : tuple of int
        Sides of a patch: two for images, three for volumes. How many there are says whether three
        axes are a stack of images or a volume.
    n_patches : int, default=None
        Number of patches, of all scans together. The default is the number of tiles that fit.
    method : {"random", "grid", "latin-hypercube"}, default="random"
        ``"random"``: independent positions, each place of each scan as likely as any other.
        ``"grid"``: tiles that do not overlap, in the order of the array; ``n_patches`` of them are
        a random subset. ``"latin-hypercube"``: random positions of which each of ``n_patches``
        equal intervals along each axis holds one, which covers the scan more evenly; Henkes and
        Wessels 2022 (CMAME 400, 115497) cut 1000 volumes of 64^3 out of one scan so. Of several
        scans each has its share of them.
    random_state : int, numpy.random.RandomState, numpy.random.Generator or None, default=None
        Source of the positions.
    return_positions : bool, default=False
        Whether to return the positions as well.
    min_known : float, default=1.0
        Least share of known voxels in a patch, above 0. Below 1 patches are a masked array where
        some of their voxels are unknown.

    Returns
    -------
    patches : ndarray or MaskedArray of shape (n_patches, *shape)
        Copies of parts of the scans.
    positions : ndarray of shape (n_patches, n_axes) or (n_patches, 1 + n_axes), int64
        First voxel of each patch; of several scans, first the index of the scan.
        :func:`split_patches` takes both. Only with ``return_positions=True``.

    Raises
    ------
    ValueError
        If the scan has another number of axes than the patches, or one more, a patch does not fit
        in it, the grid has fewer tiles than requested, no place has enough known voxels, a patch
        holds values that are not finite, or the method is unknown.
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
    scans, several = scans_of(scan, shape)
    shape = check_image_shape("shape", shape)
    check_choice("method", method, _METHODS)
    check_choice("return_positions", return_positions, (True, False))
    check_real("min_known", min_known, 0.0, 1.0, open_low=True)
    open_to = [open_positions(scan, shape, min_known) for scan in scans]
    sides = [scan.shape for scan in scans]
    if n_patches is None:
        n_patches = sum(math.prod(_tiles(lengths, shape)) for lengths in sides)
        if method == "grid":
            n_patches = len(_tile_positions(sides, open_to, shape))
    check_integer("n_patches", n_patches, 1)
    rng = numpy_generator(draw_seed(random_state))
    positions = _METHODS[method](sides, open_to, shape, n_patches, rng)
    patches = _cut(scans, positions, shape)
    if min_known < 1:
        masks = [np.ma.getmaskarray(scan) if np.ma.is_masked(scan) else None for scan in scans]
        patches = _partly_known(patches, masks, positions)
    if has_nan(patches):
        raise ValueError(f"scan must hold finite numbers, got NaN; {IN_MEMORY}.")
    finite("scan", patches)
    if not return_positions:
        return patches
    return patches, positions if several else positions[:, 1:]


def _cut(scans, positions, shape):
    """Return the patches at positions, each a scan and a place in it."""
    patches = np.empty((len(positions), *shape), np.result_type(*(scan.dtype for scan in scans)))
    for k in np.unique(positions[:, 0]):
        chosen = positions[:, 0] == k
        places = positions[chosen, 1:]
        if is_chunked(scans[k]):
            patches[chosen] = windows_of(scans[k], places, shape)
        else:
            windows = np.lib.stride_tricks.sliding_window_view(np.asarray(scans[k]), shape)
            patches[chosen] = windows[tuple(places.T)]
    return patches


def _partly_known(patches, masks, positions):
    """Return patches as a masked array if voxels of theirs are masked, with zeros there."""
    unknown = np.zeros(patches.shape, bool)
    for k, mask in enumerate(masks):
        if mask is not None:
            chosen = positions[:, 0] == k
            windows = np.lib.stride_tricks.sliding_window_view(mask, patches.shape[1:])
            unknown[chosen] = windows[tuple(positions[chosen, 1:].T)]
    if not unknown.any():
        return patches
    patches[unknown] = 0
    return np.ma.MaskedArray(patches, unknown)


def split_patches(positions, shape: tuple[int, ...], n_splits: int = 5) -> list:
    """Split patches into folds whose test patches share no voxel with training patches.

    The patches are divided into ``n_splits`` spatial blocks of nearly equal numbers by
    repeated cuts across the longest extent. Each block is the test set once; the training
    set is all other patches but those that overlap a test patch, which this fold leaves out.

    Parameters
    ----------
    positions : array-like of shape (n_patches, n_axes) or (n_patches, 1 + n_axes), integers
        First voxel of each patch, as ``extract_patches`` returns them; with one column more than
        a patch has sides, the first one is the index of the scan. Patches of two scans share none.
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
    positions, shape, apart = _checked_positions("positions", positions, shape)
    check_integer("n_splits", n_splits, 2)
    if len(positions) < n_splits:
        raise ValueError(f"n_splits must be <= {len(positions)} (the patches), got {n_splits}.")
    everything = np.arange(len(positions))
    folds = []
    for fold, test in enumerate(_blocks(positions, everything, n_splits, apart)):
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


def patch_blocks(positions, shape, name="positions"):
    """Return the block of the scan in which each patch lies, an integer.

    Blocks are cubes of three patches to a side, so that few patches overlap one of another block.
    """
    positions, shape, _ = _checked_positions(name, positions, shape)
    sides = np.array(shape) * np.where(np.array(shape) > 1, BLOCK_SIDE, 1)
    middles = positions + np.array(shape) // 2
    return np.unique(middles // sides, axis=0, return_inverse=True)[1].ravel()


def _checked_positions(name, positions, shape):
    """Return positions, sides of a patch, one more if there are several scans, and whether."""
    positions = np.asarray(positions)
    if positions.ndim != 2 or positions.shape[1] not in (2, 3, 4):
        raise ValueError(
            f"{name} must have shape (n_patches, 2 or 3), or one column more for several scans, "
            f"got shape {positions.shape}."
        )
    if positions.dtype.kind not in "iu":
        raise TypeError(f"{name} must be integers, got dtype {positions.dtype}.")
    if positions.size and positions.min() < 0:
        raise ValueError(f"{name} must be >= 0, got {positions.min()}.")
    n_columns = positions.shape[1]
    shape = check_image_shape("shape", shape, {n_columns - 1, n_columns} & {2, 3})
    apart = len(shape) < n_columns
    if apart:
        shape = (1, *shape)  # two scans are one side of such a patch from each other
    return positions, shape, apart


def _random_positions(sides, open_to, shape, n_patches, rng):
    if len(sides) == 1 and open_to[0] is None:
        places = rng.integers(_n_positions(sides[0], shape), size=(n_patches, len(shape)))
        return _of_scan(0, places)
    n_places = [
        math.prod(_n_positions(lengths, shape)) if open_ is None else np.count_nonzero(open_)
        for lengths, open_ in zip(sides, open_to, strict=True)
    ]
    ends = np.cumsum(n_places)
    numbers = rng.integers(_some(ends[-1], shape), size=n_patches)
    index = np.searchsorted(ends, numbers, side="right")
    positions = np.empty((n_patches, 1 + len(shape)), np.int64)
    for k in np.unique(index):
        chosen = index == k
        within = numbers[chosen] - (ends[k] - n_places[k])
        if open_to[k] is not None:
            within = np.flatnonzero(open_to[k])[within]
        places = np.unravel_index(within, _n_positions(sides[k], shape))
        positions[chosen] = _of_scan(k, np.stack(places, axis=1))
    return positions


def _grid_positions(sides, open_to, shape, n_patches, rng):
    positions = _tile_positions(sides, open_to, shape)
    n_tiles = _some(len(positions), shape)
    if n_patches > n_tiles:
        raise ValueError(
            f"n_patches must be <= {n_tiles} (the tiles of the grid), got {n_patches}."
        )
    return positions[np.sort(rng.permutation(n_tiles)[:n_patches])]


def _tile_positions(sides, open_to, shape):
    """Return the tiles of all scans in their order, without those that masks forbid."""
    found = []
    for k, (lengths, open_) in enumerate(zip(sides, open_to, strict=True)):
        places = np.stack(np.indices(_tiles(lengths, shape)), axis=-1).reshape(-1, len(shape))
        places = places * np.array(shape)
        if open_ is not None:
            places = places[open_[tuple(places.T)]]
        found.append(_of_scan(k, places))
    return np.concatenate(found)


def _latin_hypercube_positions(sides, open_to, shape, n_patches, rng):
    if any(open_ is not None for open_ in open_to):
        raise ValueError(
            "method must be 'random' or 'grid' for scans with unknown voxels (masked or NaN), "
            "got 'latin-hypercube'."
        )
    n_places = np.array([float(math.prod(_n_positions(lengths, shape))) for lengths in sides])
    share = n_patches * n_places / n_places.sum()
    counts = np.floor(share).astype(int)
    counts[np.argsort(counts - share, kind="stable")[: n_patches - counts.sum()]] += 1
    found = []
    for k in np.flatnonzero(counts):
        points = qmc.LatinHypercube(len(shape), rng=rng).random(counts[k])
        places = np.floor(points * _n_positions(sides[k], shape)).astype(np.int64)
        found.append(_of_scan(k, places))
    return np.concatenate(found)


def _of_scan(k, places):
    """Return places with the index of their scan before them."""
    return np.column_stack([np.full(len(places), k), places])


def _some(n_places, shape):
    if n_places == 0:
        raise ValueError(
            f"scan must have a place for patches of shape {shape} with enough known voxels "
            "(neither masked nor NaN), got none."
        )
    return n_places


_METHODS = {
    "random": _random_positions,
    "grid": _grid_positions,
    "latin-hypercube": _latin_hypercube_positions,
}


def _tiles(lengths, shape):
    return tuple(length // side for length, side in zip(lengths, shape, strict=True))


def _n_positions(lengths, shape):
    return np.subtract(lengths, shape) + 1


def _blocks(positions, indices, n_blocks, apart):
    """Cut a set of patches across its longest extent until there are ``n_blocks``.

    If the first column is a scan (``apart``), scans are separated first.
    """
    if n_blocks == 1:
        return [indices]
    chosen = positions[indices]
    extents = chosen.max(axis=0) - chosen.min(axis=0)
    axis = 0 if apart and extents[0] else np.argmax(extents)
    ordered = indices[np.argsort(chosen[:, axis], kind="stable")]
    n_left = n_blocks // 2
    cut = round(len(ordered) * n_left / n_blocks)
    return [
        *_blocks(positions, ordered[:cut], n_left, apart),
        *_blocks(positions, ordered[cut:], n_blocks - n_left, apart),
    ]


def _overlaps(positions, others, shape):
    """Tell of each position whether a patch there shares a voxel with one of ``others``."""
    distance, _ = cKDTree(others / np.array(shape)).query(positions / np.array(shape), p=np.inf)
    # Half a voxel keeps rounding from turning patches that touch into patches that overlap.
    return distance < 1 - 0.5 / max(shape)
