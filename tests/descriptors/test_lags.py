"""The lattice of lags: limits, bins and their errors."""

import numpy as np
import pytest
import torch

from skmicro.descriptors import _lags


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ((8, 8), 4),
        ((9, 12), 4),
        ((1, 10), 5),
        ((10, 1), 5),
        ((1, 1), 0),
        ((1, 7, 6), 3),
        ((2, 64), 1),
        ((1, 2), 1),
    ],
)
@pytest.mark.parametrize("periodic", [True, False])
def test_default_max_lag_is_half_the_shortest_real_side(shape, expected, periodic):
    assert _lags.resolve_max_lag(shape, periodic=periodic) == expected


@pytest.mark.parametrize(("periodic", "limit"), [(True, 5), (False, 10)])
def test_max_lag_out_of_range_is_an_error(periodic, limit):
    assert _lags.resolve_max_lag((4, 11), limit, periodic=periodic) == limit
    for wrong in (-1, limit + 1):
        with pytest.raises(ValueError, match=rf"max_lag must lie in \[0, {limit}\].*got {wrong}"):
            _lags.resolve_max_lag((4, 11), wrong, periodic=periodic)


def test_n_bins_out_of_range_is_an_error():
    assert _lags.resolve_n_bins(6) == 7
    assert _lags.resolve_n_bins(0) == 1
    for wrong in (1, 8):
        with pytest.raises(ValueError, match=r"n_bins must lie in \[2, 7\]"):
            _lags.resolve_n_bins(6, wrong)


@pytest.mark.parametrize("shape", [(8, 8), (7, 10), (5, 6, 4), (1, 9)])
@pytest.mark.parametrize("periodic", [True, False])
def test_bins_hold_every_lag_once(shape, periodic):
    max_lag = max(_lags.axis_limits(shape, periodic=periodic))
    per_axis = []
    for side in shape:
        lags = np.arange(-(side - 1), side)
        per_axis.append(lags[(2 * lags < side) & (2 * lags >= -side)] if periodic else lags)
    grids = np.meshgrid(*per_axis, indexing="ij")
    length = np.sqrt(sum(lag.astype(float) ** 2 for lag in grids)).ravel()
    pairs = np.ones_like(length)
    for lag, side in zip(grids, shape, strict=True):
        pairs *= side if periodic else side - np.abs(lag.ravel())
    nearest = np.rint(length).astype(int)
    expected = np.bincount(nearest, weights=pairs, minlength=max_lag + 1)[: max_lag + 1]
    mean = np.bincount(nearest, weights=pairs * length)[: max_lag + 1] / expected
    table = _lags.bin_table(shape, max_lag, max_lag + 1, periodic, torch.device("cpu"))
    np.testing.assert_array_equal(table[2].numpy(), expected)
    np.testing.assert_allclose(
        _lags.radial_lags(shape, periodic=periodic, max_lag=max_lag), mean, rtol=1e-12
    )


def test_wide_bins_join_the_narrow_ones():
    narrow = _lags.bin_table((20, 20), 8, 9, True, torch.device("cpu"))[2].numpy()
    wide = _lags.bin_table((20, 20), 8, 5, True, torch.device("cpu"))[2].numpy()
    np.testing.assert_array_equal(wide, [narrow[0], *narrow[1:].reshape(4, 2).sum(axis=1)])


@pytest.mark.parametrize("n_bins", range(2, 12))
def test_no_bin_is_empty(n_bins):
    table = _lags.bin_table((1, 3, 23), 11, n_bins, True, torch.device("cpu"))
    assert (table[2] > 0).all()


def test_radial_lags_are_a_copy():
    lags = _lags.radial_lags((8, 8))
    lags[:] = -1
    assert _lags.radial_lags((8, 8))[0] == 0


def test_table_made_in_inference_mode_serves_training():
    _lags.bin_table.cache_clear()
    with torch.inference_mode():
        multiplicity = _lags.bin_table((6, 6), 3, 4, True, torch.device("cpu"))[1]
    assert not multiplicity.is_inference()
