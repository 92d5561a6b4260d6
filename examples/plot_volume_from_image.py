"""
A volume from one image
=======================

One section of a phase-separated material, 256 x 256 voxels, is all that is known. A flow that was
trained on windows of it generates volumes of which every section looks like the image, one of them
with a part of the image itself as its middle section.

The picture has the image and two volumes, each with its middle sections and its surface; the
printed table compares the volumes with the image: volume fraction, two-point correlation, and share
of neighbours of different phases. ``--n-iter`` sets how long the flow is trained.

    python examples/plot_volume_from_image.py --output FOLDER

.. image:: /_static/volume_from_image.png
   :alt: An image, and sections and surfaces of two volumes that look like it
"""

# sphinx_gallery_thumbnail_path = '_static/volume_from_image.png'

import argparse
import time
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np

from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import SpecificSurface, TwoPointCorrelation
from skmicro.generators import FlowMatchingGenerator
from skmicro.plotting import VolumeDisplay

SIDE, MAX_LAG = 64, 16


def changes_per_axis(images, **borders):
    """Return the specific surface of images divided by their number of axes."""
    return SpecificSurface(**borders).fit_transform(images).mean() / (images.ndim - 1)


def main():
    """Train, generate, print and draw."""
    matplotlib.use("Agg")
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--output", type=Path, help="folder to write the picture to")
    parser.add_argument("--n-iter", type=int, default=2000, help="iterations of the flow")
    parser.add_argument("--side", type=int, default=SIDE, help="voxels of a volume along an axis")
    arguments = parser.parse_args()

    start = time.perf_counter()
    image, _ = make_cahn_hilliard(
        1, (256, 256), volume_fraction=(0.42, 0.42), n_steps=150, random_state=0
    )
    flow = FlowMatchingGenerator.light(
        crop_shape=(48, 48),
        symmetries=("reflection", "rotation"),
        n_iter=arguments.n_iter,
        random_state=0,
        verbose=1,
    ).fit(image)
    print(f"trained after {time.perf_counter() - start:.0f} s")

    side = arguments.side
    part = image[0, :side, :side]
    free = flow.sample_volume(shape=(side,) * 3, random_state=1)
    with_image = flow.sample_volume(
        shape=(side,) * 3, sections={(0, side // 2): part}, random_state=2
    )
    print(f"two volumes after {time.perf_counter() - start:.0f} s")
    radial = {"max_lag": min(MAX_LAG, side // 4), "periodic": False}
    known = TwoPointCorrelation(**radial).fit_transform(image)[0]
    for title, X in (("image", image), ("volume", free), ("volume with the image", with_image)):
        s2 = TwoPointCorrelation(**radial).fit_transform(X)[0]
        error = np.abs(s2 - known).mean() / known.mean()
        surface = changes_per_axis(X, periodic=False)
        print(f"{title}: p1 {X.mean():.3f}, S2 error {error:.1%}, surface per axis {surface:.4f}")

    if arguments.output is not None:
        figure = plt.figure(figsize=(11, 5.2), layout="constrained")
        left, right = figure.subfigures(1, 2, width_ratios=(2, 5))
        ax = left.subplots()
        ax.imshow(image[0], cmap="gray", interpolation="nearest")
        ax.set(title="the image", xticks=[], yticks=[])
        axes = right.subplots(2, 4)
        VolumeDisplay(free[0]).plot(axes=axes[0])
        VolumeDisplay(with_image[0]).plot(axes=axes[1])
        arguments.output.mkdir(parents=True, exist_ok=True)
        figure.savefig(arguments.output / "volume_from_image.png", dpi=80)


if __name__ == "__main__":
    main()
