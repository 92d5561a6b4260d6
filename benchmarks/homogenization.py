"""Seconds, memory and iterations of full-field homogenisation.

*speed*: a ball of contrast 10 (30 % by volume, Poisson's ratios 0.3 and 0.2), six loads,
``tol=1e-5``, one thread, in both precisions, beside the bare cost of the transforms that the
iterations need (12 of real fields in each, measured in the same run); 16 images of 32^3; peak
memory of a process of its own at 128^3 in single precision.

*dataset*: images a second for 1000 labelled images of 64 x 64, three loads, with one job and with
two.

*contrast*: iterations and seconds at 32^3 against the contrast of the ball, and for voids, with
both discretisations; and what these find for C11 and C44 at contrast 10.

*device*: images a second on a CUDA device, in batches.

    python benchmarks/homogenization.py speed dataset contrast
"""

import json
import os
import resource
import subprocess
import sys
import time
import warnings

import numpy as np
import torch
from _results import RESULTS, write_results
from _tables import argument_parser, print_rows, read_arguments
from sklearn.exceptions import ConvergenceWarning

from skmicro.datasets import make_cahn_hilliard
from skmicro.properties import ElasticStiffness, elastic_fields
from skmicro.properties._fourier import DERIVATIVES

RADIUS = (3 * 0.3 / (4 * np.pi)) ** (1 / 3)  # of a ball that fills 30 % of its cell
SIDES = (32, 64, 96, 128)
CONTRASTS = (2, 10, 100, 1000, 1e4, 0.1, 1e-2, 1e-4, 0)
POISSON = (0.3, 0.2)
MEGABYTE = 2**20

SPEED_COLUMNS = {
    "case": ("case", ""),
    "precision": ("precision", ""),
    "seconds": ("CPU s", ".2f"),
    "transforms": ("of bare FFTs", ".2f"),
    "ratio": ("ratio", ".1f"),
    "n_iter": ("iterations", ""),
    "per_voxel": ("ns / (N log2 N)", ".2f"),
    "error": ("error", ".1e"),
    "memory": ("peak, MB", ".0f"),
}
DATASET_COLUMNS = {
    "n_jobs": ("jobs", "d"),
    "seconds": ("s", ".1f"),
    "rate": ("images/s", ".0f"),
    "speed_up": ("speed-up", ".2f"),
}
CONTRAST_COLUMNS = {
    "contrast": ("contrast", "g"),
    "discretization": ("", ""),
    "n_iter": ("iterations", ""),
    "residual": ("residual", ".0e"),
    "seconds": ("CPU s", ".1f"),
    "C11": ("C11", ".5f"),
    "C44": ("C44", ".5f"),
}


def ball(side):
    """Return a cell with a ball in its middle, (side, side, side)."""
    axes = (np.indices((side,) * 3) + 0.5) / side - 0.5
    return (np.square(axes).sum(0) < RADIUS**2).astype(np.uint8)


def bare_transforms(side, dtype, n_transforms):
    """Return processor's seconds of as many transforms forth and back, one field at a time."""
    field = torch.rand(side, side, side, dtype=dtype)
    modes = torch.fft.rfftn(field)
    start = time.process_time()
    for _ in range(n_transforms):
        torch.fft.rfftn(field, out=modes)
        torch.fft.irfftn(modes, s=field.shape, out=field)
    return time.process_time() - start


def iterations(image, contrast=10.0, **settings):
    """Return iterations of a normal and of a shear load, and the larger residual."""
    fields = [
        elastic_fields(image, load, young=(1.0, contrast), poisson=POISSON, **settings)
        for load in np.eye(6)[[0, 3]]
    ]
    return [f.n_iter for f in fields], max(f.residual for f in fields)


def transform_timed(estimator, images):
    """Return the rows and the processor's seconds of a transform."""
    start = time.process_time()
    rows = estimator.transform(images)
    return rows, time.process_time() - start


def measure_speed(sides):
    """Return the rows of one cell of every size, of 16 cells, and of the memory of a large one."""
    rows, exact = [], {}
    for precision in ("float64", "float32"):
        for side in sides:
            images = ball(side)[None]
            estimator = ElasticStiffness(
                young=(1.0, 10.0), poisson=POISSON, precision=precision, device="cpu"
            )
            estimator.fit(images).transform(images) if side == sides[0] else estimator.fit(images)
            found, seconds = transform_timed(estimator, images)
            n_iter, _ = iterations(images[0], precision=precision, device="cpu")
            n_applied = 3 * (n_iter[0] + n_iter[1]) + 6
            transforms = bare_transforms(side, getattr(torch, precision), 6 * n_applied)
            exact.setdefault(side, found)
            rows.append(
                {
                    "case": f"{side}^3",
                    "precision": precision,
                    "seconds": seconds,
                    "transforms": transforms,
                    "ratio": seconds / transforms,
                    "n_iter": "/".join(map(str, n_iter)),
                    "per_voxel": 1e9 * seconds / (side**3 * np.log2(side**3)),
                    "error": float(np.abs(found - exact[side]).max() / exact[side].max()),
                    "memory": None,
                }
            )
            print_rows(rows[-1:], SPEED_COLUMNS)
    stack = np.repeat(ball(32)[None], 16, axis=0)
    estimator = ElasticStiffness(young=(1.0, 10.0), poisson=POISSON, device="cpu").fit(stack)
    _, seconds = transform_timed(estimator, stack)
    empty = dict.fromkeys(SPEED_COLUMNS)
    rows.append(empty | {"case": "16 of 32^3", "precision": "float64", "seconds": seconds})
    rows.append(empty | {"case": "128^3", "precision": "float32", "memory": peak_memory()})
    return [row | {key: row[key] or "" for key in ("n_iter",)} for row in rows]


def draw_cost(rows, folder):
    """Draw seconds against voxels beside N log N."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(4, 3), layout="constrained")
    for precision in ("float64", "float32"):
        found = [row for row in rows if row["precision"] == precision and row["per_voxel"]]
        sizes = np.array([int(row["case"].split("^")[0]) ** 3 for row in found])
        seconds = np.array([row["seconds"] for row in found])
        axes.loglog(sizes, seconds, "o-", label=precision)
        axes.loglog(sizes, seconds[0] * sizes * np.log(sizes) / (sizes * np.log(sizes))[0], "k:")
    axes.set(xlabel="voxels", ylabel="CPU s of six loads (dotted: N log N)")
    axes.legend()
    folder.mkdir(parents=True, exist_ok=True)
    figure.savefig(folder / "homogenization.png", dpi=80)


def peak_memory():
    """Return the peak memory in MB of a process that homogenises 128^3 in single precision."""
    command = [sys.executable, __file__, "one"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ)
    return json.loads(answer.stdout)["peak"]


def measure_one():
    """Homogenise one load of 128^3 and print the peak memory of this process as JSON."""
    estimator = ElasticStiffness(
        young=(1.0, 10.0), poisson=POISSON, precision="float32", outputs=["C44"]
    )
    estimator.fit_transform(ball(128)[None])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE
    print(json.dumps({"peak": peak}))


def measure_dataset(n_images):
    """Return rows of a labelled data set with one job and with two."""
    images, _ = make_cahn_hilliard(n_images, (64, 64), random_state=0)
    rows = []
    for n_jobs in (1, 2):
        estimator = ElasticStiffness(
            young=(1.0, 10.0), poisson=POISSON, n_jobs=n_jobs, device="cpu"
        ).fit(images)
        estimator.transform(images[:4])  # workers start here
        start = time.perf_counter()
        estimator.transform(images)
        seconds = time.perf_counter() - start
        rows.append({"n_jobs": n_jobs, "seconds": seconds, "rate": n_images / seconds})
    return [row | {"speed_up": rows[0]["seconds"] / row["seconds"]} for row in rows]


def measure_contrast():
    """Return rows of contrasts and discretisations."""
    rows, image = [], ball(32)
    for contrast in CONTRASTS:
        for discretization in DERIVATIVES:
            if contrast == 0 and discretization != "rotated":
                continue
            settings = {"discretization": discretization, "device": "cpu", "max_iter": 1000}
            estimator = ElasticStiffness(
                young=(1.0, contrast), poisson=POISSON, outputs=["C11", "C44"], **settings
            ).fit(image[None])
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # the residual is printed
                found, seconds = transform_timed(estimator, image[None])
                n_iter, residual = iterations(image, contrast, **settings)
            rows.append(
                {"contrast": contrast, "discretization": discretization, "seconds": seconds}
                | {"n_iter": "/".join(map(str, n_iter)), "residual": residual}
                | dict(zip(("C11", "C44"), map(float, found[0]), strict=True))
            )
            print_rows(rows[-1:], CONTRAST_COLUMNS)
    return rows


def measure_device():
    """Return images a second on a CUDA device."""
    rows = []
    for shape, n_images in (((64, 64), 4096), ((32, 32, 32), 64)):
        images, _ = make_cahn_hilliard(n_images, shape, n_steps=200, random_state=0)
        for precision in ("float32", "float64"):
            estimator = ElasticStiffness(
                young=(1.0, 10.0), poisson=POISSON, device="cuda", precision=precision
            )
            estimator.fit(images).transform(images[:64])
            start = time.perf_counter()
            estimator.transform(images)
            rate = n_images / (time.perf_counter() - start)
            rows.append({"shape": list(shape), "precision": precision, "rate": rate})
    return rows


def main():
    parser = argument_parser(__doc__, n_samples=1000)
    parser.add_argument(
        "parts", nargs="+", choices=("speed", "dataset", "contrast", "device", "one")
    )
    parser.add_argument("--sides", nargs="+", type=int, default=SIDES, help="of part 'speed'")
    arguments = read_arguments(parser)
    if "one" in arguments.parts:
        measure_one()
        return
    path = RESULTS / "homogenization.json"
    payload = json.loads(path.read_text()) if path.exists() else {}
    if "speed" in arguments.parts:
        payload["speed"] = measure_speed(arguments.sides)
        print_rows(payload["speed"], SPEED_COLUMNS)
        if arguments.picture is not None:
            draw_cost(payload["speed"], arguments.picture)
    if "dataset" in arguments.parts:
        payload["dataset"] = measure_dataset(arguments.n_samples)
        print_rows(payload["dataset"], DATASET_COLUMNS)
    if "contrast" in arguments.parts:
        payload["contrast"] = measure_contrast()
        print_rows(payload["contrast"], CONTRAST_COLUMNS)
    if "device" in arguments.parts:
        payload["device"] = measure_device()
        print(payload["device"])
    print("written to", write_results("homogenization", payload))


if __name__ == "__main__":
    main()
