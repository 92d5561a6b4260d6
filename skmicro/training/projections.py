"""Descriptors as objectives of a generator: in training, and for its level afterwards."""

from collections.abc import Callable, Sequence

import torch

from .batches import Batch

LEVEL_RATE = 3e-2
LEVEL_BATCHES = 4


class Projection:
    """A further objective of the generator.

    Parameters
    ----------
    terms : sequence of callable
        ``term(images, batch) -> scalar`` of measured images and the batch whose
        conditions they were given; the loss is the sum.
    measured : callable
        Generated channels to the images that are measured.
    n_steps : int, default=1
        Updates per iteration with an optimizer of their own; 0 adds the loss to that
        of the generator's step (Joshi et al. 2020, Eq. 2).
    learning_rate : float, default=1e-4
        Rate of the projection's own Adam.
    n_level_steps : int, default=0
        Steps after the training in which only the generator's level is trained, and on
        this loss alone; for generators with ``level_parameters``.
    name : str or None, default=None
        What the history calls the loss; ``None`` means ``"projection0"`` and so on.
    """

    def __init__(
        self,
        terms: Sequence,
        measured: Callable,
        n_steps: int = 1,
        learning_rate: float = 1e-4,
        n_level_steps: int = 0,
        name: str | None = None,
    ):
        self.terms = terms
        self.measured = measured
        self.n_level_steps = n_level_steps
        self.n_steps = n_steps
        self.name = name
        self.learning_rate = learning_rate

    def loss(self, channels, batch):
        """Return the sum of the terms."""
        images = self.measured(channels)
        return sum(term(images, batch) for term in self.terms)


def noise_for(generator, conditions, rng):
    """Draw latents, one row for each row of conditions."""
    latents = torch.randn(
        len(conditions), generator.n_latent, generator=rng, dtype=conditions.dtype
    )
    return latents.to(conditions.device)


def generated(networks, batch, rng):
    """Return new images for the conditions of a batch."""
    generator = networks["generator"]
    return generator(noise_for(generator, batch.conditions, rng), batch.conditions)


def projections_objective(networks, batch, rng, *, projections, name):
    """Return the sum of projections' losses on the same images, reported under a name."""
    fake = generated(networks, batch, rng)
    loss = sum(projection.loss(fake, batch) for projection in projections)
    return loss, {name: loss}


def train_level(networks, projection, batches, rng):
    """Train the level of a generator to keep on a projection, as it will be evaluated."""
    generator = networks["generator"].requires_grad_(False)
    level = [p.requires_grad_(True) for p in generator.level_parameters()]
    optimizer = torch.optim.Adam(level, lr=LEVEL_RATE)
    for step in range(projection.n_level_steps):
        optimizer.param_groups[0]["lr"] = LEVEL_RATE * (1 - step / projection.n_level_steps)
        parts = [next(batches) for _ in range(LEVEL_BATCHES)]
        batch = Batch(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))
        loss = projection.loss(generated(networks, batch, rng), batch)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
