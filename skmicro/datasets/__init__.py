"""Simulated microstructures whose statistics are known or measured."""

from ._cahn_hilliard import make_cahn_hilliard
from ._polycrystals import make_polycrystals
from ._shapes import make_circle_square, make_circles

__all__ = ["make_cahn_hilliard", "make_circle_square", "make_circles", "make_polycrystals"]
