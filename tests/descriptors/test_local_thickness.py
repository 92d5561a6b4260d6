"""LocalThickness: openings by balls, layers and discs of known thickness, windows of a whole."""

import numpy as np
import pytest
from cases import case
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from skmicro.descriptors import LocalThickness


def shares(image, diameter, periodic=True, **settings):
    descriptor = LocalThickness(max_diameter=diameter, periodic=periodic, **settings)
    return descriptor.fit_transform(np.asarray(image)[None])[0]


def ball(k, n_axes):
    return np.square(np.indices((2 * k + 1,) * n_axes) - k).sum(0) <= (k + 0.5) ** 2


def smooth(shape, seed=0, share=0.5):
    field = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 2, mode="wrap")
    return (field > np.quantile(field, share)).astype(int)


@pytest.mark.representatives("shape0")
@pytest.mark.parametrize("shape", [(24, 30), (14, 15, 16)])
def test_shares_are_those_of_openings_by_balls(shape):
    image = smooth(shape)
    found = shares(image, 7)
    around = np.pad(image, 14, mode="wrap").astype(bool)
    inside = tuple(slice(14, -14) for _ in shape)
    for k in range(4):
        opened = ndimage.binary_opening(around, ball(k, len(shape)))[inside]
        assert_allclose(found[k], opened.sum() / image.sum(), rtol=1e-6)
    assert found[0] == 1
    assert 0 < found[-1] < 0.9
    moved = np.roll(image, (5, 9), (0, 1))
    assert_array_equal(shares(moved, 7), found)


def test_layers_and_discs_have_the_thickness_that_they_have():
    for width in (1, 2, 3, 5, 6):
        layer = np.zeros((20, 16), int)
        layer[4 : 4 + width] = 1
        with case(width):
            assert_array_equal(shares(layer, 9), np.arange(1, 10, 2) <= width)
    places = np.indices((40, 40))
    disc = (np.square(places - 20).sum(0) <= 7.5**2).astype(int)
    found = shares(disc, 19)
    assert found[7] == 1  # of a diameter of 15
    assert (found[:8] > 0.9).all()
    assert_array_equal(found[8:], 0)


def test_windows_tell_of_the_places_that_the_border_does_not_change():
    whole = smooth((60, 60), seed=1)
    opened = ndimage.binary_opening(np.pad(whole, 20, mode="wrap").astype(bool), ball(2, 2))
    opened = opened[20:-20, 20:-20]
    for row, column in ((0, 0), (13, 7), (30, 31)):
        window = tuple(slice(start, start + 24) for start in (row, column))
        core = tuple(slice(start + 4, start + 20) for start in (row, column))
        expected = opened[core].sum() / whole[core].sum()
        with case(row, column):
            assert_allclose(shares(whole[window], 5, periodic=False)[2], expected, rtol=1e-6)


def test_what_there_is_without_walls_or_without_the_phase():
    assert_array_equal(shares(np.ones((8, 8), int), 7), 1)
    assert_array_equal(shares(np.zeros((8, 8), int), 7), 0)
    line = np.array([[0, 1, 1, 1, 0, 1, 0, 0]])
    assert_allclose(shares(line, 3), [1, 0.75])
    three = np.repeat([[0, 1, 1, 1, 2, 2]], 6, axis=0)
    assert_array_equal(shares(three, 3, phase=1), [1, 1])
    assert_array_equal(shares(three, 3, phase=2), [1, 0])
    grey = 0.5 * smooth((12, 12)) + 0.1
    assert_allclose(shares(grey, 5), shares((grey >= 0.5).astype(int), 5), rtol=1e-6)


def test_diameters_and_their_limits():
    fitted = LocalThickness(periodic=False).fit(smooth((40, 44))[None])
    assert fitted.diameters_.tolist() == [1, 3, 5, 7, 9]
    assert fitted.get_feature_names_out().tolist() == [
        f"local_thickness_{d}" for d in (1, 3, 5, 7, 9)
    ]
    for periodic, limit in ((True, 10), (False, 5)):
        LocalThickness(max_diameter=limit, periodic=periodic).fit(smooth((12, 10))[None])
        with pytest.raises(ValueError, match=f"max_diameter must be <= {limit} for"):
            LocalThickness(max_diameter=limit + 1, periodic=periodic).fit(smooth((12, 10))[None])


def test_diameters_are_in_units_of_spacing_and_long_voxels_are_balls_all_the_same():
    image = smooth((24, 30))
    found = LocalThickness(max_diameter=7, periodic=True, spacing=2.0).fit(image[None])
    assert_array_equal(found.diameters_, [2, 6, 10, 14])
    assert_array_equal(found.transform(image[None])[0], shares(image, 7))
    layers = np.zeros((40, 20), int)
    layers[:, 4:9] = 1  # 5 voxels of length 3 beside 10 of length 1
    flat = np.zeros((40, 20), int)
    flat[5:20] = 1
    for image in (layers, flat):
        known = shares(image, 19, spacing=(1.0, 3.0))
        assert_array_equal(known[:7], 1)  # up to 13, of a thickness of 15
        assert known[9] == 0  # of 19
