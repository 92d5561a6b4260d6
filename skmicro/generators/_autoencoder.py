"""Autoencoder: an encoder to a few numbers, a generator back, and the spread of the codes.

The generator learns to decode the codes of images and nothing else. For samples, a normal
distribution N(m, C) is fitted to the codes c of the training images after the training. Latents
are codes in its units,

    z = D^(-1/2) V^T (c - m),        C = V D V^T,

with the largest variance first: uncorrelated, of mean 0 and variance 1 over the training images.
Where codes do not vary, as in all but n - 1 directions with n images, D^(-1/2) is put to zero:
latents are coordinates among codes of training images.
"""

from dataclasses import dataclass

import numpy as np

from .._moments import updated_moments
from ._encoder_generator import EncoderGenerator, EncoderModel

LEAST_VARIANCE = 1e-6


@dataclass(frozen=True, kw_only=True)
class PrincipalModel(EncoderModel):
    """A model whose latents are coordinates along the principal axes of codes.

    The mean code has shape (n_latent,), the axes are columns (n_latent, n_latent).
    """

    mean: np.ndarray
    axes: np.ndarray

    def latents_of(self, images, conditions):
        """Return latents (n, n_latent) of images."""
        codes = self.codes(images).astype(np.float64) - self.mean
        squares = np.square(self.axes).sum(axis=0)
        inverse = self.axes / np.where(squares > 0, squares, 1.0)
        # Row by row: a matrix product would depend on which images come with one.
        return (codes[:, :, None] * inverse).sum(axis=1)

    def generate(self, latents, conditions):
        """Return the channels of latents, (n, n_latent), (n, k) -> (n, C, *S)."""
        axes, mean = self.tensor(self.axes), self.tensor(self.mean)
        codes = (latents.unsqueeze(1) * axes).sum(dim=2) + mean
        return self.network(codes, conditions)


class Autoencoder(EncoderGenerator):
    r"""Autoencoder: encodes images as a few numbers and decodes them.

    Minimises :math:`-\log p(x \mid c(x))`, the cross-entropy of phases or the squared error of
    grey levels, of an encoder network c and a generator. :meth:`transform` takes one evaluation of
    the encoder, without a search. Samples are decoded from a normal distribution fitted to the
    codes of the training images. The training does not make codes normal or fill the gaps
    between them, so that samples may resemble images less than those of :class:`VAE`.

    Attributes
    ----------
    encoder_network_ : torch.nn.Module
        The trained encoder, images to codes.
    code_mean_ : ndarray of shape (n_latent,)
        Mean code of the training images.
    code_axes_ : ndarray of shape (n_latent, n_latent)
        Columns: principal axes of the codes, scaled to their standard deviation.
    n_samples_seen_ : int
        Number of training images whose codes they summarise.
    history_ : dict of str to ndarray
        Losses of every iteration: ``"reconstruction"``.

    See Also
    --------
    VAE : Regularises codes towards a normal distribution during training.

    Notes
    -----
    Latents are codes in units of the fitted distribution: uncorrelated, of mean 0 and variance
    1 over the training images, in the order of the variance of the codes along them. Latents of
    directions in which codes do not vary are zero for any image: with n training images, all but
    at most n - 1. Use fewer latents than images.

    :meth:`partial_fit` uses the codes of all calls, each computed by the encoder at that time, and
    recomputes the axes: earlier latents belong to another scale.

    :meth:`light` sets ``width=16``, ``n_iter=2000``, ``batch_size=16``.

    References
    ----------
    .. [1] G. E. Hinton, R. R. Salakhutdinov, "Reducing the dimensionality of data with neural
       networks", Science 313, 2006.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.generators import Autoencoder
    >>> X, p1 = make_cahn_hilliard(32, (16, 16), n_steps=200, random_state=0)
    >>> generator = Autoencoder.light(n_latent=4, n_iter=5, random_state=0).fit(X)
    >>> generator.reconstruct(X).shape
    (32, 16, 16)
    """

    _numbers_per_latent = 1

    def _training_step(self, networks, rng):
        return self._autoencoding_step(networks, rng, beta=None)

    def _model(self):
        parts = vars(super()._model())
        return PrincipalModel(mean=self.code_mean_, axes=self.code_axes_, **parts)

    def _untrained(self):
        n_codes = self.n_latent
        return {
            "n_samples_seen_": 0,
            "code_mean_": np.zeros(n_codes),
            "code_axes_": np.eye(n_codes),
        }

    def _measured(self, networks, images):
        n_seen, mean, covariance = updated_moments(
            self.n_samples_seen_,
            self.code_mean_,
            self.code_axes_ @ self.code_axes_.T,
            self._coder(networks).codes(images).astype(np.float64),
        )
        variances, axes = np.linalg.eigh(covariance)
        variances, axes = variances[::-1], axes[:, ::-1]
        varies = variances > LEAST_VARIANCE * variances[0]
        axes = axes * np.sqrt(np.where(varies, variances, 0.0))
        return {"n_samples_seen_": n_seen, "code_mean_": mean, "code_axes_": axes}
