"""Does early stopping end a training before the generator copies its images?

A light ``FlowMatchingGenerator`` is trained on 16 tiles of 32 x 32, of simulated phase separation
and of the alloy in ``materials_256.npz`` (in the folder named by ``SKMICRO_DATA``): once with an
``EarlyStopping`` that sees 48 other tiles and none of the 16, and once to the end. Along the
second training the memorisation of samples is measured, the largest correlation with one of the
16 tiles, moved in any way, beside that of the 48 tiles. Memorisation begins where the mean of
samples is above that of other tiles by two standard errors of the difference, and stays there;
"above others" is where it is above by anything, and stays there.

    SKMICRO_DATA=FOLDER python benchmarks/early_stopping.py --seeds 0 1 2 --picture doc/_static
"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import torch
from _results import RESULTS, write_results
from _tables import print_rows

import skmicro
from skmicro.datasets import make_cahn_hilliard
from skmicro.evaluation import memorisation
from skmicro.generators import FlowMatchingGenerator
from skmicro.training import EarlyStopping

SIDE, N_TRAIN, N_VAL, N_SAMPLES = 32, 16, 48, 64
MATERIALS = ("phase separation", "alloy")
# Rolled by whole voxels as well, 16 periodic images are too many to be learned by heart here.
SYMMETRIES = ("reflection", "rotation")
MARGIN = 2.0
COLUMNS = {
    "material": ("", ""),
    "seed": ("seed", "d"),
    "kept": ("kept", "d"),
    "stopped": ("stopped", "d"),
    "passes": ("above others", "d"),
    "begins": ("by the margin", "d"),
    "memorisation_kept": ("memory, kept", ".3f"),
    "memorisation_real": ("other tiles", ".3f"),
    "memorisation_end": ("at the end", ".3f"),
    "score_kept": ("score, kept", ".3f"),
    "score_end": ("at the end", ".3f"),
    "score_copies": ("of the 16 tiles", ".3f"),
    "processor_seconds": ("CPU, s", ".0f"),
}


def tiles_of(name, seed):
    """Return tiles (n, 32, 32) of a material in random order, and whether they are periodic."""
    if name == "phase separation":
        n = N_TRAIN + N_VAL
        return make_cahn_hilliard(n, (SIDE, SIDE), n_steps=200, random_state=seed)[0], True
    folder = Path(os.environ["SKMICRO_DATA"])
    (scan,) = skmicro.read_images(folder / "materials_256.npz", key=name)
    n = len(scan) // SIDE
    tiles = scan.reshape(n, SIDE, n, SIDE).swapaxes(1, 2).reshape(-1, SIDE, SIDE)
    return np.random.default_rng(seed).permutation(tiles), False


def measure(name, seed, arguments):
    """Train twice, and return the row of a material with its curves."""
    tiles, periodic = tiles_of(name, seed)
    train, val = tiles[:N_TRAIN], tiles[N_TRAIN : N_TRAIN + N_VAL]
    real = memorisation(val, train)
    curve = {"iteration": [], "mean": [], "error": [], "score": []}

    def looked_at(generator, X):
        samples = generator.sample(N_SAMPLES, random_state=1)
        found = memorisation(samples, train)
        curve["iteration"].append(generator.n_iter_)
        curve["mean"].append(found.mean())
        curve["error"].append(found.std() / np.sqrt(len(found)))
        curve["score"].append(generator.score(X))
        return curve["score"][-1]

    def trained(**settings):
        stopping = EarlyStopping(val, every=arguments.every, **settings)
        settings = {"symmetries": SYMMETRIES, "periodic": periodic, "callbacks": [stopping]}
        settings |= {"n_iter": arguments.n_iter, "random_state": seed}
        return FlowMatchingGenerator.light(**settings).fit(train)

    start = time.process_time()
    stopped = trained(patience=arguments.patience)
    seconds = time.process_time() - start
    trained(metric=looked_at, patience=arguments.n_iter)
    kept = int(np.nanargmax(stopped.history_["score"])) + 1
    copies = CopiesOf(stopped, train)
    curve = {key: np.array(values) for key, values in curve.items()}
    at = int(np.flatnonzero(curve["iteration"] == kept)[0])
    samples = stopped.sample(N_SAMPLES, random_state=1)
    row = {
        "material": name,
        "seed": seed,
        "kept": kept,
        "stopped": stopped.n_iter_,
        "memorisation_kept": memorisation(samples, train).mean(),
        "memorisation_real": real.mean(),
        "memorisation_real_error": real.std() / np.sqrt(len(real)),
        "memorisation_end": curve["mean"][-1],
        "score_kept": curve["score"][at],
        "score_end": curve["score"][-1],
        "score_copies": copies.score(val),
        "same_training": bool(
            np.array_equal(
                curve["score"][: at + 1].astype(np.float32),
                stopped.history_["score"][curve["iteration"][: at + 1] - 1],
            )
        ),
        "processor_seconds": seconds,
        "curve": {key: values.tolist() for key, values in curve.items()},
    }
    return row | beginning(row)


def beginning(row):
    """Return from where on samples are nearer to the 16 tiles than others, and by the margin."""
    curve = {key: np.array(values) for key, values in row["curve"].items()}
    margin = MARGIN * np.hypot(curve["error"], row["memorisation_real_error"])
    excess = curve["mean"] - row["memorisation_real"]
    passes, begins = (first_of_a_run(curve["iteration"], excess > m) for m in (0.0, margin))
    holds = begins is None or row["kept"] < begins
    return {"passes": passes, "begins": begins, "holds": holds}


class CopiesOf(FlowMatchingGenerator):
    """A fitted generator in whose place samples are copies of images."""

    def __init__(self, generator, images):
        vars(self).update(vars(generator))
        self.images = images

    def sample(self, n_samples=1, **options):
        """Return the images, each as often as the others."""
        return self.images[np.arange(n_samples) % len(self.images)]


def first_of_a_run(iterations, above):
    """Return the iteration from which on all are above, or None."""
    below = np.flatnonzero(~above)
    first = below[-1] + 1 if len(below) else 0
    return int(iterations[first]) if first < len(iterations) else None


def draw(rows, path):
    """Draw the curves of all materials."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, len(rows), figsize=(4.6 * len(rows), 3.4), squeeze=False)
    for ax, row in zip(axes[0], rows, strict=True):
        curve = {key: np.array(values) for key, values in row["curve"].items()}
        real, error = row["memorisation_real"], MARGIN * row["memorisation_real_error"]
        ax.axhspan(real - error, real + error, color="C0", alpha=0.15, lw=0)
        ax.axhline(real, color="C0", lw=1, ls=":", label="memorisation of other tiles")
        ax.plot(curve["iteration"], curve["mean"], "C0", label="memorisation of samples")
        ax.axvline(row["kept"], color="k", lw=1, label="kept")
        if row["stopped"] > row["kept"]:
            ax.axvline(row["stopped"], color="k", lw=1, ls="--", label="stopped")
        ax.set(title=row["material"], xlabel="iteration", ylabel="memorisation (mean)")
        score = ax.twinx()
        score.plot(curve["iteration"], curve["score"], "C1", label="score, without these 16 tiles")
        score.set_ylabel("score", color="C1")
        ax.yaxis.label.set_color("C0")
        handles = [*ax.get_legend_handles_labels()[0], *score.get_legend_handles_labels()[0]]
        labels = [handle.get_label() for handle in handles]
    figure.legend(handles, labels, loc="lower center", ncols=len(labels), fontsize=7.5)
    figure.tight_layout(rect=(0, 0.07, 1, 1))
    figure.savefig(path, dpi=100)
    plt.close(figure)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="material", help=", ".join(MATERIALS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="the first is drawn")
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument("--n-iter", type=int, default=2000)
    parser.add_argument("--every", type=int, default=50, help="iterations between evaluations")
    parser.add_argument("--patience", type=int, default=5)
    parser.add_argument("--summary", action="store_true", help="only print what is on file")
    parser.add_argument("--picture", type=Path, metavar="FOLDER", help="where to draw")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.summary:
        record = json.loads((RESULTS / "early_stopping.json").read_text())
        show([row | beginning(row) for row in record["rows"]], arguments)
        return
    names = arguments.names or list(MATERIALS)
    if "alloy" in names and "SKMICRO_DATA" not in os.environ:
        parser.error("SKMICRO_DATA must name the folder of real images")
    rows = [measure(name, seed, arguments) for seed in arguments.seeds for name in names]
    settings = {key: getattr(arguments, key) for key in ("seeds", "n_iter", "every", "patience")}
    print("written to", write_results("early_stopping", settings | {"rows": rows}))
    show(rows, arguments)


def show(rows, arguments):
    """Print the table, and draw the curves."""
    print_rows(rows, COLUMNS)
    if arguments.picture:
        rows = [row for row in rows if row["seed"] == rows[0]["seed"]]
        draw(rows, arguments.picture / "early_stopping.png")


if __name__ == "__main__":
    main()
