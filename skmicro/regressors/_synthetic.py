"""Generated images for a regressor to learn from: drawn, chosen and labelled.

Functions whose results ``joblib.Memory`` may keep take all that they depend on as arguments.
"""

import inspect

import numpy as np
from joblib import Memory

from .._checks import check_real, is_sequence
from .._random import numpy_generator
from .._warnings import noted_warnings, warn_user
from ..conditioning import outside_bounds, target_descriptor
from ..descriptors import BaseDescriptor, descriptor_named, new_descriptor
from ..exceptions import DistributionWarning, TrainingInterruptedWarning
from ..images import ImageEstimator, wraps_around
from ..rules import Rule
from . import _gate

N_COMPARED = 8
"""Real images that the labeler has to agree with the targets on."""
LARGEST_DISAGREEMENT = 0.1
"""In standard deviations of the targets: what solvers and discretisations differ by is less."""


class UnfinishedError(Exception):
    """The training of an estimator was interrupted, so that it is not to be stored."""

    def __init__(self, estimator):
        super().__init__("Training was interrupted.")
        self.estimator = estimator


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
    if not is_sequence(ends) or len(ends) != 2:
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


def check_ranges(generator, targets, images):
    """Raise ValueError for targets of an unfitted generator that ``sample`` is known to refuse."""
    known = isinstance(generator, ImageEstimator)
    for name, ends in targets.items():
        if known or ends is None:
            _check_drawable(name, ends, _expected_descriptor(name, generator, images))


def _expected_descriptor(name, generator, images):
    """Return the descriptor that a name will refer to once the generator is fitted."""
    values = generator.get_params(deep=False).values() if hasattr(generator, "get_params") else ()
    items = [item for value in values if is_sequence(value) for item in value]
    own = {item.name: item for item in items if isinstance(item, BaseDescriptor)}
    descriptor = new_descriptor(
        own.get(name, name), wraps_around(generator), parameter="target without a range"
    )
    return descriptor.fit(images)


def _check_drawable(name, ends, descriptor):
    """Raise ValueError unless values of a target can be drawn from a range."""
    n_components = descriptor._n_features()
    if n_components != 1:
        raise ValueError(
            f"targets must have one component, to be drawn from a range, got {name!r} "
            f"with {n_components}."
        )
    if ends is not None:
        outside, bounds = outside_bounds(np.asarray(ends, dtype=np.float64), descriptor)
        if outside.any():
            raise ValueError(f"targets[{name!r}] must lie in {bounds}, got {ends!r}.")


def closed_ranges(targets, generator, images):
    """Return the range of each target; where it is ``None``, that of the training images.

    Parameters
    ----------
    targets : dict of str to tuple (low, high) or None
        Ranges by name.
    generator : estimator instance
        The generator, fitted on the images. Names refer to its descriptors.
    images : ndarray of shape (n, *spatial)
        Training images.

    Returns
    -------
    ranges : dict of str to tuple (low, high) of float
        Ends of each range.

    Raises
    ------
    ValueError
        If a target has more than one component, or a range leaves what it can be.
    """
    ranges = {}
    for name, ends in targets.items():
        if ends is None or hasattr(generator, "conditions_"):
            descriptor = _descriptor(name, generator, images)
            _check_drawable(name, ends, descriptor)
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
    """Return an estimator fitted on images.

    UnfinishedError carries it where its training was interrupted: what raises is not stored.
    """
    with noted_warnings() as noted:
        estimator = estimator.fit(images)
    if any(issubclass(category, TrainingInterruptedWarning) for category in noted):
        raise UnfinishedError(estimator)
    return estimator


def fitted_once(memory, estimator, images):
    """Return an estimator fitted on images, and the memory of what is made with it.

    That of a training that was interrupted is nowhere: it is not to be had again.
    """
    try:
        return memory.cache(fitted)(estimator, images), memory
    except UnfinishedError as unfinished:
        return unfinished.estimator, Memory(None)


def sampled(generator, n_samples, seed, ranges):
    """Return samples of a fitted generator, their targets drawn uniformly from ranges by name."""
    share = numpy_generator(seed, 1).random((n_samples, len(ranges))).T
    targets = {
        name: low + (high - low) * column
        for (name, (low, high)), column in zip(ranges.items(), share, strict=True)
    }
    return generator.sample(n_samples, random_state=seed, **targets)


def labelled(labeler, images):
    """Return what a fitted labeler computes of images, (n, n_outputs).

    ValueError unless it is a row for each image.
    """
    found = labeler.transform(images)
    labels = np.asarray(found, dtype=np.float64)
    if found is None or labels.ndim == 0 or len(labels) != len(images):
        got = repr(found) if labels.ndim == 0 else f"shape {labels.shape}"
        raise ValueError(
            f"labeler must give one row for each image, shape ({len(images)}, n_outputs), "
            f"got {got}."
        )
    return labels.reshape(len(images), -1)


def compare(labeler, samples, memory):
    """Compare what a fitted labeler computes of some real images with their targets.

    Raises ValueError unless it computes as many finite numbers, and warns where they are others.
    """
    rows = np.linspace(0, len(samples) - 1, min(N_COMPARED, len(samples))).round().astype(int)
    labels = memory.cache(labelled)(labeler, samples.images[rows])
    check_labels(labels, samples.targets.shape[1])
    excess = (labels - samples.targets[rows]) / _gate.spread(samples.targets)
    apart = np.sqrt(np.square(excess).mean(axis=0))
    columns = np.flatnonzero(apart > LARGEST_DISAGREEMENT)
    if len(columns):
        listed = ", ".join(f"column {k} by {apart[k]:.3g}" for k in columns)
        warn_user(
            f"labeler computes other targets than y: of {len(rows)} images {listed} standard "
            "deviations of y (root mean square); the regressor learns two different quantities.",
            DistributionWarning,
        )


def check_labels(labels, n_outputs):
    """Raise ValueError unless labels are finite and have as many columns as ``y``."""
    if labels.shape[1] != n_outputs:
        raise ValueError(
            f"labeler must give as many columns as y has, {n_outputs}, got {labels.shape[1]}."
        )
    if not np.isfinite(labels).all():
        raise ValueError("labeler must give finite targets, got NaN or infinity.")


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
