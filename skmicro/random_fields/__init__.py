"""Random fields: cuts at levels, and the correlation that the cut images have."""

from ._field_correlation import FieldCorrelation, field_conditions
from ._level_cut import (
    centred_autocovariance,
    phase_levels,
    phase_table,
    sampled_table,
    simplex_axes,
)
from ._model import FIELD_VALUES, FieldModel, grey_levels
from ._offsets import exact_offsets

__all__ = ["FieldCorrelation", "FieldModel"]
