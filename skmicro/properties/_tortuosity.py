"""Tortuosity factor: how much the way through a phase slows transport down."""

from typing import ClassVar

import torch

from ..descriptors import PhaseDescriptor, SpacedDescriptor, label_stack
from ..parameters import parameter
from ..rules import choice, integer, real
from ._cell import NOTHING, unit_load
from ._finite_volumes import FINITE_VOLUMES, cells_on
from ._homogenization import mirrored
from ._iterated import IteratedProperty
from ._laws import Conduction


class TortuosityFactor(SpacedDescriptor, PhaseDescriptor, IteratedProperty):
    r"""Tortuosity factor of one phase along each axis, by full-field simulation.

    Infinite along axes on which the phase leads from no face of the image to the opposite one,
    and for images without the phase; otherwise at least 1.

    Attributes
    ----------
    n_iter_ : int
        Iterations, at least 1, for the first image seen in ``fit``, along the slowest axis.

    Warns
    -----
    ConvergenceWarning
        If ``rtol`` is not reached; names the images.

    See Also
    --------
    EffectiveConductivity : The property behind it, for phases that all conduct.
    skmicro.descriptors.ClusterStatistics : Whether the phase percolates.

    Notes
    -----
    With the volume fraction :math:`\varepsilon` of the phase and its effective conductivity
    (or diffusivity) :math:`k` along an axis, that of the phase itself being 1 and all others
    insulators [1]_ [2]_,

    .. math:: \tau = \varepsilon / k .

    It is the *factor* by which transport is slower than in straight channels of the same volume
    fraction, not the length of a path. It is a pure number: of ``spacing``, which means the sides
    of a voxel as in :class:`EffectiveConductivity`, only the ratios matter. The potential is
    constant on two opposite faces and the other faces are closed, as with ``borders="mirrored"`` of
    that class.

    The field is solved in the clusters that percolate along the axis; no others contribute.
    For connections through faces, finite volumes are solved, as by TauFactor [2]_, and the factor
    is finite exactly where :class:`skmicro.descriptors.ClusterStatistics` says that the phase
    percolates. Through corners, it is the "rotated" scheme of :class:`ElasticStiffness`, which
    misses some contacts of single voxels: the factor is infinite if nothing percolates, and may be
    so in other cases. Grey levels and probabilities are in the phase from 1/2 on. Has no gradient.

    References
    ----------
    .. [1] B. Tjaden, D. J. L. Brett and P. R. Shearing, "Tortuosity in electrochemical devices:
       a review of calculation approaches", Int. Mater. Rev. 63, 47-67, 2018.
    .. [2] S. J. Cooper, A. Bertei, P. R. Shearing, J. A. Kilner and N. P. Brandon, "TauFactor: an
       open-source application for calculating tortuosity factors from tomographic data",
       SoftwareX 5, 203-210, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.properties import TortuosityFactor
    >>> channels = np.array([[[0, 1, 1, 0]] * 4])
    >>> TortuosityFactor().fit_transform(channels).round(4)
    array([[ 1., inf]])
    """

    name = "tortuosity_factor"
    differentiable = False
    _may_be_infinite = True
    # Files of earlier revisions know the corners only.
    _implied: ClassVar = {"connectivity": "corners"}
    connectivity: str = parameter(
        "faces",
        choice("faces", "corners"),
        """Connected voxels of the phase: those that share a face, or those that
        share at least a corner.""",
    )
    rtol: float = parameter(
        1e-6,
        real(1e-14, 1.0, open_high=True),
        "Largest relative error; bounded or estimated while iterating.",
    )
    max_iter: int = parameter(1000, integer(1), "Largest number of iterations of each axis.")

    def _iterations_of(self, shares):
        return self._factors(shares)[2]

    def _solve(self, shares):
        return self._factors(shares)[:2]

    def _factors(self, shares):
        """Return tortuosity factors (n, n_axes), errors (n,), and the most iterations."""
        mask = self._field(shares) >= 0.5
        fraction = mask.flatten(1).to(shares.dtype).mean(1)
        n_axes = mask.ndim - 1
        factors = shares.new_full((len(mask), n_axes), torch.inf)
        errors, n_iter = shares.new_zeros(len(mask)), 0
        for axis in range(n_axes):
            paths = percolating(mask, axis, self.connectivity == "corners")
            rows = torch.nonzero(paths.flatten(1).any(1))[:, 0]
            if len(rows):
                flux, solution = self._flux(paths[rows].to(shares.dtype), axis)
                n_iter = max(n_iter, int(solution.n_iter.max()))
                tau = torch.where(flux > NOTHING, fraction[rows] / flux, torch.inf)
                factors[rows, axis] = tau.clamp(min=1.0)
                errors[rows] = torch.maximum(errors[rows], errors.new_tensor(solution.error))
        return factors, errors, n_iter

    def _flux(self, field, axis):
        """Return the mean flux (n,) of a unit load on conductivities (n, *spatial), and more."""
        moduli = mirrored(field.unsqueeze(0))
        shape = tuple(moduli.shape[2:])
        _, scales = self._unit_and_scales(tuple(field.shape[1:]))
        sides = scales or (1.0,) * len(shape)
        scheme = FINITE_VOLUMES if self.connectivity == "faces" else "rotated"
        cell = cells_on(shape, sides, scheme, Conduction(len(shape)), moduli)(moduli)
        solution = cell.loaded(unit_load(axis, len(shape)), self.rtol, self.max_iter)
        missing = cell.inner(solution.x, solution.residual)
        return field.new_tensor(solution.functional[:, axis] - missing), solution

    def _feature_names(self):
        return [f"tau{1 + axis}" for axis in range(len(self.image_shape_))]

    def _target_bounds(self):
        return 1.0, super()._target_bounds()[1]


def percolating(mask, axis, corners):
    """Return the voxels of clusters that have voxels on both faces across an axis, a mask.

    Of masks (n, *spatial); ``corners`` says whether voxels that share no more are connected.
    """
    labels, n_labels = label_stack(mask.cpu().numpy(), corners)
    labels = torch.from_numpy(labels).reshape(mask.shape)
    ends = torch.zeros(2, n_labels + 1, dtype=torch.bool)
    for end in (0, -1):
        ends[end, labels.select(1 + axis, end).flatten().long()] = True
    through = ends.all(0)
    through[0] = False
    return through[labels.long()].to(mask.device)
