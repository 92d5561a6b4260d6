"""Features of images at equal phase fractions.

Surfaces, correlations and clusters change with the fractions of the phases. Where these differ from
image to image, a generator can have the right distribution of each feature and the wrong
structure at every fraction, or a small difference can hide in a wide distribution. Features are
therefore compared once more after a quadratic regression on the fractions of the phases, fitted to
the images of both sets together (analysis of covariance). It takes the fractions out of the
two-point correlation exactly: ``S2(r) = p1^2 + p1 (1 - p1) f(r)`` leaves the mean of
``p1 (1 - p1) (f - <f>)``.
"""

from itertools import combinations_with_replacement

import numpy as np

from . import _weighted

MIN_ROWS_PER_TERM = 10
EXPLAINED = 1e-6
"""Share of the variance that is left of a feature which the fractions determine."""


def varying(fractions):
    """Return the columns of fractions that are neither constant nor determined by the others."""
    kept = fractions[:, 1:] if fractions.shape[1] > 1 else fractions
    return kept[:, np.ptp(kept, axis=0) > _weighted.CONSTANT]


def residuals(values, fractions):
    """Return what a quadratic regression on the fractions of phases leaves of features.

    Parameters
    ----------
    values : ndarray of shape (n, n_features)
        Features of images.
    fractions : ndarray of shape (n, n_fractions)
        Fractions of phases that vary, see :func:`varying`.

    Returns
    -------
    rest : ndarray of shape (n, n_features) or None
        None where nothing varies or there are fewer than ten images for each coefficient.
    """
    x = (fractions - fractions.mean(axis=0)) / _weighted.spread_of(fractions)
    pairs = combinations_with_replacement(range(x.shape[1]), 2)
    terms = [np.ones(len(x)), *x.T, *(x[:, i] * x[:, j] for i, j in pairs)]
    if len(terms) == 1 or len(x) < MIN_ROWS_PER_TERM * len(terms):
        return None
    design = np.stack(terms, axis=1)
    return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]


def difference(values, reference, fractions, reference_fractions):
    """Standardised difference of the means at equal fractions of one feature, or None.

    The unit is the standard deviation of the feature in the reference at equal fractions.
    """
    rest = _parts(values[:, None], reference[:, None], fractions, reference_fractions)
    if rest is None:
        return None
    a, b = (part[:, 0] / rest[1].std() for part in rest)
    return lambda u, v: u @ a - v @ b


def error(curves, reference, fractions, reference_fractions):
    """Difference of the mean curves at equal fractions, over the norm of the mean, or None."""
    rest = _parts(curves, reference, fractions, reference_fractions)
    if rest is None:
        return None
    scale = np.linalg.norm(reference.mean(axis=0))
    return _weighted.mean_distance(*(part / scale for part in rest))


def _parts(values, reference, fractions, reference_fractions):
    both = np.concatenate([values, reference])
    rest = residuals(both, varying(np.concatenate([fractions, reference_fractions])))
    if rest is None or rest.var(axis=0).sum() <= EXPLAINED * both.var(axis=0).sum():
        return None
    parts = rest[: len(values)], rest[len(values) :]
    return parts if parts[1].std() > _weighted.CONSTANT * rest.std() else None
