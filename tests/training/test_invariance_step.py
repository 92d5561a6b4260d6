"""Training without a critic, and what conditional adversarial training adds to a step."""

import numpy as np
import pytest
import torch
from torch import nn

from skmicro._random import torch_generator
from skmicro.generators import ACGAN, GIN, ConditionalGAN, HybridGAN, ResidualInputGAN
from skmicro.images import PhaseEncoder
from skmicro.losses import ADVERSARIAL_LOSSES
from skmicro.training import (
    Batch,
    ImageBatches,
    Projection,
    adversarial_step,
    invariance_step,
    run,
)


class Sum(nn.Module):
    """Images level + gain * z, whose moments over z are known."""

    n_latent = 1

    def __init__(self, level=0.0, gain=2.0):
        super().__init__()
        self.level = nn.Parameter(torch.tensor(level))
        self.gain = nn.Parameter(torch.tensor(gain))

    def forward(self, latents, conditions):
        return (self.level + self.gain * latents).view(-1, 1, 1, 1).expand(-1, 2, 3, 3)


class Endless:
    """Batches of the same conditions; counts what is taken."""

    def __init__(self, n=64, conditions=None):
        values = torch.zeros(n, 0) if conditions is None else conditions
        self.batch = Batch(torch.zeros(len(values), 2, 3, 3), values)
        self.n = 0

    def __next__(self):
        self.n += 1
        return self.batch

    def state_dict(self):
        return {"n": self.n}

    def load_state_dict(self, state):
        self.n = state["n"]


def unchanged(x):
    return x


def squared_distance(target):
    return lambda images, batch: (images[:, 0, 0, 0] - target).square().mean()


def step_of(generator, *terms, seed=0, **options):
    options = {"learning_rate": 3e-2, "decay_from": 0.5} | options
    projections = [Projection([term], unchanged) for term in terms]
    return invariance_step(generator, projections, rng=torch_generator(seed), **options)


def test_the_minimum_of_eq_4_is_reached():
    """E (level + gain z - 0.7)^2 is least for level 0.7 and no gain."""
    generator = Sum()
    run(step_of(generator, squared_distance(0.7)), Endless(), 400)
    assert generator.level.item() == pytest.approx(0.7, abs=1e-2)
    assert generator.gain.item() == pytest.approx(0.0, abs=1e-2)


def test_projections_are_minimised_together():
    """Weights 1 and 3 on two targets: the minimum is their weighted mean."""
    generator = Sum()

    def thrice(images, batch):
        return 3.0 * squared_distance(1.0)(images, batch)

    run(step_of(generator, squared_distance(0.2), thrice), Endless(), 500)
    assert generator.level.item() == pytest.approx((0.2 + 3.0) / 4.0, abs=1e-2)


def test_the_loss_is_taken_over_images_not_of_their_mean():
    """A mean can be right by chance: only the spread tells the two apart."""
    generator = Sum(level=0.7, gain=1.0)
    loss = step_of(generator, squared_distance(0.7))(Endless(4096))["invariance"]
    assert loss.item() == pytest.approx(1.0, rel=0.1)


def test_one_batch_one_update_one_figure():
    batches, step = Endless(), step_of(Sum(), squared_distance(0.0), squared_distance(1.0))
    losses = step(batches)
    assert batches.n == 1
    assert list(losses) == ["invariance"]
    assert not losses["invariance"].requires_grad
    assert {o.state_dict()["state"][0]["step"].item() for o in step.optimizers.values()} == {1.0}


def test_the_step_is_the_bare_loop_bit_for_bit():
    step = step_of(Sum(), squared_distance(0.4), betas=(0.3, 0.9), decay_from=1.0)
    run(step, Endless(8), 5)
    bare, rng = Sum(), torch_generator(0)
    optimizer = torch.optim.Adam(bare.parameters(), lr=3e-2, betas=(0.3, 0.9), fused=True)
    for _ in range(5):
        optimizer.zero_grad()
        latents = torch.randn(8, 1, generator=rng)
        squared_distance(0.4)(bare(latents, None), None).backward()
        optimizer.step()
    assert torch.equal(step.modules["generator"].level, bare.level)
    assert torch.equal(step.modules["generator"].gain, bare.gain)


def test_the_averaged_generator_is_kept():
    generator = Sum()
    step = step_of(generator, squared_distance(0.7), average_decay=0.8, decay_from=1.0)
    expected = [p.detach().clone() for p in generator.parameters()]
    for n in range(1, 7):
        step(Endless())
        decay = (1 + n) / (10 + n)  # less than 0.8
        expected = [
            decay * mean + (1 - decay) * p.detach()
            for mean, p in zip(expected, generator.parameters(), strict=True)
        ]
    kept = step.finish(Endless())
    assert set(kept) == {"generator"}
    for mean, parameter in zip(expected, kept["generator"].parameters(), strict=True):
        torch.testing.assert_close(parameter, mean)
    assert kept["generator"].level.item() != generator.level.item()


def test_a_state_is_taken_up_bit_for_bit():
    def fresh():
        return step_of(Sum(), squared_distance(0.7), average_decay=0.9)

    straight, first, second = fresh(), fresh(), fresh()
    for _ in range(7):
        straight(Endless())
    for _ in range(4):
        first(Endless())
    second.load_state_dict(first.state_dict())
    for _ in range(3):
        second(Endless())
    for name in ("generator", "average"):
        for a, b in zip(
            straight.modules[name].parameters(), second.modules[name].parameters(), strict=True
        ):
            assert torch.equal(a, b)


def images_of(n=10, shape=(8, 8), seed=0):
    noise = np.random.default_rng(seed).random((n, *shape))
    smooth = noise + np.roll(noise, 1, 1) + np.roll(noise, 1, 2)
    return (smooth < 1.4).astype(np.uint8)


SMALL = {
    "width": 4,
    "n_iter": 9,
    "batch_size": 4,
    "learning_rate": 1e-2,
    "random_state": 0,
    "device": "cpu",
    "checkpoint_every": 2,
}
LIGHT = SMALL | {"architecture": "light", "n_latent": 2}
KINDS = {
    "GIN": lambda **o: GIN(**(SMALL | {"average_decay": 0.9, "decay_from": 0.5} | o)),
    "GIN isotropic": lambda **o: GIN(**(LIGHT | {"isotropic": True, "hard_projection": True} | o)),
    "HybridGAN": lambda **o: HybridGAN(
        n_critic=2, n_projection=2, calibration=images_of(2, seed=5), **(LIGHT | o)
    ),
    "ConditionalGAN": lambda **o: ConditionalGAN(
        n_critic=2, symmetries=("translation",), **(LIGHT | {"average_decay": 0.9} | o)
    ),
    "ACGAN": lambda **o: ACGAN(conditions=("p1", "p2"), n_critic=2, **(LIGHT | o)),
    "ResidualInputGAN": lambda **o: ResidualInputGAN(
        n_critic=1, **(LIGHT | {"architecture": "dense"} | o)
    ),
}


class PowerCut(Exception):
    pass


@pytest.mark.representatives("GIN isotropic", "ACGAN")
@pytest.mark.parametrize("kind", KINDS)
def test_a_training_cut_short_resumes_bit_for_bit(kind, tmp_path):
    def power_cut(iteration, history):
        if iteration == 5:
            raise PowerCut

    X, path = images_of(), tmp_path / "state.skm"
    straight = KINDS[kind]().fit(X)
    with pytest.raises(PowerCut):
        KINDS[kind](checkpoint=path, callbacks=[power_cut]).fit(X)
    seen = []
    resumed = KINDS[kind](
        checkpoint=path, callbacks=[lambda iteration, history: seen.append(iteration)]
    ).fit(X)
    assert seen == [5, 6, 7, 8, 9]
    for name, losses in straight.history_.items():
        np.testing.assert_array_equal(resumed.history_[name], losses)
    for network in straight._networks():
        own, other = (getattr(g, f"{network}_").state_dict() for g in (straight, resumed))
        assert all(torch.equal(own[name], other[name]) for name in own)
    np.testing.assert_array_equal(
        resumed.sample(3, random_state=0), straight.sample(3, random_state=0)
    )


class Painter(nn.Module):
    """A generator of one number, painted on both channels."""

    n_latent = 1

    def __init__(self):
        super().__init__()
        self.value = nn.Parameter(torch.tensor(0.25))

    def forward(self, latents, conditions):
        return self.value.expand(len(latents), 2, 3, 3)


class Spy(nn.Module):
    """A linear critic that remembers what it was shown and whether it could learn."""

    def __init__(self, n_channels=2):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(n_channels))
        self.shown = []

    def forward(self, images):
        self.shown.append((images.detach().clone(), self.weight.requires_grad))
        return torch.einsum("ncij,c->n", images, self.weight)


def spied_step(n_critic=1, n_channels=2, **options):
    critic = Spy(n_channels)
    step = adversarial_step(
        Painter(), critic, ADVERSARIAL_LOSSES["wasserstein"], learning_rate=1e-2,
        rng=torch_generator(0), n_critic=n_critic, **options,
    )  # fmt: skip
    return step, critic


def real_batches(n=8):
    X = images_of(n, (3, 3))
    return ImageBatches(
        X, PhaseEncoder(np.arange(2), np.uint8), np.arange(n)[:, None] / 10.0, batch_size=4,
        seed=0, device=torch.device("cpu"), dtype=torch.float32,
    )  # fmt: skip


def test_auxiliaries_judge_real_images_for_the_critic_and_generated_ones_for_the_generator():
    calls = []

    def auxiliary(critic, images, batch):
        calls.append((images.detach().clone(), batch.conditions, critic.weight.requires_grad))
        return 0.0 * images.sum() + 0.0 * critic.weight.sum()

    step, _ = spied_step(n_critic=2, auxiliaries=[auxiliary])
    step(real_batches())
    expected = real_batches()
    for images, conditions, learning in calls[:2]:
        batch = next(expected)
        assert torch.equal(images, batch.images)
        assert torch.equal(conditions, batch.conditions)
        assert learning
    images, conditions, learning = calls[2]
    assert len(calls) == 3
    assert images.eq(0.25).all()
    assert torch.equal(conditions, next(expected).conditions)
    assert not learning


def test_critic_and_auxiliaries_see_real_images_as_they_were_moved():
    calls = []

    def auxiliary(critic, images, batch):
        calls.append(images.detach().clone())
        return 0.0 * images.sum() + 0.0 * critic.weight.sum()

    step, critic = spied_step(
        augment=lambda images, rng: images.flip(2),
        view=lambda images, batch: 2.0 * images,
        auxiliaries=[auxiliary],
    )
    step(real_batches())
    moved = next(real_batches()).images.flip(2)
    assert torch.equal(critic.shown[0][0][:4], 2.0 * moved)
    assert torch.equal(calls[0], moved)
    assert calls[1].eq(0.25).all()


@pytest.mark.parametrize("player", ["critic", "generator"])
def test_auxiliaries_add_to_the_loss_of_both_players(player):
    """Their slope is larger than that of the scores and turns both players round."""

    def auxiliary(critic, images, batch):
        return 1e3 * critic.weight.sum() + 1e3 * images.mean()

    def moved(**options):
        step, critic = spied_step(**options)
        before = step.modules["generator"].value.item(), critic.weight[0].item()
        step(real_batches())
        after = step.modules["generator"].value.item(), critic.weight[0].item()
        return dict(zip(("generator", "critic"), np.subtract(after, before), strict=True))

    assert moved()[player] > 0
    assert moved(auxiliaries=[auxiliary])[player] < 0


def test_the_critic_is_shown_views_of_real_and_generated_images():
    def view(images, batch):
        told = batch.conditions.view(-1, 1, 1, 1).expand(-1, 1, 3, 3)
        return torch.cat([images, told], dim=1)

    shown_to_penalty = []

    def penalty(critic, real, fake, rng):
        shown_to_penalty.append((real, fake))
        return 0.0 * critic(real).sum()

    step, critic = spied_step(n_channels=3, view=view, penalties=[penalty])
    step(real_batches())
    expected = real_batches()
    first, second = next(expected), next(expected)
    both, learning = critic.shown[0]
    assert learning
    assert torch.equal(both[:4], view(first.images, first))
    assert torch.equal(both[4:], view(torch.full((4, 2, 3, 3), 0.25), first))
    assert torch.equal(shown_to_penalty[0][0], both[:4])
    assert torch.equal(shown_to_penalty[0][1], both[4:])
    last, learning = critic.shown[-1]
    assert not learning
    assert torch.equal(last, view(torch.full((4, 2, 3, 3), 0.25), second))


def test_the_generator_learns_through_the_view():
    """The critic's only weight is on what the view adds: the square of the images."""

    def view(images, batch):
        return torch.cat([0.0 * images, images[:, :1].square()], dim=1)

    step, critic = spied_step(n_channels=3, view=view)
    critic.weight.data = torch.tensor([0.0, 0.0, -1.0])
    before = step.modules["generator"].value.item()
    step.updates = [update for update in step.updates if update.player == "generator"]
    step(real_batches())
    assert step.modules["generator"].value.item() < before
    assert step.modules["generator"].value.grad.item() == pytest.approx(9 * 2 * 0.25)
