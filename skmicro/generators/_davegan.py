"""DA-VEGAN: a variational autoencoder whose generator also has to deceive a critic.

Everything that the critic sees is translated at random, real and generated images alike, and the
statistics of the latents are moved together with those of the prior, so that a few images are
enough (Zhang et al. 2023). See :mod:`skmicro.training.autoencoding_adversarial` for the losses.
"""

from functools import partial

from .._checks import check_betas, check_choice, check_integer, check_real
from ..images import NormalTranslations, Symmetries
from ..losses import ADVERSARIAL_LOSSES, GradientPenalty, augmented_divergence, normal_divergence
from ..networks import light_critic, light_generator, pyramid_critic, pyramid_generator
from ..training import autoencoding_adversarial_step
from ._encoder_generator import EncoderGenerator
from ._fraction_matching import MatchesFractions

GENERATORS = {
    "pyramid": pyramid_generator,
    "light": partial(light_generator, n_global=8),
    "fine": partial(light_generator, n_global=8, fine=True),
}
LARGEST_SPREAD = 1e4  # up to which single precision tells whole voxels
CRITIC_LOSSES = {"log": "log", "wasserstein-gp": "wasserstein"}
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
    "match_fractions": True,
}


class DAVEGAN(MatchesFractions, EncoderGenerator):
    r"""DA-VEGAN: variational autoencoder and GAN with differentiable augmentation.

    One generator serves an encoder, as its decoder, and a critic. With z drawn from
    :math:`q(z \mid x)` of the encoder and e standard normal, each network has a loss of its own,

    .. math::

        L_E &= \beta\, D_{KL}(q(z \mid x) \,\|\, p(z)) + L_{rec}, \qquad
        L_{rec} = -\log p(x \mid z), \\
        L_D &= -\log D(x) - \log(1 - D(G(z))) - \log(1 - D(G(e))), \\
        L_G &= -\lambda_{vae} \log D(G(z)) - \lambda_{noise} \log D(G(e))
        + \lambda_{rec} L_{rec}.

    The defaults are the published settings for sixteen images of 64 x 64, which need all of their
    iterations; :meth:`light` trains in minutes on two cores, with another generator, critic and
    loss, see Notes.

    Parameters
    ----------
    n_latent : int, default=32
        Width of the latent vector, standard normal; in the light and fine architectures the
        latent numbers per voxel of the coarsest grid, after eight for the whole image.
    architecture : {"pyramid", "light", "fine"}, default="pyramid"
        ``"pyramid"``: the paper's networks, with a latent vector for the whole image;
        ``"light"``: a generator and a critic that work at half the resolution and below,
        for homogeneous images of any size; ``"fine"``: the same, but the generator's last
        layer and the critic's first see every voxel, for details of two or three voxels. The
        encoder is the paper's in any case.
    beta : float, default=1.0
        Weight of the divergence in the encoder's loss; more makes walks along latents smoother,
        less makes codes narrower.
    lambda_vae : float, default=1.0
        Weight of reconstructions in the generator's adversarial loss.
    lambda_noise : float, default=1.0
        Weight of new images in the generator's adversarial loss.
    lambda_rec : float, default=1e-4
        Weight of the reconstruction loss, a sum over voxels, in the generator's loss.
    augment : bool, default=True
        Roll what the critic sees, and move statistics of latents and prior.
    translation_spread : float, default=0.25
        Standard deviation of the rolls along an axis, in sides of the image. What always lies in
        one place of new images is hidden from the critic where it is large.
    critic_loss : {"log", "wasserstein-gp"}, default="log"
        ``"log"``: the paper's, with batch normalisation in the pyramidal critic;
        ``"wasserstein-gp"``: Wasserstein losses, gradient penalty, and no normalisation in
        the critic.
    gradient_penalty : float, default=10.0
        Weight of the penalty, with ``"wasserstein-gp"``.
    width : int, default=16
        Channels of the finest feature maps of encoder and generator; four times as many in
        the coarsest.
    critic_width : int, default=16
        Half the channels of the critic's coarsest feature map.
    periodic : bool, default=False
        Whether training images are periodic: convolutions wrap around the borders, and
        so do descriptors given by name. The rolls of ``augment`` wrap in either case.
    n_iter : int, default=80000
        Iterations of training.
    batch_size : int, default=4
        Images per step.
    learning_rate : float, default=1e-4
        Rate of Adam for encoder and generator.
    critic_learning_rate : float, default=4e-5
        Rate of Adam for the critic.
    betas : tuple of float, default=(0.9, 0.999)
        Decay rates of Adam's moments.
    n_critic : int, default=1
        Critic steps per iteration.
    symmetries : sequence of {"translation", "reflection", "rotation"}, default=()
        Symmetries of the material, by which training images are moved at random before
        anything else; not in the paper.
    average_decay : float, default=0.0
        Decay of an average of the generator's weights; 0 keeps the last weights.
    decay_from : float, default=1.0
        Share of the training after which learning rates fall linearly to zero.
    match_fractions : bool, default=False
        After the training, stretch latents where they change phase fractions, so that those of
        new images vary as much as those of training images; not in the paper. An interrupted
        training is matched as well; an interruption of the matching itself leaves the scale as
        it was, 1 after :meth:`fit`.
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
        The trained encoder, means and logarithms of variances of the latents side by side.
    critic_ : torch.nn.Module
        The trained critic.
    fraction_scale_ : float
        Deviation along ``fraction_directions_`` of the latents that the networks know: from 1/4
        to 4; 1 without ``match_fractions``. Latents of samples are standard normal, those of
        :meth:`transform` are what the encoder says, divided by the scale along the directions.
    fraction_directions_ : ndarray of shape (n_directions, n_whole) or None
        Directions, orthonormal, in which fractions change: one less than there are phases at
        most, one for grey levels. Those of the latent vector, ``n_whole = n_latent``, or of the
        eight latents of the whole image and the means of the others, times the square root of
        their number, ``n_whole = 8 + n_latent``. ``None`` without ``match_fractions``.
    fraction_mean_, fraction_covariance_ : ndarray of shape (n_phases,), (n_phases, n_phases)
        Moments of the phase fractions (or of the mean grey level) of the training images.
    n_samples_seen_ : int
        Training images so far.
    history_ : dict of str to ndarray
        Losses of every iteration: ``"critic"``, ``"penalty"``, ``"reconstruction"``,
        ``"divergence"``, ``"generator"``.
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
    VAE : The same without a critic: stable, smoother images.
    FlowMatchingGenerator : Learns from one image and without an adversary.

    Notes
    -----
    The gradient of each loss reaches its own network only. Rolls are by whole voxels and periodic;
    every image has its own, but an image and its reconstruction share one.

    A critic with batch normalisation sees real and generated images in batches of their own here,
    which hides from it much of what they differ in, such as phase fractions. In short trainings
    images stay rough, and ``lambda_rec`` decides how soon there is anything to be seen; in common
    batches it won at once, and all samples became one image. A critic without normalisation,
    under a penalty of its gradient, came to rounder images in the same time.

    Of few images, a larger ``lambda_rec`` makes reconstructions better and new images more like
    the old: look at :func:`skmicro.evaluation.memorisation`. With more latents and a smaller
    ``beta``, latents of new images come near to codes less often. With ``symmetries`` there are
    more images to tell apart, which takes longer to learn. Half an hour of the published settings
    left new images of an alloy alike; with 5e-3, and larger rates and batches, they were not.

    With ``match_fractions``, the sum of the variances of all phase fractions (or the variance of
    the mean grey level) of new images becomes that of all training images so far, those of
    :meth:`partial_fit` included; not that of each fraction for itself. It takes several passes
    over 1024 new images, after :meth:`fit` and after each :meth:`partial_fit`. Means are not
    changed, to first order.

    :meth:`light` sets ``architecture="light"``, ``n_latent=8``, ``lambda_rec=0.02``,
    ``critic_loss="wasserstein-gp"``, ``critic_width=32``, ``n_iter=2000``, ``batch_size=16``, both
    learning rates 1e-3, ``betas=(0, 0.99)``, ``average_decay=0.995``, ``decay_from=0.5`` and
    ``match_fractions=True``. A generator that is the same everywhere has to learn what is common
    to all places. On tiles of materials it has no favourite places, unlike the pyramid with the
    published settings in half an hour; of checkerboards it learned one translation only.

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
    >>> generator = DAVEGAN.light(n_iter=3, random_state=0).fit(X)
    >>> generator.transform(X).shape
    (16, 208)
    >>> generator.sample(2, random_state=0).shape
    (2, 32, 32)
    """

    def __init__(
        self,
        n_latent=32,
        *,
        architecture="pyramid",
        beta=1.0,
        lambda_vae=1.0,
        lambda_noise=1.0,
        lambda_rec=1e-4,
        augment=True,
        translation_spread=0.25,
        critic_loss="log",
        gradient_penalty=10.0,
        width=16,
        critic_width=16,
        periodic=False,
        n_iter=80_000,
        batch_size=4,
        learning_rate=1e-4,
        critic_learning_rate=4e-5,
        betas=(0.9, 0.999),
        n_critic=1,
        symmetries=(),
        average_decay=0.0,
        decay_from=1.0,
        match_fractions=False,
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
        self.architecture = architecture
        self.beta = beta
        self.lambda_vae = lambda_vae
        self.lambda_noise = lambda_noise
        self.lambda_rec = lambda_rec
        self.augment = augment
        self.translation_spread = translation_spread
        self.critic_loss = critic_loss
        self.gradient_penalty = gradient_penalty
        self.width = width
        self.critic_width = critic_width
        self.periodic = periodic
        self.n_iter = n_iter
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.critic_learning_rate = critic_learning_rate
        self.betas = betas
        self.n_critic = n_critic
        self.symmetries = symmetries
        self.average_decay = average_decay
        self.decay_from = decay_from
        self.match_fractions = match_fractions
        self.target_tol = target_tol
        self.image_shape = image_shape
        self.device = device
        self.precision = precision
        self.random_state = random_state
        self.callbacks = callbacks
        self.checkpoint = checkpoint
        self.checkpoint_every = checkpoint_every
        self.verbose = verbose

    @classmethod
    def _preset(cls):
        return LIGHT

    def _check_parameters(self):
        super()._check_parameters()
        for name in ("beta", "lambda_vae", "lambda_noise", "lambda_rec", "gradient_penalty"):
            check_real(name, getattr(self, name), 0.0)
        check_choice("architecture", self.architecture, GENERATORS)
        check_choice("augment", self.augment, (True, False))
        check_real("translation_spread", self.translation_spread, 0.0, LARGEST_SPREAD)
        check_choice("critic_loss", self.critic_loss, CRITIC_LOSSES)
        check_integer("critic_width", self.critic_width, minimum=1)
        check_real("critic_learning_rate", self.critic_learning_rate, 0.0, open_low=True)
        check_betas(self.betas)
        check_choice("match_fractions", self.match_fractions, (True, False))
        check_integer("n_critic", self.n_critic, minimum=1)
        check_real("average_decay", self.average_decay, 0.0, 1.0, open_high=True)

    @property
    def _make_generator(self):
        return GENERATORS[self.architecture]

    def _networks(self):
        return super()._networks() | {"critic": self._new_critic}

    def _new_critic(self):
        inputs, periodic = (self.encoder_.n_channels, self.image_shape_), self.periodic
        if self.architecture != "pyramid":
            width, fine = max(1, self.critic_width // 2), self.architecture == "fine"
            return light_critic(*inputs, width=width, periodic=periodic, fine=fine)
        normalised = self.critic_loss == "log"
        return pyramid_critic(
            *inputs, width=self.critic_width, periodic=periodic, normalised=normalised
        )

    def _training_step(self, networks, rng):
        return autoencoding_adversarial_step(
            networks["encoder_network"],
            networks["generator"],
            networks["critic"],
            ADVERSARIAL_LOSSES[CRITIC_LOSSES[self.critic_loss]],
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


def _plain_divergence(mean, log_variance, rng):
    return normal_divergence(mean, log_variance)
