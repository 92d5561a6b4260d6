"""Where the voxels of an image lie in space."""

from typing import NamedTuple

import numpy as np

from .._checks import check_real


class Place(NamedTuple):
    """Edge lengths of a voxel, corner of the first one, and their unit; None where not said."""

    spacing: tuple | None = None
    origin: tuple | None = None
    unit: str | None = None

    @property
    def is_empty(self):
        """Whether nothing is said."""
        return all(value is None for value in self)


def check_spacing(spacing, n_axes, low=0.0, high=np.inf):
    """Return the edge lengths of a voxel along each axis, 1 where ``spacing`` is None."""
    if spacing is None:
        return (1.0,) * n_axes
    if np.ndim(spacing) == 0:
        spacing = (spacing,) * n_axes
    return _numbers("spacing", spacing, n_axes, low, high, open_low=low == 0.0)


def check_origin(origin, n_axes):
    """Return the corner of the first voxel along each axis, 0 where ``origin`` is None."""
    return (0.0,) * n_axes if origin is None else _numbers("origin", origin, n_axes)


def _numbers(name, values, n_axes, low=-np.inf, high=np.inf, **bounds):
    if np.ndim(values) != 1 or len(values) != n_axes:
        raise ValueError(f"{name} must hold a number for each of {n_axes} axes, got {values!r}.")
    for value in values:
        check_real(name, value, low, high, **bounds)
    return tuple(float(value) for value in values)
