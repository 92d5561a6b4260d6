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


def wrapping(kind):
    """A descriptor's class, whose images wrap around unless told, or else are pieces as cut."""
    pieces = {"edge_correction": False} if "edge_correction" in kind.__dataclass_fields__ else {}
    return partial(kind, periodic=True, **pieces)
