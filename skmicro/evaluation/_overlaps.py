"""Overlapping images, as patches of one scan do, found by hashes of windows.

Wherever two patches overlap by a third of their sides, the overlap holds a corner of one of them.
The windows in all corners are looked up among those at all places of the other images by a
polynomial hash, and what is found counts only if the whole overlap is equal, and has more interface
than would recur by chance.
"""

import math
from itertools import product

import numpy as np

from ._draws import evenly_chosen

MIN_SIDE = 8
"""Sides of the smallest window; smaller ones recur by chance."""

MIN_CROSSINGS = 3
"""Sides of the window that interfaces in a shared piece have to be long; less recurs by chance."""

MAX_VOXELS, MIN_IMAGES = 2**20, 8
"""Voxels looked at, and images in any case."""

MAX_PLACES = 4
"""Places compared for each corner."""

MULTIPLIERS = tuple(
    np.uint64(m) for m in (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9)
)


def sharing(images, others=None):
    """Return which images overlap with another one.

    Parameters
    ----------
    images : ndarray of shape (n, *spatial)
        The images.
    others : ndarray of shape (m, *spatial), optional
        Images to compare with, instead of with each other.

    Returns
    -------
    shared : ndarray of shape (n_looked_at,), bool
        For as many images as ``MAX_VOXELS`` allow.
    """
    shape = images.shape[1:]
    window = tuple(max(MIN_SIDE, side // 3) for side in shape)
    if any(w > side for w, side in zip(window, shape, strict=True)):
        return np.zeros(len(images), bool)
    images = _some(images)
    others, among = (images, True) if others is None else (_some(others), False)
    corners = list(product(*((0, side - w) for w, side in zip(window, shape, strict=True))))
    hashes = _hashes(images, window)
    probes = np.stack([hashes[(slice(None), *corner)] for corner in corners], axis=1)
    places = _places(probes, hashes if among else _hashes(others, window))
    shared = np.zeros(len(images), bool)
    for i, k, j, place in places:
        if among and i == j:
            continue
        shift = np.subtract(place, corners[k])
        if not shared[i] and _equal(images[i], others[j], shift):
            shared[i] = True
            if among:
                shared[j] = True
    return shared


def _some(images):
    n = max(MIN_IMAGES, MAX_VOXELS // math.prod(images.shape[1:]))
    return images[evenly_chosen(len(images), n)]


def _hashes(images, window):
    """Return a number for the window that begins at each place, (n, *places)."""
    values = np.ascontiguousarray(images, dtype=float).view(np.uint64)
    for axis, (length, multiplier) in enumerate(zip(window, MULTIPLIERS, strict=False), 1):
        n_places = values.shape[axis] - length + 1
        total = np.zeros_like(np.take(values, range(n_places), axis))
        for k in range(length):
            total *= multiplier
            total += values.take(range(k, k + n_places), axis)
        values = total ^ (total >> np.uint64(29))
    return values


def _places(probes, hashes):
    """Yield image and corner of each probe with image and place of an equal hash."""
    order = np.argsort(hashes, axis=None)
    ordered = hashes.ravel()[order]
    first = np.searchsorted(ordered, probes, side="left")
    last = np.searchsorted(ordered, probes, side="right")
    for i, k in np.argwhere(last - first > 0):
        for at in order[first[i, k] : min(last[i, k], first[i, k] + MAX_PLACES)]:
            j, *place = np.unravel_index(at, hashes.shape)
            yield i, k, j, place


def _equal(image, other, shift):
    """Tell whether an image equals what lies under it in another one, moved by some voxels."""
    own = tuple(
        slice(max(0, -d), side - max(0, d)) for d, side in zip(shift, image.shape, strict=True)
    )
    under = tuple(
        slice(max(0, d), side - max(0, -d)) for d, side in zip(shift, image.shape, strict=True)
    )
    piece = image[own]
    if not (piece == other[under]).all():
        return False
    length = sum(np.count_nonzero(np.diff(piece, axis=axis)) for axis in range(piece.ndim))
    return length >= MIN_CROSSINGS * max(piece.shape) ** (piece.ndim - 1)
