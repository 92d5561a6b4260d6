"""Fibres: the law of their directions and lengths, their voxels, and refusals."""

import math
from itertools import product

import joblib
import numpy as np
import pytest
from cases import case
from scipy import stats
from scipy.integrate import quad

from skmicro.datasets import make_fibers
from skmicro.datasets._capsules import mark
from skmicro.datasets._fibers import draw_lengths
from skmicro.datasets._orientations import (
    draw_directions,
    gaussian_factor,
    gaussian_variances,
    mean_squares,
)

ROTATION = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
TENSORS = (
    np.eye(2) / 2,
    np.diag([0.9, 0.1]),
    np.array([[0.5, 0.3], [0.3, 0.5]]),
    np.eye(3) / 3,
    np.diag([0.1, 0.2, 0.7]),
    np.diag([0.0, 0.4, 0.6]),
    np.diag([0.01, 0.01, 0.98]),
    ROTATION @ np.diag([0.05, 0.35, 0.6]) @ ROTATION.T,
)


def test_directions_have_the_orientation_tensor():
    n, rng = 20_000, np.random.default_rng(0)
    for tensor in TENSORS:
        with case(tensor.tolist()):
            directions = draw_directions(n, gaussian_factor(tensor), rng)
            np.testing.assert_allclose(np.linalg.norm(directions, axis=1), 1)
            products = directions[:, :, None] * directions[:, None]
            error = products.std(axis=0) / math.sqrt(n)
            assert (np.abs(products.mean(axis=0) - tensor) <= 4.5 * error + 1e-9).all()


def test_aligned_directions_are_those_of_the_tensor():
    axis = ROTATION[:, 0]
    directions = draw_directions(
        50, gaussian_factor(np.outer(axis, axis)), np.random.default_rng(0)
    )
    np.testing.assert_allclose(np.abs(directions @ axis), 1)
    assert np.ptp(np.sign(directions @ axis)) == 2


def test_variances_belong_to_the_tensor_to_rounding():
    """The mean squares by another road: E[v z^2 / Q] = int v / (1 + 2 t v) E[exp(-t Q)] dt."""
    for values in [(0.2, 0.3, 0.5), (0.001, 0.4995, 0.4995), (0.3, 0.7), (1e-5, 0.3, 0.69999)]:
        with case(values):
            variances = gaussian_variances(np.array(values))
            np.testing.assert_allclose(mean_squares(variances), values, rtol=1e-8)
    variances = np.array([0.1, 0.4, 1.0])
    for variance, found in zip(variances, mean_squares(variances), strict=True):
        expected, _ = quad(
            lambda t, v=variance: v / (1 + 2 * t * v) / math.sqrt((1 + 2 * t * variances).prod()),
            0,
            math.inf,
        )
        assert found == pytest.approx(expected, rel=1e-6)


def test_directions_follow_the_angular_central_gaussian_law():
    """In the plane, the angle is that of a uniform one after a stretch of the axes."""
    factor = gaussian_factor(np.diag([0.8, 0.2]))
    directions = draw_directions(5000, factor, np.random.default_rng(0))
    stretch = 0.8 / 0.2  # square roots of the variances are as the eigenvalues
    angles = np.arctan2(directions[:, 1] * stretch, directions[:, 0])
    assert stats.kstest(angles / (2 * math.pi) + 0.5, "uniform").pvalue > 0.001


def test_lengths_have_mean_and_spread():
    lengths = draw_lengths(40_000, 24.0, 0.5, np.random.default_rng(0))
    assert lengths.mean() == pytest.approx(24, rel=0.01)
    assert lengths.std() == pytest.approx(12, rel=0.04)
    assert stats.skew(np.log(lengths)) == pytest.approx(0, abs=0.05)
    np.testing.assert_allclose(draw_lengths(5, 7.0, 0.0, np.random.default_rng(0)), 7)


def capsule_by_definition(shape, center, half_axis, radius):
    """Voxels within the radius of some of many points on the axis, in any periodic image."""
    inside = np.zeros(shape, dtype=bool)
    turns = range(-3, 4)
    voxels = np.moveaxis(np.indices(shape), 0, -1)
    squared = half_axis @ half_axis
    for turn in product(turns, repeat=len(shape)):
        offset = voxels + np.multiply(turn, shape) - center
        t = np.clip(offset @ half_axis / squared, -1, 1)
        nearest = offset - t[..., None] * half_axis
        inside |= np.square(nearest).sum(axis=-1) <= radius**2
    return inside


def test_voxels_are_those_of_the_capsule_also_where_it_is_longer_than_the_image():
    rng = np.random.default_rng(0)
    for shape, length, radius in [((20, 26), 9, 2.0), ((17, 15), 40, 3.0), ((12, 10, 14), 25, 1.5)]:
        with case(shape, length):
            direction = rng.standard_normal(len(shape))
            half_axis = direction / np.linalg.norm(direction) * length / 2
            center = rng.random(len(shape)) * shape
            voxels = np.zeros(math.prod(shape), dtype=np.uint8)
            added = mark(voxels, shape, center, half_axis, radius)
            expected = capsule_by_definition(shape, center, half_axis, radius)
            np.testing.assert_array_equal(voxels.reshape(shape), expected)
            assert len(added) == len(np.unique(added)) == expected.sum()


def test_the_fraction_is_met_within_half_a_fibre():
    images, p1 = make_fibers(8, (32, 32, 32), length=12, length_spread=0, random_state=0)
    assert images.dtype == np.uint8
    np.testing.assert_allclose(p1, images.reshape(8, -1).mean(axis=1))
    fibre = math.pi * 4 * 12 + 4 / 3 * math.pi * 8
    assert np.abs(p1 - 0.2).max() < 1.1 * fibre / 2 / 32**3
    _, p1 = make_fibers(12, (64, 64), length=12, volume_fraction=(0.2, 0.6), random_state=0)
    assert p1.min() < 0.26
    assert p1.max() > 0.54


def test_images_are_longest_along_the_direction_of_the_tensor():
    """Lags along the axis of the greatest component are the best correlated, across borders."""
    options = {"length": 20, "diameter": 3, "random_state": 0}
    for n, shape, tensor, lags in [
        (2, (32, 32, 32), (0.05, 0.25, 0.7), np.eye(3, dtype=int) * 6),
        (6, (48, 48), [[0.5, 0.4], [0.4, 0.5]], np.array([[5, -5], [5, 5]])),
    ]:
        with case(tensor):
            images, _ = make_fibers(n, shape, orientation_tensor=tensor, **options)
            axes = tuple(range(1, images.ndim))
            values = [np.mean(images & np.roll(images, lag, axes)) for lag in lags]
            assert values == sorted(values)
            assert values[-1] > 1.3 * values[0]


def test_borders_are_like_the_inside():
    """Interfaces between the first and the last slice are as frequent as between others."""
    images, _ = make_fibers(60, (32, 32), length=14, random_state=0)
    for axis in (1, 2):
        steps = (images != np.roll(images, 1, axis)).mean(axis=(0, 3 - axis))
        assert abs(steps[0] - steps[1:].mean()) < 4 * steps[1:].std()


def test_images_do_not_depend_on_n_jobs():
    with joblib.parallel_config("threading"):
        first, second = (
            make_fibers(4, (24, 24), n_jobs=n_jobs, length=9, random_state=0)[0]
            for n_jobs in (None, 2)
        )
    np.testing.assert_array_equal(first, second)


def test_bad_values_are_named():
    for options, message in [
        ({"length": 0}, r"length must lie in \(0, inf\), got 0\."),
        ({"length": 1e6}, r"length must be < \d+.* for fibres of diameter=.*, got 1000000\.0\."),
        ({"length_spread": 1.5}, r"length_spread must lie in \[0, 1\], got 1\.5\."),
        ({"diameter": 1.7}, r"diameter must be >= 1\.73205 for every fibre .* got 1\.7\."),
        ({"diameter": 16}, r"diameter must be < 16, half of the shortest side .*, got 16\."),
        ({"volume_fraction": 0}, r"volume_fraction must lie in \(0, 1\), got 0\."),
        ({"volume_fraction": 1e-4}, r"volume_fraction must be >= 0\.00512 .* got 0\.0001\."),
        (
            {"orientation_tensor": (1, 0)},
            r"orientation_tensor must have shape \(3,\) or",
        ),
        ({"orientation_tensor": (0.5, 0.5, 0.5)}, "orientation_tensor must be .* sum to 1, got"),
        ({"orientation_tensor": (-0.5, 0.5, 1)}, "orientation_tensor must be symmetric with"),
        ({"orientation_tensor": np.triu(np.ones((3, 3))) / 3}, "orientation_tensor must be symm"),
        ({"orientation_tensor": (math.nan, 0, 1)}, "orientation_tensor must be symmetric with"),
        ({"random_state": -1}, "random_state must be >= 0, got -1"),
    ]:
        with case(options), pytest.raises(ValueError, match=message):
            make_fibers(**{"n_samples": 1, "shape": (32, 32, 32), **options})
    for options in [{"n_samples": 2.0}, {"diameter": "4"}, {"orientation_tensor": "flow"}]:
        with case(options), pytest.raises(TypeError, match=next(iter(options))):
            make_fibers(**{"n_samples": 1, "shape": (32, 32, 32), **options})
