"""Strong-contrast estimate of elastic moduli, to third order."""

from typing import Literal

import numpy as np
import torch

from .._checks import check_sequence
from ..parameters import parameter
from ..rules import Rule, real
from ._bounds import comparison_moduli, elastic_bounds
from ._moduli import Moduli, isotropic_moduli, plane_of_images, young_modulus
from ._phase_geometry import LEAVES_BOUNDS, PhaseGeometry, fractions_beside, outside

MODULI = ("K", "G", "E")
RATIO = real(-1.0, 0.5, open_low=True, open_high=True)


def _check_outputs(name, value):
    outputs = check_sequence(name, value)
    known = [output for output in outputs if output in MODULI]
    if not known or len(set(known)) < len(outputs):
        raise ValueError(f"{name} must be distinct and among {list(MODULI)}, got {value!r}.")


def strong_contrast_moduli(
    fraction: float | np.ndarray | torch.Tensor,
    zeta: float | np.ndarray | torch.Tensor,
    eta: float | np.ndarray | torch.Tensor,
    matrix: tuple,
    inclusion: tuple,
    n_axes: Literal[2, 3] = 3,
) -> Moduli:
    """Return the moduli of an isotropic composite of two phases, to third order.

    Parameters
    ----------
    fraction : float, ndarray or Tensor
        Volume fraction of the inclusions, phase 2.
    zeta, eta : float, ndarray or Tensor
        Their three-point parameters; see :class:`ThreePointParameters`.
    matrix, inclusion : tuple
        Bulk and shear modulus of phase 1, positive, and of phase 2, both 0 for voids; planar bulk
        moduli in two dimensions.
    n_axes : {2, 3}, default=3
        Dimensions.

    Returns
    -------
    moduli : Moduli
        ``bulk`` and ``shear``; see :class:`StrongContrastModuli` for the formulas.

    Examples
    --------
    >>> from skmicro.properties import strong_contrast_moduli
    >>> voids = strong_contrast_moduli(0.2, 0.15, 0.15, matrix=(4.3, 3.8), inclusion=(0.0, 0.0))
    >>> print(f"{voids.bulk:.3f} {voids.shear:.3f}")
    2.797 2.376
    """
    d, rest = n_axes, 1 - fraction
    (k1, g1), (k2, g2) = matrix, inclusion
    star_k, star_g = comparison_moduli(k1, g1, d)
    k, m = (k2 - k1) / (k2 + star_k), (g2 - g1) / (g2 + star_g)
    medium = k1 + 2 * g1
    coupled = g1 * k * m * rest * zeta / (d * medium)
    bulk_order = 1 - (d + 2) * (d - 1) * coupled
    shear_order = (
        1
        - 2 * coupled
        - (d**2 - 4) * g1 * (2 * k1 + 3 * g1) * m**2 * rest * zeta / (2 * d * medium**2)
        - ((d * k1 + (d - 2) * g1) / medium) ** 2 * m**2 * rest * eta / (2 * d)
    )
    return Moduli(
        (k1 * bulk_order + star_k * fraction * k) / (bulk_order - fraction * k),
        (g1 * shear_order + star_g * fraction * m) / (shear_order - fraction * m),
    )


class StrongContrastModuli(PhaseGeometry):
    r"""Estimate of elastic moduli from three-point parameters, without a full field.

    Warns
    -----
    EstimateWarning
        If an estimate leaves the bounds of Hashin and Shtrikman; names the images.

    See Also
    --------
    ElasticStiffness : The full field, without approximation.
    strong_contrast_moduli : The formulas, for parameters known from elsewhere.
    elastic_bounds : Bounds for all materials with these fractions.

    Notes
    -----
    The strong-contrast expansion of an isotropic material, cut off after the third order
    [1]_ [2]_. The phase is that of the inclusions (2); all others together are the matrix
    (1), which is the reference of the expansion. With d dimensions and moduli K and G of both,

    .. math::

       a_K = \frac{2 (d - 1)}{d} G_1, \quad
       a_G = G_1 \frac{d K_1 / 2 + (d + 1)(d - 2) G_1 / d}{K_1 + 2 G_1}, \quad
       k = \frac{K_2 - K_1}{K_2 + a_K}, \quad m = \frac{G_2 - G_1}{G_2 + a_G},

    .. math:: r_K = 1 - \frac{(d + 2)(d - 1) G_1 k m}{d (K_1 + 2 G_1)} p_1 \zeta_2,

    .. math::

       r_G = 1 - \frac{2 G_1 k m}{d (K_1 + 2 G_1)} p_1 \zeta_2
       - \frac{(d^2 - 4) G_1 (2 K_1 + 3 G_1) m^2}{2 d (K_1 + 2 G_1)^2} p_1 \zeta_2
       - \frac{m^2}{2 d} \left[ \frac{d K_1 + (d - 2) G_1}{K_1 + 2 G_1} \right]^2 p_1 \eta_2,

    .. math::

       K = \frac{K_1 + a_K p_2 k / r_K}{1 - p_2 k / r_K}, \qquad
       G = \frac{G_1 + a_G p_2 m / r_G}{1 - p_2 m / r_G}.

    The error is of fourth order in the contrast. At high contrast the estimate is good if the
    inclusions are dispersed in a connected matrix; for a percolating stiff phase, exchange the
    roles. An anisotropic image gets the estimate of its average over orientations.

    Of images only :math:`p_2` and the parameters of :class:`ThreePointParameters` enter, by the
    Fourier method, so that images count as periodic. Has gradients for probabilities of phases.

    References
    ----------
    .. [1] S. Torquato, "Effective stiffness tensor of composite media. I. Exact series
       expansions", J. Mech. Phys. Solids 45, 1421-1448, 1997.
    .. [2] S. Torquato, "Effective stiffness tensor of composite media. II. Applications to
       isotropic dispersions", J. Mech. Phys. Solids 46, 1411-1440, 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.properties import StrongContrastModuli
    >>> squares = np.zeros((1, 9, 9), int)
    >>> squares[0, 3:6, 3:6] = 1
    >>> estimate = StrongContrastModuli(inclusion_young=0.0, outputs=("E",))
    >>> estimate.fit_transform(squares).round(3)
    array([[0.767]])
    """

    name = "strong_contrast_moduli"
    _doubt = LEAVES_BOUNDS
    matrix_young: float = parameter(
        1.0,
        real(0.0, open_low=True),
        "Young's modulus of the matrix, positive; the result has the same unit.",
    )
    matrix_poisson: float = parameter(
        0.3, RATIO, "Poisson's ratio of the matrix, between -1 and 0.5."
    )
    inclusion_young: float = parameter(
        10.0, real(0.0), "Young's modulus of the inclusions; 0 means voids."
    )
    inclusion_poisson: float = parameter(
        0.3, RATIO, "Poisson's ratio of the inclusions, without effect on voids."
    )
    plane: str = plane_of_images()
    outputs: tuple = parameter(
        MODULI,
        Rule('sequence of {"K", "G", "E"}', _check_outputs),
        """Bulk, shear and Young's modulus. In two dimensions K is planar, and E is
        ``4 K G / (K + G)``: Young's modulus in plane stress, ``E / (1 - nu^2)`` in plane
        strain.""",
    )

    def _solve(self, shares):
        field = self._field(shares)
        dimension = self._material_dimension(field.ndim - 1)
        zeta, eta = self._three_point(field)
        phases = [
            isotropic_moduli(young, poisson, dimension, self.plane)
            for young, poisson in (
                (self.matrix_young, self.matrix_poisson),
                (self.inclusion_young, self.inclusion_poisson),
            )
        ]
        bulk, shear = strong_contrast_moduli(
            field.flatten(1).mean(1), zeta, eta, *phases, dimension
        )
        found = {"K": bulk, "G": shear, "E": young_modulus(bulk, shear, dimension)}
        bounds = elastic_bounds(fractions_beside(field), *zip(*phases, strict=True), dimension)
        doubtful = torch.maximum(
            outside(bulk, bounds.lower.bulk, bounds.upper.bulk),
            outside(shear, bounds.lower.shear, bounds.upper.shear),
        )
        return torch.stack([found[output] for output in self.outputs], dim=1), doubtful

    def _feature_names(self):
        return list(self.outputs)
