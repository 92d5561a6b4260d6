"""TwoPointCorrelation: outputs, normalisations, labels, errors."""

from itertools import product

import numpy as np
import pytest
import torch
from by_hand import wrapping
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skmicro.descriptors import TwoPointCorrelation, VolumeFraction

TwoPointCorrelation = wrapping(TwoPointCorrelation)

RNG = np.random.default_rng(0)
BINARY = (RNG.random((3, 12, 10)) < 0.4).astype(np.int64)
PHASES = RNG.integers(1, 5, (3, 9, 8))
OUTPUTS = ["radial", "map", "directional"]


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("shape", [(2, 12, 10), (2, 5, 6, 7), (2, 1, 9), (2, 1, 1)])
@pytest.mark.parametrize("periodic", [True, False])
def test_names_and_lags_match_the_features(output, shape, periodic):
    images = np.arange(np.prod(shape)).reshape(shape) % 3 % 2
    descriptor = TwoPointCorrelation(output=output, periodic=periodic).fit(images)
    features = descriptor.transform(images)
    names = descriptor.get_feature_names_out()
    assert features.shape == (2, len(names)) == (2, len(descriptor.lags_))
    assert len(set(names)) == len(names)
    assert np.isfinite(features).all()


@pytest.mark.parametrize("periodic", [True, False])
def test_value_at_zero_is_p1_exactly(periodic):
    p1 = VolumeFraction().fit_transform(BINARY)[:, 0]
    for output in OUTPUTS:
        descriptor = TwoPointCorrelation(output=output, periodic=periodic).fit(BINARY)
        lags = descriptor.lags_.reshape(len(descriptor.lags_), -1)
        at_zero = descriptor.transform(BINARY)[:, ~lags.any(axis=1)]
        assert_array_equal(at_zero, np.broadcast_to(p1[:, None], at_zero.shape))


def test_outputs_agree_with_each_other():
    whole = TwoPointCorrelation(output="map").fit(BINARY)
    values = whole.transform(BINARY)
    radial = TwoPointCorrelation().fit_transform(BINARY)
    nearest = np.rint(np.sqrt((whole.lags_**2).sum(axis=1)))
    for k in range(radial.shape[1]):
        assert_allclose(radial[:, k], values[:, nearest == k].mean(axis=1), atol=1e-6)
    directional = TwoPointCorrelation(output="directional").fit(BINARY)
    profiles = directional.transform(BINARY)
    for column, name in enumerate(directional.get_feature_names_out()):
        axis, lag = int(name[7]), int(name.split("_r")[1])
        wanted = np.zeros(2, int)
        wanted[axis] = -lag
        match = (whole.lags_ == wanted).all(axis=1)
        assert_allclose(profiles[:, column], values[:, match][:, 0], atol=1e-6)


@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("output", OUTPUTS)
def test_phase_pairs_sum_to_one(periodic, output):
    total = sum(
        TwoPointCorrelation(phase=i, other_phase=j, periodic=periodic, output=output).fit_transform(
            PHASES
        )
        for i, j in product(range(1, 5), repeat=2)
    )
    assert_allclose(total, 1, atol=3e-6)


@pytest.mark.parametrize(
    "images",
    [BINARY.astype(bool), BINARY.astype(np.uint8) * 255, BINARY.astype(np.float64), 3 * BINARY + 2],
    ids=["bool", "0-255", "float64", "2-5"],
)
def test_label_values_and_types_do_not_matter(images):
    assert_array_equal(
        TwoPointCorrelation().fit_transform(images), TwoPointCorrelation().fit_transform(BINARY)
    )


def test_flat_rows_and_volumes():
    flat = BINARY.reshape(3, -1)
    assert_array_equal(
        TwoPointCorrelation(image_shape=(12, 10)).fit_transform(flat),
        TwoPointCorrelation().fit_transform(BINARY),
    )
    slab = np.repeat(BINARY[:, None], 6, axis=1)
    cut = TwoPointCorrelation(output="directional", max_lag=3).fit_transform(slab)
    plane = TwoPointCorrelation(output="directional", max_lag=3).fit_transform(BINARY)
    assert_allclose(cut[:, 4:], plane, atol=1e-6)


@pytest.mark.parametrize("max_lag", [None, 1, 3])
@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("output", OUTPUTS)
def test_as_many_names_as_features(output, periodic, max_lag):
    images = RNG.integers(0, 2, (2, 6, 9, 1))
    descriptor = TwoPointCorrelation(output=output, periodic=periodic, max_lag=max_lag)
    features = descriptor.fit_transform(images)
    assert (
        len(set(descriptor.get_feature_names_out())) == features.shape[1] == len(descriptor.lags_)
    )


@pytest.mark.parametrize("output", OUTPUTS)
def test_normalisations(output):
    raw = TwoPointCorrelation(output=output).fit_transform(BINARY)
    p1 = BINARY.mean(axis=(1, 2))[:, None]
    fraction = TwoPointCorrelation(output=output, normalized="fraction").fit_transform(BINARY)
    assert_allclose(fraction, raw / p1, atol=1e-6)
    covariance = TwoPointCorrelation(output=output, normalized="autocovariance")
    assert_allclose(covariance.fit_transform(BINARY), (raw - p1**2) / (p1 - p1**2), atol=2e-6)


def test_cross_normalisations():
    raw = TwoPointCorrelation(phase=1, other_phase=3).fit_transform(PHASES)
    p1, p3 = (np.equal(PHASES, k).mean(axis=(1, 2))[:, None] for k in (1, 3))
    conditional = TwoPointCorrelation(phase=1, other_phase=3, normalized="fraction").fit_transform(
        PHASES
    )
    assert_allclose(conditional, raw / p1, atol=1e-6)
    coefficient = TwoPointCorrelation(
        phase=1, other_phase=3, normalized="autocovariance"
    ).fit_transform(PHASES)
    expected = (raw - p1 * p3) / np.sqrt(p1 * (1 - p1) * p3 * (1 - p3))
    assert_allclose(coefficient, expected, atol=2e-6)


@pytest.mark.parametrize("normalized", ["fraction", "autocovariance"])
@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("value", [0, 1])
def test_one_phase_only_is_finite(normalized, periodic, value):
    images = BINARY.copy()
    images[1] = value
    descriptor = TwoPointCorrelation(normalized=normalized, periodic=periodic)
    row = descriptor.fit_transform(images)[1]
    expected = 1.0 if normalized == "fraction" and value == 1 else 0.0
    assert_allclose(row, expected, atol=1e-6)


def test_grey_levels():
    grey = RNG.random((2, 8, 8)) * 100 + 1000
    found = TwoPointCorrelation().fit_transform(grey)
    assert_allclose(found[:, 0], (grey**2).mean(axis=(1, 2)), rtol=1e-6)
    coefficient = TwoPointCorrelation(normalized="autocovariance").fit_transform(grey)
    rescaled = TwoPointCorrelation(normalized="autocovariance").fit_transform(grey / 100 - 10)
    assert_allclose(coefficient, rescaled, atol=1e-5)
    assert_allclose(coefficient[:, 0], 1, atol=1e-6)


def test_fewer_bins_average_the_narrow_ones():
    descriptor = TwoPointCorrelation(max_lag=4, n_bins=3).fit(BINARY)
    found = descriptor.transform(BINARY)
    assert found.shape == (3, 3)
    assert descriptor.get_feature_names_out().tolist() == ["p2_r0", "p2_r1", "p2_r2"]
    values = TwoPointCorrelation(output="map").fit(BINARY)
    length = np.sqrt((values.lags_**2).sum(axis=1))
    ring = (length >= 2.5) & (length < 4.5)
    assert_allclose(found[:, 2], values.transform(BINARY)[:, ring].mean(axis=1), atol=1e-6)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"output": "round"}, ValueError, "output must be one of"),
        ({"normalized": True}, ValueError, "normalized must be one of"),
        ({"periodic": "yes"}, ValueError, "periodic must be one of"),
        ({"max_lag": 7}, ValueError, r"max_lag must lie in \[0, 6\]"),
        ({"max_lag": -1}, ValueError, "max_lag must be >= 0"),
        ({"max_lag": 2.5}, TypeError, "max_lag must be an integer"),
        ({"n_bins": 1}, ValueError, r"n_bins must lie in \[2, 6\]"),
        ({"n_bins": 0}, ValueError, "n_bins must be >= 1"),
        ({"n_bins": 3, "output": "map"}, ValueError, "n_bins must be None for output='map'"),
        ({"phase": 5}, ValueError, "phase must be one of the labels"),
        ({"other_phase": 5}, ValueError, "phase must be one of the labels"),
    ],
)
def test_wrong_parameters_are_named(parameters, error, message):
    with pytest.raises(error, match=message):
        TwoPointCorrelation(**parameters).fit(BINARY)


def test_calling_equals_transform_and_has_gradients():
    one_hot = torch.from_numpy(np.stack([1 - BINARY, BINARY], axis=1)).float().requires_grad_()
    for output, normalized in product(OUTPUTS, [False, "fraction", "autocovariance"]):
        descriptor = TwoPointCorrelation(output=output, normalized=normalized).fit(BINARY)
        found = descriptor(one_hot)
        assert_allclose(found.detach(), descriptor.transform(BINARY), atol=1e-6)
        (gradient,) = torch.autograd.grad(found.square().sum(), one_hot)
        assert torch.isfinite(gradient).all()
        assert gradient[:, 1].abs().sum() > 0
    unfitted = TwoPointCorrelation()(one_hot)
    assert_allclose(unfitted.detach(), TwoPointCorrelation().fit_transform(BINARY), atol=1e-7)


def test_gradcheck_through_the_transformer():
    images = torch.rand(1, 2, 3, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    images.requires_grad_()
    for normalized in (False, "fraction", "autocovariance"):
        descriptor = TwoPointCorrelation(normalized=normalized, output="map")
        assert torch.autograd.gradcheck(descriptor, images)


def test_clone_and_pandas():
    pytest.importorskip("pandas")
    descriptor = clone(TwoPointCorrelation(max_lag=3)).set_output(transform="pandas")
    frame = descriptor.fit_transform(BINARY)
    assert frame.columns.tolist() == ["p2_r0", "p2_r1", "p2_r2", "p2_r3"]


def test_names_of_maps_and_profiles():
    images = BINARY[:, :3, :2]
    names = TwoPointCorrelation(output="map").fit(images).get_feature_names_out()
    assert names.tolist() == ["p2_-1_-1", "p2_-1_0", "p2_0_-1", "p2_0_0", "p2_1_-1", "p2_1_0"]
    names = TwoPointCorrelation(output="directional").fit(images).get_feature_names_out()
    assert names.tolist() == ["p2_axis0_r0", "p2_axis0_r1", "p2_axis1_r0", "p2_axis1_r1"]
