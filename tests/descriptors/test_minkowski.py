"""MinkowskiFunctionals: cells counted one by one, boxes, balls, other descriptors, gradients."""

from math import comb

import numpy as np
import pytest
import torch
from by_hand import cells, wrapping
from numpy.testing import assert_allclose, assert_array_equal

from skmicro.descriptors import EulerNumber, MinkowskiFunctionals, SpecificSurface, VolumeFraction

EulerNumber, MinkowskiFunctionals, SpecificSurface = map(
    wrapping, (EulerNumber, MinkowskiFunctionals, SpecificSurface)
)

SHAPES = [(6, 7), (4, 3, 5), (2, 3), (2, 2, 2), (1, 4, 5)]
every_connectivity = pytest.mark.parametrize("connectivity", ["faces", "corners"])
every_method = pytest.mark.parametrize("method", ["faces", "two-point"])
with_and_without_wrap = pytest.mark.parametrize("periodic", [True, False])


def functionals(X, **parameters):
    """Figures of whole images."""
    return MinkowskiFunctionals(**parameters).fit_transform(X) * X[0].size


def brute_force(image, connectivity):
    """Intrinsic volumes of the open or closed voxels, from their cells of all dimensions."""
    image = image.squeeze()
    d = image.ndim
    found = cells(image, True)
    if connectivity == "faces":
        found = cells(np.ones_like(image), True) - cells(1 - image, True)
    sizes = np.array([(np.array(cell) % 2).sum() for cell in found], int)
    volumes = {}
    for k in range(d):
        signs = (-1) ** (d - sizes if connectivity == "faces" else sizes + k)
        volumes[k] = (signs * [comb(size, k) for size in sizes]).sum()
    breadth = [volumes[1] / 2] if d == 3 else []
    return [image.sum(), 2 * volumes[d - 1], *breadth, volumes[0]]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [0.3, 0.7])
@every_connectivity
def test_matches_cells_counted_one_by_one(shape, share, connectivity):
    X = (np.random.default_rng(0).random((4, *shape)) < share).astype(int)
    expected = [brute_force(image, connectivity) for image in X]
    assert_allclose(functionals(X, connectivity=connectivity), expected, atol=1e-4)
    # Curvatures of an image with borders are those of an image with an empty layer.
    padding = [(0, 0), *[(0, int(side > 1)) for side in shape]]
    expected = [brute_force(image, connectivity) for image in np.pad(X, padding)]
    found = functionals(X, connectivity=connectivity, periodic=False)
    assert_allclose(found[:, 2:], np.array(expected)[:, 2:], atol=1e-4)


@pytest.mark.parametrize("sides", [(1, 1, 1), (2, 3, 4), (1, 5, 2), (6, 1, 1)])
@every_connectivity
def test_box(sides, connectivity):
    a, b, c = sides
    X = np.zeros((1, 9, 8, 7), int)
    X[0, 1 : 1 + a, 2 : 2 + b, 1 : 1 + c] = 1
    expected = [a * b * c, 2 * (a * b + b * c + c * a), (a + b + c) / 2, 1]
    assert_allclose(functionals(X, connectivity=connectivity)[0], expected, rtol=1e-5)
    across = np.roll(X, (4, -3, 4), (1, 2, 3))
    assert_allclose(functionals(across, connectivity=connectivity)[0], expected, rtol=1e-5)
    found = functionals(X, connectivity=connectivity, periodic=False)[0]
    assert_allclose(np.delete(found, 1), np.delete(expected, 1), rtol=1e-5)
    hole = functionals(1 - X, connectivity=connectivity)[0]
    assert_allclose(hole, [504 - a * b * c, expected[1], -expected[2], 1], atol=2e-4)


@pytest.mark.parametrize("sides", [(1, 1), (3, 5), (7, 1)])
@every_connectivity
def test_rectangle(sides, connectivity):
    a, b = sides
    X = np.zeros((1, 9, 8), int)
    X[0, 1 : 1 + a, 2 : 2 + b] = 1
    found = functionals(X, connectivity=connectivity)[0]
    assert_allclose(found, [a * b, 2 * (a + b), 1], rtol=1e-5)
    hole = functionals(1 - X, connectivity=connectivity)[0]
    assert_allclose(hole, [72 - a * b, 2 * (a + b), -1], rtol=1e-5)


@every_connectivity
def test_disjoint_bodies_add_up(connectivity):
    rng = np.random.default_rng(1)
    X = np.zeros((2, 20, 9, 8), int)
    X[0, 1:9, 1:-1, 1:-1] = rng.integers(0, 2, (8, 7, 6))
    X[1, 10:19, 1:-1, 1:-1] = rng.integers(0, 2, (9, 7, 6))
    together = functionals(X.sum(axis=0)[None], connectivity=connectivity)
    separate = functionals(X, connectivity=connectivity)
    assert_allclose(together[0], separate.sum(axis=0), atol=1e-3)


def test_boxes_that_overlap_obey_inclusion_and_exclusion():
    """Union and intersection have the sum of their functionals."""
    X = np.zeros((2, 10, 10, 10), int)
    X[0, 1:6, 2:7, 1:5] = 1
    X[1, 3:9, 4:8, 3:9] = 1
    both = np.stack([X.max(axis=0), X.min(axis=0)])
    for connectivity in ("faces", "corners"):
        found = functionals(both, connectivity=connectivity).sum(axis=0)
        assert_allclose(found, functionals(X, connectivity=connectivity).sum(axis=0), atol=1e-3)


@every_connectivity
def test_rows_and_bars_around_the_torus(connectivity):
    row = np.zeros((1, 12, 8, 8), int)
    row[0, np.arange(12) % 4 < 3, 2:4, 3:6] = 1
    found = functionals(row, connectivity=connectivity)[0]
    assert_allclose(found, [3 * 18, 3 * 42, 3 * 4, 3], rtol=1e-5)
    bar = np.zeros((1, 12, 8, 8), int)
    bar[0, :, 2:4, 3:6] = 1
    found = functionals(bar, connectivity=connectivity)[0]
    assert_allclose(found, [72, 120, 6, 0], atol=1e-4)
    slab = np.zeros((1, 12, 8, 8), int)
    slab[0, 2:5] = 1
    found = functionals(slab, connectivity=connectivity)[0]
    assert_allclose(found, [192, 128, 0, 0], atol=1e-4)


def test_diagonal_neighbours():
    X = np.zeros((1, 5, 5, 5), int)
    X[0, 1, 1, 1] = X[0, 2, 2, 1] = 1
    # They share an edge of length 1, of intrinsic volumes V_1 = V_0 = 1.
    assert_allclose(functionals(X)[0], [2, 12, 3, 2], rtol=1e-5)
    assert_allclose(functionals(X, connectivity="corners")[0], [2, 12, 2.5, 1], rtol=1e-5)
    X[0, 2, 2] = [0, 0, 1, 0, 0]
    # They share a point, whose only functional is V_0 = 1.
    assert_allclose(functionals(X)[0], [2, 12, 3, 2], rtol=1e-5)
    assert_allclose(functionals(X, connectivity="corners")[0], [2, 12, 3, 1], rtol=1e-5)


@pytest.mark.parametrize("radius", [5, 10.4, 20])
@pytest.mark.parametrize("offset", [0, 0.31, 0.5])
@pytest.mark.parametrize("ndim", [2, 3])
def test_balls(radius, offset, ndim):
    side = int(2 * radius) + 6
    grid = np.indices((side,) * ndim) - side // 2 - offset
    X = ((grid**2).sum(axis=0) <= radius**2).astype(int)[None]
    smooth, rough = functionals(X, method="two-point")[0], functionals(X)[0]
    size = [np.pi * radius**2, 2 * np.pi * radius]
    staircase = 4 / np.pi
    if ndim == 3:
        size = [4 / 3 * np.pi * radius**3, 4 * np.pi * radius**2]
        staircase = 3 / 2
        assert abs(smooth[2] - 2 * radius) <= 1.001
        assert_allclose(rough[2], staircase * smooth[2], rtol=1e-6)
    assert_allclose(smooth[:2], size, rtol=0.6 / radius)
    assert_allclose(rough[:2] / [1, staircase], size, rtol=0.6 / radius)
    assert_allclose([smooth[-1], rough[-1]], 1, rtol=1e-4)


@pytest.mark.parametrize("shape", [(9, 8), (5, 6, 7), (1, 5, 6), (1, 9), (2, 1)])
@every_method
@with_and_without_wrap
@every_connectivity
def test_each_figure_is_that_of_its_own_descriptor(shape, method, periodic, connectivity):
    labels = np.random.default_rng(2).integers(0, 3, (4, *shape))
    for phase in range(3):
        found = MinkowskiFunctionals(
            phase=phase, method=method, periodic=periodic, connectivity=connectivity
        ).fit_transform(labels)
        others = [
            VolumeFraction(phase=phase),
            SpecificSurface(phase=phase, method=method, periodic=periodic),
            EulerNumber(phase=phase, periodic=periodic, connectivity=connectivity),
        ]
        expected = np.hstack([other.fit_transform(labels) for other in others])
        assert_array_equal(found[:, [0, 1, -1]], expected)


def test_breadth_is_that_of_the_sections():
    X = np.random.default_rng(3).integers(0, 2, (3, 5, 6, 7))
    for connectivity in ("faces", "corners"):
        for periodic in (True, False):
            settings = {"connectivity": connectivity, "periodic": periodic}
            sections = 0
            for axis in (1, 2, 3):
                planes = np.moveaxis(X, axis, 1)
                stack = planes.reshape(-1, *planes.shape[2:])
                sections += EulerNumber(**settings).fit_transform(stack).reshape(3, -1).mean(axis=1)
            for method, share in {"faces": 1 / 2, "two-point": 1 / 3}.items():
                found = MinkowskiFunctionals(method=method, **settings).fit_transform(X)
                assert_allclose(found[:, 2], share * sections, atol=1e-6)


def test_names_of_plane_and_spatial_images():
    plane = ["minkowski_area", "minkowski_perimeter", "minkowski_euler"]
    spatial = [
        "minkowski_volume",
        "minkowski_surface",
        "minkowski_mean_breadth",
        "minkowski_euler",
    ]
    for shape, names in {
        (5, 6): plane,
        (1, 6): plane,
        (5, 1, 6): plane,
        (3, 4, 5): spatial,
    }.items():
        X = np.random.default_rng(4).integers(0, 2, (2, *shape))
        assert list(MinkowskiFunctionals().fit(X).get_feature_names_out()) == names


@pytest.mark.parametrize("p", [0.2, 0.5])
@every_connectivity
def test_independent_voxels_have_the_expected_breadth(p, connectivity):
    """``3 p - 6 p^2 + 3 p^4`` chords, pairs and squares; with the sign of the rest."""
    probabilities = torch.full((1, 1, 5, 6, 7), p, dtype=torch.float64)
    q = p if connectivity == "faces" else 1 - p
    expected = (3 * q - 6 * q**2 + 3 * q**4) / 2 * (1 if connectivity == "faces" else -1)
    descriptor = MinkowskiFunctionals(connectivity=connectivity)
    assert_allclose(descriptor(probabilities)[0, 2], expected, rtol=1e-12)
    X = (np.random.default_rng(5).random((4, 40, 40, 40)) < p).astype(int)
    assert_allclose(descriptor.fit_transform(X)[:, 2].mean(), expected, atol=0.003)


def test_grey_levels_are_clipped_to_probabilities():
    grey = np.random.default_rng(6).normal(size=(3, 6, 5, 4)) * 1e10
    assert_allclose(functionals(grey), functionals((grey > 0).astype(int)), atol=1e-4)


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 3), (1, 4)])
@with_and_without_wrap
@every_connectivity
@every_method
def test_gradients(shape, periodic, connectivity, method):
    images = torch.from_numpy(np.random.default_rng(0).random((2, 2, *shape))).requires_grad_()
    descriptor = MinkowskiFunctionals(periodic=periodic, connectivity=connectivity, method=method)
    assert torch.autograd.gradcheck(descriptor, images, fast_mode=True, atol=1e-7)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"connectivity": 8}, "connectivity must be one of .*corners.*faces.* got 8"),
        ({"method": "crofton"}, "method must be one of"),
        ({"periodic": 1}, "periodic must be"),
        ({"phase": 4}, "phase must be one of"),
    ],
)
def test_wrong_parameters_are_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        MinkowskiFunctionals(**parameters).fit(np.eye(4, dtype=int)[None])
