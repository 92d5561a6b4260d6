"""A second solver: potentials of voxels between two plates, a sparse system solved at once.

Nothing here is periodic, a Fourier transform or an iteration.
"""

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import spsolve


def conductivity_between_plates(local, axis, spacing=None):
    """Return the conductivity of a sample whose other faces are closed.

    Voxels of conductivity ``local`` (an array of two or three axes) conduct through faces, as two
    halves in series. Plates at potentials 0 and 1 lie on the two faces across ``axis``, half a
    voxel from the first and last centres.
    """
    local = np.moveaxis(np.asarray(local, float), axis, 0)
    spacing = np.ones(local.ndim) if spacing is None else np.asarray(spacing, float)
    sides = np.concatenate([spacing[[axis]], np.delete(spacing, axis)])
    number = np.arange(local.size).reshape(local.shape)
    faces = sides.prod() / sides  # areas
    rows, columns, values = [], [], []
    for dim, (area, length) in enumerate(zip(faces, sides, strict=True)):
        layers, numbers = np.moveaxis(local, dim, 0), np.moveaxis(number, dim, 0)
        first, second = layers[:-1].ravel(), layers[1:].ravel()
        pair = np.zeros(first.size)
        both = first * second > 0
        pair[both] = 2 / (1 / first[both] + 1 / second[both]) * area / length
        i, j = numbers[:-1].ravel(), numbers[1:].ravel()
        rows += [i, j, i, j]
        columns += [i, j, j, i]
        values += [pair, pair, -pair, -pair]
    to_plate = 2 * faces[0] / sides[0] * local
    for end in (0, -1):
        rows.append(number[end].ravel())
        columns.append(number[end].ravel())
        values.append(to_plate[end].ravel())
    # What touches no plate has no potential of its own: a trace of conductance to the first one.
    everywhere = number.ravel()
    rows.append(everywhere)
    columns.append(everywhere)
    values.append(np.full(local.size, 1e-13 * max(to_plate.max(), 1e-300)))
    places = np.concatenate(rows), np.concatenate(columns)
    system = sparse.coo_array((np.concatenate(values), places)).tocsc()
    right = np.zeros(local.size)
    right[number[-1].ravel()] = to_plate[-1].ravel()
    potential = spsolve(system, right).reshape(local.shape)
    current = (to_plate[0] * potential[0]).sum()
    length, area = sides[0] * local.shape[0], faces[0] * local[0].size
    return current * length / area
