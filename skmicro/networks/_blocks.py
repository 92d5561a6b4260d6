"""Parts of networks, in any dimension.

``ndim`` is the number of spatial axes. Feature maps have shape (n, channels, *spatial).
"""

import math

import torch
from torch import nn
from torch.nn import functional

_CONVOLUTIONS = {2: nn.Conv2d, 3: nn.Conv3d}
_BATCH_NORMS = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_AVERAGE_POOLS = {2: functional.avg_pool2d, 3: functional.avg_pool3d}


def conv(ndim, n_in, n_out, kernel_size=3, *, stride=1, periodic=False, linear_gain=False):
    """Return a convolution that keeps the size (or halves it with ``stride=2``).

    Parameters
    ----------
    ndim : {2, 3}
        Number of spatial axes.
    n_in, n_out : int
        Channels.
    kernel_size : int, default=3
        Side of the kernel; even kernels go with ``stride=2``.
    stride : int, default=1
        Step of the kernel.
    periodic : bool, default=False
        Wrap around the borders instead of padding with zeros.
    linear_gain : bool, default=False
        Initialise for a layer that no rectifier follows.

    Returns
    -------
    layer : torch.nn.Module
        The convolution.
    """
    layer = _CONVOLUTIONS[ndim](
        n_in, n_out, kernel_size, stride, (kernel_size - 1) // 2,
        padding_mode="circular" if periodic else "zeros",
    )
    layer.linear_gain = linear_gain
    return layer


def batch_norm(ndim, n_channels):
    """Return a batch normalisation over the spatial axes."""
    return _BATCH_NORMS[ndim](n_channels)


def double(images):
    """Repeat every voxel twice along each axis (nearest-neighbour upsampling)."""
    return functional.interpolate(images, scale_factor=2, mode="nearest")


def halve(images):
    """Average blocks of two voxels along each axis; odd ends average what is there."""
    pool = _AVERAGE_POOLS[images.ndim - 2]
    stride = tuple(min(2, side) for side in images.shape[2:])
    return pool(images, stride, ceil_mode=True, count_include_pad=False)


def depth_to_space(images, factor=2):
    """Spread channels over a finer grid: (n, c * f^d, *S) -> (n, c, *(f S)).

    The inverse of :func:`space_to_depth`; in 2-D the pixel shuffle of Shi et al. 2016.
    """
    n, channels, *spatial = images.shape
    ndim = len(spatial)
    split = images.reshape(n, channels // factor**ndim, *[factor] * ndim, *spatial)
    order = [0, 1]
    for axis in range(ndim):
        order += [2 + ndim + axis, 2 + axis]
    return split.permute(order).reshape(n, -1, *[factor * side for side in spatial])


def space_to_depth(images, factor=2):
    """Gather blocks of voxels into channels, (n, c, *(f S)) -> (n, c * f^d, *S).

    Sides that are not multiples of ``factor`` are filled up with zeros first.
    """
    filling = []
    for side in reversed(images.shape[2:]):
        filling += [0, -side % factor]
    if any(filling):
        images = functional.pad(images, filling)
    n, channels, *spatial = images.shape
    ndim = len(spatial)
    shape = [n, channels]
    for side in spatial:
        shape += [side // factor, factor]
    order = [0, 1, *range(3, 3 + 2 * ndim, 2), *range(2, 2 + 2 * ndim, 2)]
    coarse = [side // factor for side in spatial]
    return images.reshape(shape).permute(order).reshape(n, -1, *coarse)


def n_halvings(image_shape):
    """Return how often the longest side is halved to reach at most four voxels."""
    return max(1, math.ceil(math.log2(max(image_shape) / 4)))


def coarse_shape(image_shape, n_doublings):
    """Return the smallest grid that covers an image after ``n_doublings``."""
    return tuple(-(-side // 2**n_doublings) for side in image_shape)


class LatentGenerator(nn.Module):
    """Latent vectors and conditions to images: linear layer, body, crop, activation.

    Parameters
    ----------
    n_inputs : int
        Width of latent vector and conditions together.
    start : tuple of int
        (channels, *spatial) of the feature map that the linear layer fills.
    body : torch.nn.Module
        Feature map to channels, at least as large as the image.
    image_shape : tuple of int
        Spatial shape of the images.

    Notes
    -----
    Two or more channels end in a softmax over the channels (phase probabilities), a
    single channel in a logistic function (grey level in [0, 1]).
    """

    def __init__(self, n_inputs, start, body, image_shape):
        super().__init__()
        self.stem = nn.Linear(n_inputs, math.prod(start))
        self.start = start
        self.body = body
        self.image_shape = image_shape

    def forward(self, latents, conditions):
        inputs = torch.cat([latents, conditions], dim=1)
        features = self.body(self.stem(inputs).view(-1, *self.start))
        logits = features[(..., *(slice(side) for side in self.image_shape))]
        return logits.softmax(dim=1) if logits.shape[1] > 1 else logits.sigmoid()
