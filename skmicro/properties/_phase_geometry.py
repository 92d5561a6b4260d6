"""Properties of isotropic materials of two phases, one phase among all others."""

import numpy as np

from .._checks import check_integer
from ..descriptors import PhaseDescriptor, SpacedDescriptor
from ..parameters import parameter
from ..rules import Rule, optional
from ._base import BaseProperty
from ._three_point_kernels import three_point_parameters

SLACK = 1e-4
"""Share by which an estimate may leave its bounds before it is doubted: single precision."""
LEAVES_BOUNDS = (
    "leaves the bounds of Hashin and Shtrikman: its inclusions are too well connected for a "
    "strong-contrast estimate. Exchange the roles of the phases, or compute the full field."
)
"""Why an estimate out of its bounds is to be doubted."""


def _check_dimension(name, value):
    check_integer(name, value)
    if value not in (2, 3):
        raise ValueError(f"{name} must be None, 2 or 3, got {value}.")


class PhaseGeometry(SpacedDescriptor, PhaseDescriptor, BaseProperty):
    """Base class of properties that follow from the geometry of one phase."""

    dimension: int | None = parameter(
        None,
        optional(Rule("{2, 3}", _check_dimension)),
        """Dimensions of the material; ``None`` means those of the images. 3 takes
        two-dimensional images for plane sections of an isotropic three-dimensional material.""",
    )

    def _three_point(self, field):
        """Return zeta and eta of fields (n, *spatial)."""
        _, scales = self._unit_and_scales(field.shape[1:])
        return three_point_parameters(field, self._material_dimension(field.ndim - 1), scales)

    def _material_dimension(self, n_axes):
        return n_axes if self.dimension is None else self.dimension

    def _check_parameters(self):
        super()._check_parameters()
        if self.dimension == 2 and len(getattr(self, "image_shape_", ())) == 3:
            raise ValueError("dimension must be None or 3 for three-dimensional images, got 2.")


def fractions_beside(field):
    """Return the fractions of all else and of a phase, ndarray of shape (n, 2)."""
    inside = field.detach().flatten(1).double().mean(1).clamp(0, 1).cpu().numpy()
    return np.stack([1 - inside, inside], axis=1)


def outside(estimates, lower, upper):
    """Return marks (n,): 1 where an estimate leaves its bounds, else 0."""
    slack = SLACK * upper
    lower, upper = map(estimates.new_tensor, (lower - slack, upper + slack))
    return ((estimates < lower) | (estimates > upper)).to(estimates.dtype).detach()
