"""Permeability of porous materials: a bound from the two-point correlation."""

from typing import ClassVar

import torch

from ..descriptors import (
    SpacedDescriptor,
    SpatialDescriptor,
    radial_correlation,
    radial_lags,
    resolve_max_lag,
    volume_fraction,
)
from ..parameters import parameter
from ..rules import integer, optional
from ._base import BaseProperty


class PoreGeometry(SpacedDescriptor, SpatialDescriptor, BaseProperty):
    """Base class of properties to which the bound on the permeability belongs."""

    _former_names: ClassVar = {"voxel_size": "spacing"}

    max_lag: int | None = parameter(
        None,
        optional(integer(1)),
        """Lag in voxels, of the finest axis where ``spacing`` differs, at which the integral for
        the permeability ends; ``None`` means a quarter of the shortest side longer than one
        voxel. See :class:`Permeability`.""",
    )

    def _check_parameters(self):
        super()._check_parameters()
        if self.max_lag is not None and hasattr(self, "image_shape_"):
            _, scales = self._unit_and_scales(self.image_shape_)
            options = {"periodic": self._wraps, "scales": scales}
            resolve_max_lag(self.image_shape_, self.max_lag, **options)

    def _permeability(self, pores):
        """Return the bound in squares of the unit, and marks of images that have none."""
        unit, scales = self._unit_and_scales(pores.shape[1:])
        options = {"periodic": self._wraps, "max_lag": self.max_lag, "scales": scales}
        bound = permeability_bound(pores, **options)
        only_pores = pores.flatten(1).mean(1) > 1 - 8 * torch.finfo(pores.dtype).eps
        none = ((bound < 0) | only_pores).to(bound.dtype).detach()
        return bound * unit**2, none


class Permeability(PoreGeometry):
    r"""Upper bound on the permeability of a porous material, computed from S2.

    In squares of the unit of ``spacing``: with voxels measured in metres, in square metres.

    The two-point correlation S2 is integrated up to ``max_lag``, which you must choose for each
    material: see Notes.

    Warns
    -----
    EstimateWarning
        If a value is negative or an image has no solid; names the images.

    See Also
    --------
    skmicro.descriptors.TwoPointCorrelation : The correlation that is integrated.

    Notes
    -----
    The phase is that of the pores; all others are solid. For slow viscous flow through an isotropic
    material of porosity :math:`\phi` in three dimensions [1]_ [2]_

    .. math::

       k \le \frac{2}{3 (1 - \phi)^2} \int_0^\infty [S_2(r) - \phi^2] \, r \, dr.

    For dilute spheres of radius a and volume fraction :math:`\phi_s` the bound tends to
    :math:`4 a^2 / (15 \phi_s)`, 1.2 times Stokes' :math:`2 a^2 / (9 \phi_s)`. It does not depend on
    the connectivity of the pores: in consolidated materials it can be orders of magnitude
    above the permeability, to which it is then related only as a statistic of pore size.

    **The cut-off** is a choice. Fluctuations of S2 of one image do not decay with the lag and are
    weighted with it. Besides, S2 - :math:`\phi^2` adds up to 0 over all lag vectors of a periodic
    image, so that S2 is a little too small everywhere: up to a lag R the integral of a plane image
    of side L loses a share of about :math:`\pi R^2 / L^2`, one fifth by default, and that of a
    volume less. ``max_lag`` should be a few times the correlation length and the same for all
    images that you compare; ``None`` depends on their size. To choose it, plot
    ``TwoPointCorrelation(normalized="autocovariance")`` of many images of the material and use
    the lag from which their mean stays near 0; the bound should then hardly change with
    ``max_lag`` around it. If there is no such lag, the images are too small for the bound.

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
    >>> bound = Permeability(max_lag=3, spacing=1e-6, periodic=True)
    >>> bound.fit_transform(pores)  # in square metres
    array([[2.1...e-14]])
    """

    name = "permeability"
    _doubt = (
        "is no bound: it is negative, because max_lag is too long for the image (max_lag should be "
        "a few correlation lengths), or there is no solid."
    )

    def _solve(self, shares):
        bound, doubtful = self._permeability(self._field(shares))
        return bound.unsqueeze(1), doubtful

    def _feature_names(self):
        return ["k"]


def permeability_bound(pores, *, periodic=True, max_lag=None, scales=None):
    """Return the bound of each field of pores (n, *spatial) in squares of voxels, 0 without solid.

    The largest lag is by default a quarter of the shortest side.
    """
    if max_lag is None:
        half = resolve_max_lag(tuple(pores.shape[1:]), periodic=periodic, scales=scales)
        max_lag = max(half // 2, min(half, 1))
    options = {"periodic": periodic, "max_lag": max_lag, "scales": scales}
    porosity = volume_fraction(pores)
    centred = pores - porosity.view(-1, *[1] * (pores.ndim - 1))
    lags = pores.new_tensor(radial_lags(tuple(pores.shape[1:]), **options))
    integrand = radial_correlation(centred, **options) * lags
    integral = torch.trapezoid(integrand, lags, dim=1)
    solid = 1 - porosity
    present = solid > 8 * torch.finfo(pores.dtype).eps
    return torch.where(present, integral, 0.0) * 2 / (3 * torch.where(present, solid, 1.0) ** 2)
