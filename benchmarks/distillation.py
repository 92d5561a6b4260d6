"""Students of a flow beside the flow: what they cost and how good their images are.

The light preset of ``FlowMatchingGenerator``, without a restart, is trained, then students of one
and of two evaluations. Each row has the processor's time of an image (free sampling, one thread,
medians of repeats in turn) and how much faster that is than the flow; bias and standard deviation
of p1 and the error of the mean S2 against the 200 held-out images nearest to each target, free
(``target_tol=inf``) and with ``exact=True``; surface and Euler number of the exact images; the
share of voxels of new images that agree with the flow's in its eight steps; and the time of the
distillation as a share of that of the training.

    python benchmarks/distillation.py --side 32 --seeds 0 1 2
"""

import argparse
import time
from functools import partial

import numpy as np
import torch
from _quality import interleaved_medians, quality, reference
from _results import write_results
from _tables import HOMOGENEOUS, print_rows

from skmicro.datasets import make_cahn_hilliard
from skmicro.generators import FlowMatchingGenerator

TARGETS = (0.3, 0.4, 0.5, 0.6, 0.7)
MIXTURES = (0.25, 0.75)
TEACHER_STEPS = 8
COLUMNS = {
    "name": ("", ""),
    "seed": ("seed", "d"),
    "evaluations": ("evaluations", "d"),
    "milliseconds": ("ms/image", ".2f"),
    "faster": ("faster", ".1f"),
    "bias": ("p1 bias", ".4f"),
    "std": ("std", ".4f"),
    "s2": ("S2 free", ".2%"),
    "s2_exact": ("exact", ".2%"),
    "halves": ("real halves", ".2%"),
    "surface": ("surface", "+.1%"),
    "surface_exact": ("exact", "+.1%"),
    "euler": ("Euler, sd", ".2f"),
    "euler_exact": ("exact", ".2f"),
    "agreement": ("agreement", ".1%"),
    "share": ("of training", ".2f"),
}


def simulated(n_images, side, seed):
    """Return phase-separated images of the whole range of p1."""
    shape = (side, side)
    return make_cahn_hilliard(n_images, shape, volume_fraction=MIXTURES, random_state=seed)[0]


def timed(function):
    """Return what a function returns, and the processor's time."""
    start = time.process_time()
    return function(), time.process_time() - start


def images_of(generator, n_samples, target_tol=0.01, seed=1, **options):
    """Return images of every target, with conditions corrected or not."""
    generator.set_params(target_tol=target_tol)
    return [generator.sample(n_samples, p1=p, random_state=seed, **options) for p in TARGETS]


def metrics(generator, known, n_samples):
    """Return the metrics of free and of exact images."""
    free = quality(images_of(generator, n_samples, np.inf), known)
    exact = quality(images_of(generator, n_samples, exact=True), known)
    return free | {f"{key}_exact": exact[key] for key in ("s2", "surface", "euler")}


def measured(seed, held_out, arguments):
    """Return the rows of a seed: the flow, then its students."""
    settings = {"periodic": True, "symmetries": HOMOGENEOUS, "device": "cpu", "random_state": seed}
    settings["restart_time"] = None
    if arguments.n_iter:
        settings["n_iter"] = arguments.n_iter
    flow = FlowMatchingGenerator.light(**settings)
    _, training = timed(partial(flow.fit, simulated(1024, arguments.side, seed)))
    made, seconds = {"flow": flow}, {"flow": None}
    distill = {key: getattr(arguments, key) for key in ("n_pairs", "n_student_iter")}
    distill["n_iter"] = distill.pop("n_student_iter")
    distill = {key: value for key, value in distill.items() if value}
    for k in arguments.evaluations:
        name = f"student, {k}"
        made[name], seconds[name] = timed(partial(flow.distill, k, **distill))
    free = {
        name: partial(_discarded, generator, arguments.n_timed) for name, generator in made.items()
    }
    times = interleaved_medians(free, arguments.n_repeats)
    known = reference(held_out, TARGETS)
    found = {name: metrics(g, known, arguments.n_samples) for name, g in made.items()}
    evaluations = {name: getattr(g, "n_evaluations_", 2 * flow.n_steps) for name, g in made.items()}
    teacher = np.stack(images_of(flow.set_params(n_steps=TEACHER_STEPS), 32, np.inf, seed=2))
    rows = []
    for name, generator in made.items():
        agreement = None
        if name != "flow":
            agreement = float(
                (np.stack(images_of(generator, 32, np.inf, seed=2)) == teacher).mean()
            )
        rows.append(
            {"name": name, "seed": seed, "evaluations": evaluations[name]}
            | {"milliseconds": 1000 * times[name] / (arguments.n_timed * len(TARGETS))}
            | {"faster": times["flow"] / times[name], "agreement": agreement}
            | {"share": seconds[name] and seconds[name] / training, "training_seconds": training}
            | found[name]
        )
    return rows


def _discarded(generator, n_samples):
    images_of(generator, n_samples, np.inf)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--evaluations", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--n-iter", type=int, help="iterations of the flow")
    parser.add_argument("--n-pairs", type=int, help="pairs of noise and image for a student")
    parser.add_argument("--n-student-iter", type=int, help="iterations of a student")
    parser.add_argument("--n-samples", type=int, default=128, help="images of each target")
    parser.add_argument("--n-timed", type=int, default=16, help="of these in each repeat")
    parser.add_argument("--n-repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    held_out, rows = simulated(4096, arguments.side, 1000), []
    for seed in arguments.seeds:
        rows += measured(seed, held_out, arguments)
        print_rows([row for row in rows if row["seed"] == seed], COLUMNS)
        path = write_results(f"distillation_{arguments.side}", vars(arguments) | {"rows": rows})
    print("written to", path)


if __name__ == "__main__":
    main()
