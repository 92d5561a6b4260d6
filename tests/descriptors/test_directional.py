"""Lineal path and chords along single axes, variograms, centroids across the border."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skmicro.descriptors import (
    ChordLength,
    LinealPath,
    ShapeCentroid,
    ShapeMoments,
    TwoPointCorrelation,
)

with_and_without_wrap = pytest.mark.parametrize("periodic", [True, False])


@with_and_without_wrap
def test_boxes_have_the_length_of_each_axis(periodic):
    """Of 38 by 2 voxels; pooled they have a mean length of neither."""
    X = np.zeros((1, 40, 41), int)
    X[0, 1:39] = np.arange(41) % 4 < 2
    X[0, :, [0, 1, 40]] = 0
    settings = {"periodic": periodic, "edge_correction": False}
    descriptor = ChordLength(output="directional", max_length=38, **settings).fit(X)
    named = dict(zip(descriptor.get_feature_names_out(), descriptor.transform(X)[0], strict=True))
    assert named["chord_length_axis0_mean"] == pytest.approx(38)
    assert named["chord_length_axis0_z38"] == named["chord_length_axis1_z2"] == 1
    assert named["chord_length_axis1_mean"] == pytest.approx(2)
    assert 2 < ChordLength(**settings).fit_transform(X)[0, 0] < 5
    path = LinealPath(output="directional", max_lag=5, periodic=periodic).fit(X)
    values = dict(zip(path.get_feature_names_out(), path.transform(X)[0], strict=True))
    assert values["lineal_path_axis1_r2"] == 0 < values["lineal_path_axis0_r5"]


@pytest.mark.parametrize("shape", [(6, 7), (4, 3, 5), (1, 9)])
@with_and_without_wrap
def test_lineal_path_along_each_axis(shape, periodic):
    X = (np.random.default_rng(0).random((3, *shape)) < 0.6).astype(int)
    path = LinealPath(output="directional", periodic=periodic).fit(X)
    found, axis_of = path.transform(X), np.cumsum(path.lags_ == 0) - 1
    for lag, axis, values in zip(path.lags_, axis_of, found.T, strict=True):
        lines, side = np.moveaxis(X, 1 + axis, -1), shape[axis]
        lines = np.concatenate([lines, lines[..., : lag * periodic]], axis=-1)
        count = side if periodic else side - lag
        runs = np.prod([lines[..., k : k + count] for k in range(lag + 1)], axis=0)
        assert_allclose(values, runs.reshape(3, -1).mean(axis=1), rtol=1e-5)


@with_and_without_wrap
@pytest.mark.parametrize("edge_correction", [True, False])
def test_chords_along_each_axis(periodic, edge_correction):
    """Stacks of one long row have no chords across it."""
    rows = (np.random.default_rng(0).random((3, 5, 12)) < 0.6).astype(int)
    settings = {"periodic": periodic, "edge_correction": edge_correction, "max_length": 4}
    alone = ChordLength(**settings).fit_transform(rows.reshape(15, 1, 12))
    each = ChordLength(output="directional", **settings).fit_transform(rows.reshape(15, 1, 12))
    assert_allclose(each, np.hstack([0 * alone, alone]), rtol=1e-6)
    both = ChordLength(output="directional", **settings).fit_transform(rows)
    turned = ChordLength(output="directional", **settings).fit_transform(rows.swapaxes(1, 2))
    assert_allclose(both, np.hstack(np.split(turned, 2, axis=1)[::-1]), rtol=1e-5)


def lags_of(descriptor, output):
    """Lag vectors of each feature."""
    if output == "map":
        return [[tuple(lag)] for lag in descriptor.lags_]
    if output == "directional":
        axes = np.cumsum(descriptor.lags_ == 0) - 1
        pairs = zip(axes, descriptor.lags_, strict=True)
        return [[(0, lag) if axis else (lag, 0)] for axis, lag in pairs]
    every = [(i, j) for i in range(-3, 4) for j in range(-3, 4)]
    if descriptor.periodic:
        every = [v for v in every if v[0] != 3]  # 3 and -3 are the same of six voxels
    return [[v for v in every if k - 0.5 <= np.hypot(*v) < k + 0.5] for k in range(4)]


def differences(field, lag, periodic):
    """Differences between the ends of a lag, (n, n_pairs)."""
    if periodic:
        return (field - np.roll(field, [-step for step in lag], (1, 2))).reshape(len(field), -1)
    sides = list(zip(lag, field.shape[1:], strict=True))
    here = tuple(slice(max(-s, 0), n - max(s, 0)) for s, n in sides)
    there = tuple(slice(max(s, 0), n - max(-s, 0)) for s, n in sides)
    return (field[(slice(None), *here)] - field[(slice(None), *there)]).reshape(len(field), -1)


@with_and_without_wrap
@pytest.mark.parametrize("output", ["radial", "map", "directional"])
@pytest.mark.parametrize(("phase", "other"), [(1, None), (0, 2)])
def test_variogram_is_half_the_mean_square_difference(output, periodic, phase, other):
    X = np.random.default_rng(1).integers(0, 3, (2, 6, 7))
    descriptor = TwoPointCorrelation(
        phase=phase, other_phase=other, max_lag=3, output=output, normalized="variogram",
        periodic=periodic,
    ).fit(X)  # fmt: skip
    a, b = (phase == X).astype(float), ((phase if other is None else other) == X).astype(float)
    found = descriptor.transform(X)
    for k, lags in enumerate(lags_of(descriptor, output)):
        products = [differences(a, v, periodic) * differences(b, v, periodic) for v in lags]
        assert_allclose(found[:, k], np.hstack(products).mean(axis=1) / 2, atol=1e-6)


def test_variogram_of_periodic_images_is_fraction_minus_correlation():
    X = (np.random.default_rng(2).random((3, 8, 9)) < 0.4).astype(int)
    s2, gamma = (
        TwoPointCorrelation(periodic=True, normalized=kind).fit_transform(X)
        for kind in (False, "variogram")
    )
    assert_allclose(gamma, s2[:, :1] - s2, atol=1e-6)
    assert_array_equal(gamma[:, 0], 0)


@pytest.mark.parametrize("kind", [ShapeCentroid, ShapeMoments])
def test_centroid_moves_with_the_shape_across_the_border(kind):
    X = np.zeros((1, 12, 10), int)
    X[0, 2:6, 1:4] = X[0, 2, 4] = 1
    inside = kind().fit_transform(X)
    assert_allclose(kind(periodic=True).fit_transform(X), inside, rtol=1e-5)
    for shift in ((5, 3), (-4, -2), (7, 8)):
        moved = kind(periodic=True).fit_transform(np.roll(X, shift, (1, 2)))
        expected = (inside[0, -2:] + np.array(shift) / (12, 10)) % 1
        assert_allclose(moved[0, -2:], expected, atol=1e-3)
    cut = kind().fit_transform(np.roll(X, (-4, -2), (1, 2)))
    assert abs(cut[0, -1] - (inside[0, -1] - 0.2) % 1) > 0.1


def test_absent_shapes_and_gradients_across_the_border():
    X = np.zeros((2, 4, 5), int)
    X[1, 1, 1] = 1
    assert_array_equal(ShapeCentroid(periodic=True).fit_transform(X)[0], 0)
    images = torch.rand(2, 2, 5, 6, generator=torch.Generator().manual_seed(0)).double()
    images = torch.roll(images**4, (2, 3), (2, 3)).requires_grad_()
    # The middle that distances are taken from is a constant, on which the result does not depend.
    assert torch.autograd.gradcheck(ShapeCentroid(periodic=True), images, fast_mode=True)
