"""Ellipses on the lattice against their five parameters, and the law these are drawn from."""

import math

import numpy as np
import pytest
from scipy import ndimage, stats

from skmicro.datasets import make_ellipses
from skmicro.datasets._ellipses import ellipses, extents


def axes_of(angle):
    """Unit vectors (row, column) along the major and the minor axis."""
    return np.array([[np.sin(angle), np.cos(angle)], [np.cos(angle), -np.sin(angle)]])


@pytest.mark.parametrize("shape", [(32, 32), (30, 44)])
def test_ellipses_hold_the_pixels_of_their_definition(shape):
    images, parameters = make_ellipses(200, shape, random_state=0)
    assert images.dtype == np.uint8
    grid = np.stack(np.indices(shape), axis=-1)
    for image, (a, b, *center, angle) in zip(images, parameters, strict=True):
        turned = (grid - center) @ axes_of(angle).T
        expected = np.square(turned / [a, b]).sum(axis=-1) <= 1
        np.testing.assert_array_equal(image, expected)


@pytest.mark.parametrize(("angle", "height", "width"), [(0.0, 7, 15), (math.pi / 2, 15, 7)])
def test_the_angle_is_taken_from_the_horizontal(angle, height, width):
    (mask,) = ellipses(np.array([[7.0, 3.0, 16.0, 16.0, angle + 1e-12]]), (32, 32))
    # At the tips the outline touches the centres of pixels, which rounding may decide.
    assert abs(mask.any(axis=1).sum() - height) in (0, 2)
    assert abs(mask.any(axis=0).sum() - width) in (0, 2)


def test_small_angles_point_to_higher_rows_at_higher_columns():
    (mask,) = ellipses(np.array([[12.0, 3.0, 16.0, 16.0, 0.5]]), (33, 33))
    rows, columns = np.nonzero(mask)
    assert np.corrcoef(rows, columns)[0, 1] > 0.5


def test_areas_are_pi_a_b():
    images, parameters = make_ellipses(20000, random_state=0)
    areas = math.pi * parameters[:, 0] * parameters[:, 1]
    differences = images.sum(axis=(1, 2)) - areas
    assert np.abs(differences).max() < 10
    assert abs(differences.mean()) < 4 * differences.std() / math.sqrt(len(areas))
    fine, parameters = make_ellipses(20, (400, 400), random_state=0)
    areas = math.pi * parameters[:, 0] * parameters[:, 1]
    np.testing.assert_allclose(fine.sum(axis=(1, 2)), areas, rtol=0.01)


def test_moments_are_those_of_the_parameters():
    images, parameters = make_ellipses(40, (400, 360), area_fraction=(0.03, 0.15), random_state=0)
    for image, (a, b, *center, angle) in zip(images, parameters, strict=True):
        index = np.argwhere(image)
        np.testing.assert_allclose(index.mean(axis=0), center, atol=0.1)
        axes = axes_of(angle)
        turned = axes @ np.cov(index.T, bias=True) @ axes.T
        np.testing.assert_allclose(turned.diagonal(), [a**2 / 4, b**2 / 4], rtol=0.01)
        assert abs(turned[0, 1]) < 0.005 * a * b / 4


def test_the_major_axis_of_the_pixels_has_the_angle():
    images, parameters = make_ellipses(100, aspect_ratio=(2, 4), random_state=0)
    for image, (*_, angle) in zip(images, parameters, strict=True):
        (rows, mixed), (_, columns) = np.cov(np.argwhere(image).T)
        found = 0.5 * math.atan2(2 * mixed, columns - rows)
        apart = (found - angle + math.pi / 2) % math.pi - math.pi / 2
        assert abs(apart) < 0.2


@pytest.mark.parametrize("shape", [(32, 32), (64, 64), (24, 60)])
def test_parameters_keep_their_ranges_and_images_are_not_cut(shape):
    images, parameters = make_ellipses(3000, shape, random_state=1)
    a, b, *center, angle = parameters.T
    fractions = math.pi * a * b / math.prod(shape)
    assert fractions.min() >= 0.012 - 1e-12
    assert fractions.max() <= 0.19 + 1e-12
    assert (a >= b).all()
    assert (a / b).max() <= 4 + 1e-12
    assert angle.min() >= 0
    assert angle.max() < math.pi
    reach, center = extents(a, b, angle), np.transpose(center)
    assert (center - reach >= -0.5 - 1e-9).all()
    assert (center + reach <= np.array(shape) - 0.5 + 1e-9).all()
    shifted = parameters + np.array([0, 0, 10, 10, 0])
    padded = ellipses(shifted, tuple(side + 20 for side in shape))
    np.testing.assert_array_equal(padded[:, 10:-10, 10:-10], images)
    np.testing.assert_array_equal(padded.sum(axis=(1, 2)), images.sum(axis=(1, 2)))


def test_extents_are_those_of_the_outline():
    rng = np.random.default_rng(0)
    turn = np.linspace(0, 2 * math.pi, 100_001)
    for a, ratio, angle in rng.random((10, 3)) * [9, 4, math.pi] + [1, 1, 0]:
        outline = np.stack([a * np.cos(turn), a / ratio * np.sin(turn)], axis=-1) @ axes_of(angle)
        (found,) = extents(np.array([a]), np.array([a / ratio]), np.array([angle]))
        np.testing.assert_allclose(found, outline.max(axis=0), rtol=1e-6)


def test_every_image_shows_one_ellipse():
    images, _ = make_ellipses(1000, random_state=0)
    neighbours = np.ones((3, 3))
    assert {ndimage.label(image, neighbours)[1] for image in images} == {1}


def test_small_ellipses_hold_a_pixel():
    images, parameters = make_ellipses(20000, area_fraction=0.00614, random_state=0)
    assert parameters[:, 1].min() == pytest.approx(math.sqrt(0.5), rel=0.01)
    assert images.any(axis=(1, 2)).all()


def unit_values(parameters, shape):
    """What was uniform in [0, 1): area, ratio, angle and the centre in the room it had."""
    a, b, *center, angle = parameters.T
    area = (math.pi * a * b / math.prod(shape) - 0.012) / (0.19 - 0.012)
    reach = extents(a, b, angle).T
    room = np.array(shape)[:, None] - 2 * reach
    place = (np.array(center) - reach + 0.5) / room
    return np.stack([area, (a / b - 1) / 3, angle / math.pi, *place])


def test_the_five_parameters_are_uniform_and_independent():
    _, parameters = make_ellipses(20000, random_state=0)
    values = unit_values(parameters, (32, 32))
    for row in values:
        assert stats.kstest(row, "uniform").pvalue > 0.001
    correlations = np.corrcoef(values)[np.triu_indices(5, 1)]
    assert np.abs(correlations).max() < 4 / math.sqrt(20000)


def test_where_not_all_fit_the_law_is_that_of_those_that_do():
    shape, fractions = (20, 60), (0.1, 0.3)
    _, parameters = make_ellipses(5000, shape, area_fraction=fractions, random_state=0)
    rng = np.random.default_rng(1)
    area = rng.uniform(*fractions, 40000) * math.prod(shape)
    ratio, angle = rng.uniform(1, 4, 40000), rng.uniform(0, math.pi, 40000)
    a, b = np.sqrt(area * ratio / math.pi), np.sqrt(area / ratio / math.pi)
    tall = np.sqrt((a * np.sin(angle)) ** 2 + (b * np.cos(angle)) ** 2)
    wide = np.sqrt((a * np.cos(angle)) ** 2 + (b * np.sin(angle)) ** 2)
    fits = (tall <= 10) & (wide <= 30)
    assert 0.2 < fits.mean() < 0.8
    for column, values in [(0, a), (1, b), (4, angle)]:
        assert stats.ks_2samp(parameters[:, column], values[fits]).pvalue > 0.001


def test_numbers_stand_for_ranges_of_no_width():
    _, parameters = make_ellipses(50, area_fraction=0.1, aspect_ratio=2, random_state=0)
    np.testing.assert_allclose(parameters[:, 0] / parameters[:, 1], 2)
    np.testing.assert_allclose(math.pi * parameters[:, 0] * parameters[:, 1], 102.4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_samples": 0}, r"n_samples must be >= 1, got 0\."),
        ({"shape": (16, 16, 16)}, r"shape must hold 2 integers, got \(16, 16, 16\)\."),
        ({"area_fraction": 0.0}, r"area_fraction must lie in \(0, 1\), got 0\.0\."),
        ({"area_fraction": (0.3, 0.1)}, r"area_fraction must have low <= high, got \(0\.3, 0\.1\)"),
        ({"area_fraction": (0.1,)}, "area_fraction must be a number or a range"),
        ({"aspect_ratio": (0.5, 2)}, r"aspect_ratio must lie in \[1, inf\), got 0\.5\."),
        ({"aspect_ratio": 1e4}, r"aspect_ratio must be < [0-9.]+ in shape=.*got 10000\."),
        ({"aspect_ratio": math.nan}, "aspect_ratio must lie in .*got nan"),
        ({"area_fraction": 0.006}, r"area_fraction must be >= 0\.00614 for .*4 in .*got 0\.006\."),
        ({"shape": (16, 16)}, r"area_fraction must be >= 0\.02455 .*\(16, 16\).*got 0\.012\."),
        ({"area_fraction": 0.9}, r"area_fraction must be smaller .*none fitted into shape="),
        ({"random_state": -1}, "random_state must be >= 0, got -1"),
    ],
)
def test_bad_values_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        make_ellipses(**{"n_samples": 2, **options})


@pytest.mark.parametrize(
    "options",
    [{"n_samples": 2.0}, {"area_fraction": "ab"}, {"aspect_ratio": (1, None)}, {"shape": (8.5, 8)}],
)
def test_bad_types_are_named(options):
    with pytest.raises(TypeError, match=next(iter(options))):
        make_ellipses(**{"n_samples": 1, **options})
