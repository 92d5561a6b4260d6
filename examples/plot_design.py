"""
Designs for a stiffness
=======================

Train a flow on phase-separated images for some minutes, let a student learn its images in one
evaluation, and ask it for images of a given stiffness: one that an average image has, along the
first axis, along both axes and in shear, and the largest and the smallest there are at half of each
phase. The table has what full fields of the finished images say. The picture has designs beside
real images of the stiffness that was asked for.

    python examples/plot_design.py
    python examples/plot_design.py --output FOLDER

.. image:: /_static/design_example.png
   :alt: Rows of images: real ones, and designs for a stiffness
"""

# sphinx_gallery_thumbnail_path = '_static/design_example.png'

import argparse
import time
import warnings
from pathlib import Path

import matplotlib
import numpy as np

from skmicro.datasets import make_cahn_hilliard
from skmicro.exceptions import TargetWarning
from skmicro.generators import FlowMatchingGenerator
from skmicro.plotting import SampleGridDisplay
from skmicro.properties import ElasticStiffness

SHAPE = (64, 64)
N_SHOWN = 8
STIFFNESS = ElasticStiffness(young=(1.0, 10.0), poisson=(0.3, 0.3), outputs=["C11", "C22", "C66"])
ASKED = {
    "C11 = 4": ({"C11": 4.0}, {}),
    "C11, C22, C66": ({"C11": 4.0, "C22": 4.0, "C66": 1.1}, {}),
    "largest C11": ({"C11": "max"}, {"p1": 0.5}),
    "smallest C11": ({"C11": "min"}, {"p1": 0.5}),
}


def trained(n_images, n_iter):
    """Return training images and a student of a flow that was trained on them."""
    images, _ = make_cahn_hilliard(n_images, SHAPE, volume_fraction=(0.25, 0.75), random_state=0)
    flow = FlowMatchingGenerator.light(periodic=True, n_iter=n_iter, random_state=0, verbose=1)
    return images, flow.fit(images).distill()


def print_row(label, values, fractions):
    """Print means and standard deviations of outputs and of the fraction of the stiff phase."""
    numbers = [*values, fractions]
    columns = (f"{np.mean(each):8.3f} +- {np.std(each):.3f}" for each in numbers)
    print(f"{label:26s}" + "".join(columns), flush=True)


def designed(student, n_designs):
    """Return designs for all that is asked, by what it is called, and print what they have."""
    stacks = {}
    for label, (targets, conditions) in ASKED.items():
        stiffness = ElasticStiffness(**STIFFNESS.get_params()).set_params(outputs=list(targets))
        start = time.process_time()
        designs = student.design(
            stiffness, targets, n_designs, rtol=0.005, random_state=0, **conditions
        )
        seconds = (time.process_time() - start) / n_designs
        fractions = designs.images.mean(axis=(1, 2))
        print_row(label, STIFFNESS.fit_transform(designs.images).T, fractions)
        print(f"{'':26s}{designs.errors.max():8.2%} at worst, {seconds:.2f} s of a processor each")
        stacks[label] = designs.images
    return stacks


def main():
    """Train, design, print and draw."""
    matplotlib.use("Agg")
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--output", type=Path, help="folder to write the picture to")
    parser.add_argument("--n-images", type=int, default=1024, help="training images")
    parser.add_argument("--n-iter", type=int, default=1000, help="iterations of the flow")
    parser.add_argument("--n-designs", type=int, default=16, help="of each kind")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", TargetWarning)  # the table tells the largest error
    images, student = trained(arguments.n_images, arguments.n_iter)
    known = STIFFNESS.fit_transform(images)
    near = np.argsort(np.abs(known[:, 0] - 4.0))[: arguments.n_designs]
    print(f"{'':26s}     C11               C22               C66               p1")
    print_row("real, C11 near 4", known[near].T, images[near].mean(axis=(1, 2)))
    stacks = {"real, C11 near 4": images[near]} | designed(student, arguments.n_designs)
    if arguments.output is not None:
        arguments.output.mkdir(parents=True, exist_ok=True)
        shown = {label: stack[:N_SHOWN] for label, stack in stacks.items()}
        display = SampleGridDisplay.from_images(shown, n_columns=N_SHOWN)
        display.figure_.savefig(arguments.output / "design.png", dpi=80)


if __name__ == "__main__":
    main()
