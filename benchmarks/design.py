"""Designs for a property: screening of samples, and searches through a flow and its student.

A flow is trained on phase-separated images of all volume fractions, and a student of one
evaluation learns from it. Tasks ask for properties by full fields: C11 (contrast 10) at quartiles
of real images, C11, C22 and C66 together, and the conductivity of images whose first phase
insulates. Ways are

- *screening*: samples of the flow at the fraction that real images of this property have;
- *flow*: ``design`` of the flow;
- *student*: ``design`` of the student, whose phases the network of the flow tells once more.

All three have a restart at the time 0.2, which makes smoother borders than the default.

Errors are the largest over the targets of a design, recomputed at the property's own tolerance.
Of the samples that are screened they are those of the first that is as near as the median design
of the first search. "Solves" are the images whose fields were solved for one of them, with
copies that fill up batches. CPU seconds are per design, of one thread.
Quality compares designs with the real images nearest in the property, whose halves say how much
real images differ: error of the mean S2, surface and Euler number (in standard deviations).
Diversity is the mean distance of two designs over that of the samples nearest to the property.

The last table asks for images that are stiff in one phase and conduct in the other, both as much
as possible at a fixed fraction, in standard deviations of real images of that fraction.

    python benchmarks/design.py --models FOLDER
    python benchmarks/design.py --models FOLDER --volumes
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from _quality import P1, quality, reference
from _results import RESULTS, write_results
from _tables import HOMOGENEOUS, print_rows, save_picture

import skmicro
from skmicro.datasets import make_cahn_hilliard
from skmicro.evaluation import diversity
from skmicro.exceptions import TargetWarning
from skmicro.generators import FlowMatchingGenerator
from skmicro.plotting import SampleGridDisplay
from skmicro.properties import EffectiveConductivity, ElasticStiffness

MIXTURES = (0.25, 0.75)
N_NEAR = 100
FIXED = 0.5
N_SHOWN = 8
WAYS = ("flow", "student")
RESTART = 0.2
STIFF = ElasticStiffness(outputs=["C11"])
SHEAR = ElasticStiffness(outputs=["C11", "C22", "C66"])
INSULATED = EffectiveConductivity(conductivity=(0.0, 1.0), outputs=["k11"])
CONDUCTING = EffectiveConductivity(conductivity=(10.0, 1.0), outputs=["k11"])
COLUMNS = {
    "task": ("", ""),
    "way": ("", ""),
    "median": ("error", ".2%"),
    "high": ("95 %", ".2%"),
    "met": ("met", ".0%"),
    "solves": ("solves", ".1f"),
    "seconds": ("CPU s", ".2f"),
    "diversity": ("diversity", ".2f"),
    "s2": ("S2", ".1%"),
    "s2_halves": ("halves", ".1%"),
    "surface": ("surface", "+.1%"),
    "surface_halves": ("halves", ".1%"),
    "euler": ("Euler, sd", ".2f"),
    "euler_halves": ("halves", ".2f"),
}
END_COLUMNS = {
    "way": ("", ""),
    "C11": ("C11, sd", "+.1f"),
    "k11": ("k11, sd", "+.1f"),
    "solves": ("solves", ".0f"),
    "seconds": ("CPU s", ".2f"),
    "diversity": ("diversity", ".2f"),
}


class Counted:
    """Properties that count the images that they are called with, in the search."""

    n_solved = 0

    def __call__(self, images):
        Counted.n_solved += len(images)
        return super().__call__(images)


class CountedStiffness(Counted, ElasticStiffness):
    """Stiffness, counted."""

    name = "counted_stiffness"


class CountedConductivity(Counted, EffectiveConductivity):
    """Conductivity, counted."""

    name = "counted_conductivity"


def counted(transformer):
    """Return a property as one that is counted."""
    elastic = isinstance(transformer, ElasticStiffness)
    return (CountedStiffness if elastic else CountedConductivity)(**transformer.get_params())


def simulated(n_images, shape, seed):
    """Return phase-separated images of the whole range of p1."""
    return make_cahn_hilliard(n_images, shape, volume_fraction=MIXTURES, random_state=seed)[0]


def models(shape, arguments):
    """Return a flow and its student, from files where there are any."""
    kind = f"{len(shape)}d_{shape[0]}"
    paths = [arguments.models / f"{name}_{kind}.skm" for name in ("flow", "student")]
    if not paths[0].exists():
        arguments.models.mkdir(parents=True, exist_ok=True)
        settings = {"periodic": True, "symmetries": HOMOGENEOUS, "device": "cpu"}
        settings |= {"random_state": arguments.seed}
        flow = FlowMatchingGenerator.light(**settings)
        if len(shape) == 3:
            # Fewer iterations and pairs than the preset, and an average over fewer.
            settings |= {"n_iter": 1000, "average_decay": 0.99}
            flow = FlowMatchingGenerator.light_3d(**settings)
        flow.fit(simulated(256 if len(shape) == 3 else 1024, shape, arguments.seed))
        flow.save(paths[0])
        distill = {"n_pairs": 256, "n_iter": 300} if len(shape) == 3 else {}
        flow.distill(**distill).save(paths[1])
    return [skmicro.load(path) for path in paths]


def searched(flow, student, arguments):
    """Return the generators that are asked for designs, by name."""
    named = {"flow": flow, "student": student}
    return [(way, named[way]) for way in arguments.ways]


def relative_errors(values, targets):
    """Return the largest relative error of each row."""
    return np.abs(values / np.array(list(targets.values())) - 1.0).max(axis=1)


def timed_designs(generator, transformers, targets, arguments, **options):
    """Return designs and what one of them took."""
    Counted.n_solved, start = 0, time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", TargetWarning)  # the table counts those that miss
        designs = generator.design(
            [counted(each) for each in transformers],
            targets,
            arguments.n_designs,
            random_state=arguments.seed + 1,
            **options,
        )
    n = arguments.n_designs
    taken = {"solves": Counted.n_solved / n, "seconds": (time.process_time() - start) / n}
    return designs, taken


def screened(flow, transformer, targets, p1, arguments):
    """Return samples at a fraction, their errors, and the seconds of one."""
    start = time.process_time()
    images = flow.sample(arguments.n_pool, p1=p1, random_state=arguments.seed + 2)
    errors = relative_errors(transformer.fit_transform(images), targets)
    return images, errors, (time.process_time() - start) / len(images)


def compared(images, near):
    """Return how images differ from real ones, and how their halves do."""
    found = quality([images], reference(near, [P1.fit_transform(near).mean()]))
    halves = quality([near[::2]], reference(near[1::2], [P1.fit_transform(near).mean()]))
    row = {key: found[key] for key in ("s2", "surface", "euler")}
    return row | {f"{key}_halves": abs(halves[key]) for key in row}


def judged(images, errors, rtol, near, close):
    """Return the metrics of designs."""
    spread = {"median": float(np.median(errors)), "high": float(np.quantile(errors, 0.95))}
    spread |= {"met": float((errors <= rtol).mean())}
    return spread | {"diversity": diversity(images) / diversity(close)} | compared(images, near)


def measured(task, transformer, targets, rtol, values, flow, student, real, arguments):
    """Return the rows of a task, and the pictures."""
    order = np.argsort(relative_errors(values, targets), kind="stable")
    order = order[: min(N_NEAR, len(real) // 8)]
    near, p1 = real[order], P1.fit_transform(real[order])[:, 0].mean()
    images, errors, seconds = screened(flow, transformer, targets, p1, arguments)
    close = images[np.argsort(errors, kind="stable")[: arguments.n_designs]]
    rows, stacks = [], {f"{task}\nreal": near}
    for way, generator in searched(flow, student, arguments):
        designs, taken = timed_designs(generator, [transformer], targets, arguments, rtol=rtol)
        told = relative_errors(np.stack([*designs.values.values()], axis=1), targets)
        row = judged(designs.images, told, rtol, near, close)
        rows.append({"task": task, "way": way} | taken | row)
        stacks[f"{task}\n{way}"] = designs.images
    # Of samples that are evenly spread up to an error, the median one has half of it.
    wanted = 2.0 * rows[0]["median"]
    n_found = int((errors <= wanted).sum())
    chosen = errors <= wanted if n_found > 1 else errors <= np.sort(errors)[1]
    solves = len(errors) / max(n_found, 1)
    row = judged(images[chosen], errors[chosen], rtol, near, close)
    rows.insert(0, {"task": task, "way": "screening", "solves": solves} | row)
    rows[0] |= {"seconds": seconds * solves, "n_found": n_found, "diversity": None}
    for row in rows:
        row["target"] = {name: float(value) for name, value in targets.items()}
        row["p1"] = float(p1)
        row["n_designs"], row["n_pool"] = arguments.n_designs, arguments.n_pool
        row["n_real"], row["seed"] = arguments.n_real, arguments.seed
    print_rows(rows, COLUMNS)
    return rows, stacks


def ends(flow, student, arguments):
    """Return the rows of the largest stiffness and conductivity at a fixed fraction."""
    real = simulated(2 * arguments.n_real, flow.image_shape_, arguments.seed + 1001)
    fractions = P1.fit_transform(real)[:, 0]
    real = real[np.argsort(np.abs(fractions - FIXED), kind="stable")[:N_NEAR]]

    def described(images):
        return np.hstack([each.fit_transform(images) for each in (STIFF, CONDUCTING)])

    known = described(real)
    images, _, seconds = screened(flow, STIFF, {"C11": 1.0}, FIXED, arguments)
    found = described(images)
    best = np.argsort(-np.log(found).sum(axis=1), kind="stable")[: len(images) // 64]
    rows = [("screening", images[best], {"solves": 64, "seconds": 64 * seconds})]
    targets = {"C11": "max", "k11": "max"}
    for way, generator in searched(flow, student, arguments):
        designs, taken = timed_designs(generator, [STIFF, CONDUCTING], targets, arguments, p1=FIXED)
        taken["solves"] /= 2
        rows.append((way, designs.images, taken))
    told = []
    for way, stack, taken in rows:
        means = (described(stack).mean(axis=0) - known.mean(axis=0)) / known.std(axis=0)
        told.append(
            {"way": way, "C11": float(means[0]), "k11": float(means[1])}
            | taken
            | {"diversity": diversity(stack) / diversity(images)}
        )
    print_rows(told, END_COLUMNS)
    return told, {"stiff and\nconductive": rows[-1][1]}


def draw(stacks, folder):
    """Draw a row of real images and one of a student's designs for every task."""
    if folder is not None:
        shown = {label: images[:N_SHOWN] for label, images in stacks.items() if "flow" not in label}
        save_picture(SampleGridDisplay.from_images(shown), folder, "design")


def tasks(real):
    """Return name, property, targets, tolerance and values of real images of every task."""
    shear = SHEAR.fit_transform(real)
    insulated = INSULATED.fit_transform(real)
    found = []
    for share in (0.25, 0.5, 0.75):
        target = {"C11": np.quantile(shear[:, 0], share)}
        found.append((f"C11, {share:.2f}", STIFF, target, 0.002, shear[:, :1]))
    middle = [np.median(shear[:, :2])] * 2 + [np.median(shear[:, 2])]
    names = ("C11", "C22", "C66")
    found.append(("C11, C22, C66", SHEAR, dict(zip(names, middle, strict=True)), 0.005, shear))
    target = {"k11": np.quantile(insulated[insulated > 0], 0.5)}
    found.append(("k11, insulated", INSULATED, target, 0.002, insulated))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--models", type=Path, required=True, help="folder of trained models")
    parser.add_argument("--volumes", action="store_true", help="of 32^3 voxels, not 64^2 pixels")
    parser.add_argument("--n-designs", type=int, default=16)
    parser.add_argument("--n-pool", type=int, default=256, help="samples that are screened")
    parser.add_argument("--n-real", type=int, default=1024)
    parser.add_argument(
        "--tasks", nargs="+", help="beginnings of their names, of others rows on file are kept"
    )
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--no-ends", action="store_true", help="leave the last table out")
    parser.add_argument("--picture", type=Path, metavar="FOLDER", help="where to draw")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    shape = (32,) * 3 if arguments.volumes else (64, 64)
    flow, student = models(shape, arguments)
    for generator in (flow, student):
        generator.set_params(restart_time=RESTART)
    real = simulated(arguments.n_real, shape, arguments.seed + 1000)
    name, rows, stacks = f"design_{'32_3d' if arguments.volumes else 64}", [], {}
    settings = {k: v for k, v in vars(arguments).items() if k not in ("models", "picture")}
    if arguments.tasks and (RESULTS / f"{name}.json").exists():
        known = json.loads((RESULTS / f"{name}.json").read_text())["rows"]
        rows = [row for row in known if not row["task"].startswith(tuple(arguments.tasks))]
    for task in tasks(real):
        if not arguments.tasks or task[0].startswith(tuple(arguments.tasks)):
            found, pictures = measured(*task, flow, student, real, arguments)
            rows, stacks = rows + found, stacks | pictures
            write_results(name, settings | {"rows": rows})
    told = []
    if not arguments.no_ends:
        told, pictures = ends(flow, student, arguments)
        stacks |= pictures
    draw(stacks, arguments.picture)
    print_rows(rows, COLUMNS)
    print("written to", write_results(name, settings | {"rows": rows, "ends": told}))


if __name__ == "__main__":
    main()
