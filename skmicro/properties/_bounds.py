"""Rigorous bounds on properties of isotropic composites, from fractions of the phases alone."""

from collections import namedtuple
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_choice, check_integer
from ._moduli import Moduli

Bounds = namedtuple("Bounds", "lower upper")
Bounds.__doc__ = """Bounds on a property.

Parameters
----------
lower : ndarray or Moduli
    No composite of these fractions has less.
upper : ndarray or Moduli
    None has more.
"""

KINDS = ("voigt-reuss", "hashin-shtrikman")


def conductivity_bounds(
    fractions: ArrayLike,
    conductivities: ArrayLike,
    n_axes: Literal[2, 3] = 3,
    kind: Literal["hashin-shtrikman", "voigt-reuss"] = "hashin-shtrikman",
):
    r"""Return bounds on the conductivity of composites of isotropic phases.

    They hold for diffusivity, permittivity and permeability to magnetic fields as well.

    Parameters
    ----------
    fractions : array-like of shape (n, n_phases) or (n_phases,)
        Volume fractions of the phases, such as those of
        :class:`~skmicro.descriptors.PhaseFractions`.
    conductivities : array-like of shape (n_phases,)
        Conductivity of each phase, not negative.
    n_axes : {2, 3}, default=3
        Dimensions d.
    kind : {"hashin-shtrikman", "voigt-reuss"}, default="hashin-shtrikman"
        Bounds for isotropic composites, or the arithmetic and harmonic means, which bound
        the conductivity along any direction of any composite.

    Returns
    -------
    bounds : Bounds
        ``lower`` and ``upper``, each of shape (n,), or numbers for one row of fractions.

    Raises
    ------
    ValueError
        If fractions are negative or do not sum to 1, or a conductivity is negative.

    See Also
    --------
    elastic_bounds : Bounds on bulk and shear modulus.

    Notes
    -----
    With :math:`M(x) = \left( \sum_i \frac{p_i}{\sigma_i + x} \right)^{-1} - x` the bounds of
    Hashin and Shtrikman [1]_ are :math:`M((d - 1) \sigma_{min})` and
    :math:`M((d - 1) \sigma_{max})`, the extremes being over the phases that are present. They are
    attained by assemblages of coated spheres if there are two phases. Those of Voigt and Reuss are
    :math:`M(\infty)` and :math:`M(0)`. In two dimensions both are bounds on composites of
    cylinders as well.

    References
    ----------
    .. [1] Z. Hashin and S. Shtrikman, "A variational approach to the theory of the effective
       magnetic permeability of multiphase materials", J. Appl. Phys. 33, 3125-3131, 1962.

    Examples
    --------
    >>> from skmicro.properties import conductivity_bounds
    >>> lower, upper = conductivity_bounds([[0.5, 0.5], [1.0, 0.0]], [1.0, 10.0])
    >>> lower.round(3), upper.round(3)
    (array([2.8, 1. ]), array([4.706, 1.   ]))
    """
    (values,), fractions = _checked(fractions, n_axes, kind, conductivities=conductivities)
    if kind == "voigt-reuss":
        stars = 0.0, np.inf
    else:
        stars = ((n_axes - 1) * end for end in _extremes(values, fractions))
    return Bounds(*(_mean(values, fractions, star) for star in stars))


def elastic_bounds(
    fractions: ArrayLike,
    bulk: ArrayLike,
    shear: ArrayLike,
    n_axes: Literal[2, 3] = 3,
    kind: Literal["hashin-shtrikman", "voigt-reuss"] = "hashin-shtrikman",
):
    r"""Return bounds on bulk and shear modulus of composites of isotropic phases.

    Parameters
    ----------
    fractions : array-like of shape (n, n_phases) or (n_phases,)
        Volume fractions of the phases.
    bulk, shear : array-like of shape (n_phases,)
        Moduli of each phase, not negative; planar bulk moduli in two dimensions, see
        :func:`isotropic_moduli`.
    n_axes : {2, 3}, default=3
        Dimensions d.
    kind : {"hashin-shtrikman", "voigt-reuss"}, default="hashin-shtrikman"
        Bounds of Hashin and Shtrikman, in Walpole's form, or arithmetic and harmonic means.

    Returns
    -------
    bounds : Bounds
        ``lower`` and ``upper``, each with the fields ``bulk`` and ``shear`` of shape (n,), or
        numbers for one row of fractions.

    Raises
    ------
    ValueError
        If fractions are negative or do not sum to 1, or a modulus is negative.

    See Also
    --------
    conductivity_bounds : Bounds on the conductivity.

    Notes
    -----
    With :math:`M` of :func:`conductivity_bounds` the bulk modulus is bounded by
    :math:`M(2 (d - 1) G / d)` and the shear modulus by :math:`M(H)`,

    .. math:: H = G \frac{d K / 2 + (d + 1) (d - 2) G / d}{K + 2 G},

    K and G being the least moduli of the phases present for the lower bounds and the largest for
    the upper ones. Where the same phase has the least (largest) K and G these are the bounds of
    Hashin and Shtrikman [1]_, in two dimensions [2]_; elsewhere those of Walpole [3]_.

    References
    ----------
    .. [1] Z. Hashin and S. Shtrikman, "A variational approach to the theory of the elastic
       behaviour of multiphase materials", J. Mech. Phys. Solids 11, 127-140, 1963.
    .. [2] Z. Hashin, "On elastic behaviour of fibre reinforced materials of arbitrary transverse
       phase geometry", J. Mech. Phys. Solids 13, 119-134, 1965.
    .. [3] L. J. Walpole, "On bounds for the overall elastic moduli of inhomogeneous systems",
       J. Mech. Phys. Solids 14, 151-162 and 289-301, 1966.

    Examples
    --------
    >>> from skmicro.properties import elastic_bounds
    >>> bounds = elastic_bounds([0.5, 0.5], bulk=[1.0, 10.0], shear=[1.0, 5.0])
    >>> print(bounds.lower.bulk.round(3), bounds.upper.bulk.round(3))
    2.537 3.836
    """
    moduli, fractions = _checked(fractions, n_axes, kind, bulk=bulk, shear=shear)
    least, largest = zip(*(_extremes(values, fractions) for values in moduli), strict=True)
    bounds = []
    for end, media in ((0.0, least), (np.inf, largest)):
        stars = (end, end) if kind == "voigt-reuss" else comparison_moduli(*media, n_axes)
        found = (_mean(values, fractions, star) for values, star in zip(moduli, stars, strict=True))
        bounds.append(Moduli(*found))
    return Bounds(*bounds)


def comparison_moduli(bulk, shear, n_axes):
    """Return what a reference medium adds to bulk and shear moduli of what it surrounds.

    In d dimensions ``2 (d - 1) G / d`` and ``G (d K / 2 + (d + 1) (d - 2) G / d) / (K + 2 G)``,
    the latter 0 for a void.
    """
    d, total = n_axes, bulk + 2 * shear
    of_shear = shear * (d * bulk / 2 + (d + 1) * (d - 2) * shear / d) / (total + (total == 0))
    return 2 * (d - 1) * shear / d, of_shear


def _checked(fractions, n_axes, kind, **values):
    """Return values of the phases and fractions as arrays, or raise."""
    check_choice("kind", kind, KINDS)
    check_integer("n_axes", n_axes)
    if n_axes not in (2, 3):
        raise ValueError(f"n_axes must be 2 or 3, got {n_axes}.")
    fractions = np.asarray(fractions, dtype=float)
    if fractions.ndim not in (1, 2):
        raise ValueError(f"fractions must have shape (n, n_phases), got {fractions.shape}.")
    if not (fractions >= 0).all() or not (np.abs(fractions.sum(-1) - 1) < 1e-5).all():
        raise ValueError(f"fractions must be at least 0 and sum to 1, got {fractions.tolist()}.")
    arrays = []
    for name, given in values.items():
        array = np.asarray(given, dtype=float)
        if array.shape != fractions.shape[-1:]:
            raise ValueError(
                f"{name} must have a value for each of {fractions.shape[-1]} phases, got {given!r}."
            )
        if not ((array >= 0) & np.isfinite(array)).all():
            raise ValueError(f"{name} must be finite and at least 0, got {given!r}.")
        arrays.append(array)
    return arrays, fractions


def _extremes(values, fractions):
    """Return the least and the largest value among the phases present."""
    present = fractions > 0
    return (
        np.where(present, values, np.inf).min(-1),
        np.where(present, values, -np.inf).max(-1),
    )


def _mean(values, fractions, star):
    """Return 1 / sum(p / (v + star)) - star: harmonic mean at 0, arithmetic at infinity."""
    if np.ndim(star) == 0 and np.isinf(star):
        return (fractions * values).sum(-1)
    shifted = values + np.expand_dims(star, -1)
    nothing = (shifted == 0) & (fractions > 0)
    parts = fractions / np.where(shifted == 0, 1.0, shifted)
    mean = 1 / np.where(nothing.any(-1), 1.0, parts.sum(-1)) - star
    return np.where(nothing.any(-1), 0.0, mean)[()]
