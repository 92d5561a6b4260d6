"""Speed of the morphological descriptors, beside PoreSpy, scikit-image and QuantimPy.

Every descriptor's ``transform`` (validation and one-hot encoding included) is timed on one
volume of 64^3 voxels, on one thread, with borders as the other packages have them. Its
reference is what a user of an installed package would call instead; the references do not
always compute as much, or the same, as the list below says.
Where none is installed, only the ratio to labelling the volume once with scipy.ndimage
remains, which every row has. All contestants of a row take turns on the same volume; the
values are medians of processor time, so that other programs disturb them little, and ratios
of medians.

Two volumes: blobs, a Gaussian random field above its median, and independent voxels, of which
three in ten are of the phase, in thousands of clusters.

With ``--baseline`` an older checkout takes turns with this one, in processes of their own, at the
Minkowski functionals and the Euler number: of blobs, of sides that are no multiples of 64, of
images, of many small windows cut out of a volume, and of three phases, with both borders. The ratio
is this checkout's time to that of the older one.

A second table holds the errors of the functionals of balls with centres anywhere in a voxel: the
largest relative ones of MinkowskiFunctionals, by method and radius.

What the references call:

ChordLength             apply_chords(spacing=1) along each axis, chord_length_distribution
                        (PoreSpy), a quarter of the lines; lines labelled along each axis,
                        bincount (SciPy)
LinealPath              distance_transform_lin and lineal_path_distribution along each axis
                        (PoreSpy), a probability density instead of L
TwoPointCluster         label (scikit-image) and two_point_correlation (PoreSpy), which is S2,
                        without clusters
MinkowskiFunctionals    functionals (QuantimPy); marching_cubes, mesh_surface_area and
                        euler_number, without a mean breadth (scikit-image)
EulerNumber             euler_number (scikit-image)
ClusterStatistics       label and bincount (scikit-image)

Run ``python benchmarks/morphology.py``; it takes about three minutes. The other packages are
optional::

    git worktree add ../older REVISION
    python benchmarks/morphology.py --baseline ../older
"""

import argparse
import importlib
import importlib.metadata
import json
import sys
import time
import warnings
from contextlib import ExitStack, closing
from pathlib import Path

import numpy as np
import torch
from _builds import Build
from _results import write_results
from scipy import ndimage

import skmicro
from skmicro.descriptors import (
    ChordLength,
    ClusterStatistics,
    EulerNumber,
    LinealPath,
    MinkowskiFunctionals,
    TwoPointCluster,
)

SHAPE = (64, 64, 64)
AXES = range(3)
SEED = 0
GOAL = 2.0
BUDGET = 4.0
RADII = (5, 10, 20)
DESCRIPTORS = (
    ChordLength,
    LinealPath,
    TwoPointCluster,
    MinkowskiFunctionals,
    EulerNumber,
    ClusterStatistics,
)

COUNTED = ("MinkowskiFunctionals", "EulerNumber")
SHAPES = {
    "64^3": (1, 64, 64, 64),
    "50 x 60 x 70": (1, 50, 60, 70),
    "100^3": (1, 100, 100, 100),
    "100 images of 64^2": (100, 64, 64),
    "one of 500^2": (1, 500, 500),
    "100 windows of 24^3": (100, 24, 24, 24),
    "64^3, three phases": (1, 64, 64, 64),
}
N_TURNS = 9


def volumes():
    """Return the volumes by name."""
    rng = np.random.default_rng(SEED)
    field = ndimage.gaussian_filter(rng.normal(size=SHAPE), 2.0, mode="wrap")
    return {"blobs": field > np.median(field), "independent": rng.random(SHAPE) < 0.3}


def installed(name):
    """Return a package, or None where it is missing or does not load."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except (ImportError, ValueError):
        return None


def chords_by_labels(mask):
    """Return the number of chords of each length, by labelling lines along each axis."""
    counts = np.zeros(SHAPE[0] + 1, int)
    for axis in AXES:
        along = np.zeros((3, 3, 3), bool)
        along[tuple(slice(None) if other == axis else 1 for other in AXES)] = True
        labels, n_labels = ndimage.label(mask, along)
        lengths = np.bincount(labels.ravel(), minlength=n_labels + 1)
        for end in (0, -1):
            lengths[labels.take(end, axis)] = 0
        lengths[0] = 0
        counts += np.bincount(lengths, minlength=SHAPE[0] + 1)
    return counts


def references():
    """Return what to compare with: by descriptor, calls by the name of their package."""
    calls = {cls.__name__: {} for cls in DESCRIPTORS}
    calls["ChordLength"]["scipy"] = chords_by_labels
    porespy, measure = installed("porespy"), installed("skimage.measure")
    minkowski = installed("quantimpy.minkowski")
    if porespy is not None:
        porespy.settings.ncores = 1
        porespy.settings.tqdm["disable"] = True
        filters, metrics = porespy.filters, porespy.metrics

        def chords(mask):
            for axis in AXES:
                found = filters.apply_chords(mask, spacing=1, axis=axis)
                if found.any():
                    metrics.chord_length_distribution(found, bins=32)

        def paths(mask):
            for axis in AXES:
                lengths = filters.distance_transform_lin(mask, axis=axis, mode="forward")
                metrics.lineal_path_distribution(lengths, bins=32)

        calls["ChordLength"]["porespy"] = chords
        calls["LinealPath"]["porespy"] = paths
    if measure is not None:

        def statistics(mask):
            return np.bincount(measure.label(mask, connectivity=1).ravel())

        def surface_and_euler(mask):
            vertices, faces, _, _ = measure.marching_cubes(np.pad(mask, 1).astype(np.float32), 0.5)
            measure.mesh_surface_area(vertices, faces)
            return measure.euler_number(mask, connectivity=1)

        calls["ClusterStatistics"]["scikit-image"] = statistics
        calls["EulerNumber"]["scikit-image"] = lambda mask: measure.euler_number(
            mask, connectivity=1
        )
        calls["MinkowskiFunctionals"]["scikit-image"] = surface_and_euler
    if minkowski is not None:
        calls["MinkowskiFunctionals"]["quantimpy"] = minkowski.functionals
    if porespy is not None and measure is not None:

        def labels_and_correlation(mask):
            measure.label(mask, connectivity=1)
            return metrics.two_point_correlation(mask, bins=32)

        calls["TwoPointCluster"]["scikit-image + porespy"] = labels_and_correlation
    return calls


def measure_time(cls, mask, calls):
    """Time one descriptor and its references in turn for ``BUDGET`` seconds."""
    images = mask[None].astype(np.uint8)
    descriptor = cls(periodic=False).fit(images)
    wrapping = cls(periodic=True).fit(images)
    runs = {
        "transform": lambda: descriptor.transform(images),
        "transform, periodic": lambda: wrapping.transform(images),
        "scipy label": lambda: ndimage.label(mask),
    } | {name: lambda call=call: call(mask) for name, call in calls.items()}
    seconds = {name: [] for name in runs}
    end = None
    # The first round compiles and plans, and is not timed.
    while end is None or time.perf_counter() < end or len(seconds["transform"]) < 5:
        for name, run in runs.items():
            start = time.process_time()
            run()
            if end is not None:
                seconds[name].append(time.process_time() - start)
        end = end or time.perf_counter() + BUDGET
    return {name: float(np.median(values)) for name, values in seconds.items()}


def row_of(cls, kind, seconds, calls):
    """Return a row of the table: times, ratios to the fastest reference and to labelling."""
    fastest = min(calls, key=seconds.get, default=None)
    ours = seconds["transform"]
    return {
        "descriptor": cls.__name__,
        "volume": kind,
        "seconds": seconds,
        "fastest_reference": fastest,
        "ratio": None if fastest is None else ours / seconds[fastest],
        "ratio_to_label": ours / seconds["scipy label"],
    }


def ball_errors(radius):
    """Return the largest relative errors of the functionals of balls, by method."""
    grid = np.indices((2 * radius + 6,) * 3)
    centres = radius + 2.5 + np.random.default_rng(SEED).random((10, 3))
    balls = [((grid - c[:, None, None, None]) ** 2).sum(axis=0) <= radius**2 for c in centres]
    expected = [4 / 3 * np.pi * radius**3, 4 * np.pi * radius**2, 2 * radius]
    images = np.array(balls).astype(np.uint8)
    errors = {}
    for method, staircase in {"faces": 3 / 2, "two-point": 1}.items():
        functionals = (
            MinkowskiFunctionals(method=method, periodic=True).fit_transform(images)
            * images[0].size
        )
        found = functionals[:, :3] / [1, staircase, staircase]
        errors[method] = np.abs(found / expected - 1).max(axis=0).tolist()
    return {"radius": radius, "errors": errors}


def images_named(name):
    """Return images of smooth random fields that an entry of SHAPES names."""
    shape = SHAPES[name]
    rng = np.random.default_rng(SEED)
    if "windows" in name:
        side = shape[-1]
        whole = images_named("100^3")[0]
        corners = rng.integers(0, len(whole) - side, (shape[0], 3))
        return np.stack([whole[tuple(slice(c, c + side) for c in corner)] for corner in corners])
    field = ndimage.gaussian_filter(rng.normal(size=shape), (0, *[2.0] * (len(shape) - 1)))
    levels = [1 / 3, 2 / 3] if "three" in name else [0.5]
    return np.digitize(field, np.quantile(field, levels)).astype(np.uint8)


def serve():
    """Time descriptors of images, as lines of JSON ask for them."""
    torch.set_num_threads(1)
    for line in sys.stdin:
        name, images, periodic = json.loads(line)
        X = images_named(images)
        descriptor = globals()[name](periodic=periodic).fit(X)
        seconds = []
        for _ in range(3):
            start = time.process_time()
            descriptor.transform(X)
            seconds.append(time.process_time() - start)
        print(float(np.median(seconds)), flush=True)


def beside(baseline):
    """Return times of counts of this checkout and of an older one, and their ratios."""
    checkouts = {"this": Path(skmicro.__file__).parents[1], "baseline": baseline.resolve()}
    rows = []
    with ExitStack() as processes:
        builds = {
            key: processes.enter_context(closing(Build(path, __file__, "--serve")))
            for key, path in checkouts.items()
        }
        for name in COUNTED:
            for images in SHAPES:
                for periodic in (True, False):
                    request = [name, images, periodic]
                    turns = [
                        {key: build.ask(request) for key, build in builds.items()}
                        for _ in range(N_TURNS)
                    ]
                    seconds = {
                        key: float(np.median([turn[key] for turn in turns])) for key in builds
                    }
                    ratio = seconds["this"] / seconds["baseline"]
                    row = {"descriptor": name, "images": images, "periodic": periodic}
                    rows.append(row | {"seconds": seconds, "ratio": ratio})
                    shown = f"{images}, {'periodic' if periodic else 'borders'}"
                    times = f"{1e3 * seconds['this']:>8.2f}{1e3 * seconds['baseline']:>8.2f}"
                    print(f"{name:<22}{shown:<32}{times}{ratio:>7.2f}", flush=True)
    return rows


def versions():
    """Return the versions of the packages that were compared with."""
    names = {
        "porespy": "porespy",
        "scikit-image": "skimage.measure",
        "quantimpy": "quantimpy.minkowski",
    }
    present = [name for name, module in names.items() if installed(module) is not None]
    return {name: importlib.metadata.version(name) for name in present}


def main():
    """Measure, print the tables and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--baseline", type=Path, help="an older checkout to compare with")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    if arguments.serve:
        return serve()
    torch.set_num_threads(1)
    compared = beside(arguments.baseline) if arguments.baseline else []
    calls = references()
    rows = []
    print(
        f"{'64^3, one thread':<34}{'ms':>8}{'periodic':>10}{'label':>8}{'ratio':>7}"
        f"{'ms':>10}{'ratio':>7}  fastest reference"
    )
    for kind, mask in volumes().items():
        for cls in DESCRIPTORS:
            own = calls[cls.__name__]
            row = row_of(cls, kind, measure_time(cls, mask, own), own)
            rows.append(row)
            ms = {name: 1e3 * value for name, value in row["seconds"].items()}
            line = (
                f"{cls.__name__ + ', ' + kind:<34}{ms['transform']:>8.1f}"
                f"{ms['transform, periodic']:>10.1f}{ms['scipy label']:>8.1f}"
                f"{row['ratio_to_label']:>7.2f}"
            )
            if row["fastest_reference"] is not None:
                line += f"{ms[row['fastest_reference']]:>10.1f}{row['ratio']:>7.2f}"
                line += f"  {row['fastest_reference']}"
            print(line, flush=True)
    missed = [row for row in rows if row["ratio"] is not None and row["ratio"] > GOAL]
    print(f"slower than {GOAL:g} times the fastest reference: {len(missed)} of {len(rows)}")
    balls = [ball_errors(radius) for radius in RADII]
    print("balls, largest relative error of volume, surface (3/2 taken off faces), mean breadth")
    for ball in balls:
        for method, errors in ball["errors"].items():
            shown = " ".join(f"{error:7.3f}" for error in errors)
            print(f"radius {ball['radius']:>2}  {method:<10}{shown}")
    write_results(
        "morphology",
        {
            "threads": 1,
            "seed": SEED,
            "shape": SHAPE,
            "goal": GOAL,
            "compared_with": versions(),
            "time": rows,
            "beside_an_older_checkout": compared,
            "balls": balls,
        },
    )


if __name__ == "__main__":
    main()
