"""Training of students: a known map is learned, and pairs stay pairs when they are moved."""

import numpy as np
import torch
from torch import nn

from skmicro.images import PhaseEncoder, Symmetries
from skmicro.training import PairBatches, distillation_step, run

MOVES = Symmetries(("translation", "reflection", "rotation"))


def blurred(noise):
    """Noise after a filter with the symmetries of a square, periodic."""
    return noise + sum(noise.roll(shift, axis) for axis in (2, 3) for shift in (1, -1))


def pairs(n=8, seed=0):
    noise = torch.randn(n, 1, 8, 8, generator=torch.Generator().manual_seed(seed))
    return PairBatches(
        noise.numpy(),
        (blurred(noise)[:, 0] > 0).numpy().astype(np.uint8),
        lambda channels: 2.0 * channels[:, 1:] - 1.0,
        encoder=PhaseEncoder([0, 1], np.uint8),
        conditions=np.zeros((n, 0)),
        batch_size=4,
        seed=0,
        device=torch.device("cpu"),
        dtype=torch.float32,
    )


def test_noise_and_phases_are_moved_together():
    rng, batches = torch.Generator().manual_seed(1), pairs()
    batch = next(batches)
    moved = MOVES(batch.images, rng)
    noise, ends = moved.chunk(2, dim=1)
    assert not torch.equal(moved, batch.images)
    assert torch.equal(ends > 0, blurred(noise) > 0)


def test_a_student_learns_the_map_that_pairs_come_from():
    torch_rng = torch.Generator().manual_seed(2)
    student = nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular")
    with torch.no_grad():
        for weights in student.parameters():
            weights.copy_(0.1 * torch.randn(weights.shape, generator=torch_rng))
    step = distillation_step(
        student,
        lambda network, noise, conditions: network(noise),
        rng=torch_rng,
        augment=MOVES,
        learning_rate=0.05,
    )
    batches = pairs()
    history = run(step, batches, 150).as_arrays()["distillation"]
    told = step.finish(batches)["generator"]
    unseen = torch.randn(64, 1, 8, 8, generator=torch_rng)
    agreement = ((told(unseen) > 0) == (blurred(unseen) > 0)).float().mean()
    assert history[-1] < 0.25 * history[0]
    assert agreement > 0.95


def test_the_same_seed_trains_the_same_student():
    weights = []
    for _ in range(2):
        student = nn.Conv2d(1, 1, 1)
        nn.init.ones_(student.weight)
        nn.init.zeros_(student.bias)
        step = distillation_step(
            student,
            lambda network, *given: network(given[0]),
            rng=torch.Generator().manual_seed(0),
            augment=MOVES,
        )
        run(step, pairs(), 5)
        weights.append(student.weight.detach().clone())
    assert torch.equal(*weights)
    assert not torch.equal(weights[0], torch.ones_like(weights[0]))
