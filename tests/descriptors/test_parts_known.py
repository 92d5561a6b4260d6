"""Descriptors of images with unknown voxels, counted voxel by voxel."""

from itertools import product

import numpy as np
import pytest
from cases import case
from scipy import ndimage

from skmicro.descriptors import (
    ChordLength,
    ClusterStatistics,
    LinealPath,
    PhaseFractions,
    SpecificSurface,
    TwoPointCorrelation,
    VolumeFraction,
)

SHAPES = [(7, 6), (5, 4, 3)]


def scans(shape, n=3, grey=False, seed=0):
    """Random images, a third of which is unknown; as floats with NaN for the loops below."""
    rng = np.random.default_rng(seed)
    X = rng.random((n, *shape)) if grey else (rng.random((n, *shape)) < 0.6).astype(float)
    mask = rng.random(X.shape) < 0.3
    return np.where(mask, np.nan, X), np.ma.masked_array(
        np.where(mask, 0.5 if grey else 1, X), mask
    )


def ends(image, lag, periodic):
    """Values at both known ends of a lag, wherever it fits."""
    pairs = []
    for x in np.ndindex(image.shape):
        y = np.add(x, lag)
        if periodic:
            y = y % image.shape
        elif (y < 0).any() or (y >= image.shape).any():
            continue
        pair = image[x], image[tuple(y)]
        if not np.isnan(pair).any():
            pairs.append(pair)
    return np.array(pairs).reshape(-1, 2)


def runs(image, axis, n, periodic):
    """Known runs of n voxels along an axis."""
    lines = np.moveaxis(image, axis, -1).reshape(-1, image.shape[axis])
    if periodic:
        lines = np.concatenate([lines, lines[:, : n - 1]], axis=1)
    if n > lines.shape[1]:
        return np.zeros((0, n))
    windows = np.lib.stride_tricks.sliding_window_view(lines, n, axis=1).reshape(-1, n)
    return windows[~np.isnan(windows).any(axis=1)]


def mean_or_nan(values):
    return np.mean(values) if len(values) else np.nan


@pytest.mark.representatives("shape0-True", "shape1-False")
@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_correlations(shape, periodic):
    for grey in (False, True):
        spoilt, scan = scans(shape, grey=grey)
        lags = TwoPointCorrelation(output="map", periodic=periodic).fit(scan).lags_
        pairs = [[ends(image, lag, periodic) for lag in lags] for image in spoilt]
        expected = {
            False: [[mean_or_nan(p.prod(axis=1)) for p in row] for row in pairs],
            "variogram": [[mean_or_nan(np.diff(p)[:, 0] ** 2) / 2 for p in row] for row in pairs],
        }
        expected["fraction"] = expected[False] / np.nanmean(spoilt.reshape(3, -1), axis=1)[:, None]
        for normalized, values in expected.items():
            descriptor = TwoPointCorrelation(output="map", periodic=periodic, normalized=normalized)
            found = descriptor.fit(scan).transform(scan)
            with case(normalized, grey):
                np.testing.assert_allclose(found, values, atol=2e-6)
        radial = TwoPointCorrelation(periodic=periodic).fit(scan)
        n_bins = len(radial.lags_)
        bins = np.floor(np.linalg.norm(lags, axis=1) + 0.5).astype(int)
        joined = [
            [
                np.concatenate([p for p, b in zip(row, bins, strict=True) if b == k])
                for k in range(n_bins)
            ]
            for row in pairs
        ]
        expected = [[p.prod(axis=1).mean() for p in row] for row in joined]
        np.testing.assert_allclose(radial.transform(scan), expected, atol=2e-6)


def test_autocovariance_and_direction():
    spoilt, scan = scans((7, 6), grey=True)
    mean, std = (f(spoilt.reshape(3, -1), axis=1) for f in (np.nanmean, np.nanstd))
    found = TwoPointCorrelation(
        output="directional", normalized="autocovariance", periodic=False
    ).fit_transform(scan)
    for image, m, s, row in zip(spoilt, mean, std, found, strict=True):
        pairs = [
            ends(image, lag, False)
            for lag in [(k, 0) for k in range(4)] + [(0, k) for k in range(4)]
        ]
        expected = [mean_or_nan(((p - m) / s).prod(axis=1)) for p in pairs]
        np.testing.assert_allclose(row, expected, atol=2e-6)


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_fractions_and_surface(shape, periodic):
    spoilt, scan = scans(shape)
    fractions = np.nanmean(spoilt.reshape(3, -1), axis=1)[:, None]
    np.testing.assert_allclose(VolumeFraction().fit_transform(scan), fractions, rtol=1e-6)
    both = PhaseFractions().fit_transform(scan)
    np.testing.assert_allclose(both, np.hstack([1 - fractions, fractions]), rtol=1e-6)
    units = np.eye(len(shape), dtype=int)
    faces = [
        sum(np.abs(np.diff(ends(image, unit, periodic))).mean() for unit in units)
        for image in spoilt
    ]
    found = SpecificSurface(periodic=periodic).fit_transform(scan)[:, 0]
    np.testing.assert_allclose(found, faces, rtol=1e-6)
    steps = [s for s in product((-1, 0, 1), repeat=len(shape)) if s > (0,) * len(shape)]
    slopes = [
        np.mean(
            [
                np.square(np.diff(ends(image, s, periodic))).mean() / 2 / np.linalg.norm(s)
                for s in steps
            ]
        )
        for image in spoilt
    ]
    found = SpecificSurface(method="two-point", periodic=periodic).fit_transform(scan)[:, 0]
    factor = 2 / {2: 2 / np.pi, 3: 1 / 2}[len(shape)]
    np.testing.assert_allclose(found, factor * np.array(slopes), rtol=1e-6)


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("shape", SHAPES)
def test_lineal_path(shape, periodic):
    spoilt, scan = scans(shape)
    along = [
        [
            [mean_or_nan(runs(image, axis, r + 1, periodic).prod(axis=1)) for r in range(3)]
            for axis in range(len(shape))
        ]
        for image in spoilt
    ]
    settings = {"max_lag": 2, "periodic": periodic}
    found = LinealPath(output="directional", **settings).fit_transform(scan)
    found = np.split(
        found, np.cumsum([min(2, n // 2 if periodic else n - 1) + 1 for n in shape])[:-1], 1
    )
    for axis, part in enumerate(found):
        expected = [rows[axis][: part.shape[1]] for rows in along]
        expected = [
            [np.nanmean(image), *row[1:]] for image, row in zip(spoilt, expected, strict=True)
        ]
        np.testing.assert_allclose(part, expected, atol=1e-6)
    pooled = LinealPath(**settings).fit_transform(scan)
    padded = [
        np.pad(part, ((0, 0), (0, 3 - part.shape[1])), constant_values=np.nan) for part in found
    ]
    np.testing.assert_allclose(pooled, np.nanmean(padded, axis=0), atol=1e-6)


@pytest.mark.parametrize("shape", [(9, 8), (6, 5, 4)])
def test_chords(shape):
    spoilt, scan = scans(shape, seed=3)
    n = min(shape) - 2

    def densities(image, axis):
        """Chords of z voxels, and of z and more, over the places where they would be known."""
        whole, begun = [], []
        for z in range(1, n + 1):
            long, short = runs(image, axis, z + 2, False), runs(image, axis, z + 1, False)
            chord = (long[:, 0] == 0) & (long[:, -1] == 0) & long[:, 1:-1].all(axis=1)
            whole.append(chord.mean() if len(long) else np.nan)
            first = (short[:, 0] == 0) & short[:, 1:].all(axis=1)
            last = (short[:, -1] == 0) & short[:, :-1].all(axis=1)
            begun.append((first.mean() + last.mean()) / 2 if len(short) else np.nan)
        return whole, begun

    found = ChordLength(max_length=n, periodic=False).fit_transform(scan)
    for image, row in zip(spoilt, found, strict=True):
        parts = np.array([densities(image, axis) for axis in range(len(shape))])
        known = np.isfinite(parts).sum(axis=0)
        whole, begun = np.nansum(parts, axis=0) / np.maximum(known, 1)
        counts = np.append(whole[:-1], begun[-1])
        np.testing.assert_allclose(row[0], np.nanmean(image) / begun[0], rtol=1e-5)
        np.testing.assert_allclose(row[1:], counts / counts.sum(), atol=1e-6)
    for periodic in (True, False):
        as_cut = ChordLength(max_length=n, periodic=periodic, edge_correction=False)
        for image, row in zip(spoilt, as_cut.fit_transform(scan), strict=True):
            counts = np.zeros(max(shape) + 1)
            for axis, z in product(range(len(shape)), range(1, max(shape))):
                if z < shape[axis]:
                    long = runs(image, axis, z + 2, periodic)
                    counts[z] += np.sum((long[:, [0, -1]] == 0).all(1) & long[:, 1:-1].all(1))
            z = np.arange(len(counts))
            np.testing.assert_allclose(row[0], (z @ counts) / counts.sum(), rtol=1e-6)
            shares = np.append(counts[1:n], counts[n:].sum()) / counts.sum()
            np.testing.assert_allclose(row[1:], shares, atol=1e-6)


@pytest.mark.parametrize("shape", [(14, 12), (9, 8, 7)])
def test_clusters(shape):
    rng = np.random.default_rng(1)
    X = (rng.random((3, *shape)) < 0.25).astype(float)
    mask = ndimage.binary_dilation(rng.random(X.shape) < 0.004, iterations=1)
    mask[:, 0] = True
    scan = np.ma.masked_array(X, mask)
    found = ClusterStatistics(periodic=False).fit_transform(scan)
    as_cut = ClusterStatistics(periodic=False, edge_correction=False).fit_transform(scan)
    for image, unknown, row, pieces in zip(X, mask, found, as_cut, strict=True):
        labels, n = ndimage.label((image == 1) & ~unknown)
        sizes = np.bincount(labels.ravel())[1:]
        known = np.pad(~unknown, 1)
        density = 0
        for box in ndimage.find_objects(labels):
            around = tuple(slice(part.start, part.stop + 2) for part in box)
            if known[around].all():
                sides = tuple(part.stop - part.start + 2 for part in box)
                windows = np.lib.stride_tricks.sliding_window_view(~unknown, sides)
                density += 1 / windows.all(axis=tuple(range(-len(shape), 0))).sum()
        spans = [np.intersect1d(labels[1], labels[-1]).any()]
        for axis in range(1, len(shape)):
            spans.append(np.intersect1d(labels.take(0, axis), labels.take(-1, axis)).any())
        rest = [(sizes**2).sum() / sizes.sum(), sizes.max() / sizes.sum(), np.mean(spans)]
        np.testing.assert_allclose(row, [density, *rest], rtol=1e-6)
        np.testing.assert_allclose(pieces, [n / (~unknown).sum(), *rest], rtol=1e-6)


def test_the_material_in_a_round_field_of_view():
    """Means over windows with a mask are those of the material, as without one."""
    rng = np.random.default_rng(5)
    noise = ndimage.gaussian_filter(rng.standard_normal((400, 400)), 1.5, mode="wrap")
    material = (noise > 0.2 * noise.std()).astype(np.uint8)
    windows = material.reshape(10, 40, 10, 40).swapaxes(1, 2).reshape(-1, 40, 40)
    outside = np.hypot(*(np.indices((40, 40)) - 19.5)) > 20
    scan = np.ma.masked_array(windows, np.broadcast_to(outside, windows.shape))
    for descriptor, tol in (
        (VolumeFraction(), 0.02),
        (SpecificSurface(periodic=False), 0.02),
        (TwoPointCorrelation(max_lag=8, periodic=False), 0.03),
        (LinealPath(max_lag=8, periodic=False), 0.05),
        (ChordLength(max_length=8, periodic=False), 0.1),
    ):
        whole = (
            type(descriptor)(**descriptor.get_params() | {"periodic": True})
            if ("periodic" in descriptor.get_params())
            else descriptor
        )
        expected = whole.fit_transform(material[None])[0]
        with case(descriptor):
            seen = descriptor.fit_transform(scan).mean(axis=0)
            assert np.abs(seen - expected).max() < tol * np.abs(expected).max()
    number = ClusterStatistics(periodic=False).fit_transform(scan)[:, 0]
    small = ClusterStatistics(periodic=False).fit_transform(windows)[:, 0]
    spread = np.hypot(number.std(), small.std()) / 10
    assert abs(number.mean() - small.mean()) < 3 * spread
