"""What the adversarial generators have in common: preset, checks, networks and step."""

from .. import training
from .._checks import check_betas, check_choice, check_choices, check_integer, check_real
from ..images import SYMMETRIES, Symmetries
from ..losses import ADVERSARIAL_LOSSES, GradientPenalty
from ..networks import (
    dense_critic,
    dense_generator,
    light_critic,
    light_generator,
    residual_critic,
    residual_generator,
)
from ._invariances import check_descriptors
from ._network import NetworkGenerator

ARCHITECTURES = {
    "residual": (residual_generator, residual_critic),
    "light": (light_generator, light_critic),
    "dense": (dense_generator, dense_critic),
}

LIGHT = {
    "n_latent": 8,
    "architecture": "light",
    "width": 16,
    "n_iter": 1800,
    "batch_size": 16,
    "learning_rate": 1e-3,
    "betas": (0.0, 0.99),
    "n_critic": 1,
    "average_decay": 0.995,
    "decay_from": 0.5,
}


def check_adversarial_parameters(estimator):
    """Raise if a parameter that adversarial generators share is not allowed."""
    check_choice("architecture", estimator.architecture, ARCHITECTURES)
    check_integer("width", estimator.width, minimum=2)
    check_choice("periodic", estimator.periodic, (True, False))
    check_betas(estimator.betas)
    check_choices("symmetries", estimator.symmetries, SYMMETRIES)
    check_integer("n_critic", estimator.n_critic, minimum=1)
    check_real("gradient_penalty", estimator.gradient_penalty, 0.0)
    check_real("average_decay", estimator.average_decay, 0.0, 1.0, open_high=True)
    check_real("decay_from", estimator.decay_from, 0.0, 1.0)


def adversarial_networks(estimator, n_views=0, n_attributes=0):
    """Return factories of generator and critic.

    Parameters
    ----------
    estimator : NetworkGenerator
        Has the parameters.
    n_views : int, default=0
        Channels that the critic sees beside those of the images.
    n_attributes : int, default=0
        Figures that the critic tells of each image.

    Returns
    -------
    networks : dict of str to callable
        ``"generator"`` and ``"critic"``.
    """
    make_generator, make_critic = ARCHITECTURES[estimator.architecture]
    n_channels, shape = estimator.encoder_.n_channels, estimator.image_shape_
    settings = {"width": estimator.width, "periodic": estimator.periodic}
    inputs = (estimator.n_latent, estimator.conditions_.whitening)
    return {
        "generator": lambda: make_generator(*inputs, n_channels, shape, **settings),
        "critic": lambda: make_critic(
            n_channels + n_views, shape, n_attributes=n_attributes, **settings
        ),
    }


def adversarial_step(estimator, networks, rng, **parts):
    """Return the Wasserstein step with gradient penalty; ``parts`` go to its builder."""
    return training.adversarial_step(
        networks["generator"],
        networks["critic"],
        ADVERSARIAL_LOSSES["wasserstein"],
        learning_rate=estimator.learning_rate,
        rng=rng,
        betas=estimator.betas,
        n_critic=estimator.n_critic,
        penalties=[GradientPenalty(estimator.gradient_penalty)],
        augment=Symmetries(estimator.symmetries),
        average_decay=estimator.average_decay,
        decay_from=estimator.decay_from,
        **parts,
    )


class AdversarialGenerator(NetworkGenerator):
    """Base class of generators that are trained against a critic.

    Subclasses have at least the parameters of :class:`WGANGP`.
    """

    @classmethod
    def light(cls, **overrides):
        """Return an instance whose settings train in minutes on two CPU cores.

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

    @classmethod
    def _preset(cls):
        """Return the parameters that :meth:`light` sets."""
        return LIGHT

    def _check_parameters(self):
        super()._check_parameters()
        check_adversarial_parameters(self)

    def _networks(self):
        return adversarial_networks(self)


class ConditionalGenerator(AdversarialGenerator):
    """Base class of adversarial generators with a parameter ``conditions``."""

    def _check_parameters(self):
        super()._check_parameters()
        check_descriptors("conditions", self.conditions, n_least=1)

    def _condition_descriptors(self):
        return self.conditions
