"""Effective stiffness of images whose phases are isotropic."""

from collections.abc import Sequence

import torch
from numpy.typing import ArrayLike

from ..parameters import parameter
from ..rules import anything
from ._base import values_of_phases
from ._homogenization import FIELD_RTOL, EffectiveCoefficients
from ._laws import Elasticity
from ._moduli import plane_of_images


class ElasticStiffness(EffectiveCoefficients):
    r"""Effective elastic stiffness of images by full-field simulation.

    Warns
    -----
    ConvergenceWarning
        If ``rtol`` is not reached; names the images.

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
    11, 22 and 12 give C11, C22, C12, C16, C26, C66. ``outputs`` are such names, or ``"voigt"`` for
    all. Axis 1 is the first axis of the image.

    Conjugate gradients solve the Lippmann-Schwinger equation [1]_ [2]_. The default
    discretisation [3]_ is equivalent to finite elements with one integration point, exact for
    laminates along the axes, and converges for voids. It does not resolve changes of sign from
    voxel to voxel along two axes: single voxels and layers of odd width along diagonals are too
    stiff, and a checkerboard of single voxels gets the mean of its phases. The other [1]_ is that
    of trigonometric polynomials; with even sides it does not resolve changes of sign from voxel to
    voxel along one axis, such as layers of one voxel; use odd sides.

    *Contacts.* In the default discretisation solids that touch at a corner or an edge only carry
    load, as they count as connected with ``connectivity="corners"`` of
    :class:`skmicro.descriptors.ClusterStatistics`; there is no other choice for voids. If
    no such connected path leads from one period to the next along an axis (with mirrored
    borders, from face to face), the coefficients of stresses across this axis are 0.

    *Borders.* By default the image is one period of the material, as images of
    :mod:`skmicro.datasets` are. Where opposite borders do not match, as in a scan, layers and
    channels break off at a seam; ``borders="mirrored"`` solves the same problem for the image
    together with its mirror images, twice as long on each axis, which takes 2^d times the time
    and memory. Under normal loads its faces then stay plane and free of shear stress, as those of
    a sample between rigid plates without friction on all sides: C11 is the stress on two opposite
    plates that approach each other while the others stay where they are. Under a shear the faces
    that it tilts keep the displacement of the mean strain along themselves, and are free of normal
    stress. Coefficients that change their sign in a mirror are zero: between normal and shear
    components, and between two shears. There are no other conditions on faces.

    Called with probabilities of phases it mixes the stiffnesses of the phases in every voxel in
    proportion, and has gradients, from the adjoint of the solution. Grey levels from 0 to 1
    are fractions of the second of two phases.

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
    young: tuple | dict = parameter(
        (1.0, 10.0),
        anything("sequence of float or dict"),
        """Young's modulus of each phase, in the order of the sorted labels or by label; the result
        has the same unit. 0 means a void (with ``discretization="rotated"``).""",
    )
    poisson: tuple | dict = parameter(
        (0.3, 0.3),
        anything("sequence of float or dict"),
        "Poisson's ratio of each phase, above -1 and below 0.5.",
    )
    plane: str = plane_of_images()
    outputs: str | tuple = "voigt"

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


def elastic_fields(image: ArrayLike, mean_strain: Sequence, **parameters):
    """Return strain and stress of one image.

    Parameters
    ----------
    image : array-like of shape (H, W) or (D, H, W)
        Phases, or grey levels from 0 to 1.
    mean_strain : sequence of float
        Mean of the strain in Voigt's order, shear strains as sums of both parts (engineering):
        11, 22, 12 in two dimensions and 11, 22, 33, 23, 13, 12 in three.
    **parameters : any
        Parameters of :class:`ElasticStiffness`; ``outputs``, ``n_jobs`` and ``image_shape`` have
        no effect. ``rtol`` is 1e-10 unless given: the error of the fields is its square root.

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
    parameters = {"rtol": FIELD_RTOL} | parameters
    estimator = ElasticStiffness(**parameters)
    return estimator._local_fields(image, "elastic_fields", mean_strain=mean_strain)
