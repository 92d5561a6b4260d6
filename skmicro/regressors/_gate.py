"""Do generated images have the properties of the real ones? Distances between distributions.

The distance is that of Wasserstein between the values of one output, in units of their standard
deviation among the real images. What it is between real images themselves, the baseline, is
measured with random halves of them.
"""

import numpy as np
from scipy.stats import wasserstein_distance

from .._random import numpy_generator
from .._warnings import warn_user
from ..exceptions import DistributionWarning

N_SPLITS = 20
HALVES = 3
"""Stream of a seed that halves are drawn from."""
LARGEST_RATIO = 2.0
"""Distance, in units of the baseline, up to which two distributions count as the same."""


def distances(values, real):
    """Return the Wasserstein distance of each column to the same of ``real``, (n_outputs,)."""
    return _distances(values, real) / spread(real)


def baseline(real, seed):
    """Return the mean distance between random halves of real values, (n_outputs,)."""
    rng = numpy_generator(seed, HALVES)
    halves = (np.array_split(rng.permutation(real), 2) for _ in range(N_SPLITS))
    return np.mean([_distances(a, b) for a, b in halves], axis=0) / spread(real)


def passing(values, real, distances, baseline, *, closed):
    """Return the rows of ``values`` to go on with, and warn where they are distributed otherwise.

    Parameters
    ----------
    values, real : ndarray of shape (n, n_outputs), (n_real, n_outputs)
        Properties of generated and of real images.
    distances, baseline : ndarray of shape (n_outputs,)
        What :func:`distances` and :func:`baseline` tell of them.
    closed : bool
        Whether only those pass that :func:`admitted` returns, where all would move a distribution.

    Returns
    -------
    rows : ndarray of int
        Ascending.
    """
    rows, largest = np.arange(len(values)), LARGEST_RATIO * baseline
    if (distances <= largest).all():
        return rows
    taken = "all"
    if closed:
        rows = admitted(values, real, largest)
        taken = len(rows)
    worst = int(np.argmax(distances / np.maximum(baseline, 1e-12)))
    warn_user(
        f"Targets of the {len(values)} generated images are not distributed like y: column "
        f"{worst} has a Wasserstein distance of {distances[worst]:.3g} standard deviations, the "
        f"baseline between halves of y is {baseline[worst]:.3g}; {taken} of them are added.",
        DistributionWarning,
    )
    return rows


def admitted(values, real, largest):
    """Return the rows of ``values`` that keep their distribution near that of ``real``.

    Each row counts for the real row nearest to it, all columns in units of their spread; every
    real row takes the same number of rows at the most, those nearest to it. The largest number
    with which no distance exceeds ``largest`` is taken; where there is none, no row is admitted.

    Parameters
    ----------
    values : ndarray of shape (n, n_outputs)
        Properties of generated images.
    real : ndarray of shape (n_real, n_outputs)
        Properties of real images.
    largest : ndarray of shape (n_outputs,)
        Largest distance of each column.

    Returns
    -------
    rows : ndarray of int
        Ascending.
    """
    apart = np.linalg.norm((values[:, None] - real[None]) / spread(real), axis=2)
    nearest = apart.argmin(axis=1)
    order = np.lexsort((apart.min(axis=1), nearest))
    first = np.searchsorted(nearest[order], nearest[order])
    rank = np.empty(len(values), dtype=int)
    rank[order] = np.arange(len(values)) - first
    for n_each in range(rank.max() + 1, 0, -1):
        rows = np.flatnonzero(rank < n_each)
        if (distances(values[rows], real) <= largest).all():
            return rows
    return np.zeros(0, dtype=int)


def _distances(a, b):
    """Return the Wasserstein distance of each column of ``a`` to that of ``b``."""
    return np.array([wasserstein_distance(x, y) for x, y in zip(a.T, b.T, strict=True)])


def spread(real):
    """Return the standard deviation of each column, 1 for those that are constant.

    Squares of values near the ends of the floating-point range do not enter.
    """
    above = real - real.min(axis=0)
    largest = above.max(axis=0)
    largest = np.where(largest > 0, largest, 1.0)
    deviation = largest * (above / largest).std(axis=0)
    return np.where(deviation > 0, deviation, 1.0)
