"""Two-point correlation: how probable two phases are at the ends of a lag."""

from itertools import product
from math import prod

import numpy as np
import torch

from ..parameters import parameter
from ..rules import choice, label
from . import _kernels, _lags
from ._curves import BinnedDescriptor


class TwoPointCorrelation(BinnedDescriptor):
    """Two-point correlation S2 of one phase, or of two phases.

    ``S2(r)`` is the probability that both ends of a lag r, thrown at random into the
    image, hit the phase. With ``other_phase`` it is the probability that the tail hits
    ``phase`` and the head ``other_phase``.

    Attributes
    ----------
    lags_ : ndarray of shape (n_features,) or (n_features, n_axes)
        Lag of each feature in the unit of ``spacing``: mean length of a bin's lags, distance
        along an axis, or lag vector of the map.

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

    *Spacing.* Lags are lengths, and a bin is as wide as the shortest ``spacing``. Names of features
    count voxels and bins.

    *Map.* The lags along an axis run upwards from minus to plus the largest lag; a
    periodic even side L has the lag L/2 once, as -L/2. The zero lag is at index
    ``L // 2``, as after ``numpy.fft.fftshift``.

    *Normalisation* ``"autocovariance"`` is the correlation of the fluctuations,
    ``<(a(x) - <a>) (b(x + r) - <b>)> / sqrt(var a var b)``. For indicators of one phase
    in periodic images this is ``(S2 - p1^2) / (p1 - p1^2)``; with borders the two
    differ by what p1 varies between the inside and the rim.

    The *variogram* (semivariogram of geostatistics) needs no mean: it is half the mean square
    difference over the pairs that S2 is the mean product of, p1 - S2 in periodic images. With
    ``other_phase`` it is the cross-variogram,
    ``<(I_i(x) - I_i(x + r)) (I_j(x) - I_j(x + r))> / 2``.

    *Unknown voxels*, masked or NaN: the means are over the pairs whose ends are both known, counted
    by the autocorrelation of the mask, and those of the normalisations over the known voxels. NaN
    where there is no such pair.

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
    >>> directional = TwoPointCorrelation(output="directional", periodic=True).fit(stripes)
    >>> directional.transform(stripes)[0, 5:].round(3) + 0
    array([0.5 , 0.25, 0.  , 0.25, 0.5 ], dtype=float32)
    """

    name = "p2"
    takes_unknown = True
    other_phase: int | None = parameter(
        None,
        label(),
        "Label of the phase at the head; ``None`` means ``phase``, which is at the tail.",
    )
    output: str = parameter(
        "radial",
        choice("radial", "map", "directional"),
        """The average over lags of one length, the value at every lag vector (flattened, the
        last axis fastest; by default up to half of each side), or profiles along the axes, one
        after the other.""",
    )
    normalized: str | bool = parameter(
        False,
        choice(False, "fraction", "autocovariance", "variogram"),
        """``"fraction"`` gives ``S2 / p1``, from 1 at r = 0 to p1 far away, the chance of
        meeting ``other_phase`` at a distance from a voxel of ``phase``;
        ``"autocovariance"`` gives ``(S2 - p1^2) / (p1 - p1^2)``, from 1 to 0, the covariance
        divided by the variance; ``"variogram"`` gives ``<(I(x) - I(x + r))^2> / 2``, from 0 to the
        variance. Images without the phase have ``S2 / p1 = 0``, and images of one phase only have
        autocovariance 0, at all lags.""",
    )

    @property
    def lags_(self):
        """Lag of each feature in the unit of ``spacing``."""
        if self.output == "radial":
            return super().lags_
        if self.output == "map":
            lags = np.array(list(product(*self._map_lags())))
            return _lags.in_units(lags, self._spacing(lags.shape[1]))
        return np.concatenate(self._axis_lags())

    def _map_lags(self):
        """Return the lags along each axis, in voxels."""
        options = {"periodic": self._wraps, "scales": self._scales}
        return _lags.map_lags(self.image_shape_, self.max_lag, **options)

    def _check_parameters(self):
        super()._check_parameters()
        if self.n_bins is not None and self.output != "radial":
            raise ValueError(f"n_bins must be None for output={self.output!r}, got {self.n_bins}.")
        if hasattr(self, "encoder_"):
            self.encoder_.channel_of(self.other_phase, "other_phase")

    def _describe(self, images, known=None):
        tail = self._field(images, known)
        head = None
        if self.other_phase is not None:
            head = self._phase_field(images, self.other_phase)
            head = head if known is None else head * known
        if self.normalized == "autocovariance":
            fields = (tail, head)
            deviations = [None if f is None else _kernels.standardize(f, known) for f in fields]
            return self._correlate(*deviations, known)
        if self.normalized == "variogram":
            return self._variogram(tail, tail if head is None else head, known)
        values = self._correlate(tail, head, known)
        return _kernels.divide_by_fraction(values, tail, known) if self.normalized else values

    def _variogram(self, tail, head, known):
        """Return half the mean product of differences between the ends of lags."""
        product = tail * head
        if self._wraps and known is None:
            at_an_end = product.flatten(1).mean(1, keepdim=True)
        else:
            # Pairs in a window do not have their ends everywhere alike.
            everywhere = torch.ones_like(product) if known is None else known
            at_an_end = self._both_ways(product, everywhere, known)
        return at_an_end - self._both_ways(tail, head, known)

    def _both_ways(self, tail, head, known):
        """Return the mean of correlations over r and -r."""
        values = self._correlate(tail, None if head is tail else head, known)
        if head is tail or self.output == "radial":
            return values
        return (values + self._correlate(head, tail, known)) / 2

    def _correlate(self, tail, head, known):
        _, scales = self._unit_and_scales(tail.shape[1:])
        options = {"periodic": self._wraps, "max_lag": self.max_lag}
        options |= {"known": known, "scales": scales}
        if self.output == "radial":
            return _kernels.radial_correlation(tail, head, n_bins=self.n_bins, **options)
        if self.output == "map":
            return _kernels.correlation_map(tail, head, **options).flatten(1)
        return torch.cat(_kernels.directional_correlation(tail, head, **options), dim=1)

    def _feature_names(self):
        if self.output == "radial":
            return super()._feature_names()
        if self.output == "map":
            lags = product(*self._map_lags())
            return [f"{self.name}_" + "_".join(map(str, lag)) for lag in lags]
        return [
            f"{self.name}_axis{axis}_r{lag}"
            for axis, lags in enumerate(self._axis_lags())
            for lag in range(len(lags))
        ]

    def _n_features(self):
        if self.output != "map":
            return super()._n_features()
        return prod(map(len, self._map_lags()))

    def _target_bounds(self):
        probability = self.phases_ is not None and self.normalized is False
        return (0.0, 1.0) if probability else super()._target_bounds()
