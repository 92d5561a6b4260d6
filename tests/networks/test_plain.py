"""Plain convolutions: the paper's layers at 128 x 128, any size, periodicity."""

import math

import pytest
import torch
from torch import nn

from skmicro.networks import build, plain_encoder, plain_generator
from skmicro.networks._blocks import continued

NOTHING = ([], [])
SIZES = [(1, 1), (1, 9), (7, 7), (33, 20), (4, 6, 5), (8, 8, 8)]


def random_tensor(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def built(factory):
    return build(factory, torch.Generator().manual_seed(0))


def on_meta(factory):
    with torch.device("meta"):
        return factory()


def layers_of(network):
    """Channels, kernel and stride of every convolution, and sizes of linear layers."""
    for layer in network.modules():
        if isinstance(layer, nn.Linear):
            yield layer.in_features, layer.out_features
        elif hasattr(layer, "kernel_size"):
            yield layer.in_channels, layer.out_channels, layer.kernel_size[0], layer.stride[0]


def test_layers_of_the_paper():
    """Cang et al. 2018: convolutions of 4 x 4 and 256 units, from 128 x 128 to 16 and back."""
    encoder = on_meta(lambda: plain_encoder(1, (128, 128), 2 * 16))
    widths = [(1, 32), (32, 32), (32, 64), (64, 64), (64, 96), (96, 96)]
    convolutions = [(*pair, 4, 1 + k % 2) for k, pair in enumerate(widths)]
    assert list(layers_of(encoder)) == [*convolutions, (96 * 16 * 16, 256), (256, 32)]
    generator = on_meta(lambda: plain_generator(16, NOTHING, 1, (128, 128)))
    widths = [(1, 96), (96, 96), (96, 64), (64, 64), (64, 32), (32, 32), (32, 1)]
    convolutions = [(*pair, 4, 1 + k % 2) for k, pair in enumerate(widths)]
    assert sorted(layers_of(generator)) == sorted([*convolutions, (16, 256)])
    assert generator.start == (1, 16, 16)


@pytest.mark.parametrize("side", [32, 64, 128, 256])
def test_powers_of_two(side):
    generator = on_meta(lambda: plain_generator(16, NOTHING, 2, (side, side)))
    assert math.prod(generator.start) == max(256, (side // 8) ** 2)
    encoder = on_meta(lambda: plain_encoder(2, (side, side), 32))
    latents, conditions = torch.zeros(3, 16, device="meta"), torch.zeros(3, 0, device="meta")
    images = generator(latents, conditions)
    assert images.shape == (3, 2, side, side)
    assert encoder(images).shape == (3, 32)


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("periodic", [False, True])
def test_any_size(shape, periodic):
    settings = {"width": 4, "periodic": periodic}
    generator = built(lambda: plain_generator(3, ([0.0], [[1.0]]), 3, shape, **settings)).eval()
    encoder = built(lambda: plain_encoder(3, shape, 5, **settings)).eval()
    images = generator(random_tensor(4, 3), random_tensor(4, 1, seed=1))
    assert images.shape == (4, 3, *shape)
    torch.testing.assert_close(images.sum(dim=1), torch.ones(4, *shape))
    codes = encoder(images)
    assert codes.shape == (4, 5)
    assert torch.equal(encoder(images[2:3]), codes[2:3])


@pytest.mark.parametrize("shape", [(16, 8), (8, 8, 16)])
def test_periodic_networks_move_with_their_maps(shape):
    """The generator's body moves images by eight voxels when its coarse map moves by one."""
    make = {p: (lambda p=p: plain_generator(3, NOTHING, 2, shape, width=4, periodic=p)) for p in
            (False, True)}  # fmt: skip
    axes = tuple(range(2, 2 + len(shape)))
    for periodic, factory in make.items():
        generator = built(factory)
        start = random_tensor(1, *generator.start)
        body, steps = generator.body, [1] * len(shape)
        moved = body(start.roll(steps, axes))
        expected = body(start).roll([8 * step for step in steps], axes)
        assert torch.allclose(moved, expected, atol=1e-4) == periodic


@pytest.mark.parametrize("shape", [(5, 4), (3, 2, 4), (1, 3)])
def test_continuation_beyond_the_borders(shape):
    x = random_tensor(2, 3, *shape)
    places = [torch.arange(-2, side + 3) for side in shape]
    for ends, index in (
        ("wrap", [p % side for p, side in zip(places, shape, strict=True)]),
        ("edge", [p.clamp(0, side - 1) for p, side in zip(places, shape, strict=True)]),
    ):
        expected = x[(slice(None), slice(None), *torch.meshgrid(*index, indexing="ij"))]
        assert torch.equal(continued(x, 2, 3, ends), expected)
    zeros = continued(x, 2, 3, "zero")
    assert zeros.shape == expected.shape
    assert zeros.sum() == pytest.approx(x.sum().item(), abs=1e-4)
