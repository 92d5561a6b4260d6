"""Pyramids of strided convolutions: encoder, generator and critic of latent models.

Convolutions with kernels of four voxels and stride two halve an image until it is about four
voxels wide; a linear layer over all that is left (a convolution without padding) gives a code or a
score. The generator is the mirror image, with transposed convolutions. Leaky rectifiers and batch
normalisation lie between the layers, no normalisation in the first layer of a pyramid that leads
down, nor in any last layer: codes, scores and images are not compared with others of their batch.

Widths are those of Zhang et al. 2023 ("DA-VEGAN"), Tables 2 (32 x 32) and 3 (64 x 64), from which
other sizes follow: the coarsest maps are given, larger images add finer ones.

=========  =========================  ==========================  =================
           finest map to coarsest     32 x 32                     64 x 64
=========  =========================  ==========================  =================
encoder    w, ..., w, 2 w, 4 w        16, 32, 64                  16, 16, 32, 64
generator  w, 2 w, ..., 2 w, 4 w      16, 32, 64                  16, 32, 32, 64
critic     w/4, ..., w/4, w/2, w, 2w  8, 16, 32                   4, 8, 16, 32
=========  =========================  ==========================  =================
"""

import math
from itertools import pairwise

import torch
from torch import nn

from ._blocks import (
    HalvingConv,
    LatentGenerator,
    RowLinear,
    batch_norm,
    circular_pad,
    coarse_shape,
    n_halvings,
)

SLOPE = 0.2
_TRANSPOSED = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


class DoublingConv(nn.Module):
    """Transposed convolution to twice the size, kernel 4 and stride 2."""

    def __init__(self, ndim, n_in, n_out, periodic, linear_gain=False):
        super().__init__()
        self.wrap = periodic
        self.layer = _TRANSPOSED[ndim](n_in, n_out, 4, 2, 1)
        self.layer.linear_gain = linear_gain

    def forward(self, x):
        if not self.wrap:
            return self.layer(x)
        inner = (slice(2, -2) for _ in x.shape[2:])
        return self.layer(circular_pad(x))[(..., *inner)]


class PyramidEncoder(nn.Module):
    """Images to vectors; see :func:`pyramid_encoder`."""

    def __init__(self, n_channels, image_shape, n_outputs, widths, periodic, normalised=True):
        super().__init__()
        ndim = len(image_shape)
        layers = []
        for k, (n_in, n_out) in enumerate(pairwise([n_channels, *widths])):
            norm = [batch_norm(ndim, n_out)] if normalised and k > 0 else []
            layers += [HalvingConv(ndim, n_in, n_out, periodic), *norm, nn.LeakyReLU(SLOPE)]
        self.body = nn.Sequential(*layers)
        n_features = widths[-1] * math.prod(coarse_shape(image_shape, len(widths)))
        self.head = RowLinear(n_features, n_outputs)

    def forward(self, images):
        return self.head(self.body(images).flatten(1))


class PyramidCritic(PyramidEncoder):
    """Images to one score each; see :func:`pyramid_critic`."""

    def forward(self, images):
        return super().forward(images).squeeze(1)


class PyramidGenerator(LatentGenerator):
    """Latents to images; the normalisation after the first layer has the shift of a bias."""

    def __init__(self, n_latent, n_conditions, start, body, image_shape):
        super().__init__(n_latent, n_conditions, start, body, image_shape)
        self.stem = RowLinear(n_latent + n_conditions, math.prod(start), bias=False)


def pyramid_encoder(
    n_channels, image_shape, n_outputs: int, *, width: int = 16, periodic=False
) -> torch.nn.Module:
    """Return an encoder for images of any size.

    Parameters
    ----------
    n_channels, image_shape : any
        As in :func:`residual_generator`.
    n_outputs : int
        Length of the vectors.
    width : int, default=16
        Channels of the finest map; four times as many in the coarsest.
    periodic : any
        As in :func:`residual_generator`.

    Returns
    -------
    encoder : torch.nn.Module
        ``encoder(channels) -> vectors`` of shape (n, n_outputs).
    """
    n_levels = n_halvings(image_shape)
    widths = [width] * (n_levels - 2) + [2 * width, 4 * width][-n_levels:]
    return PyramidEncoder(n_channels, tuple(image_shape), n_outputs, widths, periodic)


def pyramid_critic(
    n_channels, image_shape, *, width: int = 16, periodic=False, normalised: bool = True
) -> torch.nn.Module:
    """Return a critic for images of any size.

    Parameters
    ----------
    n_channels, image_shape : any
        As in :func:`residual_generator`.
    width : int, default=16
        Half the channels of the coarsest map.
    periodic : any
        As in :func:`residual_generator`.
    normalised : bool, default=True
        Normalise batches; not for critics under a gradient penalty.

    Returns
    -------
    critic : torch.nn.Module
        ``critic(channels) -> scores`` of shape (n,).
    """
    n_levels = n_halvings(image_shape)
    factors = [8] * (n_levels - 4) + [8, 4, 2, 1][-n_levels:]
    widths = [max(1, 2 * width // factor) for factor in factors]
    return PyramidCritic(n_channels, tuple(image_shape), 1, widths, periodic, normalised)


def pyramid_generator(n_latent, whitening, n_channels, image_shape, *, width=16, periodic=False):
    """Return a generator for images of any size, which is also a decoder.

    Parameters
    ----------
    n_latent, whitening, n_channels, image_shape, width, periodic : any
        As in :func:`residual_generator`; widths are those of :func:`pyramid_encoder`.

    Returns
    -------
    generator : LatentGenerator
        ``generator(latents, conditions) -> channels``.
    """
    ndim, n_levels = len(image_shape), n_halvings(image_shape)
    widths = [4 * width] + [2 * width] * (n_levels - 2) + [width] * (n_levels > 1)
    layers = [batch_norm(ndim, widths[0]), nn.LeakyReLU(SLOPE)]
    for n_in, n_out in pairwise(widths):
        doubling = DoublingConv(ndim, n_in, n_out, periodic)
        layers += [doubling, batch_norm(ndim, n_out), nn.LeakyReLU(SLOPE)]
    last = DoublingConv(ndim, widths[-1], n_channels, periodic, linear_gain=True)
    start = (widths[0], *coarse_shape(image_shape, n_levels))
    body = nn.Sequential(*layers, last)
    return PyramidGenerator(n_latent, len(whitening[0]), start, body, tuple(image_shape))
