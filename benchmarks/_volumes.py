"""What the benchmarks of volumes share: metrics of samples, training within a budget, tables."""

import time
from functools import partial
from pathlib import Path

import numpy as np
from _results import write_results
from _tables import iterations_within, print_rows, relative_error, save_picture, stop_after

from skmicro.descriptors import ClusterStatistics, EulerNumber, SpecificSurface, TwoPointCorrelation
from skmicro.evaluation import mean_relative_error
from skmicro.generators import FlowMatchingGenerator, GaussianRandomField, VolumeWGAN
from skmicro.plotting import SampleGridDisplay
from skmicro.properties import EffectiveConductivity, ElasticStiffness

YOUNG, POISSON, CONDUCTIVITY = (1e3, 1e4), (0.4, 0.1), (1.0, 10.0)
REAL, FIELD, FLOW = "real", "Gaussian random field", "flow matching"
PLANE_FLOW = "flow matching, light"  # the preset for images, beside that for volumes
NETWORKS = ("light", "fine", "growing", "constant", "equivariant")
ON_CPU = ("light", "fine")
N_SHOWN = 8
COLUMNS = {
    "model": ("volumes", ""),
    "E_p1": ("E_p1", ".2e"),
    "E_p2": ("E_p2", ".2e"),
    "E_C11": ("E_C11", ".2e"),
    "p1": ("p1", ".4f"),
    "C11": ("C11 of real", ".2%"),
    "anisotropy": ("anisotropy", ".3f"),
    "k11": ("k11 of real", ".2%"),
    "s2": ("S2 of means", ".2%"),
    "surface": ("surface of real", ".2f"),
    "euler": ("Euler of real", ".2f"),
    "connected0": ("largest of 0", ".3f"),
    "connected1": ("largest of 1", ".3f"),
    "n_iter": ("iterations", ""),
    "seconds": ("CPU s", ".0f"),
}


def measured(images, periodic):
    """Return what the metrics compare, by name, a row for each volume."""
    fast = {"rtol": 1e-5, "precision": "float32"}
    stiffness = ElasticStiffness(young=YOUNG, poisson=POISSON, **fast).fit_transform(images)
    conduction = EffectiveConductivity(conductivity=CONDUCTIVITY, **fast).fit_transform(images)
    found = {
        "p1": images.reshape(len(images), -1).mean(axis=1, keepdims=True),
        "p2": TwoPointCorrelation(periodic=periodic).fit_transform(images),
        "stiffness": stiffness,
        "conductivity": conduction,
        "surface": SpecificSurface(periodic=periodic).fit_transform(images),
        "euler": EulerNumber(periodic=periodic, edge_correction=False).fit_transform(images),
    }
    for phase in (0, 1):
        clusters = ClusterStatistics(
            phase=phase, periodic=periodic, edge_correction=False
        ).set_output(transform="pandas")
        found[f"connected{phase}"] = clusters.fit_transform(images)["clusters_largest_share"]
    return found


def anisotropy(stiffness):
    """Return 2 C44 / (C11 - C12) of the 21 components, each the mean over the axes."""
    C = np.zeros((6, 6))
    C[np.triu_indices(6)] = stiffness
    normal, shear = C[:3, :3], np.diag(C)[3:].mean()
    coupled = normal[np.triu_indices(3, 1)].mean()
    return float(2 * shear / (np.diag(normal).mean() - coupled))


def row_of(model, samples, reference, record):
    """Return the metrics of samples beside those of as many real volumes.

    Relative errors are means over pairs of a sample and a real volume, as in Eq. 34 of Henkes and
    Wessels 2022; anisotropy is 2 C44 / (C11 - C12) of the mean stiffness, with means over the axes.
    """
    C, real = samples["stiffness"], reference["stiffness"]
    ratios = {
        name: float(samples[key][:, 0].mean() / reference[key][:, 0].mean())
        for name, key in (("k11", "conductivity"), ("surface", "surface"), ("euler", "euler"))
    }
    return {
        "model": model,
        "E_p1": mean_relative_error(samples["p1"], reference["p1"]),
        "E_p2": mean_relative_error(samples["p2"], reference["p2"]),
        "E_C11": mean_relative_error(C[:, :1], real[:, :1]),
        "p1": (float(samples["p1"].mean()), float(samples["p1"].std())),
        "C11": float(C[:, 0].mean() / real[:, 0].mean()),
        "anisotropy": anisotropy(C.mean(axis=0)),
        "s2": relative_error(samples["p2"].mean(axis=0), reference["p2"].mean(axis=0)),
        **ratios,
        **{f"connected{k}": float(samples[f"connected{k}"].mean()) for k in (0, 1)},
        **record,
    }


def generators(arguments, periodic, symmetries):
    """Return functions that make the generators asked for, by name."""
    settings = {"periodic": periodic, "random_state": arguments.seed}
    settings |= {"symmetries": symmetries}

    def network(name, **others):
        light = {"architecture": name} if name in ON_CPU else {}
        make = VolumeWGAN.light if light else VolumeWGAN
        if not light:
            light = {"architecture": name, "width": arguments.filters[0]}
            light |= {"critic_width": arguments.filters[1]}
        penalty = {"volume_fraction_penalty": arguments.penalty}
        return make(**settings, **light, **penalty, **others)

    makers = {name: partial(network, name) for name in NETWORKS}
    makers[FLOW] = partial(FlowMatchingGenerator.light_3d, **settings)
    makers[PLANE_FLOW] = partial(FlowMatchingGenerator.light, **settings)
    makers[FIELD] = GaussianRandomField
    return {name: makers[name] for name in arguments.models}


def trained(name, make, images, arguments):
    """Train a generator within its minutes, and return it with the record of the training.

    On the CPU the minutes are those of the processor, and the number of iterations that fit into
    them is estimated from a few; on a CUDA device they are limits, and ``--checkpoints`` resumes
    the previous run.
    """
    start = time.process_time()
    if name == FIELD:
        generator, n_iter = make().fit(images), None
    elif arguments.device == "cpu":
        made = partial(make, device="cpu")
        n_iter = arguments.n_iter or iterations_within(60 * arguments.minutes, made, images)
        start = time.process_time()
        generator = made(n_iter=n_iter).fit(images)
    else:
        path = arguments.checkpoints and arguments.checkpoints / f"{name}.skm"
        limit = [stop_after(arguments.minutes)]
        generator = make(device=arguments.device, callbacks=limit, checkpoint=path).fit(images)
        n_iter = generator.n_iter_
    return generator, {"n_iter": n_iter, "seconds": time.process_time() - start}


def add_options(parser):
    """Add the options of the benchmarks of volumes."""
    names, default = [*NETWORKS, FLOW, PLANE_FLOW, FIELD], [FIELD, *ON_CPU, FLOW]
    parser.add_argument("--models", nargs="+", choices=names, default=default, metavar="MODEL")
    parser.add_argument("--n-training", type=int, default=1000, help="volumes to train on")
    parser.add_argument("--sigma", type=float, nargs="+", default=[1.0], help="of latents")
    parser.add_argument("--penalty", type=float, default=0.0, help="of volume fractions")
    parser.add_argument(
        "--filters", type=int, nargs=2, default=[32, 16], metavar=("GENERATOR", "CRITIC")
    )
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--checkpoints", type=Path, metavar="FOLDER", help="of CUDA trainings")
    parser.add_argument("--output", help="name of the results")


def compare(name, volumes, periodic, symmetries, arguments, published):
    """Train on the first volumes, compare samples with the last, print and write the rows.

    Real volumes are compared with as many others, which no generator has seen either.
    """
    n = arguments.n_samples
    training, reference, others = volumes[: -2 * n], volumes[-2 * n : -n], volumes[-n:]
    known = measured(reference, periodic)
    nothing = {"n_iter": None, "seconds": 0.0}
    rows = [row_of(REAL, measured(others, periodic), known, nothing)]
    shown = {REAL: sections(reference)}
    for model, make in generators(arguments, periodic, symmetries).items():
        generator, record = trained(model, make, training, arguments)
        for sigma in arguments.sigma if isinstance(generator, VolumeWGAN) else [None]:
            if sigma is not None:
                generator.set_params(sigma=sigma)
            samples = generator.sample(n, random_state=arguments.seed)
            title = model if sigma in (None, 1.0) else f"{model}, sigma {sigma:g}"
            rows.append(row_of(title, measured(samples, periodic), known, record))
            shown[title] = sections(samples)
    print_rows(rows, COLUMNS)
    for title, errors in published.items():
        print(f"paper, {title}: " + ", ".join(f"{error:.2e}" for error in errors))
    if arguments.picture:
        save_picture(SampleGridDisplay.from_images(shown), arguments.picture, name)
    settings = {k: v for k, v in vars(arguments).items() if not isinstance(v, Path)}
    print("written to", write_results(arguments.output or name, settings | {"rows": rows}))


def sections(volumes):
    """Return the middle sections of the first volumes."""
    return volumes[:N_SHOWN, volumes.shape[1] // 2]
