"""Effective conductivity of images whose phases conduct alike in all directions."""

import torch

from ._base import values_of_phases
from ._homogenization import EffectiveCoefficients
from ._laws import Conduction


class EffectiveConductivity(EffectiveCoefficients):
    r"""Effective conductivity of periodic images, from the full field.

    The same equations hold for heat, electric charge, diffusion, dielectric displacement and
    magnetic induction.

    Parameters
    ----------
    conductivity : sequence of float or dict, default=(1.0, 10.0)
        Conductivity of each phase, in the order of the sorted labels or by label; any unit, which
        is that of the result. 0 stands for an insulator (with ``discretization="rotated"``).
    discretization : {"rotated", "moulinec-suquet"}, default="rotated"
        What a gradient on voxels is, as for :class:`ElasticStiffness`.
    outputs : "tensor" or sequence of str, default="tensor"
        Components, such as ``["k11", "k22"]``; ``"tensor"`` stands for the upper triangle, row by
        row.
    spacing : sequence of float or None, default=None
        Side of a voxel along each axis; ``None`` stands for cubes.
    tol : float, default=1e-5
        Solved when the norm of the unbalanced part of the flux is below this share of the norm
        of its mean. At least 16 rounding errors of ``precision``, 4e-15 or 2e-6.
    max_iter : int, default=1000
        Largest number of iterations of each load.
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
    n_iter_ : int
        Iterations, at least 1, for the first image seen in ``fit`` under the last load.

    Warns
    -----
    ConvergenceWarning
        If ``tol`` is not reached; names the images.

    See Also
    --------
    conduction_fields : Gradient and flux of one image.

    Notes
    -----
    Solves :math:`\operatorname{div} q = 0`, :math:`q = k(x) (E + \nabla u)` with u periodic for
    unit mean gradients E, and returns :math:`k_{IJ} = \langle q_I \rangle` for :math:`E_J = 1`
    (the sign of the flux is left out). Solver, discretisations, phase probabilities and grey
    levels are those of :class:`ElasticStiffness`.

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

    def __init__(
        self,
        conductivity=(1.0, 10.0),
        *,
        discretization="rotated",
        outputs="tensor",
        spacing=None,
        tol=1e-5,
        max_iter=1000,
        n_jobs=None,
        device="auto",
        precision="float64",
        image_shape=None,
    ):
        self.conductivity = conductivity
        self.discretization = discretization
        self.outputs = outputs
        self.spacing = spacing
        self.tol = tol
        self.max_iter = max_iter
        self.n_jobs = n_jobs
        self.device = device
        self.precision = precision
        self.image_shape = image_shape

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


def conduction_fields(image, mean_gradient, **parameters):
    """Return gradient and flux of one periodic image.

    Parameters
    ----------
    image : array-like of shape (H, W) or (D, H, W)
        Phases, or grey levels from 0 to 1.
    mean_gradient : sequence of float
        Mean of the gradient along each axis.
    **parameters : any
        Parameters of :class:`EffectiveConductivity`; ``outputs``, ``n_jobs`` and ``image_shape``
        have no effect.

    Returns
    -------
    fields : LocalFields
        ``gradient`` and ``flux`` of shape (n_axes, \\*spatial); ``mean_flux``; ``n_iter`` and
        ``residual`` of the solver.

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
    return EffectiveConductivity(**parameters)._local_fields(image, mean_gradient=mean_gradient)
