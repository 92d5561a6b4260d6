"""Descriptors as parameters of generators, and the projections made of them."""

from inspect import signature

import numpy as np

from .._checks import check_choice, check_integer, check_real, check_sequence
from ..descriptors import BaseDescriptor, descriptor_named
from ..losses import DescriptorLoss
from ..training import Projection
from ._base import BaseGenerator

RESERVED = {*signature(BaseGenerator.sample).parameters, "X", "mask"}
LIGHT_PROJECTION = {
    "n_projection": 0,
    "projection_weight": 2000.0,
    "n_calibration": 200,
    "hard_projection": True,
}


def check_descriptors(parameter, items, n_least=0):
    """Raise unless a parameter holds differentiable descriptors with different names.

    Parameters
    ----------
    parameter : str
        Name of the parameter.
    items : sequence of str or BaseDescriptor
        Its value.
    n_least : int, default=0
        Least number of descriptors.

    Raises
    ------
    TypeError
        If an item is neither a name nor a descriptor.
    ValueError
        If a name is unknown or occurs twice, a descriptor has no gradient, or there are
        too few.
    """
    check_sequence(parameter, items)
    names = []
    for item in items:
        if not isinstance(item, (str, BaseDescriptor)):
            raise TypeError(f"{parameter} must hold names or descriptors, got {item!r}.")
        descriptor = descriptor_named(item) if isinstance(item, str) else item
        if not descriptor.differentiable:
            raise ValueError(
                f"{parameter} must hold differentiable descriptors, got {descriptor.name!r}."
            )
        if descriptor.name is None or descriptor.name in RESERVED:
            raise ValueError(
                f"{parameter} must hold descriptors whose names are no arguments of sample or "
                f"inpaint, got {descriptor.name!r}."
            )
        names.append(descriptor.name)
    if len(set(names)) < len(names):
        raise ValueError(f"{parameter} must have different names, got {names}.")
    if len(names) < n_least:
        raise ValueError(f"{parameter} must name at least one descriptor, got none.")


def check_projection_parameters(estimator):
    """Raise if a parameter of the invariance loss is not allowed."""
    check_integer("n_projection", estimator.n_projection, minimum=0)
    check_integer("n_calibration", estimator.n_calibration, minimum=0)
    check_real("projection_weight", estimator.projection_weight, 0.0)
    if estimator.projection_rate is not None:
        check_real("projection_rate", estimator.projection_rate, 0.0, open_low=True)
    check_choice("hard_projection", estimator.hard_projection, (True, False))


def measured_by(estimator):
    """Return what turns channels into the images that invariances are measured on."""
    encoder = estimator.encoder_
    return encoder.measured if estimator.hard_projection else encoder.physical


def projection(estimator, loss, n_calibration=0):
    """Return the projection of a loss with the estimator's settings."""
    own_rate = estimator.projection_rate
    rate = estimator.learning_rate if own_rate is None else own_rate
    return Projection([loss], measured_by(estimator), estimator.n_projection, rate, n_calibration)


def calibrated_targets(descriptors, rows):
    """Return the means of descriptors, computed side by side in ``rows``, by name."""
    widths = [descriptor._n_features() for descriptor in descriptors]
    blocks = np.split(rows.mean(axis=0, dtype=np.float64), np.cumsum(widths)[:-1])
    return {descriptor.name: block for descriptor, block in zip(descriptors, blocks, strict=True)}


def calibrated_loss(descriptors, targets, weight, like):
    """Return the loss of descriptors against targets that all images share.

    Parameters
    ----------
    descriptors : list of BaseDescriptor
        Bound descriptors.
    targets : dict of str to ndarray
        Their targets by name.
    weight : float
        Factor of the loss.
    like : Tensor
        Gives device and precision.

    Returns
    -------
    loss : DescriptorLoss
        For use in a projection.
    """
    values = [value for d in descriptors for value in targets[d.name].tolist()]
    return DescriptorLoss(descriptors, weight, like.new_tensor(values))
