"""Training of a flow between noise and images (Lipman et al. 2023), without an adversary.

Conditions are dropped at random, all together or one by one, so that the network learns the
flow for every subset of them (Ho & Salimans 2022).
"""

import torch

from ..losses import labelling_loss, matching_loss
from .steps import GeneratorStep

MAX_NORM = 1.0


class MatchingStep(GeneratorStep):
    """Regression of a velocity or labelling of phases, with an average of the weights.

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
    average_decay : float, default=0.0
        Decay of the averaged network; 0 keeps the last weights.
    decay_from : float, default=1.0
        Share of the training after which learning rates fall.
    """

    def __init__(
        self,
        generator,
        encode,
        widths,
        *,
        learning_rate,
        rng,
        betas=(0.9, 0.99),
        anchor=0.0,
        p_drop=0.0,
        augment=None,
        average_decay=0.0,
        decay_from=1.0,
    ):
        networks = {"generator": generator}
        super().__init__(networks, rng, (), average_decay, decay_from)
        self.encode = encode
        self.widths = widths
        self.p_drop = p_drop
        self.augment = augment
        self._add_adam("generator", generator.parameters(), learning_rate, betas)
        self.objective = _labelling if hasattr(generator, "evidence") else matching_loss
        self.anchor = anchor
        self._start = [w.detach().clone() for w in generator.parameters()] if anchor > 0 else []

    def __call__(self, batches):
        """Do one iteration and return its loss."""
        batch = next(batches)
        images = self.encode(batch.images)
        if self.augment is not None:
            images = self.augment(images, self.rng)
        conditions = self._dropped(batch.conditions)
        loss = self.objective(self.modules["generator"], images, conditions, self.rng)
        self._descend("generator", loss, MAX_NORM)
        self._return_to_start()
        self._update_average()
        return {"matching": loss.detach()}

    @torch.no_grad()
    def _return_to_start(self):
        if self.anchor > 0:
            rate = self.anchor * self.optimizers["generator"].param_groups[0]["lr"]
            torch._foreach_lerp_(list(self.modules["generator"].parameters()), self._start, rate)

    def _dropped(self, conditions):
        """Put NaN in place of conditions that the network has to do without."""
        if self.p_drop == 0 or not self.widths:
            return conditions
        draws = torch.rand(len(conditions), 1 + len(self.widths), generator=self.rng)
        drop = (draws[:, :1] < self.p_drop) | (draws[:, 1:] < self.p_drop)
        columns = drop.repeat_interleave(torch.tensor(self.widths), dim=1)
        return conditions.masked_fill(columns.to(conditions.device), torch.nan)


def _labelling(generator, images, conditions, rng):
    return labelling_loss(generator.evidence, images, conditions, rng)
