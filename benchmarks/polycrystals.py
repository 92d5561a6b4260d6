"""Polycrystals with given orientation fractions (Joshi et al. 2020, Sec. 6, Fig. 7).

InvNet (light) and the Gaussian random field are fitted to periodic polycrystals of five
orientations whose fractions vary. 100 images each at fractions of held-out images, and at
skewed ones that lie outside the training data: absolute error of the fractions of single
images and of their mean over the 100. Then grains, that is connected regions of one
orientation, beside those of real images and of a second set of real ones: number, mean
size, spread of sizes, number of neighbours, specks below five voxels.

    python benchmarks/polycrystals.py
"""

import argparse
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from _results import write_results
from scipy import ndimage, sparse

from skmicro.datasets import make_polycrystals
from skmicro.exceptions import ExtrapolationWarning
from skmicro.generators import GaussianRandomField, InvNetGenerator

SYMMETRIES = ("translation", "reflection", "rotation")
SKEWED = {
    "one rare": (0.24, 0.24, 0.24, 0.24, 0.04),
    "falling": (0.36, 0.27, 0.19, 0.12, 0.06),
    "half is one": (0.50, 0.20, 0.10, 0.10, 0.10),
}
N_ORIENTATIONS = 5
SPECK = 5


def fractions_of(images):
    """Return the orientation fractions of images."""
    return np.stack([(images == k).mean(axis=(1, 2)) for k in range(N_ORIENTATIONS)], axis=1)


def grains_of(image):
    """Return the periodic map of grains, numbered from 0."""
    labels, count = np.zeros(image.shape, int), 0
    for orientation in range(N_ORIENTATIONS):
        own, n = ndimage.label(image == orientation)
        labels[own > 0] = own[own > 0] + count - 1
        count += n
    same = [
        np.stack([np.take(labels, 0, axis), np.take(labels, -1, axis)])[
            :, np.take(image, 0, axis) == np.take(image, -1, axis)
        ]
        for axis in range(image.ndim)
    ]
    pairs = np.concatenate(same, axis=1)
    graph = sparse.coo_matrix((np.ones(pairs.shape[1]), pairs), (count, count))
    return sparse.csgraph.connected_components(graph, directed=False)[1][labels]


def grain_statistics(images):
    """Return means over images of what grains are like."""
    metrics = []
    for image in images:
        grains = grains_of(image)
        sizes = np.bincount(grains.ravel())
        pairs = [
            np.stack([grains.ravel(), np.roll(grains, 1, axis).ravel()])
            for axis in range(image.ndim)
        ]
        pairs = np.concatenate(pairs, axis=1)
        pairs = np.unique(np.sort(pairs[:, pairs[0] != pairs[1]], axis=0), axis=1)
        metrics.append(
            [
                len(sizes),
                sizes.mean(),
                sizes.std() / sizes.mean(),
                2 * pairs.shape[1] / len(sizes),
                np.sum(sizes < SPECK),
            ]
        )
    names = ("grains", "mean size", "spread of sizes", "neighbours", "specks")
    return dict(zip(names, np.mean(metrics, axis=0).tolist(), strict=True))


def fraction_rows(generator, targets, n_samples):
    """Return errors of the fractions at every target."""
    rows = []
    for name, target in targets.items():
        with warnings.catch_warnings():
            if name in SKEWED:
                warnings.simplefilter("ignore", ExtrapolationWarning)
            images = generator.sample(n_samples, phase_fractions=target, random_state=1)
        error = fractions_of(images) - target
        rows.append(
            {
                "target": name,
                "fractions": list(map(float, target)),
                "mean": fractions_of(images).mean(axis=0).tolist(),
                "error of single images": float(np.abs(error).mean()),
                "error of the mean": float(np.abs(error.mean(axis=0)).max()),
                "grains": grain_statistics(images),
            }
        )
    return rows


def print_report(name, rows, grains, seconds):
    """Print fractions and grains of one generator."""
    print(f"\n{name} ({seconds:.0f} s)   fractions: mean absolute error, of single images")
    for row in rows:
        print(
            f"  {row['target']:14s} {row['error of single images']:.4f}   largest error of the "
            f"mean {row['error of the mean']:.4f}   specks {row['grains']['specks']:.2f}"
        )
    print("  " + "   ".join(f"{key} {value:.3g}" for key, value in grains.items()))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--n-grains", type=int, default=20)
    parser.add_argument("--n-images", type=int, default=1000)
    parser.add_argument("--n-iter", type=int, default=1800)
    parser.add_argument("--n-samples", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--picture", help="folder for the picture")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)

    n_real = 2 * arguments.n_samples
    images, _ = make_polycrystals(
        arguments.n_images + n_real,
        (arguments.side, arguments.side),
        n_grains=arguments.n_grains,
        random_state=arguments.seed,
    )
    train, real = images[:-n_real], images[-n_real:]
    held_out = fractions_of(real)
    targets = {f"held out {k}": held_out[k] for k in range(5)} | SKEWED
    targets = {name: np.asarray(target, float) for name, target in targets.items()}
    halves = [grain_statistics(half) for half in (real[::2], real[1::2])]
    print("real, two halves:")
    for half in halves:
        print("  " + "   ".join(f"{key} {value:.3g}" for key, value in half.items()))

    generators = {
        "InvNet": InvNetGenerator.light(
            invariances=("phase_fractions",),
            moments=(),
            projection_weight=1000.0,
            periodic=True,
            symmetries=SYMMETRIES,
            n_iter=arguments.n_iter,
            random_state=arguments.seed,
        ),
        "Gaussian random field": GaussianRandomField(random_state=arguments.seed, periodic=True),
    }
    records = {}
    pictures = {"real": real[:6]}
    for name, generator in generators.items():
        start = time.perf_counter()
        generator.fit(train)
        seconds = time.perf_counter() - start
        rows = fraction_rows(generator, targets, arguments.n_samples)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExtrapolationWarning)
            samples = generator.sample(
                n_real, phase_fractions=held_out, random_state=arguments.seed + 2
            )
        pictures[name] = samples[:6]
        errors = np.abs(fractions_of(samples) - held_out)
        record = {
            "training_seconds": seconds,
            "rows": rows,
            "error of single images, all held-out fractions": float(errors.mean()),
            "grains": grain_statistics(samples),
        }
        print_report(name, rows, record["grains"], seconds)
        print(f"  at the fractions of {n_real} held-out images: {errors.mean():.4f}")
        records[name] = record
    if arguments.picture:
        from skmicro.plotting import SampleGridDisplay

        display = SampleGridDisplay.from_images(pictures, n_columns=6)
        display.figure_.savefig(Path(arguments.picture) / "polycrystals.png", dpi=80)
    payload = {
        "settings": {k: v for k, v in vars(arguments).items() if k != "picture"},
        "real_halves": halves,
        "records": records,
    }
    print("written to", write_results("polycrystals", payload))


if __name__ == "__main__":
    main()
