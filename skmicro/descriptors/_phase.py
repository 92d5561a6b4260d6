"""What descriptors of one phase share: which phase, what the border does, which voxels touch."""

from ..parameters import parameter
from ..rules import boolean, choice, label
from ._base import BaseDescriptor


class PhaseDescriptor(BaseDescriptor):
    """Base class of descriptors that look at one phase; by default they have one feature."""

    phase: int | None = parameter(
        None,
        label(),
        "Label of the phase; ``None`` stands for the largest label.",
    )

    def _check_parameters(self):
        super()._check_parameters()
        if hasattr(self, "encoder_"):
            self.encoder_.channel_of(self.phase)

    def _field(self, images):
        """Return the probability field (n, *spatial) of the phase, or the grey levels."""
        return self._phase_field(images, self.phase)

    def _probability(self, images):
        """Return the field with grey levels clipped to [0, 1].

        Products of many voxels need this: they overflow for grey levels above 1.
        """
        field = self._field(images)
        return field.clamp(0, 1) if images.shape[1] == 1 else field

    def _feature_names(self):
        return [self.name]


class SpatialDescriptor(PhaseDescriptor):
    """Base class of descriptors for which it matters where the voxels of a phase are."""

    periodic: bool = parameter(
        True,
        boolean(),
        """Whether the images wrap around. Otherwise only pairs, segments and clusters inside
        the image count.""",
    )


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
