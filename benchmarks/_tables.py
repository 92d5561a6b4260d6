"""What the benchmarks of generators share: options, presets, images, metrics, tables."""

import argparse
import itertools
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch

from skmicro.datasets import make_cahn_hilliard
from skmicro.images import SYMMETRIES

sys.path.insert(0, str(Path(__file__).parents[1] / "examples"))
from quickstart import (
    control_row,
    nearest_images,
    patches_of,
    print_table,
    relative_error,
    run,
)

__all__ = [
    "HOMOGENEOUS",
    "SHAPE",
    "argument_parser",
    "control_row",
    "everything",
    "fit_timed",
    "iterations_within",
    "mixture_of",
    "nearest_images",
    "patches_of",
    "presets",
    "print_rows",
    "print_table",
    "read_arguments",
    "relative_error",
    "run",
    "save_picture",
    "simulated_where",
    "stop_after",
]

HOMOGENEOUS = SYMMETRIES  # of materials that are the same everywhere and in all directions
SHAPE = (64, 64)
PAPER_DEVICE = "cuda"
WARM_UP = 20
SETTLING = 5  # iterations of the warm-up that are not timed
MIXTURE_SLOPE = 1.13  # of p1 over the share of phase 1 in the mixture, see make_cahn_hilliard


def argument_parser(doc, *, n_samples):
    """Return the parser with the options that all these scripts have."""
    parser = argparse.ArgumentParser(description=doc.split("\n\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument("--n-iter", type=int, help="iterations of the light presets")
    parser.add_argument("--n-samples", type=int, default=n_samples, help="generated images a row")
    parser.add_argument("--picture", type=Path, metavar="FOLDER", help="where to draw")
    parser.add_argument("--paper", action="store_true", help="run the paper's preset as well")
    parser.add_argument(
        "--minutes", type=float, default=10.0, help="limit of each training of the paper's preset"
    )
    return parser


def read_arguments(parser):
    """Read the options and apply those that hold for the whole process."""
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    os.environ.setdefault("MPLBACKEND", "Agg")
    return arguments


def stop_after(minutes):
    """Return a callback that ends a training some minutes after its first iteration."""
    end = None

    def stop(iteration, history):
        nonlocal end
        end = end or time.perf_counter() + 60 * minutes
        return time.perf_counter() > end

    return stop


def presets(generator_class, arguments, *, light=(), seed=None, **settings):
    """Return unfitted generators by the names of their presets.

    Parameters
    ----------
    generator_class : type
        Class with a light preset.
    arguments : argparse.Namespace
        Options of the script.
    light : dict, default=()
        Parameters of the light preset only.
    seed : int or None, default=None
        Seed of the training; ``None`` takes that of the options.
    **settings : any
        Parameters of both presets.

    Returns
    -------
    generators : dict of str to NetworkGenerator
        ``"light"``, on the CPU, and with ``--paper`` ``"paper"``, on a CUDA device.
    """
    settings["random_state"] = arguments.seed if seed is None else seed
    light = {"periodic": True, "device": "cpu"} | dict(light)
    if arguments.n_iter is not None:
        light["n_iter"] = arguments.n_iter
    generators = {"light": generator_class.light(**settings, **light)}
    if arguments.paper:
        limit = [stop_after(arguments.minutes)]
        generators["paper"] = generator_class(**settings, device=PAPER_DEVICE, callbacks=limit)
    return generators


def fit_timed(generator, images):
    """Fit a generator and return it with the record of its training."""
    start = time.perf_counter()
    generator.fit(images)
    record = {"training_seconds": time.perf_counter() - start}
    return generator, record | {"n_iter": getattr(generator, "n_iter_", 0)}


def iterations_within(seconds, made, images):
    """Return how many iterations of a training take this much of the processor's time.

    Parameters
    ----------
    seconds : float
        The time.
    made : callable
        ``made(n_iter=..., callbacks=...)`` returns an unfitted generator; one of them is trained
        for a few iterations, to see how long they take.
    images : ndarray
        What to train on.

    Returns
    -------
    n_iter : int
        Number of iterations, at least 1.
    """
    ticks = []
    callbacks = [lambda iteration, history: ticks.append(time.process_time())]
    made(n_iter=WARM_UP, callbacks=callbacks).fit(images)
    pace = (ticks[-1] - ticks[SETTLING]) / (WARM_UP - 1 - SETTLING)
    return max(1, round(seconds / pace))


def mixture_of(p1):
    """Return the ``volume_fraction`` to simulate with for a volume fraction p1."""
    return 0.5 + (p1 - 0.5) / MIXTURE_SLOPE


def everything(images):
    """Accept all images."""
    return np.ones(len(images), dtype=bool)


def simulated_where(accept, n_images, volume_fraction, seed):
    """Simulate until enough images are accepted, and return them in random order.

    Parameters
    ----------
    accept : callable
        Images (n, *S) to n truth values.
    n_images : int
        Images to return.
    volume_fraction : tuple (low, high) of float
        As ``make_cahn_hilliard`` takes it.
    seed : int
        Seed of images and order.

    Returns
    -------
    images : ndarray of shape (n_images, *SHAPE)
        Halves of them are as unlike as independent images: the simulator itself covers the
        range evenly, in the order of its images.
    """
    rng = np.random.default_rng(seed)
    found = []
    for n_rounds in itertools.count(1):
        images, _ = make_cahn_hilliard(
            n_images, SHAPE, volume_fraction=volume_fraction, random_state=rng
        )
        found.append(images[accept(images)])
        n_found = sum(map(len, found))
        if n_found >= n_images:
            return np.concatenate(found)[rng.permutation(n_found)[:n_images]]
        if n_found == 0 and n_rounds == 10:
            raise RuntimeError(f"none of {10 * n_images} images was accepted.")


def print_rows(rows, columns):
    """Print rows of metrics.

    Parameters
    ----------
    rows : list of dict
        Metrics by key: strings, numbers, pairs (mean, spread), or None.
    columns : dict of str to tuple (title, format)
        What to print of them; the first column is set to the left.
    """
    titles = [title for title, _ in columns.values()]
    lines = [titles] + [
        [_cell(row[key], form) for key, (_, form) in columns.items()] for row in rows
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for first, *others in lines:
        print("  ".join([first.ljust(widths[0]), *map(str.rjust, others, widths[1:])]))


def _cell(value, form):
    if value is None:
        return "-"
    if isinstance(value, tuple):
        return " ± ".join(format(part, form) for part in value)
    return format(value, form)


def save_picture(display, folder, name):
    """Save the figure of a display of skmicro.plotting, and close it."""
    from matplotlib import pyplot

    folder.mkdir(parents=True, exist_ok=True)
    display.figure_.savefig(folder / f"{name}.png", dpi=80)
    pyplot.close(display.figure_)
