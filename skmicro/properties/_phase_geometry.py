"""Properties that look at one phase and take all others for a single one."""

import numpy as np

from .._checks import check_integer
from ._base import BaseProperty

SLACK = 1e-4
"""Share by which an estimate may leave its bounds before it is doubted: single precision."""


class PhaseGeometry(BaseProperty):
    """Base class of properties that follow from the geometry of one phase.

    Subclasses have the parameter ``phase``, and some have ``dimension``, that of the material.
    """

    def _field(self, shares):
        """Return the share of the phase in every voxel, (n, *spatial)."""
        return self._phase_field(shares, self.phase)

    def _material_dimension(self, n_axes):
        return n_axes if self.dimension is None else self.dimension

    def _check_parameters(self):
        self._check_computing()
        dimension = getattr(self, "dimension", None)
        if dimension is not None:
            check_integer("dimension", dimension)
            if dimension not in (2, 3):
                raise ValueError(f"dimension must be None, 2 or 3, got {dimension}.")
        if hasattr(self, "encoder_"):
            self.encoder_.channel_of(self.phase)
            if dimension == 2 and len(self.image_shape_) == 3:
                raise ValueError("dimension must be None or 3 for three-dimensional images, got 2.")


def fractions_beside(field):
    """Return the fractions of all else and of a phase, ndarray of shape (n, 2)."""
    inside = field.detach().flatten(1).double().mean(1).clamp(0, 1).cpu().numpy()
    return np.stack([1 - inside, inside], axis=1)


def outside(estimates, lower, upper):
    """Tell where estimates are not between bounds.

    Parameters
    ----------
    estimates : Tensor of shape (n,)
        Estimates.
    lower, upper : ndarray of shape (n,)
        Bounds.

    Returns
    -------
    marks : Tensor of shape (n,)
        1 where an estimate leaves its bounds, else 0.
    """
    slack = SLACK * upper
    lower, upper = map(estimates.new_tensor, (lower - slack, upper + slack))
    return ((estimates < lower) | (estimates > upper)).to(estimates.dtype).detach()
