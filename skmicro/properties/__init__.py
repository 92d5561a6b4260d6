"""Physical properties of images: full fields, bounds, and estimates from their statistics."""

from ._base import BaseProperty
from ._bounds import Bounds, conductivity_bounds, elastic_bounds
from ._conduction import EffectiveConductivity, conduction_fields
from ._elasticity import ElasticStiffness, elastic_fields
from ._homogenization import LocalFields
from ._moduli import Moduli, isotropic_moduli, young_modulus
from ._permeability import Permeability
from ._sandstone import SandstoneProperties
from ._strong_contrast_diffusivity import StrongContrastDiffusivity, strong_contrast_conductivity
from ._strong_contrast_moduli import StrongContrastModuli, strong_contrast_moduli
from ._three_point import ThreePointParameters
from ._tortuosity import TortuosityFactor

__all__ = [
    "BaseProperty",
    "Bounds",
    "EffectiveConductivity",
    "ElasticStiffness",
    "LocalFields",
    "Moduli",
    "Permeability",
    "SandstoneProperties",
    "StrongContrastDiffusivity",
    "StrongContrastModuli",
    "ThreePointParameters",
    "TortuosityFactor",
    "conduction_fields",
    "conductivity_bounds",
    "elastic_bounds",
    "elastic_fields",
    "isotropic_moduli",
    "strong_contrast_conductivity",
    "strong_contrast_moduli",
    "young_modulus",
]
