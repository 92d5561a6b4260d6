"""Targets as a network is to tell them, and back."""

import numpy as np

from ..registry import Persistent


class StandardTargets(Persistent):
    """Targets of mean 0 and variance 1.

    Parameters
    ----------
    targets : ndarray of shape (n, n_outputs)
        Targets of the training.
    weights : ndarray of shape (n,)
        Their weights.
    """

    def __init__(self, targets, weights):
        self.mean = np.average(targets, axis=0, weights=weights)
        distances = np.abs(targets - self.mean)
        largest = np.where(distances.max(axis=0) > 0, distances.max(axis=0), 1.0)
        spread = largest * np.sqrt(np.average((distances / largest) ** 2, axis=0, weights=weights))
        self.spread = np.where(spread > 0, spread, 1.0)

    def encode(self, targets):
        """Return standardised targets, (n, n_outputs) -> (n, n_outputs)."""
        return (targets - self.mean) / self.spread

    def decode(self, numbers):
        """Return targets in their own unit."""
        return numbers * self.spread + self.mean
