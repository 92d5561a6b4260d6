"""Descriptors of microstructure: scikit-learn transformers over differentiable functions.

Every descriptor maps images to rows of features with ``transform``, and tensors of phase
probabilities to the same features, with gradients, when it is called.
"""

from ._base import BaseDescriptor
from ._betti import BettiNumbers
from ._chord_length import ChordLength
from ._clusters import ClusterStatistics
from ._fractions import PhaseFractions, VolumeFraction
from ._free_energy import FreeEnergy
from ._kernels import correlation_map, radial_correlation, volume_fraction
from ._labelling import label_stack, leads_around
from ._lags import map_lags, n_pairs_along, radial_lags, resolve_max_lag
from ._lineal_path import LinealPath
from ._local_thickness import LocalThickness
from ._minkowski import MinkowskiFunctionals
from ._moments import ShapeArea, ShapeCentroid, ShapeMoments
from ._persistent_homology import PersistentHomology
from ._phase import PhaseDescriptor, SpacedDescriptor, SpatialDescriptor
from ._registry import bound_like, descriptor_named, near_name, new_descriptor, with_borders
from ._surface import SpecificSurface
from ._topology import EulerNumber
from ._two_point import TwoPointCorrelation
from ._two_point_cluster import TwoPointCluster

REPORTED = (TwoPointCorrelation, SpecificSurface, LinealPath, EulerNumber, ClusterStatistics)
"""Default descriptors of scores and reports, in addition to phase fractions."""

__all__ = [
    "BaseDescriptor",
    "BettiNumbers",
    "ChordLength",
    "ClusterStatistics",
    "EulerNumber",
    "FreeEnergy",
    "LinealPath",
    "LocalThickness",
    "MinkowskiFunctionals",
    "PersistentHomology",
    "PhaseDescriptor",
    "PhaseFractions",
    "ShapeArea",
    "ShapeCentroid",
    "ShapeMoments",
    "SpacedDescriptor",
    "SpatialDescriptor",
    "SpecificSurface",
    "TwoPointCluster",
    "TwoPointCorrelation",
    "VolumeFraction",
    "descriptor_named",
    "new_descriptor",
]
