"""Autoencoder: an encoder to a few numbers, a generator back, and the spread of the codes.

The generator learns to decode the codes of images and nothing else. For samples, a normal
distribution N(m, C) is fitted to the codes c of the training images after the training. Latents
are codes in its units,

    z = D^(-1/2) V^T (c - m),        C = V D V^T,

with the largest variance first: uncorrelated, of mean 0 and variance 1 over the training images.
Where codes do not vary, as in all but n - 1 directions with n images, D^(-1/2) is put to zero:
latents are coordinates among codes of training images.
"""

import numpy as np

from .._moments import updated_moments
from ._encoder_generator import EncoderGenerator

LEAST_VARIANCE = 1e-6


class Autoencoder(EncoderGenerator):
    r"""Autoencoder: images to a few numbers and back.

    Minimises :math:`-\log p(x \mid c(x))`, the cross-entropy of phases or the squared error of
    grey levels, in an encoder network c and a generator. :meth:`transform` takes one evaluation of
    the encoder; no search. Samples are decoded from a normal distribution that is fitted to the
    codes of the training images. Nothing in the training sees to it that codes are normal or that
    the gaps between them are filled, so that samples may resemble images less than those of
    :class:`VAE`.

    Parameters
    ----------
    n_latent : int, default=32
        Width of the code.
    width : int, default=32
        Channels of the finest feature map; four times as many in the coarsest.
    periodic : bool, default=False
        Whether training images are periodic: convolutions wrap around the borders, and
        so do descriptors given by name.
    n_iter : int, default=20000
        Iterations of training.
    batch_size : int, default=32
        Images per step.
    learning_rate : float, default=1e-3
        Rate of Adam.
    symmetries : sequence of {"translation", "reflection", "rotation"}, default=()
        Symmetries of the material, by which training images are moved at random.
    decay_from : float, default=0.5
        Share of the training after which the learning rate falls linearly to zero.
    target_tol : float, default=0.01
        Root mean square error up to which a target counts as met; latents are searched.
    image_shape : tuple of int or None, default=None
        Shape of the image behind a flat row.
    device : str or torch.device, default="auto"
        ``"auto"`` takes a CUDA device where there is one.
    precision : {"auto", "float32", "float64"}, default="auto"
        Floating-point type; ``"auto"`` is single precision.
    random_state : None, int or RandomState, default=None
        Seed of weights, batches and latents.
    callbacks : sequence of callable or None, default=None
        Each is called as ``callback(iteration, history)`` after an iteration; a true
        answer ends the training.
    checkpoint : path-like or None, default=None
        File for the state of the training, which ``fit`` resumes from.
    checkpoint_every : int, default=1000
        Iterations between two checkpoints.
    verbose : int, default=0
        Show a progress bar when positive.

    Attributes
    ----------
    generator_ : torch.nn.Module
        The trained generator, which is the decoder.
    encoder_network_ : torch.nn.Module
        The trained encoder, images to codes.
    code_mean_ : ndarray of shape (n_latent,)
        Mean code of the training images.
    code_axes_ : ndarray of shape (n_latent, n_latent)
        Columns: principal axes of the codes, as long as a standard deviation.
    n_samples_seen_ : int
        Training images whose codes these two are of.
    history_ : dict of str to ndarray
        Losses of every iteration: ``"reconstruction"``.
    n_iter_ : int
        Iterations trained.
    image_shape_ : tuple of int
        Shape of one image.
    phases_ : ndarray or None
        Sorted labels; ``None`` for grey levels.
    n_features_in_ : int
        Voxels of one image.

    See Also
    --------
    VAE : Draws codes to a normal distribution while it trains.

    Notes
    -----
    Latents are codes in units of the fitted distribution: uncorrelated, of mean 0 and variance
    1 over the training images, in the order of the variance of the codes along them. Latents of
    directions in which codes do not vary are zero for any image: with n training images all but
    n - 1 at the most. Take fewer latents than images.

    :meth:`partial_fit` counts the codes of all calls, each as the encoder told them then, and finds
    the axes anew: latents from before belong to another scale.

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

    def __init__(
        self,
        n_latent=32,
        *,
        width=32,
        periodic=False,
        n_iter=20_000,
        batch_size=32,
        learning_rate=1e-3,
        symmetries=(),
        decay_from=0.5,
        target_tol=0.01,
        image_shape=None,
        device="auto",
        precision="auto",
        random_state=None,
        callbacks=None,
        checkpoint=None,
        checkpoint_every=1000,
        verbose=0,
    ):
        self.n_latent = n_latent
        self.width = width
        self.periodic = periodic
        self.n_iter = n_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.symmetries = symmetries
        self.decay_from = decay_from
        self.target_tol = target_tol
        self.image_shape = image_shape
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.verbose = verbose

    def _training_step(self, networks, rng):
        return self._autoencoding_step(networks, rng, beta=None)

    def _learn(self, images, rows, task, checkpointed=True):
        self.code_mean_, self.code_axes_ = np.zeros(self.n_latent), np.eye(self.n_latent)
        self.n_samples_seen_ = 0
        super()._learn(images, rows, task, checkpointed)

    def _trained(self, images):
        self.n_samples_seen_, self.code_mean_, covariance = updated_moments(
            self.n_samples_seen_,
            self.code_mean_,
            self.code_axes_ @ self.code_axes_.T,
            self._codes(images).astype(np.float64),
        )
        variances, axes = np.linalg.eigh(covariance)
        variances, axes = variances[::-1], axes[:, ::-1]
        varies = variances > LEAST_VARIANCE * variances[0]
        self.code_axes_ = axes * np.sqrt(np.where(varies, variances, 0.0))

    def _latents_of(self, images, conditions):
        codes = self._codes(images).astype(np.float64) - self.code_mean_
        squares = np.square(self.code_axes_).sum(axis=0)
        inverse = self.code_axes_ / np.where(squares > 0, squares, 1.0)
        # Row by row: a matrix product would depend on which images come with one.
        return (codes[:, :, None] * inverse).sum(axis=1)

    def _generate(self, latents, conditions):
        axes, mean = self._tensor(self.code_axes_), self._tensor(self.code_mean_)
        codes = (latents.unsqueeze(1) * axes).sum(dim=2) + mean
        return self.generator_(codes, conditions)
