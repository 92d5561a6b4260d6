"""Topology: the Euler characteristic of a phase."""

from . import _geometry_kernels
from ._phase import ConnectedDescriptor, EdgeCorrectedDescriptor, SpacedDescriptor


class EulerNumber(SpacedDescriptor, EdgeCorrectedDescriptor, ConnectedDescriptor):
    """Euler characteristic of one phase per volume, by default per voxel.

    It is the number of components minus the number of holes in two dimensions, and
    components minus tunnels plus cavities in three. Multiply by the volume (the
    number of voxels times the product of ``spacing``, in the default unit the number of voxels)
    for the characteristic of the whole image, on which ``spacing`` has no effect.

    See Also
    --------
    ClusterStatistics : Number and sizes of the components.

    Notes
    -----
    Cells of a complex are counted, vertices minus edges plus squares (minus cubes) [1]_
    [2]_. With ``"faces"`` the voxels of the phase are the vertices, and the k-cells the
    blocks of ``2^k`` voxels that lie wholly in the phase; with ``"corners"`` the voxels
    are closed cubes, and cells are their corners, edges, faces and insides. A disc has 1,
    a ring 0, a ball 1, a hollow ball 2, a solid ring 0. In periodic images a phase that
    fills the image or a band around it has 0. The rest of the image has the other connectivity.

    *Borders.* A window of a material sees cells that go on beyond it. The number of cells of
    each kind is divided by the number of places where the window has room for one, which is
    unbiased: the mean over windows of one material, however small, is the value of the material
    [2]_. Without ``edge_correction`` the image is a piece, whose phase ends at the border; for
    64^3 voxels of a rock that can be a tenth of the value of the material.

    All counts are sums of products of voxels. Called with probabilities the descriptor is
    the expectation for independent voxels, with gradients. Grey levels are read as
    probabilities and clipped to [0, 1]. Sides of one pixel are ignored.

    References
    ----------
    .. [1] J. Serra, *Image Analysis and Mathematical Morphology*, Academic Press, 1982.
    .. [2] J. Ohser and F. Muecklich, *Statistical Analysis of Microstructures in Materials
       Science*, Wiley, 2000.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.descriptors import EulerNumber
    >>> ring_and_dot = np.array([[[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0], [0, 0, 0, 1]]])
    >>> 16 * EulerNumber(periodic=False, edge_correction=False).fit_transform(ring_and_dot)
    array([[1.]], dtype=float32)
    >>> descriptor = EulerNumber(periodic=False, edge_correction=False, connectivity="corners")
    >>> 16 * descriptor.fit_transform(ring_and_dot)
    array([[0.]], dtype=float32)
    """

    name = "euler_number"

    def _describe(self, images):
        euler = _geometry_kernels.euler_number(
            self._probability(images), corners=self._corners, **self._borders
        )
        return euler.unsqueeze(1) / self._voxel_volume(images.shape[2:])
