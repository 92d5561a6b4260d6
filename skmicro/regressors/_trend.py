"""Prediction of targets from phase fractions alone: a polynomial by least squares."""

from typing import ClassVar

import numpy as np
import torch

from .. import _arrays
from ..images import GreyEncoder, PhaseEncoder, point_symmetries
from ..registry import Persistent
from ..rules import array_of, instance_of, integer

FRACTIONS_PER_COEFFICIENT = 10
"""Different fractions that every coefficient needs; with fewer the degree is lower."""


class FractionTrend(Persistent):
    """Polynomial in the mean of each channel but the first; of grey levels in their mean.

    There are no products of different channels. Beyond the range of the training it stays at the
    values of its ends.

    Parameters
    ----------
    degree : int
        Degree where there are images enough; 0 is a mean.
    encoder : PhaseEncoder or GreyEncoder
        Encoding of the images.
    """

    _kept: ClassVar = ("coefficients", "degree", "encoder", "high", "low", "n_powers")
    _values: ClassVar = {
        "coefficients": array_of("f", 2),
        "degree": integer(0),
        "encoder": instance_of(PhaseEncoder, GreyEncoder),
        "high": array_of("f"),
        "low": array_of("f"),
        "n_powers": integer(0),
    }

    def __init__(self, degree, encoder):
        self.degree = degree
        self.encoder = encoder

    def _check_agreement(self):
        n_means = max(1, self.encoder.n_channels - 1)
        n_terms = 1 + self.n_powers * n_means
        if len(self.coefficients) != n_terms or {len(self.low), len(self.high)} != {n_means}:
            raise ValueError(f"coefficients must be those of {n_terms} terms of {n_means} means.")

    def fit(self, images, numbers, weights):
        """Fit to numbers (n, n_outputs) of images (n, *spatial), by weights (n,)."""
        means = self._means(images)
        self.low, self.high = means.min(axis=0), means.max(axis=0)
        n_different = len(np.unique(means, axis=0))
        self.n_powers = min(
            self.degree, n_different // (FRACTIONS_PER_COEFFICIENT * means.shape[1])
        )
        terms, roots = self._terms(means), np.sqrt(weights / weights.max())[:, None]
        self.coefficients = np.linalg.lstsq(roots * terms, roots * numbers, rcond=None)[0]
        return self

    def symmetrise(self, turned, shape, names):
        """Make the trend of tensors one that moves of the image do not change.

        Parameters
        ----------
        turned : callable
            ``turned(tensors, order, flips) -> tensors``, those of moved images.
        shape : tuple of int
            Shape of the images.
        names : sequence of str
            Symmetries of the material, of which reflections and rotations count.
        """
        turns = [
            turned(self.coefficients, *move[:2])
            for move in point_symmetries(shape)
            if ("rotation" in names or list(move.order) == sorted(move.order))
            and ("reflection" in names or not any(move.flips))
        ]
        self.coefficients = np.mean(turns, axis=0)

    def __call__(self, images):
        """Return the numbers of images, (n, n_outputs)."""
        # A matrix product has rows that depend, in their last bits, on how many there are.
        return np.einsum("ij,jk->ik", self._terms(self._means(images)), self.coefficients)

    def _means(self, images):
        def of_some(index):
            channels = self.encoder.encode(images[index], dtype=torch.float64)
            return channels[:, min(1, channels.shape[1] - 1) :].flatten(2).mean(dim=2).numpy()

        size = _arrays.inference_batch_size(images.shape[1:])
        return _arrays.map_batches(of_some, len(images), size)

    def _terms(self, means):
        """Return powers of the means, on a scale from -1 to 1, beside ones."""
        width = np.where(self.high > self.low, self.high - self.low, 1.0)
        scaled = 2 * (means.clip(self.low, self.high) - self.low) / width - 1
        powers = [scaled**power for power in range(1, self.n_powers + 1)]
        return np.concatenate([np.ones((len(means), 1)), *powers], axis=1)
