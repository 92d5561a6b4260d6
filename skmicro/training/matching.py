"""Training of a flow between noise and images (Lipman et al. 2023), without an adversary.

Conditions are dropped at random, all together or one by one, so that the network learns the
flow for every subset of them (Ho & Salimans 2022).
"""

from collections.abc import Callable, Sequence
from functools import partial

import torch

from ..losses import labelling_loss, matching_loss
from .batches import Batch
from .steps import Player, TrainingStep, Update, adam

MAX_NORM = 1.0


def matching_step(
    generator: torch.nn.Module,
    encode: Callable,
    widths: Sequence,
    *,
    learning_rate: float,
    rng: torch.Generator,
    betas: tuple[float, ...] = (0.9, 0.99),
    anchor: float = 0.0,
    p_drop: float = 0.0,
    augment: Callable | None = None,
    **settings,
) -> TrainingStep:
    """Build the training of a flow: regression of a velocity or labelling of phases.

    Parameters
    ----------
    generator : torch.nn.Module
        ``generator(x, t, conditions) -> velocity``; conditions that are NaN are not given.
        One with a method ``evidence`` learns to label phases (see :mod:`skmicro.losses.matching`).
    encode : callable
        ``encode(images) -> x``, the end of the flow from the channels of a batch.
    widths : sequence of int
        Components of each condition.
    learning_rate : float
        Rate of Adam.
    rng : torch.Generator
        Source of noise, times, dropped conditions and augmentations.
    betas : tuple of float, default=(0.9, 0.99)
        Decay rates of Adam's moments.
    anchor : float, default=0.0
        Rate a at which weights return to those at the start, w <- w + a lr (w_0 - w).
    p_drop : float, default=0.0
        Probability of dropping all conditions of an image, and that of dropping each
        one of them.
    augment : callable or None, default=None
        ``augment(images, rng) -> images``.
    **settings : any
        As in :class:`TrainingStep`: ``decay_from``, ``average_decay``.

    Returns
    -------
    step : TrainingStep
        Reports ``"matching"``.
    """
    player = Player([generator], adam(learning_rate, betas), max_norm=MAX_NORM, anchor=anchor)
    labels = hasattr(generator, "evidence")
    return TrainingStep(
        {"generator": generator},
        {"generator": player},
        [Update("generator", labelling_objective if labels else velocity_objective)],
        rng,
        prepare=partial(prepared, encode=encode, augment=augment, widths=widths, p_drop=p_drop),
        **settings,
    )


def velocity_objective(networks, batch, rng):
    """Return the error of the velocity on lines from noise to images."""
    loss = matching_loss(networks["generator"], batch.images, batch.conditions, rng)
    return loss, {"matching": loss}


def labelling_objective(networks, batch, rng):
    """Return the error of phases predicted from images with noise."""
    loss = labelling_loss(networks["generator"].evidence, batch.images, batch.conditions, rng)
    return loss, {"matching": loss}


def prepared(batch, rng, *, encode, augment, widths, p_drop):
    """Return a batch of ends of the flow, with NaN for conditions that are dropped."""
    images = encode(batch.images)
    if augment is not None:
        images = augment(images, rng)
    return Batch(images, drop_conditions(batch.conditions, widths, p_drop, rng))


def drop_conditions(conditions, widths, p_drop, rng):
    """Put NaN in place of conditions that the network has to do without."""
    if p_drop == 0 or not widths:
        return conditions
    draws = torch.rand(len(conditions), 1 + len(widths), generator=rng)
    drop = (draws[:, :1] < p_drop) | (draws[:, 1:] < p_drop)
    columns = drop.repeat_interleave(torch.tensor(widths), dim=1)
    return conditions.masked_fill(columns.to(conditions.device), torch.nan)
