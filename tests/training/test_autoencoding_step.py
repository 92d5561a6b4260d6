"""Training of encoder and generator: the exact optimum of a linear model, shared augmentation."""

import pytest
import torch
from torch import nn

from skmicro.images import Symmetries
from skmicro.losses import squared_error
from skmicro.training import Batch, autoencoding_step

VARIANCE = 2.0


class LinearEncoder(nn.Module):
    """Mean a x and variance exp(c) of one latent."""

    def __init__(self):
        super().__init__()
        self.slope = nn.Parameter(torch.tensor(0.3))
        self.log_variance = nn.Parameter(torch.tensor(0.0))

    def forward(self, images):
        mean = self.slope * images.flatten(1)
        return torch.hstack([mean, self.log_variance.expand_as(mean)])


class LinearGenerator(nn.Module):
    """One voxel w z."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(0.3))

    def forward(self, latents, conditions):
        return (self.weight * latents).view(-1, 1, 1, 1)


class NormalBatches:
    def __init__(self):
        self.rng = torch.Generator().manual_seed(1)

    def __next__(self):
        images = VARIANCE**0.5 * torch.randn(512, 1, 1, 1, generator=self.rng)
        return Batch(images, torch.zeros(512, 0))


@pytest.mark.representatives("2.0")
@pytest.mark.parametrize("beta", [1.0, 2.0])
def test_training_finds_probabilistic_principal_components(beta):
    # Tipping & Bishop 1999, with noise of variance beta / 2.
    encoder, generator = LinearEncoder(), LinearGenerator()
    step = autoencoding_step(
        encoder,
        generator,
        squared_error,
        beta,
        learning_rate=0.02,
        rng=torch.Generator().manual_seed(0),
        decay_from=0.3,
    )
    batches = NormalBatches()
    for k in range(500):
        losses = step(batches, k / 500)
    assert set(losses) == {"reconstruction", "divergence"}
    square = VARIANCE - beta / 2
    assert generator.weight.square().item() == pytest.approx(square, rel=0.05)
    assert encoder.slope.item() == pytest.approx(square**0.5 / VARIANCE, rel=0.05)
    variance = encoder.log_variance.exp().item()
    assert variance == pytest.approx(beta / (beta + 2 * square), rel=0.05)


class Rows(nn.Module):
    """Images to rows and back, times a weight."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))

    def forward(self, x, conditions=None):
        return self.weight * (x.flatten(1) if x.ndim > 2 else x.view(-1, 1, 4, 3))


class RandomBatches:
    def __next__(self):
        images = torch.randn(8, 1, 4, 3, generator=torch.Generator().manual_seed(0))
        return Batch(images, torch.zeros(8, 0))


def rows_step(augment=None):
    return autoencoding_step(
        Rows(),
        Rows(),
        squared_error,
        None,
        learning_rate=1e-3,
        rng=torch.Generator().manual_seed(0),
        augment=augment,
    )


def test_reconstructions_are_compared_with_the_images_as_they_were_moved():
    seen = []
    symmetries = Symmetries(["translation", "reflection"])

    def augment(images, rng):
        seen.append((images, symmetries(images, rng)))
        return seen[-1][1]

    losses = rows_step(augment)(RandomBatches())
    assert not torch.equal(*seen[0])
    assert losses == {"reconstruction": torch.tensor(0.0)}


def test_without_a_weight_the_code_is_what_is_decoded():
    step = rows_step()
    step.modules["generator"].weight.data.fill_(3.0)
    loss = step(RandomBatches())["reconstruction"]
    images = next(RandomBatches()).images
    torch.testing.assert_close(loss, 4 * images.square().flatten(1).sum(dim=1).mean())
    assert all(module.weight.grad != 0 for module in step.modules.values())
