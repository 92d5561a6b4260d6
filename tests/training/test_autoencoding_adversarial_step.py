"""One iteration of encoder, generator and critic: each loss by hand, each gradient at home."""

from functools import partial

import pytest
import torch
from torch import nn
from torch.nn.functional import logsigmoid

from skmicro.images import NormalTranslations
from skmicro.losses import ADVERSARIAL_LOSSES, GradientPenalty, normal_divergence, squared_error
from skmicro.training import Batch, autoencoding_adversarial_step

N_VOXELS = 12
OWNERS = ["critic", "encoder_network", "generator"]


class Encoder(nn.Module):
    """Voxels are the means, nearly without variance."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.log_variance = nn.Parameter(torch.tensor(-60.0))

    def forward(self, images):
        means = self.weight * images.flatten(1)
        return torch.hstack([means, self.log_variance.expand_as(means)])


class Generator(nn.Module):
    """Latents are the voxels."""

    n_latent = N_VOXELS

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, latents, conditions):
        return (self.weight * latents).view(-1, 1, 4, 3)


class Critic(nn.Module):
    """A weighted sum, which remembers what it saw."""

    def __init__(self):
        super().__init__()
        self.weights = nn.Parameter(torch.linspace(-1, 1, N_VOXELS))
        self.seen = []

    def forward(self, images):
        self.seen.append(images.detach())
        return (images.flatten(1) * self.weights).sum(dim=1)


def watched(step):
    """Let players note every loss and which networks its gradient reaches; change nothing."""

    def note(name, loss):
        for module in step.modules.values():
            module.zero_grad(set_to_none=True)
        loss.backward()
        step.watched[name] = (
            loss.item(),
            {k for k, m in step.modules.items() if any(p.grad is not None for p in m.parameters())},
        )

    step.watched = {}
    for name, player in step.players.items():
        player.update = partial(note, name)
    return step


class OneBatch:
    images = torch.randn(6, 1, 4, 3, generator=torch.Generator().manual_seed(5))

    def __next__(self):
        return Batch(self.images, torch.zeros(6, 0))


def step_of(loss="log", reconstruction=squared_error, generator=None, **options):
    settings = {
        "beta": 2.0,
        "weights": (0.5, 3.0, 0.1),
        "critic_rate": 1e-3,
        "learning_rate": 1e-2,
        "rng": torch.Generator().manual_seed(0),
        "n_critic": 1,
        "symmetries": lambda images, rng: images,
    }
    return autoencoding_adversarial_step(
        Encoder(),
        Generator() if generator is None else generator,
        Critic(),
        ADVERSARIAL_LOSSES[loss],
        reconstruction,
        lambda mean, log_variance, rng: normal_divergence(mean, log_variance),
        **(settings | options),
    )


def test_losses_by_hand():
    step = watched(step_of())
    losses = step(OneBatch())
    real_seen, rebuilt_seen, new_seen = views(step, "critic")
    real, rebuilt, new = (
        (images.flatten(1) * step.modules["critic"].weights).sum(dim=1)
        for images in (real_seen, rebuilt_seen, new_seen)
    )
    torch.testing.assert_close(real_seen, OneBatch.images)
    torch.testing.assert_close(rebuilt_seen, OneBatch.images)
    # 1 - sigmoid(D) = sigmoid(-D)
    expected = -logsigmoid(real).mean() - logsigmoid(-rebuilt).mean() - logsigmoid(-new).mean()
    torch.testing.assert_close(losses["critic"], expected.detach())
    assert losses["penalty"] == 0
    rebuilt, new = (
        (images.flatten(1) * step.modules["critic"].weights).sum(dim=1)
        for images in views(step, "generator")
    )
    assert losses["reconstruction"] < 1e-10
    expected = -0.5 * logsigmoid(rebuilt).mean() - 3.0 * logsigmoid(new).mean()
    torch.testing.assert_close(losses["generator"], expected.detach())
    mean, log_variance = step.modules["encoder_network"](OneBatch.images).chunk(2, dim=1)
    divergence = normal_divergence(mean, log_variance)
    torch.testing.assert_close(losses["divergence"], divergence.detach())
    assert step.watched["encoder_network"][0] == pytest.approx(2.0 * divergence.item())


def views(step, player):
    """What the critic saw in its own step (real, rebuilt, new), or in the generator's."""
    seen = step.modules["critic"].seen
    rebuilt, new, real = seen[:3]
    return (real, rebuilt, new) if player == "critic" else tuple(seen[3:5])


def test_symmetries_move_images_before_anything_else():
    step = watched(step_of(symmetries=lambda images, rng: images.flip(2)))
    losses = step(OneBatch())
    moved = OneBatch.images.flip(2)
    real, rebuilt, _ = views(step, "critic")
    torch.testing.assert_close(real, moved)
    torch.testing.assert_close(rebuilt, moved)
    torch.testing.assert_close(views(step, "generator")[0], moved)
    assert losses["reconstruction"] < 1e-10


def test_encoder_and_generator_learn_from_the_same_moved_images():
    batches = iter([Batch(k * OneBatch.images, torch.zeros(6, 0)) for k in (1, 2, 3)])
    compared = []

    def reconstruction(channels, images):
        compared.append(images)
        return squared_error(channels, images)

    def symmetries(images, rng):
        return images * torch.rand(1, generator=rng)

    step_of(reconstruction=reconstruction, symmetries=symmetries, n_critic=2)(batches)
    assert next(batches, None) is None
    assert len(compared) == 2
    assert torch.equal(*compared)


def test_the_generator_is_averaged_and_kept():
    step = step_of(average_decay=0.75)
    step(OneBatch())
    last = step.modules["generator"].weight
    kept = step.finish(OneBatch())
    assert set(kept) == {"critic", "encoder_network", "generator"}
    assert last != 1.0
    expected = (2 + 9 * last) / 11  # (1 + n) / (10 + n) with n = 1, less than 0.75
    torch.testing.assert_close(kept["generator"].weight, expected, rtol=1e-6, atol=0)


def test_codes_and_noise_are_decoded_in_one_batch():
    step = step_of(average_decay=0.5)
    seen = []

    def note(module, arguments):
        seen.append(arguments[0].detach())

    step.modules["generator"].register_forward_pre_hook(note)
    step(OneBatch())
    assert len(seen) == 3  # for the critic, for the encoder, for the generator
    for latents in seen:
        codes, noise = latents.split(6)
        torch.testing.assert_close(codes, OneBatch.images.flatten(1), rtol=0.01, atol=0.01)
        assert 0.7 < noise.std() < 1.3
    assert not torch.equal(seen[0][6:], seen[1][6:])


def test_statistics_of_an_average_are_those_of_codes_and_noise():
    class Normalised(Generator):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm2d(1)

        def forward(self, latents, conditions):
            return self.norm(super().forward(latents, conditions))

    step = step_of(generator=Normalised(), average_decay=0.5)
    step(OneBatch())
    step.modules["encoder_network"].weight.data.fill_(5.0)
    kept = step.finish(OneBatch())["generator"]
    of_codes = 25 * OneBatch.images.square().mean()
    expected = kept.weight.square() * (of_codes + 1) / 2
    torch.testing.assert_close(kept.norm.running_var[0], expected.detach(), rtol=0.1, atol=0)


def test_weight_of_the_reconstruction_in_the_generators_loss():
    step = watched(step_of(weights=(0.0, 0.0, 0.1)))
    step.modules["generator"].weight.data.fill_(3.0)
    losses = step(OneBatch())
    error = 4.0 * OneBatch.images.square().flatten(1).sum(dim=1).mean()
    torch.testing.assert_close(losses["reconstruction"], error)
    torch.testing.assert_close(losses["generator"], 0.1 * error)


@pytest.mark.parametrize("loss", ["log", "wasserstein"])
@pytest.mark.parametrize("augment", [None, NormalTranslations()])
def test_gradients_stay_in_the_network_of_the_loss(loss, augment):
    penalties = [GradientPenalty(10.0)] if loss == "wasserstein" else []
    step = watched(step_of(loss=loss, augment=augment, penalties=penalties))
    step(OneBatch())
    assert {name: reached for name, (_, reached) in step.watched.items()} == {
        name: {name} for name in OWNERS
    }
    assert all(p.requires_grad for p in step.modules["generator"].parameters())


def test_networks_move_in_their_own_step():
    step = step_of()
    before = {k: [p.clone() for p in m.parameters()] for k, m in step.modules.items()}
    moved = []
    for update in step.updates:
        step.updates = [update._replace(fresh=True)]
        step(OneBatch())
        changed = {
            name
            for name, module in step.modules.items()
            if any(
                not torch.equal(a, b)
                for a, b in zip(before[name], module.parameters(), strict=True)
            )
        }
        moved.append(changed)
    assert moved == [{"critic"}, {"critic", "encoder_network"}, set(OWNERS)]
    assert step.optimizers["critic"].param_groups[0]["lr"] == 1e-3
    assert step.optimizers["encoder_network"].param_groups[0]["lr"] == 1e-2
    assert set(step.optimizers) == set(OWNERS)


def test_image_and_reconstruction_share_their_translation():
    compared = []

    def reconstruction(channels, images):
        compared.append((channels.detach(), images))
        return squared_error(channels, images)

    step = watched(step_of(reconstruction=reconstruction, augment=NormalTranslations()))
    step(OneBatch())
    assert len(compared) == 2
    for channels, images in compared:
        torch.testing.assert_close(channels, images)
        assert not torch.equal(images, OneBatch.images)


def test_all_that_the_critic_sees_is_translated_each_kind_by_itself():
    step = watched(step_of(augment=NormalTranslations()))
    step(OneBatch())
    real, rebuilt, _ = views(step, "critic")
    for images in (real, rebuilt):
        assert not torch.equal(images, OneBatch.images)
        torch.testing.assert_close(
            images.flatten(1).sort(dim=1).values, OneBatch.images.flatten(1).sort(dim=1).values
        )
    assert not torch.allclose(real, rebuilt)


def test_the_encoder_learns_through_the_translation():
    gradients = []
    for augment in (None, NormalTranslations()):
        step = watched(step_of(beta=0.0, augment=augment))
        step.modules["encoder_network"].weight.data.fill_(0.5)
        step.updates = [update for update in step.updates if update.player == "encoder_network"]
        step(OneBatch())
        gradients.append(step.modules["encoder_network"].weight.grad)
    expected = -OneBatch.images.square().flatten(1).sum(dim=1).mean()
    for gradient in gradients:
        torch.testing.assert_close(gradient, expected)


def test_the_penalty_is_taken_towards_both_kinds_of_generated_images():
    fakes = []

    def penalty(critic, real, fake, rng):
        fakes.append(fake)
        return torch.zeros(())

    step = watched(step_of(loss="wasserstein", penalties=[penalty], n_critic=20))
    step(OneBatch())
    close = torch.cat(
        [torch.isclose(fake, OneBatch.images, atol=1e-5).flatten(1).all(dim=1) for fake in fakes]
    )
    assert 0.3 < close.double().mean() < 0.7
