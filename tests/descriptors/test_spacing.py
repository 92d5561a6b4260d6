"""Lengths in real units, of voxels that are no cubes as well."""

import numpy as np
import pytest
import torch
from cases import case
from scipy import ndimage

from skmicro.descriptors import (
    BettiNumbers,
    ChordLength,
    ClusterStatistics,
    EulerNumber,
    FreeEnergy,
    LinealPath,
    MinkowskiFunctionals,
    SpacedDescriptor,
    SpecificSurface,
    TwoPointCluster,
    TwoPointCorrelation,
)
from skmicro.properties import Permeability, ThreePointParameters, TortuosityFactor
from skmicro.utils import all_estimators

SPACED = [cls for _, cls in all_estimators() if issubclass(cls, SpacedDescriptor)]


def smooth(shape, sigma, n=1, seed=0, share=0.4):
    """Periodic level cuts of a smoothed field, coarser along axes of a smaller sigma."""
    noise = np.random.default_rng(seed).standard_normal((n, *shape))
    field = ndimage.gaussian_filter(noise, (0, *sigma), mode="wrap")
    return (field > np.quantile(field, 1 - share)).astype(np.uint8)


def stretched(factor=3, sides=(96, 96), sigma=3.0, n=4, seed=0):
    """The same structure on cubes, and on voxels ``factor`` times as long along the first axis."""
    fine = smooth(sides, (sigma,) * len(sides), n, seed)
    return fine, fine[:, factor // 2 :: factor]


# Powers of the unit of length in the features of each descriptor.
POWERS = {
    TwoPointCorrelation(): 0,
    TwoPointCorrelation(output="directional"): 0,
    TwoPointCorrelation(output="map"): 0,
    TwoPointCluster(): 0,
    LinealPath(): 0,
    LinealPath(output="directional"): 0,
    ChordLength(): [1] + [0] * 4,
    SpecificSurface(): -1,
    SpecificSurface(method="two-point"): -1,
    EulerNumber(): -3,
    BettiNumbers(): -3,
    MinkowskiFunctionals(): [0, -1, -2, -3],
    ClusterStatistics(): [-3, 3, 0, 0],
    ThreePointParameters(): 0,
    Permeability(max_lag=3): 2,
    TortuosityFactor(): 0,
    TortuosityFactor(connectivity="corners"): 0,
}


@pytest.mark.parametrize("descriptor", POWERS, ids=repr)
def test_units(descriptor):
    """Voxels of side 2 give exactly the same numbers in units of 2."""
    X = smooth((8, 9, 10), (1, 1, 1), n=3)
    for periodic in (True, False):
        settings = descriptor.get_params() | (
            {"periodic": periodic} if hasattr(descriptor, "periodic") else {}
        )
        with case(periodic):
            voxels = type(descriptor)(**settings).fit(X)
            for spacing in (2.0, (2, 2, 2)):
                units = type(descriptor)(**settings | {"spacing": spacing}).fit(X)
                expected = voxels.transform(X) * 2.0 ** np.array(POWERS[descriptor])
                np.testing.assert_array_equal(units.transform(X), expected.astype(expected.dtype))
                for name in ("lags_", "lengths_"):
                    if hasattr(voxels, name):
                        np.testing.assert_array_equal(
                            getattr(units, name), 2 * getattr(voxels, name)
                        )
                assert list(units.get_feature_names_out()) == list(voxels.get_feature_names_out())


def test_energy_in_units():
    X = smooth((9, 10), (1, 1), n=3)
    energy = FreeEnergy(gamma=0.5).fit_transform(X)
    scaled = FreeEnergy(gamma=2.0, spacing=2.0).fit_transform(X)
    np.testing.assert_allclose(scaled, energy, rtol=1e-6)


@pytest.mark.parametrize("cls", SPACED)
def test_the_number_of_axes(cls):
    X = smooth((8, 8), (1, 1), n=2)
    with pytest.raises(ValueError, match=r"spacing must .* each of 2 axes, got \(1, 1, 2\)"):
        cls(spacing=(1, 1, 2)).fit(X)
    with pytest.raises(ValueError, match=r"spacing must lie in \(0, inf\), got 0"):
        cls(spacing=(1, 0)).fit(X)
    with pytest.raises(ValueError, match="spacing must be a number or one for each axis"):
        cls(spacing=(1,)).fit(X)
    values = cls(spacing=[1, 2.5]).fit_transform(X)
    assert (values > 0).all() if cls is TortuosityFactor else np.isfinite(values).all()


def test_bins_hold_lags_by_their_length():
    X = smooth((12, 9), (0.5, 1), n=3)
    spacing = (2.5, 1.0)
    for periodic in (True, False):
        bins = TwoPointCorrelation(spacing=spacing, periodic=periodic).fit(X)
        every = TwoPointCorrelation(
            output="map", spacing=spacing, periodic=periodic, max_lag=4
        ).fit(X)
        if not periodic:
            bins.set_params(max_lag=4)
            bins.fit(X)
        lengths = np.hypot(*every.lags_.T)
        assert every.lags_.max(axis=0).tolist() == [2.5, 4.0]
        steps = np.rint(every.lags_ / spacing).astype(int)
        pairs = np.ones(len(steps)) if periodic else np.prod([12, 9] - np.abs(steps), axis=1)
        values, found = every.transform(X), bins.transform(X)
        for k, length in enumerate(bins.lags_):
            # Beyond the map, which ends at 4 along each axis, bins have further lags.
            inside = (lengths >= k - 0.5) & (lengths < k + 0.5) if k else lengths == 0
            if k < 4:
                np.testing.assert_allclose(
                    np.average(lengths[inside], weights=pairs[inside]), length
                )
                expected = np.average(values[:, inside], axis=1, weights=pairs[inside])
                np.testing.assert_allclose(found[:, k], expected, atol=1e-6)


def test_clusters_are_paired_by_the_same_lengths():
    X = np.ones((1, 10, 9), np.uint8)
    X[0, :, 8] = X[0, 9] = 0
    for shape in ((10, 9), (60, 50)):  # counted pair by pair, and transformed
        X = np.pad(np.ones((1, shape[0] - 1, shape[1] - 1), np.uint8), ((0, 0), (0, 1), (0, 1)))
        for periodic in (True, False):
            settings = {"spacing": (1.7, 1.0), "max_lag": 4, "periodic": periodic}
            one = TwoPointCluster(**settings).fit(X)
            S2 = TwoPointCorrelation(**settings).fit(X)
            np.testing.assert_array_equal(one.lags_, S2.lags_)
            np.testing.assert_allclose(one.transform(X), S2.transform(X), atol=1e-5)


def test_directional_lags():
    X = smooth((12, 9), (1, 1))
    for cls in (TwoPointCorrelation, LinealPath):
        fitted = cls(output="directional", spacing=(2.0, 0.5), max_lag=4, periodic=True).fit(X)
        np.testing.assert_array_equal(fitted.lags_, [0, 2.0, 0, 0.5, 1.0, 1.5, 2.0])
        voxels = cls(output="directional", max_lag=4, periodic=True).fit(X)
        expected = voxels.transform(X)[:, [0, 1, 5, 6, 7, 8, 9]]
        np.testing.assert_allclose(fitted.transform(X), expected, atol=1e-6)
        assert fitted.get_feature_names_out()[1].endswith("axis0_r1")


@pytest.mark.parametrize("factor", [2, 3])
def test_long_voxels_see_the_same_structure(factor):
    """An isotropic structure, sampled more coarsely along one axis."""
    fine, coarse = stretched(factor)
    spacing = (float(factor), 1.0)
    for cls, settings, tol in (
        (TwoPointCorrelation, {"max_lag": 15}, 0.01),
        (TwoPointCluster, {"max_lag": 15}, 0.03),
        (LinealPath, {"max_lag": 15}, 0.03),
        (SpecificSurface, {"method": "two-point"}, 0.06),
        (SpecificSurface, {}, 0.06),
        (EulerNumber, {"connectivity": "corners"}, 0.1),
    ):
        cubes = cls(periodic=True, **settings).fit(fine)
        long = cls(periodic=True, spacing=spacing, **settings).fit(coarse)
        here, there = cubes.transform(fine).mean(axis=0), long.transform(coarse).mean(axis=0)
        if hasattr(long, "lags_"):
            here = np.interp(long.lags_, cubes.lags_, here)
        with case(cls, settings):
            np.testing.assert_allclose(there, here, atol=tol * np.abs(here).max())
    for periodic in (True, False):
        chords = {"max_length": 24, "periodic": periodic}
        here = ChordLength(**chords).fit_transform(fine).mean(axis=0)
        there = ChordLength(**chords, spacing=spacing).fit_transform(coarse).mean(axis=0)
        np.testing.assert_allclose(there[0], here[0], rtol=0.05)
        np.testing.assert_allclose(there[1:].cumsum(), here[1:].cumsum(), atol=0.08)
    sizes = ClusterStatistics(periodic=False).fit_transform(fine).mean(axis=0)
    found = ClusterStatistics(periodic=False, spacing=spacing).fit_transform(coarse).mean(axis=0)
    np.testing.assert_allclose(found[1:3], sizes[1:3], rtol=0.15)


def test_an_ellipsoid_of_voxels_is_a_ball():
    """A ball of radius 10, cut into voxels of 2 x 1 x 1, and its closed forms."""
    z, y, x = np.meshgrid(
        2 * np.arange(16) - 15, np.arange(32) - 15.5, np.arange(32) - 15.5, indexing="ij"
    )
    ball = (z**2 + y**2 + x**2 < 100).astype(np.uint8)[None]
    volume = 32.0**3
    descriptor = MinkowskiFunctionals(method="two-point", spacing=(2, 1, 1), periodic=True)
    found = volume * descriptor.fit_transform(ball)[0]
    np.testing.assert_allclose(found[0], 4 / 3 * np.pi * 1000, rtol=0.02)
    np.testing.assert_allclose(found[1], 4 * np.pi * 100, rtol=0.04)
    np.testing.assert_allclose(found[2], 20, rtol=0.06)
    np.testing.assert_allclose(found[3], 1, rtol=1e-5)
    box = np.zeros((1, 6, 8, 8), np.uint8)
    box[0, 1:4, 2:6, 2:7] = 1  # sides 6, 4 and 5
    faces = MinkowskiFunctionals(spacing=(2, 1, 1), periodic=True).fit_transform(box)[0] * 2 * 384
    np.testing.assert_allclose(faces, [120, 148, 7.5, 1], rtol=1e-5)
    clusters = ClusterStatistics(spacing=(2, 1, 1), periodic=True).fit_transform(box)[0]
    np.testing.assert_allclose(clusters, [1 / 768, 120, 1, 0], rtol=1e-6)


def test_chords_of_layers():
    """Layers of 3 in 5 voxels of length 2 along an axis, and no chords along the other."""
    X = np.zeros((1, 20, 6), np.uint8)
    X[0, np.arange(20) % 5 < 3] = 1
    found = ChordLength(spacing=(2.0, 1.0), periodic=True, max_length=8).fit_transform(X)[0]
    np.testing.assert_allclose(found[0], 6.0, rtol=1e-6)
    np.testing.assert_allclose(found[1:], np.arange(1, 9) == 6)
    np.testing.assert_array_equal(
        SpecificSurface(spacing=(2.0, 1.0), periodic=True).fit_transform(X)[0], np.float32(2 / 10)
    )


def test_chords_of_bricks():
    """Bricks of 3 x 4 voxels, 6 x 4 long: test lines of the same length meet 4 and 6 chords."""
    cell = np.zeros((5, 6), np.uint8)
    cell[1:4, 1:5] = 1
    X = np.tile(cell, (1, 6, 6))
    shares = np.zeros(8)
    shares[[5, 3]] = 0.4, 0.6
    mask = np.zeros(X.shape, bool)
    mask[0, 15:20, :6] = True
    for scan, correction in ((X, True), (X, False), (np.ma.masked_array(X, mask), True)):
        for periodic in (True, False):
            settings = {"periodic": periodic, "max_length": 8, "edge_correction": correction}
            found = ChordLength(spacing=(2.0, 1.0), **settings).fit_transform(scan)[0]
            with case(settings, np.ma.is_masked(scan)):
                windows = correction and not periodic
                # Sides of whole cells are not an even sample of places.
                np.testing.assert_allclose(found[1:], shares, atol=0.04 if windows else 0.01)
                np.testing.assert_allclose(found[0], 4.8, rtol=0.04 if windows else 0.01)


@pytest.mark.parametrize("factor", [2, 3])
def test_surfaces_of_every_direction(factor):
    """Plates of many slopes, which neighbours of even weights see by a third too small."""
    n = 24
    z, x = np.meshgrid(factor * np.arange(n), np.arange(factor * n), indexing="ij")
    normals = [(1, 0), (0, 1), (1, 1), (1, -1), (1, 2), (2, 1), (1, 3), (3, 1)]
    found, true = [], []
    for a, b in normals:
        waves = np.cos(2 * np.pi * (a * z + b * x) / (factor * n))
        X = (waves > 0).astype(np.uint8)[None]
        descriptor = SpecificSurface(
            method="two-point", periodic=True, spacing=(float(factor), 1.0)
        )
        found.append(descriptor.fit_transform(X)[0, 0])
        true.append(2 * np.hypot(a, b) / (factor * n))
    ratio = np.array(found) / true
    assert ratio.mean() == pytest.approx(1, abs=0.02)
    assert np.abs(ratio - 1).max() < 0.14


def test_properties_of_long_voxels():
    """Discs and balls have small parameters, squeezed ones have not."""
    for shape, tol in (((64, 64), 0.04), ((32, 32, 32), 0.04)):
        places = np.indices(shape) - (np.array(shape) - 1).reshape(-1, *[1] * len(shape)) / 2
        fine = (np.linalg.norm(places, axis=0) < 0.3 * shape[0]).astype(np.uint8)[None]
        coarse, spacing = fine[:, 2::4], (4.0,) + (1.0,) * (len(shape) - 1)
        here = ThreePointParameters().fit_transform(fine)
        there = ThreePointParameters(spacing=spacing).fit_transform(coarse)
        wrong = ThreePointParameters().fit_transform(coarse)
        assert np.abs(there - here).max() < tol < 2 * tol < np.abs(wrong - here).max()
    fine = (np.hypot(*(np.indices((32, 32)) - 15.5)) < 9.6).astype(np.uint8)[None]
    triangles = {"method": "integration", "max_lag": 14}
    here = ThreePointParameters(**triangles).fit_transform(fine)
    there = ThreePointParameters(**triangles, spacing=(2.0, 1.0)).fit_transform(fine[:, ::2])
    wrong = ThreePointParameters(**triangles).fit_transform(fine[:, ::2])
    assert np.abs(there - here).max() < 0.03 < 0.06 < np.abs(wrong - here).max()
    fine = smooth((24, 24, 24), (1.6,) * 3, n=3, seed=1)
    bound = Permeability(max_lag=6, periodic=True).fit_transform(fine)
    settings = {"max_lag": 6, "periodic": True, "spacing": (2.0, 1.0, 1.0)}
    np.testing.assert_allclose(
        Permeability(**settings).fit_transform(fine[:, ::2]), bound, rtol=0.05
    )


def test_gradients():
    rng = torch.Generator().manual_seed(0)
    images = torch.rand(1, 2, 4, 5, dtype=torch.float64, generator=rng).requires_grad_(True)
    for cls in (TwoPointCorrelation, LinealPath, ChordLength, SpecificSurface, FreeEnergy):
        descriptor = cls(spacing=(1.5, 1.0), periodic=True)
        assert torch.autograd.gradcheck(descriptor, images)
