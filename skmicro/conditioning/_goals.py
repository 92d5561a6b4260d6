"""Targets of a design: outputs of properties, by name, and a value or an extremum of each."""

import copy
from dataclasses import dataclass

import numpy as np
import torch

from ..descriptors import BaseDescriptor, new_descriptor
from ._numbers import target_numbers

ENDS = {"max": 1.0, "min": -1.0}
ROUNDING = 1e-9
MISSED = 1e30
"""Larger than any output; images that miss a value are worse than all others."""
GAIN = 0.2
"""Relative change of an output whose end is looked for that a step aims at, if it is short."""


@dataclass(frozen=True)
class Goals:
    """Outputs of properties and what they are to be.

    Attributes
    ----------
    properties : tuple of BaseDescriptor
        The properties, ready for the images.
    names : tuple of str
        Outputs with targets.
    values : ndarray of shape (n, n_names)
        Their values in each image, NaN where an end is looked for.
    signs : ndarray of shape (n_names,)
        1 for outputs to be as large as possible, -1 as small as possible, 0 for others.
    """

    properties: tuple
    names: tuple
    values: np.ndarray
    signs: np.ndarray

    @property
    def scales(self):
        """What errors are shares of, (n, n_names): the values, or the largest where one is 0."""
        size = np.abs(np.nan_to_num(self.values))
        largest = size.max(axis=1, keepdims=True)
        scales = np.where(size > 0, size, largest)
        return np.where(scales > 0, scales, 1.0)

    def of(self, outputs):
        """Return the outputs with targets, (n, n_outputs) -> (n, n_names)."""
        known = output_names(self.properties)
        return outputs[:, [known.index(name) for name in self.names]]

    def loosened(self, rtol):
        """Return these goals with properties that may err by ``rtol``, where they iterate."""
        properties = tuple(_loosened(each, rtol) for each in self.properties)
        return Goals(properties, self.names, self.values, self.signs)

    def described(self, images):
        """Return all outputs of one-hot images, differentiably, (n, C, *S) -> (n, n_outputs)."""
        return torch.cat([each(images.double()) for each in self.properties], dim=1)

    def measured(self, images):
        """Return all outputs of labels, (n, *S) -> (n, n_outputs)."""
        return np.hstack([each.transform(images) for each in self.properties])

    def errors(self, outputs, index):
        """Return relative errors of outputs that have a value, 0 of others, (n, n_names)."""
        error = (self.of(outputs) - self.values[index]) / self.scales[index]
        return np.where(self.signs == 0, error, 0.0)

    def residuals(self, outputs, index):
        """Return what is to be zero: relative errors, and for ends what is to be gained."""
        asked, scales = self.of(outputs), outputs.new_tensor(self.scales[index])
        kept = np.flatnonzero(self.signs == 0)
        values = outputs.new_tensor(self.values[index])
        residuals = ((asked - values) / scales)[:, kept]
        if len(kept) == len(self.names):
            return residuals
        size = asked.detach().abs().clamp_min(torch.finfo(asked.dtype).tiny)
        gained = ((asked - asked.detach()) / size) @ outputs.new_tensor(self.signs)
        return torch.cat([residuals, gained[:, None] - GAIN], dim=1)

    def badness(self, outputs, index, rtol):
        """Return the number that is to be small, (n,).

        The largest error; where ends are looked for, those within ``rtol`` are all alike, and
        the ends count: the output, or the logarithm of the product of several.
        """
        missed = np.abs(self.errors(outputs, index)).max(axis=1)
        if not self.signs.any():
            return missed
        ends = self.of(outputs)[:, self.signs != 0]
        if ends.shape[1] > 1:
            ends = np.log(ends.clip(np.finfo(float).tiny))
        best = -(ends @ self.signs[self.signs != 0])
        return np.where(missed > rtol, MISSED * (1.0 + missed), best)


def read_goals(properties, targets, model, n_samples):
    """Return what properties are to be, as ``design`` takes it, as :class:`Goals`.

    Raises TypeError if a property is none, or targets are no dictionary or not numeric, ValueError
    if images have grey levels, a property has no gradient, outputs are unknown, ambiguous or
    missing, or a value has a wrong length or is one that nothing can have.
    """
    if model.encoder.phases is None:
        raise ValueError("design needs images of phases, got a generator of grey levels.")
    listed = properties if isinstance(properties, (list, tuple)) else [properties]
    bound = tuple(_bound(each, model) for each in listed)
    known = output_names(bound)
    twice = sorted({name for name in known if known.count(name) > 1})
    if twice:
        raise ValueError(f"properties must have outputs of different names, got {twice} twice.")
    if not isinstance(targets, dict) or not targets:
        raise TypeError(f"targets must be a dict of values by output, got {targets!r}.")
    for name in targets:
        if name not in known:
            raise ValueError(f"targets must be among the outputs {known}, got {name!r}.")
    values = np.full((n_samples, len(targets)), np.nan)
    signs = np.zeros(len(targets))
    for k, (name, value) in enumerate(targets.items()):
        if isinstance(value, str):
            if value not in ENDS:
                raise ValueError(
                    f"target {name} must be numbers or one of {sorted(ENDS)}, got {value!r}."
                )
            signs[k] = ENDS[value]
        else:
            values[:, k] = _numbers(name, value, n_samples)
    goals = Goals(bound, tuple(targets), values, signs)
    _check_bounds(goals)
    return goals


def output_names(properties):
    """Return the names of the outputs of properties, one after the other."""
    return [name for each in properties for name in each._feature_names()]


def _bound(item, model):
    if not isinstance(item, BaseDescriptor):
        raise TypeError(f"properties must be descriptors or properties, got {item!r}.")
    if not item.differentiable:
        raise ValueError(f"properties must have a gradient, which {type(item).__name__} has not.")
    return new_descriptor(item)._bind(model.encoder, model.image_shape, model.conditions.periodic)


def _loosened(descriptor, rtol):
    if not hasattr(descriptor, "rtol"):
        return descriptor
    loose = copy.copy(descriptor)
    return loose.set_params(rtol=max(rtol, descriptor.rtol))


def _numbers(name, value, n_samples):
    numbers = target_numbers(name, value)
    if numbers.shape not in ((), (n_samples,)):
        raise ValueError(
            f"target {name} must be a scalar or an array of shape (n_samples,) = ({n_samples},), "
            f"got shape {numbers.shape}."
        )
    return numbers


def _check_bounds(goals):
    """Raise if an output is to have a value that it has in no image, or one that is not finite."""
    bounds = [each._feature_bounds() for each in goals.properties]
    low, high = (goals.of(np.hstack(ends)[None])[0] for ends in zip(*bounds, strict=True))
    for k in np.flatnonzero(goals.signs == 0):
        values, margin = goals.values[:, k], ROUNDING * np.abs([low[k], high[k]])
        outside = ~((values >= low[k] - margin[0]) & (values <= high[k] + margin[1]))
        if outside.any() or not np.isfinite(values).all():
            raise ValueError(
                f"target {goals.names[k]} must lie in [{low[k]:.5g}, {high[k]:.5g}], its bounds "
                f"for all fractions of the phases, got {values[outside][0]:g}."
            )
