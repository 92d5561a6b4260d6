"""Stiffness, diffusivity and permeability of sandstone from one image of its pores."""

import numpy as np
import torch

from .._checks import check_real
from ._moduli import young_modulus
from ._permeability import check_lengths, no_bound, permeability_bound
from ._phase_geometry import PhaseGeometry, outside
from ._strong_contrast_diffusivity import strong_contrast_conductivity
from ._strong_contrast_moduli import strong_contrast_moduli
from ._three_point_kernels import three_point_parameters


class SandstoneProperties(PhaseGeometry):
    r"""Young's modulus, diffusivity and permeability of sandstone, from its microstructure.

    Parameters
    ----------
    phase : int or None, default=None
        Label of the pores; ``None`` stands for the largest label. All other phases are rock.
    rock_bulk : float, default=4.3
        Bulk modulus of the rock, positive; in GPa by default. Only its ratio to ``rock_shear``
        has an effect.
    rock_shear : float, default=3.8
        Shear modulus of the rock, positive, in the same unit.
    voxel_size : float, default=1.0
        Side of a voxel in any unit; the permeability has the square of it.
    max_lag : int or None, default=None
        Lag at which the integral for the permeability ends; see :class:`Permeability`.
    periodic : bool, default=True
        Whether the images wrap around; of effect on the permeability alone.
    n_jobs : int or None, default=None
        Processes, through joblib; ``None`` stands for one, -1 for all cores.
    device : {"auto"}, str or torch.device, default="auto"
        Where to compute.
    precision : {"auto", "float32", "float64"}, default="float64"
        Type of the fields; ``"auto"`` stands for single precision.
    image_shape : tuple of int or None, default=None
        Shape of the image behind a flat row.

    Attributes
    ----------
    phases_ : ndarray of shape (n_phases,) or None
        Sorted labels seen in ``fit``; ``None`` for grey levels.
    image_shape_ : tuple of int
        Shape of one image.
    n_features_in_ : int
        Voxels of one image.

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
    The three properties of the case study of [1]_, all by the formulas for three dimensions:

    - ``E``, Young's modulus over that of the rock: strong-contrast estimate for voids in a matrix
      of rock;
    - ``D``, diffusivity over that of the pores: strong-contrast estimate for impermeable rock in
      a matrix of pores;
    - ``k``, permeability in squares of ``voxel_size``: the bound by the two-point correlation.

    Two-dimensional images are plane sections of an isotropic material, as in [1]_. The
    three-point parameters are those of :class:`ThreePointParameters` by the Fourier method with
    ``dimension=3``, for which images count as periodic, whatever ``periodic`` says.

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
    _doubt = (
        "is doubtful: a modulus or diffusivity outside [0, 1], a negative permeability (max_lag is "
        "too long for the image), or no rock."
    )

    def __init__(
        self,
        phase=None,
        *,
        rock_bulk=4.3,
        rock_shear=3.8,
        voxel_size=1.0,
        max_lag=None,
        periodic=True,
        n_jobs=None,
        device="auto",
        precision="float64",
        image_shape=None,
    ):
        self.phase = phase
        self.rock_bulk = rock_bulk
        self.rock_shear = rock_shear
        self.voxel_size = voxel_size
        self.max_lag = max_lag
        self.periodic = periodic
        self.n_jobs = n_jobs
        self.device = device
        self.precision = precision
        self.image_shape = image_shape

    def _check_parameters(self):
        super()._check_parameters()
        check_lengths(self)
        for name in ("rock_bulk", "rock_shear"):
            check_real(name, getattr(self, name), 0.0, open_low=True)

    def _solve(self, shares):
        pores = self._field(shares)
        porosity = pores.flatten(1).mean(1)
        zeta, eta = three_point_parameters(pores, 3)
        rock = self.rock_bulk, self.rock_shear
        moduli = strong_contrast_moduli(porosity, zeta, eta, rock, (0.0, 0.0))
        stiffness = young_modulus(*moduli) / young_modulus(*rock)
        diffusivity = strong_contrast_conductivity(1 - porosity, 1 - zeta, 1.0, 0.0)
        options = {"periodic": self.periodic, "max_lag": self.max_lag}
        permeability = permeability_bound(pores, **options) * self.voxel_size**2
        figures = torch.stack([stiffness, diffusivity, permeability], dim=1)
        ends = np.zeros(len(figures)), np.ones(len(figures))
        doubtful = no_bound(pores, permeability)
        for share in (stiffness, diffusivity):
            doubtful = torch.maximum(doubtful, outside(share, *ends))
        return figures, doubtful

    def _feature_names(self):
        return ["E", "D", "k"]
