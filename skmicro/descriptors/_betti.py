"""Betti numbers: components, loops and cavities of a phase."""

import numpy as np
import torch

from . import _geometry_kernels
from ._clusters import cluster_numbers, enclosed_numbers
from ._labelling import phase_mask, ranks_around
from ._phase import (
    ConnectedDescriptor,
    EdgeCorrectedDescriptor,
    SpacedDescriptor,
    n_dimensions,
)


class BettiNumbers(SpacedDescriptor, EdgeCorrectedDescriptor, ConnectedDescriptor):
    r"""Numbers of components, loops and cavities of one phase per volume, by default per voxel.

    The features are

    - ``betti_0``: components;
    - ``betti_1``: independent loops: holes in two dimensions, tunnels and handles in three;
    - ``betti_2``: cavities, in three dimensions only.

    Multiply by the volume (the number of voxels times the product of ``spacing``, in the default
    unit the number of voxels) for the numbers of the whole image.

    See Also
    --------
    EulerNumber : Their alternating sum, with gradients.
    ClusterStatistics : Number and sizes of the components.

    Notes
    -----
    Betti numbers are the ranks of the homology groups [1]_ of the union of voxels that
    :class:`EulerNumber` describes for this ``connectivity``; the rest of the image has the other
    connectivity. Components are counted. What the phase encloses is counted in the rest, by
    Alexander duality: the cavities of a piece are the components of the rest that do not reach the
    border. The loops follow from the Euler characteristic, ``b_1 = b_0 + b_2 - chi``.

    *Periodic images* are tori, on which loops and surfaces may lead around as well. Alexander
    duality on the torus gives, for n components of the rest and the number r of independent
    directions in which closed walks in the rest lead around the image (their rank over the
    rational numbers),

        b_2 = n - 1 + (3 - r)

    in three dimensions. A layer across the image, whose rest leads around in two directions, has
    one: it is a closed surface itself. A band around a plane image has a loop. A phase that is the
    whole image has the numbers of the torus, (1, 2) or (1, 3, 3); that of the highest dimension,
    which no other phase has, is not a feature.

    *Windows.* Images that do not wrap around are windows of a material by default. Clusters of the
    phase, and in three dimensions of the rest, are counted as in :class:`ClusterStatistics`: not
    those at the border, and the others by the inverse of their chance to lie inside. The Euler
    characteristic is that of :class:`EulerNumber`. The means over windows of one material are its
    numbers per volume if its components and cavities have room in a window, but for those that
    percolate, which are none per volume. The loops of a single window may be negative.
    Without ``edge_correction`` the image is a piece, whose phase ends at the border.

    Counts have no gradient. Called with probabilities it takes the most probable phase of each
    voxel. Grey images have the phase where the level is at least 1/2. Sides of one pixel are
    ignored.

    References
    ----------
    .. [1] T. Kaczynski, K. Mischaikow and M. Mrozek, *Computational Homology*, Springer, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.descriptors import BettiNumbers
    >>> ring_and_dot = np.array([[[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1]]])
    >>> 16 * BettiNumbers(periodic=False, edge_correction=False).fit_transform(ring_and_dot)
    array([[2., 1.]], dtype=float32)
    """

    name = "betti"
    differentiable = False

    def _describe(self, images):
        mask, shape = phase_mask(self, images), images.shape[2:]
        numbers = betti_numbers(mask, corners=self._corners, **self._borders)
        numbers = numbers[:, : n_dimensions(shape)] / (mask[0].size * self._voxel_volume(shape))
        return torch.as_tensor(numbers, dtype=images.dtype, device=images.device)

    def _feature_names(self):
        return [f"{self.name}_{degree}" for degree in range(n_dimensions(self.image_shape_))]


def betti_numbers(mask, *, periodic=True, edge_correction=True, corners=False):
    """Return the numbers of components, loops and cavities of whole images, (n, 3).

    Images that are not ``periodic`` are windows of a material, whose numbers in the volume of one
    are estimated, or pieces without ``edge_correction``.
    """
    borders = {"periodic": periodic, "edge_correction": edge_correction}
    components = cluster_numbers(mask, corners=corners, **borders)
    euler = _geometry_kernels.euler_number(
        torch.from_numpy(mask).double(), corners=corners, **borders
    )
    euler = mask[0].size * euler.numpy()
    if periodic or not edge_correction:
        euler = np.rint(euler)
    n_axes = sum(side > 1 for side in mask.shape[1:])
    full = mask.reshape(len(mask), -1).all(axis=1) if periodic else np.zeros(len(mask))
    cavities = np.zeros(len(mask))
    if n_axes == 3 and periodic:
        rest = cluster_numbers(~mask, corners=not corners, **borders)
        cavities = rest + 2 - ranks_around(~mask, not corners) + full
    elif n_axes == 3:
        cavities = enclosed_numbers(~mask, corners=not corners, edge_correction=edge_correction)
    # The whole torus has one class of the highest dimension, which is among no other feature.
    highest = full * (-1) ** n_axes if n_axes > 1 else 0
    return np.stack([components, components + cavities + highest - euler, cavities], axis=1)
