"""The lattice of lag vectors: which ones exist, how many pairs they have, their bins.

An axis of L pixels has the lags 0, 1, ..., L // 2 and their negatives when it wraps
around (the lag L / 2 of an even side is its own negative and counts once), and
0, ..., L - 1 with their negatives when it ends at a border, where ``L - r`` pairs of
pixels are r apart.

Bin 0 holds r = 0 alone. Bin k > 0 of the default bins holds the lags with
``k - 1/2 <= |r| < k + 1/2``; with ``n_bins`` the range from 1/2 to ``max_lag + 1/2`` is
cut into ``n_bins - 1`` equal parts.

Lengths are in pixels. Where the sides of a pixel are of unlike lengths, these are the ``scales``,
in units of the shortest one, and so are all lengths; None means square pixels.
"""

from functools import lru_cache

import numpy as np
import torch

ROUNDING = 1e-9
"""Relative error of lengths that are quotients of spacings."""


def resolve_max_lag(shape, max_lag=None, *, periodic=True, scales=None):
    """Return the largest lag in pixels, by default half the shortest side.

    Sides of one pixel have no lags and do not count, so that the lags of a 1 x n image are those
    of a row of n. Raises ValueError for one that is negative or larger than half the longest side
    (rounded down) in periodic images, the longest side minus one in others; where pixels have sides
    of unlike ``scales``, the finest axes have to have it.
    """
    limits = axis_limits(shape, None, periodic=periodic)
    if scales is None:
        half = min((side for side in shape if side > 1), default=0) // 2
        limit = max(limits)
    else:
        sides = zip(limits, shape, scales, strict=True)
        limit = max(limit for limit, side, scale in sides if side > 1 and scale == 1)
        lengths = (side * scale for side, scale in zip(shape, scales, strict=True) if side > 1)
        half = min(limit, int(min(lengths) / 2))
    if max_lag is None:
        return half
    if not 0 <= max_lag <= limit:
        kind = "periodic images" if periodic else "images"
        raise ValueError(
            f"max_lag must lie in [0, {limit}] for {kind} of shape {tuple(shape)}, got {max_lag}."
        )
    return int(max_lag)


def resolve_max_length(shape, max_length=None, *, periodic=True, scales=None):
    """Return the length of the last bin of chords, by default half the shortest side, at least 1.

    Raises ValueError for one that is less than 1 or larger than the longest chord that there can
    be: one voxel of the longest side has to lie outside the phase, two in images with borders.
    """
    scales = scales or (1,) * len(shape)
    n_ends = 1 if periodic else 2
    limit = max(1, *(int((n - n_ends) * scale) for n, scale in zip(shape, scales, strict=True)))
    if max_length is None:
        lengths = (n * scale for n, scale in zip(shape, scales, strict=True) if n > 1)
        return min(limit, max(1, int(min(lengths, default=0) / 2)))
    if not 1 <= max_length <= limit:
        kind = "periodic images" if periodic else "images"
        raise ValueError(
            f"max_length must lie in [1, {limit}] for {kind} of shape {tuple(shape)}, "
            f"got {max_length}."
        )
    return int(max_length)


def resolve_n_bins(max_lag, n_bins=None):
    """Return the number of bins, r = 0 included, by default one for every whole lag.

    Raises ValueError for fewer than two (one where the only lag is 0) or more than
    ``max_lag + 1``.
    """
    if n_bins is None:
        return max_lag + 1
    least = min(2, max_lag + 1)
    if not least <= n_bins <= max_lag + 1:
        raise ValueError(
            f"n_bins must lie in [{least}, {max_lag + 1}] for max_lag={max_lag}, got {n_bins}."
        )
    return int(n_bins)


def axis_limits(shape, max_lag=None, *, periodic=True, scales=None):
    """Return the largest lag along each axis, in its pixels, no longer than ``max_lag``."""
    limits = (side // 2 if periodic else side - 1 for side in shape)
    if max_lag is None:
        return tuple(limits)
    most = [max_lag] * len(shape)
    if scales is not None:
        most = [int(max_lag / scale * (1 + ROUNDING)) for scale in scales]
    return tuple(map(min, limits, most))


def binned_limits(shape, max_lag, *, periodic=True, scales=None):
    """Return the same for lags that are rounded to whole ones: up to ``max_lag + 1/2``."""
    if scales is not None:
        max_lag = (max_lag + 0.5) * (1 - ROUNDING)
    return axis_limits(shape, max_lag, periodic=periodic, scales=scales)


def map_lags(shape, max_lag=None, *, periodic=True, scales=None):
    """Return the lags that a map shows along each axis, in ascending order.

    By default up to half of each side. In periodic images the lag of half an even side appears
    once, as the negative one.
    """
    if max_lag is not None:
        resolve_max_lag(shape, max_lag, periodic=periodic, scales=scales)
    lags = []
    limits = axis_limits(shape, max_lag, periodic=periodic, scales=scales)
    for side, limit in zip(shape, limits, strict=True):
        limit = min(limit, side // 2) if max_lag is None else limit
        twice = periodic and limit > 0 and 2 * limit == side
        lags.append(np.arange(-limit, limit + (not twice)))
    return lags


def radial_lags(shape, *, periodic=True, max_lag=None, n_bins=None, scales=None):
    """Return the mean length in pixels of the lags in each bin, the first one 0."""
    max_lag = resolve_max_lag(shape, max_lag, periodic=periodic, scales=scales)
    n_bins = resolve_n_bins(max_lag, n_bins)
    table = bin_table(tuple(shape), max_lag, n_bins, periodic, torch.device("cpu"), scales)
    return table[3].numpy().copy()


def in_units(steps, spacing):
    """Return lengths of whole steps; where the steps are 1 long, they stay integers."""
    return steps * spacing if np.any(np.not_equal(spacing, 1)) else steps


def n_pairs_along(lags, side, periodic):
    """Return how many pixels along one axis have a partner at each lag."""
    return np.full(len(lags), side) if periodic else side - np.abs(lags)


def bins_of(length, max_lag, n_bins):
    """Return the bins of lags by their lengths, ``n_bins`` for lags that are too long."""
    width = max_lag / (n_bins - 1) if n_bins > 1 else 1.0
    bins = 1 + np.floor((length - 0.5) / width).astype(np.int64)
    bins[length >= max_lag + 0.5] = n_bins
    bins[length == 0] = 0
    return bins


@lru_cache(maxsize=4)
def bin_table(shape, max_lag, n_bins, periodic, device, scales=None):
    """Return what sorts the lags with no negative component into bins.

    These run over ``0 .. binned_limits`` of every axis, the last axis fastest. Of each lag the bin
    (``n_bins`` where it is too long) and the multiplicity, how many lags of either sign it
    represents; of each bin the number of pairs of voxels and the mean length of their lags.
    ``max_lag`` and ``n_bins`` are resolved.
    """
    squared = np.zeros((1,) * len(shape))
    multiplicity = pairs = squared + 1
    limits = binned_limits(shape, max_lag, periodic=periodic, scales=scales)
    scales = scales or (1,) * len(shape)
    for axis, (side, limit, scale) in enumerate(zip(shape, limits, scales, strict=True)):
        lags = np.arange(limit + 1)
        single = (lags == 0) | (periodic & (2 * lags == side))
        view = [-1 if axis == other else 1 for other in range(len(shape))]
        squared = squared + ((scale * lags) ** 2).reshape(view)
        multiplicity = multiplicity * np.where(single, 1, 2).reshape(view)
        pairs = pairs * n_pairs_along(lags, side, periodic).reshape(view)
    length, weight = np.sqrt(squared).ravel(), (multiplicity * pairs).ravel()
    bins = bins_of(length, max_lag, n_bins)
    n_pairs = np.bincount(bins, weights=weight, minlength=n_bins)[:n_bins]
    mean_length = np.bincount(bins, weights=weight * length, minlength=n_bins)[:n_bins] / n_pairs
    with torch.inference_mode(False):
        return (
            torch.tensor(bins, device=device),
            torch.tensor(multiplicity.ravel(), dtype=torch.float32, device=device),
            torch.tensor(n_pairs, device=device),
            torch.tensor(mean_length, device=device),
        )
