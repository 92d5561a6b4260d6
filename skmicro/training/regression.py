"""Training of networks on numbers that belong to images, and the best of their weights.

Several networks are trained side by side, each on batches of its own. A batch carries the numbers
of each image, and its weight, in the place of conditions. The loss is the mean over images of
weight times squared error.
"""

import copy
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import nn

from .. import _arrays
from .interruption import interrupted_afterwards
from .steps import Player, TrainingStep, Update, adam


class BestWeights(nn.Module):
    """The network with the least loss on images held out of the training.

    It is a part of the training's state, as networks are, so that checkpoints keep it.

    Parameters
    ----------
    network : torch.nn.Module
        The network in training.
    measure : callable
        ``measure(network) -> loss``, the loss of a network.
    """

    def __init__(self, network: torch.nn.Module, measure: Callable):
        super().__init__()
        self.network = copy.deepcopy(network)
        self._measure = measure
        self._trained = [network]  # in a list, that it is no part of this module
        for name, value in (("latest", measure(network)), ("n_iter", 0), ("n_measured", 0)):
            self.register_buffer(name, torch.tensor(value, dtype=torch.float64))
        self.register_buffer("least", self.latest.clone())

    def update(self, n_iter):
        """Measure the network after so many iterations, and keep its weights if they are best."""
        (network,) = self._trained
        self.latest = self.latest.new_tensor(self._measure(network))
        self.n_measured = self.n_measured.new_tensor(float(n_iter))
        if self.latest < self.least:
            self.least = self.latest
            self.n_iter = self.n_measured
            self.network = copy.deepcopy(network)


def measure_every(every: int, bests: Sequence) -> Callable:
    """Return a callback of the loop that measures the networks, and ends no training.

    Parameters
    ----------
    every : int
        Iterations between two measurements.
    bests : sequence of BestWeights
        What keeps the best weights of each network.

    Returns
    -------
    callback : callable
        ``callback(iteration, history)``.
    """

    def callback(iteration, history):
        if iteration % every == 0:
            with interrupted_afterwards():
                for best in bests:
                    best.update(iteration)

    return callback


def without_progress(bests: Sequence, n_iter_no_change: int) -> bool:
    """Return whether no network has had a lower loss for so many iterations.

    Parameters
    ----------
    bests : sequence of BestWeights
        What keeps the best weights of each network, one at least.
    n_iter_no_change : int
        Iterations up to the latest measurement.

    Returns
    -------
    answer : bool
        Whether that holds for all of them.
    """
    return all(best.n_measured - best.n_iter >= n_iter_no_change for best in bests)


def regression_step(
    networks: Sequence,
    *,
    learning_rate: float,
    rng: torch.Generator,
    bests: Sequence = (),
    symmetries=None,
    turned: Callable | None = None,
    **settings,
) -> TrainingStep:
    """Build the training of networks on numbers.

    Parameters
    ----------
    networks : sequence of torch.nn.Module
        ``network(channels) -> numbers`` of shape (n, n_outputs). Each is trained on batches of its
        own.
    learning_rate : float
        Rate of Adam.
    rng : torch.Generator
        Source of the moves of images.
    bests : sequence of BestWeights, default=()
        What keeps the best weights of each, if anything does.
    symmetries : Symmetries or None, default=None
        How images are moved at random.
    turned : callable or None, default=None
        ``turned(numbers, move) -> numbers``, those of images that a :class:`Move` has moved.
    **settings : any
        As in :class:`TrainingStep`: ``decay_from``.

    Returns
    -------
    step : TrainingStep
        Reports ``"training"`` and, with ``bests``, ``"validation"``, the loss measured last; of
        several networks the means.
    """
    members = {f"network {k}": network for k, network in enumerate(networks)}
    adam_of_each = adam(learning_rate, (0.9, 0.999))
    return TrainingStep(
        members | {f"best {k}": best for k, best in enumerate(bests)},
        {name: Player([network], adam_of_each) for name, network in members.items()},
        [Update(name, partial(regression_objective, name=name)) for name in members],
        rng,
        prepare=symmetries and partial(moved_with_numbers, symmetries=symmetries, turned=turned),
        summary=partial(mean_losses, bests=bests),
        **settings,
    )


def moved_with_numbers(batch, rng, *, symmetries, turned):
    """Return a batch of images moved at random, and the numbers and weights that they then have."""
    groups = symmetries.moves(batch.images, rng)
    rows = batch.conditions.split([len(images) for images, _ in groups])
    return batch._replace(
        images=torch.cat([move(images) for images, move in groups]),
        conditions=torch.cat(
            [
                torch.cat([turned(part[:, :-1], move), part[:, -1:]], dim=1)
                for part, (_, move) in zip(rows, groups, strict=True)
            ]
        ),
    )


def regression_objective(networks, batch, rng, *, name):
    """Return the weighted squared error of the network's predictions for a batch."""
    loss = (batch.conditions[:, -1] * squared_errors(networks[name], batch)).mean()
    return loss, {name: loss}


def mean_losses(losses, bests):
    """Return what the history keeps of the losses of all networks in an iteration."""
    training = {"training": torch.stack(list(losses.values())).mean()}
    if not bests:
        return training
    return training | {"validation": torch.stack([best.latest for best in bests]).mean()}


def squared_errors(network, batch):
    """Return the mean over numbers of their squared error, for each image of a batch."""
    return (network(batch.images) - batch.conditions[:, :-1]).square().mean(dim=1)


def held_out_loss(network: torch.nn.Module, batches) -> float:
    """Return the weighted mean squared error of a network on all images of a source of batches.

    Parameters
    ----------
    network : torch.nn.Module
        As in :func:`regression_step`.
    batches : ImageBatches
        The images and their numbers; no batch is drawn.

    Returns
    -------
    loss : float
        The mean over images, by their weights.
    """
    training = network.training
    network.eval()

    @torch.no_grad()
    def errors(index):
        return squared_errors(network, batches.chosen(torch.as_tensor(index)))

    size = _arrays.inference_batch_size(batches.images.shape[1:])
    squares = _arrays.map_batches(errors, len(batches.images), size).double()
    network.train(training)
    weights = batches.conditions[:, -1].double()
    return float((weights * squares).sum() / weights.sum())
