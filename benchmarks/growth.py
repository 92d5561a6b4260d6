"""How cost grows with the size of images: descriptors, properties, sampling, training.

Milliseconds of one processor for one image, medians of ``--repeats`` in turns over the sizes, and
the same over the law that is expected, divided by that of the largest image: about 1 where the law
holds, more where a call costs more than its voxels. Laws are N for voxels, N log N for Fourier
transforms, and N L for what looks along lines of L voxels, the side. Networks are those of presets
after one iteration, since their cost does not depend on what images show; an iteration of training
is that of a whole batch. Then the milliseconds of a sample when 1 to 64 are drawn together.

    python benchmarks/growth.py --picture doc/_static
"""

import argparse
from functools import partial
from pathlib import Path

import numpy as np
import torch
from _quality import interleaved_medians
from _results import write_results
from _tables import print_rows
from flow_matching_presets import seconds_of_iterations
from sklearn.base import clone

from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import ClusterStatistics, EulerNumber, LinealPath, TwoPointCorrelation
from skmicro.generators import FlowMatchingGenerator, GaussianRandomField, InvNetGenerator
from skmicro.properties import EffectiveConductivity, ElasticStiffness

SIDES = {2: (64, 128, 256, 512, 1024), 3: (16, 32, 64, 128)}  # of images that are described
NETWORK_SIDES = {2: (32, 64, 128), 3: (16, 32)}
LAWS = {
    "N": np.prod,
    "N log N": lambda shape: np.prod(shape) * np.log(np.prod(shape)),
    "N L": lambda shape: np.prod(shape) * shape[0],
}
DESCRIPTORS = {
    "two-point correlation": (TwoPointCorrelation, "N log N"),
    "lineal path": (LinealPath, "N L"),
    "Euler number": (EulerNumber, "N"),
    "clusters": (ClusterStatistics, "N"),
}
PROPERTIES = {
    "stiffness, contrast 10": (ElasticStiffness(outputs=["C11"]), "N log N"),
    "conductivity, contrast 10": (
        EffectiveConductivity(conductivity=(1.0, 10.0), outputs=["k11"]),
        "N log N",
    ),
}
PRESETS = {
    n_axes: {
        "flow": FlowMatchingGenerator.light if n_axes == 2 else FlowMatchingGenerator.light_3d,
        "GAN": InvNetGenerator.light,
        "random field": GaussianRandomField,
    }
    for n_axes in (2, 3)
}
TRAINED = ("flow", "GAN")
COUNTS = (1, 4, 16, 64)
COLUMNS = {
    "task": ("task", ""),
    "shape": ("shape", ""),
    "milliseconds": ("ms", ".2f"),
    "law": ("law", ""),
    "over_law": ("over the law", ".2f"),
}
BATCH_COLUMNS = {
    "generator": ("generator", ""),
    "n_samples": ("samples", "d"),
    "milliseconds": ("ms a sample", ".2f"),
}


def described(images):
    """Return tasks of descriptors and properties of images, by name, with their laws."""
    made = {name: (kind(periodic=True), law) for name, (kind, law) in DESCRIPTORS.items()}
    made |= {name: (clone(one), law) for name, (one, law) in PROPERTIES.items()}
    return {
        name: (partial(asked, one.fit(images).transform, images), law)
        for name, (one, law) in made.items()
    }


def asked(function, *arguments, **options):
    """Call a function and return nothing, so that its time is measured."""
    function(*arguments, **options)


def generators_of(images):
    """Return generators after an iteration on images."""
    made = {}
    for name, preset in PRESETS[images.ndim - 1].items():
        settings = {"n_iter": 1} if name in TRAINED else {}
        made[name] = preset(periodic=True, random_state=0, **settings).fit(images)
    return made


def of_generators(images):
    """Return tasks of sampling and training on images, by name, with their laws."""
    tasks = {}
    for name, one in generators_of(images).items():
        law = "N" if name in TRAINED else "N log N"
        tasks[f"sample, {name}"] = partial(asked, one.sample, 1, random_state=0), law
    for name in TRAINED:
        preset = PRESETS[images.ndim - 1][name]
        tasks[f"iteration, {name}"] = partial(one_iteration, preset, images), "N"
    return tasks


def one_iteration(preset, images):
    """Return the median seconds of an iteration."""
    return float(np.median(seconds_of_iterations(preset, images, 0)))


def rows_of(make, shapes, repeats, n_images):
    """Return a row for each task and shape, in the order of tasks."""
    tasks = {}
    for shape in shapes:
        images = make_cahn_hilliard(n_images, shape, n_steps=150, random_state=0, n_jobs=1)[0]
        for name, (task, law) in make(images).items():
            tasks[name, shape] = task, law
    medians = interleaved_medians({key: task for key, (task, _) in tasks.items()}, repeats)
    rows = []
    for name in dict.fromkeys(name for name, _ in tasks):
        cost = {shape: 1000 * medians[name, shape] for shape in shapes}
        law = tasks[name, shapes[0]][1]
        expected = {shape: LAWS[law](shape) for shape in shapes}
        largest = cost[shapes[-1]] / expected[shapes[-1]]
        rows += [
            {
                "task": name,
                "shape": " x ".join(map(str, shape)),
                "n_voxels": int(np.prod(shape)),
                "milliseconds": cost[shape],
                "law": law,
                "over_law": cost[shape] / expected[shape] / largest,
            }
            for shape in shapes
        ]
    return rows


def batches(repeats):
    """Return rows of samples drawn together."""
    images = make_cahn_hilliard(16, (64, 64), n_steps=150, random_state=0)[0]
    tasks = {
        (name, n): partial(asked, one.sample, n, random_state=0)
        for name, one in generators_of(images).items()
        for n in COUNTS
    }
    return [
        {"generator": name, "n_samples": n, "milliseconds": 1000 * seconds / n}
        for (name, n), seconds in interleaved_medians(tasks, repeats).items()
    ]


def draw(rows, path):
    """Draw cost over voxels, each curve with its law through the largest image."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    measured = [*DESCRIPTORS, *PROPERTIES]
    others = [name for name in dict.fromkeys(r["task"] for r in rows) if name not in measured]
    panels = {"descriptors and properties": measured, "sampling and training": others}
    figure, axes = plt.subplots(1, 2, figsize=(9.2, 3.8), sharey=True)
    for ax, (title, names) in zip(axes, panels.items(), strict=True):
        for k, name in enumerate(names):
            for n_axes, marker in ((2, "s"), (3, "o")):
                own = [r for r in rows if r["task"] == name and r["shape"].count("x") + 1 == n_axes]
                if not own:
                    continue
                n = [r["n_voxels"] for r in own]
                cost = np.array([r["milliseconds"] for r in own])
                label = name if n_axes == 2 else None
                ax.loglog(n, cost, f"C{k}{marker}", ms=4, label=label)
                law = cost / [r["over_law"] for r in own]
                ax.loglog(n, law, f"C{k}", lw=1, ls="-" if n_axes == 2 else ":")
        ax.set(title=title, xlabel="voxels of an image")
        ax.legend(fontsize=7, loc="upper left")
        ax.set_ylim(top=10 * ax.get_ylim()[1])
    axes[0].set_ylabel("ms of one processor")
    figure.tight_layout()
    figure.savefig(path, dpi=100)
    plt.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--picture", type=Path, metavar="FOLDER", help="where to draw")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for n_axes in SIDES:
        for make, sides, n_images in ((described, SIDES, 1), (of_generators, NETWORK_SIDES, 16)):
            shapes = [(side,) * n_axes for side in sides[n_axes]]
            made = rows_of(make, shapes, arguments.repeats, n_images)
            print_rows(made, COLUMNS)
            rows += made
    together = batches(arguments.repeats)
    print_rows(together, BATCH_COLUMNS)
    record = {"repeats": arguments.repeats, "rows": rows, "batches": together}
    print("written to", write_results("growth", record))
    if arguments.picture:
        draw(rows, arguments.picture / "growth.png")


if __name__ == "__main__":
    main()
