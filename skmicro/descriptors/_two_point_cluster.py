"""Two-point cluster function: how probable it is that two points lie in one cluster."""

import torch

from ._cluster_correlation import cluster_correlation
from ._curves import BinnedDescriptor
from ._labelling import phase_mask
from ._phase import ConnectedDescriptor


class TwoPointCluster(ConnectedDescriptor, BinnedDescriptor):
    """Two-point cluster function C2 of one phase.

    ``C2(r)`` is the probability that both ends of a lag r, thrown at random into the image,
    hit the phase in one and the same cluster. A cluster is a connected component.

    See Also
    --------
    TwoPointCorrelation : The same without the condition of one cluster, with gradients.
    ClusterStatistics : Number, size and percolation of the clusters.

    Notes
    -----
    With the indicators I_c of the clusters c of the phase [1]_ [2]_

        C2(r) = sum_c <I_c(x) I_c(x + r)>,

    the mean being over all pairs of voxels a lag r apart, and over the lags of each bin, as
    in the radial output of :class:`TwoPointCorrelation`, which has the same bins. ``C2(0)`` is
    the volume fraction; ``C2(r) <= S2(r)``, with equality where the phase is one cluster. The
    sum of C2 over all lags of a periodic image is p1 times the mean size of
    :class:`ClusterStatistics`: C2 has a long range only where clusters are large, and tends
    to the square of the largest one's volume fraction where that one percolates.

    In periodic images a lag is the shortest vector between two voxels, whichever way the
    cluster connects them.

    Clusters have no gradient. The descriptor is not ``differentiable``: it refuses tensors
    that require one, and is neither an invariance of training nor a target of sampling.
    Called with probabilities it takes the most probable phase of each voxel. Grey images
    have the phase where the level is at least 1/2.

    References
    ----------
    .. [1] S. Torquato, J. D. Beasley and Y. C. Chiew, "Two-point cluster function for
       continuum percolation", J. Chem. Phys. 88, 6540-6547, 1988.
    .. [2] S. Torquato, *Random Heterogeneous Materials*, Springer, 2002, Sec. 2.7 and 9.4.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.descriptors import TwoPointCluster
    >>> row = np.array([[[0, 1, 1, 1, 0, 0, 1, 0]]])
    >>> TwoPointCluster(max_lag=3, periodic=True).fit_transform(row)
    array([[0.5  , 0.25 , 0.125, 0.   ]], dtype=float32)
    """

    name = "two_point_cluster"
    differentiable = False

    def _describe(self, images):
        mask = phase_mask(self, images)
        _, scales = self._unit_and_scales(mask.shape[1:])
        options = self._binning() | {"corners": self._corners, "scales": scales}
        curves = cluster_correlation(mask, **options)
        return torch.as_tensor(curves, dtype=images.dtype, device=images.device)

    def _target_bounds(self):
        return 0.0, 1.0
