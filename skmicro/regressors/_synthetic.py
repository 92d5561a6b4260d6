"""Generated images for a regressor to learn from: drawn, chosen and labelled.

Functions whose results ``joblib.Memory`` may keep take all that they depend on as arguments.
"""

import inspect

import numpy as np
from sklearn.pipeline import Pipeline

from .._checks import check_real
from .._random import numpy_generator
from ..conditioning import target_descriptor
from ..descriptors import descriptor_named, new_descriptor
from ..rules import Rule


def target_ranges():
    """Return the rule of targets by name, each with a range to draw from or ``None``."""

    def check(name, value):
        if value is None:
            return
        if not isinstance(value, dict) or not value:
            raise TypeError(f"{name} must be None or a dict of ranges by name, got {value!r}.")
        for key, ends in value.items():
            if ends is not None:
                _check_range(f"{name}[{key!r}]", ends)

    return Rule("dict of str to tuple (low, high) or None, or None", check)


def _check_range(name, ends):
    if not isinstance(ends, (tuple, list)) or len(ends) != 2:
        raise TypeError(f"{name} must be None or a pair (low, high), got {ends!r}.")
    for end in ends:
        check_real(name, end)
    if ends[0] > ends[1]:
        raise ValueError(f"{name} must have low <= high, got {ends!r}.")


def check_takes(generator, targets):
    """Raise ValueError unless ``sample`` of a generator takes targets of these names."""
    taken = inspect.signature(generator.sample).parameters
    if any(p.kind is inspect.Parameter.VAR_KEYWORD for p in taken.values()):
        for name in targets:
            descriptor_named(name)
        return
    names = sorted(set(taken) - {"n_samples", "random_state"})
    for name in targets:
        if name not in names:
            raise ValueError(
                f"targets must be among those that sample of {type(generator).__name__} takes, "
                f"{names}, got {name!r}."
            )


def closed_ranges(targets, generator, images):
    """Return the range of each target; where it is ``None``, that of the training images.

    Parameters
    ----------
    targets : dict of str to tuple (low, high) or None
        Ranges by name.
    generator : estimator instance
        The generator, fitted on the images. What a name stands for is what it has for it.
    images : ndarray of shape (n, *spatial)
        Training images.

    Returns
    -------
    ranges : dict of str to tuple (low, high) of float
        Ends of each range.

    Raises
    ------
    ValueError
        If a target has more than one component.
    """
    ranges = {}
    for name, ends in targets.items():
        if ends is None or hasattr(generator, "conditions_"):
            descriptor = _descriptor(name, generator, images)
            n_components = descriptor._n_features()
            if n_components != 1:
                raise ValueError(
                    f"targets must have one component, to be drawn from a range, got {name!r} "
                    f"with {n_components}."
                )
            values = descriptor.transform(images) if ends is None else ends
            ends = np.min(values), np.max(values)
        ranges[name] = tuple(map(float, ends))
    return ranges


def _descriptor(name, generator, images):
    """Return the descriptor behind the name of a target, ready for the images."""
    if hasattr(generator, "conditions_"):
        return target_descriptor(name, generator.conditions_, generator.encoder_, images.shape[1:])
    return new_descriptor(name, parameter="target without a range").fit(images)


def fitted(estimator, images):
    """Return an estimator fitted on images."""
    return estimator.fit(images)


def sampled(generator, n_samples, seed, ranges):
    """Return samples of a fitted generator, their targets drawn uniformly from ranges by name."""
    share = numpy_generator(seed, 1).random((n_samples, len(ranges))).T
    targets = {
        name: low + (high - low) * column
        for (name, (low, high)), column in zip(ranges.items(), share, strict=True)
    }
    return generator.sample(n_samples, random_state=seed, **targets)


def labelled(labeler, images):
    """Return what a fitted labeler computes of images, (n, n_outputs)."""
    return np.asarray(labeler.transform(images), dtype=np.float64).reshape(len(images), -1)


def check_labels(labels, n_outputs):
    """Raise ValueError unless labels are finite and have as many columns as ``y``."""
    if labels.shape[1] != n_outputs:
        raise ValueError(
            f"labeler must give as many columns as y has, {n_outputs}, got {labels.shape[1]}."
        )
    if not np.isfinite(labels).all():
        raise ValueError("labeler must give finite targets, got NaN or infinity.")


def check_tells_deviations(regressor):
    """Raise ValueError unless ``predict`` of a regressor takes ``return_std``."""
    last = regressor
    while isinstance(last, Pipeline):
        last = last.steps[-1][1]
    if "return_std" not in inspect.signature(last.predict).parameters:
        raise ValueError(
            "regressor must have a predict that takes return_std with selection='uncertainty', "
            f"got {regressor!r}."
        )


def most_uncertain(regressor, images, n_chosen, spread):
    """Return the rows of the images that a regressor is least certain of, ascending.

    Parameters
    ----------
    regressor : estimator instance
        Fitted, with a ``predict`` that takes ``return_std``.
    images : ndarray of shape (n, *spatial)
        The images.
    n_chosen : int
        Rows to return.
    spread : ndarray of shape (n_outputs,)
        Units of the standard deviations, whose squares are added over the outputs.

    Returns
    -------
    rows : ndarray of shape (n_chosen,)
        Those of the largest sums.

    Raises
    ------
    ValueError
        If a standard deviation is not finite.
    """
    deviations = np.asarray(regressor.predict(images, return_std=True)[1], dtype=np.float64)
    if not np.isfinite(deviations).all():
        raise ValueError(
            "regressor must predict finite standard deviations with selection='uncertainty', got "
            "NaN or infinity."
        )
    total = np.square(deviations.reshape(len(images), -1) / spread).sum(axis=1)
    return np.sort(np.argsort(-total, kind="stable")[:n_chosen])
