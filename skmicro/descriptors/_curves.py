"""What curves over lags share: the largest lag, and the bins."""

from ..parameters import parameter
from ..rules import integer, optional
from . import _lags
from ._phase import SpatialDescriptor


class CurveDescriptor(SpatialDescriptor):
    """Base class of descriptors with a feature for each lag up to the largest.

    Subclasses have ``lags_``.
    """

    max_lag: int | None = parameter(
        None,
        optional(integer(0)),
        """Largest lag in pixels. ``None`` stands for half the shortest side longer than one
        pixel. At most half the longest side in periodic images, that side minus one in
        others.""",
    )

    def _check_parameters(self):
        super()._check_parameters()
        if hasattr(self, "encoder_"):
            self._resolved_max_lag()

    def _resolved_max_lag(self):
        return _lags.resolve_max_lag(self.image_shape_, self.max_lag, periodic=self._wraps)

    def _feature_names(self):
        return [f"{self.name}_r{k}" for k in range(len(self.lags_))]


class BinnedDescriptor(CurveDescriptor):
    """Base class of descriptors averaged over lags of about the same length.

    Attributes
    ----------
    lags_ : ndarray of shape (n_features,)
        Mean length of the lags in each bin in pixels.
    """

    n_bins: int | None = parameter(
        None,
        optional(integer(1)),
        """Bins of the average over lags of one length; ``None`` stands for one for each whole
        lag, ``max_lag + 1``.""",
    )

    @property
    def lags_(self):
        """Mean length of the lags in each bin in pixels."""
        return _lags.radial_lags(self.image_shape_, **self._binning())

    def _binning(self):
        return {"periodic": self._wraps, "max_lag": self.max_lag, "n_bins": self.n_bins}

    def _check_parameters(self):
        super()._check_parameters()
        if hasattr(self, "encoder_"):
            _lags.resolve_n_bins(self._resolved_max_lag(), self.n_bins)
