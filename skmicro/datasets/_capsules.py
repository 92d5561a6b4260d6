r"""Capsules on a periodic lattice of voxels: all points within a radius of a straight axis.

Without length the axis is a point, and the capsule a ball. A voxel with offset :math:`d` from the
middle of an axis of direction :math:`p` and half-length :math:`h` lies in a capsule of radius
:math:`r` if :math:`|d - t p| \le r` with :math:`t = d \cdot p` clipped to :math:`[-h, h]`.
"""

import math

import numpy as np

SLENDERNESS = 3  # of the pieces of long capsules: longer ones fill less of their boxes


def cover(shape, volume_fraction, capsules):
    """Return an image of the capsules (centre, half-axis, radius) that fill a fraction of it.

    They come one after the other and may overlap; the last of them is left out if the fraction of
    the voxels is nearer without it and others are there.
    """
    voxels = np.zeros(math.prod(shape), dtype=np.uint8)
    missing = volume_fraction * len(voxels)
    for n, capsule in enumerate(capsules):
        added = mark(voxels, shape, *capsule)
        missing -= len(added)
        if missing <= 0:
            if n and -missing > missing + len(added):
                voxels[added] = 0
            break
    return voxels.reshape(shape)


def mark(voxels, shape, center, half_axis, radius):
    """Set the voxels of a capsule to 1, and return the indices of those that were 0 before.

    Long capsules are made of short ones, whose ends lie in their neighbours: small boxes of voxels
    hold them, and a capsule may be longer than the image. Its diameter is below half of the
    shortest side, or below that side if it is a ball.
    """
    longest = min(SLENDERNESS * radius, min(shape) / 2 - radius)
    n_pieces = max(1, math.ceil(math.sqrt(half_axis @ half_axis) / longest))
    half_piece = half_axis / n_pieces
    added = []
    for k in range(n_pieces):
        middle = center + (2 * k + 1 - n_pieces) * half_piece
        inside = _inside(shape, middle, half_piece, radius)
        new = inside[voxels[inside] == 0]
        voxels[new] = 1
        added.append(new)
    return np.concatenate(added)


def _inside(shape, middle, half_axis, radius):
    """Return the flat indices of the voxels of a capsule that is shorter than the image."""
    reach = np.abs(half_axis) + radius
    first, last = np.ceil(middle - reach).astype(int), np.floor(middle + reach).astype(int)
    index = distance = along = 0
    for axis, side in enumerate(shape):
        voxels = np.arange(first[axis], last[axis] + 1)
        voxels = voxels.reshape([-1 if other == axis else 1 for other in range(len(shape))])
        index = index * side + voxels % side
        offsets = voxels - middle[axis]
        distance = distance + np.square(offsets)
        along = along + offsets * half_axis[axis]
    squared_half = half_axis @ half_axis
    if squared_half:
        t = np.clip(along / squared_half, -1, 1)
        distance -= t * (2 * along - t * squared_half)
    return index[distance <= radius**2]
