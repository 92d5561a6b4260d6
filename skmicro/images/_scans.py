"""What patches are cut from: one scan, a stack, or a list, and where their voxels are known."""

import numpy as np

from .._checks import check_image_shape
from ._checks import real_numbers
from ._large import is_chunked
from ._unknown import has_nan, known_shares, known_voxels, separated


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

    Masked arrays stay masked. Raises where a patch does not fit, or it is ambiguous whether three
    axes are a stack of images or a volume.
    """
    n_sides = len(shape) if isinstance(shape, (tuple, list)) or np.ndim(shape) == 1 else None
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


def open_positions(scan, shape, min_known=1.0):
    """Tell of each place whether enough is known of a patch there; None without a mask."""
    known = known_voxels(scan)
    return None if known is None else known_shares(~known, shape) >= min_known


def _axes(item):
    """Return the number of axes of an array, None of anything else."""
    return getattr(item, "ndim", len(item.shape) if hasattr(item, "shape") else None)


def _numbers(name, values):
    """Return real numbers as an array, a masked one where there is a mask or NaN.

    Memory maps and arrays in chunks are not read for it.
    """
    array, mask = separated(values)
    in_parts = isinstance(array, np.memmap) or is_chunked(array)
    array = real_numbers(name, array)
    unknown = np.isnan(array) if not in_parts and has_nan(array) else None
    if mask is not None:
        unknown = mask if unknown is None else mask | unknown
    return array if unknown is None else np.ma.MaskedArray(array, unknown)
