"""LinealPath: brute force, closed forms, bounds, gradients."""

import numpy as np
import pytest
import torch
from by_hand import wrapping
from numpy.testing import assert_allclose, assert_array_equal

from skmicro.descriptors import LinealPath, TwoPointCorrelation, VolumeFraction, _lags

LinealPath, TwoPointCorrelation = map(wrapping, (LinealPath, TwoPointCorrelation))

SHAPES = [(6, 6), (5, 8), (1, 9), (7, 1), (1, 1), (3, 4, 5), (1, 4, 6)]


def brute_force(image, lag, periodic):
    """Mean over the axes of the share of segments that lie in the phase, one by one."""
    shares = []
    for axis, side in enumerate(image.shape):
        if lag > (side // 2 if periodic else side - 1):
            continue
        starts = [at for at in np.ndindex(image.shape) if periodic or at[axis] + lag < side]
        hits = 0
        for at in starts:
            voxels = [(*at[:axis], (at[axis] + r) % side, *at[axis + 1 :]) for r in range(lag + 1)]
            hits += all(image[voxel] for voxel in voxels)
        shares.append(hits / len(starts))
    return np.mean(shares)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("periodic", [True, False])
def test_matches_brute_force(shape, periodic):
    X = (np.random.default_rng(0).random((3, *shape)) < 0.8).astype(int)
    longest = max(_lags.axis_limits(shape, periodic=periodic))
    path = LinealPath(max_lag=longest, periodic=periodic).fit(X)
    expected = [[brute_force(image, lag, periodic) for lag in path.lags_] for image in X]
    assert_allclose(path.transform(X), expected, atol=1e-6)
    default = LinealPath(periodic=periodic).fit_transform(X)
    assert_array_equal(default, path.transform(X)[:, : default.shape[1]])


@pytest.mark.parametrize("shape", [(8, 8), (5, 6, 7)])
@pytest.mark.parametrize("periodic", [True, False])
def test_starts_at_the_fraction_falls_and_stays_below_the_correlation(shape, periodic):
    X = (np.random.default_rng(1).random((5, *shape)) < 0.7).astype(int)
    path = LinealPath(periodic=periodic).fit_transform(X)
    assert_array_equal(path[:, :1], VolumeFraction().fit_transform(X))
    if periodic:
        assert (np.diff(path, axis=1) <= 1e-7).all()
    profiles = TwoPointCorrelation(output="directional", periodic=periodic).fit_transform(X)
    n_lags = path.shape[1]
    profiles = np.stack([profiles[:, k * n_lags : (k + 1) * n_lags] for k in range(len(shape))])
    assert (path <= profiles.mean(axis=0) + 1e-6).all()
    assert_allclose(path[:, :2], profiles.mean(axis=0)[:, :2], atol=1e-6)


def test_laminate():
    X = np.broadcast_to(np.arange(24) % 8 < 5, (1, 24, 24)).astype(int)
    lags = np.arange(13)
    along, across = 5 / 8, np.maximum(5 - lags, 0) / 8
    assert_allclose(LinealPath().fit_transform(X)[0], (along + across) / 2, atol=1e-6)


def test_random_voxels_have_a_power_law():
    X = (np.random.default_rng(2).random((1, 400, 400)) < 0.6).astype(int)
    assert_allclose(LinealPath(max_lag=5).fit_transform(X)[0], 0.6 ** np.arange(1, 7), rtol=0.05)
    probabilities = torch.full((1, 1, 6, 6), 0.6, dtype=torch.float64)
    assert_allclose(LinealPath()(probabilities)[0], 0.6 ** np.arange(1, 5), rtol=1e-12)


@pytest.mark.parametrize("label", [0, 1])
def test_one_phase(label):
    assert_array_equal(LinealPath().fit_transform(np.full((2, 5, 6), label)), label)


def test_grey_levels_are_clipped_to_probabilities():
    grey = np.random.default_rng(3).normal(size=(3, 20, 20)) * 1e10
    found = LinealPath().fit_transform(grey)
    assert_allclose(found, LinealPath().fit_transform((grey > 0).astype(int)), rtol=1e-6)


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 4), (1, 5)])
@pytest.mark.parametrize("periodic", [True, False])
def test_gradients(shape, periodic):
    images = torch.from_numpy(np.random.default_rng(0).random((2, 2, *shape))).requires_grad_()
    assert torch.autograd.gradcheck(
        LinealPath(periodic=periodic), images, fast_mode=True, atol=1e-7
    )


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"max_lag": 3}, ValueError, r"max_lag must lie in \[0, 2\] for periodic images"),
        ({"max_lag": 4, "periodic": False}, ValueError, r"max_lag must lie in \[0, 3\]"),
        ({"max_lag": -1}, ValueError, "max_lag must be >= 0"),
        ({"max_lag": 1.5}, TypeError, "max_lag must be an integer"),
        ({"periodic": 1}, ValueError, "periodic must be"),
        ({"phase": 4}, ValueError, "phase must be one of"),
    ],
)
def test_wrong_parameters_are_named(parameters, error, message):
    with pytest.raises(error, match=message):
        LinealPath(**parameters).fit(np.eye(4, dtype=int)[None])
