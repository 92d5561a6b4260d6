"""Clipped density and coverage as functions of weights, and what calibrates them.

``density(a, b, k)`` and ``coverage(a, b, k)`` compare a sample a with a reference b, and return
``metric(u, v)`` as the functions of :mod:`._weighted` do. Rows of ``u`` have to be multiples of
1 / n: how often each of n samples was drawn.
"""

import numpy as np
from scipy.spatial.distance import cdist
from scipy.stats import betabinom

from . import _weighted


def density(samples, reference, n_neighbors):
    """Share of good samples, by the balls around reference points that samples lie in."""
    distances = _weighted.distances_to_others(reference)
    balls = _weighted.balls_around(distances, n_neighbors)
    limit = np.median(balls.radii)
    cut = balls.radii > limit * (1 + 1e-9)
    radii = np.minimum(balls.radii, limit)

    def within(distances, share):
        inside, tied = _weighted.inside_and_tied(distances, radii)
        # What lies on a ball that was cut was inside it.
        return np.where(tied, np.where(cut, 1.0, share), inside).T

    of_samples = within(cdist(samples, reference), balls.share)
    of_reference = within(distances, balls.missing / balls.tied)

    def contributions(weights, within):
        return np.minimum((weights @ within) * (len(reference) / n_neighbors), 1)

    def metric(u, v):
        value = (u * contributions(v, of_samples)).sum(axis=1)
        ideal = (v * contributions(v, of_reference)).sum(axis=1)
        return np.minimum(value / ideal, 1)

    return metric


def coverage(samples, reference, n_neighbors):
    """Share of good samples, by how many of them lie in the balls around reference points."""
    n, m = len(samples), len(reference)
    balls = _weighted.balls_around(_weighted.distances_to_others(reference), n_neighbors)
    inside, tied = _weighted.inside_and_tied(cdist(samples, reference), balls.radii)
    inside, tied = inside.astype(float), tied.astype(float)
    expected = expected_coverage(np.arange(n + 1), m, n_neighbors)

    def metric(u, v):
        # The numbers are whole, but for the rounding of shares.
        n_inside, n_tied = np.rint(n * (u @ inside)), np.rint(n * (u @ tied))
        held = np.minimum(n_inside, n_neighbors)
        room = n_neighbors - held
        _, ball = where = np.nonzero((n_tied > 0) & (room > 0))
        missing = balls.missing[ball]
        held[where] += _expected_least(
            room[where], n_tied[where], missing, balls.tied[ball] + 1 - missing
        )
        return np.interp((held * v).sum(axis=1) / n_neighbors, expected, np.arange(n + 1) / n)

    return metric


def expected_coverage(n_samples, n_reference, n_neighbors):
    """Return the mean of ``min(number of samples in a ball, k) / k`` where both sets are alike.

    The ball around one of m points that reaches to its k-th neighbour has a mass of the
    distribution Beta(k, m - k), whatever the distribution of the points is.
    """
    limit = np.full(np.shape(n_samples), n_neighbors)
    rest = n_reference - n_neighbors
    return _expected_least(limit, n_samples, n_neighbors, rest) / n_neighbors


def _expected_least(limit, n, a, b):
    """Return the expectation of ``min(J, limit)`` of beta-binomial numbers J of n, a and b."""
    lacking = sum(
        np.maximum(limit - j, 0) * betabinom.pmf(j, n, a, b)
        for j in range(int(np.max(limit, initial=0)))
    )
    return limit - lacking
