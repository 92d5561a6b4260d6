"""Reports on a generator that is asked for properties, one for each target.

Real images that have exactly a target do not exist: those nearest to it have values around it. The
generator is asked for the values of these images, one for one, so that a right generator has the
distribution of the real ones, that of the targets included.
"""

from typing import NamedTuple

import numpy as np

from .. import _random
from ..conditioning import VOLUME_FRACTION
from ..descriptors import new_descriptor
from ..images import check_stack, wraps_around
from . import _weighted

MIN_NEAR = 12
"""Real images near a target in any case."""

SAMPLES = 7
"""Stream of the seed."""


class Calibration(NamedTuple):
    """What images asked for a target have of it.

    Attributes
    ----------
    name : str
        The descriptor that was asked for.
    target : float
        The target.
    asked : float
        Mean of the values asked for: those of the real images nearest to the target.
    achieved, low, high : float
        Mean of the values that generated images have, and the ends of its 95 % interval.
    error : float
        Root mean square of the differences between values achieved and asked for.
    """

    name: str
    target: float
    asked: float
    achieved: float
    low: float
    high: float
    error: float


class ConditionalReport:
    """What :func:`skmicro.evaluation.evaluate` found for several targets.

    Printed, it is the table of the calibration and the p-value for each target.

    Parameters
    ----------
    targets : list of dict
        The targets, values by name.
    reports : list of EvaluationReport
        A report for each of them, against the real images nearest to it.
    calibration : list of Calibration
        A row for each target and name.

    See Also
    --------
    skmicro.evaluation.evaluate : Makes reports.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.evaluation import evaluate
    >>> from skmicro.generators import GaussianRandomField
    >>> X, _ = make_cahn_hilliard(120, (16, 16), n_steps=100, random_state=0)
    >>> field = GaussianRandomField(random_state=0).fit(X[:60])
    >>> report = evaluate(field, X[:60], X[60:], targets={"p1": [0.4, 0.6]}, random_state=0)
    >>> [round(row.achieved - row.asked, 3) for row in report.calibration]
    [0.0, 0.0]
    >>> report.reports[1]["p1 mean"].value > 0.5 > report.reports[0]["p1 mean"].value
    True
    """

    def __init__(self, targets, reports, calibration):
        self.targets = list(targets)
        self.reports = list(reports)
        self.calibration = list(calibration)

    @property
    def p_value(self):
        """Smallest p-value of the reports times their number (Bonferroni)."""
        smallest = np.nanmin([report.p_value for report in self.reports])
        return float(min(1.0, smallest * len(self.reports)))

    def to_dict(self):
        """Return plain values that ``json.dumps`` takes.

        Returns
        -------
        report : dict
            ``"targets"``, ``"calibration"`` and ``"reports"``, lists of dictionaries.
        """
        return {
            "targets": self.targets,
            "calibration": [row._asdict() for row in self.calibration],
            "reports": [report.to_dict() for report in self.reports],
        }

    def __str__(self):
        columns = ("target", "asked for", "achieved", "95 % interval", "error", "p")
        p_values = dict(zip(map(str, self.targets), (r.p_value for r in self.reports), strict=True))
        rows = [columns]
        for target in self.targets:
            for row in self.calibration:
                if target.get(row.name) == row.target:
                    rows.append(_cells(row, p_values[str(target)]))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        return "\n".join(
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
            for row in rows
        )


def _cells(row, p_value):
    return (
        f"{row.name} = {row.target:g}",
        f"{row.asked:.3g}",
        f"{row.achieved:.3g}",
        f"[{row.low:.3g}, {row.high:.3g}]",
        f"{row.error:.2g}",
        f"{p_value:.3f}",
    )


def several(targets):
    """Tell whether targets are lists of values."""
    return any(np.ndim(value) > 0 for value in (targets or {}).values())


def evaluate_targets(evaluate, generator, X_train, X_test, targets, positions, options):
    """Return the report on several targets, by ``evaluate`` of images for each of them."""
    if not hasattr(generator, "image_shape_") or not hasattr(generator, "sample"):
        raise TypeError(
            "targets in lists need a fitted generator that samples by descriptors, got "
            f"{generator!r}."
        )
    wanted = _by_name(targets)
    training = check_stack("X_train", X_train, generator.image_shape_)
    reference = check_stack("X_test", X_test, generator.image_shape_)
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
        n = options["n_samples"]
        own, others = (
            _nearest(values, row, n or max(MIN_NEAR, len(values) // len(rows)))
            for values in (of_training, of_reference)
        )
        others = others[: len(own)]
        asked = of_reference[others]
        rng = _random.numpy_generator(seed + k, SAMPLES)
        values = dict(zip(wanted, asked.T, strict=True))
        images = generator.sample(len(others), random_state=rng, **values)
        images = check_stack("generated images", images, generator.image_shape_)
        given = options | {"random_state": rng, "n_samples": None}
        if positions is not None:
            given["positions"] = (positions[0][own], positions[1][others])
        reports.append(evaluate(images, training[own], reference[others], **given))
        achieved = np.column_stack([d.transform(images) for d in descriptors])
        calibration += _calibration(wanted, row, asked, achieved, rng)
    names = [dict(zip(wanted, row.tolist(), strict=True)) for row in rows]
    return ConditionalReport(names, reports, calibration)


def _by_name(targets):
    """Return arrays of targets by name, all as long as the longest."""
    arrays = {}
    for name, value in targets.items():
        numbers = np.asarray(value, dtype=object if np.ndim(value) > 1 else float)
        if numbers.ndim > 1:
            raise ValueError(f"targets of {name} must be numbers in a list, got {value!r}.")
        arrays["p1" if name == VOLUME_FRACTION else name] = np.atleast_1d(numbers)
    n = max(map(len, arrays.values()))
    for name, numbers in arrays.items():
        if len(numbers) not in (1, n) or not np.isfinite(numbers).all():
            raise ValueError(
                f"targets of {name} must be one or {n} finite numbers, got {targets!r}."
            )
    return {name: np.broadcast_to(numbers, n).astype(float) for name, numbers in arrays.items()}


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


def _nearest(values, target, n):
    """Return the n images whose values are nearest to a target, in their order."""
    distance = np.linalg.norm((values - target) / _weighted.spread_of(values), axis=1)
    return np.sort(np.argsort(distance, kind="stable")[:n])


def _calibration(wanted, target, asked, achieved, rng):
    rows = []
    weights = _weighted.bootstrap_weights(np.arange(len(asked)), 1000, rng)
    for name, t, a, b in zip(wanted, target.tolist(), asked.T, achieved.T, strict=True):
        mean = _weighted.value_and_interval(_weighted.mean(b, None), weights, weights)
        error = float(np.sqrt(np.square(b - a).mean()))
        rows.append(Calibration(name, t, float(a.mean()), *mean, error))
    return rows
