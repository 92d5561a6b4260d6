"""Markov random fields: voxels drawn one after the other, given those drawn before."""

from ._classifiers import CLASSIFIERS_IN_FILES, TreeProbabilities, as_probabilities
from ._model import MarkovFieldModel
from ._order import CausalOrder, window_radii
from ._states import GreyStates, PhaseStates, states_for
from ._training import training_windows

__all__ = ["MarkovFieldModel"]
