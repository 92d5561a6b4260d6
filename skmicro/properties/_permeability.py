"""Permeability of porous materials: a bound from the two-point correlation."""

import torch

from .._checks import check_choice, check_integer, check_real
from ..descriptors import _kernels, _lags
from ._phase_geometry import PhaseGeometry


class Permeability(PhaseGeometry):
    r"""Upper bound on the permeability of a porous material, from the two-point correlation.

    Parameters
    ----------
    phase : int or None, default=None
        Label of the pores; ``None`` stands for the largest label. All other phases are solid.
    voxel_size : float, default=1.0
        Side of a voxel in any unit; the permeability has the square of it.
    max_lag : int or None, default=None
        Lag in voxels at which the integral ends; ``None`` stands for a quarter of the shortest side
        longer than one voxel. See Notes.
    periodic : bool, default=True
        Whether the images wrap around. Otherwise only pairs inside the image count.
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
        If a value is negative or an image has no solid; names the images.

    See Also
    --------
    skmicro.descriptors.TwoPointCorrelation : The correlation that is integrated.

    Notes
    -----
    For slow viscous flow through an isotropic material of porosity :math:`\phi` in three dimensions
    [1]_ [2]_

    .. math::

       k \le \frac{2}{3 (1 - \phi)^2} \int_0^\infty [S_2(r) - \phi^2] \, r \, dr.

    For dilute spheres of radius a and volume fraction :math:`\phi_s` the bound tends to
    :math:`4 a^2 / (15 \phi_s)`, 1.2 times Stokes' :math:`2 a^2 / (9 \phi_s)`. It does not see
    whether the pores are connected: in consolidated materials it can be orders of magnitude
    above the permeability, which it then follows only as a statistic of pore size.

    **The cut-off** is a choice. Fluctuations of S2 of one image do not decay with the lag and are
    weighted with it. Besides, S2 - :math:`\phi^2` adds up to 0 over all lag vectors of a periodic
    image, so that S2 is a little too small everywhere: up to a lag R the integral of a plane image
    of side L loses a share of about :math:`\pi R^2 / L^2`, one fifth by default, and that of a
    volume less. ``max_lag`` is to be a few times the correlation length and the same for all
    images that are compared; ``None`` follows their size.

    The integral is a trapezoid sum over the bins of
    :class:`~skmicro.descriptors.TwoPointCorrelation`, one voxel wide, at the mean lengths of their
    lags: for spheres of radius 5 voxels it is within 2 %. The correlation is that of
    fluctuations, with :math:`\phi` of the image itself.

    **Two-dimensional images** count as plane sections of an isotropic material, which have the
    same S2 as the volume; the formula stays that of three dimensions. For flow across long
    cylinders it does not hold.

    Without pores the permeability is 0. Without solid there is no bound, and 0 is returned as
    well, the value of the integral. Has gradients for probabilities of phases.

    References
    ----------
    .. [1] S. Prager, "Viscous flow through porous media", Phys. Fluids 4, 1477-1482, 1961.
    .. [2] J. G. Berryman and G. W. Milton, "Normalization constraint for variational bounds on
       fluid permeability", J. Chem. Phys. 83, 754-760, 1985.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.properties import Permeability
    >>> pores = (np.random.default_rng(0).random((1, 16, 16, 16)) < 0.6).astype(int)
    >>> Permeability(max_lag=3, voxel_size=1e-6).fit_transform(pores)  # in square metres
    array([[2.1...e-14]])
    """

    name = "permeability"
    _doubt = (
        "is no bound: it is negative, because max_lag is too long for the image (max_lag should be "
        "a few correlation lengths), or there is no solid."
    )

    def __init__(
        self,
        phase=None,
        *,
        voxel_size=1.0,
        max_lag=None,
        periodic=True,
        n_jobs=None,
        device="auto",
        precision="float64",
        image_shape=None,
    ):
        self.phase = phase
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

    def _solve(self, shares):
        options = {"periodic": self.periodic, "max_lag": self.max_lag}
        pores = self._field(shares)
        bound = permeability_bound(pores, **options)
        return (bound * self.voxel_size**2).unsqueeze(1), no_bound(pores, bound)

    def _feature_names(self):
        return ["k"]


def check_lengths(estimator):
    """Raise if ``voxel_size``, ``periodic`` or ``max_lag`` of an estimator is not allowed."""
    check_real("voxel_size", estimator.voxel_size, 0.0, open_low=True)
    check_choice("periodic", estimator.periodic, (True, False))
    if estimator.max_lag is not None:
        check_integer("max_lag", estimator.max_lag, 1)
        if hasattr(estimator, "image_shape_"):
            shape, periodic = estimator.image_shape_, estimator.periodic
            _lags.resolve_max_lag(shape, estimator.max_lag, periodic=periodic)


def no_bound(pores, bound):
    """Mark images whose bound is negative or would be infinite, (n,)."""
    only_pores = pores.flatten(1).mean(1) > 1 - 8 * torch.finfo(pores.dtype).eps
    return ((bound < 0) | only_pores).to(bound.dtype).detach()


def permeability_bound(pores, *, periodic=True, max_lag=None):
    """Return the bound of each field of pores.

    Parameters
    ----------
    pores : Tensor of shape (n, *spatial)
        Indicators or probabilities of pores.
    periodic : bool, default=True
        Whether the images wrap around.
    max_lag : int or None, default=None
        Largest lag; ``None`` stands for a quarter of the shortest side.

    Returns
    -------
    bound : Tensor of shape (n,)
        In squares of voxels; 0 without solid.
    """
    if max_lag is None:
        half = _lags.resolve_max_lag(tuple(pores.shape[1:]), periodic=periodic)
        max_lag = max(half // 2, min(half, 1))
    options = {"periodic": periodic, "max_lag": max_lag}
    porosity = _kernels.volume_fraction(pores)
    centred = pores - porosity.view(-1, *[1] * (pores.ndim - 1))
    lags = pores.new_tensor(_lags.radial_lags(tuple(pores.shape[1:]), **options))
    integrand = _kernels.radial_correlation(centred, **options) * lags
    integral = torch.trapezoid(integrand, lags, dim=1)
    solid = 1 - porosity
    present = solid > 8 * torch.finfo(pores.dtype).eps
    return torch.where(present, integral, 0.0) * 2 / (3 * torch.where(present, solid, 1.0) ** 2)
