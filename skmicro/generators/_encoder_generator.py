"""What generators with an encoder have in common: codes of images, and walks along one latent."""

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from .. import _arrays
from .._checks import check_choice, check_choices, check_integer, check_real
from ..images import SYMMETRIES, Symmetries
from ..losses import cross_entropy, squared_error
from ..networks import pyramid_encoder, pyramid_generator
from ..training import autoencoding_step
from ._ends import latent_vector
from ._network import NetworkGenerator

LIGHT = {"width": 16, "n_iter": 2000, "batch_size": 16}


class EncoderGenerator(NetworkGenerator):
    """Base class of generators whose latents are told by an encoder.

    Subclasses have the parameters ``n_latent``, ``width``, ``periodic``, ``symmetries`` and
    ``decay_from``, and say in ``_preset`` what :meth:`light` sets and in ``_numbers_per_latent``
    how many numbers the encoder tells of an image for each latent, all latents first.

    Attributes
    ----------
    encoder_ : PhaseEncoder or GreyEncoder
        Images to channels, as in all generators.
    encoder_network_ : torch.nn.Module
        The trained encoder network.
    """

    _numbers_per_latent = 2  # mean, logarithm of the variance
    _make_generator = staticmethod(pyramid_generator)

    @classmethod
    def light(cls, **overrides):
        """Return an instance whose settings train in minutes on two CPU cores.

        The notes of the class say what it sets; the networks are those of the constructor.

        Parameters
        ----------
        **overrides : any
            Parameters that replace those of the preset.

        Returns
        -------
        generator : object
            An ordinary, unfitted estimator of this class.
        """
        return cls(**(cls._preset() | overrides))

    def traverse(self, x, latent_index, span=3.0, n_steps=7):
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
        n_latent = self._n_latent()
        if latent_index >= n_latent:
            raise ValueError(
                f"latent_index must be < {n_latent}, the latents of an image, got {latent_index}."
            )
        latents = np.repeat(latent_vector(self, "x", x), n_steps, axis=0)
        latents[:, latent_index] = np.linspace(-span, span, n_steps)
        return self.inverse_transform(latents)

    def _check_parameters(self):
        super()._check_parameters()
        check_integer("width", self.width, minimum=2)
        check_choice("periodic", self.periodic, (True, False))
        check_choices("symmetries", self.symmetries, SYMMETRIES)
        check_real("decay_from", self.decay_from, 0.0, 1.0)

    def _networks(self):
        n_channels, shape = self.encoder_.n_channels, self.image_shape_
        settings = {"width": self.width, "periodic": self.periodic}
        inputs = (self.n_latent, self.conditions_.whitening)

        def generator():
            return self._make_generator(*inputs, n_channels, shape, **settings)

        def encoder():
            n_told = self._numbers_per_latent * generator().n_latent
            return pyramid_encoder(n_channels, shape, n_told, **settings)

        return {"generator": generator, "encoder_network": encoder}

    @classmethod
    def _preset(cls):
        """Return the parameters that :meth:`light` sets."""
        return LIGHT

    def _latents_of(self, images, conditions):
        return self._codes(images)

    def _codes(self, images):
        """Return the first numbers that the encoder network tells of images, (n, n_latent)."""

        @torch.no_grad()
        def encode(index):
            channels = self.encoder_.encode(images[index], self._device, self._dtype)
            return self.encoder_network_(channels)[:, : self._n_latent()].cpu().numpy()

        return _arrays.map_batches(encode, len(images), self._batch_size)

    def _autoencoding_step(self, networks, rng, beta):
        """Return the step that trains both networks on reconstructions alone."""
        return autoencoding_step(
            networks["encoder_network"],
            networks["generator"],
            self._reconstruction(),
            beta,
            learning_rate=self.learning_rate,
            rng=rng,
            augment=Symmetries(self.symmetries),
            decay_from=self.decay_from,
        )

    def _reconstruction(self):
        """Return the loss that compares channels with those of the image they come from."""
        return squared_error if self.encoder_.phases is None else cross_entropy
