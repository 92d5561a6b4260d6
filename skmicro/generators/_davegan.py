"""DA-VEGAN: a variational autoencoder whose generator also has to deceive a critic.

Everything that the critic sees is translated at random, real and generated images alike, and the
statistics of the latents are moved together with those of the prior, so that a few images are
enough (Zhang et al. 2023). See :mod:`skmicro.training.autoencoding_adversarial` for the losses.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from .._checks import check_choice
from .._moments import updated_moments
from .._warnings import warn_user
from ..conditioning import (
    fraction_directions,
    fraction_scale,
    fractions_of,
    scaling_draws,
    stretched,
)
from ..exceptions import TrainingInterruptedWarning
from ..images import NormalTranslations, Symmetries
from ..losses import (
    ADVERSARIAL_LOSSES,
    AdversarialLoss,
    GradientPenalty,
    augmented_divergence,
    normal_divergence,
)
from ..networks import light_critic, light_generator, pyramid_critic, pyramid_generator
from ..parameters import MODEL, RUNNING, parameter
from ..rules import Rule, boolean, integer, real
from ..training import autoencoding_adversarial_step
from ._architectures import architecture, makers
from ._encoder_generator import EncoderGenerator, EncoderModel
from ._groups import HasAverage, HasMoments


def _half_width_critic(*inputs, width, periodic, fine=False):
    return light_critic(*inputs, width=max(1, width // 2), periodic=periodic, fine=fine)


ARCHITECTURES = {
    "pyramid": (pyramid_generator, pyramid_critic),
    "light": (partial(light_generator, n_global=8), _half_width_critic),
    "fine": (
        partial(light_generator, n_global=8, fine=True),
        partial(_half_width_critic, fine=True),
    ),
}
LARGEST_SPREAD = 1e4  # up to which single precision resolves whole voxels
CRITIC_LOSSES = {
    "log": ADVERSARIAL_LOSSES["log"],
    "wasserstein-gp": ADVERSARIAL_LOSSES["wasserstein"],
}
UNSCALED = {"fraction_directions_": None, "fraction_scale_": 1.0}
LIGHT = {
    "n_latent": 8,
    "architecture": "light",
    "lambda_rec": 0.02,
    "critic_loss": "wasserstein-gp",
    "critic_width": 32,
    "n_iter": 2000,
    "batch_size": 16,
    "learning_rate": 1e-3,
    "critic_learning_rate": 1e-3,
    "betas": (0.0, 0.99),
    "average_decay": 0.995,
    "decay_from": 0.5,
    "scale_fractions": True,
}


def _check_critic_loss(name, value):
    if not isinstance(value, AdversarialLoss):
        check_choice(name, value, CRITIC_LOSSES)


@dataclass(frozen=True, kw_only=True)
class ScaledModel(EncoderModel):
    """A model whose latents are stretched along the directions that change phase fractions.

    These are orthonormal rows (n_directions, n_whole), or ``None``; ``scale`` is the factor.
    """

    directions: np.ndarray | None
    scale: float

    def latents_of(self, images, conditions):
        """Return latents (n, n_latent) of images."""
        codes = self.tensor(self.codes(images))
        return self._stretched(codes, 1.0 / self.scale).cpu().numpy()

    def generate(self, latents, conditions):
        """Return the channels of latents, (n, n_latent), (n, k) -> (n, C, *S)."""
        return self.network(self._stretched(latents, self.scale), conditions)

    def _stretched(self, latents, scale):
        if scale == 1.0:
            return latents
        return stretched(self.network, latents, self.tensor(self.directions), scale)


class DAVEGAN(HasMoments, HasAverage, EncoderGenerator):
    r"""DA-VEGAN: variational autoencoder and GAN with differentiable augmentation.

    One generator is the decoder of an encoder, and is trained against a critic. With z drawn from
    :math:`q(z \mid x)` of the encoder and e standard normal, each network has its own loss,

    .. math::

        L_E &= \beta\, D_{KL}(q(z \mid x) \,\|\, p(z)) + L_{rec}, \qquad
        L_{rec} = -\log p(x \mid z), \\
        L_D &= -\log D(x) - \log(1 - D(G(z))) - \log(1 - D(G(e))), \\
        L_G &= -\lambda_{vae} \log D(G(z)) - \lambda_{noise} \log D(G(e))
        + \lambda_{rec} L_{rec}.

    The defaults are the published settings for sixteen images of 64 x 64, which need all of their
    iterations; :meth:`light` trains in minutes on two cores, with a different generator, critic
    and loss, see Notes.

    Attributes
    ----------
    encoder_network_ : torch.nn.Module
        The trained encoder, means and logarithms of variances of the latents side by side.
    fraction_scale_ : float
        Standard deviation of the network's latents along ``fraction_directions_``: from 1/4
        to 4; 1 without ``scale_fractions``. Latents of samples are standard normal; those of
        :meth:`transform` are the encodings, divided by the scale along the directions.
    fraction_directions_ : ndarray of shape (n_directions, n_whole) or None
        Orthonormal directions in which fractions change: at most one less than there are
        phases, one for grey levels. They are directions of the latent vector, ``n_whole =
        n_latent``, or of the eight latents of the whole image and the means of the others, times
        the square root of their number, ``n_whole = 8 + n_latent``. ``None`` without
        ``scale_fractions``.
    fraction_mean_, fraction_covariance_ : ndarray of shape (n_phases,), (n_phases, n_phases)
        Moments of the phase fractions (or of the mean grey level) of the training images.
    n_samples_seen_ : int
        Training images so far.
    history_ : dict of str to ndarray
        Losses of every iteration: ``"critic"``, ``"penalty"``, ``"reconstruction"``,
        ``"divergence"``, ``"generator"``.

    See Also
    --------
    VAE : The same without a critic: stable training, smoother images.
    FlowMatchingGenerator : Learns from one image and without an adversary.

    Notes
    -----
    The gradient of each loss updates its own network only. Rolls are periodic and by whole voxels;
    every image has its own, and its reconstruction has the same.

    A critic with batch normalisation sees real and generated images in separate batches here,
    which removes many of their differences, such as phase fractions. In short trainings images
    stay rough, and ``lambda_rec`` determines how soon structures appear; in common batches the
    critic was too strong, and all samples became equal. A critic without normalisation, with a
    gradient penalty, gave smoother images in the same time.

    With few images, a larger ``lambda_rec`` improves reconstructions and makes new images more
    similar to training images: check :func:`skmicro.evaluation.memorisation`. With more latents
    and a smaller ``beta``, latents of new images are less often close to encodings. With
    ``symmetries`` there are more images to distinguish, which takes longer to learn. After half an
    hour of the published settings, new images of an alloy were alike; with 5e-3, and larger rates
    and batches, they were not.

    With ``scale_fractions``, the sum of the variances of all phase fractions (or the variance of
    the mean grey level) of new images becomes that of all training images so far, those of
    :meth:`partial_fit` included; not that of each fraction for itself. It takes several passes
    over 1024 new images, after :meth:`fit` and after each :meth:`partial_fit`. Means do not
    change to first order.

    :meth:`light` sets ``architecture="light"``, ``n_latent=8``, ``lambda_rec=0.02``,
    ``critic_loss="wasserstein-gp"``, ``critic_width=32``, ``n_iter=2000``, ``batch_size=16``, both
    learning rates 1e-3, ``betas=(0, 0.99)``, ``average_decay=0.995``, ``decay_from=0.5`` and
    ``scale_fractions=True``. A homogeneous generator learns what is common
    to all positions. On tiles of materials it prefers no positions, unlike the pyramid with the
    published settings after half an hour; of checkerboards it learned one translation only.

    References
    ----------
    .. [1] Y. Zhang et al., "DA-VEGAN: differentiably augmenting VAE-GAN for microstructure
       reconstruction from extremely small data sets", 2023, arXiv:2303.03403.
    .. [2] S. Zhao et al., "Differentiable augmentation for data-efficient GAN training",
       NeurIPS 2020.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.generators import DAVEGAN
    >>> X, p1 = make_cahn_hilliard(16, (32, 32), n_steps=200, random_state=0)
    >>> generator = DAVEGAN.light(n_iter=3, scale_fractions=False, random_state=0).fit(X)
    >>> generator.transform(X).shape
    (16, 208)
    >>> generator.sample(2, random_state=0).shape
    (2, 32, 32)
    """

    architecture: object = parameter(
        "pyramid",
        architecture(ARCHITECTURES, "generator", "critic"),
        """``"pyramid"``: the paper's networks, with a latent vector for the whole image;
        ``"light"``: a generator and a critic that work at half the resolution and below, for
        homogeneous images of any size; ``"fine"``: the same, but the generator's last layer and
        the critic's first see every voxel, for details of two or three voxels. The encoder is the
        paper's in any case. Or two functions that return your own networks, called as
        ``make_generator(n_latent, whitening, n_channels, shape, width=, periodic=)`` and
        ``make_critic(n_channels, shape, width=, periodic=)``.""",
        MODEL,
    )
    beta: float = parameter(
        1.0,
        real(0.0),
        """Weight of the divergence in the encoder's loss; larger values make traversals of latents
        smoother, smaller ones make encodings narrower.""",
    )
    lambda_vae: float = parameter(
        1.0, real(0.0), "Weight of reconstructions in the generator's adversarial loss."
    )
    lambda_noise: float = parameter(
        1.0, real(0.0), "Weight of new images in the generator's adversarial loss."
    )
    lambda_rec: float = parameter(
        1e-4,
        real(0.0),
        "Weight of the reconstruction loss, a sum over voxels, in the generator's loss.",
    )
    augment: bool = parameter(
        True,
        boolean(),
        """Roll the images of the critic periodically, whether they are periodic or not, and
        shift statistics of latents and prior.""",
    )
    translation_spread: float = parameter(
        0.25,
        real(0.0, LARGEST_SPREAD),
        """Standard deviation of the rolls along an axis, in sides of the image. If it is large,
        the critic does not detect features at fixed positions of new images.""",
    )
    critic_loss: object = parameter(
        "log",
        Rule('{"log", "wasserstein-gp"} or AdversarialLoss', _check_critic_loss),
        """``"log"``: the paper's, with batch normalisation in the pyramidal critic;
        ``"wasserstein-gp"``: Wasserstein losses, gradient penalty, and no normalisation in the
        critic; or your own loss, with the same penalty and critic.""",
        MODEL,
    )
    gradient_penalty: float = parameter(
        10.0, real(0.0), 'Weight of the penalty, unless the loss is ``"log"``.'
    )
    critic_width: int = parameter(
        16, integer(1), "Half the channels of the critic's coarsest feature map.", MODEL
    )
    critic_learning_rate: float = parameter(
        4e-5, real(0.0, open_low=True), "Rate of Adam for the critic."
    )
    n_critic: int = parameter(1, integer(1), "Critic steps per iteration.")
    scale_fractions: bool = parameter(
        False,
        boolean(),
        """After the training, stretch latents where they change phase fractions, so that those
        of new images vary as much as those of training images; not in the paper. An interrupted
        training is scaled as well; if the scaling itself is interrupted, the scale stays as it
        was, 1 after :meth:`fit`.""",
        RUNNING,
    )
    width: int = 16
    n_iter: int = 80_000
    batch_size: int = 4
    learning_rate: float = 1e-4
    betas: tuple = (0.9, 0.999)
    decay_from: float = 1.0

    _light: ClassVar = LIGHT
    _former_names: ClassVar = {"match_fractions": "scale_fractions"}

    def _model(self):
        parts = vars(super()._model())
        return ScaledModel(
            directions=self.fraction_directions_, scale=self.fraction_scale_, **parts
        )

    def _generator_maker(self):
        return makers(self._made.architecture, ARCHITECTURES)[0]

    def _networks(self):
        return super()._networks() | {"critic": self._new_critic}

    def _new_critic(self):
        made = self._made
        make = makers(made.architecture, ARCHITECTURES)[1]
        settings = {"width": made.critic_width, "periodic": self._wraps}
        if made.architecture == "pyramid":
            settings["normalised"] = made.critic_loss == "log"
        return make(self.encoder_.n_channels, self.image_shape_, **settings)

    def _training_step(self, networks, rng):
        return autoencoding_adversarial_step(
            networks["encoder_network"],
            networks["generator"],
            networks["critic"],
            CRITIC_LOSSES.get(self.critic_loss, self.critic_loss),
            self._reconstruction(),
            augmented_divergence if self.augment else _plain_divergence,
            beta=self.beta,
            weights=(self.lambda_vae, self.lambda_noise, self.lambda_rec),
            critic_rate=self.critic_learning_rate,
            learning_rate=self.learning_rate,
            rng=rng,
            betas=self.betas,
            n_critic=self.n_critic,
            penalties=[GradientPenalty(self.gradient_penalty)] * (self.critic_loss != "log"),
            augment=NormalTranslations(self.translation_spread) if self.augment else None,
            symmetries=Symmetries(self.symmetries),
            average_decay=self.average_decay,
            decay_from=self.decay_from,
        )

    def _untrained(self):
        n_channels = self.encoder_.n_channels
        return UNSCALED | {
            "n_samples_seen_": 0,
            "fraction_mean_": np.zeros(n_channels),
            "fraction_covariance_": np.zeros((n_channels, n_channels)),
        }

    def _measured(self, networks, images):
        n_seen, mean, covariance = updated_moments(
            self.n_samples_seen_,
            self.fraction_mean_,
            self.fraction_covariance_,
            fractions_of(self.encoder_, images),
        )
        return {
            "n_samples_seen_": n_seen,
            "fraction_mean_": mean,
            "fraction_covariance_": covariance,
        }

    def _finish(self):
        if not self.scale_fractions:
            self._set(UNSCALED)
            return
        model = self._model()
        draws, variance = scaling_draws(model, self._seed), np.trace(self.fraction_covariance_)
        try:
            directions = fraction_directions(model, draws)
            scale = fraction_scale(model, draws, directions, variance)
        except KeyboardInterrupt:
            warn_user(
                "Scaling of fractions was interrupted; fraction_scale_ stays "
                f"{self.fraction_scale_:g}.",
                TrainingInterruptedWarning,
            )
        else:
            self.fraction_directions_, self.fraction_scale_ = directions, scale


def _plain_divergence(mean, log_variance, rng):
    return normal_divergence(mean, log_variance)
