"""Networks of any dimension and any image size; they know nothing of training."""

from ._blocks import LatentGenerator, conv
from ._build import build
from ._light import light_critic, light_generator
from ._residual import residual_critic, residual_generator

__all__ = [
    "LatentGenerator",
    "build",
    "conv",
    "light_critic",
    "light_generator",
    "residual_critic",
    "residual_generator",
]
