"""Light networks that work mostly below full resolution.

Full-resolution convolutions dominate the cost of a residual network on a CPU. Here the
critic starts with space-to-depth and halves with strided 4^d convolutions; the
generator does its convolutions at up to a quarter of the resolution and reaches the
image by two depth-to-space steps (Shi et al. 2016). No normalisation in the critic,
because the gradient penalty needs independent images.
"""

import math

from torch import nn
from torch.nn import functional

from ._blocks import (
    LatentGenerator,
    batch_norm,
    coarse_shape,
    conv,
    depth_to_space,
    double,
    n_halvings,
    space_to_depth,
)


class _Double(nn.Module):
    def forward(self, x):
        return double(x)


class _DepthToSpace(nn.Module):
    def forward(self, x):
        return depth_to_space(x)


class _SpaceToDepth(nn.Module):
    def forward(self, x):
        return space_to_depth(x)


class _HalvingConv(nn.Module):
    """Strided convolution; odd sides are filled up first, so that sizes round up."""

    def __init__(self, ndim, n_in, n_out, periodic):
        super().__init__()
        self.conv = conv(ndim, n_in, n_out, 4, stride=2, periodic=periodic)

    def forward(self, x):
        filling = [amount for side in reversed(x.shape[2:]) for amount in (0, side % 2)]
        return self.conv(functional.pad(x, filling) if any(filling) else x)


def subpixel_generator(n_inputs, n_channels, image_shape, *, width=16, periodic=False):
    """Return the light generator for images of any size.

    Parameters
    ----------
    n_inputs : int
        Width of latent vector and conditions together.
    n_channels : int
        Channels of the images.
    image_shape : tuple of int
        Spatial shape, 2-D or 3-D.
    width : int, default=16
        Channels of the half-resolution map; coarser maps have 2 and 4 times as many.
    periodic : bool, default=False
        Wrap convolutions around the borders.

    Returns
    -------
    generator : LatentGenerator
        ``generator(latents, conditions) -> channels``.
    """
    ndim, n_blocks = len(image_shape), n_halvings(image_shape)
    blocks = 2**ndim

    def block(n_in, n_out):
        return [conv(ndim, n_in, n_out, periodic=periodic), batch_norm(ndim, n_out), nn.ReLU()]

    layers = []
    for _ in range(max(0, n_blocks - 2)):
        layers += [_Double(), *block(4 * width, 4 * width)]
    layers += block(4 * width, 2 * width)
    if n_blocks > 1:
        layers += block(2 * width, 2 * width)
        layers += [conv(ndim, 2 * width, blocks * width, periodic=periodic), _DepthToSpace()]
    else:
        layers += block(2 * width, width)
    layers += block(width, width)
    layers += [
        conv(ndim, width, blocks * n_channels, periodic=periodic, linear_gain=True),
        _DepthToSpace(),
    ]
    start = (4 * width, *coarse_shape(image_shape, n_blocks))
    return LatentGenerator(n_inputs, start, nn.Sequential(*layers), tuple(image_shape))


def strided_critic(n_channels, image_shape, *, width=16, periodic=False):
    """Return the light critic for images of any size.

    Parameters
    ----------
    n_channels : int
        Channels of the images.
    image_shape : tuple of int
        Spatial shape, 2-D or 3-D.
    width : int, default=16
        Channels after the first convolution; doubled at every halving up to four times.
    periodic : bool, default=False
        Wrap convolutions around the borders.

    Returns
    -------
    critic : torch.nn.Module
        ``critic(channels) -> scores`` of shape (n,).
    """
    ndim, n_blocks = len(image_shape), n_halvings(image_shape)
    layers = [_SpaceToDepth(), conv(ndim, n_channels * 2**ndim, width, periodic=periodic)]
    layers += [nn.LeakyReLU(0.2)]
    n_in, shape = width, coarse_shape(image_shape, 1)
    for k in range(n_blocks - 1):
        n_out = width * min(2 ** (k + 1), 4)
        layers += [_HalvingConv(ndim, n_in, n_out, periodic), nn.LeakyReLU(0.2)]
        n_in, shape = n_out, coarse_shape(shape, 1)
    layers += [nn.Flatten(), nn.Linear(n_in * math.prod(shape), 1), nn.Flatten(0)]
    return nn.Sequential(*layers)
