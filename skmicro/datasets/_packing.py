r"""Random sequential addition of balls: each at random where it overlaps none before it.

Close to saturation nearly every random position is taken. So positions are drawn from cells, of
which those are left out that lie in the exclusion balls (radius :math:`r_i + R`) of what is there.
Cells are halved when too few positions are accepted. This does not change the law, and when no
cell remains there is no room [1]_. A k-d tree finds neighbours.

.. [1] Zhang, G. and Torquato, S. (2013). Precise algorithm to generate random sequential
   addition of hard hyperspheres at saturation. Physical Review E 88, 053312.
"""

import math

import numpy as np
from scipy.spatial import cKDTree

MIN_DRAWS, MAX_DRAWS = 2**6, 2**12
PATIENCE = 0.5  # draws lost, for each cell, before cells are left out, which takes as long
MIN_CELLS, CELLS_PER_BALL = 2**13, 64  # up to which number cells are halved
SIMILAR = 1.1  # ratio of radii for which the same cells are left out
MAX_FRUITLESS = 12  # times in a row; the cells may have room for smaller balls only


def pack(radii, box, generator):
    """Return centres of balls in a periodic box, of radii in falling order.

    They are fewer than radii if there is no more room.
    """
    box = np.asarray(box, dtype=np.float64)
    centers = np.empty((len(radii), len(box)))
    n = 0
    while n < len(radii):
        end = np.searchsorted(-radii, -radii[n] / SIMILAR, side="right")
        n = _pack_similar(centers, radii[:end], n, box, generator)
        if n < end:
            break
    return centers[:n]


def _pack_similar(centers, radii, n, box, generator):
    """Go on with n centres until all radii have one or no room; return how many have one.

    Cells are left out in which not even the last radius would find room.
    """
    n_cells = np.ceil(box / radii[-1]).astype(int)
    sides = box / n_cells
    cells = np.indices(n_cells).reshape(len(box), -1).T * sides
    lost = fruitless = 0
    while n < len(radii) and len(cells) and fruitless < MAX_FRUITLESS:
        size = min(max(MIN_DRAWS, 2 * (len(radii) - n), len(radii) // 4), MAX_DRAWS)
        draws = cells[generator.integers(len(cells), size=size)]
        # Twice, since what lies just below zero modulo the side is rounded to the side.
        draws = (draws + sides * generator.random(draws.shape)) % box % box
        n_before, n = n, _add(draws, centers, radii, n, box)
        lost += size - (n - n_before)
        fruitless = 0 if n > n_before else fruitless
        if n < len(radii) and lost > PATIENCE * len(cells):
            lost, fruitless = 0, fruitless + 1
            cells, sides = _free_cells(cells, sides, centers[:n], radii, box)
    return n


def _add(draws, centers, radii, n, box):
    """Add those of the draws, in their order, that overlap no ball; return how many there are."""
    room = room_at(draws, centers[:n], radii[:n], radii[n], box)
    draws, room = draws[room >= radii[-1]], room[room >= radii[-1]]
    if not len(draws):
        return n
    tree = cKDTree(draws, boxsize=box)
    pairs = tree.sparse_distance_matrix(tree, 2 * radii[n], output_type="ndarray")
    pairs = pairs[np.argsort(pairs["i"], kind="stable")]
    starts = np.searchsorted(pairs["i"], np.arange(len(draws) + 1))
    for k, draw in enumerate(draws):
        if room[k] >= radii[n]:
            near = pairs[starts[k] : starts[k + 1]]
            room[near["j"]] = np.minimum(room[near["j"]], near["v"] - radii[n])
            centers[n] = draw
            n += 1
            if n == len(radii):
                break
    return n


def room_at(points, centers, radii, reach, box):
    """Return how large a ball at each point may be; beyond ``reach`` it may be infinite."""
    room = np.full(len(points), np.inf)
    if len(centers):
        balls = cKDTree(centers, boxsize=box)
        limit = radii.max() + reach
        if radii.min() == radii.max():
            room = balls.query(points, distance_upper_bound=limit)[0] - radii[0]
        else:
            tree = cKDTree(points, boxsize=box)
            pairs = tree.sparse_distance_matrix(balls, limit, output_type="ndarray")
            np.minimum.at(room, pairs["i"], pairs["v"] - radii[pairs["j"]])
    return room


def _free_cells(cells, sides, centers, radii, box):
    """Leave out the cells that exclusion balls cover, and halve the others where most remain."""
    free = _uncovered(cells, sides, centers, radii, box)
    most = max(MIN_CELLS, CELLS_PER_BALL * len(radii))
    if len(free) > len(cells) / 2 and len(free) << len(box) <= most:
        sides = sides / 2
        corners = np.indices([2] * len(box)).reshape(len(box), -1).T * sides
        free = (free[:, None] + corners).reshape(-1, len(box))
        free = _uncovered(free, sides, centers, radii, box)
    return free, sides


def _uncovered(cells, sides, centers, radii, box):
    reach = radii[-1] - math.hypot(*sides) / 2
    if reach <= 0:
        return cells
    middles = (cells + sides / 2) % box % box
    return cells[room_at(middles, centers, radii[: len(centers)], reach, box) >= reach]
