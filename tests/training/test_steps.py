"""The schedule of a step, and its players."""

from functools import partial

import pytest
import torch
from torch import nn

from skmicro.training import Player, TrainingStep, Update, adam


class Numbers:
    """Batches 0, 1, 2 and so on."""

    def __init__(self):
        self.n = -1

    def __next__(self):
        self.n += 1
        return self.n


def two_networks():
    return {name: nn.Linear(1, 1, bias=False) for name in ("a", "b")}


def test_updates_come_in_their_order_on_new_batches_or_the_one_before():
    seen = []

    def objective(networks, batch, rng, *, name):
        learning = {k for k, m in networks.items() if m.weight.requires_grad}
        seen.append((name, batch, learning))
        loss = sum(m.weight.sum() for m in networks.values())
        return loss, {name: torch.tensor(float(len(seen)))}

    networks = two_networks()
    step = TrainingStep(
        networks,
        {
            "a": Player([networks["a"]], adam(0.1, (0.0, 0.9))),
            "both": Player(networks.values(), adam(0.1, (0.0, 0.9))),
        },
        [
            Update("a", partial(objective, name="x"), n_times=2),
            Update("both", partial(objective, name="y"), n_times=2, fresh=False),
            Update("a", partial(objective, name="z")),
        ],
        torch.Generator(),
        prepare=lambda batch, rng: 10 * batch,
    )
    before = {name: m.weight.item() for name, m in networks.items()}
    losses = step(Numbers())
    both = {"a", "b"}
    assert seen == [
        ("x", 0, {"a"}), ("x", 10, {"a"}), ("y", 10, both), ("y", 10, both), ("z", 20, {"a"}),
    ]  # fmt: skip
    assert losses == {"x": 2.0, "y": 4.0, "z": 5.0}
    # Each step of Adam on a constant slope is its rate: three of one player, two of the other.
    assert networks["a"].weight.item() == pytest.approx(before["a"] - 0.5, abs=1e-6)
    assert networks["b"].weight.item() == pytest.approx(before["b"] - 0.2, abs=1e-6)


def test_a_player_takes_any_optimizer():
    network = nn.Linear(1, 1, bias=False)
    player = Player([network], partial(torch.optim.SGD, lr=0.5))
    start = network.weight.item()
    player.scale_rate(0.5)
    player.update(2.0 * network.weight.sum())
    assert network.weight.item() == pytest.approx(start - 0.5)
    player.scale_rate(1.0)
    player.update(2.0 * network.weight.sum())
    assert network.weight.item() == pytest.approx(start - 1.5)


def test_the_norm_is_that_of_all_parameters_together():
    networks = two_networks()
    player = Player(networks.values(), partial(torch.optim.SGD, lr=1.0), max_norm=1.0)
    player.update(3.0 * networks["a"].weight.sum() + 4.0 * networks["b"].weight.sum())
    slopes = [network.weight.grad.item() for network in networks.values()]
    assert slopes == pytest.approx([0.6, 0.8], rel=1e-5)
