"""Spheres that are apart, also across borders, and the Boolean model against its closed form."""

import math
from functools import partial

import joblib
import numpy as np
import pytest
from cases import case

from skmicro.datasets import make_spheres
from skmicro.datasets._packing import pack
from skmicro.datasets._spheres import _apart, _place, ball_volume


def periodic_distances(points, others, box):
    offsets = points[:, None] - others[None]
    offsets -= np.round(offsets / box) * box
    return np.linalg.norm(offsets, axis=-1)


def correlation(images):
    """The periodic two-point correlation of phase 1 by lag, the mean over images."""
    dims = tuple(range(1, images.ndim))
    spectra = np.abs(np.fft.fftn(images.astype(float), axes=dims)) ** 2
    return np.fft.ifftn(spectra, axes=dims).real.mean(axis=0) / images[0].size


def lens(r, radius, n_axes):
    """The volume that two balls at distance r share."""
    r = np.minimum(r, 2 * radius)
    if n_axes == 2:
        segment = 2 * radius**2 * np.arccos(r / (2 * radius))
        return segment - r / 2 * np.sqrt(4 * radius**2 - r**2)
    return math.pi / 12 * (4 * radius + r) * (2 * radius - r) ** 2


def lag_lengths(shape):
    axes = [np.minimum(np.arange(side), side - np.arange(side)) for side in shape]
    return np.sqrt(sum(np.square(lag) for lag in np.meshgrid(*axes, indexing="ij")))


def radial(values):
    """Means over lags of about the same length, up to half of the shortest side."""
    bins = np.rint(lag_lengths(values.shape)).astype(int).ravel()
    return (np.bincount(bins, values.ravel()) / np.bincount(bins))[: min(values.shape) // 2]


def test_balls_of_any_radii_do_not_overlap_across_borders_either():
    rng = np.random.default_rng(0)
    for box, low, high, fraction in [
        ((32, 32, 32), 4, 4, 0.35),
        ((20, 31, 24), 2, 5, 0.4),
        ((60, 45), 3, 3, 0.5),
        ((50, 50), 1, 8, 0.4),
        ((9, 9), 4, 4, 0.7),
    ]:
        with case(box, low, high):
            n = math.floor(fraction * math.prod(box) / ball_volume((low + high) / 2, len(box)))
            radii = np.sort(rng.uniform(low, high, n))[::-1]
            centers = pack(radii, box, rng)
            assert len(centers) == n > 0
            assert (centers >= 0).all()
            assert (centers < box).all()
            gaps = periodic_distances(centers, centers, np.array(box)) - np.add.outer(radii, radii)
            assert gaps[np.triu_indices(n, 1)].min(initial=1) >= 0


def test_addition_ends_at_the_known_saturation():
    """0.5471 in the plane and 0.3841 in space (Zhang and Torquato 2013)."""
    for box, expected, tolerance in [((300, 300), 0.5471, 0.005), ((36, 36, 36), 0.3841, 0.012)]:
        with case(box):
            n = math.ceil(0.7 * math.prod(box) / ball_volume(2, len(box)))
            centers = pack(np.full(n, 2.0), box, np.random.default_rng(0))
            filled = len(centers) * ball_volume(2, len(box)) / math.prod(box)
            assert abs(filled - expected) < tolerance


def test_nothing_has_room_where_addition_ended():
    box, rng = np.array([30.0, 40.0]), np.random.default_rng(1)
    centers = pack(np.full(200, 2.5), box, rng)
    assert len(centers) < 200
    anywhere = rng.random((20_000, 2)) * box
    assert periodic_distances(anywhere, centers, box).min(axis=1).max() < 5


def test_cells_do_not_change_the_law():
    """Numbers and nearest neighbours agree with those of plain rejection, near saturation."""
    box, reach, n, n_boxes = np.array([12.0, 12.0]), 4.0, 6, 250
    rng = np.random.default_rng(0)

    def plain():
        centers = np.full((n_boxes, n, 2), np.nan)
        count = np.zeros(n_boxes, dtype=int)
        for draws in rng.random((2500, n_boxes, 2)) * box:
            offsets = centers - draws[:, None]
            offsets -= np.round(offsets / box) * box
            overlaps = (np.square(offsets).sum(axis=-1) < reach**2).any(axis=1)
            (free,) = np.nonzero(~overlaps & (count < n))
            centers[free, count[free]] = draws[free]
            count[free] += 1
        return [center[:k] for center, k in zip(centers, count, strict=True)]

    def summary(centers):
        distances = periodic_distances(centers, centers, box)
        return len(centers), np.sort(distances, axis=1)[:, 1].mean()

    ours = [pack(np.full(n, reach / 2), box, rng) for _ in range(n_boxes)]
    ours, theirs = (np.array([summary(c) for c in centers]) for centers in (ours, plain()))
    error = np.sqrt((ours.var(axis=0) + theirs.var(axis=0)) / n_boxes)
    assert (np.abs(ours.mean(axis=0) - theirs.mean(axis=0)) < 4 * error).all()


def test_voxels_are_those_of_the_balls():
    for shape, radii in [((20, 26), (2.0, 6.0)), ((14, 16, 18), (3.0, 3.0))]:
        with case(shape):
            image = _apart(shape, radii, 0.25, np.random.default_rng(3))
            chosen, centers = _place(shape, radii, 0.25, np.random.default_rng(3))
            voxels = np.indices(shape).reshape(len(shape), -1).T
            inside = periodic_distances(voxels, centers, np.array(shape)) <= chosen
            assert inside.sum(axis=1).max() == 1
            np.testing.assert_array_equal(image.ravel(), inside.any(axis=1))


def test_the_fraction_comes_as_near_as_whole_spheres_allow():
    for options in [
        {},  # the setting of the paper: 24 spheres come nearest to 0.2
        {"volume_fraction": (0.02, 0.35)},
        {"volume_fraction": 0.3, "radius": (3, 6)},
        {"shape": (64, 64), "volume_fraction": (0.1, 0.5)},
        {"overlap": True},
        {"overlap": True, "volume_fraction": (0.1, 0.9), "shape": (64, 48)},
    ]:
        with case(options):
            images, p1 = make_spheres(12, random_state=0, **options)
            np.testing.assert_allclose(p1, images.reshape(12, -1).mean(axis=1))
            low, high = np.broadcast_to(options.get("volume_fraction", 0.2), 2)
            largest = np.max(options.get("radius", 4.0))
            half = ball_volume(largest, images.ndim - 1) / images[0].size / 2
            lattice = 0 if options.get("overlap") else 0.004
            assert (p1 >= low - half - lattice).all()
            assert (p1 <= high + half + lattice).all()
            assert np.ptp(p1) >= 0.8 * (high - low)
    _, p1 = make_spheres(30, random_state=0)
    assert abs(p1.mean() - 24 * ball_volume(4, 3) / 32**3) < 0.0005


def test_the_boolean_model_has_its_two_point_correlation():
    """S2 = 1 - 2 q + q^k with q = 1 - p and k = V_union / v, at a fraction that does not vary."""

    def closed_form(p, k):
        poisson = 1 - 2 * (1 - p) + (1 - p) ** k
        # The mean over fractions of variance V adds V / 2 times the second derivative.
        variance = poisson.mean() - p**2
        return poisson - variance / 2 * k * (k - 1) * (1 - p) ** (k - 2)

    for shape, radius, p, n, tolerance in [
        ((96, 96), 5.0, 0.4, 60, 0.002),
        ((40, 40, 40), 4.0, 0.3, 12, 0.002),
    ]:
        with case(shape):
            images, p1 = make_spheres(
                n, shape, radius=radius, volume_fraction=p, overlap=True, random_state=0
            )
            volume = ball_volume(radius, len(shape))
            union = 2 * volume - lens(lag_lengths(shape), radius, len(shape))
            expected = closed_form(p, union / volume)
            assert np.abs(p1 - p).max() < volume / images[0].size
            assert np.abs(radial(correlation(images) - expected)).max() < tolerance
            # Spheres that are apart have another one, and the tolerance tells them apart.
            images, p1 = make_spheres(n, shape, radius=radius, volume_fraction=0.3, random_state=0)
            expected = closed_form(p1.mean(), union / volume)
            assert np.abs(radial(correlation(images) - expected)).max() > 4 * tolerance


def test_the_two_point_correlation_is_that_of_any_direction():
    images, _ = make_spheres(100, random_state=1)
    found = correlation(images)
    lags = [(3, 0, 0), (0, 3, 0), (0, 0, 3), (2, 2, 1), (1, 2, -2), (-2, 1, 2)]
    values = np.array([found[lag] for lag in lags])
    assert np.ptp(values) < 0.02 * values.mean()
    lags = [(9, 0, 0), (0, 9, 0), (0, 0, 9), (6, 6, 3), (3, -6, 6), (8, 1, 4), (4, 7, -4)]
    values = np.array([found[lag] for lag in lags])
    assert np.ptp(values) < 0.05 * values.mean()


def test_images_do_not_depend_on_n_jobs():
    make = partial(make_spheres, 6, (16, 16, 16), radius=3, random_state=2)
    with joblib.parallel_config("threading"):
        np.testing.assert_array_equal(make()[0], make(n_jobs=2)[0])


def test_bad_values_are_named():
    for options, message in [
        ({"n_samples": 0}, r"n_samples must be >= 1, got 0\."),
        ({"shape": (16,)}, r"shape must hold 2 or 3 integers, got \(16,\)\."),
        ({"radius": 0.5}, r"radius must be >= 0\.866025 for every sphere .* got 0\.5\."),
        ({"radius": 0.5, "shape": (16, 16)}, r"radius must be >= 0\.707107 "),
        ({"radius": (4, 16)}, r"radius must be < 16, half of the shortest side .*, got 16\."),
        ({"radius": (5, 4)}, r"radius must have low <= high, got \(5, 4\)\."),
        ({"radius": math.nan}, "radius must lie in .*got nan"),
        ({"volume_fraction": 0.0}, r"volume_fraction must lie in \(0, 1\), got 0\.0\."),
        ({"volume_fraction": 1, "overlap": True}, r"volume_fraction must lie in \(0, 1\), got 1"),
        ({"volume_fraction": 0.004}, r"volume_fraction must be >= 0\.00410 .*, got 0\.004\."),
        ({"volume_fraction": 0.5}, r"volume_fraction must be smaller .*32\), got 0\.5: .* 0\.\d+ "),
        ({"overlap": 1}, r"overlap must be one of \[False, True\], got 1\."),
        ({"random_state": -1}, "random_state must be >= 0, got -1"),
    ]:
        with case(options), pytest.raises(ValueError, match=message):
            make_spheres(**{"n_samples": 2, **options})
    for options in [{"n_samples": 2.0}, {"radius": "4"}, {"volume_fraction": (0.1, None)}]:
        with case(options), pytest.raises(TypeError, match=next(iter(options))):
            make_spheres(**{"n_samples": 1, **options})
