"""Straight lines through a phase where some voxels are not known.

The same numbers as in :mod:`._line_kernels`, with the places counted rather than computed: of the
segments of z voxels that are wholly known those in the phase, of those of z + 2 voxels those that
are a chord between voxels outside. Fields are 0 where voxels are not known, and the rest of the
phase is ``known - field``, so that no segment with an unknown voxel counts. A line that ends at
borders is one that wraps around after an unknown voxel.
"""

import torch

from ._kernels import volume_fraction
from ._lags import axis_limits, resolve_max_lag, resolve_max_length
from ._line_kernels import (
    as_long,
    at_least_as_long,
    bundles,
    densities_to_lengths,
    first_as_long,
    lag_columns,
    mean_and_shares,
    padded,
    placed,
    scaled_dims,
)


def directional_lineal_path(field, *, known, periodic=True, max_lag=None, scales=None):
    """Return the lineal path along each axis, a list of (n, n_lags), NaN without known segments."""
    shape = tuple(field.shape[1:])
    max_lag = resolve_max_lag(shape, max_lag, periodic=periodic, scales=scales)
    limits = axis_limits(shape, max_lag, periodic=periodic, scales=scales)
    return _paths(field, known, limits, periodic)


def lineal_path(field, *, known, periodic=True, max_lag=None, scales=None):
    """Return the mean over the axes that have known segments of a length, (n, max_lag + 1)."""
    shape = tuple(field.shape[1:])
    max_lag = resolve_max_lag(shape, max_lag, periodic=periodic, scales=scales)
    columns = lag_columns(shape, max_lag, periodic, scales)
    total = n_axes = 0
    paths = _paths(field, known, [len(column) - 1 for column in columns], periodic)
    for path, column in zip(paths, columns, strict=True):
        told = ~path.isnan()
        total = total + placed(path.nan_to_num(0.0), column, max_lag + 1)
        n_axes = n_axes + placed(told.to(path.dtype), column, max_lag + 1)
    return torch.cat([paths[0][:, :1], (total / n_axes)[:, 1:]], dim=1)


def _paths(field, known, limits, periodic):
    fraction = volume_fraction(field, known).unsqueeze(1)
    paths = []
    for dim, limit in enumerate(limits, start=1):
        hits = places = 0
        for inside, certain in _lines(field, known, dim, periodic):
            hits = hits + _sums(_runs(inside, limit + 1))
            places = places + _sums(_runs(certain, limit + 1))
        path = (hits / places).to(field.dtype)
        paths.append(torch.cat([fraction, path[:, 1:]], dim=1))
    return paths


def chord_lengths(
    field,
    *,
    known,
    periodic=True,
    edge_correction=True,
    max_length=None,
    axes=None,
    scales=None,
):
    """Return mean (n,) and distribution (n, max_length) as :func:`._line_kernels.chord_lengths`."""
    shape = tuple(field.shape[1:])
    max_length = resolve_max_length(shape, max_length, periodic=periodic, scales=scales)
    dims = scaled_dims(shape, axes, scales)
    if periodic or not edge_correction:
        return _chords_as_cut(field, known, dims, periodic, max_length)
    zeros = field.new_zeros(len(field), max_length, dtype=torch.float64)
    whole, seen, n_whole, n_seen = zeros, zeros, zeros, zeros
    for dim, scale in dims:
        counts = 0
        for inside, certain in _lines(field, known, dim, periodic):
            counts = counts + _chords_and_places(inside, certain, max_length)
        found, room, begun, places = (padded(part, max_length) for part in counts.unbind(2))
        whole = whole + as_long(_ratio(found, room), scale)
        seen = seen + at_least_as_long(_ratio(begun, places), scale)
        first = first_as_long(max_length, scale)
        n_whole, n_seen = n_whole + (room[:, first] > 0), n_seen + (places[:, first] > 0)
    fraction = volume_fraction(field, known)
    return densities_to_lengths(_ratio(whole, n_whole), _ratio(seen, n_seen), fraction, field.dtype)


def _lines(field, known, dim, periodic):
    """Yield lines of the field and of what is known, (n, side, n_lines), which wrap around."""
    for lines, certain in zip(bundles(field, dim), bundles(known, dim), strict=True):
        if not periodic:
            lines, certain = (torch.nn.functional.pad(x, (0, 0, 0, 1)) for x in (lines, certain))
        yield lines, certain


def _runs(lines, n):
    """Yield products of 1, 2, ... n voxels in a row, from each voxel on."""
    run = lines
    for z in range(1, n + 1):
        run = run * lines.roll(1 - z, 1) if z > 1 else run
        yield run


def _sums(runs):
    return torch.stack([run.flatten(1).sum(1) for run in runs], dim=1).double()


def _chords_and_places(lines, certain, max_length):
    """Return numbers of 1, 2, ... voxels, (n, k, 4).

    Of chords and of the places where one could lie whole; of beginnings and ends of chords of at
    least so many voxels, on average, and of their places.
    """
    limit = min(max_length, lines.shape[1] - 1)
    outside = certain - lines
    before, known_before = outside.roll(1, 1), certain.roll(1, 1)
    rows = []
    runs = zip(_runs(lines, limit), _runs(certain, limit), strict=True)
    for z, (run, room) in enumerate(runs, 1):
        after, beginning = outside.roll(-z, 1), before * run
        longer = room * certain.roll(-z, 1)
        either = (beginning + run * after) / 2
        parts = (beginning * after, known_before * longer, either, longer)
        rows.append(torch.stack([part.flatten(1).sum(1) for part in parts], dim=1))
    return torch.stack(rows, dim=1).double()


def _chords_as_cut(field, known, dims, periodic, max_length):
    """Return the same of the chords that are seen whole, all of which weigh the same."""
    n_voxels = field.new_zeros(len(field), dtype=torch.float64)
    counts = field.new_zeros(len(field), max_length, dtype=torch.float64)
    for dim, scale in dims:
        for lines, certain in _lines(field, known, dim, periodic):
            outside = certain - lines
            before = outside.roll(1, 1)
            for z, run in enumerate(_runs(lines, lines.shape[1] - 1), 1):
                if not run.any():
                    break
                chords = (before * run * outside.roll(-z, 1)).flatten(1).sum(1).double()
                n_voxels = n_voxels + z * chords
                counts[:, min(int(z * scale + 0.5), max_length) - 1] += chords / scale
    return mean_and_shares(n_voxels, counts.flip(1).cumsum(1).flip(1), field.dtype)


def _ratio(counts, places):
    return counts / places.clamp_min(1) * (places > 0)
