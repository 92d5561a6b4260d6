"""Speed of the Cahn-Hilliard simulator, in two and three dimensions.

Times ``make_cahn_hilliard`` from the call to labelled images with torch's default number
of threads (set ``OMP_NUM_THREADS`` for another). The bare figure beside it is the time of
the two Fourier transforms that every step needs, alone, in the batches that fit the cache
best, and the ratio says what all the rest costs.

Run ``python benchmarks/cahn_hilliard.py``; it takes about a minute.
"""

import json
import math
import time
from pathlib import Path

import numpy as np
import torch

from skmicro.datasets import make_cahn_hilliard
from skmicro.datasets._cahn_hilliard import MAX_BATCH, VOXELS_PER_BATCH

CASES = (
    {"n_samples": 1024, "shape": (64, 64), "n_steps": 500},
    {"n_samples": 64, "shape": (128, 128), "n_steps": 1000},
    {"n_samples": 8, "shape": (64, 64, 64), "n_steps": 200},
)
SEED = 0


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
    start = time.perf_counter()
    _, p1 = make_cahn_hilliard(**case, random_state=SEED)
    seconds = time.perf_counter() - start
    transforms = time_transforms(case["shape"]) * case["n_samples"] * case["n_steps"]
    return {
        **case,
        "seconds": seconds,
        "images_per_second": case["n_samples"] / seconds,
        "ratio_to_transforms": seconds / transforms,
        "p1_range": [float(p1.min()), float(p1.max())],
    }


def save(payload):
    """Write the figures beside the other benchmarks' results."""
    try:
        from _results import write_results
    except ImportError:
        path = Path(__file__).parent / "results" / "cahn_hilliard.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(payload, indent=2) + "\n")
    else:
        write_results("cahn_hilliard", payload)


def main():
    """Measure, print the table and write the results."""
    print(f"{'images':<18}{'steps':>6}{'seconds':>9}{'images/s':>10}{'x FFTs':>8}  measured p1")
    rows = [measure(case) for case in CASES]
    for row in rows:
        images = " x ".join(map(str, (row["n_samples"], *row["shape"])))
        low, high = row["p1_range"]
        print(
            f"{images:<18}{row['n_steps']:>6}{row['seconds']:>9.1f}"
            f"{row['images_per_second']:>10.1f}{row['ratio_to_transforms']:>8.2f}"
            f"  {low:.3f} to {high:.3f}"
        )
    save({"threads": torch.get_num_threads(), "seed": SEED, "rows": rows})


if __name__ == "__main__":
    main()
