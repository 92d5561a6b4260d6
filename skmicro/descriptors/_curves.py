"""What curves over lags share: the largest lag, and the bins."""

import numpy as np

from ..parameters import parameter
from ..rules import integer, optional
from . import _lags
from ._phase import SpacedDescriptor, SpatialDescriptor


class CurveDescriptor(SpacedDescriptor, SpatialDescriptor):
    """Base class of descriptors with a feature for each lag up to the largest.

    Subclasses have ``lags_``.
    """

    max_lag: int | None = parameter(
        None,
        optional(integer(0)),
        """Largest lag in voxels, of the finest axis where ``spacing`` differs. ``None`` means
        half the shortest side longer than one voxel. At most half the longest side in periodic
        images, that side minus one in others; a finest one where ``spacing`` differs.""",
    )

    def _check_parameters(self):
        super()._check_parameters()
        if hasattr(self, "encoder_"):
            self._resolved_max_lag()

    def _resolved_max_lag(self):
        options = {"periodic": self._wraps, "scales": self._scales}
        return _lags.resolve_max_lag(self.image_shape_, self.max_lag, **options)

    @property
    def _scales(self):
        return self._unit_and_scales(self.image_shape_)[1]

    def _axis_lags(self):
        """Return the lags along each axis, in units of length."""
        options = {"periodic": self._wraps, "scales": self._scales}
        limits = _lags.axis_limits(self.image_shape_, self._resolved_max_lag(), **options)
        spacing = self._spacing(len(limits))
        return [
            _lags.in_units(np.arange(limit + 1), step)
            for step, limit in zip(spacing, limits, strict=True)
        ]

    def _feature_names(self):
        return [f"{self.name}_r{k}" for k in range(len(self.lags_))]


class BinnedDescriptor(CurveDescriptor):
    """Base class of descriptors averaged over lags of about the same length.

    Attributes
    ----------
    lags_ : ndarray of shape (n_features,)
        Mean length of the lags in each bin, in the unit of ``spacing``.
    """

    n_bins: int | None = parameter(
        None,
        optional(integer(1)),
        """Bins of the average over lags of one length; ``None`` means one for each whole
        lag, ``max_lag + 1``.""",
    )

    @property
    def lags_(self):
        """Mean length of the lags in each bin, in the unit of ``spacing``."""
        unit, scales = self._unit_and_scales(self.image_shape_)
        return unit * _lags.radial_lags(self.image_shape_, **self._binning(), scales=scales)

    def _binning(self):
        return {"periodic": self._wraps, "max_lag": self.max_lag, "n_bins": self.n_bins}

    def _check_parameters(self):
        super()._check_parameters()
        if hasattr(self, "encoder_"):
            _lags.resolve_n_bins(self._resolved_max_lag(), self.n_bins)
