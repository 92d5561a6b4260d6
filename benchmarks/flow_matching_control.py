"""Targets met by flow matching, beside the light InvNet and the field that learns nothing.

*p1*: the eleven targets of ``volume_fraction_control.py``, trained on the same 1024 images for
the same processor's time, one thread, several seeds. Images as the network makes them
("free", ``target_tol=inf``), as ``sample`` returns them, and with ``exact=True``. Each row is
the worst or the mean of the eleven targets: bias and standard deviation of p1, error of the mean
S2 against the 200 of 4096 held-out images whose p1 is nearest to the target, beside the
same error of 100 of these against the other 100. Surface and Euler number: distance of the mean
from that of the real images, in standard deviations of these, mean of the targets.

*Curves*: conditions ("p2",); the S2 curves of held-out images as targets, one image each.
Error of the curve that the image has, relative to the norm of the curve asked for; of the
mean curve; and, for scale, the error of the training image that is nearest in p1.

*p1 and domain size*: conditions ("p1", "specific_surface") on images after 300 to 1000 steps of
phase separation; nine pairs of targets (16th, 50th and 84th percentile of surface at three p1).

    python benchmarks/flow_matching_control.py p1 curves two
"""

import time

import numpy as np
from _results import write_results
from _tables import (
    HOMOGENEOUS,
    SHAPE,
    argument_parser,
    fit_timed,
    iterations_within,
    nearest_images,
    print_rows,
    read_arguments,
    relative_error,
)

from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import EulerNumber, SpecificSurface, TwoPointCorrelation, VolumeFraction
from skmicro.generators import FlowMatchingGenerator, GaussianRandomField, InvNetGenerator

TARGETS = np.round(np.linspace(0.25, 0.75, 11), 2)
MIXTURES = (0.25, 0.75)
N_TRAIN, N_HELD_OUT, N_NEAR = 1024, 4096, 200
KINDS = {
    "free": {"target_tol": np.inf},
    "sample": {"target_tol": 0.01},
    "exact": {"exact": True},
}
STEPS = (300, 400, 500, 700, 1000)
S2, P1, SURFACE = (
    TwoPointCorrelation(periodic=True),
    VolumeFraction(),
    SpecificSurface(periodic=True),
)
SHAPES = {"surface": SURFACE, "euler": EulerNumber(periodic=True)}
P1_COLUMNS = {
    "method": ("", ""),
    "kind": ("", ""),
    "seed": ("seed", "d"),
    "bias": ("worst bias", ".4f"),
    "std": ("worst std", ".4f"),
    "s2_worst": ("worst S2", ".2%"),
    "s2_mean": ("mean S2", ".2%"),
    "halves_worst": ("worst halves", ".2%"),
    "halves_mean": ("mean halves", ".2%"),
    "surface": ("surface", ".2f"),
    "euler": ("Euler", ".2f"),
    "milliseconds": ("ms/image", ".2f"),
    "seconds": ("training, CPU s", ".0f"),
}
CURVE_COLUMNS = {
    "curve_error": ("error of a curve", ".2%"),
    "mean_error": ("of the mean curve", ".2%"),
    "neighbour_error": ("image nearest in p1", ".2%"),
    "p1_rms": ("rms of p1", ".4f"),
}
TWO_COLUMNS = {
    "p1": ("p1", ".2f"),
    "surface": ("surface", ".4f"),
    "p1_mean": ("mean p1", ".4f"),
    "p1_std": ("std", ".4f"),
    "surface_mean": ("mean surface", ".4f"),
    "surface_std": ("std", ".4f"),
    "spread": ("spread in the data", ".4f"),
}


def simulated(n_images, seed, **settings):
    """Return phase-separated images of the whole range of p1."""
    images, _ = make_cahn_hilliard(
        n_images, SHAPE, volume_fraction=MIXTURES, random_state=seed, **settings
    )
    return images


def trained(generator_class, images, arguments, seed, **settings):
    """Train a light preset for the time that the options give it."""

    def made(**more):
        settings_of_all = {"periodic": True, "symmetries": HOMOGENEOUS, "device": "cpu"}
        return generator_class.light(**settings_of_all, **settings, random_state=seed, **more)

    n_iter = arguments.n_iter or iterations_within(arguments.seconds, made, images)
    start = time.process_time()
    generator, record = fit_timed(made(n_iter=n_iter), images)
    return generator, record | {"seconds": time.process_time() - start}


def shift(descriptor, samples, real):
    """Distance of means, in standard deviations of real images."""
    metrics = descriptor.fit_transform(real)[:, 0]
    return float((descriptor.transform(samples)[:, 0].mean() - metrics.mean()) / metrics.std())


def control(generator, reference, n_samples, target_tol=None, **options):
    """Return the metrics of the eleven targets."""
    if target_tol is not None:
        generator.set_params(target_tol=target_tol)
    fractions = P1.fit_transform(reference)[:, 0]
    rows, start = [], time.process_time()
    stacks = [generator.sample(n_samples, p1=p, random_state=1, **options) for p in TARGETS]
    seconds = time.process_time() - start
    for target, samples in zip(TARGETS, stacks, strict=True):
        near = nearest_images(reference, fractions, target, N_NEAR)
        real = S2.fit_transform(near)
        made = P1.transform(samples)[:, 0]
        rows.append(
            {
                "target": float(target),
                "bias": float(made.mean() - target),
                "std": float(made.std()),
                "s2_error": relative_error(S2.transform(samples).mean(0), real.mean(0)),
                "halves": relative_error(real[::2].mean(0), real[1::2].mean(0)),
                **{name: shift(look, samples, near) for name, look in SHAPES.items()},
            }
        )
    metrics = {key: [abs(row[key]) for row in rows] for key in rows[0]}
    return {
        "rows": rows,
        "bias": max(metrics["bias"]),
        "std": max(metrics["std"]),
        "s2_worst": max(metrics["s2_error"]),
        "s2_mean": float(np.mean(metrics["s2_error"])),
        "halves_worst": max(metrics["halves"]),
        "halves_mean": float(np.mean(metrics["halves"])),
        **{name: float(np.mean(metrics[name])) for name in SHAPES},
        "milliseconds": 1000 * seconds / (n_samples * len(TARGETS)),
    }


def measure_p1(arguments, settings):
    """Print the rows of all methods, kinds and seeds; write them after each seed."""
    reference, rows = simulated(N_HELD_OUT, 1000), []
    for seed in range(arguments.seed, arguments.seed + arguments.n_seeds):
        images = simulated(N_TRAIN, seed)
        for name, generator_class in (("flow", FlowMatchingGenerator), ("InvNet", InvNetGenerator)):
            generator, record = trained(generator_class, images, arguments, seed)
            for kind, options in KINDS.items():
                metrics = control(generator, reference, arguments.n_samples, **options)
                rows.append({"method": name, "kind": kind, "seed": seed} | metrics | record)
                print_rows(rows[-1:], P1_COLUMNS)
        field = GaussianRandomField(random_state=seed, periodic=True).fit(images)
        metrics = control(field, reference, arguments.n_samples)
        rows.append({"method": "field", "kind": "sample", "seed": seed, "seconds": 0} | metrics)
        path = write_results("flow_matching_control", settings | {"rows": rows})
    print()
    print_rows(rows, P1_COLUMNS)
    print("written to", path)


def measure_curves(arguments):
    """Return metrics of images made from the curves of held-out images."""
    images, held_out = simulated(N_TRAIN, arguments.seed), simulated(256, 1001)
    wanted = S2.fit_transform(held_out)
    generator, record = trained(
        FlowMatchingGenerator, images, arguments, arguments.seed, conditions=("p2",)
    )
    samples = generator.sample(len(held_out), p2=wanted, random_state=1)
    made = S2.transform(samples)
    fractions, training_curves = P1.fit_transform(images)[:, 0], S2.transform(images)
    nearest = np.abs(fractions - P1.transform(held_out)).argmin(axis=1)
    norms = np.linalg.norm(wanted, axis=1)
    errors, neighbours = (
        np.linalg.norm(curves - wanted, axis=1) / norms
        for curves in (made, training_curves[nearest])
    )
    gaps = P1.transform(samples) - P1.transform(held_out)
    return record | {
        "curve_error": float(errors.mean()),
        "mean_error": relative_error(made.mean(0), wanted.mean(0)),
        "neighbour_error": float(neighbours.mean()),
        "p1_rms": float(np.sqrt(np.square(gaps).mean())),
    }


def measure_two(arguments):
    """Return metrics of nine pairs of p1 and specific surface."""
    parts = [
        simulated(N_TRAIN // len(STEPS), 10_000 * arguments.seed + n_steps, n_steps=n_steps)
        for n_steps in STEPS
    ]
    images = np.concatenate(parts)
    p1, surface = P1.fit_transform(images)[:, 0], SURFACE.fit_transform(images)[:, 0]
    generator, record = trained(
        FlowMatchingGenerator,
        images,
        arguments,
        arguments.seed,
        conditions=("p1", "specific_surface"),
    )
    rows = []
    for target in (0.35, 0.5, 0.65):
        near = surface[np.abs(p1 - target) < 0.05]
        for wanted in np.percentile(near, (16, 50, 84)):
            samples = generator.sample(
                arguments.n_samples, p1=target, specific_surface=wanted, random_state=1
            )
            made = [d.transform(samples)[:, 0] for d in (P1, SURFACE)]
            rows.append(
                {"p1": target, "surface": float(wanted), "spread": float(near.std())}
                | {"p1_mean": float(made[0].mean()), "p1_std": float(made[0].std())}
                | {"surface_mean": float(made[1].mean()), "surface_std": float(made[1].std())}
            )
    print_rows(rows, TWO_COLUMNS)
    return record | {"rows": rows}


def main():
    parser = argument_parser(__doc__, n_samples=500)
    parser.add_argument("parts", nargs="+", choices=("p1", "curves", "two"))
    parser.add_argument("--n-seeds", type=int, default=3, help="trainings of each method")
    parser.add_argument("--seconds", type=float, default=240.0, help="processor's time of each")
    arguments = read_arguments(parser)
    settings = {"seconds": arguments.seconds, "n_samples": arguments.n_samples}
    if "p1" in arguments.parts:
        measure_p1(arguments, settings)
    if "curves" in arguments.parts:
        metrics = measure_curves(arguments)
        print_rows([metrics], CURVE_COLUMNS)
        print("written to", write_results("flow_matching_curves", settings | metrics))
    if "two" in arguments.parts:
        print("written to", write_results("flow_matching_two", settings | measure_two(arguments)))


if __name__ == "__main__":
    main()
