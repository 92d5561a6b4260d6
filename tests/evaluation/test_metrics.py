"""Distances between features: closed forms, brute force, invariances, errors."""

from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import wasserstein_distance

from skmicro.descriptors import TwoPointCorrelation
from skmicro.evaluation import (
    _clipped,
    clipped_density_coverage,
    density_coverage,
    descriptor_wasserstein,
    diversity,
    mean_relative_error,
    two_point_rmse,
)

RNG = np.random.default_rng(0)
CURVES = RNG.random((7, 4))
OTHER = RNG.random((5, 4))


def test_mean_relative_error_of_scaled_curves_is_the_factor():
    assert_allclose(mean_relative_error(1.1 * CURVES, CURVES), 0.1)
    assert_allclose(mean_relative_error([1.0, 3.0], [2.0, 4.0]), (1 / 2 + 1 / 4) / 2)


def test_mean_relative_error_takes_one_baseline_for_all():
    baseline = OTHER[0]
    wanted = [np.linalg.norm(baseline - row) / np.linalg.norm(baseline) for row in CURVES]
    assert_allclose(mean_relative_error(CURVES, baseline), np.mean(wanted))


@pytest.mark.parametrize("b", [np.zeros(4), np.ones(7), np.ones((5, 4))])
def test_mean_relative_error_refuses_other_baselines(b):
    with pytest.raises(ValueError, match="b must"):
        mean_relative_error(CURVES, b)


def correlation_by_rolls(image):
    lags = np.ndindex(image.shape)
    return np.array([np.mean(image * np.roll(image, lag, (0, 1))) for lag in lags])


def test_two_point_rmse_is_equation_12():
    A, B = RNG.integers(0, 2, (2, 6, 4)), RNG.integers(0, 2, (3, 6, 4))
    wanted = [
        [np.sqrt(np.mean((correlation_by_rolls(a) - correlation_by_rolls(b)) ** 2)) for b in B]
        for a in A
    ]
    assert_allclose(two_point_rmse(A, B), wanted, atol=1e-6)


def test_two_point_rmse_does_not_see_where_an_image_lies():
    A = RNG.integers(0, 3, (4, 6, 5, 4))
    moved = np.flip(np.roll(A, (2, 1, 3), (1, 2, 3)), (1, 2, 3))
    errors = two_point_rmse(A, moved)
    assert_allclose(errors.diagonal(), 0, atol=1e-6)
    assert np.all(errors + 4 * np.eye(4) > 1e-3)


def test_two_point_rmse_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"one shape.*\(2, 4, 4\) and \(2, 4, 5\)"):
        two_point_rmse(np.eye(4)[None].repeat(2, 0), np.zeros((2, 4, 5)))


def test_two_point_rmse_refuses_other_phases():
    with pytest.raises(ValueError, match=r"A must hold only the phases \[0, 1\] of B, got \[3\]"):
        two_point_rmse(np.full((2, 4, 4), 3), np.eye(4, dtype=int)[None])


def test_two_point_rmse_refuses_unknown_voxels():
    whole = np.eye(4, dtype=int)[None]
    masked = np.ma.masked_array(whole, np.arange(4) < 1 + np.zeros((1, 4, 4)))
    with_nan = masked.astype(float).filled(np.nan)
    rule = "two_point_rmse does not support unknown voxels .*, got 4 in {}: "
    for unknown in (masked, with_nan):
        with pytest.raises(ValueError, match=rule.format("A")):
            two_point_rmse(unknown, whole)
        with pytest.raises(ValueError, match=rule.format("B")):
            two_point_rmse(whole, unknown)
    with pytest.raises(ValueError, match="A must hold finite numbers, got infinity"):
        two_point_rmse(np.where(whole, np.inf, 0.0), whole)


@pytest.mark.parametrize(("n", "m"), [(7, 7), (7, 5), (4, 9)])
def test_wasserstein_agrees_with_scipy(n, m):
    a, b = RNG.integers(0, 5, (n, 3)) / 2, RNG.normal(size=(m, 3))
    wanted = np.mean([wasserstein_distance(a[:, k], b[:, k]) / b[:, k].std() for k in range(3)])
    assert_allclose(descriptor_wasserstein(a, b), wanted)


def test_wasserstein_of_a_shift_is_the_shift_in_units_of_the_spread():
    assert_allclose(descriptor_wasserstein(CURVES + 2 * CURVES.std(axis=0), CURVES), 2)
    assert descriptor_wasserstein(CURVES[::-1], CURVES) == 0
    assert_allclose(
        descriptor_wasserstein(10 * OTHER, 10 * CURVES), descriptor_wasserstein(OTHER, CURVES)
    )


def test_wasserstein_counts_constant_components_in_their_own_unit():
    assert_allclose(descriptor_wasserstein(np.full(3, 0.75), np.full(4, 0.5)), 0.25)


def test_wasserstein_of_normal_features_with_half_the_spread():
    draws = np.random.default_rng(1).normal(size=20000)
    assert_allclose(descriptor_wasserstein(draws / 2, draws), np.sqrt(2 / np.pi) / 2, rtol=0.02)


@pytest.mark.parametrize("n_neighbors", [1, 3])
def test_density_and_coverage_by_brute_force(n_neighbors):
    reference, samples = RNG.normal(size=(9, 2)), RNG.normal(size=(6, 2))
    spread = reference.std(axis=0)
    holds = np.zeros((9, 6), bool)
    for i, centre in enumerate(reference / spread):
        to_others = sorted(np.linalg.norm(reference / spread - centre, axis=1))
        for j, sample in enumerate(samples / spread):
            holds[i, j] = np.linalg.norm(sample - centre) <= to_others[n_neighbors]
    density, coverage = density_coverage(reference, samples, n_neighbors)
    assert_allclose(density, holds.sum() / (n_neighbors * 6))
    assert_allclose(coverage, holds.any(axis=1).mean())


def test_density_and_coverage_of_the_same_distribution():
    rng = np.random.default_rng(2)
    reference, samples = rng.normal(size=(2, 600, 3))
    density, coverage = density_coverage(reference, samples)
    assert abs(density - 1) < 0.1
    assert abs(coverage - (1 - 2**-5)) < 0.03
    assert density_coverage(reference, samples + 100) == (0, 0)
    collapsed = density_coverage(reference, np.zeros((600, 3)))
    assert collapsed[0] > 1.5
    assert collapsed[1] < 0.2


def by_random_ties(reference, samples, n_neighbors, rng):
    """Density, where neighbours at the same distance are put into a random order."""
    m, n = len(reference), len(samples)
    count = 0
    for i in range(m):
        others = np.delete(reference, i, axis=0)
        distance = np.linalg.norm(np.concatenate([others, samples]) - reference[i], axis=1)
        rank = np.lexsort([rng.random(m - 1 + n), distance.round(9)])
        kth = np.flatnonzero(rank < m - 1)[n_neighbors - 1]
        count += np.sum(rank[:kth] >= m - 1)
    return count / (n_neighbors * n)


@pytest.mark.parametrize("n_neighbors", [1, 5])
def test_ties_count_as_in_the_mean_over_random_orders(n_neighbors):
    rng = np.random.default_rng(3)
    reference, samples = rng.integers(0, 4, (2, 30, 2)).astype(float)
    spread = reference.std(axis=0)
    orders = [
        by_random_ties(reference / spread, samples / spread, n_neighbors, rng) for _ in range(200)
    ]
    density, _ = density_coverage(reference, samples, n_neighbors)
    assert abs(density - np.mean(orders)) < 4 * np.std(orders) / np.sqrt(200)


@pytest.mark.parametrize("points", [RNG.normal(size=(20, 3)), RNG.integers(0, 9, (20, 3))])
def test_density_and_coverage_of_points_that_are_repeated(points):
    repeated = np.repeat(points, 10, axis=0)
    assert_allclose(density_coverage(repeated, repeated), 1)
    assert_allclose(clipped_density_coverage(repeated, repeated), 1)
    assert density_coverage(repeated, repeated + 100) == (0, 0)
    assert clipped_density_coverage(repeated, repeated + 100) == (0, 0)


def test_density_with_one_point_repeated():
    # Half of both sets is one image, the rest is far from everything.
    rest = 100.0 * np.arange(1, 11)
    reference, samples = np.append(np.zeros(10), rest), np.append(np.zeros(10), rest + 40)
    # Each ball around 0 has 2 of 9 neighbours, and counts 2 / 10 of 10 samples. The one around 100
    # has 2 of 11, at distance 100, and 140 inside. Those from 200 to 900 have two samples inside,
    # the last one, which reaches to 800, has three.
    density, coverage = density_coverage(reference, samples, 2)
    by_hand = 10 * 2 + (1 + 10 * 2 / 12) + 8 * 2 + 3
    assert_allclose(density, by_hand / (2 * 20))
    assert_allclose(coverage, 1)


@pytest.mark.parametrize("draw", ["integers", "normal"])
def test_expected_density_of_the_same_distribution_is_one_with_ties_and_without(draw):
    rng = np.random.default_rng(4)
    sets = (
        rng.integers(0, 4, (200, 2, 40, 2))
        if draw == "integers"
        else rng.normal(size=(200, 2, 40, 2))
    )
    densities = [density_coverage(a, b)[0] for a, b in sets]
    assert abs(np.mean(densities) - 1) < 4 * np.std(densities) / np.sqrt(200)


def clipped_of_mixtures(share, n_features=2, n=200, n_repeats=20):
    rng = np.random.default_rng(5)
    pairs = rng.normal(size=(n_repeats, 2, n, n_features))
    pairs[:, 1, : round(share * n)] += 1000
    return np.array([clipped_density_coverage(*pair) for pair in pairs])


@pytest.mark.parametrize("share", [0, 0.25, 0.5, 1])
@pytest.mark.parametrize("n_features", [1, 8])
def test_clipped_metrics_are_the_share_of_good_samples(share, n_features):
    values = clipped_of_mixtures(share, n_features)
    # Four standard errors of the mean, and what a cut at 1 takes of normal noise, 0.4 of its
    # deviation, which is 0.07 at most for 200 samples; near 0.5 that is beyond the noise.
    noise = 4 * values.std(axis=0) / np.sqrt(len(values))
    cut = 0.4 * 0.07 if share < 0.5 else 0.01
    assert np.all(np.abs(values.mean(axis=0) - (1 - share)) <= noise + cut)
    assert np.all(values <= 1)


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_clipped_coverage_is_the_share_of_modes(share):
    rng = np.random.default_rng(6)
    pairs = rng.normal(size=(20, 2, 200, 2))
    pairs[:, 0, : round(share * 200)] += 1000
    values = np.array([clipped_density_coverage(*pair) for pair in pairs])
    noise = 4 * values.std(axis=0) / np.sqrt(len(values))
    assert abs(values[:, 1].mean() - (1 - share)) < noise[1] + 0.01
    assert values[:, 0].mean() > 0.95


@pytest.mark.parametrize(("n", "sign"), [(200, 0), (400, -1), (100, 1)])
def test_clipped_coverage_of_half_the_modes_hangs_on_the_number_of_samples(n, sign):
    # All n samples lie where 100 of 200 reference points are.
    of_all = _clipped.expected_coverage(np.arange(n + 1), 200, 5)
    of_half = _clipped.expected_coverage(n, 100, 5) / 2
    found = np.interp(of_half, of_all, np.arange(n + 1) / n) - 0.5
    assert np.sign(found.round(9)) == sign


@pytest.mark.parametrize(("n", "m"), [(7, 7), (40, 15)])
def test_expected_coverage_is_that_of_balls_on_a_circle(n, m):
    # On a line with its ends joined all points are alike: balls reach to both sides.
    rng = np.random.default_rng(7)
    values = []
    for _ in range(400):
        x, y = rng.random((m, 1)), rng.random((n, 1))
        own, other = (np.abs((z - x.T + 0.5) % 1 - 0.5) for z in (x, y))
        radii = np.sort(own, axis=0)[3]
        values.append(np.minimum((other <= radii).sum(axis=0), 3).mean() / 3)
    expected = _clipped.expected_coverage(np.array([0, n]), m, 3)
    assert expected[0] == 0
    assert abs(np.mean(values) - expected[1]) < 4 * np.std(values) / np.sqrt(400)
    assert_allclose(m * expected[1], n * _clipped.expected_coverage(m, n, 3))


def test_clipped_density_does_not_see_balls_of_outliers():
    rng = np.random.default_rng(8)
    reference, samples = rng.normal(size=(2, 200, 2))
    reference[:4] = 1000 * rng.normal(size=(4, 2))  # in whose balls everything lies
    samples[:50] += 60
    plain, clipped = (
        density_coverage(reference, samples),
        clipped_density_coverage(reference, samples),
    )
    assert abs(clipped[0] - 0.75) < 0.08
    assert plain[0] > clipped[0] + 0.05


def test_density_does_not_depend_on_units():
    units = np.array([1e-3, 1, 10, 1e4])
    assert density_coverage(CURVES, OTHER, 2) == density_coverage(CURVES * units, OTHER * units, 2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((CURVES[:5], OTHER), ValueError, "reference must have more than n_neighbors=5 rows"),
        ((CURVES, OTHER[:, :2]), ValueError, "same number of columns, got 2 and 4"),
        ((CURVES, OTHER, 0), ValueError, "n_neighbors must be >= 1, got 0"),
        ((CURVES, OTHER * np.nan), ValueError, "samples must hold finite"),
    ],
)
def test_density_refuses_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        density_coverage(*arguments)


def test_diversity_is_the_mean_over_pairs():
    images = RNG.integers(0, 2, (6, 5, 4))
    pairs = [np.linalg.norm((a - b).astype(float)) for a, b in combinations(images, 2)]
    assert_allclose(diversity(images), np.mean(pairs))
    assert diversity(images[:1].repeat(4, axis=0)) == 0
    curves = TwoPointCorrelation().fit_transform(images)
    assert_allclose(diversity(3 * curves), 3 * diversity(curves), rtol=1e-6)


def test_diversity_needs_two_images():
    with pytest.raises(ValueError, match="at least two rows"):
        diversity(np.ones((1, 4, 4)))


@pytest.mark.parametrize("function", [diversity, lambda X: mean_relative_error([1.0, 2.0], X)])
@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ("a", TypeError, "must hold numbers in rows of one length, got 'a'"),
        (["a", "b"], TypeError, r"must hold numbers in rows of one length, got \['a', 'b'\]"),
        ([[1.0], [2.0, 3.0]], TypeError, "must hold numbers in rows of one length"),
        ([[1.0], [np.inf]], ValueError, "must hold finite numbers"),
    ],
)
def test_what_holds_no_numbers_is_named(function, values, error, message):
    name = "X" if function is diversity else "b"
    with pytest.raises(error, match=f"^{name} {message}"):
        function(values)
