"""A whole report on a generator: metrics, baselines, intervals."""

from collections.abc import Mapping

import numpy as np
from sklearn.base import clone

from .. import _random
from .._checks import check_choice, check_integer, check_sequence
from ..descriptors import (
    ClusterStatistics,
    EulerNumber,
    LinealPath,
    PhaseFractions,
    SpecificSurface,
    TwoPointCorrelation,
    with_borders,
)
from ..images import borders_match, encoder_for
from . import _weighted
from ._evidence import MAX_SCALARS, collect_evidence
from ._memorisation import memorisation, symmetry_count
from ._report import EvaluationReport, Metric
from ._sets import ThreeSets, gather

N_NEIGHBORS = 5

RESOLVED = 4.0
"""Standard errors that a mean has to be away from zero to be divided by."""

MAX_COMPARISONS = 2_000_000
MIN_COMPARED = 32
"""Bounds of the search for copies: comparisons in all, images in any case."""

BOOTSTRAP = 3
POSITIVE = (0.0, np.inf)


def evaluate(
    generator,
    X_train,
    X_test,
    *,
    n_samples=None,
    descriptors=None,
    properties=None,
    targets=None,
    periodic=None,
    random_state=None,
    n_bootstrap=200,
):
    """Judge generated images by real ones that the generator has not seen.

    Every metric compares generated images with ``X_test``. Beside it stands its baseline: the
    same metric for as many real images, a random part of ``X_train``, in the place of the
    generated ones. Split the real images at random into two sets of equal size, so that
    both comparisons have the same noise. A generator is right as far as the images can
    tell when its interval overlaps that of the baseline.

    Parameters
    ----------
    generator : BaseGenerator or array-like of shape (n, *spatial)
        Fitted generator, or images that any other program generated.
    X_train : array-like of shape (n_train, *spatial) or (n_train, n_voxels)
        Images that the generator was trained on.
    X_test : array-like of shape (n_test, *spatial) or (n_test, n_voxels)
        Other images of the same material.
    n_samples : int or None, default=None
        Images to judge, at most ``len(X_train)``. ``None`` stands for the length of
        ``X_test``, or as many as ``X_train`` and given images allow. A random part of given
        images is judged.
    descriptors : list of transformers or None, default=None
        Functions of images, as skmicro.descriptors has them; clones are fitted. ``None``
        stands for the phase fractions, and for the largest label the two-point correlation,
        specific surface, lineal path, Euler number and clusters. Those that leave
        ``periodic`` open follow the parameter below.
    properties : list of transformers or None, default=None
        Further ones, e.g. physical properties, treated alike.
    targets : dict or None, default=None
        Targets of ``generator.sample``, e.g. ``{"p1": 0.4}``. The real images should meet
        them as well.
    periodic : bool or None, default=None
        Whether descriptors wrap around the borders of the images. ``None``: where both real
        and generated images do, told from them as far as they tell, and by what the generator
        says of its own. Generated images that are periodic are compared with crops of a
        micrograph without wrapping around.
    random_state : None, int, RandomState or Generator, default=None
        Source of the samples, the part of ``X_train`` and the bootstrap. Samples have a
        stream of their own: they are never those of ``generator.score`` or of
        ``generator.sample`` with the same number, by which a generator may have been
        chosen.
    n_bootstrap : int, default=200
        Resamplings of the images for the intervals.

    Returns
    -------
    report : EvaluationReport
        The metrics.

    Raises
    ------
    ValueError
        If shapes or phases differ, a set has fewer than six images, a feature is not
        finite, or a parameter is not allowed.
    TypeError
        If ``generator`` is neither a generator nor an array of images.
    NotFittedError
        If the generator is not fitted.

    Warns
    -----
    BorderWarning
        If ``periodic`` is True and opposite borders of the images do not match.

    See Also
    --------
    EvaluationReport : What is returned.
    memorisation : Copies of training images.
    density_coverage : Fidelity and variety in descriptor space.

    Notes
    -----
    The rows are

    - for a descriptor of more than eight features, such as a correlation function,
      "relative error", ``||<f> - <f'>|| / ||<f'>||`` with the means over generated and test
      images, and "Wasserstein", :func:`descriptor_wasserstein`;
    - for each feature of the others "mean", "ratio" to the mean of the test images, and
      "Wasserstein". Relative errors and ratios are left out where the mean of the test
      images is less than four standard errors away from zero;
    - "density" and "coverage" with 5 neighbours over all descriptors together, each feature in
      units of its standard deviation, divided by the root of the number of features of its
      descriptor so that descriptors count alike;
    - "S2 diversity" and "pixel diversity": :func:`diversity` of the two-point correlation
      and of the one-hot images, over that of the test images;
    - "memorisation mean" and "memorisation p95": mean and 95th percentile of
      :func:`memorisation`. The baseline is that of the test images: a value well above it
      means copies, however good the others are. It is taken over as many images as two
      million comparisons with training images and their symmetries allow, at least 32.

    Intervals hold 95 % of the values of resampled images, moved so that their median is
    the value.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.descriptors import TwoPointCorrelation
    >>> from skmicro.evaluation import evaluate
    >>> X, _ = make_cahn_hilliard(40, (16, 16), n_steps=200, random_state=0)
    >>> copies = X[:20]
    >>> report = evaluate(
    ...     copies, X[:20], X[20:], descriptors=[TwoPointCorrelation()], random_state=0
    ... )
    >>> row = report["p2 relative error"]
    >>> row.value == row.baseline
    True
    >>> report["memorisation mean"].value > 0.999 > report["memorisation mean"].baseline_high
    True
    """
    check_integer("n_bootstrap", n_bootstrap, 2)
    check_choice("periodic", periodic, (None, True, False))
    seed = _random.draw_seed(random_state)
    if not isinstance(targets, (Mapping, type(None))):
        raise TypeError(f"targets must be a dictionary of values by name, got {targets!r}.")
    sets, training = gather(generator, X_train, X_test, n_samples, targets, seed)
    encoder = encoder_for(training)
    ruler = _Ruler(seed, n_bootstrap)
    if periodic is None:
        periodic = _all_wrap(generator, training, sets)
    tables = _tables(_transformers(descriptors, properties), training, sets, periodic)
    for label, columns, table in tables:
        _describe(ruler, label, columns, table)
    _compare_spaces(ruler, [table for _, _, table in tables])
    correlation = TwoPointCorrelation(periodic=periodic)._bind(
        encoder, training.shape[1:], periodic
    )
    curves = _features(correlation, sets)
    ruler.measure("S2 diversity", _weighted.diversity_ratio, curves, POSITIVE)
    pixels = sets.map(lambda images: encoder.encode(images).flatten(1).numpy())
    ruler.measure("pixel diversity", _weighted.diversity_ratio, pixels, POSITIVE)
    compared = _look_for_copies(ruler, sets, training)
    settings = {
        "n_samples": len(sets.samples),
        "targets": targets,
        "periodic": periodic,
        "random_state": seed,
        "n_bootstrap": n_bootstrap,
    }
    own = {"descriptors": descriptors, "properties": properties}
    settings |= {name: value for name, value in own.items() if value is not None}
    return EvaluationReport(
        ruler.metrics,
        n_samples=len(sets.samples),
        n_reference=len(sets.reference),
        evidence=collect_evidence(
            generator, sets, training, tables, compared=compared, settings=settings
        ),
    )


def _all_wrap(generator, training, sets):
    """Tell whether real and generated images wrap around."""
    real = borders_match(training)
    if not hasattr(generator, "sample"):
        return real is True and borders_match(sets.samples) is not False
    states = [getattr(generator, name, None) for name in ("periodic_", "periodic")]
    known = [state for state in states if state is not None]
    made = known[0] if known else borders_match(sets.samples) is True
    return made and real is not False


class _Ruler:
    """Collects metrics, each with its baseline and both intervals."""

    def __init__(self, seed, n_bootstrap):
        self.seed = seed
        self.n_bootstrap = n_bootstrap
        self.metrics = []

    def measure(self, name, build, sets, bounds=(-np.inf, np.inf)):
        """Add the metric ``build(a, b)``; leave it out where it is not a number."""
        value = self._interval(build, sets.samples, sets.reference, bounds)
        baseline = self._interval(build, sets.part, sets.reference, bounds)
        if np.isfinite([*value, *baseline]).all():
            self.metrics.append(Metric(name, *value, *baseline, np.nan))

    def _interval(self, build, first, second, bounds):
        rng = _random.numpy_generator(self.seed, BOOTSTRAP)
        u, v = (_weighted.bootstrap_weights(len(x), self.n_bootstrap, rng) for x in (first, second))
        return _weighted.value_and_interval(build(first, second), u, v, bounds)


def _describe(ruler, label, columns, table):
    """Rows of one descriptor: of the curve, or of each of its features."""
    if len(columns) > MAX_SCALARS:
        if _resolved(table.reference):
            ruler.measure(f"{label} relative error", _weighted.relative_error, table, POSITIVE)
        ruler.measure(f"{label} Wasserstein", _weighted.wasserstein, table, POSITIVE)
        return
    for k, name in enumerate(columns):
        values = table.map(lambda rows, k=k: rows[:, k])
        ruler.measure(f"{name} mean", _weighted.mean, values)
        if _resolved(values.reference):
            ruler.measure(f"{name} ratio", _weighted.ratio, values)
        column = values.map(lambda rows: rows[:, None])
        ruler.measure(f"{name} Wasserstein", _weighted.wasserstein, column, POSITIVE)


def _resolved(values):
    error = np.linalg.norm(values.std(axis=0)) / np.sqrt(len(values))
    return bool(np.linalg.norm(values.mean(axis=0)) > RESOLVED * error)


def _compare_spaces(ruler, tables):
    """Rows of the joint distribution of all descriptors."""
    scales = [_weighted.spread_of(t.reference) * np.sqrt(t.reference.shape[1]) for t in tables]
    joint = ThreeSets(
        *(
            np.hstack([rows / scale for rows, scale in zip(group, scales, strict=True)])
            for group in zip(*tables, strict=True)
        )
    )

    def density(a, b):
        within = _weighted.within_neighbourhoods(a, b, N_NEIGHBORS)
        return _weighted.density(within, N_NEIGHBORS)

    def coverage(a, b):
        return _weighted.coverage(_weighted.within_neighbourhoods(a, b, N_NEIGHBORS))

    ruler.measure("density", density, joint, POSITIVE)
    ruler.measure("coverage", coverage, joint, (0.0, 1.0))


def _look_for_copies(ruler, sets, training):
    """Rows of memorisation; its baseline are the test images.

    Returns the rows of the generated images that were compared, and their correlations.
    """
    per_image = len(training) * symmetry_count(training.shape[1:])
    n_compared = max(MIN_COMPARED, MAX_COMPARISONS // per_image)
    generated, real = (
        memorisation(_evenly_chosen(images, n_compared), training)
        for images in (sets.samples, sets.reference)
    )
    correlations = ThreeSets(generated, real, real)
    ruler.measure("memorisation mean", _weighted.mean, correlations, (0.0, 1.0))
    ruler.measure("memorisation p95", _weighted.percentile_95, correlations, (0.0, 1.0))
    return _evenly_chosen(np.arange(len(sets.samples)), n_compared), generated


def _evenly_chosen(images, n):
    return images[np.linspace(0, len(images) - 1, min(n, len(images))).astype(int)]


def _transformers(descriptors, properties):
    if descriptors is None:
        kinds = (TwoPointCorrelation, SpecificSurface, LinealPath, EulerNumber, ClusterStatistics)
        descriptors = [PhaseFractions(), *(kind() for kind in kinds)]
    check_sequence("descriptors", descriptors)
    check_sequence("properties", [] if properties is None else properties)
    transformers = [("descriptors", item) for item in descriptors]
    transformers += [("properties", item) for item in properties or []]
    if not transformers:
        raise ValueError("descriptors must hold at least one transformer, got none.")
    for parameter, item in transformers:
        if not hasattr(item, "transform"):
            raise TypeError(f"{parameter} must hold transformers, got {item!r}.")
    return transformers


def _tables(transformers, training, sets, periodic):
    """Label, column names and features of the three sets for each transformer."""
    tables, seen = [], {}
    for parameter, transformer in transformers:
        fitted = with_borders(clone(transformer, safe=False), periodic)
        if hasattr(fitted, "fit"):
            fitted.fit(training)
        label = getattr(fitted, "name", None) or type(fitted).__name__
        seen[label] = seen.get(label, 0) + 1
        suffix = f" ({seen[label]})" if seen[label] > 1 else ""
        table = _features(fitted, sets, f"{parameter}: {label}")
        columns = [name + suffix for name in _column_names(fitted, label, table)]
        tables.append((label + suffix, columns, table))
    return tables


def _features(fitted, sets, name="S2"):
    def transform(images):
        features = np.asarray(fitted.transform(images), dtype=float)
        if features.shape[:1] != (len(images),) or features.size == 0:
            raise ValueError(
                f"{name} must give one row for each of {len(images)} images, got an array of "
                f"shape {features.shape}."
            )
        if not np.isfinite(features).all():
            raise ValueError(f"{name} must give finite features, got NaN or infinity.")
        return features.reshape(len(images), -1)

    return sets.map(transform)


def _column_names(fitted, label, table):
    if hasattr(fitted, "get_feature_names_out"):
        return list(fitted.get_feature_names_out())
    n_columns = table.reference.shape[1]
    return [label] if n_columns == 1 else [f"{label}{k}" for k in range(n_columns)]
