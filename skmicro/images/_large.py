"""Images that are larger than memory: read in blocks and windows, never as a whole."""

import math
from itertools import product

import numpy as np

BLOCK_VOXELS = 2**17


def blocks_of(images):
    """Yield parts of images (n, *spatial) as arrays, of about 2^17 voxels in C order.

    Of chunked images one chunk after the other.

    Parameters
    ----------
    images : ndarray or ChunkedImages of shape (n, *spatial)
        The images.

    Yields
    ------
    block : ndarray
        A part of them.
    """
    if isinstance(images, ChunkedImages):
        yield from images.blocks()
        return
    step = BLOCK_VOXELS // max(1, math.prod(images.shape[1:]))
    if step == 0:
        for part in images:
            yield from blocks_of(part)
    for start in range(0, len(images) if step else 0, max(1, step)):
        yield images[start : start + step]


def is_chunked(array):
    """Tell whether an array is kept in chunks that are read on demand (zarr, HDF5, dask).

    Parameters
    ----------
    array : any
        What may be one.

    Returns
    -------
    chunked : bool
        Whether it is.
    """
    return not isinstance(array, np.ndarray) and hasattr(array, "chunks")


class ChunkedImages:
    r"""Images in chunked arrays, of which parts are read.

    Parameters
    ----------
    images : chunked array, or sequence of chunked arrays
        Images of shape (n, \*spatial), or several of them of shape (\*spatial,) each, of one shape
        and type.

    Raises
    ------
    TypeError
        If they do not hold numbers.
    ValueError
        If they have other than two or three axes, no voxels, unlike shapes, or values that are not
        finite.
    """

    def __init__(self, images):
        parts = list(images) if isinstance(images, (list, tuple)) else [images]
        self._apart = isinstance(images, (list, tuple))
        self._parts = parts
        kinds = sorted({(tuple(part.shape), str(part.dtype)) for part in parts})
        if len(kinds) > 1:
            raise ValueError(f"X must hold images of one common shape and type, got {kinds}.")
        self.dtype = np.dtype(parts[0].dtype)
        self.shape = (len(parts),) * self._apart + tuple(parts[0].shape)
        self.ndim = len(self.shape)
        if self.dtype.kind not in "biuf":
            raise TypeError(f"X must hold numbers, got an array of type {self.dtype}.")
        if self.ndim not in (3, 4) or 0 in self.shape:
            raise ValueError(
                f"X must have shape (n, H, W) or (n, D, H, W), got an array of shape {self.shape}."
            )
        if self.dtype.kind == "f" and not all(np.isfinite(b).all() for b in blocks_of(self)):
            raise ValueError("X must hold finite numbers, got NaN or infinity.")

    def __len__(self):
        return self.shape[0]

    def blocks(self):
        """Yield the voxels of one chunk after the other.

        Yields
        ------
        chunk : ndarray
            A chunk of one image, or of several.
        """
        sides = self.shape[1:] if self._apart else self.shape
        for part in self._parts:
            chunks = getattr(part, "chunks", None) or ()
            steps = [max(c) if isinstance(c, tuple) else c for c in chunks]
            steps = steps or [1] * (len(sides) - 2) + list(sides[-2:])  # without chunks
            starts = [range(0, side, step) for side, step in zip(sides, steps, strict=True)]
            for first in product(*starts):
                place = (slice(a, a + step) for a, step in zip(first, steps, strict=True))
                yield np.asarray(part[tuple(place)])

    def __getitem__(self, place):
        if not self._apart:
            return np.asarray(self._parts[0][place])
        if isinstance(place, slice):
            return np.stack([np.asarray(part[...]) for part in self._parts[place]])
        k, *windows = place if isinstance(place, tuple) else (place,)
        return np.asarray(self._parts[k][tuple(windows)])
