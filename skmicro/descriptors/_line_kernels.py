"""Differentiable functions of straight lines through a phase, in any number of dimensions.

As in :mod:`._kernels` a field is a tensor of shape (n, *spatial) and lengths are counted in
pixels. Being in the phase is a product of indicators, so everything here is a polynomial of
them, which is also the expectation for independent voxels with probabilities I.

**Chords.** A chord begins at x where ``(1 - I(x - e)) I(x) = 1``. It has at least z voxels if
the z - 1 next ones are in the phase as well; with ``T_z`` such places, ``T_z - T_(z+1)``
chords have length z. In a periodic image ``T_z`` is the number of segments of z voxels in the
phase minus that of z + 1 voxels, hence the chords of length z are the second difference of the
lineal path function.

A line that ends at borders has no chord at either end of it: ``T_z`` counts those that
start behind the first voxel, and those that reach the last one are taken off again. With
``B_z`` lines whose last z voxels lie in the phase and ``F_z`` whose first z do, out of lines of
L voxels, that leaves

    U_z = T_z - (B_z - B_L)                      chords of at least z voxels,
    sum_x I - sum_z (F_z + B_z) + L B_L          voxels in chords.

Lines wholly in the phase, ``B_L`` of them, are in no chord.

**Windows.** Short chords are seen whole more often than long ones. A chord of z voxels lies in
a window with a voxel beyond either end at ``L - 1 - z`` places of a line, and its beginning with
the first z voxels at ``L - z`` places. For windows of a material numbers are divided by places,
which is unbiased: ``U_z - U_(z+1)`` chords of z voxels by the former; of at least z voxels those
whose beginning or end is seen, ``U_z + (B_z + F_z) / 2 - B_L`` on average, by the latter.
"""

import numpy as np
import torch

from ._kernels import volume_fraction
from ._lags import (
    ROUNDING,
    axis_limits,
    binned_limits,
    n_pairs_along,
    resolve_max_lag,
    resolve_max_length,
)

BUNDLE_VOXELS = 2**17
"""Voxels of the lines that are looked at together: fills the caches, not the memory."""


def lineal_path(field, *, periodic=True, max_lag=None, scales=None):
    """Return the probability that segments along the axes lie wholly in the phase.

    Mean product of r + 1 voxels in a row, averaged over the axes that have the lag r,
    (n, max_lag + 1), with the largest distance between end voxels of :func:`resolve_max_lag`. In
    ``periodic`` images segments go on across the border.
    """
    shape = tuple(field.shape[1:])
    max_lag = resolve_max_lag(shape, max_lag, periodic=periodic, scales=scales)
    columns = lag_columns(shape, max_lag, periodic, scales)
    n_axes = np.bincount(np.concatenate(columns), minlength=max_lag + 1)
    path = field.new_zeros(len(field), max_lag + 1, dtype=torch.float64)
    for dim, column in enumerate(columns, start=1):
        along = _path_along(field, dim, len(column) - 1, periodic, n_axes[column])
        path = path + placed(along, column, max_lag + 1)
    return _from_fraction(field, path)


def lag_columns(shape, max_lag, periodic, scales):
    """Return where the lags 0, 1, ... of each axis stand among lags that are whole steps."""
    limits = binned_limits(shape, max_lag, periodic=periodic, scales=scales)
    scales = scales or (1,) * len(shape)
    return [
        np.floor(np.arange(limit + 1) * scale + 0.5).astype(np.int64)
        for limit, scale in zip(limits, scales, strict=True)
    ]


def directional_lineal_path(field, *, periodic=True, max_lag=None, scales=None):
    """Return the same along each axis, a list of (n, n_lags), up to the largest lag it has."""
    shape = tuple(field.shape[1:])
    max_lag = resolve_max_lag(shape, max_lag, periodic=periodic, scales=scales)
    limits = axis_limits(shape, max_lag, periodic=periodic, scales=scales)
    return [
        _from_fraction(field, _path_along(field, dim, limit, periodic, 1))
        for dim, limit in enumerate(limits, start=1)
    ]


def _path_along(field, dim, limit, periodic, n_axes):
    """Return the lineal path along one axis over a number of axes, (n, limit + 1)."""
    side = field.shape[dim]
    lags = np.arange(limit + 1)
    n_segments = field[0].numel() // side * n_pairs_along(lags, side, periodic)
    weight = torch.tensor(1 / (n_axes * n_segments), device=field.device)
    path = field.new_zeros(len(field), limit + 1, dtype=torch.float64)
    for lines in bundles(field, dim):
        sums = [_sum(segments) for segments in _segments(lines, lines, limit, periodic)]
        path = path + torch.stack(sums, dim=1) * weight
    return path


def _from_fraction(field, path):
    """Return a lineal path that begins with the volume fraction, bit for bit."""
    return torch.cat([volume_fraction(field).unsqueeze(1), path[:, 1:].to(field.dtype)], dim=1)


def chord_lengths(
    field, *, periodic=True, edge_correction=True, max_length=None, axes=None, scales=None
):
    """Return the mean and the distribution of the lengths of chords along the axes.

    Along all of them, or along ``axes``.

    The mean (n,) is voxels in chords over chords; the distribution (n, max_length) the shares of
    the chords of 1, 2, ... voxels, and of at least ``max_length``, see
    :func:`resolve_max_length`. In ``periodic`` images chords go on across the border; others are
    windows of a material or, without ``edge_correction``, show all chords there are. Along axes of
    unlike ``scales`` lengths are rounded to whole ones, and test lines are of the same length.
    """
    shape = tuple(field.shape[1:])
    max_length = resolve_max_length(shape, max_length, periodic=periodic, scales=scales)
    dims = scaled_dims(shape, axes, scales)
    if edge_correction and not periodic:
        return _chord_lengths_of_windows(field, max_length, dims)
    n_voxels = field.new_zeros(len(field), dtype=torch.float64)
    at_least = field.new_zeros(len(field), max_length, dtype=torch.float64)
    for dim, scale in dims:
        for lines in bundles(field, dim):
            inside, counts = _chords(lines, max_length, periodic)
            n_voxels = n_voxels + inside
            at_least = at_least + at_least_as_long(padded(counts, max_length), scale)
    return mean_and_shares(n_voxels, at_least, field.dtype)


def scaled_dims(shape, axes, scales):
    """Return dimensions of a field and their scales, of some axes, that are not thin."""
    axes = range(len(shape)) if axes is None else axes
    return [(1 + axis, scales[axis] if scales else 1) for axis in axes if shape[axis] > 1]


def at_least_as_long(columns, scale):
    """Return numbers of chords of at least 1, 2, ... steps, per step of a test line.

    Out of those of at least 1, 2, ... voxels, each ``scale`` steps long; lengths are rounded.
    """
    return columns if scale == 1 else columns[:, first_as_long(columns.shape[1], scale)] / scale


def first_as_long(n, scale):
    """Return the indices of the first numbers of voxels that are 1, 2, ... n steps long."""
    lengths = (np.arange(1, n + 1) - 0.5) / scale * (1 - ROUNDING)
    return np.maximum(np.ceil(lengths).astype(np.int64), 1) - 1


def as_long(columns, scale):
    """Return numbers of chords of 1, 2, ... steps, per step, out of those of so many voxels."""
    if scale == 1:
        return columns
    n = columns.shape[1]
    lengths = np.floor(np.arange(1, n + 1) * scale + 0.5).astype(np.int64)
    index = torch.as_tensor(np.minimum(lengths, n + 1) - 1, device=columns.device)
    return columns.new_zeros(len(columns), n + 1).index_add(1, index, columns)[:, :n] / scale


def _chord_lengths_of_windows(field, max_length, dims):
    """Return the same of a material that windows are seen of."""
    zeros = field.new_zeros(len(field), max_length, dtype=torch.float64)
    whole, seen = zeros, zeros
    n_axes = np.zeros((2, max_length))
    for dim, scale in dims:
        side, n_lines = field.shape[dim], field[0].numel() // field.shape[dim]
        places = np.maximum(side - np.arange(1, max_length + 1) - np.array([[1], [0]]), 0)
        n_axes += places[:, first_as_long(max_length, scale)] > 0
        share = zeros.new_tensor((places > 0) / np.maximum(places, 1) / n_lines)
        for lines in bundles(field, dim):
            counts, begun = _chords_of_windows(lines, max_length)
            whole = whole + as_long(padded(counts, max_length) * share[0], scale)
            seen = seen + at_least_as_long(padded(begun, max_length) * share[1], scale)
    scale = zeros.new_tensor(1 / np.maximum(n_axes, 1))
    return densities_to_lengths(
        whole * scale[0], seen * scale[1], volume_fraction(field), field.dtype
    )


def densities_to_lengths(exactly, at_least, fraction, dtype):
    """Return the mean and the distribution that densities of chords call for.

    Of chords of 1, 2, ... voxels, and of those of at least so many, (n, max_length), beside the
    volume fraction (n,).
    """
    number = at_least[:, :1]
    at_least = torch.cat([exactly[:, :-1], at_least[:, -1:]], dim=1).flip(1).cumsum(1).flip(1)
    fraction = fraction.double() * (number[:, 0] != 0)
    mean, _ = mean_and_shares(fraction, number, dtype)
    return mean, mean_and_shares(fraction, at_least, dtype)[1]


def mean_and_shares(n_voxels, at_least, dtype):
    """Return the mean length, and the shares of chords by the numbers of at least 1, 2, ..."""
    n_chords = at_least[:, :1]
    present = n_chords != 0
    safe = torch.where(present, n_chords, 1.0)
    share = at_least / safe
    share = torch.cat([share[:, :-1] - share[:, 1:], share[:, -1:]], dim=1)
    mean = (n_voxels.unsqueeze(1) * present / safe)[:, 0]
    return mean.to(dtype), share.to(dtype)


def bundles(field, dim):
    """Yield the lines along an axis, (n, *spatial) -> (n, side, n_lines), some at a time."""
    lines = field.movedim(dim, 1)
    lines = lines.reshape(*lines.shape[:2], -1)
    for bundle in lines.split(max(1, BUNDLE_VOXELS // lines[:, :, 0].numel()), dim=2):
        yield bundle.contiguous()


def _chords(lines, max_length, periodic):
    """Return the voxels in chords, (n,), and the chords of at least 1, 2, ... voxels, (n, k)."""
    counts = _begun(lines, max_length, periodic)
    if periodic:
        return _sum(lines) - lines.shape[1] * _sum(lines.prod(1)), counts
    head, tail = (_running_products(ends) for ends in (lines, lines.flip(1)))
    whole = tail[:, -1:]
    cut = (head + tail - whole).sum(1)
    return _sum(lines) - cut, counts - (tail[:, : counts.shape[1]] - whole)


def _chords_of_windows(lines, max_length):
    """Return chords of 1, 2, ... voxels, and those of at least so many that begin or end inside.

    Of the latter the mean of the numbers of beginnings and of ends; both (n, k).
    """
    begun = _begun(lines, max_length, periodic=False)
    head, tail = (_running_products(ends) for ends in (lines, lines.flip(1)))
    whole, limit = tail[:, -1:], begun.shape[1]
    at_least = begun - (tail[:, :limit] - whole)
    longer = torch.nn.functional.pad(at_least[:, 1:], (0, 1))
    return at_least - longer, at_least + (head + tail)[:, :limit] / 2 - whole


def _begun(lines, max_length, periodic):
    """Return how many chords begin, not with the line, and go on for 1, 2, ... voxels, (n, k)."""
    last = lines[:, -1:] if periodic else torch.ones_like(lines[:, -1:])
    starts = lines * (1 - torch.cat([last, lines[:, :-1]], dim=1))
    limit = min(max_length, lines.shape[1] - 1)
    sums = [_sum(segments) for segments in _segments(starts, lines, limit - 1, periodic)]
    return torch.stack(sums, dim=1).double()


def _running_products(lines):
    """Return how many lines begin with 1, 2, ... voxels of the phase, (n, side)."""
    return lines.movedim(1, 2).contiguous().cumprod(2).sum(1).double()


def _segments(first, lines, limit, periodic):
    """Yield ``first(x) I(x + 1) ... I(x + r)`` for r = 0, ..., limit wherever it exists.

    Each is to be used before the next one is asked for.
    """
    side = lines.shape[1]
    line = torch.cat([lines, lines[:, :limit]], dim=1) if periodic else lines
    yield first
    for lag in range(1, limit + 1):
        count = min(side, line.shape[1] - lag)
        shorter, ahead = first[:, :count], line[:, lag : lag + count]
        # Where no gradient needs the shorter segments, the longer ones take their memory.
        replace = lag > 1 and not shorter.requires_grad
        first = shorter.mul_(ahead) if replace else shorter * ahead
        yield first


def _sum(field):
    return field.flatten(1).sum(1)


def placed(columns, places, n_columns):
    """Return columns at their places, which rise, among columns of zeros."""
    if len(places) == 0 or places[-1] == len(places) - 1:
        return padded(columns, n_columns)
    index = torch.as_tensor(places, device=columns.device)
    return columns.new_zeros(len(columns), n_columns).index_copy(1, index, columns)


def padded(columns, n_columns):
    """Return columns with columns of zeros behind them."""
    return torch.nn.functional.pad(columns, (0, n_columns - columns.shape[1]))
