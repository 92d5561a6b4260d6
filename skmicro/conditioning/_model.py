"""A trained generator as the rest of the library uses it: latents to images, and back."""

from dataclasses import dataclass, replace

import numpy as np
import torch

from .. import _arrays
from ._fractions import levelled
from ._search import meet_targets, nearest_latents
from ._table import ConditionTable


@dataclass(frozen=True, kw_only=True)
class Model:
    """What turns latents and conditions into images of one shape.

    Subclasses implement :meth:`generate` and ``n_latent``, and say where latents of images
    come from if not from a search (:meth:`latents_of`), how targets are met if not by gradients
    (:meth:`meeting`), what lies between two latents (:meth:`between`), and how images of another
    size are made (:meth:`resized`).

    Attributes
    ----------
    encoder : PhaseEncoder or GreyEncoder
        Encoding of the images.
    image_shape : tuple of int
        Their shape.
    conditions : ConditionTable
        The conditions of images, and whether images are periodic.
    target_tol : float
        Root mean square error up to which a target counts as met.
    flat : bool, default=False
        Whether decoded images are flat rows.
    """

    encoder: object
    image_shape: tuple
    conditions: ConditionTable
    target_tol: float
    flat: bool = False

    homogeneous = False
    """Whether images of any size can be made."""
    device = torch.device("cpu")
    dtype = torch.float32

    @property
    def n_latent(self):
        """Standard normal numbers that an image is made of."""
        raise NotImplementedError

    @property
    def batch_size(self):
        """Images that are made at once."""
        return _arrays.inference_batch_size(self.image_shape)

    def generate(self, latents, conditions):
        """Return the channels of latents, (n, n_latent), (n, k) -> (n, C, *S)."""
        raise NotImplementedError

    def latents_of(self, images, conditions):
        """Return latents (n, n_latent) of images and their conditions."""
        return nearest_latents(self, images, conditions)

    def meeting(
        self, latents: np.ndarray, conditions: np.ndarray, targets: list, seed: int
    ) -> np.ndarray:
        """Return latents whose images meet targets that are no conditions.

        Parameters
        ----------
        latents : ndarray of shape (n, n_latent)
            Latents to begin with.
        conditions : ndarray of shape (n, n_conditions)
            Conditions of the images, which stay.
        targets : list of Target
            The targets.
        seed : int
            Seed of further draws.

        Returns
        -------
        latents : ndarray of shape (n, n_latent)
            The nearest that a bounded search finds.
        """
        return meet_targets(self, latents, conditions, targets, seed)

    def between(self, a, b, share):
        """Return points between two rows of latents (1, k), at shares (n, 1) of the way."""
        return (1.0 - share) * a + share * b

    def resized(self, shape, periodic):
        """Return the model of images of another shape, unless both are as they are."""
        conditions = self.conditions.on(shape, periodic)
        return replace(self, image_shape=shape, conditions=conditions, flat=False)

    def tensor(self, array):
        """Return an array as a tensor where and of the type in which the model computes."""
        return torch.tensor(np.asarray(array), device=self.device, dtype=self.dtype)

    def decode(
        self,
        latents: np.ndarray,
        conditions: np.ndarray,
        fractions=None,
        tolerance: float = 0.0,
        moved: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return the images of latents.

        Parameters
        ----------
        latents : ndarray of shape (n, n_latent)
            The latents.
        conditions : ndarray of shape (n, n_conditions)
            Conditions of the images.
        fractions : Target or None, default=None
            A phase fraction, which images that miss it have to half a voxel.
        tolerance : float, default=0.0
            Root mean square error of it up to which they stay as they are.
        moved : ndarray of shape (n,) or None, default=None
            Receives the share of the voxels of each image whose phase that has changed.

        Returns
        -------
        images : ndarray of shape (n, *image_shape) or (n, n_voxels)
            Decoded images.
        """

        def decode(index):
            with torch.no_grad():
                channels = self.generate(
                    self.tensor(latents[index]), self.tensor(conditions[index])
                )
            if fractions is None:
                return self.encoder.decode(channels)
            return levelled(channels, fractions, index, self.encoder, tolerance, moved)

        images = _arrays.map_batches(decode, len(latents), self.batch_size)
        return images.reshape(len(images), -1) if self.flat else images


@dataclass(frozen=True, kw_only=True)
class NetworkModel(Model):
    """A model whose network generates images.

    Attributes
    ----------
    encoder, image_shape, conditions, target_tol, flat : any
        As in :class:`Model`.
    network : torch.nn.Module
        ``network(latents, conditions) -> channels``, with an attribute ``n_latent``; one with a
        method ``resized(shape, periodic)`` is homogeneous.
    """

    network: torch.nn.Module

    @property
    def homogeneous(self):
        """Whether images of any size can be made."""
        return hasattr(self.network, "resized")

    @property
    def device(self):
        """Where the network is."""
        return next(self.network.parameters()).device

    @property
    def dtype(self):
        """Type of its weights."""
        return next(self.network.parameters()).dtype

    @property
    def n_latent(self):
        """Standard normal numbers that an image is made of."""
        return self.network.n_latent

    def generate(self, latents, conditions):
        """Return the channels of latents, (n, n_latent), (n, k) -> (n, C, *S)."""
        return self.network(latents, conditions)

    def resized(self, shape, periodic):
        """Return the model of images of another shape, unless both are as they are."""
        resized = super().resized(shape, periodic)
        if (shape, periodic) == (self.image_shape, self.conditions.periodic):
            return resized
        return replace(resized, network=self.network.resized(shape, periodic))
