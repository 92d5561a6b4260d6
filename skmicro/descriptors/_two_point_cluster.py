"""Two-point cluster function: how probable it is that two points lie in one cluster."""

import torch

from .._checks import check_choice, check_integer
from . import _lags
from ._base import BaseDescriptor
from ._cluster_correlation import cluster_correlation
from ._labelling import phase_mask
from ._topology import CONNECTIVITIES


class TwoPointCluster(BaseDescriptor):
    """Two-point cluster function C2 of one phase.

    ``C2(r)`` is the probability that both ends of a lag r, thrown at random into the image,
    hit the phase in one and the same cluster. A cluster is a connected component.

    Parameters
    ----------
    phase : int or None, default=None
        Label of the phase; ``None`` stands for the largest label.
    periodic : bool, default=True
        Whether the images, and the clusters in them, wrap around. Otherwise only pairs
        inside the image count.
    connectivity : {"faces", "corners"}, default="faces"
        Which voxels of the phase touch: those that share a face (4 neighbours in two
        dimensions, 6 in three), or those that share at least a corner (8, 26).
    max_lag : int or None, default=None
        Largest lag in pixels. ``None`` stands for half the shortest side longer than one
        pixel. At most half the longest side in periodic images, that side minus one in
        others.
    n_bins : int or None, default=None
        Bins of the curve; ``None`` stands for one for each whole lag, ``max_lag + 1``.
    image_shape : tuple of int or None, default=None
        Shape of the image behind a flat row.

    Attributes
    ----------
    lags_ : ndarray of shape (n_features,)
        Mean length of the lags in each bin in pixels.
    phases_ : ndarray of shape (n_phases,) or None
        Sorted labels seen in ``fit``; ``None`` for grey levels.
    image_shape_ : tuple of int
        Shape of one image.
    n_features_in_ : int
        Voxels of one image.

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
    >>> TwoPointCluster(max_lag=3).fit_transform(row)
    array([[0.5  , 0.25 , 0.125, 0.   ]], dtype=float32)
    """

    name = "two_point_cluster"
    differentiable = False

    def __init__(
        self,
        phase=None,
        *,
        periodic=True,
        connectivity="faces",
        max_lag=None,
        n_bins=None,
        image_shape=None,
    ):
        self.phase = phase
        self.periodic = periodic
        self.connectivity = connectivity
        self.max_lag = max_lag
        self.n_bins = n_bins
        self.image_shape = image_shape

    @property
    def lags_(self):
        """Mean length of the lags in each bin in pixels."""
        return _lags.radial_lags(self.image_shape_, **self._binning())

    def _binning(self):
        return {"periodic": self.periodic, "max_lag": self.max_lag, "n_bins": self.n_bins}

    def _check_parameters(self):
        check_choice("periodic", self.periodic, (True, False))
        check_choice("connectivity", self.connectivity, CONNECTIVITIES)
        if self.max_lag is not None:
            check_integer("max_lag", self.max_lag, 0)
        if self.n_bins is not None:
            check_integer("n_bins", self.n_bins, 1)
        if hasattr(self, "encoder_"):
            self.encoder_.channel_of(self.phase)
            max_lag = _lags.resolve_max_lag(self.image_shape_, self.max_lag, periodic=self.periodic)
            _lags.resolve_n_bins(max_lag, self.n_bins)

    def _describe(self, images):
        corners = self.connectivity == "corners"
        curves = cluster_correlation(phase_mask(self, images), corners=corners, **self._binning())
        return torch.as_tensor(curves, dtype=images.dtype, device=images.device)

    def _feature_names(self):
        return [f"{self.name}_r{k}" for k in range(len(self.lags_))]

    def _target_bounds(self):
        return 0.0, 1.0
