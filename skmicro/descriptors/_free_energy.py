"""Free energy: what phase separation lowers."""

import math

from ..parameters import parameter
from ..rules import real
from . import _geometry_kernels
from ._phase import SpacedDescriptor, SpatialDescriptor


class FreeEnergy(SpacedDescriptor, SpatialDescriptor):
    r"""Ginzburg-Landau free energy per voxel of one phase and the rest.

    See Also
    --------
    SpecificSurface : The interface area, to which it is proportional in label images.
    skmicro.datasets.make_cahn_hilliard : Mixtures that lower this energy.

    Notes
    -----
    With :math:`u = 2 \phi - 1`, :math:`\phi` the probability of the phase (the grey level
    of grey images, which pure phases have at 0 and 1),

    .. math:: f = \left\langle \tfrac14 (1 - u^2)^2 \right\rangle
                  + \tfrac{\gamma}{2} \sum_i \langle (u(x + e_i) - u(x))^2 \rangle,

    the energy of Cahn and Hilliard [1]_ with forward differences for the gradient. For
    smooth fields it is the energy that :func:`.make_cahn_hilliard` lowers, divided by the
    number of voxels; differences see :math:`2 \sin(k / 2)` of a wavenumber :math:`k`.

    Differences are divided by ``spacing``. In label images :math:`u = \pm 1`: the first term is
    zero, and the second is, for voxels of side 1, :math:`2 \gamma` times the specific surface by
    faces. The energy then falls as domains coarsen. Sides of one pixel are ignored.

    References
    ----------
    .. [1] J. W. Cahn and J. E. Hilliard, "Free energy of a nonuniform system. I.
       Interfacial free energy", J. Chem. Phys. 28, 258-267, 1958.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.descriptors import FreeEnergy
    >>> stripes = np.tile([0, 0, 1, 1], (1, 4, 2))
    >>> FreeEnergy(gamma=0.5, periodic=True).fit_transform(stripes)
    array([[0.5]], dtype=float32)
    """

    name = "free_energy"
    gamma: float = parameter(
        0.5,
        real(0.0, 1e30, open_low=True),
        "Gradient energy coefficient, in squares of the unit of ``spacing``.",
    )

    def _describe(self, images):
        field = self._field(images)
        options = {"periodic": self._wraps, "spacing": self._spacing(field.ndim - 1)}
        energy = _geometry_kernels.free_energy(field, self.gamma, **options)
        return energy.unsqueeze(1)

    def _target_bounds(self):
        return 0.0, math.inf
