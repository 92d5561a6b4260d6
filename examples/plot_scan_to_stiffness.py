"""
From one scan to a distribution of stiffness
============================================

One scan of short fibres in a matrix, 96 voxels a side, represents the micrograph of a composite.
How much does the stiffness of pieces of 32 voxels a side vary? The scan itself has 27 pieces that
do not overlap. A flow that was trained on windows of it generates as many as one likes, and a
Gaussian random field, which shares nothing with the scan but volume fraction and two-point
correlation, is the baseline.

The picture has the scan, a generated piece, the stiffness along the third axis, along which most of
the fibres lie, and its dependence on the volume fraction. ``--n-iter`` sets how long the flow is
trained.

    python examples/plot_scan_to_stiffness.py --output FOLDER
"""

import argparse
import time
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt

from skmicro import extract_patches
from skmicro.datasets import make_fibers
from skmicro.generators import FlowMatchingGenerator, GaussianRandomField
from skmicro.plotting import DescriptorDistributionDisplay, VolumeDisplay
from skmicro.properties import ElasticStiffness

SCAN, PIECE = (96, 96, 96), (32, 32, 32)
FIBERS = {"length": 24, "diameter": 6, "orientation_tensor": (0.1, 0.1, 0.8)}


def generated(scan, n_samples, n_iter):
    """Return pieces of the scan, and as many generated ones as asked for, by their labels."""
    pieces = extract_patches(scan, PIECE, method="grid")
    flow = FlowMatchingGenerator.light_3d(
        crop_shape=PIECE, symmetries=("reflection",), n_iter=n_iter, random_state=0, verbose=1
    )
    return {
        "scan": pieces,
        "flow": flow.fit(scan[None]).sample(n_samples, random_state=1),
        "random field": GaussianRandomField().fit(pieces).sample(n_samples, random_state=1),
    }


def main():
    """Train, compute, print and draw."""
    matplotlib.use("Agg")
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--output", type=Path, help="folder to write the picture to")
    parser.add_argument("--n-iter", type=int, default=2000, help="iterations of the flow")
    parser.add_argument("--n-samples", type=int, default=60)
    arguments = parser.parse_args()

    start = time.perf_counter()
    (scan,), _ = make_fibers(1, SCAN, random_state=0, **FIBERS)
    volumes = generated(scan, arguments.n_samples, arguments.n_iter)
    labeler = ElasticStiffness(
        young=(1.0, 10.0), poisson=(0.35, 0.25), outputs=("C33",), rtol=1e-5, n_jobs=2
    )
    stiffness = {label: labeler.fit_transform(X)[:, 0] for label, X in volumes.items()}
    for label, values in stiffness.items():
        p1 = volumes[label].mean()
        print(f"{label}: C33 {values.mean():.3f} +- {values.std():.3f}, volume fraction {p1:.3f}")

    if arguments.output is not None:
        figure, axes = plt.subplots(3, 4, figsize=(11, 9), layout="constrained")
        VolumeDisplay(scan).plot(axes=axes[0])
        VolumeDisplay(volumes["flow"][0]).plot(axes=axes[1])
        for ax in axes[2]:
            ax.remove()
        left, right = (figure.add_subplot(3, 2, place) for place in (5, 6))
        display = DescriptorDistributionDisplay(stiffness, name="stiffness C33")
        display.plot(ax=left, kind="density", reference="scan")
        for label, X in volumes.items():
            fractions = X.reshape(len(X), -1).mean(axis=1)
            right.plot(fractions, stiffness[label], ".", label=label)
        right.set(xlabel="volume fraction", ylabel="stiffness C33")
        right.legend()
        arguments.output.mkdir(parents=True, exist_ok=True)
        figure.savefig(arguments.output / "scan_to_stiffness.png", dpi=80)
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
