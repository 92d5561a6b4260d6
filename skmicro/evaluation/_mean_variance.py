"""How far the mean of images of a random material is from that of the material.

The variance of the mean of a field over images of V voxels is the sum of its covariance C over all
pairs of voxels. It is estimated from the images themselves, as the spectral density at frequency
zero is:

    s^2 = sum_h k(h) P(h) / (V^2 (1 - K)) ,

with P(h) the sum over all pairs at lag h of products of deviations from the mean of the images,
and k a weight that is 1 as far as the field is correlated and falls to 0 at twice that length
(Politis and Romano 1995). That the mean is the images' own makes P too small by K s^2 V^2, where K
is the weighted share of pairs. The lag up to which the field is correlated is the smallest one
after which the radial correlation stays within its noise (Politis 2003).

Few independent pieces make s^2 itself uncertain: it varies as a chi-square of about

    2 V^2 / sum_h 2 k(h)^2 N(h)

degrees of freedom, with N(h) the pairs, so that quantiles are those of Student's t.
"""

from functools import reduce
from typing import NamedTuple

import numpy as np
import torch

from ..descriptors import correlation_map, map_lags, n_pairs_along

THRESHOLD = 2.0
"""Correlations count that are larger than so many standard deviations of their noise."""
SMALL = 0.1
"""Correlation below which the range is looked for by noise."""
MOST_SHARE = 0.95
LEAST_VARIANCE = 0.25
"""Of that of independent pieces as large as the correlated core: weights may be negative."""


class MeanVariance(NamedTuple):
    """Mean of images, the variance of it, and how well that is known.

    Attributes
    ----------
    mean : float
        Mean over images and voxels.
    variance : float
        Estimated variance of the mean.
    degrees_of_freedom : float
        Of the variance.
    """

    mean: float
    variance: float
    degrees_of_freedom: float


def mean_variance(fields, periodic):
    """Return the :class:`MeanVariance` of fields (n, *spatial), independent of each other."""
    mean = float(np.mean(fields, dtype=np.float64))
    products, pairs, lengths = products_of(fields, mean, periodic)
    total = float(fields.size)
    at_zero = products[lengths == 0].item()
    if at_zero <= 0:
        return MeanVariance(mean, 0.0, np.inf)
    correlated, core = range_of(products, pairs, lengths, fields.shape[1:], total)
    weights = np.clip(2.0 - lengths / correlated, 0.0, 1.0)
    share = min((weights * pairs).sum() / total**2, MOST_SHARE)
    variance = (weights * products).sum() / total**2 / (1.0 - share)
    least = LEAST_VARIANCE * at_zero / total * core / total
    freedom = total**2 / (weights**2 * pairs).sum()
    return MeanVariance(mean, float(max(variance, least)), float(max(freedom, 1.0)))


def products_of(fields, mean, periodic):
    """Return sums of products of deviations by lag, the pairs, and the lengths of lags."""
    shape = fields.shape[1:]
    options = {"periodic": periodic, "max_lag": None if periodic else max(shape) - 1}
    lags = map_lags(shape, **options)
    sides = zip(lags, shape, strict=True)
    pairs = reduce(np.multiply.outer, [n_pairs_along(lag, side, periodic) for lag, side in sides])
    covariance = 0.0
    for field in fields:
        deviations = torch.as_tensor(field - mean, dtype=torch.float64)[None]
        covariance = covariance + correlation_map(deviations, **options)[0].numpy()
    squares = reduce(np.add.outer, [np.square(lag, dtype=float) for lag in lags])
    return covariance * pairs, len(fields) * pairs, np.sqrt(squares)


def range_of(products, pairs, lengths, shape, total):
    """Return the lag up to which fields are correlated, and the voxels of the correlated core."""
    largest = max(1, min([side for side in shape if side > 1] or [1]) // 2)
    bins = np.floor(lengths + 0.5).astype(int)
    chosen = bins <= largest
    sums, counts, shells = (
        np.bincount(bins[chosen], values, largest + 1)
        for values in (products[chosen], pairs[chosen], np.ones(chosen.sum()))
    )
    correlation = sums / counts / (sums[0] / counts[0])
    small = np.flatnonzero(correlation < SMALL)
    first = int(small[0]) if len(small) else largest
    core = max(1.0, float((correlation * shells)[: max(1, first)].sum()))
    for lag in range(first, largest + 1):
        run = slice(lag, lag + first + 1)
        pieces = total / core * np.maximum(1.0, shells[run] / core)
        if (np.abs(correlation[run]) < THRESHOLD / np.sqrt(pieces)).all():
            return max(lag, 1), core
    return largest, core
