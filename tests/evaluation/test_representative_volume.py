"""Confidence intervals of the material from images, and how many images are needed."""

import re

import numpy as np
import pytest
from scipy import stats
from textures import smooth_noise

from skmicro.descriptors import SpecificSurface, VolumeFraction, map_lags
from skmicro.evaluation import representative_volume
from skmicro.evaluation._mean_variance import mean_variance, products_of


def textures(n, shape, seed=0, fraction=0.3):
    """Windows of periodic textures whose expected fraction is known."""
    rng = np.random.default_rng(seed)
    fields = smooth_noise(n, tuple(side + 8 for side in shape), rng)
    mean, spread = 3.0 ** len(shape) / 2, np.sqrt(3.0 ** len(shape) / 12)
    cut = fields > mean + spread * stats.norm.isf(fraction)
    return cut[(slice(None), *(slice(0, side) for side in shape))].astype(int)


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("shape", [(5, 7), (3, 4, 5)])
def test_products_are_those_of_all_pairs(shape, periodic):
    fields = np.random.default_rng(0).random((2, *shape))
    sums, pairs, lengths = products_of(fields, 0.3, periodic)
    known = fields - 0.3
    lags = map_lags(shape, None if periodic else max(shape) - 1, periodic=periodic)
    for place_of_lag in np.ndindex(sums.shape):
        lag = [along[k] for along, k in zip(lags, place_of_lag, strict=True)]
        total = count = 0
        for place in np.ndindex(*shape):
            other = tuple(np.add(place, lag))
            if periodic:
                other = tuple(np.mod(other, shape))
            elif not all(0 <= k < side for k, side in zip(other, shape, strict=True)):
                continue
            total += (known[(slice(None), *place)] * known[(slice(None), *other)]).sum()
            count += 2
        assert sums[place_of_lag] == pytest.approx(total, abs=1e-12)
        assert pairs[place_of_lag] == count
        assert lengths[place_of_lag] == pytest.approx(np.hypot.reduce(lag))


def test_independent_voxels_have_the_variance_of_their_number():
    for shape in ((40, 50), (12, 13, 14)):
        images = np.random.default_rng(1).random((20, *shape)) < 0.2
        found = [mean_variance(image[None], False) for image in images]
        expected = 0.2 * 0.8 / np.prod(shape)
        assert np.mean([f.variance for f in found]) == pytest.approx(expected, rel=0.15)
        together = mean_variance(images, False)
        assert together.variance == pytest.approx(expected / 20, rel=0.2)
        assert together.degrees_of_freedom > 15 * found[0].degrees_of_freedom


@pytest.mark.slow
def test_intervals_contain_the_fraction_of_the_material_as_often_as_they_say():
    images = textures(150, (32, 32))
    truth = textures(400, (64, 64), seed=1).mean()
    found = [representative_volume(image[None], periodic=False) for image in images]
    covered = np.mean([volume.low <= truth <= volume.high for volume in found])
    assert 0.9 < covered < 0.99
    half = [representative_volume(image[None], periodic=False, confidence=0.5) for image in images]
    assert 0.4 < np.mean([v.low <= truth <= v.high for v in half]) < 0.6
    deviations = np.std([volume.mean for volume in found])
    estimated = np.sqrt(np.mean([mean_variance(image[None], False).variance for image in images]))
    assert estimated == pytest.approx(deviations, rel=0.15)


def test_what_is_needed_is_what_makes_the_interval_short_enough():
    images = textures(4, (48, 48))
    found = representative_volume(images, periodic=False, relative_error=0.02)
    assert found.relative_error == pytest.approx((found.high - found.low) / 2 / found.mean)
    assert found.n_images == np.ceil(found.n_voxels / 48**2)
    assert found.side == np.ceil(np.sqrt(found.n_voxels))
    assert found.n_voxels == pytest.approx(images.size * (found.relative_error / 0.02) ** 2)
    enough = textures(found.n_images, (48, 48), seed=5)
    assert representative_volume(enough, periodic=False).relative_error == pytest.approx(
        0.02, rel=0.25
    )


def test_phases_and_grey_levels_have_their_own_fractions():
    images = np.random.default_rng(0).integers(1, 4, (2, 30, 30))
    for phase in (1, 2, 3):
        found = representative_volume(images, VolumeFraction(phase=phase))
        assert found.mean == pytest.approx((images == phase).mean())
        assert 0 < found.low < found.mean < found.high < 1
    assert representative_volume(images).mean == pytest.approx((images == 3).mean())
    grey = 5.5 * np.random.default_rng(0).random((1, 40, 40)) + 7.3
    found = representative_volume(grey)
    assert found.mean == pytest.approx(grey.mean())
    expected = 1.96 * grey.std() / 40
    assert found.high - found.mean == pytest.approx(expected, rel=0.3)
    constant = representative_volume(np.ones((1, 8, 8), int))
    assert (constant.low, constant.high, constant.n_images, constant.side) == (1.0, 1.0, 1, 1)
    nothing = representative_volume(np.zeros((1, 8, 8), int))
    assert nothing.relative_error == nothing.n_images == np.inf


def test_other_numbers_are_compared_between_images_or_windows():
    surface = SpecificSurface(periodic=False)
    many = textures(9, (20, 20))
    values = surface.fit_transform(many)[:, 0].astype(float)
    found = representative_volume(many, surface)
    half = stats.t.ppf(0.975, 8) * values.std(ddof=1) / 3
    assert found.mean == pytest.approx(values.mean())
    assert found.high - found.low == pytest.approx(2 * half)
    assert found.degrees_of_freedom == 8

    one = textures(1, (43, 42))
    cut = [one[0, i : i + 10, j : j + 10] for i in range(0, 40, 10) for j in range(0, 40, 10)]
    values = surface.fit_transform(np.stack(cut))[:, 0]
    found = representative_volume(one, surface)
    assert found.mean == pytest.approx(values.mean())
    assert found.degrees_of_freedom == 15
    volume = representative_volume(textures(1, (13, 12, 14)), "specific_surface")
    assert volume.degrees_of_freedom == 26
    assert volume.side == np.ceil(volume.n_voxels ** (1 / 3))


def test_bad_input_is_named():
    X = textures(1, (16, 16))
    for arguments, error, message in (
        ({"relative_error": 0}, ValueError, "relative_error must lie in (0, inf), got 0."),
        ({"confidence": 1.0}, ValueError, "confidence must lie in (0, 1), got 1.0."),
        ({"periodic": 1}, ValueError, "periodic must be one of"),
        ({"descriptor": "nothing"}, ValueError, "descriptor must be one of"),
        ({"descriptor": None}, TypeError, "descriptor must be the name of a descriptor or"),
        ({"descriptor": VolumeFraction}, TypeError, "descriptor must be the name of a descriptor"),
        ({"descriptor": "p2"}, ValueError, "descriptor must have one column, got (3,)"),
        ({"descriptor": VolumeFraction(phase=7)}, ValueError, "7"),
        ({"X": X[0]}, ValueError, "X must"),
        (
            {"X": textures(1, (6, 30)), "descriptor": "specific_surface"},
            ValueError,
            "X must hold 8 images or more, or images of 16 voxels or more along each axis, got 1",
        ),
    ):
        with pytest.raises(error, match=re.escape(message)):
            representative_volume(**{"X": X} | arguments)
