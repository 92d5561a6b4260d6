"""Lineal path function: how probable it is that a whole segment lies in a phase."""

import numpy as np
import torch

from ..parameters import parameter
from ..rules import choice
from . import _lags, _line_kernels, _masked_lines
from ._curves import CurveDescriptor


class LinealPath(CurveDescriptor):
    """Lineal path function L of one phase, along the axes.

    ``L(r)`` is the probability that a segment of r + 1 voxels along an axis, thrown at
    random into the image, lies wholly in the phase.

    Attributes
    ----------
    lags_ : ndarray of shape (n_features,)
        Distance r of each feature in the unit of ``spacing``, from 0 to the largest.

    See Also
    --------
    TwoPointCorrelation : Asks of the two ends only, hence it is never smaller.
    ChordLength : Its second difference.

    Notes
    -----
    ``L(r)`` is the mean of ``I(x) I(x + e_i) ... I(x + r e_i)`` over the voxels x, or over
    the segments that there are in an image with borders [1]_ [2]_; the mean over the axes
    i gives each axis that has the lag r the same weight. ``L(0)`` is the volume fraction.
    Where ``spacing`` differs, the mean is over the axes that have a lag which, rounded to whole
    steps of the shortest one, is r. ``L`` holds what S2 does not see, that the phase is connected
    along the segment.

    Called with probabilities it is the expectation for independent voxels. Grey levels are
    read as probabilities and clipped to [0, 1].

    Where voxels are unknown, masked or NaN, the means are over the segments that are wholly known,
    and over the axes that have any; NaN where no axis has.

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
    >>> LinealPath(max_lag=3, periodic=True).fit_transform(row)
    array([[0.5  , 0.25 , 0.125, 0.   ]], dtype=float32)
    """

    name = "lineal_path"
    takes_unknown = True
    output: str = parameter(
        "mean",
        choice("mean", "directional"),
        "The mean over the axes, or the function along each axis, one after the other.",
    )

    @property
    def lags_(self):
        """Distance between the end voxels of each feature's segments, in the unit of spacing."""
        if self.output == "mean":
            unit, _ = self._unit_and_scales(self.image_shape_)
            return _lags.in_units(np.arange(1 + self._resolved_max_lag()), unit)
        return np.concatenate(self._axis_lags())

    def _describe(self, images, known=None):
        field = self._probability(images, known)
        _, scales = self._unit_and_scales(field.shape[1:])
        options = {"periodic": self._wraps, "max_lag": self.max_lag, "scales": scales}
        kernels = _line_kernels
        if known is not None:
            kernels, options = _masked_lines, options | {"known": known}
        if self.output == "mean":
            return kernels.lineal_path(field, **options)
        return torch.cat(kernels.directional_lineal_path(field, **options), dim=1)

    def _feature_names(self):
        if self.output == "mean":
            return super()._feature_names()
        return [
            f"{self.name}_axis{axis}_r{lag}"
            for axis, lags in enumerate(self._axis_lags())
            for lag in range(len(lags))
        ]

    def _target_bounds(self):
        return 0.0, 1.0
