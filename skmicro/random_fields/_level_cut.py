r"""Level cuts of Gaussian fields: what a cut does to a correlation, and how to undo it.

**Cut.** :math:`C` phases are cut out of :math:`C - 1` independent, stationary Gaussian
fields :math:`z` of mean 0, variance 1 and one common correlation :math:`\rho(r)`. With the
orthonormal axes of a regular simplex (columns of ``H``, each of sum 0) the scores
:math:`s = H z` differ from each other as :math:`C` independent fields do, and

.. math:: \text{phase}(x) = \arg\max_c \; s_c(x) + b_c .

No order of the phases is implied, and two phases are the classical cut of one field at a
threshold. Grey levels are a monotone function of one field.

**Correlation of a cut.** For the channels :math:`I_c` of any such image let

.. math::

    c(r) = \frac{\sum_c \langle I_c(x) I_c(x + r) \rangle - p_c^2}{\sum_c p_c - p_c^2},

the autocovariance of two phases, and for more of them the probability to meet the same
phase, scaled to 1 at :math:`r = 0` and 0 far away. It depends on :math:`r` through
:math:`\rho(r)` alone. For two phases and the threshold :math:`t = \Phi^{-1}(1 - p)`

.. math::

    p (1 - p)\, c = \frac{1}{2 \pi} \int_0^{\arcsin \rho}
    \exp\left(-\frac{t^2}{1 + \sin \theta}\right) d\theta ,

in the other cases it is a quasi-random average over pairs of normal vectors. By Mehler's
expansion it is a power series in :math:`\rho` with coefficients that are not negative, so it
grows from :math:`\rho = 0` to 1 and can be inverted by a table.

**Spectrum.** The inverted correlation need not be one of a Gaussian field: its spectrum may
have negative parts. The nearest correlation (least squares over the lags) that is one has the
spectrum :math:`\max(\hat\rho - m, 0)`, with the number m that keeps the variance at 1: the
projection onto a simplex. Cutting off the negative part and dividing by the variance instead
makes almost twice the error. Without a negative part the variance can fall short, by that of
the mean, and is made up by a factor: a negative m would be white noise. Lags that nothing is
known about are left as they come out, and the projection repeated.
"""

import math
from functools import reduce

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import qmc

N_ANGLES = 4097
N_TABLE = 129
LOG2_DRAWS = 15
LEVEL_ROUNDS = 100
LEAST_FRACTION = 1e-4
EXTENSION_ROUNDS = 15
BISECTIONS = 50
SPECTRUM_FLOOR = 1e-4


def simplex_axes(n_phases):
    """Return the axes H of a regular simplex, (C, C - 1); ``[[-1], [1]] / sqrt(2)`` for two."""
    axes = np.zeros((n_phases, n_phases - 1))
    for k in range(n_phases - 1):
        axes[: k + 1, k], axes[k + 1, k] = -1.0, k + 1.0
    return axes / np.linalg.norm(axes, axis=0)


def two_phase_table(fraction):
    """Tabulate the autocovariance of a Gaussian field that is cut into two phases.

    Returns ``N_ANGLES`` correlations rho of the field from -1 to 1, and
    ``(S2 - p^2) / (p - p^2)`` of the cut, ascending, p being the volume fraction.
    """
    angle = np.linspace(-math.pi / 2, math.pi / 2, N_ANGLES)
    level = ndtri(fraction)
    density = np.exp(-(level**2) / (1 + np.sin(angle)).clip(1e-300))
    area = np.cumsum((density[1:] + density[:-1]) / 2)
    integral = np.concatenate([[0.0], area]) * (angle[1] - angle[0]) / (2 * math.pi)
    centred = integral - integral[N_ANGLES // 2]
    return np.sin(angle), centred / centred[-1]


def sampled_table(channels, n_fields):
    """Tabulate the autocovariance of any pointwise function of Gaussian fields.

    ``channels`` maps field values (n, n_fields) to channels (n, C). Returns ``N_TABLE``
    correlations rho of the fields from -1 to 1, and the c of the channels, ascending.
    """
    sequence = qmc.Sobol(2 * n_fields, scramble=False).random_base2(LOG2_DRAWS)
    draws = ndtri(sequence + 0.5 / len(sequence))
    tail, other = draws[:, :n_fields], draws[:, n_fields:]
    rho = np.sin(np.linspace(-math.pi / 2, math.pi / 2, N_TABLE))
    here = channels(tail)
    product = np.array(
        [np.mean(here * channels(r * tail + math.sqrt(1 - r * r) * other)) for r in rho]
    )
    centre = product[N_TABLE // 2]
    scale = product[-1] - centre
    c = (product - centre) / scale if scale > 1e-12 else rho
    return rho, np.maximum.accumulate(c)


def phase_levels(fractions):
    """Return the offsets b, of mean 0, of independent scores whose argmax has these probabilities.

    At least 1e-4 is taken for each of the fractions (C,).
    """
    wanted = np.maximum(fractions, LEAST_FRACTION)
    wanted = wanted / wanted.sum()
    if len(wanted) == 1:
        return np.zeros(1)
    if len(wanted) == 2:  # The difference of two scores has the variance 2.
        return (ndtri(wanted) - ndtri(wanted[::-1])) / math.sqrt(8)
    return iterated_levels(wanted)


def iterated_levels(wanted):
    """Find the offsets of any number of phases by a damped fixed-point iteration."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(64)
    weights = weights / weights.sum()
    levels = np.zeros(len(wanted))
    for _ in range(LEVEL_ROUNDS):
        beats = ndtr(nodes + (levels[:, None] - levels)[..., None])
        beats[np.diag_indices(len(wanted))] = 1.0
        probability = beats.prod(axis=1) @ weights
        levels = levels + 0.7 * (ndtri(wanted) - ndtri(probability))
        levels = levels - levels.mean()
    return levels


def phase_table(fractions):
    """Tabulate c over rho for phases of these fractions; see :func:`sampled_table`."""
    if len(fractions) == 2:
        return two_phase_table(np.clip(fractions[1], LEAST_FRACTION, 1 - LEAST_FRACTION))
    levels, axes = phase_levels(fractions), simplex_axes(len(fractions))
    one_hot = np.eye(len(fractions))
    return sampled_table(lambda z: one_hot[(z @ axes.T + levels).argmax(axis=1)], axes.shape[1])


def field_spectrum(wanted, known, table, zero_mean=True):
    """Find a spectrum whose field, once cut, has a given autocovariance.

    ``wanted`` is the autocovariance c at every lag of a torus, the zero lag first; lags whose
    value matters are ``known``; ``table`` is ascending rho and c of the cut. ``zero_mean`` leaves
    out the mean of the field, which a cut at its quantiles does not see. Returns mean square
    amplitudes of the field of variance 1, in the layout of ``rfftn``, relative to white noise,
    and the autocovariance of the cut that they achieve.
    """
    rho, c = table
    axes = range(wanted.ndim)
    weights = _multiplicity(wanted.shape)
    weights.flat[0] *= not zero_mean
    correlation = aim = np.interp(wanted, c, rho)
    for _ in range(1 if known.all() else EXTENSION_ROUNDS):
        inverted = np.where(known, aim, correlation)
        spectrum = nearest_spectrum(np.fft.rfftn(inverted).real, weights)
        correlation = np.fft.irfftn(spectrum, s=wanted.shape, axes=axes)
    return spectrum, np.interp(correlation, rho, c)


def nearest_spectrum(values, weights):
    """Return the spectrum of a field of variance 1 that is nearest to any real numbers.

    ``values`` is the transform of the target correlation, ``weights`` the share of each
    number in the variance, 0 for those to leave out. The spectrum is ``max(values - m, floor)``
    with the m >= 0 that makes the variance 1; where the variance falls short of 1 without any m,
    all of it is enlarged.
    """
    if not weights.any():
        return np.ones_like(values)
    shift, high = 0.0, max(values.max(), 0.0)
    if (np.maximum(values, SPECTRUM_FLOOR) * weights).sum() > 1:
        for _ in range(BISECTIONS):
            middle = (shift + high) / 2
            excess = (np.maximum(values - middle, SPECTRUM_FLOOR) * weights).sum() > 1
            shift, high = (middle, high) if excess else (shift, middle)
    spectrum = np.maximum(values - shift, SPECTRUM_FLOOR) * (weights > 0)
    return spectrum / (spectrum * weights).sum()


def _multiplicity(shape):
    """Share of each number of a half-spectrum in the mean square of its field."""
    last = np.full(shape[-1] // 2 + 1, 2.0)
    last[0] = 1.0
    if shape[-1] % 2 == 0:
        last[-1] = 1.0
    return np.broadcast_to(last, (*shape[:-1], len(last))) / math.prod(shape)


def lag_lengths(shape):
    """Return the signed lags of every axis of a torus and the length of all its lags."""
    lags = [np.fft.fftfreq(side, 1 / side).round().astype(int) for side in shape]
    return lags, np.sqrt(reduce(np.add.outer, [lag.astype(float) ** 2 for lag in lags]))


def embedded(centred, shape):
    """Lay a map of lags, the zero lag in the middle, on a torus of any size.

    ``centred`` holds the lags from -h to h of every axis. Returns the map with the zero lag
    first, 0 where it says nothing, and a mask of the lags that it holds.
    """
    halves = [side // 2 for side in centred.shape]
    lags, _ = lag_lengths(shape)
    within = [np.abs(lag) <= half for lag, half in zip(lags, halves, strict=True)]
    known = reduce(np.logical_and.outer, within)
    inside = [np.clip(lag, -half, half) + half for lag, half in zip(lags, halves, strict=True)]
    return np.where(known, centred[np.ix_(*inside)], 0.0), known


def of_endless_medium(centred):
    """Undo what subtracting the mean of each image does to an autocovariance.

    It lowers all lags by the variance of that mean, which is read off the rim of the map (lags
    from -h to h of every axis), where the autocovariance of an endless medium is taken to be 0.
    The map returned is not below 0 on average over its rim.
    """
    rim = np.zeros(centred.shape, dtype=bool)
    for axis, side in enumerate(centred.shape):
        if side > 1:
            np.moveaxis(rim, axis, 0)[[0, -1]] = True
    lowered = max(0.0, -centred[rim].mean()) if rim.any() else 0.0
    return (centred + lowered) / (1.0 + lowered)


def centred_autocovariance(power, sizes, shape, periodic, known_power=None):
    """Turn summed power spectra of centred images into their autocovariance.

    ``power`` is the sum over images and channels of ``abs(rfftn)**2`` with transforms of these
    ``sizes``: the sides of the images, or enough to keep the borders apart; ``known_power`` is the
    same of masks that are 1 where voxels are known, where not all are. Returns c at the lags up to
    half of every side, the zero lag in the middle, 0 at those of no known pair.
    """
    lags = [np.arange(-(side // 2), side // 2 + 1) for side in shape]
    places = np.ix_(*(lag % size for lag, size in zip(lags, sizes, strict=True)))
    axes = range(len(sizes))
    values = np.fft.irfftn(power, s=sizes, axes=axes)[places]
    if known_power is not None:
        pairs = np.fft.irfftn(known_power, s=sizes, axes=axes)[places].round()
        _check_neighbours(pairs)
        values = values * (pairs > 0) / np.maximum(pairs, 1)
    elif not periodic:
        pairs = [side - np.abs(lag) for lag, side in zip(lags, shape, strict=True)]
        values = values / reduce(np.multiply.outer, pairs)
    variance = values[tuple(side // 2 for side in values.shape)]
    if variance > 0:
        return values / variance
    white = np.zeros(values.shape)
    white[tuple(side // 2 for side in values.shape)] = 1.0
    return white


def _check_neighbours(pairs):
    """Raise ValueError unless there are known pairs of neighbours along each axis."""
    centre = [side // 2 for side in pairs.shape]
    for axis, side in enumerate(pairs.shape):
        next_to_it = tuple(c + (k == axis) for k, c in enumerate(centre))
        if side > 1 and pairs[next_to_it] < 1:
            raise ValueError(
                "X must have neighbours both of which are known (neither masked nor NaN) along "
                f"each axis, got none along axis {axis} in images of one volume fraction."
            )
