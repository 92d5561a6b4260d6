"""The baseline that learns nothing: level-cut Gaussian fields on phase separation.

The table of ``volume_fraction_control.py`` at five targets of p1: bias and standard
deviation of p1, error of the mean S2 beside that of two halves of the real images; then
images per second on one thread, and how many times faster than by iteration the levels of
two phases are found. What a trained generator has to beat.

    python benchmarks/gaussian_random_field.py
"""

import argparse
import sys
import time
import timeit
from pathlib import Path

import numpy as np
import torch
from _results import write_results

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
from quickstart import control_row, print_table

from skmicro.datasets import make_cahn_hilliard
from skmicro.generators import GaussianRandomField
from skmicro.random_fields._level_cut import iterated_levels, phase_levels

TARGETS = (0.3, 0.4, 0.5, 0.6, 0.7)
N_SAMPLES = 500
N_TIMED = 4000
N_RECONSTRUCTED = 64


def images_per_second(generator, **targets):
    """Best of three runs."""
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        generator.sample(N_TIMED, random_state=0, **targets)
        seconds.append(time.perf_counter() - start)
    return N_TIMED / min(seconds)


def levels_speed_up():
    """Ratio of the times that the iteration and the closed form take, best of twenty each."""
    fractions, seconds = np.array([0.4, 0.6]), []
    for function in (iterated_levels, phase_levels):
        runs = timeit.repeat(lambda function=function: function(fractions), number=10, repeat=20)
        seconds.append(min(runs))
    return seconds[0] / seconds[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)

    images, p1 = make_cahn_hilliard(
        1024, (64, 64), volume_fraction=(0.25, 0.75), random_state=arguments.seed
    )
    print(f"1024 simulated images, p1 from {p1.min():.3f} to {p1.max():.3f}")
    start = time.perf_counter()
    generator = GaussianRandomField(periodic=True).fit(images)
    fit_seconds = time.perf_counter() - start
    rows = [
        control_row(generator, images, target, n_samples=N_SAMPLES, periodic=True)
        for target in TARGETS
    ]
    print_table(rows)
    rates = {
        "any_fraction": images_per_second(generator),
        "one_fraction": images_per_second(generator, p1=0.5),
    }
    some = images[:N_RECONSTRUCTED]
    wrong = float(np.mean(generator.reconstruct(some) != some))
    print(
        f"fit {fit_seconds:.2f} s; {rates['any_fraction']:.0f} images/s at fractions drawn, "
        f"{rates['one_fraction']:.0f} at one; voxels wrong after reconstruct: {wrong:.1e}"
    )
    speed_up = levels_speed_up()
    print(f"levels of two phases: {speed_up:.0f} times faster than by iteration")
    payload = {
        "seed": arguments.seed,
        "fit_seconds": fit_seconds,
        "images_per_second": rates,
        "reconstruction_error": wrong,
        "levels_speed_up": speed_up,
        "rows": rows,
    }
    print("written to", write_results("gaussian_random_field", payload))


if __name__ == "__main__":
    main()
