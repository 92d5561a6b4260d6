"""The mutual information gap: closed forms, brute force, invariances, errors."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skmicro.evaluation import mutual_information_gap

N = 4000
RNG = np.random.default_rng(0)
FACTORS = RNG.normal(size=(N, 3))
MIXED = FACTORS + 0.5 * FACTORS[:, [1, 2, 0]] + 0.3 * RNG.normal(size=(N, 3))


def entropy(*shares):
    return -sum(share * np.log(share) for share in shares)


def information(first, second):
    """Mutual information of two lists of categories, in nats, from its definition."""
    total = 0.0
    for a in set(first):
        for b in set(second):
            both = np.mean((first == a) & (second == b))
            if both:
                total += both * np.log(both / np.mean(first == a) / np.mean(second == b))
    return total


def test_factors_as_latents_have_a_gap_of_one_but_for_the_bias():
    gap = mutual_information_gap(FACTORS, FACTORS)
    bias = 19**2 / (2 * N) / np.log(20)
    assert_allclose(gap, 1 - bias, atol=0.005)


def test_an_equal_mixture_of_two_factors_has_no_gap():
    mixed = FACTORS[:, :2] @ [[1, 1], [1, -1]]
    assert mutual_information_gap(mixed, FACTORS[:, :2]) < 0.02


def test_the_gap_falls_as_latents_turn_away_from_the_factors():
    angles = np.linspace(0, np.pi / 4, 5)
    turns = [[[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]] for a in angles]
    factors = FACTORS[:, :2]
    gaps = [mutual_information_gap(factors @ turn, factors) for turn in turns]
    assert np.all(np.diff(gaps) < -0.03)


@pytest.mark.parametrize("r", [0.5, 0.87])
def test_gap_of_a_correlated_normal_latent(r):
    factor, noise, other = np.random.default_rng(6).normal(size=(3, 20000))
    latents = np.column_stack([r * factor + np.sqrt(1 - r**2) * noise, other])
    wanted = -np.log(1 - r**2) / 2 / np.log(20)
    assert_allclose(mutual_information_gap(latents, factor), wanted, rtol=0.07)


def test_latents_that_know_nothing_have_no_gap():
    latents = np.random.default_rng(1).normal(size=(N, 5))
    assert mutual_information_gap(latents, FACTORS) < 0.02


def test_bits_told_with_errors_have_the_gap_of_a_noisy_channel():
    factor, wrong = np.repeat([0, 0, 1, 1], 8), np.tile([0, 0, 0, 1], 8)
    also_wrong = np.tile(np.repeat([0, 1, 0, 0], 4), 2)
    latents = np.column_stack([factor ^ wrong, np.tile([0, 1], 16)])
    wanted = 1 - entropy(1 / 4, 3 / 4) / np.log(2)
    assert_allclose(mutual_information_gap(latents, factor), wanted)
    latents[:, 1] = factor ^ also_wrong
    assert_allclose(mutual_information_gap(latents, factor), 0, atol=1e-12)


def test_each_gap_counts_in_units_of_the_entropy_of_its_factor():
    rare, even = np.arange(64) < 8, np.arange(64) % 2
    latents = np.column_stack([even, rare])
    alone = [mutual_information_gap(latents, factor) for factor in (rare, even)]
    assert_allclose(alone, 1)
    half_known = np.column_stack([even, np.arange(64) < 4])
    known = entropy(1 / 8, 7 / 8) - 60 / 64 * entropy(4 / 60, 56 / 60)
    wanted = known / entropy(1 / 8, 7 / 8)
    assert_allclose(mutual_information_gap(half_known, rare), wanted)
    both = mutual_information_gap(half_known, np.column_stack([rare, even]))
    assert_allclose(both, (wanted + 1) / 2)


@pytest.mark.parametrize("n_bins", [2, 5, 12])
def test_gap_of_continuous_numbers_is_that_of_their_bins(n_bins):
    def binned(column):
        return np.argsort(np.argsort(column)) * n_bins // len(column)

    def gap(k):
        known = sorted(information(binned(latent), binned(FACTORS[:600, k])) for latent in latents)
        return (known[-1] - known[-2]) / np.log(n_bins)

    latents = MIXED[:600].T
    wanted = np.mean([gap(k) for k in range(3)])
    assert_allclose(mutual_information_gap(latents.T, FACTORS[:600], n_bins), wanted)


def test_order_and_monotone_maps_change_nothing():
    wanted = mutual_information_gap(MIXED, FACTORS)
    order = np.random.default_rng(2).permutation(N)
    maps = [np.exp, lambda x: -(x**3), lambda x: 1e6 + 1e-3 * x]
    latents = np.column_stack([f(column) for f, column in zip(maps, MIXED.T, strict=True)])
    factors = np.column_stack([f(column) for f, column in zip(maps, FACTORS.T, strict=True)])
    assert 0.1 < wanted < 0.9
    assert_allclose(mutual_information_gap(MIXED[:, [2, 0, 1]], FACTORS[:, [1, 2, 0]]), wanted)
    assert_allclose(mutual_information_gap(MIXED[order], FACTORS[order]), wanted)
    assert_allclose(mutual_information_gap(latents, FACTORS), wanted)
    assert_allclose(mutual_information_gap(MIXED, factors), wanted)


def test_equal_numbers_share_a_bin():
    counts = np.random.default_rng(3).poisson(20, size=N)
    shuffled = np.random.default_rng(4).permutation(N)
    other = np.random.default_rng(5).normal(size=N)
    latents = np.column_stack([counts, other])
    gap = mutual_information_gap(latents, counts)
    assert len(np.unique(counts)) > 20
    assert_allclose(mutual_information_gap(latents[shuffled], counts[shuffled]), gap)
    assert gap > 0.95


def test_constant_latents_know_nothing():
    latents = np.column_stack([FACTORS[:, 0], np.full(N, 3.0)])
    assert_allclose(mutual_information_gap(latents, FACTORS[:, 0]), 1)
    assert mutual_information_gap(np.ones((N, 2)), FACTORS) == 0


@pytest.mark.parametrize(
    ("latents", "factors", "n_bins", "message"),
    [
        (MIXED, FACTORS[:-1], 20, r"same number of rows, got 4000 and 3999"),
        (MIXED[:, 0], FACTORS, 20, "latents must have at least two columns"),
        (MIXED, np.where([0, 1, 0], 2.0, FACTORS), 20, r"constant.*columns \[1\]"),
        (MIXED, np.where(FACTORS > 3, np.nan, FACTORS), 20, "factors must hold finite numbers"),
        (np.where(MIXED > 3, np.inf, MIXED), FACTORS, 20, "latents must hold finite numbers"),
        (MIXED[:399], FACTORS[:399], 20, r"at least 400 rows for n_bins=20, .* got 399"),
        (MIXED[:99], FACTORS[:99] > 0, 50, r"at least 100 rows .* 50 x 2, got 99"),
        (MIXED[None], FACTORS, 20, "latents must have shape"),
        (MIXED, FACTORS, 1, "n_bins must be >= 2"),
    ],
)
def test_refuses_what_has_no_gap(latents, factors, n_bins, message):
    with pytest.raises(ValueError, match=message):
        mutual_information_gap(latents, factors, n_bins)


@pytest.mark.parametrize(
    ("latents", "n_bins"), [([["a", "b"]] * 4, 2), (np.eye(4) * 1j, 2), (np.eye(4), 2.5)]
)
def test_refuses_what_is_no_number(latents, n_bins):
    with pytest.raises(TypeError, match=r"latents must hold|n_bins must be an integer"):
        mutual_information_gap(latents, [0, 1, 0, 1], n_bins)
