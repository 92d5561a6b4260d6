"""Volume fractions: the share of voxels that a phase fills, p_i = <I_i>."""

from . import _kernels
from ._base import BaseDescriptor
from ._phase import PhaseDescriptor


class VolumeFraction(PhaseDescriptor):
    """Volume fraction of one phase, the one-point probability p1.

    See Also
    --------
    PhaseFractions : The fractions of all phases.
    TwoPointCorrelation : Its value at lag 0 is this fraction.

    Notes
    -----
    ``p1 = <I(x)>``, the mean of the phase's indicator I over the voxels (Torquato
    2002, Sec. 2.1). Called with probabilities it is the mean probability. Grey images have
    no labels: their mean grey level is returned. Of images with unknown voxels, masked or NaN, it
    is the mean over the known ones.

    References
    ----------
    .. [1] S. Torquato, *Random Heterogeneous Materials*, Springer, 2002.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.descriptors import VolumeFraction
    >>> image = np.array([[[0, 1, 1, 0], [1, 1, 0, 0]]])
    >>> VolumeFraction().fit_transform(image)
    array([[0.5]], dtype=float32)
    """

    name = "p1"
    takes_unknown = True

    def _describe(self, images, known=None):
        return _kernels.volume_fraction(self._field(images), known).unsqueeze(1)

    def _target_bounds(self):
        return (0.0, 1.0) if self.phases_ is not None else super()._target_bounds()


class PhaseFractions(BaseDescriptor):
    """Volume fractions of all phases, one feature for each label in ascending order.

    See Also
    --------
    VolumeFraction : The fraction of one phase.

    Notes
    -----
    ``p_i = <I_i(x)>``; the fractions sum to one. Grey images give one feature, their
    mean grey level. Of images with unknown voxels, masked or NaN, they are means over the known
    ones.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.descriptors import PhaseFractions
    >>> image = np.array([[[1, 3, 3, 1], [3, 3, 5, 1]]])
    >>> PhaseFractions().fit_transform(image)
    array([[0.375, 0.5  , 0.125]], dtype=float32)
    """

    name = "phase_fractions"
    takes_unknown = True

    def _describe(self, images, known=None):
        channels = images.flatten(0, 1)
        if known is not None:
            known = known.repeat_interleave(images.shape[1], dim=0)
        return _kernels.volume_fraction(channels, known).view(images.shape[:2])

    def _feature_names(self):
        if self.phases_ is None:
            return [f"{self.name}_grey"]
        return [f"{self.name}_{int(phase)}" for phase in self.phases_]

    def _target_bounds(self):
        return (0.0, 1.0) if self.phases_ is not None else super()._target_bounds()
