"""Steps: the updates of one training iteration, with their optimizers.

:class:`TrainingStep` is what all of them share; :class:`GeneratorStep` adds what all
trainings of a generator from latents share.
"""

import torch

from .._warnings import warn_user
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
        betas = tuple(map(float, betas))
        optimizer = torch.optim.Adam(parameters, lr=learning_rate, betas=betas, fused=True)
        for group in optimizer.param_groups:
            group["initial_lr"] = learning_rate
        self.optimizers[name] = optimizer

    def _descend(self, name, loss, max_norm=None):
        optimizer = self.optimizers[name]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        if max_norm is not None:
            parameters = [p for group in optimizer.param_groups for p in group["params"]]
            torch.nn.utils.clip_grad_norm_(parameters, max_norm)
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


class GeneratorStep(TrainingStep):
    """Training of a generator from latents, with weight averaging and projections.

    Parameters
    ----------
    modules : dict of str to torch.nn.Module
        Networks in training; the ``"generator"`` takes latents and conditions to
        channels and has an attribute ``n_latent``.
    rng : torch.Generator
        Source of latents.
    projections : sequence of Projection, default=()
        Objectives on descriptors of generated images.
    average_decay : float, default=0.0
        Decay of the averaged generator; 0 keeps the last weights.
    decay_from : float, default=1.0
        Share of the training after which learning rates fall.
    """

    def __init__(self, modules, rng, projections=(), average_decay=0.0, decay_from=1.0):
        super().__init__(modules, rng, decay_from)
        self.projections = projections
        generator = self.modules["generator"]
        self.average = WeightAverage(generator, average_decay) if average_decay > 0 else None
        if self.average is not None:
            self.modules["average"] = self.average.module

    def finish(self, batches):
        """Return the networks, the generator averaged and calibrated, in evaluation mode."""
        kept = super().finish(batches)
        if self.average is not None:
            kept["generator"] = kept.pop("average")
            measure_batch_statistics(
                kept["generator"], lambda generator: self._made(generator, next(batches))
            )
        for projection in self.projections:
            if projection.n_calibration > 0 and hasattr(kept["generator"], "level_parameters"):
                try:
                    self._calibrate(kept["generator"], projection, batches)
                except KeyboardInterrupt:
                    warn_user(
                        "Calibration was interrupted; the generator holds the state reached.",
                        TrainingInterruptedWarning,
                    )
        return kept

    def _update_average(self):
        if self.average is not None:
            # The optimizer's count, which checkpoints keep.
            n_updates = next(iter(self.optimizers["generator"].state.values()))["step"]
            self.average.update(int(n_updates))

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

    def _made(self, generator, batch):
        """Return images as the generator makes them in training, for the conditions of a batch."""
        return self._generate(generator, batch.conditions)

    def _generate(self, generator, conditions):
        return generator(self._noise(generator, conditions), conditions)

    def _noise(self, generator, conditions):
        latents = torch.randn(
            len(conditions), generator.n_latent, generator=self.rng, dtype=conditions.dtype
        )
        return latents.to(conditions.device)
