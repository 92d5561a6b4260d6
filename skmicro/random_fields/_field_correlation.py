"""What a random field has learned: its spectra, by the conditions of an image.

The autocovariance of the training images is averaged in groups of neighbouring volume
fraction (*knots*), since the size of domains may depend on it. Each average gives one
spectrum. An image of fraction p takes the spectrum interpolated between the two knots
around p, or that of the last knot.

The conditions are redundant: the fraction ``p1`` of the last phase, the fractions of all
phases, and the correlation ``p2`` of the last phase. Whatever of them is not given follows
from what is, so that a row always agrees with itself.
"""

import copy
from functools import reduce
from typing import ClassVar, Self

import numpy as np
from scipy.fft import next_fast_len

from .._arrays import parts_of
from .._warnings import warn_user
from ..conditioning import ConditionTable, Target, described
from ..descriptors import (
    PhaseFractions,
    TwoPointCorrelation,
    VolumeFraction,
    map_lags,
    n_pairs_along,
    resolve_max_lag,
)
from ..exceptions import TargetWarning
from ..images import GreyEncoder, PhaseEncoder
from ..rules import array_of, instance_of, optional, real, shape
from ._level_cut import embedded, field_spectrum, lag_lengths, of_endless_medium, two_phase_table

FRACTION_TOL = 1e-6
CURVE_FRACTION_TOL = 0.05
SAME_CURVE = 1e-5


def field_conditions(periodic):
    """Return new descriptors of the conditions: p1, all fractions, p2."""
    return [VolumeFraction(), PhaseFractions(), TwoPointCorrelation(periodic=periodic)]


def torus_shape(image_shape, periodic, halves):
    """Return the sides of the torus that images are cut from.

    Where opposite borders do not match, the largest lags known along each axis, ``halves``, keep
    them apart.
    """
    if periodic:
        return tuple(image_shape)
    return tuple(
        next_fast_len(side + min(half, side), real=True) if side > 1 else 1
        for side, half in zip(image_shape, halves, strict=True)
    )


class FieldCorrelation(ConditionTable):
    """Conditions of a level-cut field (none for grey levels) and the spectra they call for.

    The spectra are there after :meth:`learned` and :meth:`on`.

    It is made as any :class:`.ConditionTable`.

    Attributes
    ----------
    torus : tuple of int
        Sides of the torus that the field lives on.
    spectra : ndarray of shape (K, \\*half_spectrum)
        Spectrum of the field at each knot.
    achieved : ndarray of shape (K, \\*torus)
        Autocovariance of its cut.
    curves : ndarray of shape (K, n_bins)
        Radial averages of ``achieved``.
    """

    _former_places: ClassVar = ("skmicro.generators.FieldCorrelation",)
    _kept: ClassVar = (
        "achieved",
        "curves",
        "encoder",
        "knots",
        "maps",
        "measured_on",
        "spectra",
        "tables",
        "target_tol",
        "torus",
    )
    _values: ClassVar = {
        "achieved": array_of("f", None),
        "curves": optional(array_of("f", 2)),
        "encoder": instance_of(PhaseEncoder, GreyEncoder),
        "knots": array_of("f"),
        "maps": array_of("f", None),
        "measured_on": instance_of(tuple),
        "spectra": array_of("f", None),
        "tables": instance_of(list),
        "target_tol": real(0.0, finite=False),
        "torus": shape(),
    }
    spectra = None
    curves = None

    def _check_agreement(self):
        super()._check_agreement()
        n_knots, torus = len(self.knots), self.torus
        half = (*torus[:-1], torus[-1] // 2 + 1)
        if self.spectra.shape != (n_knots, *half) or self.achieved.shape != (n_knots, *torus):
            raise ValueError(f"spectra and achieved must be those of the torus {torus}.")
        if self.maps.ndim != 1 + len(torus) or {len(self.maps), len(self.tables)} != {n_knots}:
            raise ValueError(f"maps and tables must be those of {n_knots} knots.")
        for correlation, covariance in self.tables:
            for part in (correlation, covariance):
                array_of("f")("tables", part)
            if len(correlation) != len(covariance):
                raise ValueError("tables must be pairs of arrays of one length.")
        if self.descriptors:
            n_bins = self._ends[-1] - self._ends[-2]
            if self.curves is None or self.curves.shape != (n_knots, n_bins):
                raise ValueError(f"curves must have shape {(n_knots, n_bins)}.")

    def learned(
        self,
        encoder: PhaseEncoder | GreyEncoder,
        knots: np.ndarray,
        maps: np.ndarray,
        tables: list,
        torus: tuple[int, ...] | None,
        target_tol: float,
        image_shape: tuple[int, ...],
        periodic: bool,
    ) -> Self:
        """Return a table that knows the correlation of the training images.

        Parameters
        ----------
        encoder : PhaseEncoder or GreyEncoder
            Encoding of the images.
        knots : ndarray of shape (K,)
            Ascending fractions p1 of the groups.
        maps : ndarray of shape (K, 2 h_1 + 1, ...)
            Mean autocovariance of each group, the zero lag in the middle.
        tables : list of tuple of ndarray
            Correlation of the field and autocovariance of its cut, for each group.
        torus : tuple of int or None
            Sides of the training images if they are periodic, so that the maps hold for this
            torus as they are.
        target_tol : float
            Root mean square error of a p2 target above which its miss is reported.
        image_shape : tuple of int
            Sides of the images.
        periodic : bool
            Whether opposite borders match.

        Returns
        -------
        correlation : FieldCorrelation
            A copy for images of this size. The rows, which are complete now, are written in
            place.
        """
        new = copy.copy(self)
        new.encoder, new.knots, new.maps, new.tables = encoder, knots, maps, tables
        new.measured_on = (True, torus)
        new.target_tol = target_tol
        new = new._fitted_on(image_shape, periodic)
        new._complete(new.rows, out=new.rows)
        return new

    def on(self, image_shape: tuple[int, ...], periodic: bool) -> Self:
        """Return the same correlations for images of some size.

        Parameters
        ----------
        image_shape : tuple of int
            Sides of the images.
        periodic : bool
            Whether opposite borders match.

        Returns
        -------
        correlation : FieldCorrelation
            With spectra of a torus of the right size.
        """
        new = self._fitted_on(image_shape, periodic)
        n_columns = int(new._ends[-1]) if self.descriptors else 0
        new.rows = np.empty((len(self.rows), n_columns), np.float32)
        new._complete(self.rows, out=new.rows)
        return new

    def _fitted_on(self, image_shape, periodic):
        """Return a copy for images of some size, but with the rows as they are."""
        new = super().on(image_shape, periodic)
        halves = [side // 2 for side in self.maps.shape[1:]]
        new.torus = torus_shape(image_shape, periodic, halves)
        zero_mean = self.encoder.phases is not None
        as_measured = not zero_mean or (periodic, tuple(image_shape)) == self.measured_on
        maps = self.maps if as_measured else map(of_endless_medium, self.maps)
        fitted = [
            field_spectrum(*embedded(centred, new.torus), table, zero_mean)
            for centred, table in zip(maps, self.tables, strict=True)
        ]
        new.spectra, new.achieved = (np.stack(part) for part in zip(*fitted, strict=True))
        if self.descriptors:
            bound = [d._bind(self.encoder, image_shape) for d in field_conditions(periodic)]
            new.descriptors = bound
            new._ends = np.cumsum([d._n_features() for d in bound])
            averages = [_radial(c, image_shape, periodic) for c in new.achieved]
            new.curves = np.stack(averages)
        return new

    def _complete(self, rows, out):
        """Write rows with the curves that these correlations have, which may be in place."""
        n_fractions = self.encoder.n_channels
        for part in parts_of(len(rows), self.torus) if self.descriptors else []:
            p1, fractions = rows[part, :1], rows[part, 1 : 1 + n_fractions]
            out[part] = self._completed(p1, fractions)

    def describe(self, images, variables=None):
        """Return the conditions of images; once there are spectra, p2 is the one expected."""
        if not self.descriptors or self.spectra is None:
            # Lags that known voxels do not determine are assumed to be uncorrelated.
            rows = super().describe(images)
            return np.where(np.isnan(rows), rows[:, :1] ** 2, rows)
        rows = described(self.descriptors[:2], images)
        return self._completed(rows[:, :1], rows[:, 1:])

    def draw(self, n_samples: int, targets: list, rng: np.random.Generator):
        """Return conditions for new samples, see :meth:`ConditionTable.draw`.

        Parameters
        ----------
        n_samples : int
            Number of rows.
        targets : list of Target
            Those that are not conditions are passed over.
        rng : numpy.random.Generator
            Source of the draw.

        Returns
        -------
        rows : ndarray of shape (n_samples, n_conditions), float32
            Conditions that agree with each other.

        Raises
        ------
        ValueError
            If targets contradict each other.

        Warns
        -----
        TargetWarning
            If no level-cut field has a correlation near the target p2.
        """
        if not self.descriptors:
            return super().draw(n_samples, targets, rng)
        given = {target.name: target.values for target in targets}
        _check_agreement(given)
        fractions, curve = given.get("phase_fractions"), given.get("p2")
        p1 = given.get("p1", None if fractions is None else fractions[:, -1:])
        if p1 is None and curve is not None:
            p1 = curve[:, :1]
        if fractions is None:
            known = [] if p1 is None else [Target("p1", self.descriptors[0], p1)]
            drawn, fractions, _ = self.split(super().draw(n_samples, known, rng))
            p1 = drawn if p1 is None else p1
        rows = self._completed(p1, fractions, curve)
        if curve is not None:
            self._warn_impossible(rows)
        return rows

    def spectrum(self, row: np.ndarray) -> np.ndarray:
        """Return the spectrum that a row of conditions calls for.

        Parameters
        ----------
        row : ndarray of shape (n_conditions,)
            Conditions.

        Returns
        -------
        spectrum : ndarray of shape \\*half_spectrum
            Mean square amplitudes of the field, relative to white noise.
        """
        if not self.descriptors:
            return self.spectra[0]
        p1, _, curve = self.split(np.asarray(row, dtype=float)[None])
        if np.abs(curve - self._curves_at(p1)).max() < SAME_CURVE:
            return self._between_knots(self.spectra, p1[0, 0])
        return self._own(p1[0, 0], curve[0])[0]

    def _own(self, p1, curve):
        """Spectrum of a p2 curve, and the target and achieved autocovariance in its bins."""
        lags = self.descriptors[2].lags_
        expected = self._between_knots(self.curves, p1)
        wanted = _normalized(curve)
        _, lengths = lag_lengths(self.torus)
        change = np.interp(lengths, lags, wanted - expected)
        aim = np.clip(self._between_knots(self.achieved, p1) + change, -1.0, 1.0)
        table = self._table_at(p1)
        spectrum, achieved = field_spectrum(aim, lengths < len(lags) - 0.5, table)
        shape, periodic = self.descriptors[2].image_shape_, self.descriptors[2].periodic_
        return spectrum, wanted, _radial(achieved, shape, periodic)

    def _table_at(self, p1):
        if self.encoder.n_channels == 2:
            return two_phase_table(p1)
        return self.tables[int(np.abs(self.knots - p1).argmin())]

    def _between_knots(self, values, p1):
        """Return values (K, ...) between two knots; of p1 (n, 1), from rows (K, m), rows (n, m)."""
        if len(self.knots) == 1:
            return values[0]
        k = np.clip(np.searchsorted(self.knots, p1) - 1, 0, len(self.knots) - 2)
        share = np.clip((p1 - self.knots[k]) / (self.knots[k + 1] - self.knots[k]), 0.0, 1.0)
        k = np.ravel(k) if np.ndim(k) else k
        return (1.0 - share) * values[k] + share * values[k + 1]

    def _curves_at(self, p1):
        c = self._between_knots(self.curves, p1)
        return c * (p1 - p1**2) + p1**2

    def _completed(self, p1, fractions, curve=None):
        p1 = np.asarray(p1, dtype=np.float32).astype(float)
        others = np.array(fractions[:, :-1], dtype=float)
        total = others.sum(axis=1, keepdims=True)
        others = np.where(total > 0, others, 1.0)
        others *= (1 - p1) / np.maximum(others.sum(axis=1, keepdims=True), 1e-30)
        curve = self._curves_at(p1) if curve is None else curve
        return np.hstack([p1, others, p1, curve]).astype(np.float32)

    def _warn_impossible(self, rows):
        p1, _, curves = self.split(np.unique(rows, axis=0).astype(float))
        results = [self._own(p, curve)[1:] for p, curve in zip(p1[:, 0], curves, strict=True)]
        errors = [
            (p - p * p) * np.sqrt(np.square(wanted - achieved).mean())
            for p, (wanted, achieved) in zip(p1[:, 0], results, strict=True)
        ]
        if max(errors) > self.target_tol:
            warn_user(
                f"no level-cut Gaussian field has the target p2: the nearest one misses it by "
                f"{max(errors):.3g} (root mean square), target_tol={self.target_tol:g}.",
                TargetWarning,
            )


def _check_agreement(given):
    fractions = {name: values[:, :1] for name, values in given.items() if name in ("p1", "p2")}
    if "phase_fractions" in given:
        fractions["phase_fractions"] = given["phase_fractions"][:, -1:]
    names = list(fractions)
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            tolerance = CURVE_FRACTION_TOL if "p2" in (first, second) else FRACTION_TOL
            gap = np.abs(fractions[first] - fractions[second])
            if gap.max() > tolerance:
                k = int(gap.argmax())
                raise ValueError(
                    f"targets {first} and {second} must agree on the fraction of the last phase, "
                    f"got {fractions[first][k, 0]:.4g} and {fractions[second][k, 0]:.4g}."
                )


def _normalized(curve):
    p = curve[0]
    variance = max(p - p * p, 1e-12)
    return np.concatenate([[1.0], (curve[1:] - p * p) / variance])


def _radial(values, image_shape, periodic):
    """Average a map over the lags of a torus as the descriptor p2 averages an image's."""
    lags = map_lags(image_shape, periodic=periodic)
    lengths = np.sqrt(reduce(np.add.outer, [lag.astype(float) ** 2 for lag in lags]))
    sides = zip(lags, image_shape, strict=True)
    weights = reduce(np.multiply.outer, [n_pairs_along(lag, side, periodic) for lag, side in sides])
    n_bins = resolve_max_lag(image_shape, periodic=periodic) + 1
    bins = np.floor(lengths + 0.5).astype(int).clip(max=n_bins).ravel()
    index = [lag % side for lag, side in zip(lags, values.shape, strict=True)]
    sums = np.bincount(bins, (weights * values[np.ix_(*index)]).ravel(), n_bins + 1)
    return sums[:n_bins] / np.bincount(bins, weights.ravel(), n_bins + 1)[:n_bins]
