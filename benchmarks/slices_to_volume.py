"""Volumes from a network that has seen images only, beside the material that they were cut from.

A light preset of ``FlowMatchingGenerator`` learns sections of volumes: of phase separation
(periodic, 32^3), of the first two thirds of a scan of sandstone (32^3), and of short fibres along
one axis (periodic, 32^3; sections say across which axis they were cut). ``sample_volume`` makes
volumes, which are compared with others of the same material. Rows beside it: *real*, as many
further real volumes; a Gaussian random field with the S2 of the training *volumes*; the same
network, asked for the sections across one axis only in each step, in turn, whose level nothing
holds (*alternating*); and the volumes of ``sample_volume`` without the restart.

The last table has processor seconds and peak memory of one volume of ``sample_volume`` by its size,
in a process of its own.

Columns are those of ``spheres_3d.py``, and: mean Euler number per voxel, error of S2 along the
diagonals of the volume (lags of 1 to 8 voxels, mean over volumes), mean chord of either phase over
that of real volumes, share of volumes and axes along which a phase percolates, and processor
seconds for a volume.

    SKMICRO_DATA=FOLDER python benchmarks/slices_to_volume.py --minutes 3
"""

import os
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
from _results import write_results
from _sizes import SIZE_COLUMNS, cost_of_one
from _tables import (
    argument_parser,
    iterations_within,
    print_rows,
    read_arguments,
    relative_error,
    save_picture,
)
from _volumes import COLUMNS, FIELD, REAL, measured, row_of
from scipy import ndimage

import skmicro
from skmicro.datasets import make_cahn_hilliard, make_fibers
from skmicro.descriptors import ChordLength
from skmicro.flows import SectionModel
from skmicro.generators import FlowMatchingGenerator, GaussianRandomField, _sectioned_flow
from skmicro.images import extract_patches
from skmicro.plotting import SampleGridDisplay

SIDE, N_TRAINING, N_SECTIONS = 32, 40, 900
COST_SIDES = (32, 64, 128)
DIAGONAL_LAGS = range(1, 9)
MORE_COLUMNS = {
    "euler_number": ("Euler number", ".1e"),
    "diagonal": ("S2 on diagonals", ".2%"),
    "chord0": ("chord of 0", ".3f"),
    "chord1": ("chord of 1", ".3f"),
    "percolates0": ("0 percolates", ".2f"),
    "percolates1": ("1 percolates", ".2f"),
    "volume_seconds": ("CPU s/volume", ".1f"),
}


class Alternating(SectionModel):
    """Sections across one axis in each step, in turn, as published samplers do."""

    def _evidence(self, x, t, mean, sections, fractions):
        step = round(t ** (1 / 1.25) * 16)
        axis = step % 3
        plane = self.planes[axis]
        answer = plane.answer(sections[axis], ask="evidence")(x[0].movedim(1 + axis, 0), t)
        return answer.movedim(0, 1 + axis)[None]


def phase_separation(n, seed):
    """Return volumes to train on and others, whether they are periodic, and axes that count."""
    volumes, _ = make_cahn_hilliard(
        n, (SIDE,) * 3, volume_fraction=(0.42, 0.42), n_steps=150, random_state=seed
    )
    return volumes[:N_TRAINING], volumes[N_TRAINING:], True, False


def sandstone(n, seed):
    """Return windows of two thirds of a scan and of the rest."""
    path = Path(os.environ["SKMICRO_DATA"]) / "berea_sandstone_200x400x400.npz"
    scan = skmicro.read_images(path).reshape(200, 400, 400)
    cut = 2 * scan.shape[1] // 3
    parts = (scan[:, :cut], N_TRAINING), (scan[:, cut:], n - N_TRAINING)
    training, others = (
        extract_patches(part, (SIDE,) * 3, count, method="latin-hypercube", random_state=seed)
        for part, count in parts
    )
    return training, others, False, False


def fibers(n, seed):
    """Return volumes of fibres along the first axis."""
    tensor = np.diag([0.9, 0.05, 0.05])
    volumes, _ = make_fibers(
        n, (SIDE,) * 3, length=16.0, diameter=5.0, orientation_tensor=tensor, random_state=seed
    )
    return volumes[:N_TRAINING], volumes[N_TRAINING:], True, True


MATERIALS = {"phase separation": phase_separation, "sandstone": sandstone, "fibres": fibers}


def sections_of(volumes, seed):
    """Return sections across all axes, and which axis each is of."""
    rng = np.random.default_rng(seed)
    axes = np.arange(N_SECTIONS) % 3
    places = rng.integers(0, SIDE, N_SECTIONS), rng.integers(0, len(volumes), N_SECTIONS)
    images = [np.take(volumes[n], k, axis=axis) for axis, k, n in zip(axes, *places, strict=True)]
    return np.stack(images), axes


def more_measured(volumes, periodic):
    """Return what the columns of this script need, beside those of all volumes."""
    found = measured(volumes, periodic)
    core = volumes if periodic else volumes[:, :-8, :-8, :-8]
    found["diagonal"] = np.array(
        [_diagonal(volumes, core.shape[1], lag, periodic) for lag in DIAGONAL_LAGS]
    )
    for phase in (0, 1):
        found[f"chord{phase}"] = ChordLength(phase=phase, periodic=periodic).fit_transform(volumes)
        found[f"percolates{phase}"] = np.mean([_percolates(v == phase) for v in volumes])
    return found


def _diagonal(volumes, side, lag, periodic):
    """Return the probability that both ends of a segment along (1, 1, 1) are of phase 1."""
    if periodic:
        return (volumes * np.roll(volumes, (lag,) * 3, (1, 2, 3))).mean()
    low, high = slice(0, side), slice(lag, side + lag)
    return (volumes[:, low, low, low] * volumes[:, high, high, high]).mean()


def _percolates(phase):
    """Return the share of axes along which a phase joins opposite faces."""
    labels, _ = ndimage.label(phase)
    faces = [(np.take(labels, 0, axis), np.take(labels, -1, axis)) for axis in range(3)]
    return np.mean([np.intersect1d(a[a > 0], b[b > 0]).size > 0 for a, b in faces])


def full_row(model, samples, reference, **record):
    """Return all columns of a row."""
    record = {"n_iter": None, "seconds": 0.0, "volume_seconds": 0.0} | record
    row = row_of(model, samples, reference, record)
    row["euler_number"] = float(samples["euler"].mean())
    row["diagonal"] = relative_error(samples["diagonal"], reference["diagonal"])
    for phase in (0, 1):
        chord, percolates = f"chord{phase}", f"percolates{phase}"
        row[chord] = float(samples[chord][:, 0].mean() / reference[chord][:, 0].mean())
        row[percolates] = float(samples[percolates])
    return row


def rows_of(material, arguments):
    """Return the rows of a material, sections to look at, and the trained generator."""
    n = arguments.n_samples
    training, others, periodic, anisotropic = MATERIALS[material](
        N_TRAINING + 2 * n, arguments.seed
    )
    reference = more_measured(others[:n], periodic)
    rows = [full_row(REAL, more_measured(others[n:], periodic), reference)]
    shown = {REAL: others[:8, SIDE // 2]}
    field = GaussianRandomField(periodic=periodic).fit(training)
    made = field.sample(n, random_state=arguments.seed)
    rows.append(full_row(FIELD, more_measured(made, periodic), reference))
    shown[FIELD] = made[:8, SIDE // 2]

    X, axes = sections_of(training, arguments.seed)
    settings = {"periodic": periodic, "random_state": arguments.seed, "device": "cpu"}
    if anisotropic:
        settings["symmetries"] = ("reflection", "translation")
        settings["conditions"] = ("p1", "normal")

    def make(**others):
        return _WithNormals(FlowMatchingGenerator.light(**settings | others), axes)

    n_iter = arguments.n_iter or iterations_within(60 * arguments.minutes, make, X)
    start = time.process_time()
    generator = make(n_iter=n_iter).fit(X).generator
    record = {"n_iter": n_iter, "seconds": time.process_time() - start}
    for title, model, restart in (
        ("alternating", Alternating, None),
        ("without restart", SectionModel, None),
        ("sample_volume", SectionModel, generator.restart_time),
    ):
        start = time.process_time()
        with mock.patch.object(_sectioned_flow, "SectionModel", model):
            generator.set_params(restart_time=restart)
            made = generator.sample_volume(n, random_state=arguments.seed)
        spent = (time.process_time() - start) / n
        found = more_measured(made, periodic)
        rows.append(full_row(title, found, reference, volume_seconds=spent, **record))
        shown[title] = made[:8, SIDE // 2]
    return [{"material": material} | row for row in rows], shown, generator


def costs_of(generator):
    """Return rows of what a volume costs, by its size."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.skm"
        generator.save(path)
        return [cost_of_one(path, (side,) * 3, "sample_volume") for side in COST_SIDES]


class _WithNormals:
    """A generator whose ``fit`` knows across which axes its images were cut."""

    def __init__(self, generator, axes):
        self.generator, self.axes = generator, axes

    def fit(self, X):
        """Fit the generator."""
        named = "normal" in self.generator.conditions
        self.generator.fit(X, pd.DataFrame({"normal": self.axes}) if named else None)
        return self


def main():
    """Compare the ways for all materials."""
    parser = argument_parser(__doc__, n_samples=16)
    parser.add_argument("--materials", nargs="+", choices=MATERIALS, default=list(MATERIALS))
    parser.add_argument("--output", default="slices_to_volume", help="name of the results")
    arguments = read_arguments(parser)
    rows = []
    for material in arguments.materials:
        found, shown, generator = rows_of(material, arguments)
        print(material)
        print_rows(found, COLUMNS | MORE_COLUMNS)
        rows += found
        if arguments.picture:
            name = f"slices_to_volume_{material.replace(' ', '_')}"
            save_picture(SampleGridDisplay.from_images(shown), arguments.picture, name)
    costs = costs_of(generator)
    print_rows(costs, SIZE_COLUMNS)
    settings = {k: v for k, v in vars(arguments).items() if not isinstance(v, Path)}
    print("written to", write_results(arguments.output, settings | {"rows": rows, "costs": costs}))


if __name__ == "__main__":
    main()
