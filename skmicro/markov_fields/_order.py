r"""The order in which voxels are visited, and what is known of a window when its voxel is.

Raster order visits a voxel after all voxels before it in its row and after all earlier rows. Of a
window of radii r it matters only what is known inside it, and for that it is enough that voxel x is
visited at the time

.. math:: t(x) = \sum_a T_a x_a, \qquad T_a = 1 + \sum_{b > a} r_b T_b:

in the window, voxels of smaller t are those that raster order has visited before. Voxels of equal t
do not see each other and are visited together, along diagonals, so that a square of side N takes
(r + 2) (N - 1) + 1 steps in place of N^2. Where images wrap around, the window does as well: the
last rows see the first ones, and opposite borders match.
"""

import itertools
from functools import cached_property

import numpy as np

LARGEST_SHARE = 4  # the window reaches no farther than this part of an image, 1 / 4
PART = 2**13


def window_radii(radius, shape):
    """Return the radius of the window along each axis of images of a shape."""
    return tuple(min(radius, side // LARGEST_SHARE) for side in shape)


class CausalOrder:
    """The order of the voxels of images of one shape.

    Parameters
    ----------
    radii : tuple of int
        Radii of the window along each axis.
    shape : tuple of int
        Shape of the images.
    periodic : bool
        Whether the window wraps around the borders.
    """

    def __init__(self, radii, shape, periodic):
        self.radii, self.shape, self.periodic = radii, shape, periodic
        self.n_voxels = int(np.prod(shape))
        box = itertools.product(*(range(-r, r + 1) for r in radii))
        self.offsets = np.array([o for o in box if any(o)], dtype=np.int64)
        self.offsets = self.offsets.reshape(-1, len(shape))
        strides = np.ones(len(shape), dtype=np.int64)
        for axis in range(len(shape) - 2, -1, -1):
            strides[axis] = 1 + np.dot(radii[axis + 1 :], strides[axis + 1 :])
        self._strides = strides

    @cached_property
    def steps(self):
        """Voxels that are visited together, one array of indices for each step."""
        times = np.stack(np.unravel_index(np.arange(self.n_voxels), self.shape), 1) @ self._strides
        order = np.argsort(times, kind="stable")
        return np.split(order, np.flatnonzero(np.diff(times[order])) + 1)

    @cached_property
    def closing_voxels(self):
        """Voxels that see, across a border, what raster order would visit after them."""
        voxels = np.arange(self.n_voxels)
        return voxels[np.concatenate([self.closes(part) for part in _parts(voxels)])]

    def closes(self, voxels):
        """Tell which of some voxels (m,) see what raster order would visit after them."""
        if not self.periodic:
            return np.zeros(len(voxels), dtype=bool)
        return self.known(voxels)[:, len(self.offsets) // 2 :].any(axis=1)

    def windows(self, voxels):
        """Return the voxels (m, n_offsets) in the windows around voxels (m,).

        Those outside the image have the index ``n_voxels``.
        """
        return self._around(voxels)[0]

    def known(self, voxels):
        """Tell which voxels of the windows are visited before the voxels (m,), (m, n_offsets)."""
        index, times, own = self._around(voxels)
        return (index < self.n_voxels) & (times < own)

    def neighbours(self, voxels):
        """Return the windows (m, n_offsets); what is not known has the index ``n_voxels``."""
        index, times, own = self._around(voxels)
        return np.where(times < own, index, self.n_voxels)

    def _around(self, voxels):
        """Return the windows (m, n_offsets), their times, and the times (m, 1) of the voxels."""
        centres = np.stack(np.unravel_index(voxels, self.shape), axis=1)
        own = (centres @ self._strides)[:, None]
        index = times = outside = 0
        for axis, side in enumerate(self.shape):
            place = centres[:, axis, None] + self.offsets[:, axis]
            if self.periodic:
                place %= side
            outside = outside | (place < 0) | (place >= side)
            index, times = index * side + place, times + place * self._strides[axis]
        return np.where(outside, self.n_voxels, index), times, own


def _parts(voxels):
    return np.array_split(voxels, max(1, len(voxels) // PART))
