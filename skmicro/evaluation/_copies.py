"""Rows of a report on copies of training images.

A few copies among many images move no mean, and no permutation test can see them: four
of 120 images that lie above all real ones are as unlikely as one in sixteen. The largest
correlation is therefore also tested against the distribution of the real ones. Correlations are
maxima over many training images and places, whose distribution nears that of Gumbel; then
``(max generated - mean real) / spread real`` has a distribution without parameters but the numbers
of images, found by simulation. Where real images are nearly copies of each other, as small ones can
be, a copy is nothing unusual and is not seen.
"""

import numpy as np
from scipy.stats import binomtest

from .. import _random
from . import _weighted
from ._draws import EXTREMES, evenly_chosen
from ._local_memorisation import comparisons_per_image, local_memorisation
from ._memorisation import memorisation, symmetry_count
from ._ruler import SHARES

MAX_COMPARISONS = 2_000_000
MIN_COMPARED = 32
"""Bounds of the search for copies: comparisons in all, images in any case."""

MAX_PRODUCTS = 10**11
MIN_LOCALLY_COMPARED = 8
"""Bounds of the search for parts: products of numbers in all, images in any case."""

N_SIMULATED = 10_000


def look_for_copies(ruler, sets, training):
    """Add the rows of memorisation; their baseline are the test images.

    Returns the indices of the generated images that were compared as a whole, and their
    correlations.
    """
    shape, n_training = training.shape[1:], len(training)
    per_image = n_training * symmetry_count(shape)
    rows = _rows(sets, max(MIN_COMPARED, MAX_COMPARISONS // per_image))
    found = [memorisation(images[index], training) for images, index in _pairs(sets, rows)]
    ruler.compare_values("memorisation mean", _weighted.mean, *found, SHARES, rows)
    ruler.compare_values("memorisation p95", _weighted.percentile_95, *found, SHARES, rows)
    if np.ptp(found[1]) > 0:
        p_value = extreme_p_value(*found, ruler.seed)
        ruler.add_separate("memorised share", *_share_above(*found), p_value)
    compared = rows[0], found[0]
    per_image = comparisons_per_image(shape, n_training)
    rows = _rows(sets, max(MIN_LOCALLY_COMPARED, MAX_PRODUCTS // per_image))
    found = [local_memorisation(images[index], training) for images, index in _pairs(sets, rows)]
    ruler.compare_values("local memorisation mean", _weighted.mean, *found, SHARES, rows)
    return compared


def extreme_p_value(generated, real, seed):
    """Return how likely the largest correlation is if generated images are like real ones.

    Parameters
    ----------
    generated, real : ndarray of shape (n,) and (m,)
        Largest correlations of images with training images.
    seed : int
        Seed of the simulation.

    Returns
    -------
    p_value : float
        At least ``1 / 10_001``.
    """
    found = (generated.max() - real.mean()) / real.std()
    rng = _random.numpy_generator(seed, EXTREMES)
    n_rows = max(1, 2**20 // len(real))
    n_above = 0
    for start in range(0, N_SIMULATED, n_rows):
        n_draws = min(n_rows, N_SIMULATED - start)
        largest = rng.gumbel(np.log(len(generated)), size=n_draws)
        others = rng.gumbel(size=(n_draws, len(real)))
        n_above += np.sum((largest - others.mean(1)) / others.std(1) >= found)
    return float((1 + n_above) / (1 + N_SIMULATED))


def _share_above(generated, real):
    """Share of images above the largest value of real ones, and the same of other real images."""
    n, m = len(generated), len(real)
    value = float((generated > real.max()).mean())
    counted = binomtest(int((generated > real.max()).sum()), n).proportion_ci(method="wilson")
    # Of n + m alike, k + 1 of the n are the largest with a chance that falls as k grows.
    chances = np.cumprod((n - np.arange(n)) / (n + m - np.arange(n)))
    beyond = np.flatnonzero(chances <= 0.025)
    n_usual = beyond[0] if len(beyond) else n
    return (value, float(counted.low), float(counted.high)), (
        float(chances.sum() / n),
        0.0,
        float(n_usual / n),
    )


def _rows(sets, n):
    """Return the indices of at most n generated and n test images."""
    return tuple(evenly_chosen(len(images), n) for images in (sets.samples, sets.reference))


def _pairs(sets, rows):
    return zip((sets.samples, sets.reference), rows, strict=True)
