"""Critics of the 3-D WGAN: residual blocks with mean pooling, and no normalisation.

    x -> pool(leaky(conv1(x) + conv3(leaky(conv3(x))))),

for images of 32 voxels a side five of them, the last without pooling, and a linear layer over the
map of two voxels a side that is left. Channels double from block to block (*growing*) or stay the
same (*constant*). The *equivariant* critic convolves with kernels in all orientations in which a
square or cube lies on itself, see :mod:`._group_convolution`; a turned image has the same score.
"""

import math
from itertools import pairwise

from torch import nn
from torch.nn import functional

from ..images import quarter_turns
from ._blocks import coarse_shape, conv, halve, n_halvings, orthogonal
from ._group_convolution import GroupConv
from ._mixed import MixedNetwork

SLOPE = 0.2
_AVERAGE_POOLS = {2: functional.avg_pool2d, 3: functional.avg_pool3d}


def centred_halve(images):
    """Average as :func:`halve`, but odd sides over three voxels, with both ends alike.

    Voxels beyond the ends do not count.
    """
    pool = _AVERAGE_POOLS[images.ndim - 2]
    kernel = [3 if side % 2 else 2 for side in images.shape[2:]]
    padding = [side % 2 for side in images.shape[2:]]
    return pool(images, kernel, 2, padding, count_include_pad=False)


class PooledBlock(nn.Module):
    """Residual block; ``layer(n_in, n_out, kernel_size)`` makes its convolutions."""

    def __init__(self, layer, n_in, n_out, pool):
        super().__init__()
        self.shortcut = layer(n_in, n_out, 1)
        self.conv1 = layer(n_in, n_out, 3)
        self.conv2 = layer(n_out, n_out, 3)
        self.pool = pool

    def forward(self, x):
        y = self.conv2(functional.leaky_relu(self.conv1(x), SLOPE))
        y = functional.leaky_relu(self.shortcut(x) + y, SLOPE)
        return y if self.pool is None else self.pool(y)


class PooledCritic(MixedNetwork):
    """Critic of :func:`growing_critic` and :func:`constant_critic`."""

    def __init__(self, n_channels, image_shape, widths, periodic):
        super().__init__()
        ndim = len(image_shape)

        def layer(n_in, n_out, kernel_size):
            return conv(ndim, n_in, n_out, kernel_size, periodic=periodic)

        self.blocks = nn.Sequential(*_blocks(layer, [n_channels, *widths], halve))
        coarse = coarse_shape(image_shape, len(widths) - 1)
        self.head = nn.Linear(widths[-1] * math.prod(coarse), 1)

    def forward(self, images):
        with self.convolving(images):
            features = self.blocks(images)
        return self.head(features.flatten(1).to(images.dtype)).squeeze(1)


class EquivariantCritic(MixedNetwork):
    """Critic of :func:`equivariant_critic`."""

    def __init__(self, n_channels, image_shape, widths, periodic):
        super().__init__()
        turns = quarter_turns(image_shape)

        def layer(n_in, n_out, kernel_size):
            return GroupConv(turns, n_in, n_out, kernel_size, periodic)

        self.first = GroupConv(turns, n_channels, widths[0], 3, periodic, of_images=True)
        self.blocks = nn.Sequential(*_blocks(layer, widths, centred_halve))
        self.head = nn.Linear(widths[-1], 1)

    def forward(self, images):
        with self.convolving(images):
            features = self.blocks(functional.leaky_relu(self.first(images), SLOPE))
        means = features.flatten(2).to(images.dtype).mean(dim=2)
        per_turn = means.unflatten(1, (-1, self.head.in_features))
        return self.head(per_turn.mean(dim=1)).squeeze(1)


def _blocks(layer, widths, pool):
    last = len(widths) - 2
    return [
        PooledBlock(layer, n_in, n_out, pool if k < last else None)
        for k, (n_in, n_out) in enumerate(pairwise(widths))
    ]


def _n_blocks(image_shape):
    return n_halvings(image_shape) + 2


def growing_critic(
    n_channels, image_shape, *, width: int = 16, periodic: bool = False
) -> "PooledCritic":
    """Return a critic whose channels double from block to block.

    Parameters
    ----------
    n_channels, image_shape : any
        As in :func:`residual_generator`.
    width : int, default=16
        Channels of the first block.
    periodic : bool, default=False
        As in :func:`residual_generator`.

    Returns
    -------
    critic : PooledCritic
        ``critic(channels) -> scores`` of shape (n,).
    """
    widths = [width * 2**k for k in range(_n_blocks(image_shape))]
    return orthogonal(PooledCritic(n_channels, tuple(image_shape), widths, periodic))


def constant_critic(
    n_channels, image_shape, *, width: int = 120, periodic: bool = False
) -> "PooledCritic":
    """Return a critic of as many channels in every block; else as :func:`growing_critic`.

    Parameters
    ----------
    n_channels, image_shape : any
        As in :func:`residual_generator`.
    width : int, default=120
        Channels of all blocks.
    periodic : bool, default=False
        As in :func:`residual_generator`.

    Returns
    -------
    critic : PooledCritic
        ``critic(channels) -> scores`` of shape (n,).
    """
    widths = [width] * _n_blocks(image_shape)
    return orthogonal(PooledCritic(n_channels, tuple(image_shape), widths, periodic))


def equivariant_critic(
    n_channels, image_shape, *, width: int = 8, periodic: bool = False
) -> "EquivariantCritic":
    """Return a critic that gives a turned image the same score; else as :func:`constant_critic`.

    There are ``width`` channels for each of the four turns of a square, the 24 of a cube, or those
    that are left where sides differ. Scores agree to rounding.

    Parameters
    ----------
    n_channels, image_shape : any
        As in :func:`residual_generator`.
    width : int, default=8
        Channels of all blocks, for each turn.
    periodic : bool, default=False
        As in :func:`residual_generator`.

    Returns
    -------
    critic : EquivariantCritic
        ``critic(channels) -> scores`` of shape (n,).
    """
    widths = [width] * (_n_blocks(image_shape) + 1)
    return orthogonal(EquivariantCritic(n_channels, tuple(image_shape), widths, periodic))
