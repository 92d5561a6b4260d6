"""The score of a generator: how far its images are from others, as distributions.

Two terms, both near 0 for images of the same kind and at most 1:

- of each descriptor, the share H = D / (2 E|x - y|) of the squared energy distance
  D = 2 E|x - y| - E|x - x'| - E|y - y'| between samples x and images y (Szekely and Rizzo 2013);
- 1 - d(x, x') / d(y, x), with d the mean distance to the nearest sample, which is not of the same
  number. Copies of few images are near each other, wherever they were moved, and far from others.

The distance of the second term is that of amplitude spectra, which rolls do not change, to the
nearest of all turns and flips.
"""

import math
from itertools import permutations, product

import numpy as np
import torch
from scipy.spatial.distance import cdist, pdist

from .._arrays import joined, parts_of
from ..conditioning import ConditionTable
from ..descriptors import REPORTED, PhaseFractions, TwoPointCorrelation
from ..images import known_voxels

SCORED = 256
"""Images to compare with, at most."""
HIGHEST = 8
"""Waves along an axis, at most, that distinguish images."""


def distribution_distance(samples, images, encoder, periodic):
    """Return the mean share H of all descriptors, and add the repetition of samples.

    Descriptors are the phase fractions, and for every phase but the first those of ``REPORTED``; of
    grey levels only the two-point correlation, of images with unknown voxels those that take them.
    ValueError if the images have none of these phases.
    """
    images = images[:: -(-len(images) // SCORED)]
    descriptors = _descriptors(encoder, periodic)
    if known_voxels(images) is not None:
        descriptors = [descriptor for descriptor in descriptors if descriptor.takes_unknown]
    table = ConditionTable(descriptors, encoder, images.shape[1:])
    first, second = (table.split(table.describe(stack)) for stack in (samples, images))
    if not np.nan_to_num(second[1]).any():
        raise ValueError("X must hold some voxels of the phases scored, got none.")
    shares = [inhomogeneity(*both) for both in zip(first, second, strict=True)]
    return float(np.nanmean(shares)) + repetition(samples, images, encoder)


def _descriptors(encoder, periodic):
    if encoder.phases is None:
        return [PhaseFractions(), TwoPointCorrelation(periodic=periodic)]
    phases = encoder.phases[-max(1, encoder.n_channels - 1) :]
    described = [kind(phase=phase, periodic=periodic) for phase in phases for kind in REPORTED]
    return [PhaseFractions(), *described]


def inhomogeneity(first, second):
    """Return the share H of two sets of rows, (n, k) and (m, k), without bias; NaN of no columns.

    Columns are in units of their standard deviation, without those that a row does not determine.
    Of one row in ``second`` the spread is unknown, and taken for that of the others or less.
    """
    told = ~np.isnan(np.vstack([first, second])).any(axis=0)
    if not told.any():
        return np.nan
    first, second = first[:, told].astype(float), second[:, told].astype(float)
    scale = np.sqrt((first.var(axis=0) + second.var(axis=0)) / 2)
    size = np.maximum(np.abs(first).max(axis=0), np.abs(second).max(axis=0))
    scale = np.where(scale > 1e-6 * size, scale, np.maximum(size, 1.0))
    first, second = first / scale, second / scale
    between, within = cdist(first, second).mean(), pdist(first).mean()
    if between == 0:
        return 0.0
    # Of one image it is what leaves the share at 0, where it can.
    one = min(within, 2 * between - within)
    of_second = pdist(second).mean() if len(second) > 1 else one
    return (2 * between - within - of_second) / (2 * between)


def repetition(samples, images, encoder):
    """Return how much nearer samples are to each other than images are to samples, in [0, 1].

    0 where the images have unknown voxels, or are the samples.
    """
    if known_voxels(images) is not None:
        return 0.0
    own, others = amplitudes(samples, encoder), amplitudes(images, encoder)
    among = torch.full((len(own), len(own)), math.inf)
    across = torch.full((len(others), len(own)), math.inf)
    for moved in _moved(samples):
        spectra = amplitudes(moved, encoder)
        among = torch.minimum(among, torch.cdist(own, spectra))
        across = torch.minimum(across, torch.cdist(others, spectra))
    near = among.fill_diagonal_(math.inf).amin(dim=1).mean()
    usual = across.amin(dim=1).mean()
    return float((1 - near / usual).clamp_min(0)) if usual > 0 else 0.0


def _moved(images):
    """Yield images in all rotations and flips that their amplitudes distinguish."""
    shape = images.shape[1:]
    orders = [p for p in permutations(range(len(shape))) if all(shape[k] == shape[p[k]] for k in p)]
    # The flip of all axes together keeps amplitudes, so that the last axis need not be flipped.
    for order, flipped in product(orders, product((False, True), repeat=len(shape) - 1)):
        axes = [axis + 1 for axis, flip in enumerate(flipped) if flip]
        yield np.flip(np.transpose(images, [0, *(axis + 1 for axis in order)]), axes)


def amplitudes(images, encoder):
    """Return the moduli of the long waves of images' channels, (n, *S) -> (n, k) float32."""
    parts = parts_of(len(images), images.shape[1:])
    return torch.as_tensor(joined((_amplitudes(images[p], encoder) for p in parts), len(images)))


def _amplitudes(images, encoder):
    channels = encoder.encode(np.ascontiguousarray(images))
    channels = channels[:, min(1, channels.shape[1] - 1) :]
    axes = tuple(range(2, channels.ndim))
    waves = torch.fft.rfftn(channels - channels.mean(axes, keepdim=True), dim=axes, norm="ortho")
    for axis in axes:
        counts = torch.arange(waves.shape[axis])
        if axis != axes[-1]:
            counts = torch.minimum(counts, waves.shape[axis] - counts)
        waves = waves.index_select(axis, torch.nonzero(counts <= HIGHEST)[:, 0])
    return waves.abs().flatten(1).numpy()
