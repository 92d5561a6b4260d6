"""How often images whose borders match are told that they do not, and windows that they do.

Periodic images of several simulators and sizes, in stacks of 1 to 100, and windows of the same
size cut from periodic images twice as long on each axis. ``borders_match`` of each stack says
True, False or ``None``. Columns: the share of False for periodic images, for which
``periodic=True`` gives a false ``BorderWarning``; of True for windows, which ``periodic=None`` then
takes for periodic; and the shares that are told rightly. Stacks of a row are disjoint where there
are enough images, and drawn at random from all of them otherwise.

    python benchmarks/borders.py --n-stacks 400
"""

import argparse

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

STACKS = (1, 3, 10, 30, 100)
IN_PLANE = ((8, 8), (12, 12), (16, 16), (32, 32), (64, 64))
IN_SPACE = ((8, 8, 8), (16, 16, 16), (32, 32, 32))
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


def sections(n, shape, random_state):
    """One layer of each of several volumes of spheres."""
    spheres = of(make_spheres, radius=3.0)
    return spheres(n, (max(shape),) * 3, random_state)[:, 0][:, : shape[0], : shape[1]]


CASES = {
    "Cahn-Hilliard, 150 steps": (of(make_cahn_hilliard, n_steps=150), IN_PLANE + IN_SPACE[:2]),
    "Cahn-Hilliard, 500 steps": (of(make_cahn_hilliard, n_steps=500), IN_PLANE + IN_SPACE[:2]),
    "Cahn-Hilliard, 3000 steps": (of(make_cahn_hilliard, n_steps=3000), IN_PLANE[:3]),
    "ellipses": (ellipses, IN_PLANE[2:]),
    "crystals": (grains, IN_PLANE[:4]),
    "spheres": (of(make_spheres, radius=3.0), IN_SPACE),
    "small spheres": (of(make_spheres, radius=1.5), IN_SPACE),
    "sections of spheres": (sections, IN_PLANE[:4]),
    "fibres": (of(make_fibers, length=6.0, diameter=2.0), IN_SPACE[1:]),
}


def shares(images, n, n_stacks, rng):
    """Return the shares of True and False over stacks of images, and the number of stacks."""
    n_stacks = min(n_stacks, max(50, len(images) // n))
    if n_stacks * n <= len(images):
        rows = rng.permutation(len(images))[: n_stacks * n].reshape(n_stacks, n)
    else:
        rows = np.stack([rng.permutation(len(images))[:n] for _ in range(n_stacks)])
    told = [borders_match(images[index]) for index in rows]
    return told.count(True) / n_stacks, told.count(False) / n_stacks, n_stacks


def rows_of(material, shape, arguments):
    """Return the rows of a material and a size of images."""
    simulator = CASES[material][0]
    n_images = arguments.n_images // (10 if np.prod(shape) > 2**13 else 1)
    whole = simulator(n_images, shape, random_state=arguments.seed)
    wide = simulator(n_images, tuple(2 * side for side in shape), random_state=arguments.seed + 1)
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
    parser.add_argument("--n-images", type=int, default=400, help="a tenth of large volumes")
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
