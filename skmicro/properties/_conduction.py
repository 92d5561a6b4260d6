"""Effective conductivity of images whose phases conduct alike in all directions."""

from collections.abc import Sequence

import torch
from numpy.typing import ArrayLike

from ..parameters import parameter
from ..rules import anything, choice
from ._base import values_of_phases
from ._finite_volumes import FINITE_VOLUMES
from ._fourier import DERIVATIVES
from ._homogenization import FIELD_RTOL, EffectiveCoefficients
from ._laws import Conduction


class EffectiveConductivity(EffectiveCoefficients):
    r"""Effective conductivity of images by full-field simulation.

    The same equations hold for heat, electric charge, diffusion, dielectric displacement and
    magnetic induction.

    Warns
    -----
    ConvergenceWarning
        If ``rtol`` is not reached; names the images.

    See Also
    --------
    conduction_fields : Gradient and flux of one image.

    Notes
    -----
    Solves :math:`\operatorname{div} q = 0`, :math:`q = k(x) (E + \nabla u)` with u periodic for
    unit mean gradients E, and returns :math:`k_{IJ} = \langle q_I \rangle` for :math:`E_J = 1`
    (the sign of the flux is left out). ``outputs`` are names such as ``["k11", "k22"]``, or
    ``"tensor"`` for all. Solver, borders, phase probabilities and grey levels are those of
    :class:`ElasticStiffness`, and so are two of the discretisations.

    *Contacts.* In ``"finite-volume"`` flux passes through faces only, and voxels are connected as
    with ``connectivity="faces"`` of :class:`skmicro.descriptors.ClusterStatistics`: potentials are
    those of voxels, and neighbours conduct as halves in series. In the default, ``"rotated"``,
    those that touch at a corner or an edge only conduct to each other as well (``"corners"``),
    although not through all contacts of single voxels. Coefficients of an axis are 0 if no
    connected path of conducting voxels leads from one period to the next along it (with mirrored
    borders, from face to face). Errors of both schemes fall with the side of the voxels. On smooth
    shapes those of finite volumes are smaller where inclusions conduct better than the rest, and
    more than twice as large, towards too little conduction, where they conduct less or not at all.

    With ``borders="mirrored"`` the potential is constant on two opposite faces of the image and
    the other faces are closed, as in an experiment on a sample: :math:`k_{II}` is the flux
    through it for a unit mean gradient. :math:`k_{IJ}` is zero for I other than J.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.properties import EffectiveConductivity
    >>> layers = np.array([[[0, 0, 1, 1]] * 4])
    >>> EffectiveConductivity(conductivity=(1.0, 4.0)).fit_transform(layers).round(4) + 0.0
    array([[2.5, 0. , 1.6]])
    """

    name = "conductivity"
    _symbol = "k"
    _everything = "tensor"
    conductivity: tuple | dict = parameter(
        (1.0, 10.0),
        anything("sequence of float or dict"),
        """Conductivity of each phase, in the order of the sorted labels or by label; the result
        has the same unit. 0 means an insulator (not with
        ``discretization="moulinec-suquet"``).""",
    )
    discretization: str = parameter(
        "rotated",
        choice(*DERIVATIVES, FINITE_VOLUMES),
        """Discretisation of the gradient. In ``"finite-volume"`` voxels conduct through faces only,
        in ``"rotated"`` through edges and corners as well; see the Notes.""",
    )
    outputs: str | tuple = "tensor"

    def _check_phases(self):
        self._refuse_voids("conductivity", self._stiffnesses())

    def _stiffnesses(self):
        return values_of_phases("conductivity", self.conductivity, self._phase_labels(), 0.0)

    def _law(self, n_axes):
        return Conduction(n_axes)

    def _moduli(self, shares):
        values = shares.new_tensor(self._stiffnesses()).view(1, -1)
        return torch.einsum("kp,np...->kn...", values, shares)

    def _indices(self, n_axes):
        return tuple(range(1, n_axes + 1))


def conduction_fields(image: ArrayLike, mean_gradient: Sequence, **parameters):
    """Return gradient and flux of one image.

    Parameters
    ----------
    image : array-like of shape (H, W) or (D, H, W)
        Phases, or grey levels from 0 to 1.
    mean_gradient : sequence of float
        Mean of the gradient along each axis.
    **parameters : any
        Parameters of :class:`EffectiveConductivity`; ``outputs``, ``n_jobs`` and ``image_shape``
        have no effect. ``rtol`` is 1e-10 unless given: the error of the fields is its square root.

    Returns
    -------
    fields : LocalFields
        ``gradient`` and ``flux`` of shape (n_axes, \\*spatial); ``mean_flux``; ``n_iter`` and
        ``residual`` of the solver. In ``"finite-volume"`` they belong to faces: component j of
        a voxel to that between it and the next one along axis j.

    Raises
    ------
    ValueError
        If the image or a parameter is not allowed.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.properties import conduction_fields
    >>> layers = np.array([[0, 0, 1, 1]] * 4)
    >>> conduction_fields(layers, (0, 1), conductivity=(1.0, 4.0)).flux[1, 0].round(4)
    array([1.6, 1.6, 1.6, 1.6])
    """
    parameters = {"rtol": FIELD_RTOL} | parameters
    estimator = EffectiveConductivity(**parameters)
    return estimator._local_fields(image, "conduction_fields", mean_gradient=mean_gradient)
