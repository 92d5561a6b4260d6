"""The score of a generator: how far its correlations are from those of images."""

import numpy as np

from .._arrays import parts_of
from ..conditioning import ConditionTable
from ..descriptors import TwoPointCorrelation


def correlation_distance(samples, images, encoder, periodic):
    """Return the relative error of mean radial S2 curves, for every phase but the first.

    It is ||S2 - S2'|| / ||S2'||, with S2' of ``images``; ValueError if these have none of the
    phases.
    """
    phases = [None] if encoder.phases is None else encoder.phases[-max(1, encoder.n_channels - 1) :]
    curves = [TwoPointCorrelation(phase=phase, periodic=periodic) for phase in phases]
    table = ConditionTable(curves, encoder, images.shape[1:])
    got, wanted = (_mean_curves(table, stack) for stack in (samples, images))
    told = ~np.isnan(wanted)
    got, wanted = got[told], wanted[told]
    if not wanted.any():
        raise ValueError("X must hold some voxels of the phases scored, got none.")
    return float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))


def _mean_curves(table, images):
    """Return mean curves, at each lag of the images that tell it; NaN where none does."""
    total = n_told = 0
    for part in parts_of(len(images), images.shape[1:]):
        curves = table.describe(images[part])
        told = ~np.isnan(curves)
        total = total + np.where(told, curves, 0).sum(axis=0, dtype=np.float64)
        n_told = n_told + told.sum(axis=0)
    return np.where(n_told > 0, total / np.maximum(n_told, 1), np.nan)
