r"""Differentiable statistics of fields on a voxel grid, in any number of dimensions.

A field is a tensor of shape (n, \*spatial): n images of one phase's indicator (or
probability, or grey level). Lengths are counted in pixels.

**Correlation.** For fields a, b and an integer lag vector r,

    S_ab(r) = sum_x a(x) b(x + r) / N(r),

where x runs over the pairs that exist and N(r) is their number: all voxels in a periodic
image (x + r wraps around), ``prod_i (L_i - |r_i|)`` in one that ends at its border. The
sum is a product of discrete Fourier transforms, ``conj(A) B``; the images without wrap
are padded with zeros by the largest lag, which is enough to keep the border apart. The
value at r = 0 is the plain mean of a b, with no transform in between, so the
autocorrelation of an indicator begins with its volume fraction, bit for bit.

**Radial average.** Reflecting lags along an axis does not change their length, so the
average over spheres only needs the part of the map that is even in every axis. That
part is the cosine transform of the part of the spectrum that is even in every axis:
``2**(ndim - 1)`` times fewer numbers to transform back and to sort into bins. The sums
over bins are taken in double precision.

Lags of periodic images are taken as the shortest vectors, every voxel of the period
once; in images with borders every pair of voxels counts once.

**Unknown voxels.** Fields are 0 where voxels are not known, and N(r) is the number of pairs whose
ends are both known: the autocorrelation of the mask that is 1 where they are, one transform there
and one back.

**Surface.** A lag v across an interface of area s per volume and normal m sees
``S(0) - S(v) = s |v . m| / 2`` (Debye, Anderson and Brumberger 1957). Faces between
voxels are lags along the axes; the mean over directions of ``|cos|`` is 1, 2/pi and
1/2 in one, two and three dimensions.
"""

import math
import operator
from functools import lru_cache
from itertools import product

import numpy as np
import torch
from scipy.fft import next_fast_len
from scipy.spatial import SphericalVoronoi

from . import _bits
from ._lags import (
    axis_limits,
    bin_table,
    binned_limits,
    map_lags,
    n_pairs_along,
    resolve_max_lag,
    resolve_n_bins,
)

_MEAN_COSINE = {1: 1.0, 2: 2 / math.pi, 3: 0.5}


def volume_fraction(field, known=None):
    """Return the mean of each field, over the voxels that are ``known``."""
    if known is None:
        return field.flatten(1).mean(1)
    return (field * known).flatten(1).sum(1) / known.flatten(1).sum(1)


def standardize(field, known=None):
    """Return ``(a - <a>) / sqrt(<(a - <a>)^2>)``, and 0 everywhere for constant fields.

    The correlation of standardized fields is the correlation coefficient of the fields. A field
    counts as constant when its deviations are rounding errors. 0 where voxels are not ``known``.
    """
    mean = volume_fraction(field, known)
    column = (-1, *[1] * (field.ndim - 1))
    centred = field - mean.view(column)
    centred = centred if known is None else centred * known
    variance = volume_fraction(centred.square(), known)
    varies = variance > (8 * torch.finfo(field.dtype).eps * mean).square()
    deviation = torch.where(varies, variance, 1.0).sqrt()
    return centred * (varies / deviation).view(column)


def divide_by_fraction(values, field, known=None):
    """Divide the rows of ``values`` by the mean of each field; 0 where that is 0."""
    fraction = volume_fraction(field, known).unsqueeze(1)
    present = fraction != 0
    return values * present / torch.where(present, fraction, 1.0)


def correlation_map(first, second=None, *, periodic=True, max_lag=None, known=None, scales=None):
    """Return ``S_ab`` at every lag vector, (n, *n_lags), the zero lag in the middle.

    Lags are those of :func:`map_lags`; ``second``, the fields b, is by default ``first``. Fields
    are 0 where voxels are not ``known``; NaN stands where no pair is.
    """
    shape, dims = _spatial(first)
    lags = map_lags(shape, max_lag, periodic=periodic, scales=scales)
    sizes = _sizes(shape, [int(abs(lag[0])) for lag in lags], periodic)

    def sums(one, other):
        values = torch.fft.irfftn(_cross_spectrum(one, other, sizes, dims), s=sizes, dim=dims)
        for dim, lag, size in zip(dims, lags, sizes, strict=True):
            values = values.index_select(dim, torch.as_tensor(lag % size, device=first.device))
        return values

    values = sums(first, second)
    if known is None:
        for dim, lag, side in zip(dims, lags, shape, strict=True):
            values = values / _along(dim, values, n_pairs_along(lag, side, periodic))
    else:
        values = values / _pairs(sums(known, None))
    at_zero = torch.ones((), dtype=torch.bool, device=first.device)
    for dim, lag in zip(dims, lags, strict=True):
        at_zero = at_zero & _along(dim, values, lag == 0)
    return torch.where(at_zero, _at_zero(first, second, known).view(-1, *[1] * len(dims)), values)


def directional_correlation(
    first, second=None, *, periodic=True, max_lag=None, known=None, scales=None
):
    """Return ``S_ab(r e_i)`` at r = 0, 1, 2, ... along each axis i, a list of (n, n_lags).

    Lags go up to ``max_lag``, see :func:`resolve_max_lag`, or the largest lag that the axis has;
    ``second``, the fields b, is by default ``first``; ``known`` as in :func:`correlation_map`.
    """
    shape, dims = _spatial(first)
    max_lag = resolve_max_lag(shape, max_lag, periodic=periodic, scales=scales)
    limits = axis_limits(shape, max_lag, periodic=periodic, scales=scales)
    sizes = _sizes(shape, limits, periodic)
    n_voxels = math.prod(shape)
    at_zero = _at_zero(first, second, known).unsqueeze(1)

    def sums(one, other, dim, size, limit):
        lines = _cross_spectrum(one, other, (size,), (dim,))
        spectrum = lines.movedim(dim, 1).flatten(2).sum(2)
        return torch.fft.irfft(spectrum, n=size)[:, 1 : limit + 1]

    profiles = []
    for dim, side, size, limit in zip(dims, shape, sizes, limits, strict=True):
        profile = sums(first, second, dim, size, limit)
        if known is None:
            pairs = n_pairs_along(np.arange(1, limit + 1), side, periodic) * (n_voxels // side)
            pairs = _along(1, profile, pairs)
        else:
            pairs = _pairs(sums(known, None, dim, size, limit))
        profiles.append(torch.cat([at_zero, profile / pairs], dim=1))
    return profiles


def radial_correlation(
    first, second=None, *, periodic=True, max_lag=None, n_bins=None, known=None, scales=None
):
    """Return ``S_ab`` averaged over the lags of one length, (n, n_bins).

    See :func:`resolve_max_lag` for the largest lag. r = 0 is a bin; by default bins are one pixel
    wide, ``max_lag + 1`` in all; ``second``, the fields b, is by default ``first``; ``known`` as in
    :func:`correlation_map`.
    """
    shape = tuple(first.shape[1:])
    max_lag = resolve_max_lag(shape, max_lag, periodic=periodic, scales=scales)
    n_bins = resolve_n_bins(max_lag, n_bins)
    limits = binned_limits(shape, max_lag, periodic=periodic, scales=scales)
    sizes = _sizes(shape, limits, periodic)
    table = bin_table(shape, max_lag, n_bins, periodic, first.device, scales)
    bins, multiplicity, n_pairs, _ = table

    def sums(one, other, whole):
        even = even_lag_sums(one, other, sizes, limits).flatten(1).double() * multiplicity
        even = even.round() if whole else even
        return even.new_zeros(len(even), n_bins + 1).index_add(1, bins, even)[:, 1:n_bins]

    n_pairs = n_pairs[1:] if known is None else _pairs(sums(known, None, whole=True))
    curve = (sums(first, second, whole=False) / n_pairs).to(first.dtype)
    return torch.cat([_at_zero(first, second, known).unsqueeze(1), curve], dim=1)


def even_lag_sums(first, second, sizes, limits):
    """Return ``sum_x a(x) b(x + r)``, averaged over the signs of the components of r.

    For the lags ``0 .. limits`` of every axis, at most half its period. The periods are
    ``sizes``: fields that are smaller are filled up with zeros. ``second=None`` means
    ``first``.
    """
    dims = tuple(range(1, first.ndim))
    even = _cross_spectrum(first, second, sizes, dims).real
    for dim in dims[:-1]:
        even = _even_part(even, dim)
    for dim, size, limit in zip(dims[::-1], sizes[::-1], limits[::-1], strict=True):
        even = torch.fft.irfft(even, n=size, dim=dim).narrow(dim, 0, limit + 1)
    return even


def face_surface(field, *, periodic=True, known=None, scales=None):
    """Return the area of the voxel faces between unlike voxels, per volume, (n,).

    Sum over the axes of the mean absolute difference between neighbours, both of them ``known``,
    over their distance in ``scales``; in ``periodic`` images faces between opposite borders count.
    """
    scales = thick_scales(field, scales)
    field = without_thin_axes(field)
    known = None if known is None else without_thin_axes(known)
    surface, shape = field.new_zeros(len(field)), field.shape[1:]
    words = _bits.indicator_words(field) if shape and known is None else None
    if words is not None:
        unlike = torch.from_numpy(_bits.face_counts(words, shape, periodic=periodic))
    for axis, side in enumerate(shape):
        if words is None:
            step = [int(axis == other) for other in range(len(shape))]
            unlike_voxels = neighbour_differences(field, step, periodic).abs()
            drop = volume_fraction(unlike_voxels, known_neighbours(known, step, periodic))
        else:
            n_pairs = math.prod(shape) // side * (side if periodic else side - 1)
            drop = unlike[:, axis].to(field.dtype) / n_pairs
        surface = surface + (drop if scales is None else drop / scales[axis])
    return surface


def two_point_surface(field, *, periodic=True, known=None, scales=None):
    """Return the interface area per volume from the slope of the autocorrelation at 0, (n,).

    ``-2 S'(0) / <|cos|>`` with ``-S'(0)`` the mean of ``(S(0) - S(v)) / |v|`` over the nearest
    and diagonal neighbours v, both of them ``known``. Of unlike ``scales`` each counts for its part
    of all directions, over the part that it has where they are alike.
    """
    scales = thick_scales(field, scales)
    field = without_thin_axes(field)
    known = None if known is None else without_thin_axes(known)
    n_axes = field.ndim - 1
    steps = [step for step in product((-1, 0, 1), repeat=n_axes) if step > (0,) * n_axes]
    weights = (1.0,) * len(steps) if scales is None else _direction_weights(scales)
    slope = field.new_zeros(len(field))
    for step, weight in zip(steps, weights, strict=True):
        squares = neighbour_differences(field, step, periodic).square()
        drop = volume_fraction(squares, known_neighbours(known, step, periodic)) / 2
        lengths = step if scales is None else map(operator.mul, step, scales)
        slope = slope + drop / (math.hypot(*lengths) / weight)
    return slope * (2 / (_MEAN_COSINE[max(n_axes, 1)] * max(len(steps), 1)))


def thick_scales(field, scales):
    """Return the scales of the axes that are longer than one pixel."""
    if scales is None:
        return None
    return [scale for scale, side in zip(scales, field.shape[1:], strict=True) if side > 1]


def _direction_weights(scales):
    """Return the weights of the steps to neighbours, of mean 1; equal for equal scales.

    Steps are those of :func:`two_point_surface`, in their order.
    """
    shares, even = (_solid_angles(sides) for sides in (tuple(scales), (1.0,) * len(scales)))
    weights = np.array(shares) / even
    return (weights / weights.mean()).tolist()


@lru_cache(maxsize=8)
def _solid_angles(scales):
    """Return the shares of directions nearest to each step to a neighbour or its opposite."""
    steps = [step for step in product((-1, 0, 1), repeat=len(scales)) if step > (0,) * len(scales)]
    vectors = np.array(steps) * scales
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    if len(scales) == 1:
        return np.ones(1)
    if len(scales) == 3:
        return SphericalVoronoi(np.concatenate([units, -units])).calculate_areas()[: len(steps)]
    angles = np.arctan2(units[:, 1], units[:, 0]) % math.pi
    order = np.argsort(angles)
    gaps = np.diff(angles[order], append=angles[order[0]] + math.pi)
    shares = np.empty(len(steps))
    shares[order] = (gaps + np.roll(gaps, 1)) / 2
    return shares


def without_thin_axes(field):
    """Return the field without the axes that are one pixel long."""
    sides = [side for side in field.shape[1:] if side > 1]
    return field.reshape(len(field), *sides)


def neighbour_differences(field, step, periodic):
    """Return ``field(x + step) - field(x)`` for every pair of voxels there is."""
    there, here = _neighbours(field, step, periodic)
    return there - here


def known_neighbours(known, step, periodic):
    """Return 1 for the pairs of :func:`neighbour_differences` both of which are known, else 0.

    None where all voxels are known.
    """
    if known is None:
        return None
    there, here = _neighbours(known, step, periodic)
    return there * here


def _neighbours(field, step, periodic):
    if periodic:
        moved = [(dim, -by) for dim, by in enumerate(step, start=1) if by]
        dims, shifts = zip(*moved, strict=True)
        return torch.roll(field, shifts, dims), field
    there = here = field
    for dim, by in enumerate(step, start=1):
        count = field.shape[dim] - abs(by)
        there = there.narrow(dim, max(by, 0), count)
        here = here.narrow(dim, max(-by, 0), count)
    return there, here


def _spatial(field):
    return tuple(field.shape[1:]), tuple(range(1, field.ndim))


def _sizes(shape, limits, periodic):
    if periodic:
        return tuple(shape)
    return tuple(
        next_fast_len(side + limit, real=True) for side, limit in zip(shape, limits, strict=True)
    )


def _along(dim, like, vector):
    shape = [-1 if axis == dim else 1 for axis in range(like.ndim)]
    vector = torch.as_tensor(vector, device=like.device)
    return (vector if vector.dtype is torch.bool else vector.to(like.dtype)).view(shape)


def _at_zero(first, second, known=None):
    return volume_fraction(first * (first if second is None else second), known)


def _pairs(counts):
    """Return numbers of pairs without the rounding errors of transforms, NaN where it is 0."""
    counts = counts.round()
    return torch.where(counts > 0, counts, torch.nan)


def _cross_spectrum(first, second, sizes, dims):
    spectrum = torch.fft.rfftn(first, s=sizes, dim=dims)
    other = spectrum if second is None else torch.fft.rfftn(second, s=sizes, dim=dims)
    return spectrum.conj() * other


def _even_part(values, dim):
    """Average a periodic axis with its mirror image and keep the half that is left."""
    size = values.shape[dim]
    n_mirrored = (size - 1) // 2
    centre = values.narrow(dim, 0, 1)
    ahead = values.narrow(dim, 1, n_mirrored)
    behind = values.narrow(dim, size - n_mirrored, n_mirrored).flip(dim)
    middle = values.narrow(dim, 1 + n_mirrored, (size - 1) % 2)
    return torch.cat([centre, (ahead + behind) / 2, middle], dim=dim)
