"""Variational autoencoder whose images also have to have the style of those that they come from.

The losses are those of :mod:`skmicro.losses.style`, how images are paired is the matter of
:mod:`skmicro.training.style` (Cang et al. 2018).
"""

import os
from functools import partial
from typing import ClassVar

import torch

from .._checks import check_sequence
from ..losses import squared_error
from ..networks import (
    plain_encoder,
    plain_generator,
    pyramid_encoder,
    pyramid_generator,
    style_network,
)
from ..parameters import MODEL, parameter
from ..rules import Rule, choice, optional, real
from ..training import style_term
from ._architectures import architecture, makers
from ._vae import VAE

ARCHITECTURES = {
    "plain": (plain_generator, plain_encoder),
    "pyramid": (pyramid_generator, pyramid_encoder),
}


def _check_style_network(name, value):
    if isinstance(value, torch.nn.Module) or (isinstance(value, str) and value == "random"):
        return
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f'{name} must be "random", a path or a torch.nn.Module, got {value!r}.')


def _check_style_layers(name, value):
    layers = check_sequence(name, value)
    if not layers or not all(isinstance(layer, str) for layer in layers):
        raise ValueError(f"{name} must hold one or more names of layers, got {value!r}.")


def _half_squared_error(channels, images):
    """Return half the squared error of probabilities: of two phases, that of one channel."""
    return 0.5 * squared_error(channels, images)


class StyleVAE(VAE):
    r"""Variational autoencoder with a loss of style: a morphology-aware generator.

    Minimises, with z drawn from :math:`q(z \mid x)` of the encoder and g the generator,

    .. math::

        L = w_{rec} \|g(z) - x\|^2 + \beta \, D_{KL}(q(z \mid x) \,\|\, N(0, 1))
        + w_{st} L_{ST}(g(z), x) + w_{mc} L_{MC}(g(z)).

    The style :math:`L_{ST}` compares Gram matrices of the features that a fixed network sees in an
    image and in what is decoded near its own code, so that images between those of the training
    are drawn to their texture. :math:`L_{MC}`, the mean squared cosine between the styles of a
    batch, acts against images that are all alike.

    The defaults are the published settings, which need a GPU; :meth:`light` trains in minutes on
    two cores.

    Attributes
    ----------
    encoder_network_ : torch.nn.Module
        The trained encoder, means and logarithms of variances of the latents side by side.
    history_ : dict of str to ndarray
        Losses of every iteration, without their weights: ``"reconstruction"``, ``"divergence"``,
        and unless both of their weights are zero ``"style"`` and ``"collapse"``.

    See Also
    --------
    VAE : The same without a style; reconstructs with less error.
    FlowMatchingGenerator : Sharper images, but as many latents as voxels.

    Notes
    -----
    The squared error of phases is that of one channel where there are two: half that of the
    probabilities. It is a sum over voxels, the divergence one over latents, the style one over
    layers with the weights :math:`1 / (4 C_l^2 M_l^2)` for :math:`C_l` channels at :math:`M_l`
    positions; all are means over the batch.

    What is seen of two phases is the image of the second, 0 and 1; of more phases one such image
    each, whose styles are added. No order of the phases is supposed.

    The style network is not part of the fitted generator: neither sampling nor :meth:`transform`
    needs it, and a file holds where it came from at most. A generator with a module as
    ``style_network`` cannot be saved, as with networks of one's own.

    Random filters are scaled such that weights of one make style and reconstruction weigh about
    alike when the training begins. Features of other networks differ in size, which counts to the
    fourth power: see ``history_["style"]`` and choose ``style_weight`` such that it comes near to
    the reconstruction.

    After 90 s of training new images of sandstone had fewer specks than those of :class:`VAE`, and
    a two-point correlation as near to that of the training images; more of their voxels are
    undecided, and reconstructions are less exact. Compare both with your images, as
    ``benchmarks/style_vae.py`` does.

    :meth:`light` sets ``architecture="pyramid"``, ``width=16``, ``n_iter=2000``,
    ``batch_size=16``, ``decay_from=0.5`` and ``beta=4``, with which latents of the prior give
    images more like those of the training after so few iterations than with 1.

    References
    ----------
    .. [1] R. Cang, H. Li, H. Yao, Y. Jiao, Y. Ren, "Improving direct physical properties
       prediction of heterogeneous materials from imaging data via convolutional neural network
       and a morphology-aware generative model", Comput. Mater. Sci. 150, 2018.
    .. [2] L. A. Gatys, A. S. Ecker, M. Bethge, "Texture synthesis using convolutional neural
       networks", NeurIPS 2015.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.generators import StyleVAE
    >>> X, p1 = make_cahn_hilliard(32, (16, 16), n_steps=200, random_state=0)
    >>> generator = StyleVAE.light(n_latent=4, n_iter=5, random_state=0).fit(X)
    >>> generator.sample(3, random_state=0).shape
    (3, 16, 16)
    """

    architecture: object = parameter(
        "plain",
        architecture(ARCHITECTURES, "generator", "encoder"),
        """``"plain"``: the paper's networks, whose outermost layers see every voxel;
        ``"pyramid"``: those of :class:`VAE`, many times faster. Or two functions that make
        networks of your own, called as
        ``make_generator(n_latent, whitening, n_channels, shape, width=, periodic=)`` and
        ``make_encoder(n_channels, shape, n_outputs, width=, periodic=)``.""",
        MODEL,
    )
    style_network: object = parameter(
        "random",
        Rule('{"random"}, path-like or torch.nn.Module', _check_style_network),
        """What sees the style. ``"random"``: fixed random filters at four scales, always the
        same. A path: the state dict of torchvision's VGG-16 or VGG-19 (keys
        ``features.K.weight`` and ``features.K.bias``), read without running code, as safetensors
        if the file ends so. A module: such a VGG, or any network that takes images
        (n, 3, \\*spatial); it is copied, not changed.""",
    )
    style_layers: tuple | None = parameter(
        None,
        optional(Rule("sequence of str", _check_style_layers)),
        """Layers whose features count. Random filters have ``"scale1"``, ``"scale2"``,
        ``"scale4"`` and ``"scale8"``; a VGG has ``"convB_K"``, the K-th convolution of block B
        after its rectifier, and ``"poolB"``; layers of other modules are named as by
        ``named_modules()`` and are required. ``None`` means all scales, or the
        paper's conv1_1, pool1, conv2_1 and pool2.""",
    )
    pairing: str = parameter(
        "own",
        choice("own", "random"),
        """What an image is compared with in style: ``"own"``, an image decoded from a latent drawn
        near its own code; ``"random"``, one decoded from a latent of the prior, which draws all
        images to a mean morphology and is there to show that.""",
    )
    reconstruction_weight: float = parameter(
        1.0, real(0.0), "Weight of the squared error of reconstructions."
    )
    style_weight: float = parameter(1.0, real(0.0), "Weight of the style loss.")
    collapse_weight: float = parameter(10.0, real(0.0), "Weight of the mode-collapse loss.")
    n_latent: int = 16
    n_iter: int = 200_000
    batch_size: int = 20
    decay_from: float = 1.0

    _light: ClassVar = {
        "architecture": "pyramid",
        "width": 16,
        "n_iter": 2000,
        "batch_size": 16,
        "decay_from": 0.5,
        "beta": 4.0,
    }

    def _generator_maker(self):
        return makers(self._made.architecture, ARCHITECTURES)[0]

    def _encoder_maker(self):
        return makers(self._made.architecture, ARCHITECTURES)[1]

    def _training_step(self, networks, rng):
        weights = (self.style_weight, self.collapse_weight)
        return self._autoencoding_step(
            networks,
            rng,
            self.beta,
            reconstruction_weight=self.reconstruction_weight,
            terms=[self._style_term(networks, weights)] if any(weights) else [],
        )

    def _style_term(self, networks, weights):
        """Return the losses of style as a term of the training."""
        like = next(networks["generator"].parameters())
        style = style_network(
            self.style_network, self.style_layers, self.image_shape_, periodic=self._wraps
        )
        style.to(device=like.device, dtype=like.dtype)
        own = self.pairing == "own"
        return partial(style_term, style=style, weights=weights, own=own)

    def _reconstruction(self):
        return squared_error if self.encoder_.phases is None else _half_squared_error
