"""Strong-contrast estimate of diffusivity and conductivity, to third order."""

from typing import Literal

import numpy as np
import torch

from ..parameters import parameter
from ..rules import real
from ._bounds import conductivity_bounds
from ._phase_geometry import LEAVES_BOUNDS, PhaseGeometry, fractions_beside, outside


def strong_contrast_conductivity(
    fraction: float | np.ndarray | torch.Tensor,
    zeta: float | np.ndarray | torch.Tensor,
    matrix: float | np.ndarray | torch.Tensor,
    inclusion: float | np.ndarray | torch.Tensor,
    n_axes: Literal[2, 3] = 3,
) -> float | np.ndarray | torch.Tensor:
    """Return the conductivity of an isotropic composite of two phases, to third order.

    Parameters
    ----------
    fraction : float, ndarray or Tensor
        Volume fraction of the inclusions, phase 2.
    zeta : float, ndarray or Tensor
        Their three-point parameter; see :class:`ThreePointParameters`.
    matrix, inclusion : float, ndarray or Tensor
        Conductivities of phase 1, positive, and phase 2.
    n_axes : {2, 3}, default=3
        Dimensions.

    Returns
    -------
    conductivity : float, ndarray or Tensor
        See :class:`StrongContrastDiffusivity` for the formula.

    Examples
    --------
    >>> from skmicro.properties import strong_contrast_conductivity
    >>> strong_contrast_conductivity(0.5, 0.0, 1.0, 10.0)  # Maxwell's formula where zeta is 0
    2.8
    """
    rest, steps = 1 - fraction, n_axes - 1
    contrast = (inclusion - matrix) / (inclusion + steps * matrix)
    third = steps * rest * zeta * contrast**2
    mean = fraction * contrast
    return matrix * (1 + steps * mean - third) / (1 - mean - third)


class StrongContrastDiffusivity(PhaseGeometry):
    r"""Estimate of diffusivity or conductivity from a three-point parameter, without a full field.

    Warns
    -----
    EstimateWarning
        If an estimate leaves the bounds of Hashin and Shtrikman; names the images.

    See Also
    --------
    EffectiveConductivity : The full field, with nothing left out.
    strong_contrast_conductivity : The formula, for parameters known from elsewhere.
    conductivity_bounds : What no material of these fractions can leave.

    Notes
    -----
    The strong-contrast expansion of an isotropic material, cut off after the third order [1]_
    [2]_. The phase is that of the inclusions (2); all others together are the matrix (1),
    which is the reference of the expansion. With
    :math:`b = (D_2 - D_1) / (D_2 + (d - 1) D_1)` in d dimensions,

    .. math::

       \frac{D}{D_1} = \frac{1 + (d - 1) p_2 b - (d - 1) p_1 \zeta_2 b^2}
       {1 - p_2 b - (d - 1) p_1 \zeta_2 b^2}.

    For pores (1) between impermeable grains (2) in three dimensions this is

    .. math::

       \frac{D}{D_1} = \frac{p_1 (1 - \zeta_2 / 2)}{1 + p_2 / 2 - p_1 \zeta_2 / 2}.

    The flux and the gradient it multiplies are means over the whole volume; a diffusivity that
    refers concentrations to the pores alone is this one over the porosity. The error is of fourth
    order in the contrast; see :class:`StrongContrastModuli`.

    References
    ----------
    .. [1] S. Torquato, "Effective electrical conductivity of two-phase disordered composite
       media", J. Appl. Phys. 58, 3790-3797, 1985.
    .. [2] S. Torquato, *Random Heterogeneous Materials*, Springer, 2002, Sec. 20.1.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.properties import StrongContrastDiffusivity
    >>> squares = np.zeros((1, 9, 9), int)
    >>> squares[0, 3:6, 3:6] = 1
    >>> StrongContrastDiffusivity(inclusion_diffusivity=0.0).fit_transform(squares).round(3)
    array([[0.789]])
    """

    name = "strong_contrast_diffusivity"
    _doubt = LEAVES_BOUNDS
    matrix_diffusivity: float = parameter(
        1.0,
        real(0.0, open_low=True),
        "Diffusivity of the matrix, positive; the result has the same unit.",
    )
    inclusion_diffusivity: float = parameter(
        10.0, real(0.0), "Diffusivity of the inclusions; 0 means obstacles."
    )

    def _solve(self, shares):
        field = self._field(shares)
        dimension = self._material_dimension(field.ndim - 1)
        diffusivity = strong_contrast_conductivity(
            field.flatten(1).mean(1),
            self._three_point(field)[0],
            self.matrix_diffusivity,
            self.inclusion_diffusivity,
            dimension,
        )
        bounds = conductivity_bounds(
            fractions_beside(field),
            [self.matrix_diffusivity, self.inclusion_diffusivity],
            dimension,
        )
        return diffusivity.unsqueeze(1), outside(diffusivity, bounds.lower, bounds.upper)

    def _feature_names(self):
        return ["D"]
