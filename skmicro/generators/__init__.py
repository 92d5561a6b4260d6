"""Generators of microstructure images."""

from ._base import BaseGenerator
from ._invnet import InvNetGenerator
from ._wgan import WGANGP

__all__ = ["WGANGP", "BaseGenerator", "InvNetGenerator"]
