"""Networks of any dimension and any image size; they know nothing of training."""

from ._blocks import LatentGenerator, conv, probabilities, whitened
from ._build import build
from ._dense import dense_critic, dense_generator
from ._light import light_critic, light_generator
from ._mapped import mapped_generator
from ._mixed import mixed_precision
from ._noise_field import field_generator
from ._plain import plain_encoder, plain_generator
from ._pooled import constant_critic, equivariant_critic, growing_critic
from ._pyramid import pyramid_critic, pyramid_encoder, pyramid_generator
from ._regression import regression_network
from ._residual import residual_critic, residual_generator
from ._state import WEIGHTS, check_finite, new_networks, rebuilt_networks, without_networks
from ._style import style_network
from ._unet import flow_unet, mean_phases, own_evidence
from ._windows import in_windows

__all__ = [
    "WEIGHTS",
    "LatentGenerator",
    "build",
    "check_finite",
    "constant_critic",
    "conv",
    "dense_critic",
    "dense_generator",
    "equivariant_critic",
    "field_generator",
    "flow_unet",
    "growing_critic",
    "in_windows",
    "light_critic",
    "light_generator",
    "mapped_generator",
    "mixed_precision",
    "new_networks",
    "plain_encoder",
    "plain_generator",
    "pyramid_critic",
    "pyramid_encoder",
    "pyramid_generator",
    "rebuilt_networks",
    "regression_network",
    "residual_critic",
    "residual_generator",
    "style_network",
    "whitened",
    "without_networks",
]
