"""Objectives against closed forms, finite differences and sums written out by hand."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from skmicro._random import torch_generator
from skmicro.descriptors import BaseDescriptor, PhaseFractions, TwoPointCorrelation, VolumeFraction
from skmicro.images import PhaseEncoder
from skmicro.losses import ADVERSARIAL_LOSSES, DescriptorLoss, GradientPenalty, MomentLoss
from skmicro.training import Batch


def random_tensor(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def bound(descriptor, shape=(4, 6), n_phases=2):
    return descriptor._bind(PhaseEncoder(np.arange(n_phases), np.int64), shape)


class Moments(BaseDescriptor):
    """The mean and the mean square of the last channel."""

    name = "moments"

    def __init__(self, image_shape=None):
        self.image_shape = image_shape

    def _describe(self, images):
        values = images[:, -1].flatten(1)
        return torch.stack([values.mean(dim=1), values.square().mean(dim=1)], dim=1)

    def _feature_names(self):
        return ["mean", "mean_square"]


@pytest.mark.parametrize("shape", [(2, 4, 5), (1, 3, 2, 4)])
@pytest.mark.parametrize("weight", [1.0, 10.0])
def test_penalty_of_a_linear_critic(shape, weight):
    slope = random_tensor(*shape)
    real, fake = random_tensor(6, *shape, seed=1), random_tensor(6, *shape, seed=2)

    def critic(images):
        return (slope * images).flatten(1).sum(dim=1)

    penalty = GradientPenalty(weight)(critic, real, fake, torch_generator(0))
    expected = weight * (slope.norm() - 1.0) ** 2
    torch.testing.assert_close(penalty, expected)


def test_penalty_of_a_quadratic_critic_is_taken_between_the_images():
    real, fake = random_tensor(5, 2, 3, 3, seed=1), random_tensor(5, 2, 3, 3, seed=2)
    penalty = GradientPenalty(2.0)(
        lambda x: 0.5 * x.square().flatten(1).sum(dim=1), real, fake, torch_generator(7)
    )
    mix = torch.rand(5, generator=torch_generator(7), dtype=torch.float64).view(5, 1, 1, 1)
    between = mix * real + (1 - mix) * fake
    expected = 2.0 * (between.flatten(1).norm(dim=1) - 1.0).square().mean()
    torch.testing.assert_close(penalty, expected)


def test_mixing_weights_cover_the_line_between_real_and_generated_images():
    seen = []
    GradientPenalty()(
        lambda x: (seen.append(x.detach()), x.flatten(1).sum(dim=1))[1],
        torch.ones(4000, 1, 1, 1), torch.zeros(4000, 1, 1, 1), torch_generator(0),
    )  # fmt: skip
    shares = np.sort(seen[0].flatten().numpy())
    np.testing.assert_allclose(shares, (np.arange(4000) + 0.5) / 4000, atol=0.03)


def test_critics_of_slope_one_are_not_penalised():
    images = random_tensor(3, 1, 4, 4)
    penalty = GradientPenalty()(
        lambda x: x.flatten(1).sum(dim=1) / 4.0, images, images + 1.0, torch_generator(0)
    )
    assert penalty.item() == pytest.approx(0.0, abs=1e-20)


def test_gradient_of_the_penalty_with_respect_to_the_critic_by_finite_differences():
    critic = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.Tanh(), nn.Flatten(), nn.Linear(32, 1), nn.Flatten(0)
    ).double()
    with torch.no_grad():
        for k, parameter in enumerate(critic.parameters()):
            parameter.copy_(0.3 * random_tensor(*parameter.shape, seed=k))
    real, fake = random_tensor(3, 1, 4, 4, seed=8), random_tensor(3, 1, 4, 4, seed=9)

    def penalty():
        return GradientPenalty()(critic, real, fake, torch_generator(3))

    gradients = torch.autograd.grad(penalty(), list(critic.parameters()), allow_unused=True)
    assert gradients[-1] is None or gradients[-1].abs().max() == 0
    step = 1e-6
    for parameter, gradient in list(zip(critic.parameters(), gradients, strict=True))[:-1]:
        values = parameter.data.view(-1)
        for k in range(0, len(values), 5):
            before = values[k].item()
            ends = []
            for shift in (-step, step):
                values[k] = before + shift
                ends.append(penalty().item())
            values[k] = before
            slope = (ends[1] - ends[0]) / (2 * step)
            assert gradient.view(-1)[k].item() == pytest.approx(slope, rel=1e-5, abs=1e-7)


def test_wasserstein_losses():
    loss = ADVERSARIAL_LOSSES["wasserstein"]
    real = torch.tensor([3.0, 5.0], requires_grad=True)
    fake = torch.tensor([1.0, -2.0, 4.0], requires_grad=True)
    critic, generator = loss.critic(real, fake), loss.generator(fake)
    assert critic.item() == pytest.approx(1.0 - 4.0)
    assert generator.item() == pytest.approx(-1.0)
    critic.backward()
    assert real.grad.lt(0).all()
    assert fake.grad.gt(0).all()
    (slope,) = torch.autograd.grad(generator, fake)
    assert slope.lt(0).all()


def test_log_losses():
    loss = ADVERSARIAL_LOSSES["log"]
    real, fake = random_tensor(6), random_tensor(2, 6, seed=1)
    log_real, log_fake = real.sigmoid().log(), (1 - fake.sigmoid()).log()
    expected = -log_real.mean() - log_fake[0].mean() - log_fake[1].mean()
    torch.testing.assert_close(loss.critic(real, fake), expected)
    torch.testing.assert_close(loss.critic(real, fake[0]), -log_real.mean() - log_fake[0].mean())
    torch.testing.assert_close(loss.generator(fake[0]), -fake[0].sigmoid().log().mean())
    assert torch.isfinite(loss.critic(-1e4 * torch.ones(2), 1e4 * torch.ones(2)))


def test_descriptor_loss_is_zero_on_target():
    images = random_tensor(3, 2, 4, 6).softmax(dim=1)
    descriptors = [bound(VolumeFraction()), bound(TwoPointCorrelation(max_lag=2))]
    targets = torch.hstack([descriptor(images) for descriptor in descriptors])
    loss = DescriptorLoss(descriptors, 7.0)
    assert loss(images, Batch(images, targets)).item() == 0.0


def test_descriptor_loss_by_hand():
    images = random_tensor(3, 2, 4, 6).softmax(dim=1)
    descriptors = [bound(VolumeFraction()), bound(Moments()), bound(PhaseFractions())]
    targets = random_tensor(3, 5, seed=1)
    loss = DescriptorLoss(descriptors, 3.0)
    expected = []
    for image, target in zip(images, targets, strict=True):
        last, first = image[1].flatten(), image[0].flatten()
        p1, square = last.mean(), (last * last).mean()
        components = [
            [(p1 - target[0]) ** 2],
            [(p1 - target[1]) ** 2, (square - target[2]) ** 2],
            [(first.mean() - target[3]) ** 2, (p1 - target[4]) ** 2],
        ]
        expected.append(3.0 * sum(sum(errors) / len(errors) for errors in components).item())
    np.testing.assert_allclose(loss.per_image(images, targets), expected, rtol=1e-12)
    assert loss(images, Batch(images, targets)).item() == pytest.approx(np.mean(expected))


def test_gradient_of_the_descriptor_loss():
    logits = random_tensor(2, 2, 4, 6).requires_grad_(True)
    descriptors = [bound(VolumeFraction()), bound(TwoPointCorrelation(max_lag=2))]
    targets = random_tensor(2, 4, seed=1)
    loss = DescriptorLoss(descriptors, 5.0)
    assert torch.autograd.gradcheck(lambda x: loss(x.softmax(dim=1), Batch(None, targets)), logits)


def moments_by_hand(excess, conditions, weight):
    """sum over modes of squared means, with loops in place of matrices."""
    n, width = excess.shape
    modes = [lambda s: 1.0]
    for column in range(conditions.shape[1]):
        modes.append(lambda s, c=column: s[c])
        modes.append(lambda s, c=column: (s[c] ** 2 - 1.0) / math.sqrt(2.0))
    total = 0.0
    for k in range(width):
        for mode in modes:
            total += (sum(mode(conditions[b]) * excess[b, k] for b in range(n)) / n) ** 2
    return weight * total / width


@pytest.mark.parametrize("n_conditions", [1, 2])
def test_moment_loss_by_hand(n_conditions):
    rng = np.random.default_rng(0)
    known = rng.standard_normal((100, n_conditions))
    values = rng.random((100, 2))
    images = random_tensor(7, 2, 4, 6).softmax(dim=1)
    conditions = rng.standard_normal((7, n_conditions))
    loss = MomentLoss(
        [bound(Moments())], torch.tensor(known), torch.tensor(values), lambda r: 2.0 * r, 3.0
    )
    expected = np.empty((7, 2))
    for b in range(7):
        distance = np.linalg.norm(known - 2.0 * conditions[b], axis=1)
        expected[b] = values[np.argsort(distance)[:4]].mean(axis=0)
    np.testing.assert_allclose(loss.expected(2.0 * torch.tensor(conditions)), expected)
    excess = Moments()(images).numpy() - expected
    result = loss(images, Batch(images, torch.tensor(conditions))).item()
    assert result == pytest.approx(moments_by_hand(excess, 2.0 * conditions, 3.0), rel=1e-10)


def test_moment_loss_sees_errors_that_change_sign_with_the_condition():
    conditions = torch.linspace(-1.5, 1.5, 8, dtype=torch.float64)[:, None]
    known, values = conditions, torch.full((8, 1), 0.5, dtype=torch.float64)
    share = 0.5 + 0.1 * conditions
    images = torch.stack([1.0 - share, share], dim=1)[..., None].expand(8, 2, 4, 6)
    loss = MomentLoss([bound(VolumeFraction())], known, values, lambda r: r)
    excess = VolumeFraction()(images) - 0.5
    assert excess.mean().item() == pytest.approx(0.0, abs=1e-12)
    assert loss(images, Batch(images, conditions)).item() > 1e-3


def test_moment_loss_vanishes_where_descriptors_are_those_of_the_nearest_images():
    images = random_tensor(6, 2, 4, 6).softmax(dim=1)
    values = bound(Moments())(images)
    conditions = values[:, :1]
    loss = MomentLoss([bound(Moments())], conditions, values, lambda r: r)
    assert loss(images, Batch(images, conditions)).item() == pytest.approx(0.0, abs=1e-20)
