"""Three-point parameters: the information of S3 on the properties of a two-phase material."""

from typing import ClassVar

import torch

from ..parameters import parameter
from ..rules import choice, integer, optional
from ._phase_geometry import PhaseGeometry
from ._three_point_integration import integrated_parameters

N_ANGLES = {2: 48, 3: 12}  # directions around a circle, by the axes of the images


class ThreePointParameters(PhaseGeometry):
    r"""Three-point parameters zeta and eta of one phase among the others.

    Together with the volume fraction they determine the estimates and bounds of third order
    of an isotropic two-phase material: zeta for conductivity and bulk modulus, both for
    the shear modulus. They are pure numbers: of ``spacing`` only the ratios matter.

    See Also
    --------
    StrongContrastModuli : Elastic moduli from these parameters.
    StrongContrastDiffusivity : Diffusivity or conductivity from them.

    Notes
    -----
    The phase has number 2 in the formulas; all others together are phase 1. With the probability
    S3(r, s, t) that the corners of a triangle lie in the phase,
    :math:`B = S_3(r, s, t) - S_2(r) S_2(s) / p_2` and the angle :math:`\theta` between the
    sides r and s, the definitions are [1]_, in two dimensions

    .. math::

       \zeta_2 = \frac{4}{\pi p_1 p_2} \int \frac{dr}{r} \int \frac{ds}{s} \int_0^\pi d\theta
       \cos(2 \theta) B, \qquad
       \eta_2 = \frac{16}{\pi p_1 p_2} \int \frac{dr}{r} \int \frac{ds}{s} \int_0^\pi d\theta
       \cos(4 \theta) B,

    and in three, with Legendre polynomials of :math:`u = \cos \theta`,

    .. math::

       \zeta_2 = \frac{9}{2 p_1 p_2} \int \frac{dr}{r} \int \frac{ds}{s} \int_{-1}^1 du
       P_2(u) B, \qquad
       \eta_2 = \frac{5}{21} \zeta_2 + \frac{150}{7 p_1 p_2} \int \frac{dr}{r}
       \int \frac{ds}{s} \int_{-1}^1 du P_4(u) B.

    Of labels and whole volumes both lie in [0, 1], and those of the two phases add up to 1. In
    images of one phase alone, where they are not defined and no estimate depends on them, both
    are 0.

    **Fourier.** The weight of a triangle is a sum of products of spherical harmonics of its sides,
    and the integral over triangles a sum of squares of convolutions, which discrete Fourier
    transforms compute in a time of N log N. With I' = I - p2,

    .. math::

       f_m = F^{-1}[Y_{lm}(k / |k|) F(I')], \qquad
       \zeta^{(l)} = \frac{\langle I \sum_m f_m^2 \rangle}{\langle I'^2 \rangle},

    zeta is :math:`\zeta^{(2)}`; eta is :math:`\zeta^{(4)}` in two dimensions and
    :math:`(5 \zeta^{(2)} + 16 \zeta^{(4)}) / 21` in three. Images are periodic. Sums over the
    phases are 1, parameters of layers across an axis :math:`p_1` and those of geometries that
    exchanging the phases only moves 1/2, up to rounding. Towards smooth shapes the error is that
    of their staircase of voxels, up to a third of a voxel over the radius, upwards for round
    inclusions. Has gradients for probabilities of phases.

    **Integration** samples S3 on triangles of all shapes and orientations, with trigonometric
    interpolation between voxels, and integrates it as written above. Use it to check
    the other method and published values. With V = ``max_lag`` times the number of
    directions (48 around a circle in images of two axes, 12 in three) it takes V\ :sup:`2` N
    operations and holds V\ :sup:`2` + V N numbers. Ending the integrals at ``max_lag`` leaves
    errors of up to 0.02 in zeta and 0.05 in eta for images of ten grains a side.

    **Plane sections.** S3 of an isotropic material can be read from a plane section. In
    Fourier space its integral for three dimensions is a sum of planar parameters of degrees 2,
    4, ... 32, with weights of 1.2, -0.17, -0.02, ... for zeta. The parameters of one small section
    can leave [0, 1]; average them over sections.

    References
    ----------
    .. [1] S. Torquato, *Random Heterogeneous Materials*, Springer, 2002, Sec. 20.1 and 22.1.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.properties import ThreePointParameters
    >>> layers = np.array([[[0, 0, 0, 1]] * 4])
    >>> ThreePointParameters().fit_transform(layers).round(4)
    array([[0.75, 0.75]])
    """

    name = "three_point"
    method: str = parameter(
        "fourier",
        choice("fourier", "integration"),
        "Sums over the modes of the image, or integrates S3 over triangles; see Notes.",
    )
    max_lag: int | None = parameter(
        None,
        optional(integer(1)),
        """Largest side of a triangle in voxels, of the finest axis where ``spacing`` differs, for
        ``"integration"``; ``None`` means the shortest side of the image longer than one
        voxel.""",
    )

    _removed: ClassVar = {"n_radii": None, "n_angles": None}

    def _check_parameters(self):
        super()._check_parameters()
        if self.max_lag is not None and hasattr(self, "image_shape_"):
            longest = max(self.image_shape_)
            if self.max_lag > longest:
                raise ValueError(
                    f"max_lag must be at most the longest side, {longest}, got {self.max_lag}."
                )

    def _solve(self, shares):
        field = self._field(shares)
        if self.method == "fourier":
            return torch.stack(self._three_point(field), dim=1), None
        dimension = self._material_dimension(field.ndim - 1)
        _, scales = self._unit_and_scales(field.shape[1:])
        sides = zip(field.shape[1:], scales or (1,) * (field.ndim - 1), strict=True)
        max_lag = self.max_lag or int(min((n * step for n, step in sides if n > 1), default=1))
        n_angles = N_ANGLES[field.ndim - 1]
        options = {"n_radii": max_lag, "n_angles": n_angles, "scales": scales}
        found = integrated_parameters(field, dimension, max_lag, **options)
        return torch.stack(found, dim=1), None

    def _feature_names(self):
        return ["zeta", "eta"]
