"""What a restart does to generated images, by the time to which it takes them back.

Light presets of ``FlowMatchingGenerator`` are trained on phase separation (32 x 32, periodic), on
windows of two micrographs (48 x 48) and on windows of a scan of sandstone (32 x 32 x 32), and
sampled with and without ``restart_time``. Each row has, beside held-out images of the same
volume fractions, the bias of p1, the error of the mean S2, surface as a ratio, the Euler number of
10^4 voxels, and the processor's time of an image over that of the flow without a restart. Windows
of micrographs to train on are from their left two thirds, held-out ones from the right third.

    SKMICRO_DATA=FOLDER python benchmarks/restarts.py --seeds 0 1 2
"""

import argparse
import os
import time
from functools import partial
from pathlib import Path

import numpy as np
import torch
from _results import write_results
from _tables import HOMOGENEOUS, print_rows, relative_error

import skmicro
from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import EulerNumber, SpecificSurface, TwoPointCorrelation
from skmicro.generators import FlowMatchingGenerator
from skmicro.images import extract_patches

TIMES = (None, 0.7, 0.6, 0.5, 0.4, 0.3)
N_HELD_OUT, N_TRAINING = 256, 1000
ITERATIONS = {"phase separation": 800, "carbonate": 500, "alloy": 500, "sandstone": 1500}
COLUMNS = {
    "material": ("material", ""),
    "seed": ("seed", "d"),
    "n_steps": ("steps", "d"),
    "restart_time": ("restart", ".1f"),
    "bias": ("p1 bias", "+.4f"),
    "s2": ("S2", ".2%"),
    "surface": ("surface of real", ".3f"),
    "euler": ("Euler, 1e-4", ".2f"),
    "seconds": ("time", ".2f"),
}


def windows(scan, shape, seed):
    """Return windows of the first two thirds of a scan along its last axis, and of the rest."""
    cut = 2 * scan.shape[-1] // 3
    parts = (scan[..., :cut], N_TRAINING), (scan[..., cut:], N_HELD_OUT)
    return [extract_patches(part, shape, n, random_state=seed) for part, n in parts]


def images_of(material, seed):
    """Return images to train on and held-out ones, and the settings of a generator for them."""
    folder = Path(os.environ.get("SKMICRO_DATA", "."))
    if material == "phase separation":
        X, _ = make_cahn_hilliard(N_TRAINING + N_HELD_OUT, (32, 32), random_state=seed)
        return X[N_HELD_OUT:], X[:N_HELD_OUT], {"periodic": True, "symmetries": HOMOGENEOUS}
    if material == "sandstone":
        scan = skmicro.read_images(folder / "berea_sandstone_200x400x400.npz")
        shape, scan = (32, 32, 32), scan.reshape(200, 400, 400)
    else:
        shape, scan = (48, 48), skmicro.read_images(folder / "materials_256.npz", key=material)[0]
    symmetries = tuple(name for name in HOMOGENEOUS if name != "translation")
    return *windows(scan, shape, seed), {"periodic": False, "symmetries": symmetries}


def measured(material, seed, arguments):
    """Train on a material, and return the rows of its samples."""
    training, held_out, settings = images_of(material, seed)
    light = FlowMatchingGenerator.light if training.ndim == 3 else FlowMatchingGenerator.light_3d
    n_iter = arguments.n_iter or ITERATIONS[material]
    generator = light(n_iter=n_iter, random_state=seed, device="cpu", **settings).fit(training)
    known = held_out[: arguments.n_samples]
    fractions = known.reshape(len(known), -1).mean(axis=1)
    periodic = settings["periodic"]
    correlation, surface, euler = (
        kind(periodic=periodic).fit(known)
        for kind in (TwoPointCorrelation, SpecificSurface, EulerNumber)
    )

    def row(images, **others):
        ratio = surface.transform(images).mean() / surface.transform(known).mean()
        means = [correlation.transform(stack).mean(axis=0) for stack in (images, known)]
        return {"material": material, "seed": seed, **others} | {
            "bias": float(images.mean() - known.mean()),
            "s2": relative_error(*means),
            "surface": float(ratio),
            "euler": float(1e4 * euler.transform(images).mean()),
        }

    rows = [row(known, n_steps=None, restart_time=None, seconds=None)]
    rows[0]["material"] += ", real"
    steps = generator.n_steps
    for n_steps, restart in [*((steps, t) for t in TIMES), (steps - 1, 0.5)]:
        generator.set_params(n_steps=n_steps, restart_time=restart, target_tol=np.inf)
        draw = partial(generator.sample, len(known), p1=fractions, random_state=seed)
        start = time.process_time()
        images = draw()
        seconds = time.process_time() - start
        rows.append(row(images, n_steps=n_steps, restart_time=restart, seconds=seconds))
    for found in rows[:0:-1]:
        found["seconds"] /= rows[1]["seconds"]
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--materials", nargs="+", choices=list(ITERATIONS), default=list(ITERATIONS)
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--n-iter", type=int, help="iterations of every training")
    parser.add_argument("--n-samples", type=int, default=96)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for material in arguments.materials:
        for seed in arguments.seeds:
            rows += measured(material, seed, arguments)
            print_rows(rows, COLUMNS)
            path = write_results("restarts", vars(arguments) | {"rows": rows})
    print("written to", path)


if __name__ == "__main__":
    main()
