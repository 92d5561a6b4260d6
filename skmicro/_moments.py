"""Mean and covariance of rows that come in parts.

T. F. Chan, G. H. Golub and R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing
sample variances", Stanford University, STAN-CS-79-773, 1979.
"""

import numpy as np


def updated_moments(n_before, mean, covariance, rows):
    """Return number, mean (k,) and covariance (k, k) of rows together with those seen before.

    The covariance has the factor 1/(n - 1); moments of no rows may be any numbers; with ``rows``
    (n, k) there are two in all at least.
    """
    n_new = len(rows)
    total = n_before + n_new
    gap = rows.mean(axis=0) - mean
    apart = rows - rows.mean(axis=0)
    scatter = apart.T @ apart + np.outer(gap, gap) * (n_before * n_new / total)
    if n_before > 0:
        scatter += (n_before - 1) * covariance
    return total, mean + gap * (n_new / total), scatter / (total - 1)
