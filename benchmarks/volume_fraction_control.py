"""Volume-fraction control: Fig. 5(c) of the InvNet paper as a table.

Eleven targets of p1 from 0.25 to 0.75, inside the simulated data, and 0.80 and 0.85,
which lie outside (phase separation stops before; the paper shows 0.35 to 0.85). 500
images each: mean and standard deviation of p1, error of the mean S2 beside that of two
halves of the real images, as decoded (raw) and with ``exact=True`` (thresholded).
The light preset runs on the CPU; with ``--paper`` the paper's preset runs as many of
its 100,000 iterations as fit into ``--minutes`` on a CUDA device.

    python benchmarks/volume_fraction_control.py
"""

import argparse
import time
import warnings

import numpy as np
from _results import write_results
from _tables import HOMOGENEOUS, control_row, print_table, stop_after

from skmicro.datasets import make_cahn_hilliard
from skmicro.exceptions import ExtrapolationWarning
from skmicro.generators import InvNetGenerator

INSIDE = np.round(np.linspace(0.25, 0.75, 11), 2)
OUTSIDE = (0.80, 0.85)
N_SAMPLES = 500
PAPER = {"training_seconds": 57_600.0, "seconds_per_image": 0.011, "solver_seconds": 1.84}


def control_table(generator, images, exact):
    """Return one row per target; those outside the data are marked."""
    rows = []
    for target in (*INSIDE, *OUTSIDE):
        with warnings.catch_warnings():
            if target in OUTSIDE:
                warnings.simplefilter("ignore", ExtrapolationWarning)
            row = control_row(
                generator, images, target, n_samples=N_SAMPLES, periodic=True, exact=exact
            )
        rows.append(row | {"inside": target not in OUTSIDE})
    return rows


def summary(rows):
    """Return the worst errors inside the data."""
    inside = [row for row in rows if row["inside"]]
    return {
        "worst_bias": max(abs(row["mean"] - row["target"]) for row in inside),
        "worst_std": max(row["std"] for row in inside),
        "worst_s2_error": max(row["s2_error"] for row in inside),
    }


def seconds_per_image(generator):
    """Time of sampling 500 images at one target, per image."""
    start = time.perf_counter()
    generator.sample(N_SAMPLES, p1=0.5, random_state=0)
    return (time.perf_counter() - start) / N_SAMPLES


def measure(name, generator, images, simulator_seconds):
    """Train, sample, print and return the record of one preset."""
    start = time.perf_counter()
    generator.fit(images)
    record = {"preset": name, "n_iter": generator.n_iter_}
    record["training_seconds"] = time.perf_counter() - start
    record["seconds_per_image"] = seconds_per_image(generator)
    for kind, exact in (("raw", False), ("exact", True)):
        rows = control_table(generator, images, exact)
        print(f"\n{name} preset, {kind} (0.80 and 0.85 lie outside the data)")
        print_table(rows)
        record[kind] = {"rows": rows, **summary(rows)}
        print({key: round(value, 4) for key, value in summary(rows).items()})
    print(
        f"training {record['training_seconds']:.0f} s for {record['n_iter']} iterations "
        f"(paper: {PAPER['training_seconds']:.0f} s for 100000 on a V100); "
        f"{1 / record['seconds_per_image']:.0f} images/s (paper: "
        f"{1 / PAPER['seconds_per_image']:.0f}); simulator {1 / simulator_seconds:.0f} images/s "
        f"(paper's solver: {1 / PAPER['solver_seconds']:.2f})"
    )
    return record


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--n-iter", type=int, help="iterations of the light preset")
    parser.add_argument("--paper", action="store_true", help="run the paper's preset as well")
    parser.add_argument("--minutes", type=float, default=10.0, help="limit of the paper's preset")
    arguments = parser.parse_args()

    start = time.perf_counter()
    images, p1 = make_cahn_hilliard(
        1024, (64, 64), volume_fraction=(0.25, 0.75), random_state=arguments.seed
    )
    simulator_seconds = (time.perf_counter() - start) / len(images)
    print(f"1024 simulated images, p1 from {p1.min():.3f} to {p1.max():.3f}")

    settings = {"periodic": True, "symmetries": HOMOGENEOUS, "random_state": arguments.seed}
    if arguments.n_iter is not None:
        settings["n_iter"] = arguments.n_iter
    records = [measure("light", InvNetGenerator.light(**settings), images, simulator_seconds)]
    if arguments.paper:
        paper = InvNetGenerator(
            random_state=arguments.seed, callbacks=[stop_after(arguments.minutes)], verbose=1
        )
        records.append(measure("paper", paper, images, simulator_seconds))
    payload = {
        "seed": arguments.seed,
        "simulator_seconds_per_image": simulator_seconds,
        "paper_values": PAPER,
        "records": records,
    }
    print("written to", write_results("volume_fraction_control", payload))


if __name__ == "__main__":
    main()
