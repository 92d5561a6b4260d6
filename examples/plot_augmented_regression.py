"""
Do generated images help a regression?
======================================

The conductivity of 30 images of phase separation is known, and a regression on their two-point
correlation is to tell it of others. Generated images, labelled by full fields, add to the 30: those
of a Gaussian random field, and those of a Markov random field, which is drawn voxel by voxel. In
each fold of the cross-validation both are fitted on the training images alone.

The left picture compares the conductivities of generated and of real images, the right one has the
test score against the number of generated images. The volume fraction varies little here, so that
it does not tell the conductivity by itself. A regression on fewer principal components needs less
help: try five in place of 20.

    python examples/plot_augmented_regression.py
    python examples/plot_augmented_regression.py --output FOLDER

.. image:: /_static/augmented_regression.png
   :alt: Densities of the conductivities of real and generated images, and test scores
"""

# sphinx_gallery_thumbnail_path = '_static/augmented_regression.png'

import argparse
import tempfile
import time
import warnings
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import ShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import TwoPointCorrelation
from skmicro.exceptions import DistributionWarning
from skmicro.generators import GaussianRandomField, MarkovRandomField
from skmicro.plotting import AugmentationCurveDisplay, DescriptorDistributionDisplay
from skmicro.properties import EffectiveConductivity
from skmicro.regressors import AugmentedRegressor

N_TRAIN, N_TEST = 30, 100
GENERATORS = {
    "Gaussian random field": GaussianRandomField(periodic=True),
    "Markov random field": MarkovRandomField(periodic=True, random_state=0),
}


def labelled_images(labeler):
    """Return periodic images of 32 x 32 voxels and their conductivity along the first axis."""
    images, _ = make_cahn_hilliard(
        N_TRAIN + N_TEST, (32, 32), volume_fraction=(0.45, 0.55), n_steps=300, random_state=0
    )
    return images, labeler.fit_transform(images)[:, 0]


def correlation_regression():
    """Return a ridge regression on the principal components of two-point correlations."""
    return make_pipeline(
        TwoPointCorrelation(output="map"),
        PCA(20, random_state=0),
        StandardScaler(),
        RidgeCV(np.logspace(-3, 3, 13)),
    )


def conductivities(images, y, labeler, n_samples):
    """Return conductivities of the real images, and of samples of generators fitted on some."""
    values = {"real": y}
    for label, generator in GENERATORS.items():
        samples = generator.fit(images[:N_TRAIN]).sample(n_samples, random_state=1)
        values[label] = labeler.transform(samples)[:, 0]
    return values


def augmentation_curves(images, y, labeler, sizes, n_folds, ax):
    """Cross-validate regressions with samples of each generator, and draw their scores."""
    with tempfile.TemporaryDirectory() as memory:  # a generator is trained once in a fold
        shared = {
            "regressor": correlation_regression(),
            "labeler": labeler,
            "memory": memory,
            "random_state": 0,
        }
        regressors = {
            label: AugmentedRegressor(generator=generator, **shared)
            for label, generator in GENERATORS.items()
        }
        folds = ShuffleSplit(n_folds, train_size=N_TRAIN, test_size=N_TEST, random_state=0)
        options = {"n_synthetic": sizes, "cv": folds, "ax": ax}
        return AugmentationCurveDisplay.from_estimator(regressors, images, y, **options)


def main():
    """Compute, print and draw."""
    matplotlib.use("Agg")
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--output", type=Path, help="folder to write the picture to")
    parser.add_argument("--n-folds", type=int, default=4, help="training sets of 30 images")
    arguments = parser.parse_args()
    # The left picture says what these warnings do.
    warnings.simplefilter("ignore", DistributionWarning)

    start = time.perf_counter()
    labeler = EffectiveConductivity(conductivity=(1.0, 20.0), outputs=("k11",))
    images, y = labelled_images(labeler)
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")

    values = conductivities(images, y, labeler, n_samples=100)
    display = DescriptorDistributionDisplay(values, name="conductivity k11")
    display.plot(ax=left, kind="density", reference="real")
    for label, distance in display.distances_.items():
        print(f"{label}: {distance:.2f} from real, halves of real {display.baseline_:.2f}")

    curves = augmentation_curves(images, y, labeler, (0, 50, 100), arguments.n_folds, right)
    for label, scores in curves.scores.items():
        for size, row in zip(curves.n_synthetic, scores, strict=True):
            print(f"{label}, {size} images: R2 {row.mean():.3f} +- {row.std():.3f}")
    if arguments.output is not None:
        arguments.output.mkdir(parents=True, exist_ok=True)
        figure.savefig(arguments.output / "augmented_regression.png", dpi=80)
    print(f"{time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
