"""Unknown voxels: those that a masked array masks, and NaN.

Images that have any are masked arrays wherever they go in the library, with a value that occurs
elsewhere under the mask, so that what counts labels or looks for the ends of grey levels finds
nothing new. Images without are plain arrays, and nothing is done for them.
"""

from itertools import product

import numpy as np

REMEDY = (
    "skmicro.extract_patches cuts parts without any, FlowMatchingGenerator.inpaint fills them, and "
    "filling them with a label makes a phase of them"
)


IN_MEMORY = (
    "unknown voxels (masked or NaN) are supported in memory only, not in chunks or memory maps"
)


def separated(array):
    """Return an array without its mask, zero under it, and the mask; None if nothing is masked.

    Of a list of arrays, a list.
    """
    if isinstance(array, (list, tuple)) and any(map(np.ma.is_masked, array)):
        parts = [separated(np.ma.asanyarray(part)) for part in array]
        masks = [np.zeros(np.shape(part), bool) if mask is None else mask for part, mask in parts]
        same = len({mask.shape for mask in masks}) == 1
        return [part for part, _ in parts], np.stack(masks) if same else None
    if not isinstance(array, np.ma.MaskedArray):
        return array, None
    if not np.ma.is_masked(array):
        return array.data, None
    mask = np.ma.getmaskarray(array)
    return np.where(mask, np.zeros((), array.dtype), array.data), mask


def refusal(refused_by, name, n_unknown):
    """Return the error of what has no use for unknown voxels, some of which ``name`` has."""
    return ValueError(
        f"{refused_by} does not support unknown voxels (masked or NaN), got {n_unknown} in {name}: "
        f"{REMEDY}."
    )


def refuse_unknown(refused_by, name, values):
    """Raise ValueError if some of the values, in an array or in a list of arrays, are unknown."""
    array, mask = separated(values)
    array = np.asarray(array)
    unknown = np.isnan(array) if mask is None and has_nan(array) else mask
    if unknown is not None:
        raise refusal(refused_by, name, np.count_nonzero(unknown))


def marked(images, mask, refused_by=None):
    """Return images as a masked array where voxels are unknown, as they are where none is.

    Parameters
    ----------
    images : ndarray of shape (n, *spatial)
        Images, unknown voxels of which may be NaN.
    mask : ndarray of bool or None
        Unknown voxels besides, of as many voxels.
    refused_by : str or None, default=None
        What has no use for unknown voxels.

    Returns
    -------
    images : ndarray or MaskedArray of shape (n, *spatial)
        The same values where voxels are known.

    Raises
    ------
    ValueError
        If there are unknown voxels and they are refused, or nothing is known of an image.
    """
    unknown = None if mask is None else mask.reshape(images.shape)
    if has_nan(images):
        unknown = np.isnan(images) if unknown is None else unknown | np.isnan(images)
    if unknown is None or not unknown.any():
        return images
    if refused_by is not None:
        raise refusal(refused_by, "X", np.count_nonzero(unknown))
    blank = np.flatnonzero(unknown.reshape(len(images), -1).all(axis=1))
    if len(blank):
        raise ValueError(f"X must have known voxels in each image, got none in image {blank[0]}.")
    some = images.reshape(-1)[np.argmin(unknown)]
    return np.ma.MaskedArray(np.where(unknown, some, images), unknown)


def has_nan(array):
    """Tell whether an array has NaN."""
    if array.dtype.kind != "f":
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        suspect = np.isnan(np.sum(array))
    return bool(suspect and np.isnan(array).any())


def known_voxels(images: np.ndarray | np.ma.MaskedArray) -> np.ndarray | None:
    """Tell which voxels of checked images are known.

    Parameters
    ----------
    images : ndarray or MaskedArray
        Images as :func:`check_images` returns them.

    Returns
    -------
    known : ndarray of bool or None
        Of the shape of the images; ``None`` where all voxels are known.
    """
    return ~np.ma.getmaskarray(images) if np.ma.is_masked(images) else None


def known_shares(mask: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the share of voxels that are not masked in each window of an array.

    Parameters
    ----------
    mask : ndarray of bool
        Where voxels are unknown.
    shape : tuple of int
        Sides of a window, which fits into the array.

    Returns
    -------
    shares : ndarray
        One number for each place of the window's first voxel, exactly 1 where all are known.
    """
    sums = np.pad(mask.astype(np.int64), [(1, 0)] * mask.ndim)
    for axis in range(mask.ndim):
        sums.cumsum(axis=axis, out=sums)
    return 1 - _window_sums(sums, shape) / np.prod(shape)


def _window_sums(sums, shape):
    """Return sums over windows of a shape, out of sums over all that comes before a place."""
    total = 0
    for corner in product((0, 1), repeat=sums.ndim):
        place = tuple(
            slice(side, None) if far else slice(0, length - side)
            for far, side, length in zip(corner, shape, sums.shape, strict=True)
        )
        total = total + (-1) ** (sums.ndim - sum(corner)) * sums[place]
    return total
