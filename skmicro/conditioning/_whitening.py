"""Whitening: conditions as networks see them, uncorrelated and of spread one."""

import numpy as np

AMPLIFICATION = 10.0
BLOCK_ROWS = 2**14
"""Rows that are there in double precision at once."""


def whitening_of(rows):
    """Return mean (list) and matrix (list of lists) that whiten the columns of rows (n, k).

    With C = V diag(w) V^T the correlations of the columns and s their spreads, the matrix is
    V diag(w^-1/2) V^T diag(1 / s): of all that whiten it leaves the columns most like themselves
    (ZCA). It is symmetric in the columns and does not depend on the signs and order of the
    eigenvectors. The neighbouring values of a curve differ by little, which is what tells curves
    of equal p1 apart; w^-1/2 is bounded, so that noise does not grow without limit.
    """

    def mean_of(function):
        parts = (rows[start : start + BLOCK_ROWS] for start in range(0, len(rows), BLOCK_ROWS))
        return sum(function(part.astype(np.float64)) for part in parts) / len(rows)

    mean = mean_of(lambda part: part.sum(axis=0))
    spread = np.sqrt(mean_of(lambda part: np.square(part - mean).sum(axis=0)))
    largest = np.maximum(rows.max(axis=0), -rows.min(axis=0))
    scale = np.where(spread > 1e-6 * largest, spread, 1.0)

    def products(part):
        deviations = (part - mean) / scale
        return deviations.T @ deviations

    variances, directions = np.linalg.eigh(mean_of(products))
    amplitudes = np.maximum(variances, AMPLIFICATION**-2) ** -0.5
    matrix = (directions * amplitudes) @ directions.T / scale
    return mean.tolist(), matrix.tolist()


def check_whitening(whitening, n_columns):
    """Raise ValueError unless a mean and a matrix, as files hold them, whiten ``n_columns``."""
    mean, matrix = (np.asarray(part, dtype=np.float64) for part in whitening)
    fits = matrix.size == n_columns**2 and (n_columns == 0 or matrix.shape == (n_columns,) * 2)
    if not fits or mean.shape != (n_columns,) or not np.isfinite(matrix).all():
        raise ValueError(f"whitening must be finite numbers for {n_columns} columns.")
