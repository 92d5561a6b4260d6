"""Images that are larger than memory: read in blocks and windows, never as a whole."""

import math
from bisect import bisect_left, bisect_right
from itertools import pairwise, product, starmap

import numpy as np

from ._unknown import IN_MEMORY

BLOCK_VOXELS = 2**17
WORTH_SORTING = 2
"""Windows that lie in a chunk, on average, from which on chunks are read one by one."""


def blocks_of(images: "np.ndarray | np.ma.MaskedArray | ChunkedImages"):
    """Yield parts of images (n, *spatial) as arrays, of about 2^17 voxels in C order.

    Of chunked images one chunk after the other. Of masked images also what is under the mask, which
    occurs elsewhere as well.

    Parameters
    ----------
    images : ndarray, MaskedArray or ChunkedImages of shape (n, *spatial)
        The images.

    Yields
    ------
    block : ndarray
        A part of them.
    """
    if isinstance(images, ChunkedImages):
        yield from images.blocks()
        return
    images = np.asarray(images)
    step = BLOCK_VOXELS // max(1, math.prod(images.shape[1:]))
    if step == 0:
        for part in images:
            yield from blocks_of(part)
    for start in range(0, len(images) if step else 0, max(1, step)):
        yield images[start : start + step]


def is_chunked(array) -> bool:
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
            raise ValueError(f"X must hold finite numbers, got NaN or infinity; {IN_MEMORY}.")

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
            chunks = getattr(part, "chunks", None)
            edges = _edges(sides, chunks or [1] * (len(sides) - 2) + list(sides[-2:]))
            for place in product(*(starmap(slice, pairwise(ends)) for ends in edges)):
                yield np.asarray(part[place])

    def windows(self, index: np.ndarray, places: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """Return windows, read as :func:`windows_of` reads them.

        Parameters
        ----------
        index : ndarray of shape (m,)
            Which image each window is of.
        places : ndarray of shape (m, n_axes)
            First voxel of each window.
        shape : tuple of int
            Sides of a window.

        Returns
        -------
        windows : ndarray of shape (m, *shape)
            Parts of the images.
        """
        if not self._apart:
            firsts = np.column_stack([index, places])
            return windows_of(self._parts[0], firsts, (1, *shape))[:, 0]
        windows = np.empty((len(index), *shape), self.dtype)
        for k in np.unique(index):
            chosen = index == k
            windows[chosen] = windows_of(self._parts[k], places[chosen], shape)
        return windows

    def __getitem__(self, place):
        if not self._apart:
            return np.asarray(self._parts[0][place])
        if isinstance(place, slice):
            return np.stack([np.asarray(part[...]) for part in self._parts[place]])
        k, *windows = place if isinstance(place, tuple) else (place,)
        return np.asarray(self._parts[k][tuple(windows)])


def windows_of(array, places, shape):
    """Return windows of a chunked array; where many lie in a chunk, it is read once for all.

    Parameters
    ----------
    array : chunked array
        What windows are parts of.
    places : ndarray of shape (m, n_axes)
        First voxel of each window.
    shape : tuple of int
        Sides of a window.

    Returns
    -------
    windows : ndarray of shape (m, *shape)
        The same values as one by one.
    """
    chunks = getattr(array, "chunks", None)
    touched, edges = {}, []
    if chunks:
        edges = _edges(array.shape, chunks)
        for row, place in enumerate(places):
            for chunk in product(*map(_met, edges, place, shape)):
                touched.setdefault(chunk, []).append(row)
    # A window in chunks that no other window needs is read at once, all of its chunks together.
    if sum(map(len, touched.values())) < WORTH_SORTING * len(touched) or not touched:
        return np.stack([np.asarray(array[_box(place, place + shape)]) for place in places])
    windows = np.empty((len(places), *shape), array.dtype)
    for chunk, rows in touched.items():
        low = np.array([ends[k] for ends, k in zip(edges, chunk, strict=True)])
        high = np.array([ends[k + 1] for ends, k in zip(edges, chunk, strict=True)])
        firsts = np.maximum(places[rows], low)
        lasts = np.minimum(places[rows] + shape, high)
        corner = firsts.min(axis=0)
        read = np.asarray(array[_box(corner, lasts.max(axis=0))])
        for row, first, last in zip(rows, firsts, lasts, strict=True):
            inside = _box(first - places[row], last - places[row])
            windows[(row, *inside)] = read[_box(first - corner, last - corner)]
    return windows


def _edges(sides, chunks):
    """Return where the chunks along each axis begin, and where the last one ends."""
    return [
        np.cumsum([0, *steps]).tolist()
        if isinstance(steps, tuple)
        else [*range(0, side, steps), side]
        for side, steps in zip(sides, chunks, strict=True)
    ]


def _met(ends, first, side):
    """Return the numbers of the chunks along an axis that a window meets."""
    return range(bisect_right(ends, first) - 1, bisect_left(ends, first + side))


def _box(low, high):
    return tuple(map(slice, low.tolist(), high.tolist()))
