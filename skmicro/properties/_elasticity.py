"""Effective stiffness of images whose phases are isotropic."""

import torch

from .._checks import check_choice
from ._base import values_of_phases
from ._homogenization import EffectiveCoefficients
from ._laws import Elasticity

PLANES = ("strain", "stress")


class ElasticStiffness(EffectiveCoefficients):
    r"""Effective elastic stiffness of periodic images, from the full strain field.

    Parameters
    ----------
    young : sequence of float or dict, default=(1.0, 10.0)
        Young's modulus of each phase, in the order of the sorted labels or by label; any unit,
        which is that of the result. 0 stands for a void (with ``discretization="rotated"``).
    poisson : sequence of float or dict, default=(0.3, 0.3)
        Poisson's ratio of each phase, above -1 and below 0.5.
    discretization : {"rotated", "moulinec-suquet"}, default="rotated"
        What a gradient on voxels is; see Notes.
    plane : {"strain", "stress"}, default="strain"
        State of two-dimensional images.
    outputs : "voigt" or sequence of str, default="voigt"
        Coefficients, such as ``["C11", "C12", "C66"]``; ``"voigt"`` stands for the upper triangle
        of the matrix, row by row. Fewer outputs may need fewer loads.
    spacing : sequence of float or None, default=None
        Side of a voxel along each axis; ``None`` stands for cubes.
    tol : float, default=1e-5
        Solved when the norm of the unbalanced part of the stress is below this share of the norm
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
    elastic_fields : Strain and stress of one image.

    Notes
    -----
    Solves :math:`\operatorname{div} \sigma = 0`, :math:`\sigma = c(x) (E + \nabla^s u)` with a
    periodic displacement u for unit mean strains E, and returns the means of the stress
    :math:`C_{IJ} = \langle \sigma_I \rangle` for :math:`E_J = 1`. In Voigt's notation the
    components are 11, 22, 33, 23, 13, 12 with shear strains :math:`\gamma = 2 \varepsilon`
    (engineering), so that C44 is a shear modulus. In two dimensions they keep these numbers:
    11, 22 and 12 give C11, C22, C12, C16, C26, C66. Axis 1 is the first axis of the image.

    Conjugate gradients solve the Lippmann-Schwinger equation [1]_ [2]_. The default
    discretisation [3]_ equals finite elements with one integration point, is exact for
    laminates along the axes and converges for voids. It is blind to what changes sign from voxel
    to voxel along two axes: single voxels and layers of odd width along diagonals are too stiff,
    and a checkerboard of single voxels gets the mean of its phases. The other [1]_ is that of
    trigonometric polynomials; on even sides it is blind to what changes sign from voxel to voxel
    along one axis, such as layers of one voxel, and odd sides are better.

    Called with probabilities of phases it mixes the stiffnesses of the phases in every voxel in
    proportion, and has gradients, from the adjoint of the solution. Grey levels from 0 to 1
    stand for shares of the second of two phases.

    References
    ----------
    .. [1] H. Moulinec and P. Suquet, "A numerical method for computing the overall response of
       nonlinear composites with complex microstructure", Comput. Methods Appl. Mech. Eng. 157,
       69-94, 1998.
    .. [2] J. Zeman, J. Vondrejc, J. Novak and I. Marek, "Accelerating a FFT-based solver for
       numerical homogenization of periodic media by conjugate gradients", J. Comput. Phys. 229,
       8065-8071, 2010.
    .. [3] F. Willot, "Fourier-based schemes for computing the mechanical response of composites
       with accurate local fields", C. R. Mecanique 343, 232-245, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.properties import ElasticStiffness
    >>> layers = np.array([[[0, 0, 1, 1]] * 4])
    >>> stiffness = ElasticStiffness(young=(1.0, 10.0), poisson=(0.0, 0.0), outputs=["C11", "C22"])
    >>> stiffness.fit_transform(layers).round(4)
    array([[5.5   , 1.8182]])
    """

    name = "stiffness"
    _symbol = "C"
    _everything = "voigt"

    def __init__(
        self,
        young=(1.0, 10.0),
        poisson=(0.3, 0.3),
        *,
        discretization="rotated",
        plane="strain",
        outputs="voigt",
        spacing=None,
        tol=1e-5,
        max_iter=1000,
        n_jobs=None,
        device="auto",
        precision="float64",
        image_shape=None,
    ):
        self.young = young
        self.poisson = poisson
        self.discretization = discretization
        self.plane = plane
        self.outputs = outputs
        self.spacing = spacing
        self.tol = tol
        self.max_iter = max_iter
        self.n_jobs = n_jobs
        self.device = device
        self.precision = precision
        self.image_shape = image_shape

    def _check_parameters(self):
        check_choice("plane", self.plane, PLANES)
        super()._check_parameters()

    def _check_phases(self):
        self._refuse_voids("young", self._stiffnesses())

    def _stiffnesses(self):
        return self._engineering()[0]

    def _engineering(self):
        labels = self._phase_labels()
        young = values_of_phases("young", self.young, labels, 0.0)
        poisson = values_of_phases(
            "poisson", self.poisson, labels, -1.0, 0.5, open_low=True, open_high=True
        )
        return young, poisson

    def _law(self, n_axes):
        return Elasticity(n_axes)

    def _moduli(self, shares):
        young, poisson = map(shares.new_tensor, self._engineering())
        shear = young / (2 * (1 + poisson))
        first = young * poisson / ((1 + poisson) * (1 - 2 * poisson))
        if shares.ndim == 4 and self.plane == "stress":
            first = young * poisson / (1 - poisson**2)
        return torch.einsum("kp,np...->kn...", torch.stack([first, shear]), shares)

    def _indices(self, n_axes):
        return (1, 2, 6) if n_axes == 2 else (1, 2, 3, 4, 5, 6)


def elastic_fields(image, mean_strain, **parameters):
    """Return strain and stress of one periodic image.

    Parameters
    ----------
    image : array-like of shape (H, W) or (D, H, W)
        Phases, or grey levels from 0 to 1.
    mean_strain : sequence of float
        Mean of the strain in Voigt's order, shear strains as sums of both parts (engineering):
        11, 22, 12 in two dimensions and 11, 22, 33, 23, 13, 12 in three.
    **parameters : any
        Parameters of :class:`ElasticStiffness`; ``outputs``, ``n_jobs`` and ``image_shape`` have
        no effect.

    Returns
    -------
    fields : LocalFields
        ``gradient``, the strain, and ``flux``, the stress, of shape (n_components, \\*spatial);
        ``mean_flux``; ``n_iter`` and ``residual`` of the solver.

    Raises
    ------
    ValueError
        If the image or a parameter is not allowed.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.properties import elastic_fields
    >>> layers = np.array([[0, 0, 1, 1]] * 4)
    >>> fields = elastic_fields(layers, (0, 1, 0), young=(1.0, 10.0), poisson=(0.0, 0.0))
    >>> fields.flux[1, 0].round(4)  # the stress across layers is the same in all
    array([1.8182, 1.8182, 1.8182, 1.8182])
    """
    return ElasticStiffness(**parameters)._local_fields(image, mean_strain=mean_strain)
