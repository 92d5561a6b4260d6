"""Two-point correlation: how probable two phases are at the ends of a lag."""

from itertools import product
from math import prod

import numpy as np
import torch

from .._checks import check_choice, check_integer
from . import _kernels, _lags
from ._base import BaseDescriptor

_OUTPUTS = ("radial", "map", "directional")
_NORMALIZATIONS = (False, "fraction", "autocovariance")


class TwoPointCorrelation(BaseDescriptor):
    """Two-point correlation S2 of one phase, or of two phases.

    ``S2(r)`` is the probability that both ends of a lag r, thrown at random into the
    image, hit the phase. With ``other_phase`` it is the probability that the tail hits
    ``phase`` and the head ``other_phase``.

    Parameters
    ----------
    phase : int or None, default=None
        Label of the phase at the tail; ``None`` stands for the largest label.
    other_phase : int or None, default=None
        Label of the phase at the head; ``None`` stands for ``phase``.
    periodic : bool, default=True
        Whether the images wrap around. Otherwise only pairs inside the image count.
    output : {"radial", "map", "directional"}, default="radial"
        The average over lags of one length, the value at every lag vector (flattened,
        the last axis fastest), or profiles along the axes, one after the other.
    normalized : {False, "fraction", "autocovariance"}, default=False
        ``"fraction"`` gives ``S2 / p1``, from 1 at r = 0 to p1 far away, the chance of
        meeting ``other_phase`` at a distance from a voxel of ``phase``;
        ``"autocovariance"`` gives ``(S2 - p1^2) / (p1 - p1^2)``, from 1 to 0. Images
        without the phase have ``S2 / p1 = 0``, and images of one phase only have
        autocovariance 0, at all lags.
    max_lag : int or None, default=None
        Largest lag in pixels. ``None`` stands for half the shortest side longer than
        one pixel (for ``"map"``: half of each side). At most half the longest side in
        periodic images, that side minus one in others.
    n_bins : int or None, default=None
        Bins of the radial output; ``None`` stands for one for each whole lag,
        ``max_lag + 1``.
    image_shape : tuple of int or None, default=None
        Shape of the image behind a flat row.

    Attributes
    ----------
    lags_ : ndarray of shape (n_features,) or (n_features, n_axes)
        Lag of each feature in pixels: mean length of a bin's lags, distance along an
        axis, or lag vector of the map.
    phases_ : ndarray of shape (n_phases,) or None
        Sorted labels seen in ``fit``; ``None`` for grey levels.
    image_shape_ : tuple of int
        Shape of one image.
    n_features_in_ : int
        Voxels of one image.

    See Also
    --------
    VolumeFraction : The value at lag 0.
    SpecificSurface : The slope at lag 0.

    Notes
    -----
    For indicators I_i, I_j of the phases [1]_

        S_ij(r) = <I_i(x) I_j(x + r)>,

    the mean being over all voxels x of a periodic image, and over the
    ``prod_a (L_a - |r_a|)`` pairs that exist in an image of sides L_a with borders. It
    is computed by fast Fourier transforms [2]_; only the value at r = 0 is computed
    directly and equals the volume fraction exactly (for probabilities and grey levels:
    the mean square).

    *Radial bins.* Bin 0 holds r = 0 alone, bin k the lags with
    ``k - 1/2 <= |r| < k + 1/2``. With ``n_bins`` the range from 1/2 to
    ``max_lag + 1/2`` is cut into ``n_bins - 1`` equal parts instead. A periodic image
    counts each of its voxels once as a lag; with borders each pair of voxels counts
    once, so that lags of many pairs weigh more. ``lags_`` holds the mean lengths.

    *Map.* The lags along an axis run upwards from minus to plus the largest lag; a
    periodic even side L has the lag L/2 once, as -L/2. The zero lag is at index
    ``L // 2``, as after ``numpy.fft.fftshift``.

    *Normalisation* ``"autocovariance"`` is the correlation of the fluctuations,
    ``<(a(x) - <a>) (b(x + r) - <b>)> / sqrt(var a var b)``. For indicators of one phase
    in periodic images this is ``(S2 - p1^2) / (p1 - p1^2)``; with borders the two
    differ by what p1 varies between the inside and the rim.

    References
    ----------
    .. [1] S. Torquato, *Random Heterogeneous Materials*, Springer, 2002, Sec. 2.2.
    .. [2] J. G. Berryman, "Measurement of spatial correlation functions using image
       processing techniques", J. Appl. Phys. 57, 2374-2384, 1985.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.descriptors import TwoPointCorrelation
    >>> stripes = np.tile([0, 0, 1, 1], (1, 8, 2))
    >>> directional = TwoPointCorrelation(output="directional").fit(stripes)
    >>> directional.transform(stripes)[0, 5:].round(3) + 0
    array([0.5 , 0.25, 0.  , 0.25, 0.5 ], dtype=float32)
    """

    name = "p2"

    def __init__(
        self,
        phase=None,
        other_phase=None,
        *,
        periodic=True,
        output="radial",
        normalized=False,
        max_lag=None,
        n_bins=None,
        image_shape=None,
    ):
        self.phase = phase
        self.other_phase = other_phase
        self.periodic = periodic
        self.output = output
        self.normalized = normalized
        self.max_lag = max_lag
        self.n_bins = n_bins
        self.image_shape = image_shape

    @property
    def lags_(self):
        """Lag of each feature in pixels."""
        options = {"periodic": self.periodic, "max_lag": self.max_lag}
        if self.output == "radial":
            return _lags.radial_lags(self.image_shape_, n_bins=self.n_bins, **options)
        if self.output == "map":
            return np.array(list(product(*_lags.map_lags(self.image_shape_, **options))))
        return np.concatenate([np.arange(limit + 1) for limit in self._axis_limits()])

    def _axis_limits(self):
        options = {"periodic": self.periodic}
        max_lag = _lags.resolve_max_lag(self.image_shape_, self.max_lag, **options)
        return _lags.axis_limits(self.image_shape_, max_lag, **options)

    def _check_parameters(self):
        check_choice("output", self.output, _OUTPUTS)
        check_choice("normalized", self.normalized, _NORMALIZATIONS)
        check_choice("periodic", self.periodic, (True, False))
        if self.max_lag is not None:
            check_integer("max_lag", self.max_lag, 0)
        if self.n_bins is not None:
            check_integer("n_bins", self.n_bins, 1)
            if self.output != "radial":
                raise ValueError(
                    f"n_bins must be None for output={self.output!r}, got {self.n_bins}."
                )
        if hasattr(self, "encoder_"):
            self.encoder_.channel_of(self.phase)
            self.encoder_.channel_of(self.other_phase)
            max_lag = _lags.resolve_max_lag(self.image_shape_, self.max_lag, periodic=self.periodic)
            _lags.resolve_n_bins(max_lag, self.n_bins)

    def _describe(self, images):
        tail = self._phase_field(images, self.phase)
        head = None
        if self.other_phase is not None:
            head = self._phase_field(images, self.other_phase)
        if self.normalized == "autocovariance":
            deviations = [None if f is None else _kernels.standardize(f) for f in (tail, head)]
            return self._correlate(*deviations)
        values = self._correlate(tail, head)
        return _kernels.divide_by_fraction(values, tail) if self.normalized else values

    def _correlate(self, tail, head):
        options = {"periodic": self.periodic, "max_lag": self.max_lag}
        if self.output == "radial":
            return _kernels.radial_correlation(tail, head, n_bins=self.n_bins, **options)
        if self.output == "map":
            return _kernels.correlation_map(tail, head, **options).flatten(1)
        return torch.cat(_kernels.directional_correlation(tail, head, **options), dim=1)

    def _feature_names(self):
        if self.output == "radial":
            return [f"{self.name}_r{k}" for k in range(len(self.lags_))]
        if self.output == "map":
            return [f"{self.name}_" + "_".join(map(str, lag)) for lag in self.lags_]
        return [
            f"{self.name}_axis{axis}_r{lag}"
            for axis, limit in enumerate(self._axis_limits())
            for lag in range(limit + 1)
        ]

    def _n_features(self):
        if self.output != "map":
            return super()._n_features()
        options = {"periodic": self.periodic, "max_lag": self.max_lag}
        return prod(map(len, _lags.map_lags(self.image_shape_, **options)))

    def _target_bounds(self):
        probability = self.phases_ is not None and self.normalized is False
        return (0.0, 1.0) if probability else super()._target_bounds()
