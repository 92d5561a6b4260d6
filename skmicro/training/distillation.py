"""Training of a student on what a flow has made of noise (Luhman & Luhman 2021).

Noise and phases are moved together by the symmetries of the material, so that a pair is as good as
many.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from ..losses import distillation_loss
from .batches import Batch, ImageBatches
from .steps import Player, TrainingStep, Update, adam

LEARNING_RATE = 2e-3
BETAS = (0.9, 0.99)
MAX_NORM = 1.0
AVERAGE_DECAY = 0.99
DECAY_FROM = 0.5


class PairBatches(ImageBatches):
    """Endless batches of noise and of the images that a flow has made of it.

    The channels of a batch are those of the noise, then those of the end of the flow.

    Parameters
    ----------
    noise : ndarray of shape (n, C, *spatial)
        The noise.
    images : ndarray of shape (n, *spatial)
        The images.
    encode : callable
        ``encode(channels) -> ends`` of shape (n, C, *spatial), from encoded images.
    **settings : any
        As in :class:`ImageBatches`: ``encoder``, ``conditions``, ``batch_size`` and others.
    """

    def __init__(self, noise: np.ndarray, images: np.ndarray, encode: Callable, **settings):
        super().__init__(images, **settings)
        self.noise = noise
        self.encode = encode

    def chosen(self, index):
        """Return the batch of pairs by their numbers, a tensor of integers."""
        images, conditions = super().chosen(index)
        noise = torch.as_tensor(self.noise[index.numpy()]).to(images)
        return Batch(torch.cat([noise, self.encode(images)], dim=1), conditions)


def distillation_step(
    student: torch.nn.Module,
    evidence: Callable,
    *,
    rng: torch.Generator,
    augment: Callable,
    learning_rate: float = LEARNING_RATE,
) -> TrainingStep:
    """Build the training of a student on pairs of noise and phases.

    Parameters
    ----------
    student : torch.nn.Module
        The network.
    evidence : callable
        ``evidence(student, noise, conditions)``, the student's prediction, of the noise's shape.
    rng : torch.Generator
        Source of augmentations.
    augment : callable
        ``augment(pairs, rng) -> pairs``, for both halves of the channels alike.
    learning_rate : float, default=2e-3
        Rate of Adam, which falls in the second half.

    Returns
    -------
    step : TrainingStep
        Reports ``"distillation"``.
    """

    def prepare(batch, rng):
        return batch._replace(images=augment(batch.images, rng))

    player = Player([student], adam(learning_rate, BETAS), max_norm=MAX_NORM)
    objective = partial(distillation_objective, evidence=evidence)
    return TrainingStep(
        {"generator": student},
        {"generator": player},
        [Update("generator", objective)],
        rng,
        prepare=prepare,
        average_decay=AVERAGE_DECAY,
        decay_from=DECAY_FROM,
    )


def distillation_objective(networks, batch, rng, *, evidence):
    """Return the error of phases predicted from noise."""
    noise, ends = batch.images.chunk(2, dim=1)
    told = partial(evidence, networks["generator"])
    loss = distillation_loss(told, noise, ends, batch.conditions)
    return loss, {"distillation": loss}
