"""
Every display of a Wasserstein GAN
==================================

Train a Wasserstein GAN on simulated images of phase separation for about a minute and draw
what the library can draw of it: samples, distributions of the volume fraction, two-point
correlations, an interpolation with its free energy, targets met, and the training.

    python examples/plot_displays.py
    python examples/plot_displays.py --output FOLDER

.. image:: /_static/display_targets.png
   :alt: Real images above generated ones, one column for each volume fraction

.. image:: /_static/display_interpolation.png
   :alt: Images between two images, and their free energy
"""

# sphinx_gallery_thumbnail_path = '_static/display_targets.png'

import argparse
from pathlib import Path

import matplotlib

from skmicro.datasets import make_cahn_hilliard
from skmicro.generators import WGANGP
from skmicro.plotting import (
    DescriptorDistributionDisplay,
    HistoryDisplay,
    InterpolationDisplay,
    SampleGridDisplay,
    TargetDisplay,
    TwoPointDisplay,
)


def trained_generator(n_images=512, shape=(32, 32), n_iter=600):
    """Fit the light WGAN-GP on periodic images of p1 between 0.3 and 0.7."""
    images, _ = make_cahn_hilliard(n_images, shape, n_steps=300, random_state=0)
    symmetries = ("translation", "reflection", "rotation")
    generator = WGANGP.light(
        n_iter=n_iter, periodic=True, symmetries=symmetries, target_tol=0.02, random_state=0
    )
    return generator.fit(images), images


def all_displays(generator, images, n_samples=200):
    """Draw every display.

    Parameters
    ----------
    generator : BaseGenerator
        Fitted generator.
    images : ndarray of shape (n, *spatial)
        Images it was trained on.
    n_samples : int, default=200
        Images to generate where a picture shows statistics.

    Yields
    ------
    name : str
        What the picture shows.
    display : object
        A drawn display.
    """
    seeded = {"random_state": 0}
    many = {"n_samples": n_samples, **seeded}
    yield "samples", SampleGridDisplay.from_estimator(generator, images, **seeded)
    targets = {"p1": [0.3, 0.4, 0.5, 0.6, 0.7]}
    yield "targets", SampleGridDisplay.from_estimator(generator, images, targets=targets, **seeded)
    yield "fractions", DescriptorDistributionDisplay.from_estimator(generator, images, **many)
    yield (
        "densities",
        DescriptorDistributionDisplay.from_estimator(
            generator, images, descriptor="free_energy", kind="density", **many
        ),
    )
    yield "correlations", TwoPointDisplay.from_estimator(generator, images, **many)
    ends = generator.transform(images[:2])
    yield "interpolation", InterpolationDisplay.from_estimator(generator, *ends)
    few = {"n_samples": max(2, n_samples // 10), **seeded}
    yield "achieved", TargetDisplay.from_estimator(generator, "p1", targets["p1"], **few)
    vectors = [[1 - p1, p1] for p1 in targets["p1"]]
    yield (
        "achieved_vectors",
        TargetDisplay.from_estimator(generator, "phase_fractions", vectors, **few),
    )
    yield "history", HistoryDisplay.from_estimator(generator, window=20)


def main():
    """Train, draw and write the pictures."""
    matplotlib.use("Agg")
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--output", type=Path, default=Path("displays"), help="folder to write to")
    parser.add_argument("--n-iter", type=int, default=600, help="iterations of training")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    generator, images = trained_generator(n_iter=arguments.n_iter)
    for name, display in all_displays(generator, images):
        path = arguments.output / f"{name}.png"
        display.figure_.savefig(path, dpi=120)
        print(path)


if __name__ == "__main__":
    main()
