"""Physical properties of images, exact where theory is exact."""

from ._base import BaseProperty
from ._conduction import EffectiveConductivity, conduction_fields
from ._elasticity import ElasticStiffness, elastic_fields
from ._homogenization import LocalFields

__all__ = [
    "BaseProperty",
    "EffectiveConductivity",
    "ElasticStiffness",
    "LocalFields",
    "conduction_fields",
    "elastic_fields",
]
