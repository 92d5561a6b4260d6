"""Collects metrics, each with its interval, its baseline and its p-value."""

from typing import NamedTuple

import numpy as np

from .. import _random
from ..reports import Metric
from . import _weighted
from ._draws import BOOTSTRAP, DIVISIONS
from ._exchange import adjusted_p_values, divide, over_divisions
from ._sets import ThreeSets

N_DIVISIONS = 1000
"""Divisions of generated and test images, with the one as it is."""

N_SPLITS = 100
"""Divisions of the real images that a baseline is the mean over."""

N_SHOWN = 10
"""Divisions for a metric that is not tested."""

POSITIVE, SHARES = (0.0, np.inf), (0.0, 1.0)
ANY = (-np.inf, np.inf)
OF_METRICS, OF_COPIES = 0.8, 0.2
"""Shares that the tests of all metrics and of copies have of the chance of a false alarm."""


class Row(NamedTuple):
    """A metric, and its values for all divisions of generated and test images."""

    metric: Metric
    statistics: np.ndarray


class Ruler:
    """Measures features of generated images by those of real ones.

    Parameters
    ----------
    blocks : ThreeSets
        For the images of each set the block that it belongs to.
    seed : int
        Seed of the report.
    n_bootstrap : int
        Resamplings for the intervals.
    """

    def __init__(self, blocks, seed, n_bootstrap):
        rng = _random.numpy_generator(seed, DIVISIONS)
        self.blocks = blocks
        self.seed = seed
        self.n_bootstrap = n_bootstrap
        self._tested = divide(blocks.samples, blocks.reference, N_DIVISIONS, rng)
        self._real = divide(blocks.part, blocks.reference, N_SPLITS, rng)
        self._rows = []
        self._separate = []

    def compare(self, name, build, sets, bounds=ANY, *, distance=False, pooled=None, rows=None):
        """Add the metric ``build(a, b)(u, v)``; leave it out where it is not a number.

        Parameters
        ----------
        name : str
            Name of the metric.
        build : callable
            Takes features of two sets, returns a function of their weights, or None.
        sets : ThreeSets
            Features of the images.
        bounds : tuple of float
            Values that the metric can have.
        distance : bool
            Whether only large values speak against the generator, or small ones as well.
        pooled : callable, optional
            Takes the features of all images of two sets, returns the function of weights.
        rows : ThreeSets, optional
            Indices of the images that ``sets`` are for.
        """
        pooled = pooled or _of_all(build)
        metric = build(sets.samples, sets.reference)
        if metric is None:
            return
        weights = self._bootstrap(rows)
        value = _weighted.value_and_interval(metric, *weights, bounds)
        splits = self._over(pooled, sets.part, sets.reference, self._real, rows and rows[1:])
        if splits is None:
            return
        tested = rows and (rows.samples, rows.reference)
        statistics = self._over(pooled, sets.samples, sets.reference, self._tested, tested)
        self._add(name, value, _mean_and_range(splits), statistics, distance)

    def show(self, name, build, sets, bounds, rows):
        """Add a metric that is too slow to be tested; the baseline has few divisions.

        Parameters as of :meth:`compare`; ``rows`` are not None.
        """
        value = _weighted.value_and_interval(
            build(sets.samples, sets.reference), *self._bootstrap(rows), bounds
        )
        both = np.concatenate([sets.part, sets.reference])
        chosen = self._chosen(self._real, rows[1:])
        splits = []
        for first in self._real[:N_SHOWN, chosen]:
            a, b = both[first], both[~first]
            splits.append(_weighted.value_of(build(a, b), len(a), len(b)))
        baseline = _mean_and_range(np.array(splits))
        if np.isfinite([*value, *baseline]).all():
            self._separate.append(Metric(name, *value, *baseline, np.nan))

    def compare_values(self, name, build, generated, real, bounds, rows):
        """Add a metric of generated images alone; its baseline is that of the test images.

        Larger values speak against the generator. ``rows`` are the indices of the images.
        """
        u, v = self._bootstrap(ThreeSets(rows[0], None, rows[1]))
        value = _weighted.value_and_interval(build(generated, real), u, v, bounds)
        baseline = _weighted.value_and_interval(build(real, generated), v, u, bounds)
        statistics = self._over(_of_all(build), generated, real, self._tested, rows)
        self._add(name, value, baseline, statistics, distance=True)

    def add_separate(self, name, value, baseline, p_value):
        """Add a metric with a test of its own."""
        p_value = min(1.0, p_value / OF_COPIES)
        self._separate.append(Metric(name, *value, *baseline, p_value))

    def metrics(self):
        """Return the metrics, with p-values that hold for all of them together."""
        p_values = adjusted_p_values(np.array([row.statistics for row in self._rows]))
        p_values = np.minimum(1.0, p_values / OF_METRICS)
        found = [
            row.metric._replace(p_value=p)
            for row, p in zip(self._rows, p_values.tolist(), strict=True)
        ]
        return found + self._separate

    def _bootstrap(self, rows):
        rng = _random.numpy_generator(self.seed, BOOTSTRAP)
        blocks = self.blocks if rows is None else _taken(self.blocks, rows)
        return [
            _weighted.bootstrap_weights(b, self.n_bootstrap, rng)
            for b in (blocks.samples, blocks.reference)
        ]

    def _over(self, pooled, first, second, divisions, rows):
        metric = pooled(np.concatenate([first, second]))
        if metric is None:
            return None
        chosen = slice(None) if rows is None else self._chosen(divisions, rows)
        return over_divisions(metric, divisions, chosen)

    def _chosen(self, divisions, rows):
        """Return the places of images of two sets among all of both."""
        return np.concatenate([rows[0], divisions[0].sum() + rows[1]])

    def _add(self, name, value, baseline, statistics, distance):
        if not np.isfinite([*value, *baseline, statistics[0]]).all():
            return
        if not distance:
            statistics = np.abs(statistics - np.nanmedian(statistics))
        self._rows.append(Row(Metric(name, *value, *baseline, np.nan), statistics))


def _of_all(build):
    """Return the function that builds a metric of the features of both sets together."""
    return lambda both: build(both, both)


def _taken(blocks, rows):
    return ThreeSets(*(None if r is None else b[r] for b, r in zip(blocks, rows, strict=True)))


def _mean_and_range(values):
    """Return the mean and the 2.5th and 97.5th percentiles of values over divisions."""
    known = values[np.isfinite(values)]
    if not len(known):
        return (np.nan,) * 3
    low, high = np.quantile(known, [0.025, 0.975])
    return float(known.mean()), float(low), float(high)
