"""A second solver: bilinear finite elements with one integration point, dense algebra.

Nodes are the corners of the voxels, and the strain of a voxel is that at its centre. Nothing
here is a Fourier transform or an iteration.
"""

import itertools

import numpy as np


def centre_gradients(shape, spacing):
    """Return matrices (n_axes, n_voxels, n_nodes) from nodal values to gradients at centres."""
    n, number = int(np.prod(shape)), np.arange(np.prod(shape)).reshape(shape)
    matrices = np.zeros((len(shape), n, n))
    for corner in itertools.product((0, 1), repeat=len(shape)):
        nodes = np.roll(number, [-step for step in corner], tuple(range(len(shape)))).ravel()
        for axis, length in enumerate(spacing):
            sign = 2 * corner[axis] - 1
            matrices[axis, number.ravel(), nodes] += sign / (2 ** (len(shape) - 1) * length)
    return matrices


def strain_matrix(shape, spacing):
    """Return the matrix from nodal displacements to engineering strains, by voxel."""
    d, n = len(shape), int(np.prod(shape))
    gradients = centre_gradients(shape, spacing)
    pairs = [(i, i) for i in range(d)] + sorted(itertools.combinations(range(d), 2), reverse=True)
    matrix = np.zeros((len(pairs), n, d, n))
    for row, (i, j) in enumerate(pairs):
        matrix[row, :, i] += gradients[j]
        if i != j:
            matrix[row, :, j] += gradients[i]
    return matrix.reshape(len(pairs), n, d * n)


def effective_matrix(local, to_gradient):
    """Return the effective coefficients of local ones.

    Parameters
    ----------
    local : ndarray of shape (n_voxels, k, k)
        Coefficients of each voxel.
    to_gradient : ndarray of shape (k, n_voxels, n_unknowns)
        From nodal values to local gradients.

    Returns
    -------
    effective : ndarray of shape (k, k)
        Mean flux for unit mean gradients.
    """
    gradient = np.moveaxis(to_gradient, 0, 1)
    stiff = np.einsum("vka,vkl,vlb->ab", gradient, local, gradient, optimize=True)
    load = np.einsum("vka,vkl->al", gradient, local, optimize=True)
    nodal = -np.linalg.lstsq(stiff, load, rcond=1e-12)[0]
    return (local + local @ np.einsum("vka,al->vkl", gradient, nodal, optimize=True)).mean(0)
