"""Correlation functions: brute force over all pairs, closed forms, gradients."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from skmicro.descriptors import _kernels, _lags

SHAPES = [(6, 6), (5, 7), (4, 9), (1, 8), (7, 1), (1, 1), (2, 3), (4, 4, 4), (3, 5, 4), (1, 4, 5)]


def random_fields(shape, n=2, seed=0, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return [torch.from_numpy(rng.random((n, *shape)).astype(dtype)) for _ in range(2)]


def all_pairs(first, second, periodic):
    """Lag vectors and products of every ordered pair of voxels, O(N^2)."""
    shape = first.shape[1:]
    at = np.stack([grid.ravel() for grid in np.indices(shape)], axis=1)
    lags = (at[None, :] - at[:, None]).reshape(-1, len(shape))
    if periodic:
        sides = np.array(shape)
        lags = (lags + sides // 2) % sides - sides // 2
    a, b = (np.asarray(field).reshape(len(first), -1) for field in (first, second))
    return lags, (a[:, :, None] * b[:, None, :]).reshape(len(a), -1)


def brute_map(first, second, periodic, per_axis):
    lags, products = all_pairs(first, second, periodic)
    values = []
    for wanted in np.stack(np.meshgrid(*per_axis, indexing="ij"), -1).reshape(-1, len(per_axis)):
        values.append(products[:, (lags == wanted).all(axis=1)].mean(axis=1))
    return np.stack(values, axis=1).reshape(len(first), *map(len, per_axis))


def brute_radial(first, second, periodic, max_lag):
    lags, products = all_pairs(first, second, periodic)
    nearest = np.rint(np.sqrt((lags**2).sum(axis=1)))
    return np.stack([products[:, nearest == k].mean(axis=1) for k in range(max_lag + 1)], axis=1)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("periodic", [True, False])
def test_radial_matches_brute_force(shape, periodic):
    a, b = random_fields(shape)
    longest = max(_lags.axis_limits(shape, periodic=periodic))
    for max_lag in {_lags.resolve_max_lag(shape, periodic=periodic), longest}:
        options = {"periodic": periodic, "max_lag": max_lag}
        auto = _kernels.radial_correlation(a, **options)
        cross = _kernels.radial_correlation(a, b, **options)
        assert_allclose(auto, brute_radial(a, a, periodic, max_lag), atol=1e-12)
        assert_allclose(cross, brute_radial(a, b, periodic, max_lag), atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("max_lag", [None, 0, "longest"])
def test_map_matches_brute_force(shape, periodic, max_lag):
    a, b = random_fields(shape)
    if max_lag == "longest":
        max_lag = max(_lags.axis_limits(shape, periodic=periodic))
    per_axis = _lags.map_lags(shape, max_lag, periodic=periodic)
    for other in (None, b):
        found = _kernels.correlation_map(a, other, periodic=periodic, max_lag=max_lag)
        expected = brute_map(a, a if other is None else other, periodic, per_axis)
        assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("periodic", [True, False])
def test_directional_matches_brute_force(shape, periodic):
    a, b = random_fields(shape)
    if periodic:
        axes = [np.arange(side // 2 + 1) for side in shape]
    else:
        axes = [np.arange(side) for side in shape]
    max_lag = max(map(len, axes)) - 1
    found = _kernels.directional_correlation(a, b, periodic=periodic, max_lag=max_lag)
    for axis, lags in enumerate(axes):
        for lag in lags:
            if periodic:
                moved, still = np.roll(b.numpy(), -lag, axis=axis + 1), a.numpy()
            else:
                side = shape[axis]
                moved = b.numpy().take(np.arange(lag, side), axis=axis + 1)
                still = a.numpy().take(np.arange(side - lag), axis=axis + 1)
            expected = (still * moved).reshape(len(a), -1).mean(axis=1)
            assert_allclose(found[axis][:, lag], expected, atol=1e-12)
        assert found[axis].shape == (len(a), len(lags))


@settings(max_examples=30, deadline=None)
@given(
    shape=st.lists(st.integers(1, 6), min_size=2, max_size=3).map(tuple),
    seed=st.integers(0, 999),
    periodic=st.booleans(),
    data=st.data(),
)
def test_any_shape_and_bins_match_brute_force(shape, seed, periodic, data):
    a, b = random_fields(shape, n=1, seed=seed)
    max_lag = data.draw(st.integers(0, max(_lags.axis_limits(shape, periodic=periodic))))
    n_bins = data.draw(st.integers(min(2, max_lag + 1), max_lag + 1))
    found = _kernels.radial_correlation(a, b, periodic=periodic, max_lag=max_lag, n_bins=n_bins)
    lags, products = all_pairs(a, b, periodic)
    length = np.sqrt((lags**2).sum(axis=1))
    edges = np.concatenate([[-1, 0.5], 0.5 + max_lag * np.arange(1, n_bins) / max(n_bins - 1, 1)])
    index = np.searchsorted(edges, length + 1e-9, side="right") - 1
    for k in range(n_bins):
        assert_allclose(found[0, k], products[0, index == k].mean(), atol=1e-12)


@pytest.mark.parametrize("shape", [(64, 64), (33, 21), (1, 40), (12, 13, 9)])
@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_value_at_zero_is_the_volume_fraction_bitwise(shape, periodic, dtype):
    rng = np.random.default_rng(1)
    channels = torch.from_numpy(rng.random((5, 1, *shape)) < 0.37)
    field = torch.cat([~channels, channels], dim=1).to(dtype)[:, 1]
    fraction = _kernels.volume_fraction(field)
    assert torch.equal(_kernels.radial_correlation(field, periodic=periodic)[:, 0], fraction)
    for profile in _kernels.directional_correlation(field, periodic=periodic):
        assert torch.equal(profile[:, 0], fraction)
    values = _kernels.correlation_map(field, periodic=periodic)
    middle = tuple(side // 2 for side in shape)
    assert torch.equal(values[(slice(None), *middle)], fraction)


@pytest.mark.parametrize("periodic", [True, False])
def test_reflections_and_exchange(periodic):
    a, b = random_fields((7, 9))
    forward = _kernels.correlation_map(a, b, periodic=periodic)
    backward = _kernels.correlation_map(b, a, periodic=periodic)
    assert_allclose(forward, backward.flip(1, 2), atol=1e-13)
    assert_allclose(
        _kernels.radial_correlation(a, b, periodic=periodic),
        _kernels.radial_correlation(b, a, periodic=periodic),
        atol=1e-13,
    )
    assert_allclose(
        _kernels.radial_correlation(a, a, periodic=periodic),
        _kernels.radial_correlation(a, periodic=periodic),
        atol=1e-13,
    )


@pytest.mark.parametrize("shape", [(12, 15), (6, 5, 8)])
def test_translation_changes_nothing(shape):
    a, _ = random_fields(shape)
    moved = torch.roll(a, (3, 2), (1, a.ndim - 1))
    assert_allclose(_kernels.radial_correlation(a), _kernels.radial_correlation(moved), atol=1e-13)
    assert_allclose(_kernels.correlation_map(a), _kernels.correlation_map(moved), atol=1e-13)


@pytest.mark.parametrize("half_period", [1, 3, 8])
def test_stripes_give_a_triangle_wave(half_period):
    x = np.arange(4 * half_period) // half_period % 2
    stripes = torch.from_numpy(np.tile(x, (1, 6, 1)).astype(float))
    across = _kernels.directional_correlation(stripes, max_lag=2 * half_period)[1][0]
    r = np.arange(2 * half_period + 1)
    assert_allclose(across, np.abs(r - half_period) / half_period / 2, atol=1e-14)
    assert_allclose(_kernels.directional_correlation(stripes)[0], 0.5, atol=1e-14)


def test_checkerboard_alternates():
    board = torch.from_numpy((np.indices((8, 8)).sum(axis=0) % 2).astype(float))[None]
    values = _kernels.correlation_map(board)[0]
    parity = np.add.outer(*_lags.map_lags((8, 8))) % 2
    assert_allclose(values, np.where(parity == 0, 0.5, 0.0), atol=1e-14)


@pytest.mark.parametrize(("periodic", "tolerance"), [(True, 5e-4), (False, 2e-3)])
def test_noise_has_no_correlation_beyond_zero(periodic, tolerance):
    noise = torch.from_numpy(np.random.default_rng(3).random((1, 256, 256)) < 0.4).float()
    curve = _kernels.radial_correlation(noise, periodic=periodic)[0]
    p1 = noise.mean()
    assert_allclose(curve[1:20], p1.square().expand(19), atol=3e-3)
    assert_allclose(curve[20:], p1.square().expand(109), atol=tolerance)


def test_single_precision_is_close_to_double():
    a = torch.from_numpy(np.random.default_rng(4).random((1, 40, 48, 36)) < 0.6)
    single = _kernels.radial_correlation(a.float())
    assert single.dtype is torch.float32
    assert_allclose(single, _kernels.radial_correlation(a.double()), atol=2e-7)


def test_rows_do_not_depend_on_their_neighbours():
    a, _ = random_fields((20, 17), n=5, dtype=np.float32)
    together = _kernels.radial_correlation(a)
    alone = torch.cat([_kernels.radial_correlation(row[None]) for row in a])
    assert_allclose(together, alone, atol=1e-7)


@pytest.mark.representatives("True-shape0", "False-shape2")
@pytest.mark.parametrize("shape", [(4, 5), (3, 1), (3, 2, 4)])
@pytest.mark.parametrize("periodic", [True, False])
def test_gradients_of_first_and_second_order(shape, periodic):
    fields = [field.requires_grad_() for field in random_fields(shape, n=1)]

    def kernels(a, b):
        return (
            _kernels.radial_correlation(a, periodic=periodic),
            _kernels.radial_correlation(a, b, periodic=periodic),
            _kernels.correlation_map(a, b, periodic=periodic),
            *_kernels.directional_correlation(a, periodic=periodic),
            _kernels.radial_correlation(_kernels.standardize(a), periodic=periodic),
            _kernels.divide_by_fraction(_kernels.radial_correlation(a, b), a),
        )

    assert torch.autograd.gradcheck(kernels, fields, fast_mode=True, atol=1e-7)
    assert torch.autograd.gradgradcheck(kernels, fields, fast_mode=True)


def test_gradient_in_single_precision_follows_double():
    a, _ = random_fields((16, 16), n=3)
    gradients = []
    for dtype in (torch.float32, torch.float64):
        field = a.to(dtype).requires_grad_()
        _kernels.radial_correlation(field).square().sum().backward()
        gradients.append(field.grad.double())
    assert_allclose(*gradients, atol=1e-7)


@pytest.mark.parametrize("value", [0.0, 1.0, 0.3, -1234.5])
def test_constant_fields_are_standardized_to_zero(value):
    field = torch.full((2, 9, 11), value, requires_grad=True)
    standardized = _kernels.standardize(field)
    assert torch.equal(standardized, torch.zeros_like(field))
    standardized.sum().backward()
    assert torch.isfinite(field.grad).all()


def test_division_by_an_absent_phase_gives_zero_with_finite_gradient():
    field = torch.zeros(1, 4, 4, requires_grad=True)
    ratio = _kernels.divide_by_fraction(_kernels.radial_correlation(field), field)
    assert torch.equal(ratio, torch.zeros(1, 3))
    ratio.sum().backward()
    assert torch.isfinite(field.grad).all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("shape", [(33, 20), (8, 9, 10)])
@pytest.mark.parametrize("periodic", [True, False])
def test_cuda_agrees_with_cpu(shape, periodic):
    a, b = random_fields(shape)
    for kernel in (_kernels.radial_correlation, _kernels.correlation_map):
        on_device = kernel(a.cuda(), b.cuda(), periodic=periodic)
        assert on_device.is_cuda
        assert_allclose(on_device.cpu(), kernel(a, b, periodic=periodic), atol=1e-12)
