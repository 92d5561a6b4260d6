r"""A Markov random field: normal numbers to images, voxel by voxel, and back.

The number z of a voxel draws its state by the inverse of the distribution function F that the
classifier tells: the state is the first one with :math:`\Phi(z) \le F`, and where
:math:`\Phi(z)` lies in its interval is the share of the state. So images have latents, the middles
of the intervals, that lead back to them. A number below -6, of which a draw is one time in 10^9,
names the state outright: images may hold what the classifier takes to be impossible.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.special import ndtr, ndtri

from ..conditioning import Model
from ._order import CausalOrder
from ._targets import met_latents

BATCH_SIZE = 64
BATCH_NUMBERS = 2**20  # probabilities of all states in all voxels of a batch
PART = 2**9
NAMED = -6.0  # latents below name the state
LEAST_PROBABILITY = 1e-5  # of a state whose latents lie in its interval
MARGIN = 1e-3
SMALLEST = 1e-12


@dataclass(frozen=True, kw_only=True)
class MarkovFieldModel(Model):
    """A model whose voxels are drawn one after the other by a classifier.

    Attributes
    ----------
    encoder, image_shape, conditions, target_tol, flat : any
        As in :class:`Model`.
    states : PhaseStates or GreyStates
        What a voxel can be.
    radii : tuple of int
        Radii of the window along each axis.
    classifier : callable
        Probabilities of the states of voxels that see what raster order visits before them.
    closing_classifier : callable or None
        Those of voxels that see the beginning of the image across its end; ``None`` where images
        are not periodic.
    """

    states: object
    radii: tuple
    classifier: object
    closing_classifier: object = None

    homogeneous = True
    dtype = torch.float64

    @property
    def n_latent(self):
        """Standard normal numbers that an image is made of: one for each voxel."""
        return int(np.prod(self.image_shape))

    @property
    def batch_size(self):
        """Images that are made at once."""
        numbers = self.n_latent * self.states.n_states
        return max(1, min(BATCH_SIZE, BATCH_NUMBERS // numbers))

    def generate(self, latents, conditions):
        """Return the channels of latents, (n, n_latent), (n, k) -> (n, C, *S)."""
        return self.channels(latents.numpy())

    def latents_of(self, images, conditions):
        """Return latents (n, n_latent) of images, which lead back to them."""
        parts = np.arange(0, len(images), self.batch_size)
        return np.concatenate(
            [self._latents_of(images[start : start + self.batch_size]) for start in parts]
        )

    def between(self, a, b, share):
        """Return points on the arc between two latents, which keep the variance of draws."""
        angle = 0.5 * np.pi * share
        return np.where(share == 1.0, b, np.cos(angle) * a + np.sin(angle) * b)

    def meeting(self, latents, conditions, targets, seed):
        """Return latents whose images meet targets, as nearly as a few trials come."""
        return met_latents(self, latents, targets, seed)

    def resized(self, shape, periodic):
        """Return the model of images of another shape."""
        if periodic and any(self.radii) and self.closing_classifier is None:
            raise ValueError(
                "periodic must be None or False for a field of images that are not periodic, "
                f"got {periodic}."
            )
        return super().resized(shape, periodic)

    def channels(self, latents: np.ndarray, tilt: np.ndarray | None = None) -> torch.Tensor:
        """Return the channels of latents.

        Channels of phases are the larger, the less the number of the voxel would have to change
        for the phase.

        Parameters
        ----------
        latents : ndarray of shape (n, n_latent)
            Latents.
        tilt : ndarray of shape (n, n_states) or None, default=None
            Added to the logarithms of the probabilities.

        Returns
        -------
        channels : Tensor of shape (n, C, *S)
            The channels.
        """
        states, shares, probabilities = self._drawn(latents, tilt)
        if self.encoder.phases is None:
            channels = self.states.levels(states, shares)[:, None]
        else:
            channels = _nearness(latents, states, probabilities)
        return torch.from_numpy(channels.reshape(len(latents), -1, *self.image_shape))

    @cached_property
    def _order(self):
        return CausalOrder(self.radii, self.image_shape, self.conditions.periodic)

    def _drawn(self, latents, tilt):
        """Return states, their shares, and the probabilities they were drawn from.

        Arrays (n, n_latent), (n, n_latent) and (n, n_latent, n_states).
        """
        n, n_voxels, n_states = len(latents), self.n_latent, self.states.n_states
        values = self._blank_values(n)
        states, shares = np.empty((n, n_voxels), np.int64), np.empty((n, n_voxels))
        probabilities = np.empty((n, n_voxels, n_states), np.float32)
        weights = None if tilt is None else np.exp(tilt - tilt.max(axis=1, keepdims=True))
        for voxels in self._order.steps:
            told = self._told(values, voxels)
            if tilt is not None:
                told = told * weights[:, None].clip(1e-300)
                told = told / told.sum(axis=2, keepdims=True).clip(1e-300)
            probabilities[:, voxels] = told
            drawn = _states_of_draws(latents[:, voxels], told)
            states[:, voxels], shares[:, voxels] = drawn
            values[:, voxels] = self.states.table[drawn[0]]
        return states, shares, probabilities

    def _latents_of(self, images):
        channels = self.encoder.encode(images, dtype=self.dtype).flatten(2).numpy()
        states, shares = self.states.split(channels)
        values = self._blank_values(len(images))
        values[:, :-1] = self.states.table[states]
        latents = np.empty(states.shape)
        for start in range(0, self.n_latent, PART):
            voxels = np.arange(start, min(start + PART, self.n_latent))
            told = self._told(values, voxels)
            latents[:, voxels] = _draws_of_states(states[:, voxels], shares[:, voxels], told)
        return latents

    def _blank_values(self, n_images):
        """Return the columns of voxels of which none is known, with one more outside the image."""
        unknown = self.states.table[-1]
        return np.tile(unknown, (n_images, self.n_latent + 1, 1))

    def _told(self, values, voxels):
        """Return the probabilities (n, m, n_states) of voxels (m,) in each image."""
        n_columns = values.shape[2]
        flat = values.reshape(len(values), -1)

        def ask(classifier, some):
            around = self._order.neighbours(some)[..., None] * n_columns + np.arange(n_columns)
            return classifier(flat, around.reshape(len(some), -1))

        closes = self._order.closes(voxels)
        if not closes.any():
            return ask(self.classifier, voxels)
        told = np.empty((len(values), len(voxels), self.states.n_states))
        if not closes.all():
            told[:, ~closes] = ask(self.classifier, voxels[~closes])
        told[:, closes] = ask(self.closing_classifier, voxels[closes])
        return told


def _states_of_draws(latents, probabilities):
    """Return the states that latents (n, m) draw from probabilities (n, m, K), and shares."""
    ends = probabilities.cumsum(axis=2)
    draws = ndtr(latents)
    states = (draws[..., None] > ends[..., :-1]).sum(axis=2)
    own = np.take_along_axis(probabilities, states[..., None], axis=2)[..., 0]
    low = np.take_along_axis(ends, states[..., None], axis=2)[..., 0] - own
    shares = ((draws - low) / own.clip(SMALLEST)).clip(0.0, 1.0)
    named = latents < NAMED
    if named.any():
        places = (NAMED - latents[named]).clip(0.0, probabilities.shape[2] - MARGIN)
        states[named] = places.astype(np.int64)
        shares[named] = places - states[named]
    return states, shares


def _draws_of_states(states, shares, probabilities):
    """Return latents (n, m) that draw states with their shares."""
    ends = probabilities.cumsum(axis=2)
    own = np.take_along_axis(probabilities, states[..., None], axis=2)[..., 0]
    low = np.take_along_axis(ends, states[..., None], axis=2)[..., 0] - own
    shares = shares.clip(MARGIN, 1.0 - MARGIN)
    return np.where(own < LEAST_PROBABILITY, NAMED - states - shares, ndtri(low + shares * own))


def _nearness(latents, states, probabilities):
    """Return channels (n, C, m): one for the phase drawn, less for those farther from it.

    The distance of a phase is how far the logit of the draw is from its interval, and it counts
    for more where the phase is less likely. Scores become channels by a softmax.
    """
    ends = probabilities.cumsum(axis=2, dtype=np.float64).clip(SMALLEST, 1 - SMALLEST)
    draws = ndtr(latents).clip(SMALLEST, 1 - SMALLEST)[..., None]
    logit_ends, logits = np.log(ends) - np.log1p(-ends), np.log(draws) - np.log1p(-draws)
    above = np.maximum(logits - logit_ends, 0.0)
    below = np.maximum(logit_ends - logits, 0.0)
    below = np.concatenate([np.zeros_like(below[..., :1]), below[..., :-1]], axis=2)
    above[..., -1] = 0.0
    likely = np.log(probabilities.astype(np.float64).clip(SMALLEST))
    scores = np.minimum(likely - above - below, -1e-6)
    np.put_along_axis(scores, states[..., None], 0.0, axis=2)
    channels = np.exp(scores)
    return np.moveaxis(channels / channels.sum(axis=2, keepdims=True), 2, 1)
