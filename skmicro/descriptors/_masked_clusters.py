"""Clusters of a phase where some voxels are not known: the mask is a border like any other."""

from functools import cache

import numpy as np
from scipy import ndimage

from ..images import known_shares
from ._labelling import label_stack


def statistics_of_known(as_cut, mask, known, *, windows, corners):
    """Return the statistics of clusters of known voxels, (n, 4).

    Out of those of the pieces as they are cut, by the borders and by what is unknown; the number is
    that of a material if images are ``windows`` of it.
    """
    statistics = as_cut.copy()
    for row, phase, certain in zip(statistics, mask, known, strict=True):
        labels = label_stack(phase[None], corners)[0][0]
        certain = certain.reshape(labels.shape)
        row[0] *= certain.size / np.count_nonzero(certain)
        row[3] = _percolation(labels, certain)
        if windows:
            row[0] = _density(labels, certain)
    return statistics


def _density(labels, known):
    """Return clusters per voxel, of those in a box all of whose surroundings are known.

    Each weighs the inverse of the number of places where such a box is known. Axes of up to two
    voxels, without room for surroundings, are taken as a whole.
    """
    thick = np.array(labels.shape) > 2
    n_places = cache(lambda sides: np.count_nonzero(known_shares(~known, sides) == 1))
    density = 0.0
    for box in ndimage.find_objects(labels):
        low = np.where(thick, [part.start - 1 for part in box], 0)
        high = np.where(thick, [part.stop + 1 for part in box], labels.shape)
        inside = (low >= 0).all() and (high <= labels.shape).all()
        if inside and known[tuple(map(slice, low, high))].all():
            density += 1 / n_places(tuple((high - low).tolist()))
    return density


def _percolation(labels, known):
    """Return the share of the axes whose first and last known layers have a label in common."""
    part = labels[ndimage.find_objects(known.astype(np.uint8))[0]]
    axes = range(part.ndim)
    ends = ((part.take(0, axis), part.take(-1, axis)) for axis in axes)
    return np.mean([np.intersect1d(first, last).any() for first, last in ends])
