"""Descriptors of microstructure: scikit-learn transformers over differentiable functions.

Every descriptor maps images to rows of figures with ``transform``, and tensors of phase
probabilities to the same figures, with gradients, when it is called.
"""

from ._fractions import PhaseFractions, VolumeFraction
from ._registry import descriptor_named
from ._surface import SpecificSurface
from ._two_point import TwoPointCorrelation

__all__ = [
    "PhaseFractions",
    "SpecificSurface",
    "TwoPointCorrelation",
    "VolumeFraction",
    "descriptor_named",
]
