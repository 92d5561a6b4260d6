"""Stiffness, diffusivity and permeability of sandstone from one image of its pores."""

import numpy as np
import torch

from ..parameters import parameter
from ..rules import real
from ._moduli import young_modulus
from ._permeability import PoreGeometry
from ._phase_geometry import outside
from ._strong_contrast_diffusivity import strong_contrast_conductivity
from ._strong_contrast_moduli import strong_contrast_moduli
from ._three_point_kernels import three_point_parameters


class SandstoneProperties(PoreGeometry):
    r"""Young's modulus, diffusivity and permeability of sandstone, from its microstructure.

    Warns
    -----
    EstimateWarning
        If a property is impossible; names the images.

    See Also
    --------
    StrongContrastModuli : The estimate of E.
    StrongContrastDiffusivity : The estimate of D.
    Permeability : The bound k.

    Notes
    -----
    The phase is that of the pores; all others are rock. The features are the three properties of
    the case study of [1]_, all by the formulas for three dimensions:

    - ``E``, Young's modulus over that of the rock: strong-contrast estimate for voids in a matrix
      of rock;
    - ``D``, diffusivity over that of the pores: strong-contrast estimate for impermeable rock in
      a matrix of pores;
    - ``k``, permeability in squares of the unit of ``spacing``: the bound by the two-point
      correlation.

    Two-dimensional images are plane sections of an isotropic material, as in [1]_. The
    three-point parameters are those of :class:`ThreePointParameters` by the Fourier method with
    ``dimension=3``, for which images count as periodic, regardless of ``periodic``.

    References
    ----------
    .. [1] R. Cang, H. Li, H. Yao, Y. Jiao and Y. Ren, "Improving direct physical properties
       prediction of heterogeneous materials from imaging data via convolutional neural network
       and a morphology-aware generative model", Comput. Mater. Sci. 150, 212-221, 2018.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.properties import SandstoneProperties
    >>> X, _ = make_cahn_hilliard(4, (32, 32), n_steps=200, random_state=0)
    >>> SandstoneProperties().fit_transform(X).shape
    (4, 3)
    """

    name = "sandstone"
    rock_bulk: float = parameter(
        4.3,
        real(0.0, open_low=True),
        """Bulk modulus of the rock, positive; in GPa by default. Only its ratio to ``rock_shear``
        has an effect.""",
    )
    rock_shear: float = parameter(
        3.8,
        real(0.0, open_low=True),
        "Shear modulus of the rock, positive, in the same unit.",
    )
    _doubt = (
        "is doubtful: a modulus or diffusivity outside [0, 1], a negative permeability (max_lag is "
        "too long for the image), or no rock."
    )

    def _solve(self, shares):
        pores = self._field(shares)
        porosity = pores.flatten(1).mean(1)
        _, scales = self._unit_and_scales(pores.shape[1:])
        zeta, eta = three_point_parameters(pores, 3, scales)
        rock = self.rock_bulk, self.rock_shear
        moduli = strong_contrast_moduli(porosity, zeta, eta, rock, (0.0, 0.0))
        stiffness = young_modulus(*moduli) / young_modulus(*rock)
        diffusivity = strong_contrast_conductivity(1 - porosity, 1 - zeta, 1.0, 0.0)
        permeability, doubtful = self._permeability(pores)
        values = torch.stack([stiffness, diffusivity, permeability], dim=1)
        ends = np.zeros(len(values)), np.ones(len(values))
        for share in (stiffness, diffusivity):
            doubtful = torch.maximum(doubtful, outside(share, *ends))
        return values, doubtful

    def _feature_names(self):
        return ["E", "D", "k"]
