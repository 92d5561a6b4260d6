"""Residual generator and critic of the WGAN-GP and InvNet papers.

Generator: a linear layer to a coarse map of about 4 voxels a side, one residual block
for each doubling,

    x -> up(conv1(x)) + conv3(relu(bn(conv3(up(relu(bn(x))))))),

then BN, ReLU and a convolution to the image's channels. Critic: a convolution, one
block for each halving with layer normalisation and mean pooling, a linear layer. At 64
x 64 the widths are 512-512-256-128-64 and 64-128-256-512-512 for ``width=64``; larger
images add blocks at the full-resolution (generator) or coarse (critic) end. Layer
normalisation is over channels and voxels with one gain per channel, so that it does
not depend on the image size (Gulrajani et al. 2017; Joshi et al. 2020, appendix).
"""

import math
from itertools import pairwise

import torch
from torch import nn

from ._blocks import LatentGenerator, batch_norm, coarse_shape, conv, double, halve, n_halvings


class ResidualUp(nn.Module):
    """Pre-activation residual block that doubles the size."""

    def __init__(self, ndim, n_in, n_out, periodic):
        super().__init__()
        self.shortcut = conv(ndim, n_in, n_out, 1, linear_gain=True)
        self.norm1 = batch_norm(ndim, n_in)
        self.conv1 = conv(ndim, n_in, n_out, periodic=periodic)
        self.norm2 = batch_norm(ndim, n_out)
        self.conv2 = conv(ndim, n_out, n_out, periodic=periodic)

    def forward(self, x):
        y = self.conv1(double(torch.relu(self.norm1(x))))
        return double(self.shortcut(x)) + self.conv2(torch.relu(self.norm2(y)))


class ResidualDown(nn.Module):
    """Pre-activation residual block that halves the size."""

    def __init__(self, ndim, n_in, n_out, periodic):
        super().__init__()
        self.shortcut = conv(ndim, n_in, n_out, 1, linear_gain=True)
        self.norm1 = nn.GroupNorm(1, n_in)
        self.conv1 = conv(ndim, n_in, n_in, periodic=periodic)
        self.norm2 = nn.GroupNorm(1, n_in)
        self.conv2 = conv(ndim, n_in, n_out, periodic=periodic)

    def forward(self, x):
        y = self.conv1(torch.relu(self.norm1(x)))
        return self.shortcut(halve(x)) + halve(self.conv2(torch.relu(self.norm2(y))))


def residual_generator(
    n_latent: int,
    whitening: tuple,
    n_channels: int,
    image_shape: tuple[int, ...],
    *,
    width: int = 64,
    periodic: bool = False,
):
    """Return the residual generator for images of any size.

    Parameters
    ----------
    n_latent : int
        Width of the latent vector.
    whitening : tuple of (list of float, list of list of float)
        Mean and matrix by which a network may whiten conditions, empty lists without. This one
        and the pyramid join conditions to the latent vector as they are.
    n_channels : int
        Channels of the images.
    image_shape : tuple of int
        Spatial shape, 2-D or 3-D.
    width : int, default=64
        Channels at full resolution; the papers' value is the default.
    periodic : bool, default=False
        Wrap convolutions around the borders.

    Returns
    -------
    generator : LatentGenerator
        ``generator(latents, conditions) -> channels``.
    """
    ndim, n_blocks = len(image_shape), n_halvings(image_shape)
    outputs = [8, 4, 2, 1][-n_blocks:] + [1] * (n_blocks - 4)
    widths = [width * outputs[0], *(width * factor for factor in outputs)]
    blocks = [ResidualUp(ndim, n_in, n_out, periodic) for n_in, n_out in pairwise(widths)]
    head = [
        batch_norm(ndim, width),
        nn.ReLU(),
        conv(ndim, width, n_channels, periodic=periodic, linear_gain=True),
    ]
    start = (widths[0], *coarse_shape(image_shape, n_blocks))
    body = nn.Sequential(*blocks, *head)
    return LatentGenerator(n_latent, len(whitening[0]), start, body, tuple(image_shape))


class ResidualCritic(nn.Module):
    """Residual blocks with mean pooling, then one score per image."""

    def __init__(self, n_channels, image_shape, width, periodic, n_attributes):
        super().__init__()
        ndim, n_blocks = len(image_shape), n_halvings(image_shape)
        widths = [width * min(2**k, 8) for k in range(n_blocks + 1)]
        self.stem = conv(ndim, n_channels, width, periodic=periodic, linear_gain=True)
        self.blocks = nn.Sequential(
            *(ResidualDown(ndim, n_in, n_out, periodic) for n_in, n_out in pairwise(widths))
        )
        n_features = widths[-1] * math.prod(coarse_shape(image_shape, n_blocks))
        self.head = nn.Linear(n_features, 1)
        self.attribute_head = nn.Linear(n_features, n_attributes) if n_attributes else None

    def forward(self, images):
        return self.head(self.blocks(self.stem(images)).flatten(1)).squeeze(1)

    def attributes(self, images):
        """Return the critic's prediction of attributes, (n, n_attributes)."""
        return self.attribute_head(self.blocks(self.stem(images)).flatten(1))


def residual_critic(
    n_channels, image_shape, *, width=64, periodic=False, n_attributes: int = 0
) -> torch.nn.Module:
    """Return the residual critic for images of any size.

    Parameters
    ----------
    n_channels, image_shape, width, periodic : any
        As in :func:`residual_generator`.
    n_attributes : int, default=0
        Numbers that ``critic.attributes(channels)`` predicts for each image.

    Returns
    -------
    critic : torch.nn.Module
        ``critic(channels) -> scores`` of shape (n,).
    """
    return ResidualCritic(n_channels, tuple(image_shape), width, periodic, n_attributes)
