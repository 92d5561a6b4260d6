r"""Directions with a given second-order orientation tensor :math:`\langle p \otimes p \rangle`.

They follow the angular central Gaussian law [1]_: :math:`p = L z / |L z|`, with z standard normal
and :math:`L L^T` of the eigenvectors of the tensor and eigenvalues :math:`\lambda_i`. Fibres that
a flow has turned from an isotropic state by Jeffery's equation, without interaction, follow this
law exactly [2]_. With :math:`b_i = 1 / \lambda_i` and Carlson's integral
:math:`R_D` the eigenvalues of the tensor are

.. math:: a_i = \tfrac13 \sqrt{b_1 b_2 b_3} \, R_D(b_j, b_k, b_i), \quad
          a_i = \sqrt{\lambda_i} \Big/ \sum_j \sqrt{\lambda_j}

in space and in the plane. The steps :math:`\lambda_i \leftarrow \lambda_i (a_i / a_i(\lambda))^2`
solve this for :math:`\lambda`, in the plane by the first of them.

.. [1] Tyler, D. E. (1987). Statistical analysis for the angular central Gaussian distribution
   on the sphere. Biometrika 74, 579-589.
.. [2] Montgomery-Smith, S., He, W., Jack, D. A. and Smith, D. E. (2011). Exact tensor closures
   for the three-dimensional Jeffery's equation. Journal of Fluid Mechanics 680, 321-335.
"""

import numpy as np
from scipy.special import elliprd

TOLERANCE = 1e-6  # of the tensor: eigenvalues below it are none
PRECISION = 1e-10
MAX_STEPS = 1000


def draw_directions(n, factor, generator):
    """Draw unit vectors of shape (n, n_axes); ``factor`` is that of :func:`gaussian_factor`."""
    directions = generator.standard_normal((n, factor.shape[1])) @ factor.T
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)


def gaussian_factor(tensor):
    """Return L of shape (n_axes, rank) with which directions have the orientation tensor."""
    values, vectors = np.linalg.eigh(tensor)
    kept = values > TOLERANCE
    return vectors[:, kept] * np.sqrt(gaussian_variances(values[kept] / values[kept].sum()))


def gaussian_variances(values):
    """Return the variances of the Gaussian law whose directions have these eigenvalues."""
    variances = np.square(values)
    for _ in range(MAX_STEPS):
        ratio = values / mean_squares(variances)
        if np.abs(ratio - 1).max() < PRECISION:
            break
        variances = variances * np.square(ratio)
        variances /= variances.max()
    return variances


def mean_squares(variances):
    """Return the mean squared components of the directions, for one to three variances."""
    if len(variances) < 3:
        return np.sqrt(variances) / np.sqrt(variances).sum()
    b = 1 / variances
    integrals = [elliprd(b[(i + 1) % 3], b[(i + 2) % 3], b[i]) for i in range(3)]
    return np.sqrt(b.prod()) * np.array(integrals) / 3


def check_tensor(name, tensor, n_axes):
    """Return an orientation tensor as a matrix, from one, its diagonal or None (isotropic)."""
    if tensor is None:
        return np.eye(n_axes) / n_axes
    try:
        matrix = np.asarray(tensor, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"{name} must be an array of numbers, got {tensor!r}.") from error
    if matrix.shape not in ((n_axes,), (n_axes, n_axes)):
        raise ValueError(
            f"{name} must have shape ({n_axes},) or {(n_axes, n_axes)}, got {matrix.shape}."
        )
    if matrix.ndim == 1:
        matrix = np.diag(matrix)
    sound = np.isfinite(matrix).all() and np.allclose(matrix, matrix.T, rtol=0, atol=TOLERANCE)
    if (
        not sound
        or abs(np.trace(matrix) - 1) > TOLERANCE
        or np.linalg.eigvalsh(matrix)[0] < -TOLERANCE
    ):
        raise ValueError(
            f"{name} must be symmetric with eigenvalues >= 0 that sum to 1, got {matrix.tolist()}."
        )
    return matrix
