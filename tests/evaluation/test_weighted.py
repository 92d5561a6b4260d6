"""The bootstrap: weights stand for repeated images, intervals cover."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skmicro.evaluation import _clipped, _weighted, descriptor_wasserstein

RNG = np.random.default_rng(0)
A, B = RNG.normal(size=(8, 3)), RNG.normal(size=(6, 3))


def drawn(counts, rows):
    return np.repeat(rows, counts, axis=0)


@pytest.mark.parametrize("build", [_weighted.relative_error, _weighted.wasserstein])
def test_weights_are_repetitions(build, monkeypatch):
    monkeypatch.setattr(_weighted, "spread_of", lambda b: np.ones(3))
    counts = RNG.multinomial(8, np.full(8, 1 / 8)), RNG.multinomial(6, np.full(6, 1 / 6))
    value = build(A, B)(counts[0][None] / 8, counts[1][None] / 6)
    repeated = build(drawn(counts[0], A), drawn(counts[1], B))
    assert_allclose(value, _weighted.value_of(repeated, 8, 6))


def test_weights_of_pairs_and_percentiles_are_repetitions():
    counts = RNG.multinomial(8, np.full(8, 1 / 8))
    values, repeated = A[:, 0], drawn(counts, A[:, 0])
    percentile = _weighted.percentile_95(values, None)(counts[None] / 8, None)
    assert percentile == np.quantile(repeated, 0.95, method="inverted_cdf")
    distances = np.abs(repeated[:, None] - repeated)
    mean = _weighted.mean_pair_distance(A[:, :1])(counts[None] / 8)
    assert_allclose(mean, distances[repeated[:, None] != repeated].mean())


@pytest.mark.parametrize("build", [_clipped.density, _clipped.coverage])
def test_weights_of_clipped_metrics_are_repetitions(build):
    for a, b in ((A, B), (A.round(), B.round())):
        counts = RNG.multinomial(8, np.full(8, 1 / 8))
        equal = np.full((1, 6), 1 / 6)
        value = build(a, b, 2)(counts[None] / 8, equal)
        assert_allclose(value, _weighted.value_of(build(drawn(counts, a), b, 2), 8, 6))


def test_weights_of_the_reference_take_balls_away():
    reference = np.append(np.arange(6.0), 100 + np.arange(6.0))[:, None]
    first = np.repeat([[1 / 6, 0.0]], 6, axis=1)
    samples = reference[:6] + 0.1
    density, coverage = (
        build(samples, reference, 2) for build in (_clipped.density, _clipped.coverage)
    )
    u = np.full((1, 6), 1 / 6)
    assert_allclose([density(u, first), coverage(u, first)], 1)
    assert_allclose([density(u, first[:, ::-1]), coverage(u, first[:, ::-1])], 0)


def test_equal_weights_give_the_public_metric():
    metric = _weighted.wasserstein(A, B)
    assert _weighted.value_of(metric, 8, 6) == descriptor_wasserstein(A, B)


def test_interval_of_a_mean_has_the_known_width():
    rng = np.random.default_rng(1)
    values = rng.normal(size=400)
    weights = _weighted.bootstrap_weights(np.arange(400), 4000, rng)
    assert_allclose(weights.sum(axis=1), 1)
    value, low, high = _weighted.value_and_interval(_weighted.mean(values, None), weights, weights)
    assert_allclose(value, values.mean())
    half_width = 1.96 * values.std() / 20
    assert_allclose([value - low, high - value], half_width, rtol=0.08)


def test_interval_contains_its_value_where_resampling_is_biased():
    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(2, 50, 40))
    u, v = (_weighted.bootstrap_weights(np.arange(50), 200, rng) for _ in range(2))
    metric = _weighted.wasserstein(a, b)
    value, low, high = _weighted.value_and_interval(metric, u, v, (0, np.inf))
    assert np.quantile(metric(u, v), 0.025) > value
    assert 0 < low < value < high


def test_intervals_of_means_cover():
    rng = np.random.default_rng(3)
    hits = 0
    for _ in range(200):
        values = rng.exponential(size=60)
        weights = _weighted.bootstrap_weights(np.arange(60), 200, rng)
        _, low, high = _weighted.value_and_interval(_weighted.mean(values, None), weights, weights)
        hits += low <= 1 <= high
    assert 0.88 <= hits / 200 <= 0.98


def test_blocks_are_drawn_as_a_whole():
    rng = np.random.default_rng(4)
    blocks = np.repeat(np.arange(40), 5)
    values = np.repeat(rng.normal(size=40), 5)
    weights = _weighted.bootstrap_weights(blocks, 2000, rng)
    assert_allclose(weights.sum(axis=1), 1)
    assert_allclose(weights[:, ::5], weights[:, 4::5])
    assert_allclose((weights @ values).std(), values.std() / np.sqrt(40), rtol=0.1)


def test_values_beyond_the_other_set_and_spreads():
    a, b = np.array([0.0, 2, 3, 9]), np.array([1.0, 2, 4, 5, 6])
    assert_allclose(_weighted.value_of(_weighted.outside(a, b), 4, 5), 2 / 4)
    assert_allclose(_weighted.value_of(_weighted.outside(b, b[:3]), 5, 3), 2 / 5)
    assert_allclose(_weighted.value_of(_weighted.spread_ratio(a, b), 4, 5), a.std() / b.std())
