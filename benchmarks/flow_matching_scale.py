"""Cost and quality of sampling by flow matching: steps, sizes, memory, seams.

*steps*: p1 bias and error of the mean S2 (worst of five targets, ``target_tol=inf``; beside
the halves of the real images) and milliseconds per 64 x 64 image, against method and number of
steps; then the same in single precision throughout instead of bfloat16.

*sizes*: a model trained at 64 x 64 makes larger images. Error of the mean S2 against real
images of 256 x 256, whole and in windows; *seam ratio*: share of neighbours that differ across
the border of the periodic image, over the same share inside; *repeats*: largest correlation of
two different 64 x 64 tiles of one image, at any shift, over that of tiles of different real
images. Seconds and peak memory (of a process of its own, resident set) from 64^2 to 2048^2
with the same model, from 32^3 to 256^3 with a narrow one that was hardly trained.

*device*: on a CUDA device, images per second eager and compiled, in single precision and
bfloat16.

    python benchmarks/flow_matching_scale.py steps sizes
    python benchmarks/flow_matching_scale.py device
"""

import itertools
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from _results import write_results
from _sizes import SIZE_COLUMNS, cost_of_one, repeats, seam_ratio
from _tables import (
    HOMOGENEOUS,
    SHAPE,
    argument_parser,
    mixture_of,
    nearest_images,
    print_rows,
    read_arguments,
    relative_error,
    save_picture,
)

from skmicro import networks
from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import TwoPointCorrelation, VolumeFraction
from skmicro.generators import FlowMatchingGenerator
from skmicro.plotting import SampleGridDisplay

TARGETS = (0.3, 0.4, 0.5, 0.6, 0.7)
STEPS = [("euler", n) for n in (4, 8, 16)] + [
    (method, n) for method in ("midpoint", "heun") for n in (2, 3, 4, 8, 16)
]
LARGE = (256, 256)
N_LARGE = 16
AREAS = [(side, side) for side in (64, 128, 256, 512, 1024, 2048)]
VOLUMES = [(side, side, side) for side in (32, 64, 128, 256)]
STEP_COLUMNS = {
    "method": ("method", ""),
    "n_steps": ("steps", "d"),
    "precision": ("precision", ""),
    "bias": ("worst bias", ".4f"),
    "std": ("worst std", ".4f"),
    "s2_worst": ("worst S2", ".2%"),
    "halves": ("halves", ".2%"),
    "milliseconds": ("ms/image", ".1f"),
}
LARGE_COLUMNS = {
    "cover": ("", ""),
    "p1": ("p1", ".2f"),
    "p1_error": ("error of p1", ".4f"),
    "s2_error": ("S2", ".2%"),
    "halves": ("halves", ".2%"),
    "seam": ("seam ratio", ".3f"),
    "seam_real": ("of real", ".3f"),
    "repeats": ("repeats", ".3f"),
    "seconds": ("CPU s/image", ".2f"),
}


def trained(arguments):
    """Return a light preset trained on phase separation."""
    images, _ = make_cahn_hilliard(
        1024, SHAPE, volume_fraction=(0.25, 0.75), random_state=arguments.seed
    )
    settings = {} if arguments.n_iter is None else {"n_iter": arguments.n_iter}
    return FlowMatchingGenerator.light(
        symmetries=HOMOGENEOUS, device="cpu", random_state=arguments.seed, **settings
    ).fit(images)


def measure_steps(generator, n_samples):
    """Return a row for each method and number of steps."""
    reference, _ = make_cahn_hilliard(4096, SHAPE, volume_fraction=(0.25, 0.75), random_state=1000)
    fractions = VolumeFraction().fit_transform(reference)[:, 0]
    s2 = TwoPointCorrelation(periodic=True).fit(reference)
    real = [s2.transform(nearest_images(reference, fractions, p, 200)) for p in TARGETS]
    halves = max(relative_error(r[::2].mean(0), r[1::2].mean(0)) for r in real)
    network, rows = generator.generator_, []
    for low, (method, n_steps) in itertools.product((network.bfloat16, False), STEPS):
        if not low and network.bfloat16 and (method, n_steps) not in (("midpoint", 4), STEPS[-1]):
            continue
        generator.set_params(method=method, n_steps=n_steps, target_tol=np.inf)
        network.bfloat16, was = low, network.bfloat16
        start = time.process_time()
        stacks = [generator.sample(n_samples, p1=p, random_state=1) for p in TARGETS]
        seconds = time.process_time() - start
        network.bfloat16 = was
        made = [stack.mean(axis=(1, 2)) for stack in stacks]
        errors = [
            relative_error(s2.transform(stack).mean(0), curves.mean(0))
            for stack, curves in zip(stacks, real, strict=True)
        ]
        rows.append(
            {
                "method": method,
                "n_steps": n_steps,
                "precision": "auto" if low else "float32",
                "bias": max(abs(m.mean() - p) for m, p in zip(made, TARGETS, strict=True)),
                "std": max(m.std() for m in made),
                "s2_worst": max(errors),
                "halves": halves,
                "milliseconds": 1000 * seconds / (n_samples * len(TARGETS)),
            }
        )
    print_rows(rows, STEP_COLUMNS)
    return rows


def measure_large(generator, arguments):
    """Compare images of 256 x 256 with real ones, made whole and in windows."""
    rows, shown = [], {}
    generator.set_params(method="midpoint", n_steps=4, target_tol=0.01)
    for target in (0.35, 0.5):
        mixture = mixture_of(target)
        real, _ = make_cahn_hilliard(
            2 * N_LARGE, LARGE, volume_fraction=(mixture, mixture), random_state=7
        )
        p1, s2 = real.mean(), TwoPointCorrelation(periodic=True).fit(real)
        curves = s2.transform(real)
        for cover, max_voxels in (("whole", None), ("windows of 128", 128**2)):
            start = time.process_time()
            samples = in_cover(generator, max_voxels, p1)
            seconds = time.process_time() - start
            rows.append(
                {
                    "cover": cover,
                    "p1": float(p1),
                    "p1_error": float(abs(samples.mean() - p1)),
                    "s2_error": relative_error(s2.transform(samples).mean(0), curves.mean(0)),
                    "halves": relative_error(curves[::2].mean(0), curves[1::2].mean(0)),
                    "seam": seam_ratio(samples),
                    "seam_real": seam_ratio(real),
                    "repeats": repeats(samples[:6], real[:8], SHAPE),
                    "seconds": seconds / N_LARGE,
                }
            )
            shown[f"{cover}, p1 = {p1:.2f}"] = samples[:2]
        shown[f"real, p1 = {p1:.2f}"] = real[:2]
    print_rows(rows, LARGE_COLUMNS)
    if arguments.picture is not None:
        display = SampleGridDisplay.from_images(shown)
        save_picture(display, arguments.picture, "flow_matching_scale")
    return rows


def in_cover(generator, max_voxels, p1):
    """Sample with another bound on the voxels of a window."""
    defaults = networks.in_windows.__defaults__
    if max_voxels is not None:
        networks.in_windows.__defaults__ = (max_voxels, *defaults[1:])
    try:
        return generator.sample(N_LARGE, shape=LARGE, p1=p1, random_state=3)
    finally:
        networks.in_windows.__defaults__ = defaults


def measure_sizes(generator, arguments):
    """Return seconds and memory of one image of each size, each in a process of its own."""
    volume, _ = make_cahn_hilliard(16, (16, 16, 16), n_steps=100, random_state=0)
    narrow = FlowMatchingGenerator.light(width=32, n_iter=20, device="cpu", random_state=0)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, fitted, shapes in (
            ("plane", generator, AREAS),
            ("volume", narrow.fit(volume), VOLUMES),
        ):
            path = Path(folder) / f"{name}.skm"
            fitted.set_params(target_tol=np.inf).save(path)
            for shape in shapes:
                rows.append(cost_of_one(path, shape))
                print_rows(rows[-1:], SIZE_COLUMNS)
    return rows


def measure_device(arguments):
    """Return images per second of the default network on a CUDA device."""
    images, _ = make_cahn_hilliard(64, SHAPE, random_state=0)
    rows = []
    for precision in ("float32", "auto"):
        generator = FlowMatchingGenerator(n_iter=20, device="cuda", precision=precision)
        generator.fit(images)
        eager = generator.generator_
        for name, network in (("eager", eager), ("compiled", torch.compile(eager))):
            vars(generator)["generator_"] = network
            generator.sample(64, random_state=0)
            torch.cuda.synchronize()
            start = time.perf_counter()
            generator.sample(4096, random_state=0)
            torch.cuda.synchronize()
            rate = 4096 / (time.perf_counter() - start)
            rows.append({"precision": precision, "network": name, "images_per_second": rate})
    columns = {"precision": ("", ""), "network": ("", ""), "images_per_second": ("images/s", ".0f")}
    print_rows(rows, columns)
    return rows


def main():
    parser = argument_parser(__doc__, n_samples=200)
    parser.add_argument("parts", nargs="+", choices=("steps", "sizes", "device"))
    arguments = read_arguments(parser)
    payload = {}
    if {"steps", "sizes"} & set(arguments.parts):
        generator = trained(arguments)
    if "steps" in arguments.parts:
        payload["steps"] = measure_steps(generator, arguments.n_samples)
    if "sizes" in arguments.parts:
        payload["large"] = measure_large(generator, arguments)
        payload["sizes"] = measure_sizes(generator, arguments)
    if "device" in arguments.parts:
        payload["device"] = measure_device(arguments)
    print("written to", write_results("flow_matching_scale", payload))


if __name__ == "__main__":
    main()
