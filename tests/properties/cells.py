"""Images and elastic constants that several tests of properties share."""

import numpy as np


def random_image(shape, n_phases=2, seed=0):
    """Return one image of independent voxels, (1, *shape)."""
    return np.random.default_rng(seed).integers(0, n_phases, (1, *shape))


def lame(young, poisson):
    """Return Lame's parameters of isotropic solids, as arrays."""
    young, poisson = np.asarray(young, float), np.asarray(poisson, float)
    first = young * poisson / ((1 + poisson) * (1 - 2 * poisson))
    return first, young / (2 * (1 + poisson))


def stiffness_matrix(row):
    """Return the symmetric matrix of an upper triangle."""
    n = round((np.sqrt(8 * len(row) + 1) - 1) / 2)
    matrix = np.zeros((n, n))
    matrix[np.triu_indices(n)] = row
    return matrix + np.triu(matrix, 1).T


def isotropic_matrix(young, poisson, n_axes, plane="strain"):
    """Return the stiffness of an isotropic solid in Voigt's notation."""
    first, shear = lame(young, poisson)
    if n_axes == 2 and plane == "stress":
        first = 2 * first * shear / (first + 2 * shear)
    n = n_axes * (n_axes + 1) // 2
    matrix = np.zeros((n, n))
    matrix[:n_axes, :n_axes] = first
    matrix[np.arange(n), np.arange(n)] += np.where(np.arange(n) < n_axes, 2 * shear, shear)
    return matrix


def laminate_matrix(matrices, fractions, normal, n_axes):
    """Return the exact stiffness of layers with a normal along an axis.

    Stresses with a component along the normal and strains without one are the same in all
    layers; the others are averaged (Backus 1962).
    """
    pairs = {2: [(0, 0), (1, 1), (0, 1)], 3: [(0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1)]}
    across = [k for k, pair in enumerate(pairs[n_axes]) if normal in pair]
    along = [k for k in range(len(pairs[n_axes])) if k not in across]

    def mean(of_layer):
        return sum(f * of_layer(c) for f, c in zip(fractions, matrices, strict=True))

    def part(c, rows, columns):
        return c[np.ix_(rows, columns)]

    def released(c):
        return np.linalg.solve(part(c, across, across), part(c, across, along))

    stiff = np.linalg.inv(mean(lambda c: np.linalg.inv(part(c, across, across))))
    mixed = stiff @ mean(released)
    inner = mean(lambda c: part(c, along, along) - part(c, along, across) @ released(c))
    result = np.zeros_like(matrices[0])
    result[np.ix_(across, across)] = stiff
    result[np.ix_(across, along)] = mixed
    result[np.ix_(along, across)] = mixed.T
    result[np.ix_(along, along)] = inner + mean(released).T @ mixed
    return result
