"""Plain convolutions of four voxels: encoder and generator of Cang et al. 2018.

Three stages, each a convolution that keeps the size and one that halves it, and a linear layer of
256 units. The generator is the mirror image: its first layer fills a coarse map of as many numbers
(more where the map has more voxels), three stages double it, and a last convolution gives the
channels. Rectifiers lie between the layers, and no normalisation.

At 128 x 128 and with ``width=32`` these are the published networks: 32, 32/2, 64, 64/2, 96, 96/2,
256 and 16 x 16 x 1, 96, 96 x 2, 64, 64 x 2, 32, 32 x 2. Other sizes keep the three stages, so that
filters reach as many voxels as there.
"""

import math

import torch
from torch import nn

from ._blocks import HalvingConv, LatentGenerator, RowLinear, coarse_shape, continued
from ._pyramid import DoublingConv

FACTORS = (1, 2, 3)
N_HIDDEN = 256
_CONVOLUTIONS = {2: nn.Conv2d, 3: nn.Conv3d}


class FullConv(nn.Module):
    """Convolution with kernels of four voxels that keeps the size.

    It reaches one voxel further ahead than back, or further back if ``mirrored``.
    """

    def __init__(self, ndim, n_in, n_out, periodic, mirrored=False, linear_gain=False):
        super().__init__()
        self.layer = _CONVOLUTIONS[ndim](n_in, n_out, 4)
        self.layer.linear_gain = linear_gain
        self.margins = (2, 1) if mirrored else (1, 2)
        self.ends = "wrap" if periodic else "zero"

    def forward(self, x):
        return self.layer(continued(x, *self.margins, self.ends))


class PlainEncoder(nn.Module):
    """Images to vectors; see :func:`plain_encoder`."""

    def __init__(self, n_channels, image_shape, n_outputs, width, periodic):
        super().__init__()
        ndim, layers, n_in = len(image_shape), [], n_channels
        for factor in FACTORS:
            n_out = factor * width
            layers += [FullConv(ndim, n_in, n_out, periodic), nn.ReLU()]
            layers += [HalvingConv(ndim, n_out, n_out, periodic), nn.ReLU()]
            n_in = n_out
        self.body = nn.Sequential(*layers)
        n_features = n_in * math.prod(coarse_shape(image_shape, len(FACTORS)))
        self.hidden = RowLinear(n_features, N_HIDDEN)
        self.head = RowLinear(N_HIDDEN, n_outputs)

    def forward(self, images):
        return self.head(self.hidden(self.body(images).flatten(1)).relu())


def plain_encoder(
    n_channels, image_shape, n_outputs: int, *, width: int = 32, periodic=False
) -> torch.nn.Module:
    """Return an encoder of plain convolutions for images of any size.

    Parameters
    ----------
    n_channels, image_shape : any
        As in :func:`residual_generator`.
    n_outputs : int
        Length of the vectors.
    width : int, default=32
        Channels of the finest maps; three times as many in the coarsest.
    periodic : any
        As in :func:`residual_generator`.

    Returns
    -------
    encoder : torch.nn.Module
        ``encoder(channels) -> vectors`` of shape (n, n_outputs).
    """
    return PlainEncoder(n_channels, tuple(image_shape), n_outputs, width, periodic)


def plain_generator(n_latent, whitening, n_channels, image_shape, *, width=32, periodic=False):
    """Return a generator of plain convolutions, which is also a decoder.

    Parameters
    ----------
    n_latent, whitening, n_channels, image_shape, width, periodic : any
        As in :func:`residual_generator`; widths are those of :func:`plain_encoder`.

    Returns
    -------
    generator : LatentGenerator
        ``generator(latents, conditions) -> channels``.
    """
    ndim, coarse = len(image_shape), coarse_shape(image_shape, len(FACTORS))
    n_in = max(1, N_HIDDEN // math.prod(coarse))
    start, layers = (n_in, *coarse), [nn.ReLU()]
    for factor in reversed(FACTORS):
        n_out = factor * width
        layers += [FullConv(ndim, n_in, n_out, periodic, mirrored=True), nn.ReLU()]
        layers += [DoublingConv(ndim, n_out, n_out, periodic), nn.ReLU()]
        n_in = n_out
    last = FullConv(ndim, n_in, n_channels, periodic, mirrored=True, linear_gain=True)
    body = nn.Sequential(*layers, last)
    return LatentGenerator(n_latent, len(whitening[0]), start, body, tuple(image_shape))
