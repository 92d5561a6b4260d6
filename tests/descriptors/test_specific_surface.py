"""SpecificSurface: counted faces, slopes, closed forms."""

import numpy as np
import pytest
import torch
from by_hand import wrapping
from numpy.testing import assert_allclose

from skmicro.descriptors import SpecificSurface, _kernels

SpecificSurface = wrapping(SpecificSurface)

METHODS = ["faces", "two-point"]


def ball(side, radius, ndim):
    """A ball of non-integer centre in the middle of a cube."""
    grid = np.indices((side,) * ndim) - side / 2 + 0.31
    return ((grid**2).sum(axis=0) < radius**2).astype(np.uint8)[None]


def brute_faces(image, periodic):
    area = 0.0
    for axis in range(image.ndim):
        side = image.shape[axis]
        if side == 1:
            continue
        there = np.roll(image, -1, axis=axis)
        unlike = (there != image).take(np.arange(side if periodic else side - 1), axis=axis)
        area += unlike.mean()
    return area


@pytest.mark.parametrize("shape", [(7, 8), (5, 6, 7), (1, 9), (1, 4, 5), (2, 2), (1, 1)])
@pytest.mark.parametrize("periodic", [True, False])
def test_faces_match_a_plain_count(shape, periodic):
    images = np.random.default_rng(0).integers(0, 2, (3, *shape))
    found = SpecificSurface(periodic=periodic).fit_transform(images)
    expected = [[brute_faces(image, periodic)] for image in images]
    assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("shape", [(6, 6), (7, 5), (4, 5, 3), (8, 1)])
def test_two_point_is_the_slope_of_the_correlation(shape):
    field = torch.from_numpy(np.random.default_rng(1).random((2, *shape)))
    thick = [side for side in shape if side > 1]
    values = _kernels.correlation_map(field.reshape(2, *thick), max_lag=1)
    lags = np.indices((3,) * len(thick)).reshape(len(thick), -1) - 1
    length = np.sqrt((lags**2).sum(axis=0))
    values = values.reshape(2, -1).numpy()
    drops = (values[:, length == 0] - values[:, length > 0]) / length[length > 0]
    factor = {1: 2, 2: np.pi, 3: 4}[len(thick)]
    assert_allclose(_kernels.two_point_surface(field), factor * drops.mean(axis=1), atol=1e-12)


@pytest.mark.parametrize("period", [2, 4, 6, 12])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slab_has_two_faces_per_period(period, axis):
    layers = np.arange(12) % period < period // 2
    slab = np.moveaxis(np.broadcast_to(layers, (12, 12, 12)), 2, axis)[None]
    assert_allclose(SpecificSurface().fit_transform(slab), 2 / period, atol=1e-6)


@pytest.mark.parametrize("periodic", [True, False])
def test_slab_along_the_grid_by_slope(periodic):
    slab = np.broadcast_to(np.arange(24) % 8 < 4, (1, 24, 24, 24))
    found = SpecificSurface(method="two-point", periodic=periodic).fit_transform(slab)
    directions = np.array([v for v in np.ndindex(3, 3, 3) if v != (1, 1, 1)]) - 1
    cosines = np.abs(directions[:, 2]) / np.linalg.norm(directions, axis=1)
    factor = 1 if periodic else 24 / 23 * 5 / 6
    assert_allclose(found, factor * 0.25 * 2 * cosines.mean(), rtol=1e-5)
    assert_allclose(2 * cosines.mean(), 1, atol=0.07)


@pytest.mark.parametrize("angle", np.linspace(0, np.pi / 4, 7))
def test_flat_interface_in_any_direction(angle):
    x, y = np.indices((400, 400))
    half_plane = (x * np.cos(angle) + y * np.sin(angle) < 260).astype(np.uint8)[None]
    half_plane = half_plane[:, 100:300, 100:300]
    unlike = [np.abs(np.diff(half_plane[0].astype(int), axis=k)).mean() for k in (0, 1)]
    true_length = np.hypot(*unlike)
    slope = SpecificSurface(method="two-point", periodic=False).fit_transform(half_plane)
    assert_allclose(slope, true_length, rtol=0.06)
    faces = SpecificSurface(periodic=False).fit_transform(half_plane)
    assert_allclose(faces, true_length * (np.cos(angle) + np.sin(angle)), rtol=0.02)


@pytest.mark.parametrize(
    ("ndim", "side", "radius"), [(2, 200, 60.3), (3, 64, 22.4)], ids=["disc", "ball"]
)
@pytest.mark.parametrize("periodic", [True, False])
def test_ball_has_its_surface(ndim, side, radius, periodic):
    images = ball(side, radius, ndim)
    area = 2 * np.pi * radius if ndim == 2 else 4 * np.pi * radius**2
    true_surface = area / side**ndim
    tolerance = 0.02 if periodic else 0.05
    slope = SpecificSurface(method="two-point", periodic=periodic).fit_transform(images)
    assert_allclose(slope, true_surface, rtol=tolerance)
    faces = SpecificSurface(periodic=periodic).fit_transform(images)
    staircase = {2: 4 / np.pi, 3: 3 / 2}[ndim]
    assert_allclose(faces, staircase * true_surface, rtol=tolerance)


def test_checkerboard_has_every_face():
    board = np.indices((1, 8, 8)).sum(axis=0) % 2
    assert_allclose(SpecificSurface().fit_transform(board), 2)


@pytest.mark.parametrize("method", METHODS)
def test_one_phase_has_no_surface(method):
    images = np.ones((2, 5, 6), int)
    assert_allclose(SpecificSurface(method=method).fit_transform(images), 0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(6, 7), (5, 4, 6)])
def test_complement_and_translation(method, shape):
    images = np.random.default_rng(2).integers(0, 2, (2, *shape))
    surface = SpecificSurface(method=method).fit(images)
    found = surface.transform(images)
    assert_allclose(surface.transform(1 - images), found, rtol=1e-6)
    assert_allclose(surface.transform(np.roll(images, 2, axis=1)), found, rtol=1e-6)


def test_interfaces_of_three_phases_add_up():
    images = np.random.default_rng(3).integers(0, 3, (2, 9, 9))
    each = [SpecificSurface(phase=phase).fit_transform(images) for phase in range(3)]
    unlike = [brute_faces(image, True) for image in images]
    assert_allclose(sum(each)[:, 0], 2 * np.array(unlike), rtol=1e-6)


@pytest.mark.parametrize("shape", [(3, 4), (3, 2, 3), (1, 5)])
@pytest.mark.parametrize("periodic", [True, False])
def test_gradients(shape, periodic):
    field = torch.from_numpy(np.random.default_rng(4).random((1, *shape))).requires_grad_()

    def slope(x):
        return _kernels.two_point_surface(x, periodic=periodic)

    def faces(x):
        return _kernels.face_surface(x, periodic=periodic)

    assert torch.autograd.gradcheck(slope, field)
    assert torch.autograd.gradgradcheck(slope, field, fast_mode=True, atol=1e-7)
    assert torch.autograd.gradcheck(faces, field)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"method": "crofton"}, "method must be one of"),
        ({"periodic": 1}, "periodic must be"),
        ({"phase": 4}, "phase must be one of"),
    ],
)
def test_wrong_parameters_are_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        SpecificSurface(**parameters).fit(np.eye(4, dtype=int)[None])
