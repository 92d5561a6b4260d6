"""Targets: from ``sample(n, p1=0.4)`` to descriptors and one row of values per sample.

A name refers to a condition of the generator or, failing that, to the descriptor of
that name with default parameters, periodic if the generated images
are periodic; ``volume_fraction`` is another name of ``p1``. Values are a scalar, an array (n,)
for a scalar descriptor, or (k,) or (n, k) for a descriptor with k components.
"""

from typing import NamedTuple

import numpy as np

from .._arrays import joined, parts_of
from .._warnings import warn_user
from ..descriptors import PhaseFractions, VolumeFraction, bound_like, new_descriptor
from ..exceptions import ExtrapolationWarning, TargetWarning
from ._numbers import target_numbers
from ._volume_fraction import VOLUME_FRACTION, fraction_in_terms_of

ROUNDING = 1e-4  # of values that descriptors computed in single precision
ARGUMENTS = dict.fromkeys(("seed", "random_seed", "rng", "generator"), "random_state")
ARGUMENTS |= dict.fromkeys(("size", "image_shape", "image_size"), "shape")
ARGUMENTS |= dict.fromkeys(("n", "n_images", "num_samples"), "n_samples")


class Target(NamedTuple):
    """One target of a call to ``sample``.

    Attributes
    ----------
    name : str
        Name in the call.
    descriptor : BaseDescriptor
        What is to have the values.
    values : ndarray of shape (n_samples, n_components)
        One row for each sample.
    """

    name: str
    descriptor: object
    values: np.ndarray


def read_targets(targets, table, encoder, image_shape, n_samples):
    """Return the targets of a call to ``sample``, values by name, as a list of :class:`Target`.

    ``table`` holds the generator's own conditions. Raises ValueError if a name is unknown, or a
    value has the wrong length, is not finite or is out of the descriptor's bounds, and TypeError
    if a value is not numeric.
    """
    read = []
    for name, value in targets.items():
        phase = None
        if name == VOLUME_FRACTION and name not in table.names:
            name, phase, value = fraction_in_terms_of(value, table, encoder, n_samples)
            if name in targets and name != VOLUME_FRACTION:
                raise ValueError(
                    f"targets {VOLUME_FRACTION} and {name} are the same; give one of them."
                )
        descriptor = target_descriptor(name, table, encoder, image_shape, phase)
        if not descriptor.differentiable:
            raise ValueError(
                f"target {name} must be a descriptor with a gradient, which "
                f"{type(descriptor).__name__} has not."
            )
        read.append(Target(name, descriptor, _rows(name, value, descriptor, n_samples)))
    return read


def target_descriptor(name, table, encoder, image_shape, phase=None):
    """Return the descriptor that the name of a target refers to, ready for images.

    With a phase, it is that of its volume fraction. ValueError if the name is unknown.
    """
    own = {descriptor.name: descriptor for descriptor in table.descriptors}
    if name in own:
        return own[name]
    if phase is not None:
        return VolumeFraction(phase=phase)._bind(encoder, image_shape)
    if name in ARGUMENTS:
        raise ValueError(f"{name} is no target; did you mean the argument {ARGUMENTS[name]}?")
    return new_descriptor(name, table.periodic, own=own)._bind(encoder, image_shape, table.periodic)


def outside_bounds(values, descriptor):
    """Return a mask of the values that no target of a descriptor can take, and the bounds."""
    low, high = descriptor._target_bounds()
    outside = ~np.isfinite(values) | (values < low - ROUNDING) | (values > high + ROUNDING)
    left, right = "(" if np.isinf(low) else "[", ")" if np.isinf(high) else "]"
    return outside, f"{left}{low:g}, {high:g}{right}"


def _rows(name, value, descriptor, n_samples):
    array = target_numbers(name, value)
    width = descriptor._n_features()
    shapes = {(): (1, 1), (width,): (1, width), (n_samples, width): (n_samples, width)}
    if width == 1:
        shapes[(n_samples,)] = (n_samples, 1)
    if array.shape not in shapes or (array.ndim == 0 and width > 1):
        allowed = f"(n_samples,) = ({n_samples},)" if width == 1 else f"({width},)"
        raise ValueError(
            f"target {name} must be {'a scalar, ' if width == 1 else ''}an array of shape "
            f"{allowed} or (n_samples, {width}) = ({n_samples}, {width}), got shape {array.shape}."
        )
    outside, bounds = outside_bounds(array, descriptor)
    if outside.any():
        raise ValueError(f"target {name} must lie in {bounds}, got {array[outside].flat[0]}.")
    array = array.clip(*descriptor._target_bounds())
    rows = np.broadcast_to(array.reshape(shapes[array.shape]), (n_samples, width))
    if not isinstance(descriptor, PhaseFractions) or descriptor.phases_ is None:
        return rows
    totals = rows.sum(axis=1, keepdims=True)
    if not np.allclose(totals, 1.0):
        raise ValueError(f"target {name} must sum to 1 over the phases, got {totals[0, 0]:g}.")
    return rows / totals


def warn_outside(targets, ranges):
    """Warn where targets lie outside the range the training images covered.

    ``ranges`` has the least and largest values in training by name; names that are missing, and
    curves of another length (for images of another size), are passed over.
    """
    for target in targets:
        low, high = ranges.get(target.name, (np.zeros(0), np.zeros(0)))
        if len(low) != target.values.shape[1]:
            continue
        margin = 1e-6 + 1e-6 * np.abs(high)
        outside = (target.values < low - margin) | (target.values > high + margin)
        if outside.any():
            row, k = np.argwhere(outside)[0]
            warn_user(
                f"target {target.name} lies outside the training images: component {k} is "
                f"{target.values[row, k]:.4g}, they cover [{low[k]:.4g}, {high[k]:.4g}].",
                ExtrapolationWarning,
            )


def warn_missed(images, targets, tolerance, image_shape):
    """Warn where finished images miss their targets.

    The tolerance is the root mean square error of one target that counts as met; curves of
    another image size are passed over.
    """
    for target in targets:
        descriptor = bound_like(target.descriptor, image_shape)
        if descriptor._n_features() != target.values.shape[1]:
            continue
        errors = (
            np.sqrt(
                np.square(descriptor.transform(images[part]) - target.values[part]).mean(axis=1)
            )
            for part in parts_of(len(images), image_shape)
        )
        error = joined(errors, len(images))
        failed = error > tolerance + 1e-6
        if failed.any():
            warn_user(
                f"{failed.sum()} of {len(error)} samples miss their target {target.name} by more "
                f"than target_tol={tolerance:g}: root mean square error "
                f"{error[failed].mean():.3g} on average, {error.max():.3g} at worst.",
                TargetWarning,
            )
