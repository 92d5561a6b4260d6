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
"""

import numpy as np
import torch

from ._kernels import volume_fraction
from ._lags import axis_limits, n_pairs_along, resolve_max_lag, resolve_max_length

BUNDLE_VOXELS = 2**17
"""Voxels of the lines that are looked at together: fills the caches, not the memory."""


def lineal_path(field, *, periodic=True, max_lag=None):
    """Return the probability that segments along the axes lie wholly in the phase.

    Mean product of r + 1 voxels in a row, averaged over the axes that have the lag r,
    (n, max_lag + 1), with the largest distance between end voxels of :func:`resolve_max_lag`. In
    ``periodic`` images segments go on across the border.
    """
    shape = tuple(field.shape[1:])
    max_lag = resolve_max_lag(shape, max_lag, periodic=periodic)
    limits = axis_limits(shape, max_lag, periodic=periodic)
    path = field.new_zeros(len(field), max_lag + 1, dtype=torch.float64)
    for dim, (side, limit) in enumerate(zip(shape, limits, strict=True), start=1):
        lags = np.arange(limit + 1)
        n_axes = (np.array(limits)[:, None] >= lags).sum(axis=0)
        n_segments = field[0].numel() // side * n_pairs_along(lags, side, periodic)
        weight = torch.tensor(1 / (n_axes * n_segments), device=field.device)
        for lines in _bundles(field, dim):
            sums = [_sum(segments) for segments in _segments(lines, lines, limit, periodic)]
            path = path + _padded(torch.stack(sums, dim=1) * weight, max_lag + 1)
    fraction = volume_fraction(field).unsqueeze(1)
    return torch.cat([fraction, path[:, 1:].to(field.dtype)], dim=1)


def chord_lengths(field, *, periodic=True, max_length=None):
    """Return the mean and the distribution of the lengths of chords along the axes.

    The mean (n,) is voxels in chords over chords; the distribution (n, max_length) the shares of
    the chords of 1, 2, ... voxels, and of at least ``max_length``, see
    :func:`resolve_max_length`. In ``periodic`` images chords go on across the border.
    """
    max_length = resolve_max_length(tuple(field.shape[1:]), max_length, periodic=periodic)
    n_voxels = field.new_zeros(len(field), dtype=torch.float64)
    at_least = field.new_zeros(len(field), max_length, dtype=torch.float64)
    for dim in range(1, field.ndim):
        for lines in _bundles(field, dim) if field.shape[dim] > 1 else ():
            inside, counts = _chords(lines, max_length, periodic)
            n_voxels = n_voxels + inside
            at_least = at_least + _padded(counts, max_length)
    n_chords = at_least[:, :1]
    present = n_chords != 0
    safe = torch.where(present, n_chords, 1.0)
    share = at_least / safe
    share = torch.cat([share[:, :-1] - share[:, 1:], share[:, -1:]], dim=1)
    mean = (n_voxels.unsqueeze(1) * present / safe)[:, 0]
    return mean.to(field.dtype), share.to(field.dtype)


def _bundles(field, dim):
    """Yield the lines along an axis, (n, *spatial) -> (n, side, n_lines), some at a time."""
    lines = field.movedim(dim, 1)
    lines = lines.reshape(*lines.shape[:2], -1)
    for bundle in lines.split(max(1, BUNDLE_VOXELS // lines[:, :, 0].numel()), dim=2):
        yield bundle.contiguous()


def _chords(lines, max_length, periodic):
    """Return the voxels in chords, (n,), and the chords of at least 1, 2, ... voxels, (n, k)."""
    side = lines.shape[1]
    last = lines[:, -1:] if periodic else torch.ones_like(lines[:, -1:])
    starts = lines * (1 - torch.cat([last, lines[:, :-1]], dim=1))
    limit = min(max_length, side - 1)
    sums = [_sum(segments) for segments in _segments(starts, lines, limit - 1, periodic)]
    counts = torch.stack(sums, dim=1).double()
    if periodic:
        return _sum(lines) - side * _sum(lines.prod(1)), counts
    head, tail = (_running_products(ends) for ends in (lines, lines.flip(1)))
    whole = tail[:, -1:]
    cut = (head + tail - whole).sum(1)
    return _sum(lines) - cut, counts - (tail[:, :limit] - whole)


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


def _padded(columns, n_columns):
    """Return columns with columns of zeros behind them."""
    return torch.nn.functional.pad(columns, (0, n_columns - columns.shape[1]))
