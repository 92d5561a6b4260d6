"""What a reader finds in a file, before it is a stack of images."""

from dataclasses import dataclass, replace

import numpy as np


@dataclass
class Found:
    """An array, and what its file says of the axes.

    Attributes
    ----------
    array : ndarray
        The values.
    spacing : tuple of float or None
        Length of a voxel along each axis of the array, None where the file does not say or the axis
        is not one of space.
    origin : tuple of float or None
        Corner of the first voxel, in the same way.
    unit : str or None
        Unit of these lengths.
    volumetric : bool
        Whether three axes of this format are those of space.
    doubt : str or None
        Why the file alone does not say what the axes are; an error unless the user does.
    """

    array: np.ndarray
    spacing: tuple | None = None
    origin: tuple | None = None
    unit: str | None = None
    volumetric: bool = False
    doubt: str | None = None

    def transposed(self, order):
        """Return the same with the axes in another order."""
        return replace(
            self,
            array=self.array.transpose(order),
            spacing=_picked(self.spacing, order),
            origin=_picked(self.origin, order),
        )

    def without(self, axes):
        """Return the same without axes of one voxel."""
        left = [axis for axis in range(self.array.ndim) if axis not in axes]
        return replace(
            self,
            array=self.array.squeeze(tuple(axes)),
            spacing=_picked(self.spacing, left),
            origin=_picked(self.origin, left),
        )


def _picked(values, axes):
    return None if values is None else tuple(values[axis] for axis in axes)


def corner_of(centre, spacing):
    """Return the corner of a voxel whose centre a file has, None where it does not say."""
    if centre is None:
        return None
    steps = (1.0,) * len(centre) if spacing is None else spacing
    return tuple(place - step / 2 for place, step in zip(centre, steps, strict=True))


def centre_of(corner, spacing):
    """Return the centre of a voxel that begins at a corner."""
    return tuple(place + step / 2 for place, step in zip(corner, spacing, strict=True))
