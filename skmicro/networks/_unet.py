"""U-Nets for the velocity of a flow between white noise and images.

Blocks of two voxels along each axis become channels, so that all convolutions work at half
the resolution and below. Residual blocks (group normalisation, SiLU, convolution) know the
time t and the conditions r through a scale and a shift of their normalised features.

Normalisation hides the mean of a feature map, but the mean of an image is its phase fraction.
So the answer is the sum of what the U-Net makes of x and of a *level*, the same at all voxels,
that depends on t and r alone. Both start at zero.

For grey levels the answer is the velocity. For phases it is *evidence*: with phases coded as
+1 and -1, x = t x_1 + (1 - t) x_0 and normal noise x_0, Bayes' rule gives half the log-odds of
the phase of a voxel as

    h(all other voxels, t, r) + t x / (1 - t)^2 ,

in which the second part, the evidence of the voxel itself, is known, and the network learns only
the first, that of its surroundings. The velocity follows from the mean image (see
:mod:`skmicro.losses.matching`).

A condition that is NaN is *not given*. The embeddings of t and of every
given condition are added; conditions that are not given add nothing.

Convolutions may be computed in bfloat16 where the device is faster with them; weights, level and
answer stay in single precision.
"""

import copy
import math
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from ._blocks import (
    Conv,
    RowLinear,
    conv,
    depth_to_space,
    double,
    in_registers,
    n_halvings,
    probabilities,
    space_to_depth,
    whitened,
)
from ._light import zero
from ._mixed import MixedNetwork

N_EMBEDDING = 64
N_FREQUENCIES = 4
MAX_HALVINGS = 3
LEAST_REST = 0.01
MOST_EVIDENCE = 8.0
"""Bound of a voxel's own evidence: odds of e^16, which its surroundings can outweigh."""


class SiLU(nn.Module):
    """x sigmoid(x), the same bit for bit wherever a row stands."""

    def forward(self, x):
        return in_registers(functional.silu, x)


class FlowEmbedding(nn.Module):
    """Embedding of the time and the given conditions."""

    def __init__(self, n_channels, whitenings):
        super().__init__()
        self.whitenings = whitenings
        self.widths = [len(location) for location, _ in whitenings]
        self.time = _perceptron(2 * N_FREQUENCIES)
        self.conditions = nn.ModuleList(_perceptron(width) for width in self.widths)
        self.joint = nn.Sequential(SiLU(), RowLinear(N_EMBEDDING, N_EMBEDDING), SiLU())
        self.level = zero(RowLinear(N_EMBEDDING, n_channels))
        self.direct = nn.ModuleList(zero(RowLinear(width, n_channels)) for width in self.widths)

    def forward(self, t, conditions):
        """Return the embedding, (n, N_EMBEDDING), and the level, (n, n_channels)."""
        angles = torch.stack([math.pi * k * t for k in range(1, N_FREQUENCIES + 1)], dim=1)
        waves = [in_registers(torch.sin, angles), in_registers(torch.cos, angles)]
        embedding, level = self.time(torch.cat(waves, dim=1)), 0.0
        for k, block in enumerate(conditions.split(self.widths, dim=1) if self.widths else ()):
            given = ~block.isnan().any(dim=1, keepdim=True)
            known = torch.where(given, block, block.new_tensor(self.whitenings[k][0]))
            known = whitened(known, self.whitenings[k])
            embedding = embedding + given * self.conditions[k](known)
            level = level + given * self.direct[k](known)
        embedding = self.joint(embedding)
        return embedding, self.level(embedding) + level


class FlowBlock(nn.Module):
    """Residual block whose second normalisation is modulated; it starts as the identity."""

    def __init__(self, ndim, n_channels, periodic):
        super().__init__()
        self.first = nn.Sequential(
            group_norm(n_channels), SiLU(), conv(ndim, n_channels, n_channels, periodic=periodic)
        )
        self.norm = group_norm(n_channels)
        self.modulation = zero(RowLinear(N_EMBEDDING, 2 * n_channels))
        self.last = nn.Sequential(
            SiLU(), zero_conv(ndim, n_channels, n_channels, periodic=periodic)
        )

    def forward(self, x, embedding):
        factors = self.modulation(embedding)
        scale, shift = factors.view(*factors.shape, *[1] * (x.ndim - 2)).chunk(2, dim=1)
        return x + self.last(self.norm(self.first(x)) * (1.0 + scale) + shift)


class FlowUNet(MixedNetwork):
    """Network of :func:`flow_unet`."""

    def __init__(self, whitenings, n_channels, image_shape, width, coarse_width, periodic):
        super().__init__()
        ndim, n_levels = len(image_shape), min(MAX_HALVINGS, n_halvings(image_shape))
        self.coarseness = 2**n_levels
        self.n_channels = n_channels
        self.embedding = FlowEmbedding(n_channels, whitenings)
        n_cells = n_channels * 2**ndim
        widths = [width] + [coarse_width or 2 * width] * (n_levels - 1)

        def block(n):
            return FlowBlock(ndim, n, periodic)

        self.stem = conv(ndim, n_cells, width, periodic=periodic, linear_gain=True)
        self.descent = nn.ModuleList(block(n) for n in widths)
        self.halvings = nn.ModuleList(
            conv(ndim, n, coarser, 4, stride=2, periodic=periodic, linear_gain=True)
            for n, coarser in pairwise(widths)
        )
        self.doublings = nn.ModuleList(
            conv(ndim, coarser, n, 1, linear_gain=True) for n, coarser in pairwise(widths)
        )
        self.ascent = nn.ModuleList(block(n) for n in widths)
        self.top = nn.Sequential(group_norm(width), SiLU())
        self.head = zero_conv(ndim, width + n_cells, n_cells, periodic=periodic)
        self._set_size(tuple(image_shape), periodic)

    def _set_size(self, image_shape, periodic):
        self.image_shape = image_shape
        self.periodic = periodic
        self.n_latent = self.n_channels * math.prod(image_shape)
        for layer in self.modules():
            if isinstance(layer, Conv):
                layer.set_periodic(periodic)

    def resized(self, image_shape, periodic):
        """Return the same network for images of another size; it shares the weights."""
        shared = {id(parameter): parameter for parameter in self.parameters()}
        resized = copy.deepcopy(self, shared)
        resized._set_size(image_shape, periodic)
        return resized

    def forward(self, x, t, conditions):
        embedding, level = self.embedding(t, conditions)
        with self.convolving(x):
            pattern = self._pattern(x, embedding)
        return pattern.to(x.dtype) + level.view(*level.shape, *[1] * (x.ndim - 2))

    def _pattern(self, x, embedding):
        cells = space_to_depth(self._on_grid(x))
        x, finer = self.stem(cells), []
        for k, block in enumerate(self.descent):
            x = block(self.halvings[k - 1](x) if k else x, embedding)
            finer.append(x)
        for k in reversed(range(len(self.ascent))):
            if k + 1 < len(self.ascent):
                x = finer[k] + double(self.doublings[k](x))
            x = self.ascent[k](x, embedding)
        x = depth_to_space(self.head(torch.cat([self.top(x), cells], dim=1)))
        return x[(..., *(slice(low, low + side) for low, side in self._kept()))]

    def _on_grid(self, x):
        """Continue images to whole numbers of coarse voxels, periodic ones on both sides."""
        for axis, (low, side) in enumerate(self._kept(), start=2):
            if side % self.coarseness:
                length = side + 2 * low + -side % self.coarseness
                place = torch.arange(-low, length - low, device=x.device)
                place = place % side if self.periodic else place.clamp(max=side - 1)
                x = x.index_select(axis, place)
        return x

    def _kept(self):
        """Where images begin on the grid of the network, and their sides, for every axis.

        Where the grid of a periodic image would not close, a coarse voxel goes before it and
        as much behind, so that what lies across the border is what was near the border.
        """
        odd = [side % self.coarseness for side in self.image_shape]
        margin = self.coarseness if self.periodic else 0
        return [(margin if o else 0, side) for o, side in zip(odd, self.image_shape, strict=True)]


class PhaseUNet(FlowUNet):
    """Network of :func:`flow_unet` for phases: it labels noisy images."""

    def evidence(self, x, t, conditions):
        """Return half the log-odds of the phases, of the shape of ``x``."""
        return super().forward(x, t, conditions) + own_evidence(x, t)

    def forward(self, x, t, conditions):
        mean = mean_phases(self.evidence(x, t, conditions))
        return (mean - x) / _beside(1.0 - t, x).clamp(min=LEAST_REST)


def own_evidence(x, t):
    """Return each voxel's own evidence in noisy images (n, C, *spatial) at times (n,)."""
    own = _beside(t, x) / _beside(1.0 - t, x).clamp(min=LEAST_REST).square() * x
    if x.shape[1] == 1:
        return own.clamp(-MOST_EVIDENCE, MOST_EVIDENCE)
    return (own - own.amax(dim=1, keepdim=True)).clamp(min=-2 * MOST_EVIDENCE)


def mean_phases(evidence):
    """Return the mean image of evidence of phases, with phases coded as 1 and -1.

    ``evidence`` (n, C, *spatial) is half the log-odds of the phases; one channel is of two phases.
    """
    if evidence.shape[1] == 1:
        return in_registers(torch.tanh, evidence)
    return 2.0 * probabilities(2.0 * evidence) - 1.0


def _beside(t, x):
    return t.view(-1, *[1] * (x.ndim - 1))


def flow_unet(
    whitenings: list,
    n_channels: int,
    image_shape: tuple[int, ...],
    *,
    phases: bool = False,
    width: int = 32,
    coarse_width: int | None = None,
    periodic: bool = False,
) -> "FlowUNet":
    """Return a U-Net for the velocity of a flow, for images of any size.

    Parameters
    ----------
    whitenings : list of tuple of (list of float, list of list of float)
        For each condition, the mean of its components and the matrix by which the network
        whitens them; an empty list without conditions.
    n_channels : int
        Channels of the flow.
    image_shape : tuple of int
        Spatial shape, 2-D or 3-D.
    phases : bool, default=False
        Whether the flow ends in phases, coded as 1 and -1, and not in grey levels.
    width : int, default=32
        Channels at half the resolution.
    coarse_width : int or None, default=None
        Channels at a quarter of the resolution and below; ``None`` is twice ``width``.
    periodic : bool, default=False
        Whether opposite borders of the images match.

    Returns
    -------
    network : FlowUNet
        ``network(x, t, conditions) -> velocity``, with x and velocity of shape
        (n, n_channels, *image_shape), t of shape (n,), and conditions (n, n_components), NaN
        where a condition is not given. For phases it has a method ``evidence`` as well.
    """
    kind = PhaseUNet if phases else FlowUNet
    return kind(whitenings, n_channels, image_shape, width, coarse_width, periodic)


def group_norm(n_channels):
    """Return a normalisation over groups of four channels or more, at most eight groups."""
    n_groups = math.gcd(8, n_channels // 4) if n_channels % 4 == 0 else 1
    return nn.GroupNorm(n_groups, n_channels)


def zero_conv(*arguments, **settings):
    """Return a convolution that starts at zero; see :func:`conv`."""
    layer = conv(*arguments, **settings)
    zero(layer.layer)
    return layer


def _perceptron(n_in):
    return nn.Sequential(RowLinear(n_in, N_EMBEDDING), SiLU(), RowLinear(N_EMBEDDING, N_EMBEDDING))
