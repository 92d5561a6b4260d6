"""Seconds of an iteration on one process and on two, of one thread each.

Volumes of 32^3 voxels, light presets, batches of 16. Both cases are run ``--repeats`` times, in
turn, and the medians are compared: with two processes half the time is the best that can be.

    python benchmarks/distributed.py
"""

import os
import statistics
import subprocess
import sys
import time

from _results import write_results
from _tables import argument_parser, print_rows, read_arguments

from skmicro.datasets import make_spheres
from skmicro.generators import FlowMatchingGenerator, VolumeWGAN
from skmicro.training import is_first

GENERATORS = {"VolumeWGAN": VolumeWGAN, "FlowMatchingGenerator": FlowMatchingGenerator}
WARM_UP = 2
COLUMNS = {
    "generator": ("generator", ""),
    "one": ("s, one process", ".2f"),
    "two": ("s, two", ".2f"),
    "ratio": ("one / two", ".2f"),
}


def seconds_per_iteration(name, n_iter):
    """Return the median wall time of an iteration, after those of the warm-up."""
    volumes, _ = make_spheres(16, random_state=0)
    ends = []
    GENERATORS[name].light(
        n_iter=WARM_UP + n_iter,
        batch_size=16,
        periodic=True,
        random_state=0,
        device="cpu",
        callbacks=[lambda iteration, history: ends.append(time.perf_counter())],
    ).fit(volumes)
    times = [b - a for a, b in zip(ends[WARM_UP - 1 :], ends[WARM_UP:], strict=False)]
    return statistics.median(times)


def launched(name, n_processes, n_iter):
    """Return the seconds that as many processes of this script measure."""
    command = [sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={n_processes}"]
    command += [__file__, "--measure", name, "--n-iter", str(n_iter)]
    told = subprocess.run(
        command, env=os.environ | {"OMP_NUM_THREADS": "1"}, check=True, capture_output=True
    )
    return float(told.stdout.split()[-1])


def main():
    """Launch the trainings in turn and print the medians."""
    parser = argument_parser(__doc__, n_samples=0)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--measure", choices=GENERATORS, help="used by the script itself")
    parser.set_defaults(n_iter=10)
    arguments = read_arguments(parser)
    if arguments.measure:
        seconds = seconds_per_iteration(arguments.measure, arguments.n_iter)
        if is_first():
            print(seconds)
        return
    rows = []
    for name in GENERATORS:
        found = []
        for repeat in range(arguments.repeats):
            found.append([launched(name, n, arguments.n_iter) for n in (1, 2)])
            one, two = found[-1]
            print(f"{name}, run {repeat + 1}: {one:.2f} s, with two {two:.2f} s", flush=True)
        one, two = map(statistics.median, zip(*found, strict=True))
        rows.append({"generator": name, "one": one, "two": two, "ratio": one / two})
    print_rows(rows, COLUMNS)
    print("written to", write_results("distributed", {"rows": rows}))


if __name__ == "__main__":
    main()
