"""What a critic sees of conditions and has to tell of them."""

import numpy as np
import pytest
import torch
from torch import nn

from skmicro.descriptors import TwoPointCorrelation, VolumeFraction
from skmicro.images import PhaseEncoder, Symmetries
from skmicro.losses import AttributeLoss, ConditionView, DescriptorLoss, ResidualView
from skmicro.training import Batch

SHAPES = [(6, 4), (4, 3, 6)]


def random_tensor(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def real_images(n=5, shape=(6, 4), seed=0):
    labels = torch.rand(n, *shape, generator=torch.Generator().manual_seed(seed)) < 0.4
    return torch.stack([~labels, labels], dim=1).double()


def descriptors_for(shape):
    encoder = PhaseEncoder(np.arange(2), np.int64)
    parts = [VolumeFraction(), TwoPointCorrelation(max_lag=2, periodic=True)]
    return [descriptor._bind(encoder, shape) for descriptor in parts]


def described(descriptors, images):
    return torch.hstack([descriptor(images) for descriptor in descriptors])


def unchanged(x):
    return x


@pytest.mark.parametrize("shape", SHAPES)
def test_the_critic_sees_standardised_conditions_at_every_voxel(shape):
    images, conditions = random_tensor(5, 2, *shape), random_tensor(5, 3, seed=1)
    location, scale = torch.tensor([0.5, -1.0, 3.0]), torch.tensor([0.1, 2.0, 5.0])
    seen = ConditionView(lambda r: (r - location) / scale)(images, Batch(None, conditions))
    assert seen.shape == (5, 5, *shape)
    assert torch.equal(seen[:, :2], images)
    for b in range(5):
        for k in range(3):
            expected = (conditions[b, k] - location[k]) / scale[k]
            torch.testing.assert_close(seen[b, 2 + k], expected.expand(shape))


@pytest.mark.parametrize("shape", SHAPES)
def test_real_images_lack_nothing_of_their_own_conditions(shape):
    descriptors, images = descriptors_for(shape), real_images(shape=shape)
    view = ResidualView(DescriptorLoss(descriptors), unchanged)
    conditions = described(descriptors, images)
    seen = view(images, Batch(None, conditions))
    assert seen.shape == (5, 3, *shape)
    assert torch.equal(seen[:, :2], images)
    assert seen[:, 2].eq(0).all()
    exchanged = view(images, Batch(None, conditions.roll(1, 0)))
    assert exchanged[:, 2].gt(1e-6).any()


def test_symmetries_do_not_make_real_images_look_generated():
    descriptors, images = descriptors_for((6, 6)), real_images(shape=(6, 6))
    moved = Symmetries(("translation", "reflection", "rotation"))(
        images, torch.Generator().manual_seed(0)
    )
    assert not torch.equal(moved, images)
    view = ResidualView(DescriptorLoss(descriptors), unchanged)
    seen = view(moved, Batch(None, described(descriptors, images)))
    assert seen[:, 2].abs().max() < 1e-24


def test_the_residual_is_eq_8_of_every_image():
    """Loops in place of tensors, on images that are measured as their squares."""
    descriptors = descriptors_for((6, 4))
    images = random_tensor(4, 2, 6, 4).softmax(dim=1)
    conditions = random_tensor(4, 4, seed=1)
    view = ResidualView(DescriptorLoss(descriptors), torch.square)
    seen = view(images, Batch(None, conditions))
    for b in range(4):
        squared = images[b : b + 1].square()
        fraction = squared[0, 1].mean().item()
        curve = descriptors[1](squared)[0].tolist()
        wanted = conditions[b].tolist()
        expected = (fraction - wanted[0]) ** 2
        expected += sum((c - w) ** 2 for c, w in zip(curve, wanted[1:], strict=True)) / 3
        np.testing.assert_allclose(seen[b, 2], expected, rtol=1e-12)
        assert torch.equal(seen[b, :2], images[b])


@pytest.mark.parametrize("shape", SHAPES)
def test_gradients_reach_the_images_through_the_residual(shape):
    logits = random_tensor(2, 2, *shape).requires_grad_(True)
    view = ResidualView(DescriptorLoss(descriptors_for(shape)), unchanged)
    batch = Batch(None, random_tensor(2, 4, seed=1))

    def shown(x):
        return view(x.softmax(dim=1), batch)[:, 2, ..., 0].flatten(1)[:, 0]

    assert torch.autograd.gradcheck(shown, logits, fast_mode=True, atol=1e-7)
    (slope,) = torch.autograd.grad(shown(logits).sum(), logits)
    assert slope.ne(0).all()


class Oracle(nn.Module):
    """A critic that knows the volume fraction, with a bias and a factor."""

    def __init__(self, bias=0.0, factor=1.0):
        super().__init__()
        self.bias = nn.Parameter(torch.tensor(bias, dtype=torch.float64))
        self.factor = factor

    def attributes(self, images):
        fraction = images[:, 1].flatten(1).mean(dim=1, keepdim=True)
        return self.factor * (fraction - 0.4) / 0.1 + self.bias


def standardize(conditions):
    return (conditions - 0.4) / 0.1


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_a_critic_that_knows_the_answer_has_no_loss(shape, weight):
    images = real_images(shape=shape)
    batch = Batch(None, images[:, 1].flatten(1).mean(dim=1, keepdim=True))
    loss = AttributeLoss(standardize, weight)
    assert loss(Oracle(), images, batch).item() == pytest.approx(0.0, abs=1e-24)
    assert loss(Oracle(bias=0.5), images, batch).item() == pytest.approx(0.25 * weight)


def test_the_attribute_loss_is_a_mean_over_images_and_conditions():
    told, conditions = random_tensor(4, 3), random_tensor(4, 3, seed=1)
    critic = Oracle()
    critic.attributes = lambda images: told
    loss = AttributeLoss(lambda r: 2.0 * r, 5.0)(critic, None, Batch(None, conditions))
    errors = [
        (told[b, k].item() - 2.0 * conditions[b, k].item()) ** 2 for b in range(4) for k in range(3)
    ]
    assert loss.item() == pytest.approx(5.0 * sum(errors) / 12)


def test_the_attribute_loss_teaches_critic_and_images():
    images = real_images().requires_grad_(True)
    batch = Batch(None, torch.full((5, 1), 0.9, dtype=torch.float64))
    critic = Oracle()
    loss = AttributeLoss(standardize)(critic, images, batch)
    slope, bias_slope = torch.autograd.grad(loss, [images, critic.bias])
    missing = 0.9 - images.detach()[:, 1].mean().item()
    assert bias_slope.item() == pytest.approx(-2.0 * missing / 0.1)
    assert slope[:, 1].lt(0).all()
    assert slope[:, 0].eq(0).all()


def test_targets_that_all_images_share():
    descriptors = descriptors_for((6, 4))
    images = random_tensor(4, 2, 6, 4).softmax(dim=1)
    targets = random_tensor(4, seed=1)
    shared = DescriptorLoss(descriptors, 2.0, targets)
    each = DescriptorLoss(descriptors, 2.0)
    no_conditions = Batch(None, torch.zeros(4, 0))
    repeated = Batch(None, targets.repeat(4, 1))
    torch.testing.assert_close(shared(images, no_conditions), each(images, repeated))
    met = DescriptorLoss(descriptors, 2.0, described(descriptors, images[:1])[0])
    assert met(images[:1].repeat(3, 1, 1, 1), no_conditions).item() == pytest.approx(0, abs=1e-30)
