"""The 3-D WGAN: a generator with a mapping network against a pooled residual critic.

    L_D = E[D(G(z))] - E[D(x)] + lambda E[(|grad D(x')| - 1)^2],     L_G = -E[D(G(z))]

with standardised images (Henkes & Wessels 2022, Eqs. 29-32). Both networks start orthogonal and
are moved by Nadam, the critic faster than the generator and its mapping network slower, and the
gradient of each is clipped.
"""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np

from ..conditioning import NetworkModel
from ..losses import FractionPenalty, StandardView
from ..networks import (
    constant_critic,
    equivariant_critic,
    growing_critic,
    light_critic,
    light_generator,
    mapped_generator,
)
from ..parameters import MODEL, SAMPLING, parameter
from ..rules import integer, real
from ..training import Projection, nadam
from ._adversarial import LIGHT, AdversarialGenerator
from ._architectures import architecture
from ._groups import HasMixedPrecision

ARCHITECTURES = {
    "growing": (mapped_generator, growing_critic),
    "constant": (mapped_generator, constant_critic),
    "equivariant": (mapped_generator, equivariant_critic),
    "light": (light_generator, light_critic),
    "fine": (partial(light_generator, fine=True), partial(light_critic, fine=True)),
}


@dataclass(frozen=True, kw_only=True)
class SpreadModel(NetworkModel):
    """A model whose latents are normal of a standard deviation of its own, ``sigma``."""

    sigma: float

    def generate(self, latents, conditions):
        """Return the channels of latents, (n, n_latent), (n, k) -> (n, C, *S)."""
        return self.network(self.sigma * latents, conditions)


class VolumeWGAN(HasMixedPrecision, AdversarialGenerator):
    """Wasserstein GAN for volumes, with a mapping network.

    For images with two axes as well. The defaults are the published settings (hours on a GPU; a
    step takes seconds on a CPU); :meth:`light` has networks that train on two cores.

    Attributes
    ----------
    channel_mean_, channel_std_ : ndarray of shape (n_channels,)
        Mean and standard deviation of the channels of the first training images: one for each
        phase, or that of the grey levels scaled to [0, 1].
    history_ : dict of str to ndarray
        Losses of every iteration: ``"critic"``, ``"penalty"``, ``"generator"``, and
        ``"volume_fraction"`` with ``volume_fraction_penalty``, NaN in iterations without.

    See Also
    --------
    WGANGP : The same contest with the networks of another paper.
    FlowMatchingGenerator : Learns from windows of one large scan, without a critic.

    Notes
    -----
    Layers and numbers of parameters are those of the paper for one channel; two phases are one
    channel, more phases one each. Scores of the ``"equivariant"`` critic are means over the turns
    and over the voxels, where the paper does not say how its critic ends.

    References
    ----------
    .. [1] A. Henkes and H. Wessels, "Three-dimensional microstructure generation using generative
       adversarial neural networks in the context of continuum micromechanics", Computer Methods in
       Applied Mechanics and Engineering 400, 2022.
    .. [2] M. Winkels and T. S. Cohen, "3D G-CNNs for pulmonary nodule detection", 2018.

    Examples
    --------
    >>> from skmicro.datasets import make_spheres
    >>> from skmicro.generators import VolumeWGAN
    >>> X, p1 = make_spheres(8, (12, 12, 12), radius=3, random_state=0)
    >>> generator = VolumeWGAN.light(n_iter=3, random_state=0).fit(X)
    >>> generator.sample(2, random_state=0).shape
    (2, 12, 12, 12)
    """

    architecture: object = parameter(
        "growing",
        architecture(ARCHITECTURES, "generator", "critic"),
        """``"growing"``: the paper's generator, and a critic whose channels double from block to
        block; ``"constant"``: a critic with as many in every block; ``"equivariant"``: a critic
        that gives an image turned by a quarter the same score, which costs 4 times as much in two
        dimensions and 24 times in three. ``"light"``: networks that work at half the resolution
        and below, for homogeneous images of any size; ``"fine"``: the same with details of two or
        three voxels. Or two functions that make networks of your own, called as
        ``make_generator(n_latent, whitening, n_channels, shape, width=, periodic=)`` and
        ``make_critic(n_channels, shape, width=, periodic=)``, where the critic sees two phases as
        one channel and gives each image a score; the page "Extending skmicro" has an example.""",
        MODEL,
    )
    critic_width: int = parameter(
        16, integer(1), "Channels of the critic at full resolution.", MODEL
    )
    critic_learning_rate: float = parameter(
        1e-4, real(0.0, open_low=True), "Rate of Nadam for the critic."
    )
    mapping_rate: float = parameter(
        0.1, real(0.0), "Rate of the mapping network, as a multiple of the generator's."
    )
    max_norm: float = parameter(
        1.0, real(0.0, open_low=True), "Largest norm of the gradient of each network."
    )
    volume_fraction_penalty: float = parameter(
        0.0,
        real(0.0),
        """Weight of the squared difference of volume fractions between real and generated images,
        in pairs (Eq. B.1). It draws fractions to their mean, and their spread to zero.""",
    )
    sigma: float = parameter(
        1.0,
        real(0.0, open_low=True),
        """Standard deviation of the latents of samples; 1 in training. With larger values samples
        of a critic that was too strong for its images vary more (Sec. 4.4).""",
        SAMPLING,
    )
    width: int = 32
    batch_size: int = 8
    learning_rate: float = 5e-5
    betas: tuple = (0.9, 0.999)
    n_critic: int = 1

    _light: ClassVar = LIGHT | {"critic_width": 16, "critic_learning_rate": 1e-3}
    _architectures: ClassVar = ARCHITECTURES

    @property
    def _n_views(self):
        return -1 if self.encoder_.n_channels == 2 else 0

    def _networks(self):
        players = self._players(critic_width=self._made.critic_width)
        return {name: self._in_precision(make) for name, make in players.items()}

    def _model(self):
        parts = vars(super()._model())
        return SpreadModel(sigma=self.sigma, **parts)

    def _learn(self, images, rows, task, networks=None, n_iter=None, **settings):
        if networks is None:
            self.channel_mean_, self.channel_std_ = channel_moments(self.encoder_, images)
        super()._learn(images, rows, task, networks, n_iter, **settings)

    def _training_step(self, networks, rng):
        parts, weight = {}, self.volume_fraction_penalty
        if weight > 0:
            penalty = Projection(
                [FractionPenalty(weight)], unmeasured, n_steps=0, name="volume_fraction"
            )
            parts["projections"] = [penalty]
        if hasattr(networks["generator"], "mapping"):
            parts["generator_rates"] = [(networks["generator"].mapping, self.mapping_rate)]
        return self._contest(
            networks,
            rng,
            optimizer=partial(nadam, betas=self.betas),
            critic_rate=self.critic_learning_rate,
            max_norm=self.max_norm,
            view=StandardView(self.channel_mean_, self.channel_std_),
            **parts,
        )


def unmeasured(channels):
    """Return channels as they are."""
    return channels


def channel_moments(encoder, images):
    """Return mean and standard deviation of every channel of images (n, *S)."""
    moments = np.zeros((2, encoder.n_channels))
    for image in images:
        channels = encoder.encode(image[None])[0].flatten(1).double()
        moments += np.stack([channels.mean(dim=1), channels.square().mean(dim=1)])
    mean, square = moments / len(images)
    return mean, np.sqrt(np.maximum(square - mean**2, 0.0))
