"""What patches are cut from: one scan, a stack, or a list, and where their voxels are known."""

from itertools import product

import numpy as np

from .._checks import check_image_shape
from ._checks import real_numbers
from ._large import is_chunked


class ImageOfStack:
    """One image of a stack in chunks, of which nothing is read before it is asked for."""

    def __init__(self, stack, index):
        self._stack, self._index = stack, index
        self.shape, self.ndim, self.dtype = stack.shape[1:], stack.ndim - 1, stack.dtype
        self.chunks = stack.chunks and stack.chunks[1:]

    def __getitem__(self, place):
        return self._stack[(self._index, *place)]


def scans_of(scan, shape):
    """Return scans with an axis for each side of a patch, and whether there can be several.

    Masked arrays stay masked. Raises where a patch does not fit, or it is not told whether three
    axes are a stack of images or a volume.
    """
    n_sides = len(shape) if isinstance(shape, (tuple, list, np.ndarray)) else None
    if isinstance(scan, (list, tuple)) and len(scan) and _axes(scan[0]) == n_sides:
        if n_sides not in (2, 3):
            raise ValueError(f"scan must have 2 or 3 axes, got shape {np.shape(scan[0])}.")
        names = [f"scan[{k}]" for k in range(len(scan))]
        scans = [_numbers(name, item) for name, item in zip(names, scan, strict=True)]
        several = True
        for name, item in zip(names, scans, strict=True):
            if item.ndim != n_sides:
                raise ValueError(f"{name} must have {n_sides} axes, got shape {item.shape}.")
    else:
        array = _numbers("scan", scan)
        if array.ndim not in (2, 3, 4):
            raise ValueError(f"scan must have 2 or 3 axes, got shape {array.shape}.")
        shape = check_image_shape("shape", shape, {array.ndim, array.ndim - 1} & {2, 3})
        several = array.ndim > len(shape)
        one = ImageOfStack if is_chunked(array) else (lambda stack, k: stack[k])
        scans = [one(array, k) for k in range(array.shape[0])] if several else [array]
        names = [f"scan[{k}]" for k in range(len(scans))] if several else ["the scan"]
        if not scans:
            raise ValueError(f"scan must hold at least one image, got shape {array.shape}.")
        if len(shape) == 3 and shape[0] == 1:
            raise ValueError(
                f"shape must be {tuple(shape[1:])} to cut images out of a stack of shape "
                f"{array.shape}, got {tuple(shape)}, volumes one voxel thick."
            )
    shape = check_image_shape("shape", shape)
    for name, item in zip(names, scans, strict=True):
        if any(side > length for side, length in zip(shape, item.shape, strict=True)):
            raise ValueError(f"shape must fit in {name} of shape {item.shape}, got {shape}.")
    return scans, several


def open_positions(scan, shape):
    """Tell of each place whether a patch there has no masked voxel; None without a mask."""
    if not isinstance(scan, np.ma.MaskedArray) or not np.ma.is_masked(scan):
        return None
    sums = np.pad(np.ma.getmaskarray(scan).astype(np.int64), [(1, 0)] * scan.ndim)
    for axis in range(scan.ndim):
        sums.cumsum(axis=axis, out=sums)
    n_masked = 0
    for corner in product((0, 1), repeat=scan.ndim):
        sign = (-1) ** (scan.ndim - sum(corner))
        place = tuple(
            slice(side, None) if far else slice(0, length + 1 - side)
            for far, side, length in zip(corner, shape, scan.shape, strict=True)
        )
        n_masked = n_masked + sign * sums[place]
    return n_masked == 0


def _axes(item):
    """Return the number of axes of an array, None of anything else."""
    return getattr(item, "ndim", len(item.shape) if hasattr(item, "shape") else None)


def _numbers(name, values):
    if isinstance(values, np.ma.MaskedArray):
        real_numbers(name, values.data)
        return values
    return real_numbers(name, values)
