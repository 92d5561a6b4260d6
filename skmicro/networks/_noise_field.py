"""Generator from a field of noise (Singh et al. 2018, Sec. 3.3.1).

A field of uniform noise in [-1, 1], as large as the image, passes two blocks of
convolution (4 x 4; 32 and 16 filters), max-pooling (4 x 4, stride 2) and batch
normalisation, a transposed convolution (16 filters, stride 2; here in its sub-pixel
form, Shi et al. 2016), a linear layer whose outputs fill a map of twice the image's
sides (128 x 128 at 64 x 64), batch normalisation, a last block of convolution (32
filters) and max-pooling, and a convolution to the channels of the image. The text
leaves strides and sizes open; these are the ones that make its numbers agree. The
linear layer joins all voxels with all others: at 64 x 64 it has 268 million weights.

Latents are standard normal as everywhere in the library, z -> erf(z / sqrt 2) makes
them uniform.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from ._blocks import (
    RowLinear,
    batch_norm,
    coarse_shape,
    conv,
    crop,
    depth_to_space,
    in_registers,
    probabilities,
)

_MAX_POOLS = {2: functional.max_pool2d, 3: functional.max_pool3d}


class PooledConv(nn.Module):
    """Convolution 4 x 4, ReLU, max-pooling 4 x 4 with stride 2; odd sides round up."""

    def __init__(self, ndim, n_in, n_out):
        super().__init__()
        self.conv = conv(ndim, n_in, n_out, 4)

    def forward(self, x):
        x = torch.relu(self.conv(functional.pad(x, _one_after(x.shape[2:]))))
        filling = [amount for side in reversed(x.shape[2:]) for amount in (0, side % 2)]
        return _MAX_POOLS[x.ndim - 2](functional.pad(x, filling), 4, 2, padding=1)


class FieldGenerator(nn.Module):
    """Generator of :func:`field_generator`."""

    def __init__(self, n_fields, n_channels, image_shape, width):
        super().__init__()
        ndim, half = len(image_shape), max(1, width // 2)
        self.field = (n_fields, *image_shape)
        self.n_latent = math.prod(self.field)
        self.image_shape = image_shape
        self.block1 = PooledConv(ndim, n_fields, width)
        self.norm1 = batch_norm(ndim, width)
        self.block2 = PooledConv(ndim, width, half)
        self.norm2 = batch_norm(ndim, half)
        self.spread = conv(ndim, half, half * 2**ndim)
        coarse = [2 * side for side in coarse_shape(image_shape, 2)]
        self.map = tuple(2 * side for side in image_shape)
        self.linear = RowLinear(half * math.prod(coarse), math.prod(self.map))
        self.norm3 = batch_norm(ndim, 1)
        self.block3 = PooledConv(ndim, 1, width)
        self.head = conv(ndim, width, n_channels, linear_gain=True)

    def forward(self, latents, conditions):
        noise = in_registers(torch.erf, latents / math.sqrt(2.0)).view(-1, *self.field)
        x = self.norm2(self.block2(self.norm1(self.block1(noise))))
        features = torch.relu(depth_to_space(self.spread(x))).flatten(1)
        x = self.linear(features).view(-1, 1, *self.map)
        x = self.head(self.block3(self.norm3(x)))
        return probabilities(crop(x, self.image_shape))


def field_generator(
    n_latent: int,
    whitening: tuple,
    n_channels,
    image_shape,
    *,
    width: int = 32,
    periodic: bool = False,
):
    """Return the paper's generator from a field of noise, for images of any size.

    Parameters
    ----------
    n_latent : int
        Noise numbers per voxel.
    whitening : tuple of (list of float, list of list of float)
        Ignored: this network has no conditions.
    n_channels, image_shape : any
        As in :func:`residual_generator`.
    width : int, default=32
        Filters of the first and the last block; the second has half as many.
    periodic : bool, default=False
        Ignored: the linear layer joins all voxels, those of opposite borders as well.

    Returns
    -------
    generator : FieldGenerator
        ``generator(latents, conditions) -> channels``.
    """
    return FieldGenerator(n_latent, n_channels, tuple(image_shape), width)


def _one_after(shape):
    return [0, 1] * len(shape)
