"""What generators with an encoder have in common: codes of images, and walks along one latent."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .. import _arrays
from .._checks import check_integer, check_real
from ..conditioning import NetworkModel
from ..images import Symmetries
from ..losses import cross_entropy, squared_error
from ..networks import pyramid_encoder, pyramid_generator
from ..training import autoencoding_step
from ._ends import latent_vector
from ._groups import HasLatents, HasSymmetries
from ._network import NetworkGenerator


@dataclass(frozen=True, kw_only=True)
class EncoderModel(NetworkModel):
    """A model whose network predicts the latents of images.

    Its ``encoder_network`` turns channels into numbers, those of the latents first.
    """

    encoder_network: torch.nn.Module

    def latents_of(self, images, conditions):
        """Return latents (n, n_latent) of images."""
        return self.codes(images)

    def codes(self, images):
        """Return the first numbers that the encoder network predicts for images, (n, n_latent)."""

        @torch.no_grad()
        def encode(index):
            channels = self.encoder.encode(images[index], self.device, self.dtype)
            return self.encoder_network(channels)[:, : self.n_latent].cpu().numpy()

        return _arrays.map_batches(encode, len(images), self.batch_size)


class EncoderGenerator(HasLatents, HasSymmetries, NetworkGenerator):
    """Base class of generators whose encoder predicts latents.

    Subclasses set in ``_numbers_per_latent`` how many numbers the encoder predicts per image for
    each latent, all latents first.

    Attributes
    ----------
    generator_ : torch.nn.Module
        The trained generator, which is the decoder.
    encoder_ : PhaseEncoder or GreyEncoder
        Images to channels, as in all generators.
    encoder_network_ : torch.nn.Module
        The trained encoder network.
    """

    n_latent: int = 32
    width: int = 32
    n_iter: int = 20_000
    learning_rate: float = 1e-3
    decay_from: float = 0.5

    _numbers_per_latent = 2  # mean, logarithm of the variance
    _light: ClassVar = {"width": 16, "n_iter": 2000, "batch_size": 16}

    def traverse(
        self, x: ArrayLike, latent_index: int, span: float = 3.0, n_steps: int = 7
    ) -> np.ndarray:
        """Generate images along one latent, with the others as in the code of an image.

        Parameters
        ----------
        x : array-like
            An image of shape ``image_shape_`` (or flat), or a latent vector. Numbers that could
            be either are an image if ``fit`` had flat images, else latents.
        latent_index : int
            Which latent is varied, from 0.
        span : float, default=3.0
            The latent runs from ``-span`` to ``span``, in deviations of the prior.
        n_steps : int, default=7
            Number of images, the two ends included.

        Returns
        -------
        images : ndarray of shape (n_steps, *image_shape)
            Images from the lowest to the highest value.

        Raises
        ------
        ValueError
            If there is no such latent, or ``x`` is neither an image nor a latent vector.
        """
        check_is_fitted(self)
        check_integer("n_steps", n_steps, minimum=2)
        check_real("span", span, 0.0, float(np.finfo(np.float32).max), open_low=True)
        check_integer("latent_index", latent_index, minimum=0)
        n_latent = self._model().n_latent
        if latent_index >= n_latent:
            raise ValueError(
                f"latent_index must be < {n_latent}, the latents of an image, got {latent_index}."
            )
        latents = np.repeat(latent_vector(self, "x", x), n_steps, axis=0)
        latents[:, latent_index] = np.linspace(-span, span, n_steps)
        return self.inverse_transform(latents)

    def _model(self):
        networks = {"generator": self.generator_, "encoder_network": self.encoder_network_}
        return self._coder(networks)

    def _coder(self, networks):
        """Return the model of these networks."""
        return EncoderModel(
            network=networks["generator"],
            encoder_network=networks["encoder_network"],
            **self._shared_parts(),
        )

    def _generator_maker(self):
        """Return the function that makes the generator network."""
        return pyramid_generator

    def _encoder_maker(self):
        """Return the function that makes the encoder network."""
        return pyramid_encoder

    def _networks(self):
        made, n_channels, shape = self._made, self.encoder_.n_channels, self.image_shape_
        settings = {"width": made.width, "periodic": self._wraps}
        inputs = (made.n_latent, self.conditions_.whitening)

        def generator():
            return self._generator_maker()(*inputs, n_channels, shape, **settings)

        def encoder():
            n_told = self._numbers_per_latent * generator().n_latent
            return self._encoder_maker()(n_channels, shape, n_told, **settings)

        return {"generator": generator, "encoder_network": encoder}

    def _autoencoding_step(self, networks, rng, beta, **settings):
        """Return the step that trains both networks on reconstructions."""
        return autoencoding_step(
            networks["encoder_network"],
            networks["generator"],
            self._reconstruction(),
            beta,
            learning_rate=self.learning_rate,
            rng=rng,
            augment=Symmetries(self.symmetries),
            decay_from=self.decay_from,
            **settings,
        )

    def _reconstruction(self):
        """Return the loss that compares channels with those of the image they come from."""
        return squared_error if self.encoder_.phases is None else cross_entropy
