"""Generators of microstructure images."""

from ._acgan import ACGAN
from ._autoencoder import Autoencoder
from ._base import BaseGenerator
from ._conditional_gan import ConditionalGAN
from ._davegan import DAVEGAN
from ._flow_matching import FlowMatchingGenerator
from ._gaussian_random_field import GaussianRandomField
from ._gin import GIN
from ._hybrid import HybridGAN
from ._invnet import InvNetGenerator
from ._markov_random_field import MarkovRandomField
from ._network import NetworkGenerator
from ._residual_input import ResidualInputGAN
from ._style_vae import StyleVAE
from ._vae import VAE
from ._volume_wgan import VolumeWGAN
from ._wgan import WGANGP

__all__ = [
    "ACGAN",
    "DAVEGAN",
    "GIN",
    "VAE",
    "WGANGP",
    "Autoencoder",
    "BaseGenerator",
    "ConditionalGAN",
    "FlowMatchingGenerator",
    "GaussianRandomField",
    "HybridGAN",
    "InvNetGenerator",
    "MarkovRandomField",
    "NetworkGenerator",
    "ResidualInputGAN",
    "StyleVAE",
    "VolumeWGAN",
]
