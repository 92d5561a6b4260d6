"""
Thousands of images with a given volume fraction
================================================

Simulate phase separation (or read a folder of micrographs), train a generator by flow
matching on the images, and draw new ones at given volume fractions p1. The table compares
generated images with real ones of nearly the same volume fraction: the bias of p1, the
relative error of the two-point correlation S2 beside the real-vs-real baseline (the same
error between two halves of the real images), the ratio of the specific surfaces, and the
Euler numbers of both.

    python examples/quickstart.py
    python examples/quickstart.py --images FOLDER

.. image:: /_static/quickstart.png
   :alt: Simulated images above generated ones, one column for each volume fraction
"""

# sphinx_gallery_thumbnail_path = '_static/quickstart.png'

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

import skmicro
from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import EulerNumber, SpecificSurface, TwoPointCorrelation, VolumeFraction
from skmicro.generators import FlowMatchingGenerator


def simulated_images(n_images=1024, shape=(64, 64)):
    """Periodic images of spinodal decomposition, p1 spread from 0.27 to 0.73."""
    images, _ = make_cahn_hilliard(n_images, shape, random_state=0)
    return images


def patches_of(scans, shape=(64, 64), n_patches=1024):
    """Random patches of every scan, about ``n_patches`` in all."""
    each = -(-n_patches // len(scans))
    patches = [
        skmicro.extract_patches(scan, shape, each, random_state=k) for k, scan in enumerate(scans)
    ]
    return np.concatenate(patches)


def relative_error(curve, reference):
    """Relative distance ||S2 - S2'|| / ||S2'|| of two curves."""
    return float(np.linalg.norm(curve - reference) / np.linalg.norm(reference))


def nearest_images(images, fractions, target, n_images=100):
    """The real images whose volume fraction is nearest to the target."""
    return images[np.argsort(np.abs(fractions - target), kind="stable")[:n_images]]


def control_row(generator, images, target, *, n_samples, periodic, exact=False):
    """Generate images at a target and compare them with the real ones near it.

    Parameters
    ----------
    generator : BaseGenerator
        Fitted generator.
    images : ndarray of shape (n, *spatial)
        Real images.
    target : float
        Volume fraction to ask for.
    n_samples : int
        Images to generate.
    periodic : bool
        Whether correlations wrap around the borders.
    exact : bool, default=False
        Ask for exact fractions.

    Returns
    -------
    row : dict
        Target, mean and standard deviation of p1; relative error of the mean S2 and its
        baseline; mean specific surface over that of the real images; mean Euler numbers of
        an image, generated and real.
    """
    samples = generator.sample(n_samples, p1=target, exact=exact, random_state=1)
    fraction = VolumeFraction().fit(images)
    correlation = TwoPointCorrelation(periodic=periodic).fit(images)
    real = nearest_images(images, fraction.transform(images)[:, 0], target)
    curves = correlation.transform(real)
    achieved = fraction.transform(samples)[:, 0]
    surface = SpecificSurface(periodic=periodic).fit(images)
    euler = EulerNumber(periodic=periodic).fit(images)
    return {
        "target": float(target),
        "mean": float(achieved.mean()),
        "std": float(achieved.std()),
        "s2_error": relative_error(correlation.transform(samples).mean(0), curves.mean(0)),
        "s2_baseline": relative_error(curves[::2].mean(0), curves[1::2].mean(0)),
        "surface": float(surface.transform(samples).mean() / surface.transform(real).mean()),
        "euler": float(euler.transform(samples).mean() * images[0].size),
        "euler_real": float(euler.transform(real).mean() * images[0].size),
    }


def print_table(rows):
    """Print rows of :func:`control_row`."""
    print("target   mean p1   bias      std     S2 error   baseline   surface   Euler   real")
    for row in rows:
        print(
            f"{row['target']:.3f}    {row['mean']:.4f}   {row['mean'] - row['target']:+.4f}   "
            f"{row['std']:.4f}   {100 * row['s2_error']:5.2f} %    "
            f"{100 * row['s2_baseline']:5.2f} %   {row['surface']:.3f}     "
            f"{row['euler']:5.2f}   {row['euler_real']:5.2f}"
        )


def draw_picture(generator, images, targets, path):
    """Real images above generated ones, a column for each target."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    fractions = VolumeFraction().fit(images).transform(images)[:, 0]
    figure, axes = plt.subplots(4, len(targets), figsize=(1.5 * len(targets), 6.4))
    for column, target in zip(axes.T, targets, strict=True):
        real = nearest_images(images, fractions, target, 2)
        new = generator.sample(2, p1=target, random_state=2)
        column[0].set_title(f"p1 = {target:.2f}", fontsize=9)
        for axis, image in zip(column, [*real, *new], strict=True):
            axis.imshow(image, cmap="gray", interpolation="nearest")
            axis.set(xticks=[], yticks=[])
    for row, label in enumerate(("real", "real", "generated", "generated")):
        axes[row, 0].set_ylabel(label, fontsize=9)
    figure.tight_layout(pad=0.4)
    figure.savefig(path, dpi=80)
    plt.close(figure)


def run(generator, images, *, periodic, n_samples=200, picture=None):
    """Fit a generator, print the table, draw the picture, save and reload.

    Parameters
    ----------
    generator : BaseGenerator
        Unfitted generator with the condition p1.
    images : ndarray of shape (n, *spatial)
        Real images.
    periodic : bool
        Whether they wrap around.
    n_samples : int, default=200
        Images per target.
    picture : path-like or None, default=None
        Where to draw.

    Returns
    -------
    result : dict
        Rows of the table and seconds of training and sampling.
    """
    fractions = VolumeFraction().fit(images).transform(images)[:, 0]
    targets = np.round(np.quantile(fractions, [0.1, 0.3, 0.5, 0.7, 0.9]), 3)
    start = time.perf_counter()
    generator.fit(images)
    trained = time.perf_counter()
    rows = [
        control_row(generator, images, target, n_samples=n_samples, periodic=periodic)
        for target in targets
    ]
    sampled = time.perf_counter()
    print_table(rows)
    if picture is not None:
        draw_picture(generator, images, targets, picture)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "generator.skm"
        generator.save(path)
        reloaded = skmicro.load(path)
        same = np.array_equal(
            reloaded.sample(5, p1=targets[2], random_state=3),
            generator.sample(5, p1=targets[2], random_state=3),
        )
    print(f"saved, reloaded, same images again: {same}")
    return {
        "rows": rows,
        "n_images": len(images),
        "n_iter": generator.n_iter_,
        "training_seconds": trained - start,
        "seconds_per_sampled_target": (sampled - trained) / len(targets),
    }


def main():
    """Run on simulated images, or on those of a folder."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--images", help="folder or file of micrographs (two phases)")
    parser.add_argument("--picture", default="quickstart.png", help="where to draw")
    arguments = parser.parse_args()
    start = time.perf_counter()
    if arguments.images is None:
        images, periodic = simulated_images(), True
    else:
        images, periodic = patches_of(skmicro.read_images(arguments.images)), False
    print(f"{len(images)} images of {images.shape[1:]} after {time.perf_counter() - start:.0f} s")
    # The earlier the restart, the smoother the borders.
    generator = FlowMatchingGenerator.light(
        n_iter=1200, restart_time=0.3, periodic=periodic, random_state=0, verbose=1
    )
    result = run(generator, images, periodic=periodic, picture=arguments.picture)
    print(
        f"training {result['training_seconds']:.0f} s, in all {time.perf_counter() - start:.0f} s; "
        f"picture in {arguments.picture}"
    )


if __name__ == "__main__":
    main()
