"""What a voxel can be: one of the phases, or a grey level of one of a few ranges.

A *state* is what the classifier tells, and what it knows of the voxels around. Grey levels are put
into ranges that are equally frequent in the training images; the share says where in its range a
level lies.
"""

from typing import ClassVar

import numpy as np

from ..registry import Persistent
from ..rules import array_of, integer

N_RANGES = 16
QUANTILE_VOXELS = 2**20
SHARE_OF_PHASES = 0.5


def states_for(images, encoder):
    """Return the states of the voxels of training images (n, *S)."""
    if encoder.phases is not None:
        return PhaseStates(encoder.n_channels)
    step = max(1, images.size // QUANTILE_VOXELS)
    voxels = images.reshape(-1)[::step].astype(np.float64)
    levels = (voxels - encoder.low) / (encoder.high - encoder.low or 1.0)
    ends = np.unique(np.quantile(levels, np.linspace(0, 1, N_RANGES + 1)))
    ends[0], ends[-1] = 0.0, 1.0 if len(ends) > 1 else 0.0
    return GreyStates(ends if len(ends) > 1 else np.zeros(2))


class PhaseStates(Persistent):
    """The phases; two of them are one column -1 or 1, more of them one column each.

    Parameters
    ----------
    n_states : int
        Number of phases.
    """

    _kept: ClassVar = ("n_states",)
    _values: ClassVar = {"n_states": integer(1)}

    def __init__(self, n_states):
        self.n_states = n_states

    @property
    def table(self):
        """Columns of each state, and last of a voxel that is not known, (n_states + 1, k)."""
        if self.n_states == 2:
            return np.array([[-1.0], [1.0], [0.0]], np.float32)
        return np.eye(self.n_states + 1, self.n_states, dtype=np.float32)

    @property
    def weights(self):
        """How a state counts for the fractions, (n_channels, n_states)."""
        return np.eye(self.n_states)

    def split(self, channels):
        """Return states and shares of channels, (n, C, k) -> (n, k), (n, k)."""
        states = channels.argmax(axis=1)
        return states, np.full(states.shape, SHARE_OF_PHASES)


class GreyStates(Persistent):
    """Ranges of grey levels.

    Parameters
    ----------
    ends : ndarray of shape (n_states + 1,)
        Ascending ends of the ranges, from 0 to 1.
    """

    _kept: ClassVar = ("ends",)
    _values: ClassVar = {"ends": array_of("f")}

    def __init__(self, ends):
        self.ends = ends

    @property
    def n_states(self):
        """Number of ranges."""
        return len(self.ends) - 1

    @property
    def table(self):
        """Columns of each state, and last of a voxel that is not known, (n_states + 1, 1)."""
        middles = (self.ends[1:] + self.ends[:-1]) / 2
        return np.append(middles, -1.0).astype(np.float32)[:, None]

    @property
    def weights(self):
        """How a state counts for the mean, (1, n_states)."""
        return (self.ends[1:] + self.ends[:-1])[None] - 1.0

    def split(self, channels):
        """Return states and shares of channels, (n, 1, k) -> (n, k), (n, k)."""
        levels = channels[:, 0]
        states = np.searchsorted(self.ends[1:-1], levels, side="right")
        low, width = self.ends[states], np.diff(self.ends)[states]
        return states, (levels - low) / np.where(width > 0, width, 1.0)

    def levels(self, states, shares):
        """Return the grey levels of states and shares, (n, k)."""
        return self.ends[states] + shares * np.diff(self.ends)[states]
