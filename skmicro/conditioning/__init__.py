"""Uses of a trained generator: conditions, targets, and the search for latents."""

from ._corrections import corrected_images, images_for
from ._design import Designs, designed, judged
from ._fraction_scaling import (
    fraction_directions,
    fraction_scale,
    fractions_of,
    scaling_draws,
    stretched,
)
from ._fractions import apportion, exact_fractions, is_fraction
from ._goals import read_goals
from ._model import Model, NetworkModel
from ._process import variable_values, with_variables
from ._search import meet_targets, nearest_latents
from ._sections import NORMAL, volume_conditions, volume_targets
from ._straight_through import level_of
from ._table import ConditionTable, described
from ._targets import (
    Target,
    outside_bounds,
    read_targets,
    target_descriptor,
    warn_missed,
    warn_outside,
)
from ._volume_fraction import VOLUME_FRACTION
from ._whitening import whitening_of

__all__ = ["VOLUME_FRACTION", "ConditionTable", "Designs", "Model", "NetworkModel", "Target"]
