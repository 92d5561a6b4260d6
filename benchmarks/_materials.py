"""What the benchmarks of one micrograph share: images, metrics of samples, and tables.

The images of 256 x 256 in ``materials_256.npz``, in the folder named by the environment variable
``SKMICRO_DATA``, are cut into 16 tiles of 64 x 64. Samples are compared with these; random halves
of the tiles say how much real images differ. Metrics are those of phase 1, as in Zhang et al.
2023, but for pixel diversity and memory, which see all phases, and for further lines of topology.

- E/baseline: mean of the paper's error (its Eq. 12) to the *nearest* tile, over the same mean
  of the tiles, each against the other 15. Far below 1 is memory, not quality.
- diversity: mean distance between two samples over that of two tiles, of pixels and of the
  S2 maps behind E.
- p1: mean and standard deviation, and the relative error of the mean.
- memory: mean correlation with the training image that is most like it, moved in any way;
  then the same of tiles, each against training images that share no pixel with it, and the
  difference in standard errors. Where windows were trained on, the training images are the
  tiles and 200 windows at random places: a copy of any window has much in common with one of
  them.
- S2: relative error of the mean curve.
- topology, of phase 1 and then of the others: Euler number, number of clusters, share of the
  largest, specific surface (means, over those of the tiles), and error of the mean lineal path;
  after ± the halves.
"""

import argparse
import dataclasses
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
    print_rows,
    read_arguments,
    relative_error,
    save_picture,
)

import skmicro
from skmicro import descriptors
from skmicro.evaluation import diversity, memorisation, two_point_rmse
from skmicro.plotting import SampleGridDisplay

PAPER = {  # mean errors of generated and of reconstructed images in Table 4, of other tiles
    "alloy": (5.66e-3, 4.66e-3),
    "carbonate": (6.78e-3, 8.16e-3),
    "copolymer": (5.64e-2, 6.96e-2),
    "pmma": (8.15e-4, 3.08e-4),
    "composite": (3.84e-2, 9.71e-2),
    "pymks_1": (1.06e-2, 1.81e-2),
    "pymks_2": (1.53e-2, 4.53e-3),
}
LAYERED = ("composite", "pymks_2")  # directions of the plane differ
PHASE = 1
N_WINDOWS = 200
N_SPLITS = 200

CLUSTERS = descriptors.ClusterStatistics(periodic=False, edge_correction=False)
DESCRIBED = {  # descriptor and which of its features
    "p1": (descriptors.VolumeFraction(), slice(None)),
    "s2": (descriptors.TwoPointCorrelation(periodic=False), slice(None)),
    "euler": (descriptors.EulerNumber(periodic=False, edge_correction=False), slice(None)),
    "clusters": (CLUSTERS, slice(0, 1)),
    "largest_cluster": (CLUSTERS, slice(2, 3)),
    "surface": (descriptors.SpecificSurface(periodic=False), slice(None)),
    "lineal_path": (descriptors.LinealPath(periodic=False), slice(None)),
}
COLUMNS = {
    "e_ratio": ("E/baseline", ".2f"),
    "e_gen": ("E", ".2e"),
    "e_floor": ("baseline", ".2e"),
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


@dataclasses.dataclass
class Study:
    """One way of learning materials, and the evaluation of its results.

    Attributes
    ----------
    name : str
        Begins the names of the files of results, one for each material.
    kinds : tuple of str
        The rows of each material.
    goals : dict of str to tuple (low, high)
        Range that a metric should lie in.
    goals_in_words : str
        Printed below the tables.
    columns : dict of str to tuple (title, format)
        First table.
    materials : tuple of str
        Names of materials, those of ``PAPER`` or more.
    n_samples : int
        Images generated for a row, unless the options say otherwise.
    """

    name: str
    kinds: tuple
    goals: dict
    goals_in_words: str
    columns: dict
    materials: tuple = tuple(PAPER)
    n_samples: int = 128

    def parser(self, doc):
        """Return the parser with the options that all such scripts have."""
        parser = argparse.ArgumentParser(description=doc.split("\n\n")[0])
        parser.add_argument("names", nargs="*", metavar="material", help=", ".join(self.materials))
        parser.add_argument("--kind", action="append", choices=self.kinds, help="default: all")
        parser.add_argument("--seed", type=int, default=0)
        parser.add_argument("--threads", type=int, default=1, help="threads of torch")
        parser.add_argument(
            "--n-samples", type=int, default=self.n_samples, help="generated images a row"
        )
        parser.add_argument("--picture", type=Path, metavar="FOLDER", help="where to draw")
        parser.add_argument("--summary", action="store_true", help="only print what is on file")
        length = parser.add_mutually_exclusive_group()
        length.add_argument("--n-iter", type=int, help="iterations of a training")
        length.add_argument("--seconds", type=float, help="processor's time of a training, about")
        return parser

    def run(self, parser, measure):
        """Measure all rows asked for, keep each as soon as there is one, print all on file.

        Parameters
        ----------
        parser : argparse.ArgumentParser
            From :meth:`parser`.
        measure : callable
            ``measure(name, kind, arguments)`` returns the row of metrics.
        """
        arguments = read_arguments(parser)
        names = arguments.names or list(self.materials)
        if not set(names) <= set(self.materials):
            parser.error(f"materials must be among {', '.join(self.materials)}")
        if not arguments.summary:
            if "SKMICRO_DATA" not in os.environ:
                parser.error("SKMICRO_DATA must name the folder of real images")
            for name in names:
                for kind in arguments.kind or self.kinds:
                    row = measure(name, kind, arguments)
                    row["misses"] = [key for key in self.goals if self.missed(row, key)]
                    payload = {"rows": self.rows_of(name) | {kind: row}}
                    print("written to", write_results(f"{self.name}_{name}", payload))
        self.print_summary(names)

    def rows_of(self, name):
        """Return the rows of a material that are on file, by kind."""
        path = RESULTS / f"{self.name}_{name}.json"
        return json.loads(path.read_text())["rows"] if path.exists() else {}

    def missed(self, row, key):
        """Tell whether a metric has a goal and is outside it."""
        if key not in self.goals or row[key] is None:
            return False
        return not self.goals[key][0] <= row[key] <= self.goals[key][1]

    def print_summary(self, names):
        """Print the tables of all rows on file."""
        found = [self.rows_of(name) for name in names]
        rows = [rows[kind] for rows in found for kind in self.kinds if kind in rows]
        lines = [(f"{row['material']}, {row['kind']}", row) for row in rows]
        self._print(lines, self.columns)
        self._print([part for line in lines for part in _by_phase(*line)], TOPOLOGY_COLUMNS)
        print(self.goals_in_words)

    def _print(self, lines, columns):
        titles = {key: (title, "") for key, (title, _) in columns.items()}
        print()
        print_rows([self._printed(*line, columns) for line in lines], {"name": ("", "")} | titles)

    def _printed(self, name, row, columns):
        """Write the metrics of a row, those that miss their goal with an asterisk."""
        line = {"name": name}
        for key, (_, form) in columns.items():
            values = row.get(key)  # Older rows have fewer metrics.
            values = values if isinstance(values, list) else [values]
            if columns is TOPOLOGY_COLUMNS:
                values = [*values, row[key.rpartition("_")[0] + "_halves"]]
            text = " ± ".join("-" if value is None else format(value, form) for value in values)
            line[key] = text + "*" * self.missed(row, key)
        return line


def _by_phase(name, row):
    """Return the names and metrics of the phases of a row."""
    others = row.get("other_phases", {})  # Older rows have none.
    return [(name, row)] + [(f"{name}, phase {k}", found) for k, found in others.items()]


def scan_of(name):
    """Return the image of a material."""
    return skmicro.read_images(Path(os.environ["SKMICRO_DATA"]) / "materials_256.npz", key=name)[0]


def symmetries_of(name):
    """Return the symmetries of a material."""
    return ("reflection",) if name in LAYERED else ("reflection", "rotation")


def tiles_of(scan):
    """Return the tiles of a scan."""
    return windows_of(scan, 0, 0)[0]


def windows_of(scan, n_windows, seed):
    """Return the tiles of a scan, then windows at random places, and their positions."""
    cuts = [skmicro.extract_patches(scan, SHAPE, method="grid", return_positions=True)]
    if n_windows > 0:
        options = {"random_state": seed, "return_positions": True}
        cuts.append(skmicro.extract_patches(scan, SHAPE, n_windows, **options))
    return tuple(np.concatenate(parts) for parts in zip(*cuts, strict=True))


def trained(made, images, arguments):
    """Train for the time or the iterations that the options give, if they do.

    Parameters
    ----------
    made : callable
        ``made(**settings)`` returns an unfitted generator.
    images : ndarray of shape (n, *S)
        What to train on.
    arguments : argparse.Namespace
        Options of the script.

    Returns
    -------
    generator : BaseGenerator
        The fitted generator.
    record : dict
        Seconds, of the clock and of the processor, and iterations.
    """
    settings = {} if arguments.n_iter is None else {"n_iter": arguments.n_iter}
    if arguments.seconds is not None:
        settings["n_iter"] = iterations_within(arguments.seconds, made, images)
    start = time.process_time()
    generator, record = fit_timed(made(**settings), images)
    return generator, record | {"processor_seconds": time.process_time() - start}


def draw(study, name, kind, arguments, tiles, /, **stacks):
    """Draw tiles and as many images of each other kind, and the last kind alone.

    Nothing is drawn unless the options name a folder.
    """
    if arguments.picture is not None:
        stacks = {label: images[: len(tiles)] for label, images in stacks.items()}
        for ending, images in (("", {"real": tiles} | stacks), ("_new", [*stacks.values()][-1])):
            shown = SampleGridDisplay.from_images(images)
            save_picture(shown, arguments.picture, f"{study.name}_{name}_{kind}{ending}")


def metrics(samples, tiles, training, pools):
    """Return all that is measured of samples.

    Parameters
    ----------
    samples, tiles : ndarray of shape (n, *SHAPE)
        Generated and real images.
    training : ndarray of shape (n_training, *SHAPE)
        Images that may have been learned by heart.
    pools : iterable of ndarray of shape (n_pool, *SHAPE)
        For each tile, images like those of training that share no pixel with it.

    Returns
    -------
    metrics : dict
        By name, ``None`` where a ratio would have nothing below its line.
    """
    others = {
        str(phase): _described(*_of_phase(phase, samples, tiles))
        for phase in np.unique(tiles)
        if phase != PHASE
    }
    return {
        **_errors(*_of_phase(PHASE, samples, tiles)),
        **_diversities(samples, tiles),
        **_memory(samples, tiles, training, pools),
        **_described(*_of_phase(PHASE, samples, tiles)),
        "other_phases": others,
    }


def figures_of_scan(samples, scan, n_windows, seed):
    """Return the metrics of samples whose generator learned tiles, or windows too, of a scan."""
    training, _ = windows_of(scan, n_windows, seed)
    tiles = tiles_of(scan)
    pool, positions = windows_of(scan, 4 * n_windows, seed)
    apart = [
        (np.abs(positions - corner) >= SHAPE).any(axis=1) for corner in positions[: len(tiles)]
    ]
    return metrics(samples, tiles, training, (pool[far][: len(training)] for far in apart))


def reconstruction_error(rebuilt, tiles):
    """Return the paper's error of reconstructed tiles, each to its own tile."""
    return float(np.diagonal(two_point_rmse(*_of_phase(PHASE, rebuilt, tiles))).mean())


def _of_phase(phase, *stacks):
    """Return images of a phase and the rest, as 1 and 0."""
    return [(images == phase).astype(np.uint8) for images in stacks]


def _over(value, reference):
    """Divide, or return None where there is nothing to divide by."""
    return float(value / reference) if reference > 1e-6 else None


def _errors(samples, tiles):
    """Return the paper's error of samples and of tiles, each to the nearest tile."""
    among_tiles = two_point_rmse(tiles, tiles)
    np.fill_diagonal(among_tiles, np.inf)
    e_gen = float(two_point_rmse(samples, tiles).min(axis=1).mean())
    e_floor = float(among_tiles.min(axis=1).mean())
    return {"e_gen": e_gen, "e_floor": e_floor, "e_ratio": _over(e_gen, e_floor)}


def _diversities(samples, tiles):
    """Return diversities of samples over those of tiles."""
    phases = np.unique(tiles)
    maps = descriptors.TwoPointCorrelation(phase=PHASE, output="map", periodic=True).fit(tiles)
    pixels, correlations = (
        _over(diversity(look(samples)), diversity(look(tiles)))
        for look in (lambda images: images[..., None] == phases, maps.transform)
    )
    return {"pixel_diversity": pixels, "s2_diversity": correlations}


def _memory(samples, tiles, training, pools):
    """Compare what samples and tiles have in common with training images."""
    correlations = memorisation(samples, training)
    real = [memorisation(tile[None], pool)[0] for tile, pool in zip(tiles, pools, strict=True)]
    error = np.hypot(np.std(real) / len(real) ** 0.5, correlations.std() / len(samples) ** 0.5)
    return {
        "memorisation": float(correlations.mean()),
        "memorisation_largest": float(correlations.max()),
        "memorisation_real": float(np.mean(real)),
        "memorisation_real_largest": float(np.max(real)),
        "memorisation_excess": _over(correlations.mean() - np.mean(real), error),
    }


def _described(samples, tiles):
    """Compare mean descriptors of samples and tiles, and of halves of the tiles."""
    found = {}
    for name, (descriptor, columns) in DESCRIBED.items():
        made, real = (
            descriptor.fit(tiles).transform(images)[:, columns].astype(float)
            for images in (samples, tiles)
        )
        found[f"{name}_ratio"] = float(made.mean() / real.mean())
        found[f"{name}_error"] = relative_error(made.mean(0), real.mean(0))
        found[f"{name}_halves"] = _between_halves(real)
        if name == "p1":
            found["p1"] = [float(made.mean()), float(made.std())]
            found["p1_real"] = [float(real.mean()), float(real.std())]
    return found


def _between_halves(values):
    """Root mean square of the relative distance between the means of random halves."""
    rng, half = np.random.default_rng(0), len(values) // 2
    whole = np.linalg.norm(values.mean(0))
    orders = (rng.permutation(values) for _ in range(N_SPLITS))
    gaps = [order[:half].mean(0) - order[half:].mean(0) for order in orders]
    return float(np.sqrt(np.mean(np.square(np.linalg.norm(gaps, axis=1)))) / whole)
