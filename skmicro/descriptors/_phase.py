"""What descriptors of one phase share: which phase, what the border does, which voxels touch."""

import copy
import math
from typing import ClassVar

import numpy as np

from .. import rules
from ..images import looks_periodic, resolve_periodic
from ..parameters import parameter
from ..rules import boolean, choice, label, optional
from ._base import BaseDescriptor


class PhaseDescriptor(BaseDescriptor):
    """Base class of descriptors that look at one phase; by default they have one feature."""

    phase: int | None = parameter(
        None,
        label(),
        "Label of the phase; ``None`` means the largest label.",
    )

    def _check_parameters(self):
        super()._check_parameters()
        if hasattr(self, "encoder_"):
            self.encoder_.channel_of(self.phase)

    def _field(self, images, known=None):
        """Return the probability field (n, *spatial) of the phase, or the grey levels.

        0 where voxels are not ``known``.
        """
        field = self._phase_field(images, self.phase)
        return field if known is None else field * known

    def _probability(self, images, known=None):
        """Return the field with grey levels clipped to [0, 1].

        Products of many voxels need this: they overflow for grey levels above 1.
        """
        field = self._field(images, known)
        return field.clamp(0, 1) if images.shape[1] == 1 else field

    def _feature_names(self):
        return [self.name]


class SpacedDescriptor(BaseDescriptor):
    """Base class of descriptors that measure lengths."""

    spacing: float | tuple = parameter(
        1.0,
        rules.spacing(),
        """Distance of the centres of neighbouring voxels, one number or one for each axis of the
        image, in any unit: that of the lengths of this estimator. By default lengths are in
        voxels.""",
    )

    def _check_parameters(self):
        super()._check_parameters()
        if hasattr(self, "image_shape_"):
            self._spacing(len(self.image_shape_))

    def _spacing(self, n_axes):
        """Return the distances along each axis, or raise ValueError if these are not so many."""
        if np.ndim(self.spacing) == 0:
            return (float(self.spacing),) * n_axes
        if len(self.spacing) != n_axes:
            raise ValueError(
                f"spacing must be one number or have one for each of {n_axes} axes, "
                f"got {self.spacing!r}."
            )
        return tuple(map(float, self.spacing))

    def _unit_and_scales(self, shape):
        """Return the least distance along an axis, and all of them in units of it.

        Of axes longer than one voxel; None means scales that are all the same.
        """
        spacing = self._spacing(len(shape))
        thick = [step for step, side in zip(spacing, shape, strict=True) if side > 1] or spacing
        unit = min(thick)
        return unit, None if unit == max(thick) else tuple(step / unit for step in spacing)

    def _voxel_volume(self, shape):
        """Return the volume of a voxel, in two dimensions its area: of axes that are not thin."""
        spacing = self._spacing(len(shape))
        return math.prod(step for step, side in zip(spacing, shape, strict=True) if side > 1)


class SpatialDescriptor(PhaseDescriptor):
    """Base class of descriptors for which it matters where the voxels of a phase are.

    Attributes
    ----------
    periodic_ : bool
        Whether the images were taken as periodic.
    """

    periodic: bool | None = parameter(
        None,
        optional(boolean()),
        """Whether the images wrap around. Otherwise only pairs, segments and clusters inside
        the image count. ``None`` detects it from the images in ``fit``, by comparing the
        jumps across their borders with jumps inside; see ``periodic_``.""",
    )

    @property
    def _wraps(self):
        return self.periodic_ if self.periodic is None else self.periodic

    def _told_borders(self, images):
        return resolve_periodic(self.periodic, images)

    def _bind(self, encoder, image_shape, periodic=None):
        self.periodic_ = bool(periodic if self.periodic is None else self.periodic)
        return super()._bind(encoder, image_shape)

    def _ready_for(self, images):
        if self.periodic is not None or hasattr(self, "periodic_"):
            return self
        # Called before ``fit``: these are all the images there are.
        ready = copy.copy(self)
        ready.periodic_ = looks_periodic(images.detach().flatten(0, 1).cpu().numpy())
        return ready


class EdgeCorrectedDescriptor(SpatialDescriptor):
    """Base class of descriptors that distinguish windows of a material from isolated pieces."""

    edge_correction: bool = parameter(
        True,
        boolean(),
        """Whether to treat non-periodic images as windows of a material, with unbiased
        estimates, or, with False, as isolated pieces. No effect on periodic
        images.""",
    )

    # Files of earlier revisions know pieces as they were cut only.
    _implied: ClassVar = {"edge_correction": False}

    @property
    def _borders(self):
        return {"periodic": self._wraps, "edge_correction": self.edge_correction}


class ConnectedDescriptor(SpatialDescriptor):
    """Base class of descriptors of what is connected."""

    connectivity: str = parameter(
        "faces",
        choice("faces", "corners"),
        """Which voxels of the phase touch: those that share a face (4 neighbours in two
        dimensions, 6 in three), or those that share at least a corner (8, 26).""",
    )

    @property
    def _corners(self):
        return self.connectivity == "corners"


def n_dimensions(shape):
    """Return 3 for images with three sides of more than one pixel, 2 for all others."""
    return 3 if sum(side > 1 for side in shape) == 3 else 2
