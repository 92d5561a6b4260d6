"""EulerNumber: closed forms, cells counted one by one, components minus holes, gradients."""

import numpy as np
import pytest
import torch
from by_hand import cells, wrapping
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from skmicro.descriptors import ClusterStatistics, EulerNumber

ClusterStatistics, EulerNumber = map(wrapping, (ClusterStatistics, EulerNumber))

SHAPES = [(6, 7), (4, 3, 5), (2, 3), (2, 2, 2), (9, 1), (1, 4, 5)]
every_connectivity = pytest.mark.parametrize("connectivity", ["faces", "corners"])
with_and_without_wrap = pytest.mark.parametrize("periodic", [True, False])


def euler(X, **parameters):
    """Euler characteristics of whole images."""
    return EulerNumber(**parameters).fit_transform(X)[:, 0] * X[0].size


def brute_force(image, periodic, connectivity):
    image = image.squeeze()
    if connectivity == "corners":
        return sum((-1) ** (np.array(cell) % 2).sum() for cell in cells(image, periodic))
    outside = 1 - image if periodic else np.pad(1 - image, 1, constant_values=1)
    everything = cells(np.ones_like(outside), periodic)
    inner = everything - cells(outside, periodic)
    return sum((-1) ** (np.array(cell) % 2 == 0).sum() for cell in inner)


@pytest.mark.representatives("shape0", "shape3", "shape5")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [0.3, 0.7])
@with_and_without_wrap
@every_connectivity
def test_matches_cells_counted_one_by_one(shape, share, periodic, connectivity):
    X = (np.random.default_rng(0).random((4, *shape)) < share).astype(int)
    expected = [brute_force(image, periodic, connectivity) for image in X]
    assert_allclose(euler(X, periodic=periodic, connectivity=connectivity), expected, atol=1e-4)


@every_connectivity
def test_components_minus_holes_in_the_plane(connectivity):
    X = (np.random.default_rng(1).random((5, 12, 12)) < 0.55).astype(int)
    cross, square = (ndimage.generate_binary_structure(2, k) for k in (1, 2))
    own, other = (cross, square) if connectivity == "faces" else (square, cross)
    rest = np.pad(1 - X, ((0, 0), (1, 1), (1, 1)), constant_values=1)
    n_components = np.array([ndimage.label(image, own)[1] for image in X])
    n_holes = np.array([ndimage.label(image, other)[1] - 1 for image in rest])
    assert n_holes.max() > 0
    found = euler(X, periodic=False, connectivity=connectivity)
    assert_allclose(found, n_components - n_holes, atol=1e-4)


def solids():
    """Shapes with their Euler characteristics."""
    x, y, z = np.indices((23, 23, 23)) - 11
    distance = np.sqrt(x**2 + y**2 + z**2)
    tube = np.hypot(np.hypot(x, y) - 6, z)
    plate = (abs(x) < 9) & (abs(y) < 9) & (abs(z) < 2)
    flat = distance[:, :, 11]
    return {
        "nothing": (distance < 0, 0),
        "disc": (flat < 6, 1),
        "annulus": ((flat < 6) & (flat > 3), 0),
        "ball": (distance < 6, 1),
        "two balls": (np.hypot(abs(x) - 6, np.hypot(y, z)) < 4, 2),
        "shell": ((distance < 6) & (distance > 3), 2),
        "solid torus": (tube < 4, 0),
        "tube along a ring": ((tube < 5) & (tube > 2), 0),
        "plate with two holes": (plate & (np.hypot(abs(x) - 4, y) > 2), 1 - 2),
        "plate with four holes": (plate & (np.hypot(abs(x) - 4, abs(y) - 4) > 2), 1 - 4),
    }


@pytest.mark.parametrize("name", solids())
@with_and_without_wrap
@every_connectivity
def test_closed_forms(name, periodic, connectivity):
    solid, expected = solids()[name]
    found = euler(solid[None].astype(int), periodic=periodic, connectivity=connectivity)
    assert_allclose(found, expected, atol=1e-3)


@every_connectivity
def test_full_images(connectivity):
    for shape in [(5, 6), (3, 4, 5)]:
        full = np.ones((1, *shape), int)
        assert_allclose(euler(full, periodic=True, connectivity=connectivity), 0, atol=1e-5)
        assert_allclose(euler(full, periodic=False, connectivity=connectivity), 1, atol=1e-5)
    assert_array_equal(euler(np.ones((1, 1, 1), int), connectivity=connectivity), 1)


def test_bands_around_the_torus_and_blobs_across_the_border():
    band = np.zeros((1, 8, 8), int)
    band[0, 3:5] = 1
    assert_allclose([euler(band), euler(band, periodic=False)], [[0], [1]], atol=1e-5)
    blob = np.zeros((1, 8, 8), int)
    blob[0, :2, :2] = 1
    blob = np.roll(blob, (-1, -1), (1, 2))
    assert_allclose([euler(blob), euler(blob, periodic=False)], [[1], [4]], atol=1e-5)


def test_diagonal_neighbours():
    X = np.eye(6, dtype=int)[None]
    assert_allclose(euler(X, periodic=False), 6, atol=1e-5)
    assert_allclose(euler(X, periodic=False, connectivity="corners"), 1, atol=1e-5)
    assert_allclose(euler(X, periodic=True, connectivity="corners"), 0, atol=1e-5)


@pytest.mark.parametrize("shape", [(7, 6), (4, 5, 6)])
def test_phase_and_rest_on_the_torus(shape):
    X = np.random.default_rng(2).integers(0, 2, (4, *shape))
    sign = (-1) ** (len(shape) + 1)
    rest = EulerNumber(phase=0, connectivity="corners").fit_transform(X)
    assert_allclose(rest, sign * EulerNumber().fit_transform(X), atol=1e-6)


def test_one_voxel_in_a_large_volume_is_not_lost_in_rounding():
    X = np.ones((1, 96, 96, 96), np.uint8)
    X[0, 20, 30, 40] = 0
    for connectivity in ("faces", "corners"):
        assert_allclose(euler(X, connectivity=connectivity), 1, rtol=1e-6)


@pytest.mark.parametrize("shape", [(16, 16), (8, 8, 8)])
@every_connectivity
def test_sparse_phase_counts_its_clusters(shape, connectivity):
    X = (np.random.default_rng(3).random((6, *shape)) < 0.04).astype(int)
    clusters = ClusterStatistics(connectivity=connectivity).fit_transform(X)
    found = EulerNumber(connectivity=connectivity).fit_transform(X)
    assert_allclose(found[:, 0], clusters[:, 0], atol=1e-6)


@pytest.mark.parametrize("p", [0.2, 0.5])
@every_connectivity
def test_independent_voxels_have_the_expected_characteristic(p, connectivity):
    X = (np.random.default_rng(4).random((40, 50, 50)) < p).astype(int)
    probabilities = torch.full((1, 1, 50, 50), p, dtype=torch.float64)
    expected = p - 2 * p**2 + p**4
    if connectivity == "corners":
        q = 1 - p
        expected = -(q - 2 * q**2 + q**4)
    descriptor = EulerNumber(connectivity=connectivity)
    assert_allclose(descriptor(probabilities), expected, rtol=1e-12)
    assert_allclose(descriptor.fit_transform(X).mean(), expected, atol=0.003)


def test_grey_levels_are_clipped_to_probabilities():
    grey = np.random.default_rng(5).normal(size=(3, 6, 5, 4)) * 1e10
    assert_allclose(euler(grey), euler((grey > 0).astype(int)), atol=1e-4)


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 3), (1, 4)])
@with_and_without_wrap
@every_connectivity
def test_gradients(shape, periodic, connectivity):
    images = torch.from_numpy(np.random.default_rng(0).random((2, 2, *shape))).requires_grad_()
    descriptor = EulerNumber(periodic=periodic, connectivity=connectivity)
    assert torch.autograd.gradcheck(descriptor, images, fast_mode=True, atol=1e-7)


@pytest.mark.parametrize("kind", [EulerNumber, ClusterStatistics])
@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"connectivity": 8}, "connectivity must be one of .*corners.*faces.* got 8"),
        ({"periodic": 1}, "periodic must be"),
        ({"phase": 4}, "phase must be one of"),
    ],
)
def test_wrong_parameters_are_named(kind, parameters, message):
    with pytest.raises(ValueError, match=message):
        kind(**parameters).fit(np.eye(4, dtype=int)[None])
