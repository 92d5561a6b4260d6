"""Steps: the updates of one training iteration, with their optimizers.

:class:`AdversarialStep` is the three-way alternation of Joshi et al. 2020, Alg. 1:
``n_critic`` critic steps, a generator step on the adversarial loss, and for every
projection ``n_steps`` generator steps on its own loss with its own optimizer. Without
projections it is the WGAN-GP of Gulrajani et al. 2017.
"""

import warnings

import torch

from ..exceptions import TrainingInterruptedWarning
from .averaging import WeightAverage, measure_batch_statistics
from .batches import Batch

CALIBRATION_RATE = 3e-2
CALIBRATION_BATCHES = 4


class TrainingStep:
    """Networks, optimizers and random numbers of one kind of training.

    Subclasses fill ``modules`` and ``optimizers`` (dictionaries by name) and implement
    ``__call__(batches) -> dict of 0-d tensors``. State, learning-rate decay and the
    end of the training are the same for all.

    Parameters
    ----------
    modules : dict of str to torch.nn.Module
        Networks in training.
    rng : torch.Generator
        Source of all random numbers of the step.
    decay_from : float, default=1.0
        Share of the training after which learning rates fall linearly to zero;
        1 keeps them constant.
    """

    def __init__(self, modules, rng, decay_from=1.0):
        self.modules = {name: m.train().requires_grad_(True) for name, m in modules.items()}
        self.optimizers = {}
        self.rng = rng
        self.decay_from = decay_from

    def begin(self, progress):
        """Prepare the iteration at ``progress``, the share of the training done."""
        decaying = progress >= self.decay_from
        factor = (1.0 - progress) / (1.0 - self.decay_from) if decaying else 1.0
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor

    def finish(self, batches):
        """Return the networks to keep, by name, in evaluation mode."""
        return {name: module.eval() for name, module in self.modules.items()}

    def state_dict(self):
        """Return the whole state as a tree of tensors and plain values."""
        return {
            "modules": {name: dict(m.state_dict()) for name, m in self.modules.items()},
            "optimizers": {name: o.state_dict() for name, o in self.optimizers.items()},
            "rng": self.rng.get_state(),
        }

    def load_state_dict(self, state):
        """Take up a state that :meth:`state_dict` returned."""
        for name, module in self.modules.items():
            module.load_state_dict(state["modules"][name])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        self.rng.set_state(state["rng"])

    def _add_adam(self, name, parameters, learning_rate, betas):
        optimizer = torch.optim.Adam(parameters, lr=learning_rate, betas=betas, fused=True)
        for group in optimizer.param_groups:
            group["initial_lr"] = learning_rate
        self.optimizers[name] = optimizer

    def _descend(self, name, loss):
        optimizer = self.optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()


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
    n_calibration : int, default=0
        Steps after the training in which only the generator's level is trained, and on
        this loss alone; for generators with ``level_parameters``.
    """

    def __init__(self, terms, measured, n_steps=1, learning_rate=1e-4, n_calibration=0):
        self.terms = terms
        self.measured = measured
        self.n_calibration = n_calibration
        self.n_steps = n_steps
        self.learning_rate = learning_rate

    def loss(self, channels, batch):
        """Return the sum of the terms."""
        images = self.measured(channels)
        return sum(term(images, batch) for term in self.terms)


class AdversarialStep(TrainingStep):
    """Generator against critic, with penalties, projections and weight averaging.

    Parameters
    ----------
    generator : torch.nn.Module
        ``generator(latents, conditions) -> channels``, with an attribute ``n_latent``.
    critic : torch.nn.Module
        ``critic(channels) -> scores`` of shape (n,).
    loss : AdversarialLoss
        What the two players minimise.
    learning_rate : float
        Rate of both Adam optimizers.
    rng : torch.Generator
        Source of latents, mixing weights and augmentations.
    betas : tuple of float, default=(0.0, 0.9)
        Decay rates of Adam's moments.
    n_critic : int, default=5
        Critic steps per iteration.
    penalties : sequence of callable, default=()
        ``penalty(critic, real, fake, rng) -> scalar``, added to the critic's loss.
    projections : sequence of Projection, default=()
        Further generator steps.
    augment : callable or None, default=None
        ``augment(images, rng) -> images``, applied to real images.
    average_decay : float, default=0.0
        Decay of the averaged generator; 0 keeps the last weights.
    decay_from : float, default=1.0
        Share of the training after which learning rates fall.
    """

    def __init__(
        self,
        generator,
        critic,
        loss,
        *,
        learning_rate,
        rng,
        betas=(0.0, 0.9),
        n_critic=5,
        penalties=(),
        projections=(),
        augment=None,
        average_decay=0.0,
        decay_from=1.0,
    ):
        super().__init__({"generator": generator, "critic": critic}, rng, decay_from)
        self.loss = loss
        self.n_critic = n_critic
        self.penalties = penalties
        self.projections = projections
        self.augment = augment if augment is not None else _unchanged
        self._add_adam("generator", generator.parameters(), learning_rate, betas)
        self._add_adam("critic", critic.parameters(), learning_rate, betas)
        for k, projection in enumerate(projections):
            if projection.n_steps == 0:
                continue
            name = f"projection{k}"
            self._add_adam(name, generator.parameters(), projection.learning_rate, betas)
        self.average = WeightAverage(generator, average_decay) if average_decay > 0 else None
        if self.average is not None:
            self.modules["average"] = self.average.module

    def __call__(self, batches):
        """Do one iteration and return its losses."""
        losses = {}
        for _ in range(self.n_critic):
            losses |= self._critic_step(next(batches))
        batch = next(batches)
        losses |= self._generator_step(batch)
        for k, projection in enumerate(self.projections):
            for _ in range(projection.n_steps):
                losses |= self._projection_step(f"projection{k}", projection, batch)
        if self.average is not None:
            self.average.update()
        return losses

    def finish(self, batches):
        """Return the (averaged) generator and the critic in evaluation mode."""
        kept = super().finish(batches)
        if self.average is not None:
            kept["generator"] = kept.pop("average")
            measure_batch_statistics(
                kept["generator"], lambda g: self._generate(g, next(batches).conditions)
            )
        for projection in self.projections:
            if projection.n_calibration > 0 and hasattr(kept["generator"], "level_parameters"):
                try:
                    self._calibrate(kept["generator"], projection, batches)
                except KeyboardInterrupt:
                    warnings.warn(
                        "Calibration was interrupted; the generator holds the state reached.",
                        TrainingInterruptedWarning,
                        stacklevel=2,
                    )
        return kept

    def _calibrate(self, generator, projection, batches):
        """Train the level of the network to keep, as it will be evaluated."""
        generator.requires_grad_(False)
        level = [p.requires_grad_(True) for p in generator.level_parameters()]
        optimizer = torch.optim.Adam(level, lr=CALIBRATION_RATE)
        for step in range(projection.n_calibration):
            optimizer.param_groups[0]["lr"] = CALIBRATION_RATE * (
                1 - step / projection.n_calibration
            )
            parts = [next(batches) for _ in range(CALIBRATION_BATCHES)]
            batch = Batch(*(torch.cat(tensors) for tensors in zip(*parts, strict=True)))
            loss = projection.loss(self._generate(generator, batch.conditions), batch)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

    def _generate(self, generator, conditions):
        latents = torch.randn(
            len(conditions), generator.n_latent, generator=self.rng, dtype=conditions.dtype
        )
        return generator(latents.to(conditions.device), conditions)

    def _critic_step(self, batch):
        generator, critic = self.modules["generator"], self.modules["critic"]
        critic.requires_grad_(True)
        with torch.no_grad():
            fake = self._generate(generator, batch.conditions)
        real = self.augment(batch.images, self.rng)
        real_scores, fake_scores = critic(torch.cat([real, fake])).chunk(2)
        loss = self.loss.critic(real_scores, fake_scores)
        penalty = sum(
            (penalty(critic, real, fake, self.rng) for penalty in self.penalties),
            start=torch.zeros_like(loss),
        )
        self._descend("critic", loss + penalty)
        return {"critic": loss.detach(), "penalty": penalty.detach()}

    def _generator_step(self, batch):
        generator, critic = self.modules["generator"], self.modules["critic"]
        critic.requires_grad_(False)
        fake = self._generate(generator, batch.conditions)
        loss = self.loss.generator(critic(fake))
        losses = {"generator": loss.detach()}
        for k, projection in enumerate(self.projections):
            if projection.n_steps == 0:
                extra = projection.loss(fake, batch)
                losses[f"projection{k}"] = extra.detach()
                loss = loss + extra
        self._descend("generator", loss)
        return losses

    def _projection_step(self, name, projection, batch):
        fake = self._generate(self.modules["generator"], batch.conditions)
        loss = projection.loss(fake, batch)
        self._descend(name, loss)
        return {name: loss.detach()}


def _unchanged(images, rng):
    return images
