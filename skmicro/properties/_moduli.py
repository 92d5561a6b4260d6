"""Elastic moduli of isotropic materials, in two and three dimensions."""

from collections import namedtuple
from typing import Literal

import numpy as np
import torch
from numpy.typing import ArrayLike

from .._checks import check_choice
from ..parameters import parameter
from ..rules import choice

Moduli = namedtuple("Moduli", "bulk shear")
Moduli.__doc__ = """Moduli of an isotropic material.

Parameters
----------
bulk : float, ndarray or Tensor
    Bulk modulus.
shear : float, ndarray or Tensor
    Shear modulus.
"""

PLANES = ("strain", "stress")


def plane_of_images():
    """Declare the state of a material that images show in two dimensions."""
    return parameter("strain", choice(*PLANES), "State of two-dimensional materials.")


def isotropic_moduli(
    young: float | ArrayLike,
    poisson: float | ArrayLike,
    n_axes: Literal[2, 3] = 3,
    plane: Literal["strain", "stress"] = "strain",
):
    r"""Return bulk and shear modulus of a material known by Young's modulus.

    Parameters
    ----------
    young : float or array-like
        Young's modulus E; 0 means a void.
    poisson : float or array-like
        Poisson's ratio :math:`\nu`, between -1 and 0.5.
    n_axes : {2, 3}, default=3
        Dimensions; see Notes.
    plane : {"strain", "stress"}, default="strain"
        State of two-dimensional material.

    Returns
    -------
    moduli : Moduli
        ``bulk`` and ``shear``, in the unit of ``young``.

    Raises
    ------
    ValueError
        If a modulus is negative, or a ratio outside (-1, 0.5).

    Notes
    -----
    :math:`G = E / (2 (1 + \nu))` and :math:`K = E / (3 (1 - 2 \nu))`. In two dimensions K is
    planar, one half of :math:`\sigma_{11} + \sigma_{22}` over the change of area:
    :math:`G / (1 - 2 \nu)`, which is :math:`K + G / 3`, in plane strain, and
    :math:`E / (2 (1 - \nu))`, which is :math:`9 K G / (3 K + 4 G)`, in plane stress.

    Examples
    --------
    >>> from skmicro.properties import isotropic_moduli
    >>> isotropic_moduli(2.5, 0.25)
    Moduli(bulk=np.float64(1.6666666666666667), shear=np.float64(1.0))
    """
    young, poisson = _numbers(young), _numbers(poisson)
    if not bool((young >= 0).all()):
        raise ValueError(f"young must be at least 0, got {young}.")
    if not bool(((poisson > -1) & (poisson < 0.5)).all()):
        raise ValueError(f"poisson must lie in (-1, 0.5), got {poisson}.")
    check_choice("plane", plane, PLANES)
    if n_axes not in (2, 3):
        raise ValueError(f"n_axes must be 2 or 3, got {n_axes}.")
    shear = young / (2 * (1 + poisson))
    if n_axes == 3:
        return Moduli(young / (3 * (1 - 2 * poisson)), shear)
    if plane == "stress":
        return Moduli(young / (2 * (1 - poisson)), shear)
    return Moduli(shear / (1 - 2 * poisson), shear)


def young_modulus(
    bulk: float | np.ndarray | torch.Tensor,
    shear: float | np.ndarray | torch.Tensor,
    n_axes: Literal[2, 3] = 3,
) -> float | np.ndarray | torch.Tensor:
    """Return Young's modulus of an isotropic material.

    Parameters
    ----------
    bulk, shear : float, ndarray or Tensor
        Moduli; planar ones in two dimensions.
    n_axes : {2, 3}, default=3
        Dimensions.

    Returns
    -------
    young : float, ndarray or Tensor
        ``9 K G / (3 K + G)`` or, in two dimensions, ``4 K G / (K + G)``: Young's modulus in
        plane stress, ``E / (1 - nu^2)`` in plane strain. 0 where both moduli are 0.

    Examples
    --------
    >>> from skmicro.properties import young_modulus
    >>> young_modulus(4.3, 3.8).__round__(3)
    8.806
    """
    product, total = (9, 3 * bulk + shear) if n_axes == 3 else (4, bulk + shear)
    return product * bulk * shear / (total + (total == 0))


def _numbers(values):
    return values if isinstance(values, torch.Tensor) else np.asarray(values, dtype=float)[()]
