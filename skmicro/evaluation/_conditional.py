"""Reports on a generator with targets, one for each target.

Real images that have exactly a target do not exist: those nearest to it have values around it. The
generator samples with the values of these images, one for one, so that a correct generator has the
distribution of the real ones, that of the targets included.
"""

from functools import partial

import numpy as np

from .. import _random
from .._warnings import warn_user
from ..conditioning import VOLUME_FRACTION
from ..descriptors import new_descriptor
from ..exceptions import TargetWarning
from ..images import check_stack, wraps_around
from ..reports import Calibration, ConditionalReport
from . import _weighted
from ._draws import TARGETS
from ._evidence import texts_of
from ._sets import blocks_of, number_of_samples

MIN_NEAR, NEAR_SHARE = 12, 5
"""Real images near a target: a fifth of them, or fewer for more targets, and 12 in any case."""

FAR = 0.5
"""Distance of their mean from the target, in standard deviations, that is warned of."""


def several(targets):
    """Tell whether targets are lists of values."""
    return any(np.ndim(value) > 0 for value in (targets or {}).values())


def evaluate_targets(evaluate, generator, X_train, X_test, targets, positions, options):
    """Return the report on several targets, by ``evaluate`` of images for each of them."""
    if not hasattr(generator, "image_shape_") or not hasattr(generator, "sample"):
        raise TypeError(
            "targets in lists need a fitted generator that samples by descriptors, got "
            f"{type(generator).__name__}."
        )
    wanted = _by_name(targets)
    checked = partial(check_stack, image_shape=generator.image_shape_, refused_by="evaluate")
    training, reference = checked("X_train", X_train), checked("X_test", X_test)
    if positions is not None:
        blocks_of(positions, training, reference)
        positions = [np.asarray(part) for part in positions]
    n = options["n_samples"]
    if n is not None:
        n = number_of_samples(n, min(len(training), len(reference)), n)
    descriptors = [_descriptor(generator, name) for name in wanted]
    of_training, of_reference = (
        np.column_stack([d.transform(images) for d in descriptors]).astype(float)
        for images in (training, reference)
    )
    seed = _random.draw_seed(options["random_state"])
    rows = np.column_stack(list(wanted.values()))
    _check_range(wanted, of_reference)
    reports, calibration = [], []
    for k, row in enumerate(rows):
        own, others = (
            _nearest(values, row, n or max(MIN_NEAR, len(values) // max(NEAR_SHARE, len(rows))))
            for values in (of_training, of_reference)
        )
        others = others[: len(own)]
        asked = of_reference[others]
        _warn_if_far(wanted, row, asked, of_reference)
        rng = _random.numpy_generator(seed + k, TARGETS)
        values = dict(zip(wanted, asked.T, strict=True))
        images = generator.sample(len(others), random_state=rng, **values)
        images = checked("generated images", images)
        given = options | {"random_state": rng, "n_samples": None}
        if positions is not None:
            given["positions"] = (positions[0][own], positions[1][others])
        reports.append(evaluate(images, training[own], reference[others], **given))
        achieved = np.column_stack([d.transform(images) for d in descriptors])
        calibration += _calibration(wanted, row, asked, achieved, rng)
    names = [dict(zip(wanted, row.tolist(), strict=True)) for row in rows]
    own = {"targets": targets, "positions": positions} | options | {"random_state": seed}
    settings = {name: value for name, value in own.items() if value is not None}
    return ConditionalReport(names, reports, calibration, settings=texts_of(settings))


def _by_name(targets):
    """Return arrays of targets by name, all as long as the longest."""
    arrays = {}
    for name, value in targets.items():
        if not isinstance(name, str):
            raise TypeError(f"targets must have names of descriptors as keys, got {name!r}.")
        numbers = np.atleast_1d(np.asarray(value))
        if numbers.ndim > 1 or numbers.dtype.kind not in "iuf" or not len(numbers):
            raise ValueError(f"targets of {name} must be numbers in a list, got {value!r}.")
        name = "p1" if name == VOLUME_FRACTION else name
        if name in arrays:
            raise ValueError(f"targets must contain p1 under one name only, got {targets!r}.")
        arrays[name] = numbers
    n = max(map(len, arrays.values()))
    for name, numbers in arrays.items():
        if len(numbers) not in (1, n) or not np.isfinite(numbers).all():
            raise ValueError(
                f"targets of {name} must be one or {n} finite numbers, got {targets!r}."
            )
    wanted = {name: np.broadcast_to(numbers, n).astype(float) for name, numbers in arrays.items()}
    if len(np.unique(np.column_stack(list(wanted.values())), axis=0)) < n:
        raise ValueError(f"targets must differ from each other, got {targets!r}.")
    return wanted


def _descriptor(generator, name):
    descriptor = new_descriptor(name, wraps_around(generator), "targets")
    descriptor._bind(generator.encoder_, generator.image_shape_, wraps_around(generator))
    n_features = len(descriptor.get_feature_names_out())
    if n_features != 1:
        raise ValueError(
            f"targets in lists must be of descriptors of one value, got {name} of {n_features}."
        )
    return descriptor


def _check_range(wanted, values):
    for (name, numbers), column in zip(wanted.items(), values.T, strict=True):
        low, high = column.min(), column.max()
        outside = numbers[(numbers < low) | (numbers > high)]
        if len(outside):
            raise ValueError(
                f"targets of {name} must lie within those of X_test, from {low:.3g} to "
                f"{high:.3g}, to compare with real images, got {outside[0]:g}."
            )


def _warn_if_far(wanted, target, asked, reference):
    """Warn where the real images nearest to a target are those of another value."""
    for name, t, near, values in zip(wanted, target, asked.T, reference.T, strict=True):
        if abs(near.mean() - t) > FAR * values.std():
            warn_user(
                f"the {len(near)} images of X_test nearest to {name} = {t:.4g} have "
                f"{near.mean():.4g} on average, which are the targets of the generator; more "
                "images, or a smaller n_samples, come nearer.",
                TargetWarning,
            )


def _nearest(values, target, n):
    """Return the n images whose values are nearest to a target, in their order."""
    distance = np.linalg.norm((values - target) / _weighted.spread_of(values), axis=1)
    return np.sort(np.argsort(distance, kind="stable")[:n])


def _calibration(wanted, target, asked, achieved, rng):
    rows = []
    weights = _weighted.bootstrap_weights(np.arange(len(asked)), 1000, rng)
    for name, t, a, b in zip(wanted, target.tolist(), asked.T, achieved.T, strict=True):
        # Of the differences: the target values are given, and no source of uncertainty.
        shift = _weighted.value_and_interval(_weighted.mean(b - a, None), weights, weights)
        asked_for, error = float(a.mean()), float(np.sqrt(np.square(b - a).mean()))
        mean = [asked_for + value for value in shift]
        rows.append(Calibration(name, t, asked_for, *mean, error))
    return rows
