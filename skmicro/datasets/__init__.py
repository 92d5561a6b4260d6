"""Simulated microstructures whose statistics are known or measured."""

from ._cahn_hilliard import make_cahn_hilliard
from ._checkerboards import make_checkerboards
from ._ellipses import make_ellipses
from ._fibers import make_fibers
from ._polycrystals import make_polycrystals
from ._shapes import make_circle_square, make_circles
from ._spheres import make_spheres

__all__ = [
    "make_cahn_hilliard",
    "make_checkerboards",
    "make_circle_square",
    "make_circles",
    "make_ellipses",
    "make_fibers",
    "make_polycrystals",
    "make_spheres",
]
