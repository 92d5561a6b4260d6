"""Whitening: conditions as networks see them, uncorrelated and of spread one."""

import numpy as np

AMPLIFICATION = 10.0


def whitening_of(rows):
    """Return mean (list) and matrix (list of lists) that whiten the columns of rows (n, k).

    With C = V diag(w) V^T the correlations of the columns and s their spreads, the matrix is
    V diag(w^-1/2) V^T diag(1 / s): of all that whiten it leaves the columns most like themselves
    (ZCA). It is symmetric in the columns and does not depend on the signs and order of the
    eigenvectors. The neighbouring values of a curve differ by little, which is what tells curves
    of equal p1 apart; w^-1/2 is bounded, so that noise does not grow without limit.
    """
    rows = rows.astype(np.float64)
    spread = rows.std(axis=0)
    scale = np.where(spread > 1e-6 * np.abs(rows).max(axis=0), spread, 1.0)
    deviations = (rows - rows.mean(axis=0)) / scale
    variances, directions = np.linalg.eigh(deviations.T @ deviations / len(rows))
    amplitudes = np.maximum(variances, AMPLIFICATION**-2) ** -0.5
    matrix = (directions * amplitudes) @ directions.T / scale
    return rows.mean(axis=0).tolist(), matrix.tolist()
