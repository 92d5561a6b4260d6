"""The rows of a report: which metrics there are of which features."""

from typing import NamedTuple

import numpy as np

from .. import _random
from ..descriptors import PhaseFractions
from . import _adjusted, _clipped, _neighbours, _weighted
from ._draws import TIES, evenly_chosen
from ._ruler import POSITIVE, SHARES
from ._sets import ThreeSets

N_NEIGHBORS = 5

MAX_SCALARS = 8
"""Descriptors of more features are curves, reported as a whole."""

RESOLVED = 4.0
"""Standard errors that a mean has to be away from zero to be divided by."""

MAX_PAIRED, MAX_SHOWN = 1000, 500
"""Images of each set that distances between images are taken of, and those not tested."""


class Table(NamedTuple):
    """Features of one descriptor.

    Attributes
    ----------
    label : str
        Name of the descriptor.
    columns : list of str
        Name of each feature.
    features : ThreeSets
        Arrays of shape (n_images, n_features).
    """

    label: str
    columns: list
    features: ThreeSets


def describe(ruler, table, fractions):
    """Add the rows of one descriptor: of the curve, or of each of its features."""
    label, columns, features = table
    if len(columns) > MAX_SCALARS:
        _describe_curve(ruler, label, features, fractions)
        return
    for k, name in enumerate(columns):
        values = features.map(lambda rows, k=k: rows[:, k])
        _describe_values(ruler, name, values, fractions)


def _describe_curve(ruler, label, features, fractions):
    if _resolved(features.reference):
        ruler.compare(
            f"{label} relative error", _weighted.relative_error, features, POSITIVE, distance=True
        )
        _at_equal_fractions(ruler, f"{label} adjusted error", _adjusted.error, features, fractions)
    name = f"{label} Wasserstein"
    ruler.compare(name, _weighted.wasserstein, features, POSITIVE, distance=True)


def _describe_values(ruler, name, values, fractions):
    ruler.compare(f"{name} mean", _weighted.mean, values)
    if _resolved(values.reference):
        ruler.compare(f"{name} ratio", _weighted.ratio, values)
    if len(np.unique(values.reference)) > 2:
        ruler.compare(f"{name} spread", _weighted.spread_ratio, values, POSITIVE)
        ruler.compare(f"{name} outside", _weighted.outside, values, (0.0, 2.0), distance=True)
    column = values.map(lambda rows: rows[:, None])
    name_of_distance = f"{name} Wasserstein"
    ruler.compare(name_of_distance, _weighted.wasserstein, column, POSITIVE, distance=True)
    _at_equal_fractions(
        ruler, f"{name} adjusted difference", _adjusted.difference, values, fractions
    )


def _at_equal_fractions(ruler, name, build, features, fractions):
    """Add a row of features after a regression on the fractions of phases."""
    n_fractions = fractions.reference.shape[1]
    joint = ThreeSets(
        *(np.column_stack([share, rows]) for share, rows in zip(fractions, features, strict=True))
    )

    def parts(rows):
        values = rows[:, n_fractions:]
        return (values[:, 0] if features.reference.ndim == 1 else values), rows[:, :n_fractions]

    def of_both(a, b):
        (values, shares), (reference, reference_shares) = parts(a), parts(b)
        return build(values, reference, shares, reference_shares)

    is_distance = features.reference.ndim > 1
    bounds = POSITIVE if is_distance else (-np.inf, np.inf)
    ruler.compare(name, of_both, joint, bounds, distance=is_distance)


def _resolved(values):
    error = np.linalg.norm(values.std(axis=0)) / np.sqrt(len(values))
    return bool(np.linalg.norm(values.mean(axis=0)) > RESOLVED * error)


def phase_fractions(encoder, shape, sets):
    """Return the fractions of phases of the images, or their mean grey levels."""
    descriptor = PhaseFractions()._bind(encoder, shape)
    return sets.map(lambda images: descriptor.transform(images).astype(float))


def compare_axes(ruler, correlation):
    """Add the rows of directions, from two-point correlations along the axes.

    Parameters
    ----------
    ruler : Ruler
        Takes the rows.
    correlation : ThreeSets
        Arrays of shape (n_images, n_axes, n_lags).
    """
    n_axes, n_lags = correlation.reference.shape[1:]
    if n_lags == 1:  # an axis of one voxel has no surface
        return
    first, second = np.triu_indices(n_axes, 1)
    scale = np.linalg.norm(correlation.reference.mean(axis=(0, 1))) or 1.0
    curves = correlation.map(lambda c: (c[:, first] - c[:, second]).reshape(len(c), -1) / scale)
    ruler.compare("p2 anisotropy", _weighted.mean_distance, curves, POSITIVE, distance=True)

    def of_surfaces(c):
        surface = c[:, :, 0] - c[:, :, 1]
        total = np.maximum(surface.sum(axis=1, keepdims=True), 1e-12) / n_axes
        return (surface[:, first] - surface[:, second]) / total

    surfaces = correlation.map(of_surfaces)
    name = "surface anisotropy"
    ruler.compare(name, _weighted.mean_distance, surfaces, POSITIVE, distance=True)


def joint_features(tables):
    """Return the features of all descriptors together, of which each has the same weight."""
    features = [table.features for table in tables]
    scales = [_weighted.spread_of(t.reference) * np.sqrt(t.reference.shape[1]) for t in features]
    return ThreeSets(
        *(
            np.hstack([part / scale for part, scale in zip(group, scales, strict=True)])
            for group in zip(*features, strict=True)
        )
    )


def compare_spaces(ruler, tables):
    """Add the rows of the joint distribution of all descriptors."""
    whole = joint_features(tables)
    rows, chosen = paired(whole)
    joint = ThreeSets(*(part[index] for part, index in zip(whole, rows, strict=True)))

    def density(a, b):
        within = _weighted.within_neighbourhoods(a, b, N_NEIGHBORS)
        return _weighted.density(within, N_NEIGHBORS)

    def coverage(a, b):
        return _weighted.coverage(_weighted.within_neighbourhoods(a, b, N_NEIGHBORS))

    def pooled(which):
        def build(both):
            share = len(joint.reference) / len(both)
            rng = _random.numpy_generator(ruler.seed, TIES)
            order = _neighbours.nearest(both, N_NEIGHBORS, share, rng)
            return _neighbours.density_and_coverage(order, N_NEIGHBORS)[which]

        return build

    ruler.compare("density", density, joint, POSITIVE, pooled=pooled(0), rows=chosen)
    ruler.compare("coverage", coverage, joint, SHARES, pooled=pooled(1), rows=chosen)
    few = joint.map(lambda features: evenly_chosen(len(features), MAX_SHOWN))
    some = ThreeSets(*(part[index] for part, index in zip(joint, few, strict=True)))
    known = ThreeSets(*(index[few_of] for index, few_of in zip(rows, few, strict=True)))
    for name, build in (
        ("clipped density", _clipped.density),
        ("clipped coverage", _clipped.coverage),
    ):
        ruler.show(name, lambda a, b, f=build: f(a, b, N_NEIGHBORS), some, SHARES, known)


def compare_diversities(ruler, curves, pixels, rows):
    """Add the rows of how much images differ from each other."""
    for name, features in (("S2 diversity", curves), ("pixel diversity", pixels)):
        ruler.compare(name, _weighted.diversity_ratio, features, POSITIVE, rows=rows)


def paired(sets):
    """Return the rows of each set that distances between images are taken of, twice.

    The second is None where they are all rows.
    """
    rows = sets.map(lambda images: evenly_chosen(len(images), MAX_PAIRED))
    everything = all(len(index) == len(images) for index, images in zip(rows, sets, strict=True))
    return rows, None if everything else rows
