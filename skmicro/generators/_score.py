"""The score of a generator: how far its correlations are from those of images."""

import numpy as np

from ..conditioning import ConditionTable
from ..descriptors import TwoPointCorrelation


def correlation_distance(samples, images, encoder, periodic):
    """Return the relative error of mean radial S2 curves, for every phase but the first.

    Parameters
    ----------
    samples, images : ndarray of shape (n, *spatial)
        Images to judge, and those to compare with.
    encoder : PhaseEncoder or GreyEncoder
        Encoding of both.
    periodic : bool
        Whether they wrap around.

    Returns
    -------
    distance : float
        ||S2 - S2'|| / ||S2'||, with S2' of ``images``.

    Raises
    ------
    ValueError
        If ``images`` have none of the phases.
    """
    phases = [None] if encoder.phases is None else encoder.phases[-max(1, encoder.n_channels - 1) :]
    curves = [TwoPointCorrelation(phase=phase, periodic=periodic) for phase in phases]
    table = ConditionTable(curves, encoder, images.shape[1:])
    got, wanted = (table.describe(stack).mean(axis=0) for stack in (samples, images))
    if not wanted.any():
        raise ValueError("X must hold some voxels of the phases scored, got none.")
    return float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))
