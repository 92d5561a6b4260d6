"""Simulated microstructures whose statistics are known or measured."""

from ._cahn_hilliard import make_cahn_hilliard

__all__ = ["make_cahn_hilliard"]
