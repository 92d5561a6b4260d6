"""Lineal path function: how probable it is that a whole segment lies in a phase."""

import numpy as np

from .._checks import check_choice, check_integer
from . import _lags, _line_kernels
from ._base import BaseDescriptor
from ._probability import phase_probability


class LinealPath(BaseDescriptor):
    """Lineal path function L of one phase, along the axes.

    ``L(r)`` is the probability that a segment of r + 1 voxels along an axis, thrown at
    random into the image, lies wholly in the phase.

    Parameters
    ----------
    phase : int or None, default=None
        Label of the phase; ``None`` stands for the largest label.
    max_lag : int or None, default=None
        Largest distance between the end voxels of a segment, in pixels. ``None`` stands
        for half the shortest side longer than one pixel. At most half the longest side in
        periodic images, that side minus one in others.
    periodic : bool, default=True
        Whether the images wrap around. Otherwise only segments inside the image count.
    image_shape : tuple of int or None, default=None
        Shape of the image behind a flat row.

    Attributes
    ----------
    lags_ : ndarray of shape (n_features,)
        Distance r of each feature in pixels, from 0 to the largest.
    phases_ : ndarray of shape (n_phases,) or None
        Sorted labels seen in ``fit``; ``None`` for grey levels.
    image_shape_ : tuple of int
        Shape of one image.
    n_features_in_ : int
        Voxels of one image.

    See Also
    --------
    TwoPointCorrelation : Asks of the two ends only, hence it is never smaller.
    ChordLength : Its second difference.

    Notes
    -----
    ``L(r)`` is the mean of ``I(x) I(x + e_i) ... I(x + r e_i)`` over the voxels x, or over
    the segments that there are in an image with borders [1]_ [2]_; the mean over the axes
    i gives each axis that has the lag r the same weight. ``L(0)`` is the volume fraction.
    ``L`` holds what S2 does not see, that the phase is connected along the segment.

    Called with probabilities it is the expectation for independent voxels. Grey levels are
    read as probabilities and clipped to [0, 1].

    References
    ----------
    .. [1] B. Lu and S. Torquato, "Lineal-path function for random heterogeneous
       materials", Phys. Rev. A 45, 922-929, 1992.
    .. [2] S. Torquato, *Random Heterogeneous Materials*, Springer, 2002, Sec. 2.4.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.descriptors import LinealPath
    >>> row = np.array([[[0, 1, 1, 1, 0, 0, 1, 0]]])
    >>> LinealPath(max_lag=3).fit_transform(row)
    array([[0.5  , 0.25 , 0.125, 0.   ]], dtype=float32)
    """

    name = "lineal_path"

    def __init__(self, phase=None, max_lag=None, periodic=True, image_shape=None):
        self.phase = phase
        self.max_lag = max_lag
        self.periodic = periodic
        self.image_shape = image_shape

    @property
    def lags_(self):
        """Distance between the end voxels of each feature's segments in pixels."""
        return np.arange(1 + self._resolved_max_lag())

    def _resolved_max_lag(self):
        return _lags.resolve_max_lag(self.image_shape_, self.max_lag, periodic=self.periodic)

    def _check_parameters(self):
        check_choice("periodic", self.periodic, (True, False))
        if self.max_lag is not None:
            check_integer("max_lag", self.max_lag, 0)
        if hasattr(self, "encoder_"):
            self.encoder_.channel_of(self.phase)
            self._resolved_max_lag()

    def _describe(self, images):
        field = phase_probability(self, images)
        return _line_kernels.lineal_path(field, periodic=self.periodic, max_lag=self.max_lag)

    def _feature_names(self):
        return [f"{self.name}_r{lag}" for lag in self.lags_]

    def _target_bounds(self):
        return 0.0, 1.0
