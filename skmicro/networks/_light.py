"""Light networks that work at half the resolution and below.

Full-resolution convolutions dominate the cost of a residual network on a CPU. Here the
generator works on coarser grids and its logits, given on the half-resolution grid, are
interpolated linearly and smoothed with a binomial filter, so that phase borders come
out round and without speckle. Latents fill a coarse map (``n_latent`` numbers per
coarse voxel) and every layer is a convolution on a torus: a shift by a coarse voxel does
not change the statistics of the images. Periodic images are the whole torus; others are
cut out of one that is a coarse voxel larger along each axis, so that no border leaves a
trace.

Conditions enter twice: they scale and shift the normalised features of every layer
(Perez et al. 2018, "FiLM"), and they set the level of the logits,

    logits = gain * (standardised(features) + level(r, mean of z)),

where *standardised* means zero mean and unit variance over the voxels of each image.
The level decides the phase fractions, the features where the phases are; this split
is what makes fractions easy to control. Latents of the whole image (``n_global``) enter as
conditions do: coarse maps alone, drawn independently, hardly let one image as a whole differ
from the next. The critic sees images at
half the resolution too, as means over blocks, halves further with strided convolutions
and averages over the image; it has no normalisation, because the gradient penalty needs
independent images.

The *fine* variants resolve details of two or three voxels at little more cost: the generator's
last layer gives all logits of a block at once, which are spread over the voxels (Shi et al. 2016)
and smoothed, and the critic's first convolution has stride two in place of the means. Latents of
the whole image start with less influence there: a grid that they alone had drawn would be copied
to every coarse voxel.
"""

import copy
import math
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from ._blocks import (
    HalvingConv,
    RowLinear,
    batch_norm,
    circular_pad,
    conv,
    crop,
    depth_to_space,
    double,
    halve,
    n_halvings,
    probabilities,
    whitened,
)
from ._mixed import MixedNetwork

N_EMBEDDING = 8
LOGIT_GAIN = 4.0
FINE_GLOBAL_START = 0.3
MARGIN = 1
_INTERPOLATION = {2: "bilinear", 3: "trilinear"}


class ModulatedNorm(nn.Module):
    """Batch normalisation whose scale and shift depend on the conditions, then ReLU."""

    def __init__(self, ndim, n_channels, n_embedding):
        super().__init__()
        self.norm = batch_norm(ndim, n_channels, affine=n_embedding == 0)
        self.modulation = zero(RowLinear(n_embedding, 2 * n_channels)) if n_embedding else None

    def forward(self, x, embedding):
        x = self.norm(x)
        if self.modulation is not None:
            factors = self.modulation(embedding).view(*embedding.shape[:1], -1, *[1] * (x.ndim - 2))
            scale, shift = factors.chunk(2, dim=1)
            x = x * (1.0 + scale) + shift
        return torch.relu(x)


class Stage(nn.Module):
    """Convolution, change of grid, modulated normalisation."""

    def __init__(self, ndim, n_in, n_out, n_embedding, change, periodic=True):
        super().__init__()
        self.change = change
        factor = 2**ndim if change == "subpixel" else 1
        self.conv = conv(ndim, n_in, n_out * factor, periodic=periodic)
        self.norm = ModulatedNorm(ndim, n_out, n_embedding)

    def forward(self, x, embedding):
        x = self.conv(double(x) if self.change == "nearest" else x)
        return self.norm(depth_to_space(x) if self.change == "subpixel" else x, embedding)


def stage_plan(n_in, width, n_blocks):
    """Return (channels in, channels out, change of grid) of every stage up to half size."""
    plan = [(n_in, 4 * width, "same")]
    plan += [(4 * width, 4 * width, "nearest")] * max(0, n_blocks - 3)
    if n_blocks >= 3:
        plan += [(4 * width, 2 * width, "subpixel"), (2 * width, 2 * width, "same")]
    change = "subpixel" if n_blocks >= 2 else "same"
    return [*plan, (plan[-1][1], width, change)]


class LightGenerator(MixedNetwork):
    """Generator of :func:`light_generator`."""

    def __init__(
        self, n_latent, whitening, n_channels, image_shape, width, periodic, n_global, fine
    ):
        super().__init__()
        ndim, n_blocks = len(image_shape), n_halvings(image_shape)
        self.whitening = whitening
        self.n_global = n_global
        self.coarseness = 2**n_blocks
        self.seamless = not periodic or self._tiles(image_shape)
        self._set_size(n_latent, image_shape, periodic)
        n_conditions = len(whitening[0]) + n_global
        n_embedding = N_EMBEDDING if n_conditions else 0
        self.embedding = RowLinear(n_conditions, n_embedding) if n_conditions else None
        self.stages = nn.ModuleList(
            Stage(ndim, n_in, n_out, n_embedding, change)
            for n_in, n_out, change in stage_plan(n_latent, width, n_blocks)
        )
        n_logits = n_channels * 2**ndim if fine else n_channels
        self.head = conv(ndim, width, n_logits, periodic=True, linear_gain=True)
        self.upsample = depth_to_space if fine else refine
        self.direct = zero(RowLinear(n_conditions, n_channels)) if n_conditions else None
        self.level = nn.Sequential(
            RowLinear(n_conditions + n_latent, 2 * N_EMBEDDING),
            nn.Tanh(),
            zero(RowLinear(2 * N_EMBEDDING, n_channels)),
        )
        if n_global > 0:  # images differ as a whole from the first step on
            for module in self.modules():
                if hasattr(module, "start_scale"):
                    module.start_scale = FINE_GLOBAL_START if fine else 1.0

    def _set_size(self, n_per_voxel, image_shape, periodic):
        margin = 0 if periodic else MARGIN
        self.start = (n_per_voxel, *(-(-side // self.coarseness) + margin for side in image_shape))
        self.n_latent = self.n_global + math.prod(self.start)
        self.image_shape = image_shape

    def resized(self, image_shape, periodic):
        """Return the same network for images of another size; it shares the weights."""
        if periodic and not self._tiles(image_shape):
            raise ValueError(
                f"shape must be multiples of {self.coarseness} for periodic images of this "
                f"network, got {image_shape}."
            )
        resized = copy.copy(self)
        resized._set_size(self.start[0], image_shape, periodic)
        return resized

    def _tiles(self, image_shape):
        return all(side % self.coarseness == 0 for side in image_shape)

    def gathered(self, latents):
        """Return what latents say of the whole image, (n, n_global + start[0])."""
        # Means times the square root of the number of voxels are standard normal as well.
        whole, local = latents.tensor_split([self.n_global], dim=1)
        x = local.view(-1, *self.start).flatten(2)
        return torch.hstack([whole, x.sum(dim=2) / x.shape[2] ** 0.5])

    def scattered(self, whole):
        """Return the latents that :meth:`gathered` turns into ``whole``, alike in all voxels."""
        whole, means = whole.tensor_split([self.n_global], dim=1)
        n_voxels = math.prod(self.start[1:])
        local = (means / n_voxels**0.5).unsqueeze(2).expand(-1, -1, n_voxels)
        return torch.hstack([whole, local.flatten(1)])

    def level_parameters(self):
        """Return the parameters that set the level of the logits and nothing else."""
        direct = [] if self.direct is None else self.direct.parameters()
        return [*direct, *self.level.parameters()]

    def forward(self, latents, conditions):
        whole, local = latents.tensor_split([self.n_global], dim=1)
        conditions = torch.hstack([whitened(conditions, self.whitening), whole])
        embedding = None
        if self.embedding is not None:
            embedding = functional.silu(self.embedding(conditions))
        x = local.view(-1, *self.start)
        means = self.gathered(latents)[:, self.n_global :]
        level = self.level(torch.hstack([conditions, means]))
        if self.direct is not None:
            level = level + self.direct(conditions)
        with self.convolving(x):
            for stage in self.stages:
                x = stage(x, embedding)
            x = self.head(x)
        x = crop(smooth(self.upsample(x.to(latents.dtype))), self.image_shape)
        if x.shape[1] > 1:
            x = x - x.mean(dim=1, keepdim=True)
        x = _standardized(x) + level.view(*level.shape, *[1] * (x.ndim - 2))
        return probabilities(LOGIT_GAIN * x)


def light_generator(
    n_latent: int,
    whitening,
    n_channels,
    image_shape,
    *,
    width: int = 16,
    periodic: bool = False,
    n_global: int = 0,
    fine: bool = False,
):
    """Return the light generator for images of any size.

    Parameters
    ----------
    n_latent : int
        Latent numbers per coarse voxel.
    whitening, n_channels, image_shape : any
        As in :func:`residual_generator`; conditions are whitened.
    width : int, default=16
        Channels of the half-resolution map; coarser maps have 2 and 4 times as many.
    periodic : bool, default=False
        Whether opposite borders of the images match; they do where ``seamless`` says so, with
        sides that are multiples of ``coarseness``.
    n_global : int, default=0
        Latents of the whole image, first in the vector.
    fine : bool, default=False
        Give logits at the full resolution, for details of two or three voxels.

    Returns
    -------
    generator : LightGenerator
        ``generator(latents, conditions) -> channels``.
    """
    shape = tuple(image_shape)
    return LightGenerator(n_latent, whitening, n_channels, shape, width, periodic, n_global, fine)


class LightCritic(MixedNetwork):
    """Critic of :func:`light_critic`."""

    def __init__(self, n_channels, image_shape, width, periodic, n_attributes, fine=False):
        super().__init__()
        ndim, n_blocks = len(image_shape), n_halvings(image_shape)
        self.fine = fine
        if fine:
            self.stem = HalvingConv(ndim, n_channels, width, periodic)
        else:
            self.stem = conv(ndim, n_channels, width, periodic=periodic)
        widths = [width * min(2**k, 4) for k in range(n_blocks)]
        self.halvings = nn.ModuleList(
            HalvingConv(ndim, n_in, n_out, periodic) for n_in, n_out in pairwise(widths)
        )
        n_features = self._n_features(widths[-1], image_shape)
        self.head = nn.Linear(n_features, 1)
        self.attribute_head = nn.Linear(n_features, n_attributes) if n_attributes else None

    def _n_features(self, n_channels, image_shape):
        return n_channels

    def _pooled(self, x):
        return x.flatten(2).mean(dim=2)

    def _features(self, images):
        with self.convolving(images):
            x = functional.leaky_relu(self.stem(images if self.fine else halve(images)), 0.2)
            for halving in self.halvings:
                x = functional.leaky_relu(halving(x), 0.2)
        return self._pooled(x.to(images.dtype))

    def forward(self, images):
        return self.head(self._features(images)).squeeze(1)

    def attributes(self, images):
        """Return the critic's prediction of attributes, (n, n_attributes)."""
        return self.attribute_head(self._features(images))


def light_critic(
    n_channels, image_shape, *, width: int = 16, periodic=False, n_attributes=0, fine: bool = False
) -> "LightCritic":
    """Return the light critic for images of any size.

    Parameters
    ----------
    n_channels, image_shape : any
        As in :func:`residual_generator`.
    width : int, default=16
        Channels after the first convolution; doubled at every halving up to four times.
    periodic, n_attributes : any
        As in :func:`residual_critic`.
    fine : bool, default=False
        See every voxel rather than means over blocks, for details of two or three voxels.

    Returns
    -------
    critic : LightCritic
        ``critic(channels) -> scores`` of shape (n,).
    """
    return LightCritic(n_channels, tuple(image_shape), width, periodic, n_attributes, fine)


def zero(layer):
    """Mark a linear layer to start at zero."""
    layer.start_scale = 0.0
    return layer


def _standardized(x):
    dims = tuple(range(2, x.ndim))
    x = x - x.mean(dim=dims, keepdim=True)
    return x * (x.square().mean(dim=dims, keepdim=True) + 1e-4).rsqrt()


def refine(x):
    """Interpolate linearly to twice the resolution."""
    fine = functional.interpolate(
        circular_pad(x), scale_factor=2, mode=_INTERPOLATION[x.ndim - 2], align_corners=False
    )
    return fine[(..., *(slice(2, -2) for _ in x.shape[2:]))]


def smooth(x):
    """Binomial filter 1-2-1 along each axis."""
    x = circular_pad(x)
    for axis in range(2, x.ndim):
        n = x.shape[axis] - 2
        x = (x.narrow(axis, 0, n) + x.narrow(axis, 2, n)) * 0.25 + x.narrow(axis, 1, n) * 0.5
    return x
