"""Descriptors that generated images are to have, as objectives of a training."""

from typing import ClassVar

import numpy as np

from ..losses import DescriptorLoss
from ..parameters import MODEL, Parametrized, parameter
from ..rules import boolean, integer, optional, real
from ..training import Projection
from ._descriptor_parameters import descriptors

LIGHT_PROJECTION = {
    "n_projection": 0,
    "projection_weight": 2000.0,
    "n_level_steps": 200,
    "hard_projection": True,
}


class HasInvariances(Parametrized):
    """Generators that are trained to meet descriptors."""

    invariances: tuple = parameter(
        ("p2",),
        descriptors(n_least=1),
        """Differentiable descriptors that the images are to have: names, such as ``"p1"``,
        ``"phase_fractions"``, ``"p2"`` or ``"area"``, or descriptor objects, such as
        ``TwoPointCorrelation(max_lag=8)`` for the initial part of the curve only. A name means
        default parameters; an unset ``periodic`` is that of the generator.""",
        MODEL,
    )
    hard_projection: bool = parameter(
        False,
        boolean(),
        """Measure invariances on decoded images, with gradients straight through the decoding,
        instead of on the phase probabilities.""",
    )


class HasProjection(HasInvariances):
    """Generators that meet descriptors beside a critic."""

    n_projection: int = parameter(
        1,
        integer(0),
        """Projection steps per iteration; 0 adds the invariance loss to the loss of the
        generator's own step instead (Eq. 2).""",
    )
    projection_weight: float = parameter(1.0, real(0.0), "Factor of the invariance loss.")
    projection_rate: float | None = parameter(
        None,
        optional(real(0.0, open_low=True)),
        "Rate of the projection's Adam; ``None`` takes ``learning_rate``.",
    )
    n_level_steps: int = parameter(
        0,
        integer(0),
        """Steps after the training in which only the level of the light architecture's logits
        is trained, on the invariance loss alone. They reduce the bias that the contest with the
        critic leaves in phase fractions.""",
    )

    _former_names: ClassVar = {"n_calibration": "n_level_steps"}


def measured_by(estimator):
    """Return what turns channels into the images that invariances are measured on."""
    encoder = estimator.encoder_
    return encoder.measured if estimator.hard_projection else encoder.physical


def projection(estimator, loss, n_level_steps=0):
    """Return the projection of a loss with the estimator's settings."""
    own_rate = estimator.projection_rate
    rate = estimator.learning_rate if own_rate is None else own_rate
    return Projection([loss], measured_by(estimator), estimator.n_projection, rate, n_level_steps)


def calibrated_targets(descriptors, rows):
    """Return the means of descriptors, computed side by side in ``rows``, by name."""
    widths = [descriptor._n_features() for descriptor in descriptors]
    blocks = np.split(rows.mean(axis=0, dtype=np.float64), np.cumsum(widths)[:-1])
    return {descriptor.name: block for descriptor, block in zip(descriptors, blocks, strict=True)}


def calibrated_loss(descriptors, targets, weight, like):
    """Return the loss of bound descriptors against targets, by name, that all images share.

    The tensor ``like`` gives device and precision.
    """
    values = [value for d in descriptors for value in targets[d.name].tolist()]
    return DescriptorLoss(descriptors, weight, like.new_tensor(values))
