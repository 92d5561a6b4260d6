"""
A property from latents
=======================

The conductivity along one axis of a plate with a well-conducting ellipse in it depends on how large
the ellipse is, how slender, and which way it points, but not on where it is. A regression on the
latents of a network, DAVEGAN or VAE, is compared with regressions on the volume fraction, on the
two-point correlation along the axes and on principal components of the voxels. All of a pipeline is
trained within the folds of a cross-validation, its generator too.

``--images spinodal`` takes images of phase separation instead, which a few numbers do not describe
as ellipses are. Of their conductivity the volume fraction explains most.

    python examples/plot_latent_regression.py
    python examples/plot_latent_regression.py --images spinodal --output FOLDER

.. image:: /_static/latent_regression.png
   :alt: Predicted against true conductivities of test images, one panel for each regression
"""

# sphinx_gallery_thumbnail_path = '_static/latent_regression.png'

import argparse
import time
from pathlib import Path

import matplotlib
import numpy as np
from sklearn.decomposition import PCA
from sklearn.dummy import DummyRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel
from sklearn.linear_model import Ridge
from sklearn.metrics import PredictionErrorDisplay
from sklearn.model_selection import KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, PolynomialFeatures, StandardScaler

from skmicro.datasets import make_cahn_hilliard, make_ellipses
from skmicro.descriptors import TwoPointCorrelation, VolumeFraction
from skmicro.generators import DAVEGAN, VAE
from skmicro.plotting import SampleGridDisplay
from skmicro.properties import EffectiveConductivity

N_LATENT = {"ellipses": 8, "spinodal": 32}  # an ellipse is five numbers; blobs are many


def labelled_images(kind, n_images=240, shape=(32, 32)):
    """Return images, and their conductivity along the first axis from the full field."""
    if kind == "ellipses":
        images, _ = make_ellipses(n_images, shape, area_fraction=(0.05, 0.19), random_state=0)
    else:
        images, _ = make_cahn_hilliard(
            n_images, shape, volume_fraction=(0.4, 0.6), n_steps=200, random_state=0
        )
    conductivity = EffectiveConductivity(conductivity=(1.0, 10.0), outputs=["k11"])
    return images, conductivity.fit_transform(images)[:, 0]


def flattened(images):
    """Return images as rows of voxels."""
    return images.reshape(len(images), -1).astype(float)


def gaussian_process():
    """Return a Gaussian process for coordinates in units that mean something.

    Latents are in deviations of the prior and principal components in units of the data; scaled to
    unit variance, those that tell nothing would count as much as the others. What coordinates
    leave open looks like noise. The labels have none, so that its bound is out of reach.
    """
    kernel = ConstantKernel(1.0) * RBF(5.0) + WhiteKernel(0.1, (1e-10, 10.0))
    return GaussianProcessRegressor(kernel, normalize_y=True, random_state=0)


def pipelines(n_latent, n_iter):
    """Return unfitted pipelines from images to a property, by what they are called.

    Parameters
    ----------
    n_latent : int
        Latents of the generators.
    n_iter : int
        Iterations of training.

    Returns
    -------
    pipelines : dict of str to Pipeline
        From the simplest to that which takes longest to train.
    """
    network = {"n_latent": n_latent, "n_iter": n_iter, "periodic": True, "random_state": 0}
    network["symmetries"] = ("translation", "reflection")  # neither changes the conductivity
    vae = VAE.light(**network)
    # Images are reconstructed soon with a larger share in the generator's loss and larger rates.
    gan = DAVEGAN(
        critic_loss="wasserstein-gp",
        lambda_rec=1.0,
        batch_size=16,
        learning_rate=1e-3,
        critic_learning_rate=5e-4,
        betas=(0.0, 0.9),
        decay_from=0.5,
        **network,
    )

    def correlation():
        return TwoPointCorrelation(output="directional"), StandardScaler(), PCA(10)

    fraction = (VolumeFraction(), PolynomialFeatures(3), StandardScaler())
    return {
        "mean": make_pipeline(DummyRegressor()),
        "volume fraction, Ridge": make_pipeline(*fraction, Ridge(1e-3)),
        "two-point, PCA, Ridge": make_pipeline(*correlation(), Ridge()),
        "two-point, PCA, GP": make_pipeline(*correlation(), gaussian_process()),
        "voxels, PCA, GP": make_pipeline(
            FunctionTransformer(flattened), PCA(n_latent), gaussian_process()
        ),
        "VAE, GP": make_pipeline(vae, gaussian_process()),
        "DAVEGAN, GP": make_pipeline(gan, gaussian_process()),
    }


def compare(models, images, y, n_splits=3):
    """Cross-validate pipelines on the same folds and print a row for each.

    Parameters
    ----------
    models : dict of str to Pipeline
        Unfitted pipelines.
    images : ndarray of shape (n, *spatial)
        Images.
    y : ndarray of shape (n,)
        Their property.
    n_splits : int, default=3
        Number of folds.

    Returns
    -------
    results : dict of str to dict
        What ``cross_validate`` returns, with the fitted pipelines and the folds.
    """
    results = {}
    print(f"{'':24s}R^2 of test images   of training images   seconds a fit")
    for name, model in models.items():
        result = results[name] = cross_validate(
            model,
            images,
            y,
            cv=KFold(n_splits, shuffle=True, random_state=0),
            return_train_score=True,
            return_estimator=True,
            return_indices=True,
        )
        tested, trained = result["test_score"], result["train_score"]
        print(
            f"{name:24s}{tested.mean():6.3f} +- {tested.std():.3f}      {trained.mean():6.3f}"
            f"               {result['fit_time'].mean():8.2f}",
            flush=True,
        )
    return results


def predictions(result, images):
    """Return what the pipelines of the folds predict of the images they have not seen."""
    predicted = np.empty(len(images))
    for model, test in zip(result["estimator"], result["indices"]["test"], strict=True):
        predicted[test] = model.predict(images[test])
    return predicted


def draw_predictions(results, images, y):
    """Draw, for every pipeline but the mean, true against predicted values of test images."""
    import matplotlib.pyplot as plt

    shown = {name: predictions(results[name], images) for name in results if name != "mean"}
    values = np.concatenate([y, *shown.values()])
    ends = (values.min() - 0.04 * np.ptp(values), values.max() + 0.04 * np.ptp(values))
    figure, axes = plt.subplots(2, 3, figsize=(10, 7.4), layout="constrained")
    for axis, (name, predicted) in zip(axes.flat, shown.items(), strict=True):
        PredictionErrorDisplay.from_predictions(
            y, predicted, kind="actual_vs_predicted", ax=axis, scatter_kwargs={"s": 8}
        )
        score = results[name]["test_score"].mean()
        axis.set_title(f"{name}: $R^2$ = {score:.3f}", fontsize="medium")
        axis.set_aspect("equal", adjustable="box")
        axis.set(xlim=ends, ylim=ends, xlabel="predicted k11", ylabel="k11")
        axis.xaxis.set_major_locator(plt.MaxNLocator(5))
        axis.yaxis.set_major_locator(plt.MaxNLocator(5))
    return figure


def draw_reconstructions(results, images, y, n_columns=10):
    """Draw images of the first test fold, by rising conductivity, and what latents keep of them."""
    test = results["VAE, GP"]["indices"]["test"][0]
    ranks = np.linspace(0, len(test) - 1, n_columns).astype(int)
    chosen = images[test[np.argsort(y[test])[ranks]]]
    rows = {"test image": chosen}
    for name in ("VAE, GP", "DAVEGAN, GP"):
        rows[name.split(",")[0]] = results[name]["estimator"][0][0].reconstruct(chosen)
    return SampleGridDisplay.from_images(rows, n_columns=n_columns, phases=[0, 1]).figure_


def main():
    """Compare, print and draw."""
    matplotlib.use("Agg")
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[1])
    parser.add_argument("--images", choices=tuple(N_LATENT), default="ellipses")
    parser.add_argument(
        "--output", type=Path, default=Path("regression"), help="folder to write to"
    )
    parser.add_argument("--n-iter", type=int, default=400, help="iterations of training")
    arguments = parser.parse_args()
    arguments.output.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()
    images, y = labelled_images(arguments.images)
    print(f"{len(images)} images of {images.shape[1:]}, k11 from {y.min():.2f} to {y.max():.2f}")
    results = compare(pipelines(N_LATENT[arguments.images], arguments.n_iter), images, y)
    for name, draw in (
        ("predictions", draw_predictions),
        ("reconstructions", draw_reconstructions),
    ):
        path = arguments.output / f"{name}.png"
        draw(results, images, y).savefig(path, dpi=100)
        print(path)
    print(f"{time.perf_counter() - start:.0f} s in all")


if __name__ == "__main__":
    main()
