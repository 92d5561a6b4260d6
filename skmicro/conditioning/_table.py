"""Conditions of a generator: descriptors, and their joint values in the training images.

The rows of the table are the empirical joint distribution of the conditions, from
which training takes its inputs and sampling whatever the user left open.
"""

import copy
from collections.abc import Sequence
from typing import ClassVar, Self

import numpy as np

from .._arrays import joined, parts_of
from ..descriptors import BaseDescriptor, bound_like, new_descriptor
from ..networks import whitened
from ..registry import Persistent
from ..rules import boolean, instance_of, optional
from ._process import ProcessVariable, Unmeasured
from ._whitening import check_whitening, whitening_of

NEAR_SHARE = 0.02
LARGEST_SIDES = 2**16
WATCHED = ("p1", "phase_fractions", "p2", "specific_surface")


class ConditionTable(Persistent):
    """Descriptors and their values, one row per training image.

    Parameters
    ----------
    descriptors : sequence of str or BaseDescriptor
        The conditions, by name or unfitted; may be empty. They are copied.
    encoder : PhaseEncoder or GreyEncoder
        Encoding of the images.
    image_shape : tuple of int
        Shape of the images.
    measured : sequence of str or BaseDescriptor, default=()
        Further descriptors whose training values are kept; no conditions.
    periodic : bool, default=True
        Whether the images wrap around; descriptors that leave it open follow it.

    Attributes
    ----------
    descriptors, measured : list of BaseDescriptor
        The descriptors, ready for the images.
    rows : ndarray of shape (n_images, n_conditions), float32
        Values of all descriptors side by side.
    measured_rows : ndarray of shape (n_images, n_components), float32
        Values of the measured descriptors.
    ranges : dict of str to tuple of ndarray
        Least and largest training value by name: of the conditions, and of a few more
        descriptors that are often targets.
    whitening : tuple of (list of float, list of list of float)
        Mean of each column in the first training images, and the matrix that makes
        the columns uncorrelated and of spread one.
    whitenings : list of tuple of (list of float, list of list of float)
        The same for every condition by itself.
    """

    _former_names: ClassVar = {
        "matched": "measured",
        "matched_rows": "measured_rows",
    }
    _former_places: ClassVar = ("skmicro.generators.ConditionTable",)
    _kept: ClassVar = (
        "_ends",
        "_watched",
        "descriptors",
        "measured",
        "measured_rows",
        "periodic",
        "ranges",
        "rows",
        "whitening",
        "whitenings",
    )
    _values: ClassVar = {
        "_ends": instance_of(np.ndarray),
        "measured_rows": optional(instance_of(np.ndarray)),
        "periodic": boolean(),
        "ranges": instance_of(dict),
        "rows": instance_of(np.ndarray),
    }

    def __init__(
        self,
        descriptors: Sequence | BaseDescriptor,
        encoder,
        image_shape: tuple[int, ...],
        measured: Sequence | BaseDescriptor = (),
        periodic: bool = True,
    ):
        self.periodic = periodic
        self.descriptors, self.measured = (
            [new_descriptor(item, periodic)._bind(encoder, image_shape, periodic) for item in items]
            for items in (descriptors, measured)
        )
        self.measured_rows = None
        self._watched = [
            new_descriptor(name, periodic)._bind(encoder, image_shape, periodic)
            for name in WATCHED
            if name not in self.names
        ]
        widths = _widths(self.descriptors)
        self._ends = np.cumsum(widths, dtype=int)
        self.rows = np.zeros((0, sum(widths)), np.float32)
        self.ranges = {}
        self.whitening = None
        self.whitenings = None

    def _check_agreement(self):
        """Raise ValueError unless descriptors, rows and what follows from them fit together."""
        for name in ("descriptors", "measured", "_watched"):
            items = getattr(self, name)
            known = isinstance(items, list) and all(isinstance(d, BaseDescriptor) for d in items)
            if not known or not all(hasattr(descriptor, "encoder_") for descriptor in items):
                raise ValueError(f"{name} must be a list of fitted descriptors.")
        widths = np.diff(self._ends, prepend=0)
        fits = self._ends.dtype.kind == "i" and len(widths) == len(self.descriptors)
        # Names of the features of images larger than any are not counted: they may be too many.
        small = [d for d in self.descriptors if sum(d.image_shape_) < LARGEST_SIDES]
        if not fits or (len(small) == len(widths) and widths.tolist() != _widths(small)):
            raise ValueError("_ends must be the columns of the descriptors.")
        if self.rows.dtype.kind != "f" or self.rows.shape[1:] != (widths.sum(),):
            raise ValueError(f"rows must have {widths.sum()} columns.")
        if not np.isfinite(self.rows).all():
            raise ValueError("rows must hold finite numbers.")
        for low, high in self.ranges.values():
            if np.asarray(low).dtype.kind != "f" or np.shape(low) != np.shape(high):
                raise ValueError("ranges must be pairs of arrays.")
        if self.whitening is not None:
            check_whitening(self.whitening, widths.sum())
            for one, width in zip(self.whitenings, widths, strict=True):
                check_whitening(one, width)

    @property
    def names(self):
        """Names of the conditions."""
        return [descriptor.name for descriptor in self.descriptors]

    @property
    def variables(self):
        """Names of those that cannot be measured on images."""
        return [d.name for d in self.descriptors if isinstance(d, ProcessVariable)]

    @property
    def n_columns(self):
        """Number of components of all conditions together."""
        return self.rows.shape[1]

    def extended(self, images: np.ndarray, variables: np.ndarray | None = None):
        """Return a table that covers further images as well, and their rows.

        Parameters
        ----------
        images : ndarray of shape (n, *spatial)
            The images.
        variables : ndarray of shape (n, n_variables) or None, default=None
            Values of the conditions that cannot be measured, if there are any.

        Returns
        -------
        table : ConditionTable
            A copy with more rows.
        rows : ndarray of shape (n, n_conditions)
            Those of the images.
        """
        new = self.describe(images, variables)
        table = copy.copy(self)
        table.rows = np.concatenate([self.rows, new]) if len(self.rows) else new
        further = described(self.measured, images)
        values = dict(zip(self.names, self.split(new), strict=True))
        ranges = {name: _widened(self.ranges.get(name), block) for name, block in values.items()}
        for part in parts_of(len(images), images.shape[1:]):
            for descriptor in self._watched:
                known = ranges.get(descriptor.name, self.ranges.get(descriptor.name))
                ranges[descriptor.name] = _widened(known, descriptor.transform(images[part]))
        table.measured_rows = (
            further if self.measured_rows is None else np.concatenate([self.measured_rows, further])
        )
        if self.whitening is None:
            table.whitening = whitening_of(new)
            table.whitenings = [whitening_of(block) for block in self.split(new)]
        table.ranges = ranges
        return table, new

    def emptied(self):
        """Return a table without rows, whose whitening stays."""
        table = copy.copy(self)
        table.rows, table.measured_rows, table.ranges = self.rows[:0], None, {}
        return table

    def describe(self, images, variables=None):
        """Return the conditions of images, (n, n_conditions) float32; see :meth:`extended`."""
        rows = described(self.descriptors, images)
        if variables is not None:
            rows[np.isnan(rows)] = variables.ravel()
        return rows

    def completed(self, rows):
        """Replace values that images do not determine (NaN) by the mean of the training images."""
        means = self.rows.mean(axis=0, dtype=np.float64)
        return np.where(np.isnan(rows), means, rows).astype(np.float32)

    def whitened(self, conditions):
        """Return conditions (n, k), a Tensor, as the networks see them."""
        return whitened(conditions, self.whitening)

    def split(self, rows):
        """Split rows into one view per descriptor."""
        return np.split(rows, self._ends[:-1], axis=1) if self.descriptors else []

    def on(self, image_shape: tuple[int, ...], periodic: bool) -> Self:
        """Return the table of a copy of the generator that makes other images.

        Parameters
        ----------
        image_shape : tuple of int
            Shape of these images.
        periodic : bool
            Whether they wrap around.

        Returns
        -------
        table : ConditionTable
            The same conditions, on which the network was trained; other names
            refer to descriptors of these images.
        """
        table = copy.copy(self)
        table.periodic = periodic
        return table

    def for_shape(self, image_shape):
        """Return the descriptors for images of a shape; Unmeasured where features are others."""
        names = [descriptor._feature_names() for descriptor in self.descriptors]
        bound = [bound_like(d, image_shape) for d in self.descriptors]
        return [
            other if other._feature_names() == known else Unmeasured(len(known))
            for other, known in zip(bound, names, strict=True)
        ]

    @property
    def places(self):
        """Columns of the rows by the name of the condition."""
        places = self.split(np.arange(self.n_columns)[None])
        return {name: part.ravel() for name, part in zip(self.names, places, strict=True)}

    def columns_of(self, targets):
        """Tell which components the targets give, (n_conditions,) bool."""
        given = {target.name for target in targets}
        widths = np.diff(self._ends, prepend=0)
        return np.repeat([name in given for name in self.names], widths).astype(bool)

    def given(self, n_samples, targets):
        """Return the components that targets give, (n_samples, n_conditions), NaN elsewhere."""
        given = np.full((n_samples, self.n_columns), np.nan)
        places = self.places
        for target in targets:
            if target.name in places:
                given[:, places[target.name]] = target.values
        return given

    def draw(self, n_samples: int, targets: list, rng: np.random.Generator):
        """Return conditions for new samples.

        Components that the targets give are taken from them; the others from a
        training image: any where nothing is given, else one of the 2 % (at least
        one) nearest in the given components, measured in standard deviations.

        Parameters
        ----------
        n_samples : int
            Number of rows.
        targets : list of Target
            Those that are not conditions are passed over.
        rng : numpy.random.Generator
            Source of the draw; the first rows do not depend on ``n_samples``.

        Returns
        -------
        rows : ndarray of shape (n_samples, n_conditions), float32
            Conditions of the samples.
        """
        if self.n_columns == 0:
            return np.zeros((n_samples, 0), np.float32)
        given = self.given(n_samples, targets)
        share = rng.random(n_samples)
        chosen = _nearby_rows(self.rows, given, share)
        return np.where(np.isnan(given), self.rows[chosen], given).astype(np.float32)


def _widths(descriptors):
    """Return the numbers of features of descriptors."""
    return [descriptor._n_features() for descriptor in descriptors]


def described(descriptors, images):
    """Return descriptors of images side by side, (n, k) float32."""

    def rows(part):
        blocks = [descriptor.transform(images[part]) for descriptor in descriptors]
        empty = np.zeros((part.stop - part.start, 0))
        return np.hstack([empty, *blocks]).astype(np.float32)

    parts = parts_of(len(images), images.shape[1:])
    return joined((rows(part) for part in parts), len(images))


def _widened(bounds, values):
    # NaN, of which known voxels determine no value, is left out.
    low, high = np.fmin.reduce(values), np.fmax.reduce(values)
    if bounds is None:
        return low, high
    return np.fmin(bounds[0], low), np.fmax(bounds[1], high)


def _nearby_rows(table, given, share):
    known = ~np.isnan(given[0])
    if not known.any():
        return np.minimum((share * len(table)).astype(int), len(table) - 1)
    scale = table[:, known].std(axis=0) + 1e-12
    wanted, inverse = np.unique(given[:, known], axis=0, return_inverse=True)
    n_near = max(1, int(NEAR_SHARE * len(table)))
    rank = np.minimum((share * n_near).astype(int), n_near - 1)
    rows = np.empty(len(given), dtype=np.int64)
    for k, row in enumerate(wanted):
        distance = np.square((table[:, known] - row) / scale).sum(axis=1)
        nearest = np.argsort(distance, kind="stable")[:n_near]
        asked = inverse.ravel() == k
        rows[asked] = nearest[rank[asked]]
    return rows
