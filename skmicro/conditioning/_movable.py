"""Conditions that a search may move: standard normal numbers, like latents."""

import numpy as np
import torch

from ._process import ProcessVariable

MARGIN = 0.95
"""Share of the range between its ends that the training images take."""
LEAST_VARIANCE = 1e-6
"""Of a direction, as a share of the largest one, below which conditions do not vary along it."""


class MovableConditions:
    """Conditions as functions of standard normal numbers, such that steps have the same meaning.

    Every component lies between two ends, a little beyond those of the training images, and
    its inverse hyperbolic tangent is taken for normal, with the means and covariances of
    the training images, given the components that stay. A step of length one is then a standard
    deviation, as it is for latents, and what training images have together moves together.

    Parameters
    ----------
    table : ConditionTable
        The generator's conditions.
    rows : ndarray of shape (n, n_conditions)
        Those of the images to be made.
    given : ndarray of shape (n_conditions,), bool
        Which of them stay; process variables stay as well.
    """

    def __init__(self, table, rows, given):
        known = table.rows.astype(np.float64)
        low, high = (f(known, axis=0) for f in (np.min, np.max))
        self.middle, self.half = (low + high) / 2, (high - low) / (2 * MARGIN)
        widths = [descriptor._n_features() for descriptor in table.descriptors]
        variables = [isinstance(d, ProcessVariable) for d in table.descriptors]
        stays = given | np.repeat(variables, widths).astype(bool)
        self.free = np.flatnonzero(~stays & (high > low))
        fixed = np.flatnonzero(stays & (high > low))
        plain = self._flattened(known)
        mean, covariance = plain.mean(axis=0), np.atleast_2d(np.cov(plain.T))
        slope = covariance[np.ix_(self.free, fixed)] @ np.linalg.pinv(
            covariance[np.ix_(fixed, fixed)], hermitian=True
        )
        left = covariance[np.ix_(self.free, self.free)] - slope @ covariance[fixed][:, self.free]
        self.centre = mean[self.free] + (self._flattened(rows) - mean)[:, fixed] @ slope.T
        self.directions = _directions(left)
        self.rows = rows

    @property
    def n_numbers(self):
        """How many numbers move the conditions of an image."""
        return self.directions.shape[1]

    def moved(self, numbers, index):
        """Return conditions, (n, n_numbers), (n,) -> (n, n_conditions), a Tensor."""
        plain = numbers @ _like(self.directions.T, numbers) + _like(self.centre[index], numbers)
        half, middle = (_like(ends[self.free], numbers) for ends in (self.half, self.middle))
        conditions = _like(self.rows[index], numbers)
        conditions[:, self.free] = middle + half * torch.tanh(plain)
        return conditions

    def _flattened(self, rows):
        share = (rows - self.middle) / np.where(self.half > 0, self.half, 1.0)
        return np.arctanh(share.clip(-MARGIN, MARGIN))


def _directions(covariance):
    """Return the principal directions times their deviations, (n_free, n_numbers)."""
    if len(covariance) == 0:
        return np.zeros((0, 0))
    variances, axes = np.linalg.eigh(covariance)
    kept = variances > LEAST_VARIANCE * max(variances.max(), 0.0)
    return axes[:, kept] * np.sqrt(variances[kept])


def _like(array, tensor):
    return torch.tensor(np.asarray(array), dtype=tensor.dtype, device=tensor.device)
