r"""Differentiable functions of shape, energy and topology, in any number of dimensions.

As in :mod:`._kernels` a field is a tensor of shape (n, \*spatial) and lengths are counted
in pixels.

**Moments.** ``mu_00 = sum_x I(x)`` and ``mu_10 = sum_x x_1 I(x)`` (likewise for the other
axes) are sums over marginal profiles: one pass over the voxels for each axis.

**Euler characteristic.** Voxels that touch by faces are the vertices of a complex whose
k-cells are the blocks of ``2**k`` voxels that lie wholly in the phase; its Euler
characteristic is the alternating sum of the numbers of cells. Being in the phase is a
product of indicators, hence

    chi = sum_x sum_A (-1)^|A| prod_{v in {0, 1}^A} I(x + v)

with A running over the subsets of the axes: a polynomial, which is also the expectation
for independent voxels with probabilities I. Where voxels touch by corners they are closed
cubes. On a d-torus, whose own Euler characteristic is 0, their union and the open rest
obey ``chi_corners(I) = (-1)^(d + 1) chi_faces(1 - I)``. A piece that ends at its border
is one that wraps around after an empty layer. For a window of a material every product is
averaged over the places x that it has there, which is unbiased term by term.

**Intrinsic volumes.** ``V_k`` of a body along the grid is the sum over the sets of k axes of
the integral, along these axes, of the Euler characteristic of its sections across them: ``a b
+ b c + c a`` (k = 2) and ``a + b + c`` (k = 1) for a box. In blocks as above, a block along m
axes belongs to the sections of every set that avoids its axes, hence

    V_k = sum_x sum_A (-1)^|A| binomial(d - |A|, k) prod_{v in {0, 1}^A} I(x + v),

the Euler characteristic for k = 0. Half the surface (k = d - 1) is the same for the body and
the rest of the torus; one degree lower the two have opposite signs, and so on:
``V_k,corners(I) = (-1)^(d - k - 1) V_k,faces(1 - I)``.
"""

import math

import torch

from . import _bits
from ._kernels import neighbour_differences, thick_scales, without_thin_axes

SAFE_VOXELS = 0.01
"""Added to the volume that a centroid is divided by: absent shapes have one as well."""


def shape_moments(channels, *, periodic=False):
    """Return area (n, n_channels) and centroid (n, n_channels, n_axes) of each channel's shape.

    Areas are fractions of the voxels; centroids are ``mu_10 / (mu_00 + 0.01)`` and its like,
    divided by the sides of the image, with the coordinates of voxel centres. Negative values
    count in the area and weigh nothing in the centroid. In ``periodic`` images distances from the
    circular mean are the shortest, and their mean is added to it.
    """
    weight = channels.clamp_min(0)
    own_volume = weight.flatten(2).sum(2)
    volume = own_volume + SAFE_VOXELS
    axes = range(2, channels.ndim)
    centroid = []
    for axis in axes:
        side = channels.shape[axis]
        profile = weight.sum([other for other in axes if other != axis])
        centres = torch.arange(side, dtype=channels.dtype, device=channels.device) + 0.5
        if periodic:
            centres = _around_circular_mean(profile, centres)
        moment = (profile * centres).sum(2)
        if periodic:
            moment = torch.remainder(moment, own_volume * side + (own_volume == 0))
        centroid.append(moment / (volume * side))
    return channels.flatten(2).mean(2), torch.stack(centroid, dim=2)


def _around_circular_mean(profile, centres):
    """Return coordinates (n, n_channels, side) of a circle's points within half of it of a mean."""
    side = len(centres)
    angles = centres * (2 * math.pi / side)
    sine, cosine = (
        (profile.detach() * f).sum(2, keepdim=True) for f in (angles.sin(), angles.cos())
    )
    middle = torch.atan2(sine, cosine) * (side / (2 * math.pi))
    return middle + torch.remainder(centres - middle + side / 2, side) - side / 2


def free_energy(field, gamma, *, periodic=True, spacing=None):
    """Return the Ginzburg-Landau energy per voxel of ``u = 2 phi - 1``, phi being a probability.

    The mean of ``(1 - u^2)^2 / 4`` plus ``gamma / 2`` times the sum over the axes of the mean
    square difference between neighbours over their ``spacing``; gamma is in squares of its unit.
    """
    spacing = thick_scales(field, spacing or (1,) * (field.ndim - 1))
    field = without_thin_axes(2 * field - 1)
    energy = ((1 - field.square()).square() / 4).reshape(len(field), -1).mean(1)
    for axis in range(field.ndim - 1):
        step = [int(axis == other) for other in range(field.ndim - 1)]
        slope = neighbour_differences(field, step, periodic)
        energy = energy + gamma / 2 * slope.square().flatten(1).mean(1) / spacing[axis] ** 2
    return energy


def euler_number(field, **options):
    """Return the Euler characteristic per voxel, (n,); options of :func:`intrinsic_volumes`.

    Components minus loops (minus tunnels plus cavities in three dimensions).
    """
    return intrinsic_volumes(field, (0,), **options)[:, 0]


def sections_across(field, scales, **options):
    """Return ``V_1`` of images with unlike ``scales`` per voxel, (n,); options as below.

    The sum over the axes of the Euler characteristic of the sections across them, each as thick as
    a voxel is along the axis.
    """
    total = 0.0
    for axis, scale in enumerate(scales, start=1):
        sections = field.movedim(axis, 1)
        euler = euler_number(sections.flatten(0, 1), **options)
        total = total + scale * euler.view(sections.shape[:2]).mean(1)
    return total


def intrinsic_volumes(field, degrees, *, periodic=True, edge_correction=True, corners=False):
    """Return intrinsic volumes ``V_k`` per voxel, (n, n_degrees), for each degree k.

    Degrees are below the number of axes longer than one voxel, or 0. ``V_0`` is the Euler
    characteristic, ``V_1`` in three dimensions twice the mean breadth. With ``corners`` voxels
    that share no more than a corner are connected, otherwise they have to share a face. Images
    that are not ``periodic`` are windows of a material, or pieces without ``edge_correction``.
    """
    field = without_thin_axes(field)
    n_axes, n_voxels = field.ndim - 1, field[:1].numel()
    if n_axes == 0:
        return field.unsqueeze(1).expand(-1, len(degrees))
    window = edge_correction and not periodic
    words = _bits.indicator_words(field)
    if words is not None:
        options = {"periodic": periodic, "corners": corners, "mean": window}
        blocks = torch.from_numpy(_bits.block_sums(words, field.shape[1:], **options)).double()
    elif window:
        blocks = _block_sums(1 - field if corners else field, mean=True)
    else:
        blocks = _block_sums(_extended(field, periodic, corners), mean=False)
    volumes = []
    for degree in degrees:
        sign = (-1) ** (n_axes - degree - 1) if corners else 1
        weights = [sign * (-1) ** m * math.comb(n_axes - m, degree) for m in range(n_axes + 1)]
        volumes.append(blocks @ blocks.new_tensor(weights))
    return (torch.stack(volumes, dim=1) / (1 if window else n_voxels)).to(field.dtype)


def _extended(field, periodic, corners):
    """Return the field, or the rest if corners connect, with what comes after the last voxels."""
    dims = range(1, field.ndim)
    if periodic:
        field = 1 - field if corners else field
        for dim in dims:
            field = torch.cat([field, field.narrow(dim, 0, 1)], dim)
        return field
    # The layer after the last voxels is the one before the first.
    field = torch.nn.functional.pad(field, (int(corners), 1) * len(dims))
    return 1 - field if corners else field


def _block_sums(field, mean, dim=1):
    """Return how many blocks of ``2**m`` voxels lie wholly in the field, (n, d + 1).

    The blocks run along any m of the axes from ``dim`` on, and begin before the last layer; or,
    for the ``mean`` number at a place, wherever they fit.
    """
    if dim == field.ndim:
        # A row in single, the rest in double precision: counts of whole blocks stay exact.
        total = field.sum(-1).double().reshape(len(field), -1).sum(1, keepdim=True)
        return total / field[0].numel() if mean else total
    count = field.shape[dim] - 1
    first, second = (field.narrow(dim, start, count) for start in (0, 1))
    pad = torch.nn.functional.pad
    without = _block_sums(field if mean else first, mean, dim + 1)
    along = _block_sums(first * second, mean, dim + 1)
    return pad(without, (0, 1)) + pad(along, (1, 0))
