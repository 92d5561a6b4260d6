"""Figures on the lattice against their definitions, and the law they are drawn from."""

import itertools
import math

import numpy as np
import pytest

from skmicro.datasets import make_circle_square, make_circles
from skmicro.datasets._shapes import _circle_and_square_apart, _corners, _sides

BOTH = pytest.mark.parametrize("make", [make_circles, make_circle_square])
SHAPES = [(40, 48), (24, 22, 26)]


def measure(mask):
    """Area and centroid of one shape."""
    index = np.argwhere(mask)
    return [len(index), *index.mean(axis=0)]


@pytest.mark.parametrize("shape", SHAPES)
def test_circles_hold_the_voxels_within_their_radius(shape):
    images, parameters = make_circles(
        6, shape, radius=(2, 7), center=(0, 21), n_circles=3, random_state=0
    )
    expected = np.zeros_like(images)
    for image, objects in zip(expected, parameters, strict=True):
        for label, (radius, *center) in enumerate(objects, 1):
            distance = np.linalg.norm(np.argwhere(image >= 0) - center, axis=1)
            image.reshape(-1)[distance <= radius] = label
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, expected)


def test_areas_and_centroids_of_circles():
    images, parameters = make_circles(20, radius=(14, 29), center=(30, 96), random_state=0)
    for image, objects in zip(images, parameters, strict=True):
        for label, (radius, *center) in enumerate(objects, 1):
            area, *centroid = measure(image == label)
            assert area == pytest.approx(math.pi * radius**2, rel=0.02)
            np.testing.assert_allclose(centroid, center, atol=1e-10)


@pytest.mark.parametrize(("shape", "radius", "center"), [
    ((128, 128), (14, 29), (30, 96)),
    ((30, 32, 36), (3, 6), (7, 22)),
])  # fmt: skip
def test_areas_and_centroids_of_circle_and_square_are_exact(shape, radius, center):
    images, parameters = make_circle_square(20, shape, radius=radius, center=center, random_state=0)
    measured = [[measure(image == label) for label in (1, 2)] for image in images]
    np.testing.assert_allclose(parameters, measured, atol=1e-10)
    assert {0.0, 0.5} == set(np.unique(parameters[:, 1, 1:] % 1))
    for image, (area, *middle) in zip(images, parameters[:, 1], strict=True):
        reach = np.abs(np.argwhere(image == 2) - middle).max()
        assert (2 * reach + 1) ** len(shape) == area


@pytest.mark.parametrize(("n_axes", "unit_ball"), [(2, math.pi), (3, 4 * math.pi / 3)])
def test_the_square_is_as_large_as_the_circle(n_axes, unit_ball):
    radii = np.arange(1, 40)
    exact = (unit_ball * radii**n_axes) ** (1 / n_axes)
    assert np.abs(_sides(radii, n_axes) - exact).max() <= 0.5


def test_shapes_do_not_overlap():
    images, parameters = make_circles(200, (64, 64), n_circles=3, random_state=0)
    for i, j in itertools.combinations(range(3), 2):
        between = np.linalg.norm(parameters[:, i, 1:] - parameters[:, j, 1:], axis=1)
        assert (between > parameters[:, i, 0] + parameters[:, j, 0]).all()
    assert set(np.unique(images)) == {0, 1, 2, 3}


def test_circle_and_square_are_apart_where_they_share_no_voxel():
    rng = np.random.default_rng(0)
    objects = rng.integers([1, 8, 8], [5, 17, 17], size=(2000, 2, 3))
    grid = np.stack(np.meshgrid(*[np.arange(25)] * 2, indexing="ij"), axis=-1)
    low, high = _corners(objects[:, 1])
    shared = [
        ((np.square(grid - c).sum(-1) <= r * r) & ((grid >= a) & (grid <= b)).all(-1)).any()
        for (r, *c), a, b in zip(objects[:, 0], low, high, strict=True)
    ]
    np.testing.assert_array_equal(_circle_and_square_apart(objects), ~np.array(shared))
    assert 0.2 < np.mean(shared) < 0.8


def test_shapes_follow_the_uniform_law_on_condition_of_no_overlap():
    _, parameters = make_circles(20000, (6, 6), radius=(1, 2), center=(0, 5), random_state=0)
    one = np.array(list(itertools.product([1, 2], range(6), range(6))))
    first, second = (index.ravel() for index in np.indices((72, 72)))
    distances = np.linalg.norm(one[first, 1:] - one[second, 1:], axis=1)
    allowed = distances > one[first, 0] + one[second, 0]
    codes = (parameters @ [36, 6, 1]).astype(int) - 36
    counts = np.bincount(codes @ [72, 1], minlength=72 * 72)
    assert (counts[~allowed] == 0).all()
    expected = 20000 / allowed.sum()
    chi_squared = np.square(counts[allowed] - expected).sum() / expected
    freedom = allowed.sum() - 1
    assert abs(chi_squared - freedom) < 4 * math.sqrt(2 * freedom)


@BOTH
def test_default_ranges_are_the_published_ones_and_scale_with_the_side(make):
    square = make is make_circle_square
    for side, radii, centers in [(128, (14, 32), (30, 96)), (64, (7, 16), (15, 48))]:
        _, parameters = make(4000, (side, side), random_state=0)
        drawn = parameters[:, 0]
        sizes = math.pi * np.square(radii) if square else radii
        assert (drawn[:, 0].min(), drawn[:, 0].max()) == pytest.approx(sizes, rel=0.04)
        assert (drawn[:, 1:].min(), drawn[:, 1:].max()) == centers


def test_three_dimensions_and_sides_that_differ():
    _, parameters = make_circles(500, (32, 64, 128), radius=(2, 4), random_state=0)
    centers = parameters[..., 1:].reshape(-1, 3)
    np.testing.assert_array_equal(centers.min(axis=0), [7, 15, 30])
    np.testing.assert_array_equal(centers.max(axis=0), [23, 48, 96])


@BOTH
def test_shapes_that_cannot_be_apart_are_refused(make):
    with pytest.raises(ValueError, match=r"radius must be smaller, .*two always overlapped"):
        make(1, (16, 16), radius=(8, 9), center=(6, 9), random_state=0)


@BOTH
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_samples": 0}, r"n_samples must be >= 1, got 0\."),
        ({"shape": (64,)}, r"shape must hold 2 or 3 integers, got \(64,\)\."),
        ({"radius": 9}, r"radius must be a range \(low, high\), got 9\."),
        ({"radius": (0, 9)}, r"radius must be >= 1, got 0\."),
        ({"radius": (9, 8)}, r"radius must have low <= high, got \(9, 8\)\."),
        ({"center": (-1, 9)}, r"center must be >= 0, got -1\."),
        ({"center": (3, 128)}, r"center must lie within shape=\(128, 128\), got \(3, 128\)\."),
        ({"center": (3, 4, 5)}, "center must be a range"),
        ({"random_state": -1}, "random_state must be >= 0, got -1"),
    ],
)
def test_bad_values_are_named(make, options, message):
    with pytest.raises(ValueError, match=message):
        make(**{"n_samples": 2, **options})


@BOTH
@pytest.mark.parametrize("options", [{"n_samples": 2.0}, {"radius": (3, 4.5)}, {"center": "ab"}])
def test_bad_types_are_named(make, options):
    with pytest.raises((TypeError, ValueError), match=next(iter(options))):
        make(**{"n_samples": 1, **options})


@pytest.mark.parametrize("n_circles", [0, 64])
def test_number_of_circles_is_checked(n_circles):
    with pytest.raises(ValueError, match=rf"n_circles must lie in \[1, 63\], got {n_circles}\."):
        make_circles(1, n_circles=n_circles)
