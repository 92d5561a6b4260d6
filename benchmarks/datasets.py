"""Speed of the simulators of shapes, of many bodies and of polycrystals, on one core.

Times every simulator from the call to labelled images. The reference for shapes is the time
of writing as many bytes once into fresh memory, and for polycrystals that of one search for
the nearest of as many seeds from every voxel: no simulator can go below, and the ratio says
what all the rest costs. Polycrystals also report how far the measured fractions of the
orientations lie from those asked for.

Run ``python benchmarks/datasets.py``; it takes about half a minute.
"""

import argparse
import time

import numpy as np
from _results import write_results
from threadpoolctl import threadpool_limits

from skmicro.datasets import (
    make_checkerboards,
    make_circle_square,
    make_circles,
    make_ellipses,
    make_fibers,
    make_polycrystals,
    make_spheres,
)
from skmicro.datasets._polycrystals import power_cells

SEED = 0
FRACTIONS = (0.3, 0.25, 0.2, 0.15, 0.1)
CASES = (
    (make_circles, (30_000, 128, 128), {}),
    (make_circle_square, (30_000, 128, 128), {}),
    (make_circles, (1_000, 64, 64, 64), {}),
    (make_ellipses, (60_000, 32, 32), {}),
    (make_checkerboards, (30_000, 64, 64), {}),
    (make_checkerboards, (1_000, 64, 64, 64), {}),
    (make_spheres, (500, 32, 32, 32), {}),
    (make_spheres, (500, 32, 32, 32), {"overlap": True}),
    (make_spheres, (100, 32, 32, 32), {"volume_fraction": 0.35}),
    (make_fibers, (20, 64, 64, 64), {}),
    (make_polycrystals, (100, 128, 128), {"orientation_fractions": FRACTIONS}),
    (make_polycrystals, (100, 64, 64), {"orientation_fractions": FRACTIONS}),
    (make_polycrystals, (4, 64, 64, 64), {"n_grains": 100, "orientation_fractions": (0.1,) * 10}),
)


def seconds_of(function, *args, **options):
    """Return the seconds that a call takes, and what it returns."""
    start = time.perf_counter()
    result = function(*args, **options)
    return time.perf_counter() - start, result


def write(size):
    """Return the seconds that writing the images once takes."""
    return float(np.median([seconds_of(np.full, size, 1, np.uint8)[0] for _ in range(3)]))


def search(n_samples, shape, options):
    """Return the seconds that one search for the nearest seed takes for all images."""
    points = np.indices(shape).reshape(len(shape), -1).T.astype(np.float64)
    seeds = np.random.default_rng(SEED).random((options.get("n_grains", 40), len(shape))) * shape
    args = points, seeds, np.zeros(len(seeds)), np.array(shape)
    return n_samples * float(np.median([seconds_of(power_cells, *args)[0] for _ in range(5)]))


def measure(make, size, options):
    """Time one simulator and the writing of the same memory."""
    n_samples, *shape = size
    make(2, tuple(shape), random_state=SEED, **options)
    timed = seconds_of(make, n_samples, tuple(shape), random_state=SEED, **options)
    seconds, (_, fractions) = timed
    is_tessellation = make is make_polycrystals
    reference = search(n_samples, shape, options) if is_tessellation else write(size)
    row = {
        "simulator": make.__name__,
        "size": size,
        "seconds": seconds,
        "images_per_second": n_samples / seconds,
        "reference": "search" if is_tessellation else "writing",
        "ratio_to_reference": seconds / reference,
    }
    if "orientation_fractions" in options:
        errors = np.abs(fractions - options["orientation_fractions"]).max(axis=1)
        row["median_fraction_error"] = float(np.median(errors))
        row["largest_fraction_error"] = float(errors.max())
    return row


def main():
    """Measure, print the table and write the results."""
    argparse.ArgumentParser(description=__doc__.split("\n\n")[0]).parse_args()
    print(
        f"{'simulator':<20}{'images':<20}{'s':>8}{'images/s':>10}{'x reference':>13}"
        "  error of fractions, median and largest"
    )
    rows = []
    for case in CASES:
        with threadpool_limits(1):
            row = measure(*case)
        rows.append(row)
        errors = ""
        if "median_fraction_error" in row:
            errors = f"{row['median_fraction_error']:.4f} {row['largest_fraction_error']:.4f}"
        print(
            f"{row['simulator']:<20}{' x '.join(map(str, row['size'])):<20}"
            f"{row['seconds']:>8.2f}{row['images_per_second']:>10.1f}"
            f"{row['ratio_to_reference']:>13.1f}  {errors}"
        )
    write_results("datasets", {"seed": SEED, "rows": rows})


if __name__ == "__main__":
    main()
