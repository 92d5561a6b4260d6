"""Intervals by split conformal prediction.

Of n + 1 numbers that are exchangeable, n residuals of images set apart and that of a new image, the
last is one of the k smallest with a probability of at least k / (n + 1) (Vovk et al. 2005; Lei et
al. 2018, "Distribution-free predictive inference for regression", Sec. 2.2).
"""

import math
from fractions import Fraction
from numbers import Rational

import numpy as np

from .._checks import check_real
from .._warnings import warn_user
from ..exceptions import CoverageWarning


def rank_of(coverage, n):
    """Return the smallest k with k / (n + 1) >= coverage, which is the decimal that is written.

    In floating point 1 - 0.9 is less than 0.1, and ranks of round numbers are one too large.
    """
    check_real("coverage", coverage, 0.0, 1.0, open_low=True, open_high=True)
    return math.ceil(_as_written(coverage) * (n + 1))


def half_widths(residuals, coverage):
    """Return half the width of intervals, one for each column of absolute residuals.

    Warns, and returns infinity, where there are fewer residuals than the coverage needs.
    """
    n = len(residuals)
    rank = rank_of(coverage, n)
    if rank <= n:
        return np.partition(residuals, rank - 1, axis=0)[rank - 1]
    warn_user(
        f"Intervals of coverage {coverage} need at least {images_for(coverage)} images set apart, "
        f"got {n}: they are of infinite width. Enlarge calibration_fraction.",
        CoverageWarning,
    )
    return np.full(residuals.shape[1], np.inf)


def images_for(coverage):
    """Return the least number of images n that have a rank: coverage <= n / (n + 1)."""
    share = _as_written(coverage)
    return math.ceil(share / (1 - share))


def _as_written(coverage):
    return Fraction(coverage) if isinstance(coverage, Rational) else Fraction(str(coverage))
