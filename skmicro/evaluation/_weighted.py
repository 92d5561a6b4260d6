r"""Metrics as functions of weights, so that one function serves the value and its bootstrap.

A metric compares a sample a with a reference b. Each function here takes their rows and
returns ``metric(u, v)``: row k of ``u``, of shape (n_draws, n), weights the images of the
sample, row k of ``v``, (n_draws, m), those of the reference, and every row sums to one.
Equal weights give the value itself. The shares in which a bootstrap draws the images
give its replicates, many at once, without a copy of any image (Efron 1979).

**Interval.** Resampling adds the noise of the sample once more, which moves distances up:
the replicates of a distance between two equal distributions lie above it. The interval
is made of their quantiles, moved so that their median is the value:

    [t + q_0.025 - q_0.5,  t + q_0.975 - q_0.5].

The bias that finite samples give to t itself stays. A metric and its baseline have it in
common, being computed from equally many images.
"""

from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist
from sklearn.metrics import euclidean_distances

CONSTANT = 1e-6
"""Spread, in units of the largest value, below which a component counts as constant."""


def bootstrap_weights(blocks, n_draws, rng):
    """Return the shares in which each draw picks the rows, whole blocks of them, (n_draws, n)."""
    _, block = np.unique(blocks, return_inverse=True)
    n_blocks = block.max() + 1
    counts = rng.multinomial(n_blocks, np.full(n_blocks, 1 / n_blocks), size=n_draws)
    picked = counts[:, block]
    return picked / picked.sum(axis=1, keepdims=True)


def value_of(metric, n, m):
    """Return a metric for n and m images of equal weights."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(metric(np.full((1, n), 1 / n), np.full((1, m), 1 / m))[0])


def value_and_interval(metric, u, v, bounds=(-np.inf, np.inf)):
    """Return the value of a metric and the ends of its 95 % interval, which keep the bounds."""
    value = value_of(metric, u.shape[1], v.shape[1])
    with np.errstate(divide="ignore", invalid="ignore"):
        replicates = metric(u, v)
    replicates = replicates[np.isfinite(replicates)]
    if not len(replicates):
        return value, value, value
    low, middle, high = np.quantile(replicates, [0.025, 0.5, 0.975])
    low, high = np.clip([value + low - middle, value + high - middle], *bounds)
    return value, float(low), float(high)


def spread_of(reference):
    """Return the standard deviation of each column, (n, d) -> (d,); 1 where it is constant."""
    spread = reference.std(axis=0)
    constant = spread <= CONSTANT * np.abs(reference).max(axis=0)
    return np.where(constant, 1.0, spread)


def mean(a, b):
    """Mean of the values of the sample, ``<a>``."""
    return lambda u, v: u @ a


def ratio(a, b):
    """Ratio of the mean values, ``<a> / <b>``."""
    return lambda u, v: (u @ a) / (v @ b)


def percentile_95(a, b):
    """95th percentile of the values of the sample."""
    order = np.argsort(a)

    def metric(u, v):
        reached = np.cumsum(u[:, order], axis=1) > 0.95 - 1e-9
        return a[order][reached.argmax(axis=1)]

    return metric


def spread_ratio(a, b):
    """Ratio of the standard deviations of the values."""
    both = np.concatenate([a, b])
    a, b = ((values - both.mean()) / spread_of(both) for values in (a, b))

    def metric(u, v):
        own, real = (w @ np.square(x) - np.square(w @ x) for w, x in ((u, a), (v, b)))
        return np.sqrt(np.maximum(own, 0) / np.maximum(real, 0))

    return metric


def outside(a, b):
    """Share of the values of either set that lie beyond all those of the other."""

    def metric(u, v):
        beyond = 0.0
        for x, y in ((a, b), (-a, -b)):
            highest, of_other = (
                np.where(w > 0, values, -np.inf).max(axis=1, keepdims=True)
                for w, values in ((u, x), (v, y))
            )
            beyond += (u * (x > of_other)).sum(axis=1) + (v * (y > highest)).sum(axis=1)
        return beyond

    return metric


def mean_distance(a, b):
    """Distance of the means, ``||<a> - <b>||``."""
    return lambda u, v: np.linalg.norm(u @ a - v @ b, axis=1)


def relative_error(a, b):
    """Relative error of the mean, ``||<a> - <b>|| / ||<b>||``."""

    def metric(u, v):
        means = v @ b
        return np.linalg.norm(u @ a - means, axis=1) / np.linalg.norm(means, axis=1)

    return metric


def wasserstein(a, b):
    """1-Wasserstein distance of each component over its spread in b, averaged."""
    # The area between two step functions: steps at the sorted values, weights as heights.
    values = np.concatenate([a, b])
    order = np.argsort(values, axis=0)
    gaps = np.diff(np.take_along_axis(values, order, axis=0), axis=0) / spread_of(b)

    def distance(weights):
        difference = np.cumsum(weights[order[:-1]], axis=0)
        return float(np.vdot(np.abs(difference, out=difference), gaps)) / a.shape[1]

    return lambda u, v: np.array(
        [distance(np.concatenate([w, -x])) for w, x in zip(u, v, strict=True)]
    )


class Balls(NamedTuple):
    """Balls around the points of a reference that reach to their k-th neighbour.

    Of k neighbours ``missing`` ones are not strictly inside, but among the ``tied`` ones whose
    distance is the radius.
    """

    radii: np.ndarray
    missing: np.ndarray
    tied: np.ndarray

    @property
    def share(self):
        """Probability that a point at the radius is within, if ties are broken at random."""
        return self.missing / (self.tied + 1)


def balls_around(distances, n_neighbors):
    """Return the balls of a reference with these distances (m, m), infinite on the diagonal."""
    radii = np.partition(distances, n_neighbors - 1, axis=0)[n_neighbors - 1]
    inside, tied = inside_and_tied(distances, radii)
    return Balls(radii, n_neighbors - inside.sum(axis=0), tied.sum(axis=0))


def inside_and_tied(distances, radii):
    """Tell which points lie strictly inside which balls, and which on them, twice (n, m)."""
    # Features that are counts tie, whichever way their distance was rounded.
    inside = distances < radii * (1 - 1e-9)
    return inside, ~inside & (distances <= radii * (1 + 1e-9))


def distances_to_others(reference):
    """Return the distances of the rows of a reference, infinite from a row to itself, (m, m)."""
    distances = cdist(reference, reference)
    np.fill_diagonal(distances, np.inf)
    return distances


def within_neighbourhoods(samples, reference, n_neighbors):
    """Return how far samples lie in the ball of a reference point and its k neighbours, (n, m).

    1 strictly inside, 0 outside. On the sphere it is the probability to be among the k nearest
    if ties are broken at random: of t neighbours in the reference at this distance, k - s belong
    to the ball, s being inside; one more point comes before the last of these with probability
    ``(k - s) / (t + 1)``.
    """
    balls = balls_around(distances_to_others(reference), n_neighbors)
    inside, tied = inside_and_tied(cdist(samples, reference), balls.radii)
    return np.where(tied, balls.share, inside)


def density(within, n_neighbors):
    """Mean number of balls around a sample over k, from :func:`within_neighbourhoods`."""
    m = within.shape[1]
    return lambda u, v: ((u @ within) * v).sum(axis=1) * m / n_neighbors


def coverage(within):
    """Share of the closed balls that hold a sample, from :func:`within_neighbourhoods`."""
    return lambda u, v: (((u > 0).astype(float) @ within > 0) * v).sum(axis=1)


def mean_pair_distance(a):
    """Return the function of weights that gives the mean distance of two different rows."""
    distances = euclidean_distances(a)
    # A row is no pair with itself, nor with its repetitions in a bootstrap.
    return lambda u: ((u @ distances) * u).sum(axis=1) / (1 - np.square(u).sum(axis=1))


def diversity_ratio(a, b):
    """Mean distance of two rows of a over that of b."""
    own, real = mean_pair_distance(a), mean_pair_distance(b)
    return lambda u, v: own(u) / real(v)
