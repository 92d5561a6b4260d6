"""Process variables: conditions that come with images and cannot be measured on them.

A temperature, a time, a supplier's batch: numbers that the user passes as columns of ``y``. To
the rest of the library they look like descriptors whose features are unknown (NaN) for any
image.
"""

from numbers import Real
from typing import ClassVar

import numpy as np
import torch

from ..descriptors import BaseDescriptor, descriptor_named, near_name

RESOLUTION = 1e-5


class Unmeasured:
    """Placeholder for a descriptor of ``n_features`` features, which are unknown."""

    def __init__(self, n_features):
        self.n_features = n_features

    def transform(self, X):
        """Return NaN for every image, (n, n_features)."""
        return np.full((len(X), self.n_features), np.nan, np.float32)


class ProcessVariable(BaseDescriptor):
    """A number that belongs to an image and cannot be measured on it.

    Its name is that of a column of ``y``, under which ``sample`` takes values of it;
    ``image_shape`` is the shape of the image behind a flat row.
    """

    _former_places: ClassVar = ("skmicro.generators.ProcessVariable",)

    def __init__(self, name, image_shape=None):
        self.name = name
        self.image_shape = image_shape

    def _describe(self, images):
        return images.new_full((len(images), 1), torch.nan)

    def transform(self, X):
        """Return NaN for every image, (n, 1)."""
        return Unmeasured(1).transform(X)

    def _feature_names(self):
        return [self.name]


def with_variables(items):
    """Return conditions with a :class:`ProcessVariable` for every name of no descriptor."""
    return [ProcessVariable(item) if _is_variable(item) else item for item in items]


def variable_values(names, y, n_images):
    """Return the process variables ``names`` of images, float32 of shape (n_images, n_names).

    ``y`` is what ``fit`` received: columns by their names; an array (n,), called ``"y"`` unless
    it has a name; or an array (n, k) of columns ``"y0"``, ``"y1"``, .... A column that is
    missing, or is not as long as the images or not finite raises ValueError, one that is not
    numeric TypeError.
    """
    columns = _columns(y) if names else {}
    values = np.zeros((n_images, len(names)), np.float32)
    for k, name in enumerate(names):
        if name not in columns:
            raise ValueError(
                f"conditions must name descriptors or columns of y ({', '.join(columns) or 'none'}"
                f"), got {name!r}.{near_name(name, columns)}"
            )
        values[:, k] = _numbers(name, columns[name], n_images)
    return values


def _is_variable(item):
    if not isinstance(item, str):
        return False
    try:
        descriptor_named(item)
    except ValueError:
        return True
    return False


def _columns(y):
    if y is None:
        return {}
    if hasattr(y, "columns"):
        names = [str(name) for name in y.columns]
        if len(set(names)) < len(names):
            raise ValueError(f"y must have different column names, got {names}.")
        return {str(name): y[name] for name in y.columns}
    if np.ma.is_masked(y):
        raise ValueError(f"y must have no masked values, got {np.ma.count_masked(y)}.")
    array = np.asarray(y)
    if array.ndim == 1:
        return {str(getattr(y, "name", None) or "y"): array}
    if array.ndim != 2:
        raise ValueError(f"y must have one or two axes, got shape {array.shape}.")
    return {f"y{k}": column for k, column in enumerate(array.T)}


def _numbers(name, column, n_images):
    column = np.asarray(column)
    numeric = column.dtype.kind in "biuf"
    if column.dtype == object:
        numeric = all(isinstance(value, Real | np.bool_) for value in column.flat)
    if not numeric:
        raise TypeError(f"column {name!r} of y must be numeric, got type {column.dtype}.")
    numbers = column.astype(np.float64)
    if numbers.shape != (n_images,):
        raise ValueError(
            f"column {name!r} of y must have a number for each of the {n_images} images, "
            f"got shape {numbers.shape}."
        )
    strange = ~(np.abs(numbers) <= np.finfo(np.float32).max)
    if strange.any():
        raise ValueError(
            f"column {name!r} of y must be finite in single precision, got {numbers[strange][0]}."
        )
    if 0 < np.ptp(numbers) < RESOLUTION * np.abs(numbers).max():
        raise ValueError(
            f"column {name!r} of y must vary by more than {RESOLUTION:g} of its values, the "
            f"resolution of single precision, got {numbers.min()} to {numbers.max()}; "
            "subtract an offset."
        )
    return numbers
