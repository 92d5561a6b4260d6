"""Clusters and cells of voxels, found one by one."""

from functools import partial
from itertools import product

import numpy as np


def flood(image, periodic, connectivity):
    """Clusters as sets of voxels, found one voxel at a time."""
    reach = 1 if connectivity == "faces" else image.ndim
    steps = [s for s in product((-1, 0, 1), repeat=image.ndim) if 0 < np.abs(s).sum() <= reach]
    waiting = {tuple(int(i) for i in voxel) for voxel in np.argwhere(image)}
    found = []
    while waiting:
        front = [waiting.pop()]
        cluster = set(front)
        while front:
            voxel = np.array(front.pop())
            for step in steps:
                at = voxel + step
                at = tuple((at % image.shape if periodic else at).tolist())
                if at in waiting:
                    waiting.remove(at)
                    cluster.add(at)
                    front.append(at)
        found.append(cluster)
    return found


def cells(image, periodic):
    """Closed cells of all voxels of the phase, in coordinates that are odd inside a cell."""
    sides = np.array(image.shape)
    found = set()
    for voxel in np.argwhere(image):
        for step in product((-1, 0, 1), repeat=image.ndim):
            cell = 2 * voxel + 1 + step
            found.add(tuple(cell % (2 * sides) if periodic else cell))
    return found


def closed_cells(image, periodic):
    """Boundaries of the cells of the union of closed voxels: {cell: {face: sign}}, by dimension."""
    sides = 2 * np.array(image.shape)
    found = [{} for _ in range(image.ndim + 1)]
    for cell in cells(image, periodic):
        inner = [axis for axis, place in enumerate(cell) if place % 2]
        boundary = {}
        for k, axis in enumerate(inner):
            for end in (1, -1):
                face = np.array(cell)
                face[axis] += end
                face = tuple((face % sides if periodic else face).tolist())
                boundary[face] = boundary.get(face, 0) + end * (-1) ** k
        found[len(inner)][tuple(map(int, cell))] = boundary
    return found


def block_cells(image, periodic):
    """The same of the blocks of 2^k voxels that lie wholly in the phase."""
    found = [{} for _ in range(image.ndim + 1)]

    def place(x):
        return tuple(int(i) for i in (np.mod(x, image.shape) if periodic else x))

    def holds(x):
        inside = all(0 <= i < side for i, side in zip(x, image.shape, strict=True))
        return inside and image[x]

    for x, block in product(np.ndindex(image.shape), product((0, 1), repeat=image.ndim)):
        corners = product(*[range(step + 1) for step in block])
        if not all(holds(place(np.add(x, corner))) for corner in corners):
            continue
        boundary = {}
        for k, axis in enumerate(np.flatnonzero(block)):
            face = list(block)
            face[axis] = 0
            for end in (1, 0):
                at = np.array(x)
                at[axis] += end
                key = place(at), tuple(face)
                boundary[key] = boundary.get(key, 0) + (2 * end - 1) * (-1) ** k
        found[sum(block)][x, block] = boundary
    return found


def complex_of(image, periodic, connectivity):
    """Boundaries of the cells of the phase with this connectivity, by dimension."""
    return (block_cells if connectivity == "faces" else closed_cells)(image, periodic)


def boundary_matrix(lower, upper):
    """Coefficients of the boundaries of cells, (n_lower, n_upper)."""
    row = {cell: k for k, cell in enumerate(lower)}
    matrix = np.zeros((len(lower), len(upper)))
    for column, boundary in enumerate(upper.values()):
        for face, sign in boundary.items():
            matrix[row[face], column] = sign
    return matrix


def wrapping(kind):
    """A descriptor's class, whose images wrap around unless told, or else are pieces as cut."""
    pieces = {"edge_correction": False} if "edge_correction" in kind.__dataclass_fields__ else {}
    return partial(kind, periodic=True, **pieces)
