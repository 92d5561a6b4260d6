"""
Latents searched for a target
=============================

Cut one simulated scan into 64 tiles, train DAVEGAN on them for some minutes, and draw new tiles
at a target volume fraction, at a target specific surface and at both. The network knows nothing of
either: latents are searched until the images meet the target. The table compares with tiles drawn
freely, and with ``exact=True``.

    python examples/plot_latent_targets.py
    python examples/plot_latent_targets.py --output FOLDER

.. image:: /_static/latent_targets.png
   :alt: Real tiles above generated ones, one column for each specific surface asked for
"""

# sphinx_gallery_thumbnail_path = '_static/latent_targets.png'

import argparse
import time
import warnings
from pathlib import Path

import matplotlib
import numpy as np

import skmicro
from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import SpecificSurface, VolumeFraction
from skmicro.exceptions import TargetWarning
from skmicro.generators import DAVEGAN
from skmicro.plotting import DescriptorDistributionDisplay, SampleGridDisplay

TOLERANCE = 0.003  # a fraction is met when no more than three voxels of a tile are wrong
FRACTIONS = [0.38, 0.44, 0.5]
SURFACES = [0.175, 0.19, 0.205]
ASKED = [
    *({"p1": value} for value in FRACTIONS),
    {"p1": 0.38, "exact": True},
    *({"specific_surface": value} for value in SURFACES),
    {"p1": 0.38, "specific_surface": 0.175},
]


def tiles_of_a_scan(side=256, tile=32):
    """Return the tiles of one image, more of phase 0 than of phase 1 in it."""
    scans, _ = make_cahn_hilliard(
        1, (side, side), volume_fraction=0.45, n_steps=200, random_state=0
    )
    return skmicro.extract_patches(scans[0], (tile, tile), method="grid")


def measured(tiles):
    """Return the volume fraction and the specific surface of tiles, by name."""
    descriptors = (VolumeFraction(), SpecificSurface(periodic=False))
    return {each.name: each.fit_transform(tiles)[:, 0] for each in descriptors}


def print_row(label, tiles, wanted=None):
    """Print mean and standard deviation of tiles, their bias and how many missed the targets.

    Parameters
    ----------
    label : str
        What the row is called.
    tiles : ndarray of shape (n, *spatial)
        Tiles.
    wanted : dict of str to float or None, default=None
        Targets that they were to meet.
    """
    columns, missed = "", np.zeros(len(tiles), bool)
    for name, values in measured(tiles).items():
        bias = ""
        if wanted and name in wanted:
            bias = f"{values.mean() - wanted[name]:+.4f}"
            missed |= np.abs(values - wanted[name]) > TOLERANCE + 1e-6
        columns += f"{values.mean():.4f} {bias:>7s} {values.std():.4f}   "
    print(f"{label:34s}{columns}{f'{missed.mean():6.0%}' if wanted else ''}", flush=True)


def samples_at_targets(generator, tiles, n_samples):
    """Draw tiles freely and for all that is asked, and print what they achieve.

    Parameters
    ----------
    generator : BaseGenerator
        Fitted generator.
    tiles : ndarray of shape (n, *spatial)
        Tiles it was trained on.
    n_samples : int
        Tiles to draw each time.

    Returns
    -------
    samples : dict of str to ndarray of shape (n_samples, *spatial)
        Tiles by what was asked for.
    """
    print(f"{'':34s}p1        bias    std   surface    bias    std   missed")
    print_row("tiles of the scan", tiles)
    samples = {"free": generator.sample(n_samples, random_state=1)}
    print_row("free", samples["free"])
    for asked in ASKED:
        label = ", ".join(f"{name}={value}" for name, value in asked.items())
        samples[label] = generator.sample(n_samples, random_state=1, **asked)
        print_row(label, samples[label], asked)
    return samples


def pictures(generator, tiles, samples):
    """Yield figures by name: distributions, tiles at volume fractions, tiles at surfaces."""
    shown = {"tiles of the scan": tiles, "free": samples["free"]}
    shown |= {label: samples[label] for label in (f"p1={value}" for value in FRACTIONS)}
    yield "fractions", DescriptorDistributionDisplay.from_images(shown, bins=40)
    for name, values in (("p1", FRACTIONS), ("specific_surface", SURFACES)):
        yield (
            f"tiles_{name}",
            SampleGridDisplay.from_estimator(
                generator, tiles, n_rows=4, n_real_rows=2, targets={name: values}, random_state=2
            ),
        )


def main():
    """Train, sample, print and draw."""
    matplotlib.use("Agg")
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--output", type=Path, default=Path("targets"), help="folder to write to")
    parser.add_argument("--n-iter", type=int, default=800, help="iterations of training")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore", TargetWarning)  # the table counts those that miss
    start = time.perf_counter()
    tiles = tiles_of_a_scan()
    generator = DAVEGAN.light(n_iter=arguments.n_iter, target_tol=TOLERANCE, random_state=0).fit(
        tiles
    )
    print(f"trained on {len(tiles)} tiles in {time.perf_counter() - start:.0f} s")
    samples = samples_at_targets(generator, tiles, n_samples=100)
    for name, display in pictures(generator, tiles, samples):
        path = arguments.output / f"{name}.png"
        display.figure_.savefig(path, dpi=100)
        print(path)
    print(f"{time.perf_counter() - start:.0f} s in all")


if __name__ == "__main__":
    main()
