"""Networks of any dimension and any image size; they know nothing of training."""

from ._blocks import LatentGenerator, conv, probabilities, whitened
from ._build import build
from ._dense import dense_critic, dense_generator
from ._light import light_critic, light_generator
from ._noise_field import field_generator
from ._plain import plain_encoder, plain_generator
from ._pyramid import pyramid_critic, pyramid_encoder, pyramid_generator
from ._residual import residual_critic, residual_generator
from ._style import style_network
from ._unet import flow_unet
from ._windows import in_windows

__all__ = [
    "LatentGenerator",
    "build",
    "conv",
    "dense_critic",
    "dense_generator",
    "field_generator",
    "flow_unet",
    "in_windows",
    "light_critic",
    "light_generator",
    "plain_encoder",
    "plain_generator",
    "pyramid_critic",
    "pyramid_encoder",
    "pyramid_generator",
    "residual_critic",
    "residual_generator",
    "style_network",
    "whitened",
]
