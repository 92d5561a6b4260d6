"""What the page of a report shows besides its metrics."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np


class OddImage(NamedTuple):
    """A generated image far from all real ones, and the feature that is farthest out.

    ``distance`` is that to the nearest real image in the space of all descriptors; ``value`` is
    the feature of the image, ``mean`` and ``spread`` are those of the test images.
    """

    picture: np.ndarray
    index: int
    distance: float
    feature: str
    value: float
    mean: float
    spread: float


class CopiedImage(NamedTuple):
    """A generated image and the training image nearest to it, moved onto it."""

    picture: np.ndarray
    index: int
    nearest: np.ndarray
    nearest_index: int
    correlation: float
    moved: str


class Curves(NamedTuple):
    """Mean and 2.5 and 97.5 % quantiles over images, (3, n), of a descriptor over its lags."""

    label: str
    lags: np.ndarray
    has_lags: bool
    generated: np.ndarray
    real: np.ndarray


@dataclass(frozen=True)
class Evidence:
    """Pictures, curves and origin of a report.

    Pictures are arrays (height, width) of codes: the place of a label in ``phases``, or, if these
    are None, 256 grey levels from ``levels[0]`` to ``levels[1]``.
    """

    image_shape: tuple
    phases: tuple | None
    levels: tuple | None
    generated: np.ndarray
    real: np.ndarray
    worst: tuple
    usual_distance: float
    copies: tuple
    curves: tuple
    origin: dict
