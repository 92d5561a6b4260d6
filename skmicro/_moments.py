"""Mean and covariance of rows that come in parts.

T. F. Chan, G. H. Golub and R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing
sample variances", Stanford University, STAN-CS-79-773, 1979.
"""

import numpy as np


def updated_moments(n_before, mean, covariance, rows):
    """Return the moments of rows together with those seen before.

    Parameters
    ----------
    n_before : int
        Number of the rows seen before.
    mean : ndarray of shape (k,)
        Their mean; any numbers where there were none.
    covariance : ndarray of shape (k, k)
        Their covariance, with the factor 1/(n - 1); any numbers where there were none.
    rows : ndarray of shape (n, k)
        More of them, two in all at least.

    Returns
    -------
    total : int
        Number of all rows.
    mean : ndarray of shape (k,)
        Mean of all.
    covariance : ndarray of shape (k, k)
        Covariance of all.
    """
    n_new = len(rows)
    total = n_before + n_new
    gap = rows.mean(axis=0) - mean
    apart = rows - rows.mean(axis=0)
    scatter = apart.T @ apart + np.outer(gap, gap) * (n_before * n_new / total)
    if n_before > 0:
        scatter += (n_before - 1) * covariance
    return total, mean + gap * (n_new / total), scatter / (total - 1)
