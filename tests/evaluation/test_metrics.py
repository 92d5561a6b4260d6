"""Distances between features: closed forms, brute force, invariances, errors."""

from itertools import combinations

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import wasserstein_distance

from skmicro.descriptors import TwoPointCorrelation
from skmicro.evaluation import (
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
    for A, B, rule in (
        (masked, whole, "A must have no unknown voxels"),
        (whole, masked, "B must have no unknown voxels"),
        (with_nan, whole, "A must hold finite numbers"),
        (whole, with_nan, "B must hold finite numbers"),
    ):
        with pytest.raises(ValueError, match=rule):
            two_point_rmse(A, B)


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
        ([[1.0], [np.nan]], ValueError, "must hold finite numbers"),
    ],
)
def test_what_holds_no_numbers_is_named(function, values, error, message):
    name = "X" if function is diversity else "b"
    with pytest.raises(error, match=f"^{name} {message}"):
        function(values)
