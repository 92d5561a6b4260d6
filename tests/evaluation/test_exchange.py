"""Permutation tests: divisions keep sizes and blocks, p-values are exact, neighbours are right."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmicro.evaluation import _exchange, _neighbours, _weighted


def test_divisions_keep_the_sizes_and_begin_as_they_are():
    first = _exchange.divide(np.arange(5), np.arange(3), 400, np.random.default_rng(0))
    assert_array_equal(first[0], [True] * 5 + [False] * 3)
    assert_array_equal(first.sum(axis=1), 5)
    assert len(np.unique(first, axis=0)) == 56  # 8 over 5: all of them
    assert_allclose(first[1:].mean(axis=0), 5 / 8, atol=0.1)


def test_blocks_change_groups_as_a_whole():
    rng = np.random.default_rng(0)
    real = np.repeat(np.arange(6), [4, 1, 3, 5, 2, 3])
    generated = _exchange.blocks_like(18, real, rng)
    assert_array_equal(np.sort(np.bincount(generated)), [1, 2, 3, 3, 4, 5])
    first = _exchange.divide(generated, real, 200, rng)
    for blocks, part in ((generated, first[:, :18]), (real, first[:, 18:])):
        for block in np.unique(blocks):
            assert (part[:, blocks == block] == part[:, blocks == block][:, :1]).all()
    assert np.abs(first.sum(axis=1) - 18).max() <= 2


def test_independent_images_are_blocks_of_one():
    blocks = _exchange.blocks_like(7, np.arange(20), np.random.default_rng(0))
    assert_array_equal(np.sort(blocks), np.arange(7))


def reports(n_repeats, shift, rng):
    """Smallest adjusted p-values of 20 features of which one differs."""
    for _ in range(n_repeats):
        both = rng.standard_exponential((60, 20))
        both[:30, 0] += shift
        first = _exchange.divide(np.arange(30), np.arange(30), 200, rng)
        metric = _weighted.mean(both, None)
        u = first / first.sum(axis=1, keepdims=True)
        means = metric(u, None).T
        statistics = np.abs(means - np.median(means, axis=1, keepdims=True))
        yield _exchange.adjusted_p_values(statistics)


@pytest.mark.slow
def test_the_chance_of_any_false_alarm_is_that_of_one():
    found = np.array([p.min() for p in reports(300, 0.0, np.random.default_rng(1))])
    assert 0.02 <= (found <= 0.05).mean() <= 0.09
    assert_allclose(np.median(found), 0.5, atol=0.1)


def test_the_feature_that_differs_is_found():
    found = np.array(list(reports(40, 1.5, np.random.default_rng(2))))
    assert (found[:, 0] <= 0.05).mean() > 0.95
    assert (found[:, 1:] <= 0.05).mean() < 0.02


def test_a_statistic_without_variation_is_not_tested():
    rng = np.random.default_rng(0)
    statistics = np.array([np.full(100, 3.0), rng.normal(size=100), np.zeros(100)])
    statistics[1, 0] = 9.0
    assert_array_equal(_exchange.adjusted_p_values(statistics), [np.nan, 0.01, np.nan])


def test_values_of_divisions_are_those_of_the_groups(monkeypatch):
    monkeypatch.setattr(_exchange, "CHUNK", 3)
    rng = np.random.default_rng(0)
    values = rng.normal(size=12)
    first = _exchange.divide(np.arange(7), np.arange(5), 10, rng)
    chosen = np.array([0, 2, 3, 8, 10, 11])
    found = _exchange.over_divisions(_weighted.mean(values[chosen], None), first, chosen)
    wanted = [values[chosen][row[chosen]].mean() for row in first]
    assert_allclose(found, wanted)


@pytest.mark.parametrize("sizes", [(30, 30), (40, 20)])
def test_neighbours_give_density_and_coverage_of_every_division(sizes):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(60, 4))
    first = _exchange.divide(np.arange(sizes[0]), np.arange(sizes[1]), 8, rng)
    order = _neighbours.nearest(features, 5, sizes[1] / 60, rng)
    metrics = _neighbours.density_and_coverage(order, 5)
    found = np.transpose([_exchange.over_divisions(metric, first) for metric in metrics])
    for row, pair in zip(first, found, strict=True):
        within = _weighted.within_neighbourhoods(features[row], features[~row], 5)
        wanted = _weighted.density(within, 5), _weighted.coverage(within)
        assert_allclose(pair, [_weighted.value_of(m, *within.shape) for m in wanted])


def test_images_that_tie_are_neighbours_in_random_order():
    rng = np.random.default_rng(0)
    features = rng.integers(0, 2, (40, 1)) / 3.0
    order = _neighbours.nearest(features, 5, 0.5, rng)
    assert (features[order[:, :10], 0] == features).all()
    assert 0.4 < (order[:, :5] < 20).mean() < 0.6
    assert len({tuple(row) for row in order[:, :5]}) > 30
