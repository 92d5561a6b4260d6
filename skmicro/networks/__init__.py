"""Networks of any dimension and any image size; they know nothing of training."""

from ._blocks import LatentGenerator, conv
from ._build import build
from ._residual import residual_critic, residual_generator
from ._subpixel import strided_critic, subpixel_generator

__all__ = [
    "LatentGenerator",
    "build",
    "conv",
    "residual_critic",
    "residual_generator",
    "strided_critic",
    "subpixel_generator",
]
