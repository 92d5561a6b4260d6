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
from ._line_kernels import bundles, densities_to_lengths, mean_and_shares, padded


def directional_lineal_path(field, *, known, periodic=True, max_lag=None):
    """Return the lineal path along each axis, a list of (n, n_lags), NaN without known segments."""
    max_lag = resolve_max_lag(tuple(field.shape[1:]), max_lag, periodic=periodic)
    limits = axis_limits(tuple(field.shape[1:]), max_lag, periodic=periodic)
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


def lineal_path(field, **options):
    """Return the mean over the axes that have known segments of a length, (n, max_lag + 1)."""
    paths = directional_lineal_path(field, **options)
    n_lags = max(path.shape[1] for path in paths)
    pad = torch.nn.functional.pad
    paths = [pad(path, (0, n_lags - path.shape[1]), value=torch.nan) for path in paths]
    mean = torch.stack(paths).nanmean(0)
    return torch.cat([paths[0][:, :1], mean[:, 1:]], dim=1)


def chord_lengths(field, *, known, periodic=True, edge_correction=True, max_length=None, axes=None):
    """Return mean (n,) and distribution (n, max_length) as :func:`._line_kernels.chord_lengths`."""
    max_length = resolve_max_length(tuple(field.shape[1:]), max_length, periodic=periodic)
    axes = range(field.ndim - 1) if axes is None else axes
    dims = [1 + axis for axis in axes if field.shape[1 + axis] > 1]
    if periodic or not edge_correction:
        return _chords_as_cut(field, known, dims, periodic, max_length)
    zeros = field.new_zeros(len(field), max_length, dtype=torch.float64)
    whole, seen, n_whole, n_seen = zeros, zeros, zeros, zeros
    for dim in dims:
        counts = 0
        for inside, certain in _lines(field, known, dim, periodic):
            counts = counts + _chords_and_places(inside, certain, max_length)
        found, room, begun, places = (padded(part, max_length) for part in counts.unbind(2))
        whole, n_whole = whole + _ratio(found, room), n_whole + (room > 0)
        seen, n_seen = seen + _ratio(begun, places), n_seen + (places > 0)
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
    for dim in dims:
        for lines, certain in _lines(field, known, dim, periodic):
            outside = certain - lines
            before = outside.roll(1, 1)
            for z, run in enumerate(_runs(lines, lines.shape[1] - 1), 1):
                if not run.any():
                    break
                chords = (before * run * outside.roll(-z, 1)).flatten(1).sum(1).double()
                n_voxels = n_voxels + z * chords
                counts[:, min(z, max_length) - 1] += chords
    return mean_and_shares(n_voxels, counts.flip(1).cumsum(1).flip(1), field.dtype)


def _ratio(counts, places):
    return counts / places.clamp_min(1) * (places > 0)
