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

import torch

from ._kernels import volume_fraction
from ._lags import axis_limits, resolve_max_lag, resolve_max_length


def lineal_path(field, *, periodic=True, max_lag=None):
    """Return the probability that segments along the axes lie wholly in the phase.

    Parameters
    ----------
    field : Tensor of shape (n, *spatial)
        Indicators or probabilities of one phase.
    periodic : bool, default=True
        Whether segments go on across the border.
    max_lag : int or None, default=None
        Largest distance between the end voxels; see :func:`resolve_max_lag`.

    Returns
    -------
    path : Tensor of shape (n, max_lag + 1)
        Mean product of r + 1 voxels in a row, averaged over the axes that have the lag r.
    """
    shape = tuple(field.shape[1:])
    max_lag = resolve_max_lag(shape, max_lag, periodic=periodic)
    profiles = [[] for _ in range(max_lag + 1)]
    limits = axis_limits(shape, max_lag, periodic=periodic)
    for dim, limit in enumerate(limits, start=1):
        for lag, segments in enumerate(_segments(field, field, dim, limit, periodic)):
            profiles[lag].append(volume_fraction(segments))
    means = [torch.stack(values).mean(0) for values in profiles[1:]]
    return torch.stack([profiles[0][0], *means], dim=1)


def chord_lengths(field, *, periodic=True, max_length=None):
    """Return the mean and the distribution of the lengths of chords along the axes.

    Parameters
    ----------
    field : Tensor of shape (n, *spatial)
        Indicators or probabilities of one phase.
    periodic : bool, default=True
        Whether chords go on across the border.
    max_length : int or None, default=None
        Length of the last bin; see :func:`resolve_max_length`.

    Returns
    -------
    mean : Tensor of shape (n,)
        Voxels in chords over chords.
    distribution : Tensor of shape (n, max_length)
        Shares of the chords of 1, 2, ... voxels, and of at least ``max_length``.
    """
    max_length = resolve_max_length(tuple(field.shape[1:]), max_length, periodic=periodic)
    n_voxels = field.new_zeros(len(field))
    at_least = field.new_zeros(len(field), max_length)
    for dim in range(1, field.ndim):
        if field.shape[dim] > 1:
            inside, counts = _chords_along(field, dim, max_length, periodic)
            n_voxels = n_voxels + inside
            missing = (0, max_length - counts.shape[1])
            at_least = at_least + torch.nn.functional.pad(counts, missing)
    n_chords = at_least[:, :1]
    present = n_chords != 0
    safe = torch.where(present, n_chords, 1.0)
    share = at_least / safe
    share = torch.cat([share[:, :-1] - share[:, 1:], share[:, -1:]], dim=1)
    return (n_voxels.unsqueeze(1) * present / safe)[:, 0], share


def _chords_along(field, dim, max_length, periodic):
    """Return the voxels in chords along one axis, and the chords of at least 1, 2, ... voxels."""
    side = field.shape[dim]
    before = torch.roll(field, 1, dim)
    if not periodic:
        before = torch.cat(
            [torch.ones_like(field.narrow(dim, 0, 1)), before.narrow(dim, 1, side - 1)], dim
        )
    limit = min(max_length, side - 1)
    starts = _segments(field * (1 - before), field, dim, limit - 1, periodic)
    counts = torch.stack([_sum(segments) for segments in starts], dim=1)
    whole = _sum(field.prod(dim))
    inside = _sum(field)
    if periodic:
        return inside - side * whole, counts
    lines = field.movedim(dim, -1).reshape(len(field), -1, side)
    head, tail = (run.cumprod(-1).sum(1) for run in (lines, lines.flip(-1)))
    cut = head.sum(1) + tail.sum(1) - side * whole
    return inside - cut, counts - (tail[:, :limit] - whole.unsqueeze(1))


def _segments(first, field, dim, limit, periodic):
    """Yield ``first(x) I(x + e) ... I(x + r e)`` for r = 0, ..., limit wherever it exists."""
    side = field.shape[dim]
    line = torch.cat([field, field.narrow(dim, 0, limit)], dim) if periodic else field
    yield first
    for lag in range(1, limit + 1):
        count = min(side, line.shape[dim] - lag)
        first = first.narrow(dim, 0, count) * line.narrow(dim, lag, count)
        yield first


def _sum(field):
    return field.flatten(1).sum(1)
