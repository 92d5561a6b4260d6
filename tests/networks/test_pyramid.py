"""Pyramids: the papers' parameter counts, any size, periodicity, independence of rows."""

import math

import pytest
import torch
from torch import nn

from skmicro.networks import build, pyramid_critic, pyramid_encoder, pyramid_generator
from skmicro.networks._pyramid import DoublingConv

NOTHING = ([], [])
SIZES = [(1, 1), (1, 9), (7, 7), (16, 16), (33, 20), (4, 6, 5), (16, 16, 16)]


def random_tensor(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def built(factory):
    return build(factory, torch.Generator().manual_seed(0))


def n_weights(factory):
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in factory().parameters())


def layer(n_in, n_out, normalised=True):
    """Weights and biases of a kernel of 4 x 4, scale and shift of a normalisation."""
    return 16 * n_in * n_out + n_out + 2 * n_out * normalised


# Rows of Tables 2 and 3 of Zhang et al. 2023; encoder outputs and scores have no normalisation,
# and the first bias of the generator is that of its normalisation.
TABLE_2 = {
    "encoder": layer(1, 16, False) + layer(16, 32) + layer(32, 64) + layer(64, 10, False),
    "generator": layer(5, 64) - 64 + layer(64, 32) + layer(32, 16) + layer(16, 1, False),
    "critic": layer(1, 8, False) + layer(8, 16) + layer(16, 32) + layer(32, 1, False),
}
TABLE_3 = {
    "encoder": layer(1, 16, False)
    + layer(16, 16)
    + layer(16, 32)
    + layer(32, 64)
    + layer(64, 64, False),
    "generator": layer(32, 64)
    - 64
    + layer(64, 32)
    + layer(32, 32)
    + layer(32, 16)
    + layer(16, 1, False),
    "critic": layer(1, 4, False) + layer(4, 8) + layer(8, 16) + layer(16, 32) + layer(32, 1, False),
}


@pytest.mark.parametrize(
    ("side", "n_latent", "table"), [(32, 5, TABLE_2), (64, 32, TABLE_3)], ids=["2", "3"]
)
def test_tables_of_the_paper(side, n_latent, table):
    shape = (side, side)
    assert n_weights(lambda: pyramid_encoder(1, shape, 2 * n_latent)) == table["encoder"]
    assert n_weights(lambda: pyramid_generator(n_latent, NOTHING, 1, shape)) == table["generator"]
    assert n_weights(lambda: pyramid_critic(1, shape)) == table["critic"]


def test_the_tables_were_counted_right():
    assert TABLE_3["encoder"] == 272 + 4144 + 8288 + 32960 + 65600
    assert TABLE_2["critic"] == 136 + 2096 + 8288 + 513


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("periodic", [False, True])
def test_any_size(shape, periodic):
    settings = {"width": 4, "periodic": periodic}
    encoder = built(lambda: pyramid_encoder(2, shape, 6, **settings))
    generator = built(lambda: pyramid_generator(3, NOTHING, 2, shape, **settings))
    critic = built(lambda: pyramid_critic(2, shape, **settings))
    images = generator(random_tensor(4, 3), torch.zeros(4, 0))
    torch.testing.assert_close(images.sum(dim=1), torch.ones(4, *shape))
    codes = encoder(images)
    scores = critic(images)
    assert codes.shape == (4, 6)
    assert scores.shape == (4,)
    networks = {"encoder": encoder, "generator": generator, "critic": critic}
    (codes.square().sum() + scores.square().sum()).backward()
    for name, network in networks.items():
        assert all(p.grad is not None for p in network.parameters()), name


@pytest.mark.parametrize("side", [16, 32, 64, 128, 256])
def test_every_voxel_of_powers_of_two_reaches_the_code(side):
    encoder = built(lambda: pyramid_encoder(1, (side, side), 3, width=2)).eval()
    image = random_tensor(1, 1, side, side).requires_grad_(True)
    encoder(image).square().sum().backward()
    assert (image.grad != 0).all()
    generator = built(lambda: pyramid_generator(3, NOTHING, 1, (side, side), width=2)).eval()
    images = generator(random_tensor(2, 3), torch.zeros(2, 0))
    assert images.shape == (2, 1, side, side)
    assert ((images[0] - images[1]).abs() > 0).float().mean() > 0.99


@pytest.mark.parametrize("shape", [(3, 5), (2, 3, 4)])
def test_periodic_doubling_commutes_with_rolls(shape):
    ndim = len(shape)
    doubling = built(lambda: DoublingConv(ndim, 2, 3, periodic=True))
    x = random_tensor(2, 2, *shape)
    axes = tuple(range(2, 2 + ndim))
    moved = doubling(x.roll((1,) * ndim, axes))
    torch.testing.assert_close(moved, doubling(x).roll((2,) * ndim, axes))
    plain = built(lambda: DoublingConv(ndim, 2, 3, periodic=False))
    inner = (..., *(slice(1, -1) for _ in shape))
    torch.testing.assert_close(plain(x)[inner], doubling(x)[inner])
    assert not torch.allclose(plain(x), doubling(x))


def test_critics_under_a_penalty_have_no_normalisation():
    critic = built(lambda: pyramid_critic(1, (64, 64), width=8, normalised=False))
    assert not [m for m in critic.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]
    images = random_tensor(3, 1, 64, 64)
    torch.testing.assert_close(critic(images)[:1], critic(images[:1]))


def test_layers_at_the_ends_see_no_batch_and_those_between_do():
    encoder = built(lambda: pyramid_encoder(1, (32, 32), 4, width=4))
    kinds = [type(module) for module in encoder.body]
    assert kinds.count(nn.BatchNorm2d) == 2
    assert kinds[1] is nn.LeakyReLU
    generator = built(lambda: pyramid_generator(3, NOTHING, 1, (32, 32), width=4))
    assert [type(m) for m in generator.body].count(nn.BatchNorm2d) == 3
    assert isinstance(generator.body[-1], DoublingConv)


def test_rows_do_not_depend_on_their_place():
    encoder = built(lambda: pyramid_encoder(2, (33, 20), 6, width=4)).eval()
    generator = built(lambda: pyramid_generator(3, NOTHING, 2, (33, 20), width=4)).eval()
    with torch.no_grad():
        latents = random_tensor(17, 3)
        images = generator(latents, torch.zeros(17, 0))
        assert torch.equal(generator(latents.flip(0), torch.zeros(17, 0)), images.flip(0))
        assert torch.equal(encoder(images.flip(0)), encoder(images).flip(0))


def test_features_keep_their_size_through_the_generator():
    generator = built(lambda: pyramid_generator(32, NOTHING, 2, (64, 64), width=16))
    images = generator(random_tensor(64, 32), torch.zeros(64, 0))
    assert 0.05 < images[:, 1].std() < 0.4
    assert math.isclose(images[:, 1].mean().item(), 0.5, abs_tol=0.05)
