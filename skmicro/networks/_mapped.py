"""Generator with a mapping network and transposed convolutions, of the 3-D WGAN.

A mapping network of eight linear layers turns the latent vector z into w, which fills a map of two
voxels a side. Every block doubles the map, and adds w again, spread over the voxels two, four,
eight apart that it started from:

    x -> leaky(up3(x)) + up1(w),

where up3 is a transposed convolution with kernels of three voxels and stride 2, and up1 one with
kernels of one voxel and the stride that leads from w to the size of the block. A last transposed
convolution doubles the size once more and gives one channel, whose hyperbolic tangent lies between
the smallest and the largest value of a voxel. Two phases are one channel as well, the probability
of the second; of more phases each has its own. Widths halve from block to block.
"""

import math
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from ._blocks import (
    RowLinear,
    coarse_shape,
    continued,
    crop,
    n_halvings,
    orthogonal,
    probabilities,
)
from ._mixed import MixedNetwork

N_MAPPING = 8
SLOPE = 0.2
_TRANSPOSED = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


class DoublingTransposed(nn.Module):
    """Transposed convolution with kernels of three voxels that doubles the size."""

    def __init__(self, ndim, n_in, n_out, periodic):
        super().__init__()
        self.layer = _TRANSPOSED[ndim](n_in, n_out, 3, stride=2, padding=1)
        self.ends = "wrap" if periodic else "zero"

    def forward(self, x):
        doubled = [2 * side for side in x.shape[2:]]
        return crop(self.layer(continued(x, 0, 1, self.ends)), doubled)


class MappedBlock(nn.Module):
    """Doubled map, with w added where its voxels come to lie."""

    def __init__(self, ndim, n_in, n_out, n_start, stride, periodic):
        super().__init__()
        self.up = DoublingTransposed(ndim, n_in, n_out, periodic)
        spread = {"stride": stride, "output_padding": stride - 1}
        self.again = _TRANSPOSED[ndim](n_start, n_out, 1, **spread)

    def forward(self, x, w):
        return functional.leaky_relu(self.up(x), SLOPE) + self.again(w)


class MappedGenerator(MixedNetwork):
    """Latents and conditions to images; see :func:`mapped_generator`."""

    def __init__(self, n_latent, n_conditions, n_channels, image_shape, width, periodic):
        super().__init__()
        ndim, n_blocks = len(image_shape), n_halvings(image_shape)
        self.n_latent = n_latent
        self.image_shape = image_shape
        self.n_channels = n_channels
        widths = [width * 2**k for k in range(n_blocks, -1, -1)]
        self.start = (widths[0], *coarse_shape(image_shape, n_blocks + 1))
        sizes = [n_latent + n_conditions] + [n_latent] * N_MAPPING
        layers = [
            nn.Sequential(RowLinear(n_in, n_out), nn.LeakyReLU(SLOPE))
            for n_in, n_out in pairwise(sizes)
        ]
        self.mapping = nn.Sequential(*layers)
        self.stem = RowLinear(n_latent, math.prod(self.start))
        self.blocks = nn.ModuleList(
            MappedBlock(ndim, n_in, n_out, widths[0], 2 ** (k + 1), periodic)
            for k, (n_in, n_out) in enumerate(pairwise(widths))
        )
        n_outputs = n_channels if n_channels > 2 else 1
        self.head = DoublingTransposed(ndim, width, n_outputs, periodic)

    def forward(self, latents, conditions):
        mapped = self.mapping(torch.hstack([latents, conditions]))
        x = w = self.stem(mapped).view(-1, *self.start)
        with self.convolving(w):
            for block in self.blocks:
                x = block(x, w)
            x = self.head(x)
        x = crop(x, self.image_shape).to(w.dtype)
        if x.shape[1] > 1:
            return probabilities(x)
        level = probabilities(2.0 * x)  # the hyperbolic tangent of x, moved to [0, 1]
        return level if self.n_channels == 1 else torch.hstack([1.0 - level, level])


def mapped_generator(
    n_latent, whitening, n_channels, image_shape, *, width: int = 32, periodic: bool = False
):
    """Return a generator with a mapping network, for images of any size.

    Parameters
    ----------
    n_latent, whitening, n_channels, image_shape : any
        As in :func:`residual_generator`.
    width : int, default=32
        Channels of the last block; twice as many for each block before it.
    periodic : bool, default=False
        As in :func:`residual_generator`.

    Returns
    -------
    generator : MappedGenerator
        ``generator(latents, conditions) -> channels``; its ``mapping`` is the network from z to w.
    """
    sizes = (n_latent, len(whitening[0]), n_channels, tuple(image_shape))
    return orthogonal(MappedGenerator(*sizes, width, periodic))
