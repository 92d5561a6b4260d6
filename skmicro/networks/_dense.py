"""Dense networks: the light ones for images whose objects have places.

The light generator makes statistically homogeneous images: nothing in it knows where a
voxel lies, so that no condition can say where an object is to be. Here three linear
layers take latents and conditions to the coarse map, and the critic ends in a linear layer
over the whole coarse map; stages and resolution are those of the light networks, with
zero padding where the images are not periodic.
"""

import math

import torch
from torch import nn

from ._blocks import RowLinear, coarse_shape, conv, crop, n_halvings, probabilities, whitened
from ._light import LightCritic, Stage, refine, smooth, stage_plan


class DenseGenerator(nn.Module):
    """Generator of :func:`dense_generator`."""

    def __init__(self, n_latent, whitening, n_channels, image_shape, width, periodic):
        super().__init__()
        ndim, n_blocks = len(image_shape), n_halvings(image_shape)
        self.whitening = whitening
        self.n_latent = n_latent
        self.start = (4 * width, *coarse_shape(image_shape, n_blocks))
        self.image_shape = image_shape
        n_hidden = 8 * width
        self.stem = nn.Sequential(
            RowLinear(n_latent + len(whitening[0]), n_hidden),
            nn.LeakyReLU(0.2),
            RowLinear(n_hidden, n_hidden),
            nn.LeakyReLU(0.2),
            RowLinear(n_hidden, math.prod(self.start)),
        )
        self.stages = nn.ModuleList(
            Stage(ndim, n_in, n_out, 0, change, periodic)
            for n_in, n_out, change in stage_plan(4 * width, width, n_blocks)
        )
        self.head = conv(ndim, width, n_channels, periodic=periodic, linear_gain=True)

    def forward(self, latents, conditions):
        inputs = torch.hstack([latents, whitened(conditions, self.whitening)])
        x = self.stem(inputs).view(-1, *self.start)
        for stage in self.stages:
            x = stage(x, None)
        return probabilities(crop(smooth(refine(self.head(x))), self.image_shape))


def dense_generator(
    n_latent, whitening, n_channels, image_shape, *, width: int = 16, periodic=False
):
    """Return the dense generator for images of any size.

    Parameters
    ----------
    n_latent, whitening, n_channels, image_shape : any
        As in :func:`residual_generator`; conditions are whitened.
    width : int, default=16
        Channels of the half-resolution map; coarser maps have 2 and 4 times as many.
    periodic : any
        As in :func:`residual_generator`.

    Returns
    -------
    generator : DenseGenerator
        ``generator(latents, conditions) -> channels``.
    """
    return DenseGenerator(n_latent, whitening, n_channels, tuple(image_shape), width, periodic)


class DenseCritic(LightCritic):
    """Light critic that knows where in the image a feature lies."""

    def _n_features(self, n_channels, image_shape):
        return n_channels * math.prod(coarse_shape(image_shape, n_halvings(image_shape)))

    def _pooled(self, x):
        return x.flatten(1)


def dense_critic(n_channels, image_shape, *, width=16, periodic=False, n_attributes=0):
    """Return the dense critic, which takes and returns what that of :func:`light_critic` does."""
    return DenseCritic(n_channels, tuple(image_shape), width, periodic, n_attributes)
