"""What the adversarial generators have in common: parameters, networks and step."""

from functools import partial
from typing import ClassVar

from ..images import Symmetries
from ..losses import ADVERSARIAL_LOSSES, GradientPenalty
from ..networks import (
    dense_critic,
    dense_generator,
    light_critic,
    light_generator,
    residual_critic,
    residual_generator,
)
from ..parameters import MODEL, parameter
from ..rules import integer, real
from ..training import adam, adversarial_step
from ._architectures import architecture, makers
from ._descriptor_parameters import descriptors
from ._groups import HasAverage, HasLatents, HasMoments, HasSymmetries
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


class AdversarialGenerator(HasLatents, HasMoments, HasSymmetries, HasAverage, NetworkGenerator):
    """Base class of generators that are trained against a Wasserstein critic.

    Attributes
    ----------
    critic_ : torch.nn.Module
        The trained critic.
    history_ : dict of str to ndarray
        Losses of every iteration: ``"critic"``, ``"penalty"``, ``"generator"``.
    """

    architecture: object = parameter(
        "residual",
        architecture(ARCHITECTURES, "generator", "critic"),
        """``"residual"``: the paper's residual blocks; ``"light"``: a network that works at half
        the resolution and below and generates homogeneous images of any size; ``"dense"``: the
        same for objects at given positions. Or two functions that return your own networks,
        called as ``make_generator(n_latent, whitening, n_channels, shape, width=, periodic=)``
        and ``make_critic(n_channels, shape, width=, periodic=)``, by :class:`ACGAN` also with
        ``n_attributes=``, the number of values that the critic predicts besides the score.""",
        MODEL,
    )
    n_critic: int = parameter(5, integer(1), "Critic steps per iteration.")
    gradient_penalty: float = parameter(10.0, real(0.0), "Weight of the gradient penalty.")

    _light: ClassVar = LIGHT
    _architectures: ClassVar = ARCHITECTURES
    _n_views = 0
    _n_attributes = 0

    def _networks(self):
        return self._players()

    def _training_step(self, networks, rng):
        return self._contest(networks, rng)

    def _players(self, critic_width=None):
        """Return factories of ``"generator"`` and ``"critic"``.

        The critic sees ``_n_views`` channels besides those of the images (one less if -1), predicts
        ``_n_attributes`` values of each image, and is as wide as the generator by default.
        """
        made, n_channels, shape = self._made, self.encoder_.n_channels, self.image_shape_
        n_seen, n_told = n_channels + self._n_views, self._n_attributes
        make_generator, make_critic = makers(made.architecture, self._architectures)
        settings = {"width": made.width, "periodic": self._wraps}
        inputs = (made.n_latent, self.conditions_.whitening)
        of_critic = settings | ({"n_attributes": n_told} if n_told else {})
        of_critic["width"] = critic_width or made.width
        return {
            "generator": lambda: make_generator(*inputs, n_channels, shape, **settings),
            "critic": lambda: make_critic(n_seen, shape, **of_critic),
        }

    def _contest(self, networks, rng, **parts):
        """Return the Wasserstein step with gradient penalty; ``parts`` go to its builder."""
        settings = {"optimizer": partial(adam, betas=self.betas)} | parts
        return adversarial_step(
            networks["generator"],
            networks["critic"],
            ADVERSARIAL_LOSSES["wasserstein"],
            learning_rate=self.learning_rate,
            rng=rng,
            n_critic=self.n_critic,
            penalties=[GradientPenalty(self.gradient_penalty)],
            augment=Symmetries(self.symmetries),
            average_decay=self.average_decay,
            decay_from=self.decay_from,
            **settings,
        )


class ConditionalGenerator(AdversarialGenerator):
    """Base class of conditional GANs, the baselines of InvNet.

    Attributes
    ----------
    conditions_ : ConditionTable
        The conditions, with their values in the training images.
    """

    conditions: tuple = parameter(
        ("p1",),
        descriptors(n_least=1),
        """Differentiable descriptors whose values are inputs of the generator: names or
        descriptor objects. A name means default parameters; an unset ``periodic`` is
        that of the generator.""",
        MODEL,
    )

    def _condition_descriptors(self):
        return self.conditions
