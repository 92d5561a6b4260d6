"""One training iteration, made of players and objectives.

A *player* is networks with one optimizer. An *objective* is a function
``objective(networks, batch, rng) -> (loss, losses)`` of all networks by name: what a player
descends, and what the history keeps. A :class:`TrainingStep` is a schedule of both; the files
beside this one have the objectives and the functions that build a step of them.
"""

import copy
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, final

import torch

from .._warnings import warn_user
from ..exceptions import TrainingInterruptedWarning
from . import distributed
from .averaging import WeightAverage, measure_batch_statistics
from .projections import generated, train_level

NUMBERS = {"step", "mu_product"}
"""What Adam and Nadam keep of a parameter as one number."""


def adam(learning_rate: float, betas: tuple[float, ...]) -> Callable:
    """Return a factory of Adam optimizers.

    Parameters
    ----------
    learning_rate : float
        Rate at the start of the training.
    betas : tuple of float
        Decay rates of the moments.

    Returns
    -------
    make_optimizer : callable
        Parameters to their optimizer.
    """
    betas = tuple(map(float, betas))
    return partial(torch.optim.Adam, lr=learning_rate, betas=betas, fused=True)


def nadam(learning_rate, betas):
    """Return a factory of Nadam optimizers (Dozat 2016), as :func:`adam` of Adam ones."""
    return partial(torch.optim.NAdam, lr=learning_rate, betas=tuple(map(float, betas)))


class Player:
    """Networks that one optimizer moves.

    Parameters
    ----------
    networks : sequence of torch.nn.Module
        The networks.
    make_optimizer : callable
        Parameters to their optimizer, see :func:`adam`.
    max_norm : float or None, default=None
        Largest norm of the gradient, of all parameters together.
    anchor : float, default=0.0
        Rate a at which weights return to those at the start after every update,
        w <- w + a lr (w_0 - w).
    rates : sequence of (torch.nn.Module, float), default=()
        Parts of the networks whose learning rate is a multiple of that of the others.
    """

    def __init__(
        self,
        networks: Sequence,
        make_optimizer: Callable,
        *,
        max_norm: float | None = None,
        anchor: float = 0.0,
        rates: Sequence = (),
    ):
        self.networks = list(networks)
        self.max_norm = max_norm
        self.anchor = anchor
        self.parameters = [p for network in self.networks for p in network.parameters()]
        self._start = [p.detach().clone() for p in self.parameters] if anchor > 0 else []
        self.optimizer = make_optimizer(_grouped(self.parameters, rates))
        for group in self.optimizer.param_groups:
            group["initial_lr"] = group["lr"] * group.get("factor", 1.0)

    @property
    def n_updates(self):
        """Updates so far: the optimizer's count, which checkpoints keep."""
        return int(next(iter(self.optimizer.state.values()))["step"])

    def restore(self, moments):
        """Take up what the optimizer keeps of each parameter; its settings are those of now."""
        moved = [p for group in self.optimizer.param_groups for p in group["params"]]
        kinds = {(name, type(value)) for kept in moments.values() for name, value in kept.items()}
        for k, kept in moments.items():
            if {(name, type(value)) for name, value in kept.items()} != kinds:
                raise ValueError(f"parameter {k} has not all that the optimizer keeps of others")
            for name, value in kept.items():
                if torch.is_tensor(value) and not _may_be_kept(name, value, moved[k]):
                    raise ValueError(f"{name!r} of parameter {k} is not what an optimizer keeps")
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})

    def scale_rate(self, factor):
        """Set the learning rate to a multiple of that at the start."""
        for group in self.optimizer.param_groups:
            group["lr"] = group["initial_lr"] * factor

    def update(self, loss):
        """Descend a loss."""
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        distributed.average_gradients(self.parameters)
        if self.max_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.max_norm)
        self.optimizer.step()
        if self.anchor > 0:
            rate = self.anchor * self.optimizer.param_groups[0]["lr"]
            with torch.no_grad():
                torch._foreach_lerp_(self.parameters, self._start, rate)


def _may_be_kept(name, value, parameter):
    """Tell whether a tensor may be what an optimizer keeps of a parameter.

    PyTorch's optimizers do not check this when they take up a state.
    """
    fits = value.shape == (() if name in NUMBERS else parameter.shape)
    return fits and value.is_floating_point() and bool(value.isfinite().all())


def _grouped(parameters, rates):
    """Return parameters in groups: each part with a factor of its own, and all others."""
    if not rates:
        return parameters
    groups = [{"params": list(part.parameters()), "factor": factor} for part, factor in rates]
    apart = {id(parameter) for group in groups for parameter in group["params"]}
    return [{"params": [p for p in parameters if id(p) not in apart], "factor": 1.0}, *groups]


class Update(NamedTuple):
    """A player's turn in an iteration.

    Attributes
    ----------
    player : str
        Its name.
    objective : callable
        ``objective(networks, batch, rng) -> (loss, losses)``: the loss to be descended and
        those to be reported, by name.
    n_times : int, default=1
        Updates in a row.
    fresh : bool, default=True
        Whether each is on a new batch, or all on the batch of the update before.
    """

    player: str
    objective: Callable
    n_times: int = 1
    fresh: bool = True


@final
class TrainingStep:
    """The updates of one iteration, with everything that a training has to remember.

    During an update only the networks of its player require gradients.

    Parameters
    ----------
    networks : dict of str to torch.nn.Module
        Networks in training; those of all players, by the names that objectives know.
    players : dict of str to Player
        Who is moved.
    updates : sequence of Update
        What is done in an iteration, in this order.
    rng : torch.Generator
        Source of all random numbers.
    prepare : callable or None, default=None
        ``prepare(batch, rng) -> batch``, what every new batch goes through.
    decay_from : float, default=1.0
        Share of the training after which learning rates fall linearly to zero;
        1 keeps them constant.
    average_decay : float, default=0.0
        Decay of an average of the network ``"generator"``, kept in its place; 0 keeps the
        last weights. What counts as its updates is those of the first player that has it.
    generate : callable, default=generated
        ``generate(networks, batch, rng)``, how that network is used in training: what the
        statistics of its average are measured with.
    projections : sequence of Projection, default=()
        Those that the level of the kept generator is trained on, if they say so.
    summary : callable or None, default=None
        ``summary(losses) -> losses``, from what the updates of an iteration report to what the
        history keeps.
    """

    def __init__(
        self,
        networks: dict,
        players: dict,
        updates: Sequence,
        rng: torch.Generator,
        *,
        prepare: Callable | None = None,
        decay_from: float = 1.0,
        average_decay: float = 0.0,
        generate: Callable = generated,
        projections: Sequence = (),
        summary: Callable | None = None,
    ):
        self.modules = {name: m.train().requires_grad_(True) for name, m in networks.items()}
        self.players = players
        self.updates = updates
        self.rng = rng
        self.prepare = prepare
        self.decay_from = decay_from
        self._parameters = [p for m in self.modules.values() for p in m.parameters()]
        self.average = None
        if average_decay > 0:
            self.average = WeightAverage(self.modules["generator"], average_decay)
            self.modules["average"] = self.average.module
        self.generate = generate
        self.projections = projections
        self.summary = summary
        self.watch = None

    @property
    def optimizers(self):
        """Optimizers by the names of their players."""
        return {name: player.optimizer for name, player in self.players.items()}

    def __call__(self, batches, progress=0.0):
        """Do one iteration.

        Parameters
        ----------
        batches : iterator of Batch
            Source of training batches.
        progress : float, default=0.0
            Share of the training done.

        Returns
        -------
        losses : dict of str to Tensor
            Losses by name, of the last update that reports each.
        """
        decaying = progress >= self.decay_from
        factor = (1.0 - progress) / (1.0 - self.decay_from) if decaying else 1.0
        for player in self.players.values():
            player.scale_rate(factor)
        losses = {}
        for name, objective, n_times, fresh in self.updates:
            player = self.players[name]
            for parameter in self._parameters:
                parameter.requires_grad_(False)
            for parameter in player.parameters:
                parameter.requires_grad_(True)
            for _ in range(n_times):
                if fresh:
                    batch = self._next(batches)
                with distributed.shared_out(self.modules.values()):
                    loss, reported = objective(self.modules, batch, self.rng)
                    player.update(loss)
                losses |= {key: value.detach() for key, value in reported.items()}
        if self.average is not None:
            generator = self.modules["generator"]
            owner = next(p for p in self.players.values() if generator in p.networks)
            self.average.update(owner.n_updates)
        return losses if self.summary is None else self.summary(losses)

    def finish(self, batches):
        """Return the networks, the generator averaged and its level trained, in evaluation mode."""
        if self.watch is not None:
            self.watch.restore()
        kept = self._averaged(self.modules, batches)
        for projection in self.projections:
            if projection.n_level_steps > 0 and hasattr(kept["generator"], "level_parameters"):
                try:
                    train_level(kept, projection, batches, self.rng)
                except KeyboardInterrupt:
                    warn_user(
                        "Training of the level was interrupted; the generator holds the state "
                        "reached.",
                        TrainingInterruptedWarning,
                    )
        return kept

    def look(self, batches):
        """Return copies of what :meth:`finish` would, but for the level; nothing is changed."""
        drawn, rng = batches.state_dict(), self.rng.get_state()
        kept = self._averaged(copy.deepcopy(self.modules), batches)
        batches.load_state_dict(drawn)
        self.rng.set_state(rng)
        return kept

    def state_dict(self):
        """Return the whole state as a tree of tensors and plain values."""
        watched = {} if self.watch is None else {"early_stopping": self.watch.state_dict()}
        return watched | {
            "modules": {name: dict(m.state_dict()) for name, m in self.modules.items()},
            "optimizers": {name: o.state_dict() for name, o in self.optimizers.items()},
            "rng": self.rng.get_state(),
        }

    def load_state_dict(self, state):
        """Take up a state that :meth:`state_dict` returned, or raise where it does not fit."""
        for name, module in self.modules.items():
            module.load_state_dict(state["modules"][name])
            for key, value in module.named_parameters():
                if not value.isfinite().all():
                    raise ValueError(f"weights {key!r} of the network {name!r} must be finite")
        for name, player in self.players.items():
            player.restore(state["optimizers"][name]["state"])
        self.rng.set_state(state["rng"])
        if self.watch is not None:
            self.watch.load_state_dict(state["early_stopping"])

    def _averaged(self, modules, batches):
        """Return networks in evaluation mode, the generator averaged."""
        kept = {name: module.eval() for name, module in modules.items()}
        if self.average is not None:
            kept["generator"] = kept.pop("average")
            measure_batch_statistics(
                kept["generator"], lambda _: self.generate(kept, next(batches), self.rng)
            )
        return kept

    def _next(self, batches):
        batch = next(batches)
        return batch if self.prepare is None else self.prepare(batch, self.rng)
