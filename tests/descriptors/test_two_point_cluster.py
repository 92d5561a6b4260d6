"""TwoPointCluster: pairs counted by hand, bounds, closed forms, what it refuses."""

import numpy as np
import pytest
import torch
from by_hand import flood, wrapping
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from skmicro.descriptors import (
    ClusterStatistics,
    TwoPointCluster,
    TwoPointCorrelation,
    VolumeFraction,
    _cluster_correlation,
)

ClusterStatistics, TwoPointCluster, TwoPointCorrelation = map(
    wrapping, (ClusterStatistics, TwoPointCluster, TwoPointCorrelation)
)

SHAPES = [(6, 7), (5, 8), (1, 9), (7, 1), (1, 1), (2, 2), (3, 4, 5), (1, 4, 6)]
with_and_without_wrap = pytest.mark.parametrize("periodic", [True, False])
every_connectivity = pytest.mark.parametrize("connectivity", ["faces", "corners"])


def brute_force(image, periodic, connectivity, edges):
    """Share of the pairs of voxels of each bin that lie in one cluster, of all pairs."""
    numbers = np.zeros(image.shape, int)
    for number, cluster in enumerate(flood(image, periodic, connectivity), start=1):
        numbers[tuple(np.transpose(list(cluster)))] = number
    places = np.indices(image.shape).reshape(image.ndim, -1).T
    steps = np.abs(places[:, None] - places)
    if periodic:
        steps = np.minimum(steps, image.shape - steps)
    bins = np.searchsorted(edges, np.linalg.norm(steps, axis=2), side="right") - 1
    together = (numbers.reshape(-1, 1) == numbers.ravel()) & (numbers.reshape(-1, 1) > 0)
    hits, n_pairs = (np.bincount(of.ravel(), minlength=len(edges)) for of in (bins[together], bins))
    return hits[: len(edges) - 1] / n_pairs[: len(edges) - 1]


@pytest.mark.representatives("shape0", "shape4", "shape6")
@pytest.mark.parametrize("shape", SHAPES)
@with_and_without_wrap
@every_connectivity
def test_matches_pairs_counted_by_hand(shape, periodic, connectivity, monkeypatch):
    """Whether clusters are transformed, or counted pair by pair, or some are."""
    rng = np.random.default_rng(0)
    X = (rng.random((3, *shape)) < np.array([0.3, 0.5, 0.7]).reshape(3, *[1] * len(shape))).astype(
        int
    )
    descriptor = TwoPointCluster(periodic=periodic, connectivity=connectivity).fit(X)
    edges = [0, *np.arange(len(descriptor.lags_)) + 0.5]
    expected = [brute_force(image, periodic, connectivity, edges) for image in X]
    for small in (0, 3, 128):
        monkeypatch.setattr(_cluster_correlation, "SMALL", small)
        assert_allclose(descriptor.transform(X), expected, atol=1e-6, err_msg=f"SMALL = {small}")


@with_and_without_wrap
def test_longest_lags_and_wide_bins(periodic):
    X = (np.random.default_rng(1).random((2, 6, 9)) < 0.6).astype(int)
    max_lag = 4 if periodic else 8
    descriptor = TwoPointCluster(max_lag=max_lag, n_bins=3, periodic=periodic).fit(X)
    edges = [0, 0.5, 0.5 + max_lag / 2, 0.5 + max_lag]
    expected = [brute_force(image, periodic, "faces", edges) for image in X]
    assert_allclose(descriptor.transform(X), expected, atol=1e-6)
    correlation = TwoPointCorrelation(max_lag=max_lag, n_bins=3, periodic=periodic).fit(X)
    assert_array_equal(descriptor.lags_, correlation.lags_)


@pytest.mark.parametrize("shape", [(24, 20), (9, 10, 12)])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
@with_and_without_wrap
@every_connectivity
def test_starts_at_the_fraction_and_stays_below_the_correlation(
    shape, share, periodic, connectivity
):
    X = (np.random.default_rng(2).random((4, *shape)) < share).astype(int)
    settings = {"periodic": periodic}
    found = TwoPointCluster(connectivity=connectivity, **settings).fit_transform(X)
    assert_array_equal(found[:, :1], VolumeFraction().fit_transform(X))
    correlation = TwoPointCorrelation(**settings).fit_transform(X)
    assert (found >= 0).all()
    assert (found <= correlation + 1e-6).all()
    number = ClusterStatistics(connectivity=connectivity, **settings).fit_transform(X)[:, 0]
    single = number * X[0].size < 1.5
    assert_allclose(found[single], correlation[single], atol=1e-6)


@with_and_without_wrap
def test_one_cluster_has_the_correlation_of_its_phase(periodic):
    grid = np.indices((16, 16, 16)) - 7
    ball = ((grid**2).sum(axis=0) < 30)[None]
    bar = np.zeros((1, 16, 16, 16), bool)
    bar[0, 2:5, :, 9:12] = True
    for solid in (ball, bar, ball ^ True, np.ones_like(ball)):
        moved = np.roll(solid, (5, 8, 6), (1, 2, 3)) if periodic else solid
        found = TwoPointCluster(periodic=periodic).fit_transform(moved.astype(int))
        expected = TwoPointCorrelation(periodic=periodic).fit_transform(moved.astype(int))
        assert_allclose(found, expected, atol=1e-6)


@with_and_without_wrap
def test_clusters_are_correlated_one_by_one(periodic):
    """Of all sizes, across the borders and around them: the sum over their own images."""
    shape = (22, 26)
    noise = np.random.default_rng(3).normal(size=(3, *shape))
    X = (ndimage.gaussian_filter(noise, (0, 1.5, 1.5), mode="wrap") > 0.05).astype(int)
    correlation = TwoPointCorrelation(periodic=periodic).fit(X)
    sizes = []
    for image in X:
        clusters = flood(image, periodic, "faces")
        sizes += map(len, clusters)
        alone = np.zeros((len(clusters), *shape), int)
        for number, cluster in enumerate(clusters):
            alone[(number, *np.transpose(list(cluster)))] = 1
        expected = correlation.transform(alone).sum(axis=0)
        found = TwoPointCluster(periodic=periodic).fit_transform(image[None])
        assert_allclose(found[0], expected, atol=2e-6)
    assert min(sizes) < 20
    assert max(sizes) > _cluster_correlation.SMALL


def test_two_squares_and_their_gap():
    X = np.zeros((1, 12, 12), int)
    X[0, 1:3, 1:3] = X[0, 1:3, 4:6] = 1
    n_pairs = np.array([8, 4 * 4 + 2 * 4])
    n_lags = np.array([1, 8])
    found = TwoPointCluster().fit_transform(X)[0]
    assert_allclose(found[:2], n_pairs / (144 * n_lags), rtol=1e-6)
    assert_array_equal(found[2:], 0)
    joined = TwoPointCorrelation().fit_transform(X)[0]
    assert_allclose(found[:2], joined[:2], rtol=1e-5)
    assert joined[2] > 0.001


def test_sum_over_all_lags_is_the_mean_size_times_the_fraction():
    X = (np.random.default_rng(4).random((5, 9, 11)) < 0.5).astype(int)
    mask = X.astype(bool)
    mean_size = ClusterStatistics().fit_transform(X)[:, 1]
    lags = np.linalg.norm(np.meshgrid(*[np.minimum(np.arange(n), n - np.arange(n))
                                        for n in (9, 11)]), axis=0)  # fmt: skip
    n_lags = np.bincount(np.floor(lags + 0.5).astype(int).ravel())[:6]
    inside = _cluster_correlation.cluster_correlation(mask, max_lag=5) @ n_lags
    assert (inside <= mean_size * mask.mean(axis=(1, 2)) + 1e-6).all()
    dot = np.zeros((1, 9, 11), int)
    dot[0, 8:, 3:6] = dot[0, 0, 4] = 1
    total = TwoPointCluster().fit_transform(dot)[0] @ n_lags[:5]
    assert_allclose(total, 4 * 4 / 99, rtol=1e-6)


def test_translation_and_batches():
    X = (np.random.default_rng(5).random((4, 10, 7, 8)) < 0.35).astype(int)
    found = TwoPointCluster().fit_transform(X)
    assert_allclose(TwoPointCluster().fit_transform(np.roll(X, (4, 3), (1, 3))), found, atol=1e-7)
    alone = [TwoPointCluster().fit_transform(image[None])[0] for image in X]
    assert_array_equal(found, alone)


@pytest.mark.parametrize("label", [0, 1])
@with_and_without_wrap
def test_one_phase(label, periodic):
    X = np.full((2, 5, 6), label)
    assert_array_equal(TwoPointCluster(periodic=periodic).fit_transform(X), label)


def test_phases_probabilities_and_grey_levels():
    labels = np.random.default_rng(6).integers(0, 3, (4, 6, 6))
    one_hot = torch.from_numpy(np.stack([labels == k for k in range(3)], axis=1)).double()
    for phase in range(3):
        descriptor = TwoPointCluster(phase=phase).fit(labels)
        expected = TwoPointCluster().fit_transform((labels == phase).astype(int))
        assert_array_equal(descriptor.transform(labels), expected)
        assert_allclose(descriptor(0.4 * one_hot + 0.2), expected, rtol=1e-6)
    grey = np.random.default_rng(7).random((4, 6, 6))
    expected = TwoPointCluster().fit_transform((grey >= 0.5).astype(int))
    assert_allclose(TwoPointCluster().fit_transform(grey), expected, rtol=1e-6)


def test_equal_probabilities_belong_to_the_first_phase():
    images = torch.full((1, 3, 4, 4), 1 / 3)
    fitted = [TwoPointCluster(phase=k).fit(np.arange(16).reshape(1, 4, 4) % 3) for k in range(3)]
    assert_array_equal([d(images)[0, 0].item() for d in fitted], [1, 0, 0])


def test_refuses_tensors_that_require_gradients():
    images = torch.rand(2, 2, 5, 5, generator=torch.Generator().manual_seed(0))
    assert not TwoPointCluster()(images).requires_grad
    with pytest.raises(TypeError, match="must not require gradients: TwoPointCluster is not"):
        TwoPointCluster()(images.requires_grad_())


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"max_lag": 3}, ValueError, r"max_lag must lie in \[0, 2\] for periodic images"),
        ({"max_lag": 1.5}, TypeError, "max_lag must be an integer"),
        ({"n_bins": 4}, ValueError, r"n_bins must lie in \[2, 3\] for max_lag=2, got 4"),
        ({"n_bins": 0}, ValueError, "n_bins must be >= 1, got 0"),
        ({"connectivity": 8}, ValueError, "connectivity must be one of .* got 8"),
        ({"periodic": 1}, ValueError, "periodic must be"),
        ({"phase": 4}, ValueError, "phase must be one of"),
    ],
)
def test_wrong_parameters_are_named(parameters, error, message):
    with pytest.raises(error, match=message):
        TwoPointCluster(**parameters).fit(np.eye(4, dtype=int)[None])
