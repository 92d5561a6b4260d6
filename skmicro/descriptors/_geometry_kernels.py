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
obey ``chi_corners(I) = (-1)^(d + 1) chi_faces(1 - I)``. An image that ends at its border
is one that wraps around after an empty layer.

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
from ._kernels import neighbour_differences, without_thin_axes

SAFE_VOXELS = 0.01
"""Added to the volume that a centroid is divided by: absent shapes have one as well."""


def shape_moments(channels):
    """Return area (n, n_channels) and centroid (n, n_channels, n_axes) of each channel's shape.

    Areas are fractions of the voxels; centroids are ``mu_10 / (mu_00 + 0.01)`` and its like,
    divided by the sides of the image, with the coordinates of voxel centres. Negative values
    count in the area and weigh nothing in the centroid.
    """
    weight = channels.clamp_min(0)
    volume = weight.flatten(2).sum(2) + SAFE_VOXELS
    axes = range(2, channels.ndim)
    centroid = []
    for axis in axes:
        side = channels.shape[axis]
        profile = weight.sum([other for other in axes if other != axis])
        centres = torch.arange(side, dtype=channels.dtype, device=channels.device) + 0.5
        centroid.append((profile * centres).sum(2) / (volume * side))
    return channels.flatten(2).mean(2), torch.stack(centroid, dim=2)


def free_energy(field, gamma, *, periodic=True):
    """Return the Ginzburg-Landau energy per voxel of ``u = 2 phi - 1``, phi being a probability.

    The mean of ``(1 - u^2)^2 / 4`` plus ``gamma / 2`` times the sum over the axes of the mean
    square difference between neighbours; gamma is in squared pixels.
    """
    field = without_thin_axes(2 * field - 1)
    energy = ((1 - field.square()).square() / 4).reshape(len(field), -1).mean(1)
    for axis in range(field.ndim - 1):
        step = [int(axis == other) for other in range(field.ndim - 1)]
        slope = neighbour_differences(field, step, periodic)
        energy = energy + gamma / 2 * slope.square().flatten(1).mean(1)
    return energy


def euler_number(field, *, periodic=True, corners=False):
    """Return the Euler characteristic per voxel, (n,).

    Components minus loops (minus tunnels plus cavities in three dimensions); with ``corners``
    voxels that share no more than a corner are connected, otherwise they have to share a face.
    """
    return intrinsic_volumes(field, (0,), periodic=periodic, corners=corners)[:, 0]


def intrinsic_volumes(field, degrees, *, periodic=True, corners=False):
    """Return intrinsic volumes ``V_k`` per voxel, (n, n_degrees), for each degree k.

    Degrees are below the number of axes longer than one voxel, or 0. ``V_0`` is the Euler
    characteristic, ``V_1`` in three dimensions twice the mean breadth. ``corners`` are those of
    :func:`euler_number`.
    """
    field = without_thin_axes(field)
    n_axes, n_voxels = field.ndim - 1, field[:1].numel()
    if n_axes == 0:
        return field.unsqueeze(1).expand(-1, len(degrees))
    words = _bits.indicator_words(field)
    if words is None:
        counts = _block_counts(_extended(field, periodic, corners))
    else:
        shape = field.shape[1:]
        counts = _bits.block_counts(words, shape, periodic=periodic, corners=corners)
        counts = torch.from_numpy(counts).double()
    volumes = []
    for degree in degrees:
        sign = (-1) ** (n_axes - degree - 1) if corners else 1
        weights = [sign * (-1) ** m * math.comb(n_axes - m, degree) for m in range(n_axes + 1)]
        volumes.append(counts @ counts.new_tensor(weights))
    return (torch.stack(volumes, dim=1) / n_voxels).to(field.dtype)


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


def _block_counts(extended, dim=1):
    """Return the numbers of blocks of ``2**m`` voxels that lie wholly in the field, (n, d + 1).

    The blocks run along any m of the axes from ``dim`` on.
    """
    if dim == extended.ndim:
        # A row in single, the rest in double precision: counts of whole blocks stay exact.
        return extended.sum(-1).double().reshape(len(extended), -1).sum(1, keepdim=True)
    count = extended.shape[dim] - 1
    first, second = (extended.narrow(dim, start, count) for start in (0, 1))
    pad = torch.nn.functional.pad
    without, along = _block_counts(first, dim + 1), _block_counts(first * second, dim + 1)
    return pad(without, (0, 1)) + pad(along, (1, 0))
