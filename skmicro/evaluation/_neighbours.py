"""Density and coverage for many divisions of the same images into two groups.

The radius of a ball is the distance to the k-th neighbour *of its own group*, and changes with
every division. From the nearest neighbours of each image among all of them, in the order of their
distance, balls and what lies in them are counted by cumulative sums.
"""

import numpy as np
from scipy.spatial.distance import cdist

SHARE = 8
"""Neighbours looked at, over those expected up to the k-th of the own group."""


ROUNDING = 1e-9
"""Distances whose difference is less than this, over the largest distance, tie."""


def nearest(features, n_neighbors, share, rng):
    """Return the nearest images of each image, nearest first and ties in random order.

    Parameters
    ----------
    features : ndarray of shape (n, n_features)
        Features of both groups.
    n_neighbors : int
        Neighbours k that a ball reaches to.
    share : float
        Share of the images in the group that balls are around.
    rng : numpy.random.Generator
        Order of ties.

    Returns
    -------
    order : ndarray of shape (n, n_nearest), integers
        Indices of images.
    """
    distances = cdist(features, features)
    # Any fixed order of ties separates the groups, one of which comes first.
    distances += rng.random(distances.shape) * (ROUNDING * (distances.max() or 1.0))
    np.fill_diagonal(distances, np.inf)
    n_nearest = min(len(features) - 1, int(np.ceil(SHARE * n_neighbors / share)))
    order = np.argpartition(distances, n_nearest - 1, axis=1)[:, :n_nearest]
    ranks = np.argsort(np.take_along_axis(distances, order, axis=1), axis=1)
    return np.take_along_axis(order, ranks, axis=1)


def density_and_coverage(order, n_neighbors):
    """Return density and coverage as functions of the weights of all images in the two groups.

    Balls are around the images of the second group. Where more than ``order`` holds would be needed
    the ball ends there.
    """

    def inside(reference):
        """Return how many images of the other group lie in the ball around each image."""
        own = reference[order]
        return ((np.cumsum(own, axis=1) < n_neighbors) & ~own).sum(axis=1)[reference]

    def density(u, v):
        n_samples = (u > 0).sum(axis=1)
        return np.array([inside(w > 0).sum() for w in v]) / (n_neighbors * n_samples)

    def coverage(u, v):
        return np.array([(inside(w > 0) > 0).mean() for w in v])

    return density, coverage
