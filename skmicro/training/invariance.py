"""Training on descriptors alone, without a critic (Singh et al. 2018, Sec. 2.2).

An iteration is one update of the generator on the sum of the projections' losses,

    L = sum_j lambda_j E_z |I_j(G(z)) - r_j|^2                               (Eq. 4)
"""

from collections.abc import Sequence
from functools import partial

import torch

from .projections import projections_objective
from .steps import Player, TrainingStep, Update, adam


def invariance_step(
    generator: torch.nn.Module,
    projections: Sequence,
    *,
    learning_rate: float,
    rng: torch.Generator,
    betas: tuple[float, ...] = (0.9, 0.999),
    **settings,
) -> TrainingStep:
    """Build the training of a generator against descriptors that its images are to have.

    Parameters
    ----------
    generator : torch.nn.Module
        ``generator(latents, conditions) -> channels``, with an attribute ``n_latent``.
    projections : sequence of Projection
        Objectives, all minimised together in one update.
    learning_rate : float
        Rate of Adam.
    rng : torch.Generator
        Source of latents.
    betas : tuple of float, default=(0.9, 0.999)
        Decay rates of Adam's moments.
    **settings : any
        As in :class:`TrainingStep`: ``decay_from``, ``average_decay``.

    Returns
    -------
    step : TrainingStep
        Reports ``"invariance"``.
    """
    objective = partial(projections_objective, projections=projections, name="invariance")
    return TrainingStep(
        {"generator": generator},
        {"generator": Player([generator], adam(learning_rate, betas))},
        [Update("generator", objective)],
        rng,
        projections=projections,
        **settings,
    )
