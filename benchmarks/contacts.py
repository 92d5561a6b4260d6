"""Conduction through faces and through corners: both discretisations beside known values.

*contacts*: conductivity along the first axis of phases that touch at corners or edges only, beside
an insulator: what is connected by faces alone conducts nothing.

*shapes*: a square array of discs that fill 30 %, by Rayleigh's method (Perrins, McKenzie &
McPhedran 1979), and a simple cubic array of balls that fill 20 %, by its first terms (McPhedran &
McKenzie 1978; those left out are below 1e-4). Known values are of the fraction of the voxels that
belong to the shape. Errors are shares of the known value; seconds are of the processor, one load.

    python benchmarks/contacts.py
"""

import argparse
import time
from math import comb

import numpy as np
import torch
from _results import write_results
from _tables import print_rows

from skmicro.properties import EffectiveConductivity, TortuosityFactor

SCHEMES = ("rotated", "finite-volume")
CONTRASTS = (0.0, 0.1, 10.0, 100.0)
CONTACT_COLUMNS = {
    "case": ("phase", ""),
    "rotated": ("rotated", ".4f"),
    "finite-volume": ("finite-volume", ".4f"),
    "corners": ("tortuosity, corners", ".4g"),
    "faces": ("tortuosity, faces", ".4g"),
}
SHAPE_COLUMNS = {
    "case": ("inclusion", ""),
    "side": ("voxels", "d"),
    "conductivity": ("conductivity", "g"),
    "known": ("known", ".4f"),
    "rotated": ("error, rotated", "+.2%"),
    "finite-volume": ("error, finite-volume", "+.2%"),
    "rotated s": ("s", ".3f"),
    "finite-volume s": ("s", ".3f"),
}


def contacts():
    """Return images by name, whose phase 1 touches at corners or edges only."""
    squares, bars, cubes = (np.zeros((n,) * d, int) for n, d in ((8, 2), (6, 3), (6, 3)))
    squares[:4, :4] = squares[4:, 4:] = 1
    bars[:3, :3] = bars[3:, 3:] = 1
    cubes[:3, :3, :3] = cubes[3:, 3:, 3:] = 1
    return {
        "diagonal line, 8 x 8": np.eye(8, dtype=int),
        "squares of 4 x 4": squares,
        "bars of 3 x 3 x 6": bars,
        "cubes of 3 x 3 x 3": cubes,
    }


def ball(side, n_axes, fraction):
    """Return a cell with a disc or ball that fills about a fraction of it."""
    radius = (fraction / (np.pi if n_axes == 2 else 4 * np.pi / 3)) ** (1 / n_axes)
    axes = (np.indices((side,) * n_axes) + 0.5) / side - 0.5
    return (np.square(axes).sum(0) < radius**2).astype(int)


def square_array(fraction, conductivity, n_terms=12, reach=60):
    """Return the conductivity of a square array of discs in a matrix of conductivity 1.

    Around a disc the potential is the sum of A_n r^n + B_n r^-n times cos(n t), n odd. The disc
    says B_n = b a^(2 n) A_n, b = (1 - s) / (1 + s), and all the other discs
    A_n = [n = 1] - sum_m C(n + m - 1, n) S_(n+m) B_m with the lattice sums S (S_2 = pi).
    """
    places = np.indices((2 * reach + 1,) * 2).reshape(2, -1) - reach
    places = (places[0] + 1j * places[1])[np.any(places != 0, axis=0)]
    orders = np.arange(1, 2 * n_terms, 2)
    sums = {n: (places ** (-float(n))).sum().real for n in range(4, 4 * n_terms, 2)} | {2: np.pi}
    contrast = (1 - conductivity) / (1 + conductivity)
    radius = np.sqrt(fraction / np.pi)
    matrix = np.array([[comb(n + m - 1, n) * sums[n + m] for m in orders] for n in orders])
    matrix += np.diag(1 / (contrast * radius ** (2.0 * orders)))
    return 1 - 2 * np.pi * np.linalg.solve(matrix, orders == 1)[0]


def cubic_array(fraction, conductivity):
    """Return the conductivity of a simple cubic array of balls in a matrix of conductivity 1."""
    s = conductivity
    octupole = 1.3047 * (1 - s) / (4 / 3 + s) * fraction ** (10 / 3)
    return 1 - 3 * fraction / ((2 + s) / (1 - s) + fraction - octupole)


def measure_contacts():
    """Return a row for each contact."""
    rows = []
    for case, image in contacts().items():
        row = {"case": case}
        for scheme in SCHEMES:
            solver = EffectiveConductivity(
                conductivity=(0.0, 1.0), discretization=scheme, outputs=["k11"]
            )
            row[scheme] = float(solver.fit_transform(image[None])[0, 0])
        for connectivity in ("corners", "faces"):
            factor = TortuosityFactor(connectivity=connectivity)
            row[connectivity] = float(factor.fit_transform(image[None])[0, 0])
        rows.append(row)
    return rows


def measure_shapes(sides, n_axes, fraction, known):
    """Return a row for each size and conductivity of discs or balls."""
    rows = []
    for side in sides:
        image = ball(side, n_axes, fraction)
        for conductivity in CONTRASTS:
            exact = known(image.mean(), conductivity)
            row = {"case": "disc" if n_axes == 2 else "ball", "side": side}
            row |= {"conductivity": conductivity, "known": exact}
            for scheme in SCHEMES:
                solver = EffectiveConductivity(
                    conductivity=(1.0, conductivity), discretization=scheme, outputs=["k11"]
                ).fit(image[None])
                start = time.process_time()
                found = float(solver.transform(image[None])[0, 0])
                row |= {scheme: found / exact - 1, f"{scheme} s": time.process_time() - start}
            rows.append(row)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--sides", nargs="+", type=int, default=(16, 32, 64, 128, 256))
    parser.add_argument("--sides-3d", nargs="+", type=int, default=(16, 32, 64))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    payload = {"contacts": measure_contacts()}
    print_rows(payload["contacts"], CONTACT_COLUMNS)
    payload["shapes"] = measure_shapes(arguments.sides, 2, 0.3, square_array)
    payload["shapes"] += measure_shapes(arguments.sides_3d, 3, 0.2, cubic_array)
    print_rows(payload["shapes"], SHAPE_COLUMNS)
    print("written to", write_results("contacts", payload))


if __name__ == "__main__":
    main()
