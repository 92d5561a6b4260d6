"""Features of the images of a report, from the requested transformers."""

import numpy as np
from sklearn.base import clone

from .._checks import check_sequence
from ..descriptors import REPORTED, PhaseFractions, VolumeFraction, with_borders
from ._rows import Table


def default_descriptors(encoder):
    """Return the default descriptors, in pairs as :func:`checked` returns them."""
    fractions = VolumeFraction() if encoder.n_channels == 2 else PhaseFractions()
    return [("descriptors", item) for item in (fractions, *(kind() for kind in REPORTED))]


def checked(descriptors, properties):
    """Return the requested transformers, each with the parameter that contained it."""
    transformers = []
    for parameter, items in (("descriptors", descriptors), ("properties", properties)):
        if items is None:
            continue
        items = check_sequence(parameter, items)
        for item in items:
            if isinstance(item, type) or not hasattr(item, "transform"):
                raise TypeError(f"{parameter} must hold transformers, got {item!r}.")
        transformers += [(parameter, item) for item in items]
    if descriptors is not None and not transformers:
        raise ValueError("descriptors must hold at least one transformer, got none.")
    return transformers


def tables_of(transformers, training, sets, periodic):
    """Return a table of features for each transformer, fitted to the training images."""
    tables, seen = [], {}
    for parameter, transformer in transformers:
        fitted = with_borders(clone(transformer, safe=False), periodic)
        if hasattr(fitted, "fit"):
            fitted.fit(training)
        label = getattr(fitted, "name", None) or type(fitted).__name__
        seen[label] = seen.get(label, 0) + 1
        suffix = f" ({seen[label]})" if seen[label] > 1 else ""
        table = features_of(fitted, sets, f"{parameter}: {label}")
        columns = [name + suffix for name in _column_names(fitted, label, table)]
        tables.append(Table(label + suffix, columns, table))
    return tables


def features_of(fitted, sets, name="S2"):
    """Return the features of three sets of images, in rows of numbers."""

    def transform(images):
        features = np.asarray(fitted.transform(images))
        if features.dtype.kind not in "biuf":
            raise TypeError(f"{name} must give real numbers, got dtype {features.dtype}.")
        features = features.astype(float)
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
