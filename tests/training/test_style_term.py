"""The term of style: which images are compared, and with what weights."""

import pytest
import torch
from torch import nn

from skmicro.losses import gram_matrices, mode_collapse_loss, squared_error, style_loss
from skmicro.training import Batch, autoencoding_step, style_term


class Pairs(nn.Module):
    """Two maps of an image: itself, and its square at every second voxel."""

    def forward(self, images):
        return [images, images[..., ::2].square()]


class Painter(nn.Module):
    """Latents (n, 12) times a weight, as images of two channels."""

    n_latent = 12

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))
        self.seen = []

    def forward(self, latents, conditions):
        self.seen.append(latents)
        return (self.weight * latents).view(-1, 2, 2, 3)


class Reader(nn.Module):
    """Means that are the voxels, with a small variance."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(1.0))

    def forward(self, images):
        mean = self.weight * images.flatten(1)
        return torch.hstack([mean, -4.0 + 0.0 * mean])


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def random_tensor(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed))


def both(decoded, images):
    """Style and collapse, from the losses themselves."""
    maps = Pairs()(decoded)
    matrices, targets = gram_matrices(maps), gram_matrices(Pairs()(images))
    positions = [x[0, 0].numel() for x in maps]
    return style_loss(matrices, targets, positions), mode_collapse_loss(matrices)


def test_own_pairs_are_an_image_and_what_was_decoded_for_it():
    networks = {"generator": Painter()}
    batch = Batch(random_tensor(5, 2, 2, 3), torch.zeros(5, 0))
    decoded = random_tensor(5, 2, 2, 3, seed=1)
    loss, losses = style_term(
        networks, batch, decoded, generator(), style=Pairs(), weights=(3.0, 0.5), own=True
    )
    style, collapse = both(decoded, batch.images)
    assert networks["generator"].seen == []
    torch.testing.assert_close(losses, {"style": style, "collapse": collapse})
    torch.testing.assert_close(loss, 3.0 * style + 0.5 * collapse)


def test_random_pairs_are_an_image_and_one_of_a_latent_of_the_prior():
    networks = {"generator": Painter()}
    batch = Batch(random_tensor(5, 2, 2, 3), torch.zeros(5, 0))
    _, losses = style_term(
        networks, batch, batch.images, generator(), style=Pairs(), weights=(1.0, 1.0), own=False
    )
    (latents,) = networks["generator"].seen
    torch.testing.assert_close(latents, random_tensor(5, 12))
    style, collapse = both(2.0 * latents.view(-1, 2, 2, 3), batch.images)
    torch.testing.assert_close(losses, {"style": style, "collapse": collapse})


class Same:
    def __next__(self):
        return Batch(random_tensor(6, 2, 2, 3), torch.zeros(6, 0))


@pytest.mark.parametrize("own", [True, False])
def test_gradients_reach_both_networks_through_what_was_decoded(own):
    """Own pairs teach the encoder as well; of latents of the prior it knows nothing."""

    def term(*parts):
        return style_term(*parts, style=Pairs(), weights=(1.0, 0.0), own=own)

    networks = {"encoder": Reader(), "generator": Painter()}
    settings = {"learning_rate": 1e-3, "rng": generator(), "reconstruction_weight": 0.0}
    step = autoencoding_step(*networks.values(), squared_error, 0.0, terms=[term], **settings)
    losses = step(Same())
    assert set(losses) == {"reconstruction", "divergence", "style", "collapse"}
    assert networks["generator"].weight.grad != 0
    assert (networks["encoder"].weight.grad != 0) == own
