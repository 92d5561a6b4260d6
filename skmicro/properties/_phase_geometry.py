"""Properties that look at one phase and take all others for a single one."""

from .._validation import check_integer
from ._base import BaseProperty


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
