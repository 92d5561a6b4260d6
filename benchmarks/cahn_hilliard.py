"""Speed of the Cahn-Hilliard simulator, in two and three dimensions.

Times ``make_cahn_hilliard`` from the call to labelled images, with one job and with one
job per core. The reference is the time of the two Fourier transforms that every step
needs, alone, in the same batches on one thread; the ratio of the run with one job to it
says what all the rest costs.

Run ``python benchmarks/cahn_hilliard.py``; it takes about a minute on two cores.
"""

import argparse
import math
import time

import joblib
import numpy as np
import torch
from _results import write_results
from threadpoolctl import threadpool_limits

from skmicro.datasets import make_cahn_hilliard
from skmicro.datasets._cahn_hilliard import MAX_BATCH, VOXELS_PER_BATCH

CASES = (
    {"n_samples": 1024, "shape": (64, 64), "n_steps": 500},
    {"n_samples": 64, "shape": (128, 128), "n_steps": 1000},
    {"n_samples": 8, "shape": (64, 64, 64), "n_steps": 200},
)
SEED = 0
N_CORES = joblib.cpu_count()


def time_transforms(shape, repeats=100):
    """Return the seconds that one pair of transforms takes for one image."""
    batch = min(MAX_BATCH, max(1, VOXELS_PER_BATCH // math.prod(shape)))
    dims = tuple(range(1, len(shape) + 1))
    field = torch.zeros(batch, *shape)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        torch.fft.irfftn(torch.fft.rfftn(field, dim=dims), s=shape, dim=dims)
        seconds.append(time.perf_counter() - start)
    return float(np.median(seconds)) / batch


def measure(case):
    """Time one case after a small one that loads the libraries."""
    make_cahn_hilliard(4, case["shape"], n_steps=100, random_state=SEED)
    seconds = {}
    for n_jobs in sorted({1, N_CORES}):
        start = time.perf_counter()
        _, p1 = make_cahn_hilliard(**case, random_state=SEED, n_jobs=n_jobs)
        seconds[n_jobs] = time.perf_counter() - start
    with threadpool_limits(1, user_api="openmp"):
        transforms = time_transforms(case["shape"]) * case["n_samples"] * case["n_steps"]
    return {
        **case,
        "seconds": seconds[1],
        "seconds_all_cores": seconds[N_CORES],
        "images_per_second": case["n_samples"] / seconds[N_CORES],
        "ratio_to_transforms": seconds[1] / transforms,
        "p1_range": [float(p1.min()), float(p1.max())],
    }


def main():
    """Measure, print the table and write the results."""
    argparse.ArgumentParser(description=__doc__.split("\n\n")[0]).parse_args()
    print(
        f"{'images':<18}{'steps':>6}{'1 job, s':>10}{f'{N_CORES} jobs, s':>11}"
        f"{'images/s':>10}{'x FFTs':>8}  measured p1"
    )
    rows = []
    for case in CASES:
        row = measure(case)
        rows.append(row)
        images = " x ".join(map(str, (row["n_samples"], *row["shape"])))
        low, high = row["p1_range"]
        print(
            f"{images:<18}{row['n_steps']:>6}{row['seconds']:>10.1f}"
            f"{row['seconds_all_cores']:>11.1f}{row['images_per_second']:>10.1f}"
            f"{row['ratio_to_transforms']:>8.2f}  {low:.3f} to {high:.3f}"
        )
    write_results("cahn_hilliard", {"cores": N_CORES, "seed": SEED, "rows": rows})


if __name__ == "__main__":
    main()
