"""How often images whose borders match are told that they do not, and windows that they do.

Periodic images of several simulators and sizes, in stacks of 1 to 100, and windows of the same
size cut from periodic images twice as long on each axis. "Behind a wall" the first or the last
layers of the images are of one phase; "voxels at a border" are three in an image of another phase.

``borders_match`` of each stack says True, False or ``None``. Columns: the share of False for
periodic images, for which ``periodic=True`` gives a false ``BorderWarning``; of True for windows,
which ``periodic=None`` then takes for periodic; and the shares that are told rightly. Stacks of a
row are disjoint where there are images for 150, and 150 drawn at random from all of them
otherwise.

    python benchmarks/borders.py
"""

import argparse
from functools import cache

import numpy as np
from _results import write_results
from _tables import print_rows

from skmicro.datasets import (
    make_cahn_hilliard,
    make_ellipses,
    make_fibers,
    make_polycrystals,
    make_spheres,
)
from skmicro.images import borders_match

STACKS = (1, 3, 8, 30, 100)
LEAST_STACKS = 150
COLUMNS = {
    "material": ("material", ""),
    "shape": ("shape", ""),
    "n": ("images", "d"),
    "n_stacks": ("stacks", "d"),
    "false_alarms": ("false alarms", ".2%"),
    "matching": ("told to match", ".1%"),
    "missed": ("windows taken for periodic", ".2%"),
    "contradicted": ("windows contradicted", ".1%"),
}


def ellipses(n, shape, random_state):
    """Ellipses on a plane that wraps around: moved by random distances."""
    X = make_ellipses(n, shape, area_fraction=(0.05, 0.19), random_state=random_state)[0]
    rng = np.random.default_rng(random_state)
    return np.stack([np.roll(x, rng.integers(shape), (0, 1)) for x in X])


def grains(n, shape, random_state):
    """Crystals of eight orientations, one grain for about 30 pixels."""
    n_grains = max(4, int(np.prod(shape)) // 30)
    settings = {"n_grains": n_grains, "n_orientations": 8, "random_state": random_state}
    return make_polycrystals(n, shape, **settings)[0]


def of(simulator, **settings):
    """Return a function of number, shape and seed that returns images."""
    return lambda n, shape, random_state: simulator(
        n, shape, random_state=random_state, **settings
    )[0]


def walled(simulator, layers):
    """Return a simulator whose images have one phase, 0, in some layers of their first axis."""

    def simulate(n, shape, random_state):
        images = simulator(n, shape, random_state).copy()
        images[:, layers] = 0
        return images

    return simulate


def few_voxels(n, shape, random_state):
    """Three voxels in each image, all in its first or last layers."""
    rng = np.random.default_rng(random_state)
    images = np.zeros((n, *shape), np.uint8)
    for image in images:
        for _ in range(3):
            place = [rng.integers(side) for side in shape]
            place[rng.integers(len(shape))] = rng.choice([0, -1])
            image[tuple(place)] = 1
    return images


demixed = cache(of(make_cahn_hilliard, n_steps=150))
crystals = cache(grains)
spheres = cache(of(make_spheres, radius=3.0))
FIRST_THREE, LAST = slice(3), slice(-1, None)
CASES = {
    "Cahn-Hilliard, 150 steps": (demixed, ((16, 16), (32, 32), (12, 12, 12))),
    "Cahn-Hilliard, 500 steps": (of(make_cahn_hilliard, n_steps=500), ((16, 16), (32, 32))),
    "ellipses": (ellipses, ((16, 16), (32, 32), (64, 64))),
    "crystals": (crystals, ((8, 8), (12, 12), (16, 16))),
    "spheres": (spheres, ((12, 12, 12),)),
    "small spheres": (of(make_spheres, radius=1.5), ((8, 8, 8),)),
    "fibres": (of(make_fibers, length=6.0, diameter=2.0), ((16, 16, 16),)),
    "Cahn-Hilliard behind a wall of 1": (walled(demixed, LAST), ((16, 16), (32, 32))),
    "Cahn-Hilliard behind a wall of 3": (walled(demixed, FIRST_THREE), ((16, 16), (32, 32))),
    "crystals behind a wall of 1": (walled(crystals, LAST), ((8, 8), (16, 16))),
    "spheres behind a wall of 3": (walled(spheres, FIRST_THREE), ((12, 12, 12),)),
    "voxels at a border": (few_voxels, ((8, 8), (16, 16), (32, 32), (8, 8, 8))),
}


def shares(images, n, n_stacks, rng):
    """Return the shares of True and False over stacks of images, and the number of stacks."""
    n_stacks = min(n_stacks, max(LEAST_STACKS, len(images) // n))
    if n_stacks * n <= len(images):
        rows = rng.permutation(len(images))[: n_stacks * n].reshape(n_stacks, n)
    else:
        rows = np.stack([rng.permutation(len(images))[:n] for _ in range(n_stacks)])
    told = [borders_match(images[index]) for index in rows]
    return told.count(True) / n_stacks, told.count(False) / n_stacks, n_stacks


def rows_of(material, shape, arguments):
    """Return the rows of a material and a size of images."""
    simulator = CASES[material][0]
    n_images = arguments.n_images // (2 if np.prod(shape) > 2**11 else 1)
    whole = simulator(n_images, shape, arguments.seed)
    wide = simulator(n_images, tuple(2 * side for side in shape), arguments.seed + 1)
    windows = wide[(slice(None), *map(slice, shape))]
    rng = np.random.default_rng(arguments.seed)
    for n in STACKS:
        match, alarms, n_stacks = shares(whole, n, arguments.n_stacks, rng)
        missed, contradicted, _ = shares(windows, n, arguments.n_stacks, rng)
        yield {
            "material": material,
            "shape": " x ".join(map(str, shape)),
            "n": n,
            "n_stacks": n_stacks,
            "false_alarms": alarms,
            "matching": match,
            "missed": missed,
            "contradicted": contradicted,
        }


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--n-images", type=int, default=400, help="half of large ones")
    parser.add_argument("--n-stacks", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--materials", nargs="+", default=list(CASES))
    arguments = parser.parse_args()
    rows = []
    for material in arguments.materials:
        shapes = CASES[material][1]
        rows += [row for shape in shapes for row in rows_of(material, shape, arguments)]
        print_rows(rows[-len(shapes) * len(STACKS) :], COLUMNS)
    print("written to", write_results("borders", vars(arguments) | {"rows": rows}))


if __name__ == "__main__":
    main()
