"""Flow matching learned from one micrograph: Table 4 of the DA-VEGAN paper, with its floor.

Needs the folder of real images named by the environment variable ``SKMICRO_DATA``: each of
the images of 256 x 256 in ``materials_256.npz`` trains two generators of images of 64 x 64,

- *tiles*: on the 16 tiles that the image is cut into, as in the paper;
- *crops*: on windows cut from the whole image at random places.

The condition is p1, for composite the fractions of its three phases; no target is given, so that
sampling draws it from the training images. Reflections are used, and rotations where the
material is isotropic (not in composite and pymks_2). Figures are those of phase 1, as in the
paper, but for pixel diversity and memory, which see all phases. Samples are compared with the
16 tiles; random halves of these say how much real images differ.

- E/floor: mean of the paper's error (its Eq. 12) to the *nearest* tile, over the same mean
  of the tiles, each against the other 15. Far below 1 is memory, not quality.
- diversity: mean distance between two samples over that of two tiles, of pixels and of the
  S2 maps behind E.
- p1: mean and standard deviation, and the relative error of the mean.
- memory: mean correlation with the training image that is most like it, moved in any way;
  then the same of tiles, each against training images that share no pixel with it, and the
  difference in standard errors. For crops the training images are the tiles and 200 windows
  at random places: a copy of any window has much in common with one of them.
- S2: relative error of the mean curve.
- topology: Euler number, number of clusters, share of the largest, specific surface (means,
  over those of the tiles), and error of the mean lineal path; after ± the halves.

An asterisk marks figures that miss their goal. Each material has a file of results, written
after each training, so that processes may share the work; ``--summary`` prints all there are.

    SKMICRO_DATA=FOLDER python benchmarks/flow_matching_materials.py alloy --seconds 300
    python benchmarks/flow_matching_materials.py --summary
"""

import argparse
import functools
import json
import os
import time
from pathlib import Path

import numpy as np
from _results import RESULTS, write_results
from _tables import (
    SHAPE,
    fit_timed,
    iterations_within,
    print_figures,
    read_arguments,
    relative_error,
    save_picture,
)

import skmicro
from skmicro import descriptors
from skmicro.evaluation import diversity, memorisation, two_point_rmse
from skmicro.generators import FlowMatchingGenerator
from skmicro.plotting import SampleGridDisplay

PAPER = {  # mean error of generated images in Table 4, of other tiles
    "alloy": 5.66e-3,
    "carbonate": 6.78e-3,
    "copolymer": 5.64e-2,
    "pmma": 8.15e-4,
    "composite": 3.84e-2,
    "pymks_1": 1.06e-2,
    "pymks_2": 1.53e-2,
}
KINDS = ("tiles", "crops")
LAYERED = ("composite", "pymks_2")
PHASE = 1
N_WINDOWS = 200
N_SPLITS = 200

CLUSTERS = descriptors.ClusterStatistics(periodic=False)
DESCRIBED = {  # descriptor and which of its features
    "p1": (descriptors.VolumeFraction(), slice(None)),
    "s2": (descriptors.TwoPointCorrelation(periodic=False), slice(None)),
    "euler": (descriptors.EulerNumber(periodic=False), slice(None)),
    "clusters": (CLUSTERS, slice(0, 1)),
    "largest_cluster": (CLUSTERS, slice(2, 3)),
    "surface": (descriptors.SpecificSurface(periodic=False), slice(None)),
    "lineal_path": (descriptors.LinealPath(periodic=False), slice(None)),
}

GOALS = {  # lowest and highest value
    "e_ratio": (0.8, 1.2),
    "pixel_diversity": (0.9, np.inf),
    "s2_diversity": (0.9, np.inf),
    "p1_error": (0.0, 0.03),
    "memorisation_excess": (-np.inf, 2.0),
    **dict.fromkeys(("euler_ratio", "clusters_ratio"), (0.85, 1.15)),
    **dict.fromkeys(("largest_cluster_ratio", "surface_ratio"), (0.85, 1.15)),
    "lineal_path_error": (0.0, 0.15),
}
GOALS_IN_WORDS = """
goals: E/floor from 0.8 to 1.2, diversities from 0.9, p1 within 3 %, memory no higher than that
of tiles (by two standard errors), topology within 15 %; * misses its goal"""

COLUMNS = {
    "e_ratio": ("E/floor", ".2f"),
    "e_gen": ("E", ".2e"),
    "e_floor": ("floor", ".2e"),
    "e_paper": ("paper's E", ".2e"),
    "pixel_diversity": ("pixel div.", ".2f"),
    "s2_diversity": ("S2 div.", ".2f"),
    "p1": ("p1", ".3f"),
    "p1_real": ("of tiles", ".3f"),
    "p1_error": ("error", ".1%"),
    "p1_halves": ("halves", ".1%"),
    "s2_error": ("S2", ".1%"),
    "s2_halves": ("halves", ".1%"),
    "memorisation": ("memory", ".2f"),
    "memorisation_real": ("of tiles", ".2f"),
    "memorisation_excess": ("excess", "+.1f"),
    "n_iter": ("n_iter", "d"),
    "processor_seconds": ("CPU, s", ".0f"),
}
TOPOLOGY_COLUMNS = {
    "euler_ratio": ("Euler", ".2f"),
    "clusters_ratio": ("clusters", ".2f"),
    "largest_cluster_ratio": ("largest", ".2f"),
    "surface_ratio": ("surface", ".2f"),
    "lineal_path_error": ("lineal path, error", ".2f"),
}


def generator_of(name, kind, **settings):
    """Return the unfitted generator of a material."""
    return FlowMatchingGenerator.light(
        conditions=("phase_fractions",) if name == "composite" else ("p1",),
        periodic=False,
        crop_shape=SHAPE if kind == "crops" else None,
        symmetries=("reflection",) if name in LAYERED else ("reflection", "rotation"),
        device="cpu",
        **settings,
    )


def training_settings(images, name, kind, arguments):
    """Return the parameters that the options ask for."""
    options = {"n_iter": arguments.n_iter, "width": arguments.width}
    settings = {key: value for key, value in options.items() if value is not None}
    settings["random_state"] = arguments.seed
    if arguments.seconds is not None:
        made = functools.partial(generator_of, name, kind, **settings)
        settings["n_iter"] = iterations_within(arguments.seconds, made, images)
    return settings


def windows_of(scan, n_windows, seed):
    """Return the tiles of a scan, then windows at random places, and their positions."""
    cuts = [skmicro.extract_patches(scan, SHAPE, method="grid", return_positions=True)]
    if n_windows > 0:
        options = {"random_state": seed, "return_positions": True}
        cuts.append(skmicro.extract_patches(scan, SHAPE, n_windows, **options))
    return tuple(np.concatenate(parts) for parts in zip(*cuts, strict=True))


def memory_figures(samples, tiles, scan, kind, seed):
    """Compare what samples and tiles have in common with training images."""
    n_windows = N_WINDOWS if kind == "crops" else 0
    training, _ = windows_of(scan, n_windows, seed)
    correlations = memorisation(samples, training)
    pool, positions = windows_of(scan, 4 * n_windows, seed)
    real = []
    for tile, corner in zip(tiles, positions, strict=False):
        apart = (np.abs(positions - corner) >= SHAPE).any(axis=1)
        real.append(memorisation(tile[None], pool[apart][: len(training)])[0])
    error = np.hypot(np.std(real) / len(real) ** 0.5, correlations.std() / len(samples) ** 0.5)
    return {
        "memorisation": float(correlations.mean()),
        "memorisation_largest": float(correlations.max()),
        "memorisation_real": float(np.mean(real)),
        "memorisation_real_largest": float(np.max(real)),
        "memorisation_excess": float((correlations.mean() - np.mean(real)) / error),
    }


def error_figures(samples, tiles):
    """Return the paper's error of samples and of tiles, each to the nearest tile."""
    among_tiles = two_point_rmse(tiles, tiles)
    np.fill_diagonal(among_tiles, np.inf)
    e_gen = float(two_point_rmse(samples, tiles).min(axis=1).mean())
    e_floor = float(among_tiles.min(axis=1).mean())
    return {"e_gen": e_gen, "e_floor": e_floor, "e_ratio": e_gen / e_floor}


def diversity_figures(samples, tiles):
    """Return diversities of samples over those of tiles."""
    phases = np.unique(tiles)
    maps = descriptors.TwoPointCorrelation(phase=PHASE, output="map").fit(tiles)
    pixels, correlations = (
        diversity(look(samples)) / diversity(look(tiles))
        for look in (lambda images: images[..., None] == phases, maps.transform)
    )
    return {"pixel_diversity": pixels, "s2_diversity": correlations}


def descriptor_figures(samples, tiles):
    """Compare mean descriptors of samples and tiles, and of halves of the tiles."""
    figures = {}
    for name, (descriptor, columns) in DESCRIBED.items():
        made, real = (
            descriptor.fit(tiles).transform(images)[:, columns].astype(float)
            for images in (samples, tiles)
        )
        figures[f"{name}_ratio"] = float(made.mean() / real.mean())
        figures[f"{name}_error"] = relative_error(made.mean(0), real.mean(0))
        figures[f"{name}_halves"] = between_halves(real)
        if name == "p1":
            figures["p1"] = (float(made.mean()), float(made.std()))
            figures["p1_real"] = (float(real.mean()), float(real.std()))
    return figures


def between_halves(values):
    """Root mean square of the relative distance between the means of random halves."""
    rng, half = np.random.default_rng(0), len(values) // 2
    whole = np.linalg.norm(values.mean(0))
    orders = (rng.permutation(values) for _ in range(N_SPLITS))
    gaps = [order[:half].mean(0) - order[half:].mean(0) for order in orders]
    return float(np.sqrt(np.mean(np.square(np.linalg.norm(gaps, axis=1)))) / whole)


def figures(samples, tiles, scan, kind, seed):
    """Return all that is measured of samples."""
    of_phase = [(images == PHASE).astype(np.uint8) for images in (samples, tiles)]
    return {
        **error_figures(*of_phase),
        **diversity_figures(samples, tiles),
        **memory_figures(samples, tiles, scan, kind, seed),
        **descriptor_figures(*of_phase),
    }


def measure(scan, name, kind, arguments):
    """Train on one material, and return the row of its figures."""
    tiles, _ = windows_of(scan, 0, arguments.seed)
    images = tiles if kind == "tiles" else scan[None]
    generator = generator_of(name, kind, **training_settings(images, name, kind, arguments))
    start = time.process_time()
    _, record = fit_timed(generator, images)
    record["processor_seconds"] = time.process_time() - start
    generator.set_params(n_steps=arguments.n_steps)
    samples = generator.sample(arguments.n_samples, random_state=arguments.seed)
    if arguments.picture is not None:
        shown = SampleGridDisplay.from_images({"real": tiles, kind: samples[: len(tiles)]})
        save_picture(shown, arguments.picture, f"flow_matching_{name}_{kind}")
    row = figures(samples, tiles, scan, kind, arguments.seed)
    return {
        "material": name,
        "kind": kind,
        "e_paper": PAPER[name],
        **row,
        "misses": [key for key in GOALS if missed(row, key)],
        **record,
        "width": generator.width,
        "n_steps": generator.n_steps,
        "seed": arguments.seed,
        "n_samples": arguments.n_samples,
    }


def missed(row, key):
    """Tell whether a figure has a goal and is outside it."""
    return key in GOALS and not GOALS[key][0] <= row[key] <= GOALS[key][1]


def measure_all(names, arguments):
    """Measure materials, and keep every row as soon as there is one."""
    path = Path(os.environ["SKMICRO_DATA"]) / "materials_256.npz"
    for name in names:
        scan = skmicro.read_images(path, key=name)[0]
        for kind in arguments.kind or KINDS:
            row = measure(scan, name, kind, arguments)
            payload = {"rows": rows_of(name) | {kind: row}}
            print("written to", write_results(f"flow_matching_{name}", payload))


def rows_of(name):
    """Return the rows of a material that are on file, by kind."""
    path = RESULTS / f"flow_matching_{name}.json"
    return json.loads(path.read_text())["rows"] if path.exists() else {}


def print_summary(names):
    """Print the tables of all rows on file."""
    found = [rows_of(name) for name in names]
    rows = [rows[kind] for rows in found for kind in KINDS if kind in rows]
    for columns in (COLUMNS, TOPOLOGY_COLUMNS):
        titles = {key: (title, "") for key, (title, _) in columns.items()}
        print()
        print_figures([printed(row, columns) for row in rows], {"name": ("", "")} | titles)
    print(GOALS_IN_WORDS)


def printed(row, columns):
    """Write the figures of a row, those that miss their goal with an asterisk."""
    line = {"name": f"{row['material']}, {row['kind']}"}
    for key, (_, form) in columns.items():
        values = row[key] if isinstance(row[key], list) else [row[key]]
        if columns is TOPOLOGY_COLUMNS:
            values = [*values, row[key.rpartition("_")[0] + "_halves"]]
        text = " ± ".join(format(value, form) for value in values)
        line[key] = text + "*" * missed(row, key)
    return line


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="material", help=", ".join(PAPER))
    parser.add_argument("--kind", action="append", choices=KINDS, help="default: both")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument("--width", type=int, help="channels of the network")
    parser.add_argument("--n-steps", type=int, default=16, help="steps in time of sampling")
    parser.add_argument("--n-samples", type=int, default=128, help="generated images a row")
    parser.add_argument("--picture", type=Path, metavar="FOLDER", help="where to draw")
    parser.add_argument("--summary", action="store_true", help="only print what is on file")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--n-iter", type=int, help="iterations of a training")
    length.add_argument("--seconds", type=float, help="processor's time of a training, about")
    arguments = read_arguments(parser)
    names = arguments.names or list(PAPER)
    if not set(names) <= set(PAPER):
        parser.error(f"materials must be among {', '.join(PAPER)}")
    if not arguments.summary:
        if "SKMICRO_DATA" not in os.environ:
            parser.error("SKMICRO_DATA must name the folder of real images")
        measure_all(names, arguments)
    print_summary(names)


if __name__ == "__main__":
    main()
