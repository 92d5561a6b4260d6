"""Parts of networks, in any dimension.

``ndim`` is the number of spatial axes. Feature maps have shape (n, channels, *spatial).
"""

import math
from typing import Literal

import torch
from torch import nn
from torch.nn import functional

LARGE_LAYER = 2**20
REGISTERS = 64
_CONVOLUTIONS = {2: nn.Conv2d, 3: nn.Conv3d}
_BATCH_NORMS = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_AVERAGE_POOLS = {2: functional.avg_pool2d, 3: functional.avg_pool3d}


class _CircularPad(torch.autograd.Function):
    """Wrap one voxel around every border; cheaper to differentiate than PyTorch's own."""

    @staticmethod
    def forward(ctx, x):
        return functional.pad(x, [1, 1] * (x.ndim - 2), mode="circular")

    @staticmethod
    def backward(ctx, gradient):
        return _CircularFold.apply(gradient)


class _CircularFold(torch.autograd.Function):
    """The adjoint: add what lies beyond a border to where it came from."""

    @staticmethod
    def forward(ctx, x):
        for axis in range(2, x.ndim):
            n = x.shape[axis] - 2
            inner = x.narrow(axis, 1, n).clone()
            inner.narrow(axis, n - 1, 1).add_(x.narrow(axis, 0, 1))
            inner.narrow(axis, 0, 1).add_(x.narrow(axis, n + 1, 1))
            x = inner
        return x

    @staticmethod
    def backward(ctx, gradient):
        return _CircularPad.apply(gradient)


def circular_pad(x):
    """Continue a feature map periodically by one voxel on every side."""
    return _CircularPad.apply(x)


def continued(x, before, after, ends):
    """Continue a feature map beyond its borders.

    ``ends`` says by what: ``"wrap"`` is periodic, ``"edge"`` repeats the outermost voxels,
    ``"zero"`` adds zeros. Axes may be shorter than what is added.
    """
    if ends == "zero":
        return functional.pad(x, [before, after] * (x.ndim - 2))
    for axis in range(2, x.ndim):
        side = x.shape[axis]
        places = torch.arange(-before, side + after, device=x.device)
        places = places % side if ends == "wrap" else places.clamp(0, side - 1)
        x = x.index_select(axis, places)
    return x


class Conv(nn.Module):
    """Layer of :func:`conv`."""

    def __init__(self, ndim, n_in, n_out, kernel_size, stride, periodic, linear_gain):
        super().__init__()
        self.wrap = periodic and kernel_size > 1
        self.mixes = kernel_size == stride == 1
        padding = 0 if self.wrap else (kernel_size - 1) // 2
        self.layer = _CONVOLUTIONS[ndim](n_in, n_out, kernel_size, stride, padding)
        self.layer.linear_gain = linear_gain

    def forward(self, x):
        if self.mixes and not self.training:
            return self._mixed(x)
        return self.layer(circular_pad(x) if self.wrap else x)

    def _mixed(self, x):
        # Convolutions that only mix channels have other last bits in batches of another size;
        # a matrix product for each image has not.
        weight, bias = self.layer.weight.flatten(1), self.layer.bias
        mixed = torch.bmm(weight.expand(len(x), -1, -1), x.flatten(2))
        return (mixed + bias.to(mixed.dtype)[:, None]).unflatten(2, x.shape[2:])

    def set_periodic(self, periodic):
        """Wrap around the borders, or pad with zeros, from now on."""
        margin = (self.layer.kernel_size[0] - 1) // 2
        self.wrap = periodic and margin > 0
        self.layer.padding = tuple(0 if self.wrap else margin for _ in self.layer.kernel_size)


def conv(
    ndim: Literal[2, 3],
    n_in: int,
    n_out: int,
    kernel_size: Literal[1, 3, 4] = 3,
    *,
    stride: int = 1,
    periodic: bool = False,
    linear_gain: bool = False,
) -> "Conv":
    """Return a convolution that keeps the size, or halves an even one with stride 2.

    Parameters
    ----------
    ndim : {2, 3}
        Number of spatial axes.
    n_in, n_out : int
        Channels.
    kernel_size : {1, 3, 4}, default=3
        Side of the kernel; 4 goes with ``stride=2``, or takes a voxel off each axis.
    stride : int, default=1
        Step of the kernel.
    periodic : bool, default=False
        Wrap around the borders instead of padding with zeros.
    linear_gain : bool, default=False
        Initialise for a layer that no rectifier follows.

    Returns
    -------
    layer : Conv
        The layer.
    """
    return Conv(ndim, n_in, n_out, kernel_size, stride, periodic, linear_gain)


class HalvingConv(nn.Module):
    """Strided convolution; odd sides are filled up first, so that sizes round up."""

    def __init__(self, ndim, n_in, n_out, periodic):
        super().__init__()
        self.conv = conv(ndim, n_in, n_out, 4, stride=2, periodic=periodic)

    def forward(self, x):
        filling = [amount for side in reversed(x.shape[2:]) for amount in (0, side % 2)]
        return self.conv(functional.pad(x, filling) if any(filling) else x)


class RowLinear(nn.Linear):
    """Linear layer whose rows do not depend on their place in the batch when evaluated.

    Matrix products treat the last rows of a batch by other code than the first, so that
    results and gradients differ in the last bits. In evaluation mode every row is summed
    by itself, and is the same bit for bit wherever it stands.
    """

    def forward(self, x):
        if self.training:
            return super().forward(x)
        if self.weight.numel() > LARGE_LAYER:
            rows = torch.stack([self.weight.mv(row.clone()) for row in x])
        else:
            rows = (x.unsqueeze(1) * self.weight).sum(dim=2)
        return rows if self.bias is None else rows + self.bias


def whitened(conditions: torch.Tensor, whitening: tuple) -> torch.Tensor:
    """Centre conditions and mix their columns; every row by itself, as in RowLinear.

    Parameters
    ----------
    conditions : Tensor of shape (n, k)
        Conditions of images.
    whitening : tuple of (list of float, list of list of float)
        Mean of each column, and matrix (k, k) by which the rest is multiplied.

    Returns
    -------
    whitened : Tensor of shape (n, k)
        Uncorrelated columns of spread one, if the matrix is right.
    """
    location, matrix = map(conditions.new_tensor, whitening)
    if len(location) == 0:
        return conditions
    return ((conditions - location).unsqueeze(1) * matrix).sum(dim=2)


def orthogonal(network):
    """Mark convolutions and linear layers of a network to start orthogonal (Saxe et al. 2014)."""
    for layer in network.modules():
        layer.orthogonal = hasattr(layer, "weight")
    return network


def batch_norm(ndim, n_channels, affine=True):
    """Return a batch normalisation over the spatial axes."""
    return _BATCH_NORMS[ndim](n_channels, affine=affine)


def crop(x, shape):
    """Cut a feature map down to a spatial shape."""
    return x[(..., *(slice(side) for side in shape))]


def probabilities(logits):
    """Softmax over two or more channels; a single channel goes through a logistic."""
    return logits.softmax(dim=1) if logits.shape[1] > 1 else in_registers(torch.sigmoid, logits)


def in_registers(function, x):
    """Apply an elementwise function so that results do not depend on the place in a batch."""
    # PyTorch computes the elements that do not fill a vector register by other code, with
    # other last bits; here a filling takes their place.
    if x.numel() % REGISTERS == 0:
        return function(x.contiguous())
    filled = functional.pad(x.flatten(), [0, -x.numel() % REGISTERS])
    return function(filled)[: x.numel()].view_as(x)


def double(images):
    """Repeat every voxel twice along each axis (nearest-neighbour upsampling)."""
    return functional.interpolate(images, scale_factor=2, mode="nearest")


def halve(images):
    """Average blocks of two voxels along each axis; odd ends average what is there."""
    pool = _AVERAGE_POOLS[images.ndim - 2]
    stride = tuple(min(2, side) for side in images.shape[2:])
    return pool(images, stride, ceil_mode=True, count_include_pad=False)


def depth_to_space(images):
    """Spread channels over a grid twice as fine: (n, c * 2^d, *S) -> (n, c, *(2 S))."""
    # In 2-D the pixel shuffle of Shi et al. 2016.
    n, channels, *spatial = images.shape
    ndim = len(spatial)
    split = images.reshape(n, channels // 2**ndim, *[2] * ndim, *spatial)
    order = [0, 1]
    for axis in range(ndim):
        order += [2 + ndim + axis, 2 + axis]
    return split.permute(order).reshape(n, -1, *[2 * side for side in spatial])


def space_to_depth(images):
    """Undo :func:`depth_to_space`, for even sides: (n, c, *(2 S)) -> (n, c * 2^d, *S)."""
    n, channels, *spatial = images.shape
    ndim = len(spatial)
    halves = [side // 2 for side in spatial]
    split = images.reshape(n, channels, *(part for half in halves for part in (half, 2)))
    order = [0, 1, *(3 + 2 * axis for axis in range(ndim)), *(2 + 2 * axis for axis in range(ndim))]
    return split.permute(order).reshape(n, channels * 2**ndim, *halves)


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
    n_latent, n_conditions : int
        Widths of the latent vector and of the conditions.
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

    def __init__(
        self,
        n_latent: int,
        n_conditions: int,
        start: tuple[int, ...],
        body: torch.nn.Module,
        image_shape: tuple[int, ...],
    ):
        super().__init__()
        self.n_latent = n_latent
        self.stem = RowLinear(n_latent + n_conditions, math.prod(start))
        self.start = start
        self.body = body
        self.image_shape = image_shape

    def forward(self, latents, conditions):
        inputs = torch.cat([latents, conditions], dim=1)
        features = self.body(self.stem(inputs).view(-1, *self.start))
        return probabilities(crop(features, self.image_shape))
