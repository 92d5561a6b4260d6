"""Errors of predicted properties against the number of real images: full-field C11, C66 and k11.

Phase separation of 64 x 64 voxels, p1 from 0.3 to 0.7; the second phase has ``--contrast`` times
the stiffness and conductivity of the first. For each number of training images and each model:
mean absolute percentage error (MAPE), R2, and R2 beyond p1, which is one minus the squared error
over that of a cubic in p1 fitted to the same images. A model that only repeats p1 has 0 there,
whatever its R2.

Models: the cubic in p1; S2 maps, 25 principal components and a Gaussian process; radial S2 and
gradient boosting; and the convolutional network as it is, with the symmetries of the square and
predictions between the bounds of Voigt and Reuss, with predictions that are equivariant besides,
and, for up to 100 real images, with ``--n-synthetic`` samples of a Gaussian random field added,
labelled by full fields.

    python benchmarks/data_efficiency.py
    python benchmarks/data_efficiency.py --contrast 100 --sizes 30 100
    python benchmarks/data_efficiency.py --sizes 3000 --output data_efficiency_10_of_3000 \
        --models "cubic in p1" "the same, equivariant"
"""

import time
import warnings

import numpy as np
import torch
from _results import write_results
from _tables import SHAPE, argument_parser, print_rows, read_arguments
from joblib import Parallel, delayed
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from sklearn.linear_model import LinearRegression
from sklearn.metrics import mean_absolute_percentage_error, r2_score
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import TwoPointCorrelation, VolumeFraction
from skmicro.exceptions import DistributionWarning
from skmicro.generators import GaussianRandomField
from skmicro.properties import EffectiveConductivity, ElasticStiffness
from skmicro.regressors import AugmentedRegressor, CNNRegressor

AUGMENTED = "the same, with random fields"
MOST_AUGMENTED = 100  # real images
CHUNK = 100  # images that are labelled at once
SYMMETRIES = ("translation", "reflection", "rotation")
REPORTED = {"C11": ("stiffness", 0), "C66": ("stiffness", 5), "k11": ("conductivity", 0)}
COLUMNS = {"n": ("images", "d"), "model": ("model", "s")} | {
    f"{name} {metric}": (f"{name} {title}", form)
    for name in REPORTED
    for metric, title, form in (
        ("mape", "MAPE", ".2%"),
        ("r2", "R2", ".4f"),
        ("beyond", "beyond p1", ".2f"),
    )
}
COLUMNS |= {"seconds": ("CPU s", ".0f")}


def properties(contrast):
    """Return the calculators of the labels."""
    return {
        "stiffness": ElasticStiffness(young=(1.0, contrast), poisson=(0.3, 0.3)),
        "conductivity": EffectiveConductivity(conductivity=(1.0, contrast)),
    }


def models(labelers, n_iter, n_synthetic, seed):
    """Return a function for each model that makes its regressor, given the name of a property."""
    kernel = ConstantKernel() * Matern(np.ones(25), nu=2.5) + WhiteKernel(1e-3)

    def gaussian_process(name):
        return make_pipeline(
            TwoPointCorrelation(output="map", periodic=True),
            PCA(25, random_state=seed),
            StandardScaler(),
            GaussianProcessRegressor(kernel, normalize_y=True, random_state=seed),
        )

    def boosting(name):
        regressor = HistGradientBoostingRegressor(random_state=seed)
        return make_pipeline(TwoPointCorrelation(periodic=True), MultiOutputRegressor(regressor))

    def network(name, **options):
        return CNNRegressor.light(n_iter=n_iter, periodic=True, random_state=seed, **options)

    def bounded(name, **options):
        settings = {"target": labelers[name], "output": "bounded", "augment": SYMMETRIES}
        return network(name, **settings, **options)

    def augmented(name):
        return AugmentedRegressor(
            generator=GaussianRandomField(periodic=True),
            regressor=bounded(name, equivariant=True),
            labeler=labelers[name],
            n_synthetic=n_synthetic,
            random_state=seed,
        )

    return {
        "cubic in p1": lambda name: cubic(),
        "S2, PCA, Gaussian process": gaussian_process,
        "S2, boosting": boosting,
        "network": network,
        "network, symmetries, bounds": bounded,
        "the same, equivariant": lambda name: bounded(name, equivariant=True),
        AUGMENTED: augmented,
    }


def cubic():
    return make_pipeline(VolumeFraction(), PolynomialFeatures(3), LinearRegression())


def errors(predicted, true, of_p1):
    """Return the three metrics of one output; ``of_p1`` is what the cubic predicts."""
    return {
        "mape": mean_absolute_percentage_error(true, predicted),
        "r2": r2_score(true, predicted),
        "beyond": 1 - np.square(predicted - true).sum() / np.square(of_p1 - true).sum(),
    }


def measure(make, train, test, n):
    """Return the row of a model trained on the first ``n`` images."""
    (X, labels), (X_test, labels_test) = train, test
    row, start = {"n": n}, time.process_time()
    for name in labels:
        y = labels[name][:n]
        with warnings.catch_warnings():
            # Length scales of components that do not matter run to their bound.
            warnings.simplefilter("ignore", ConvergenceWarning)
            # Random fields have other shapes than separated phases; the table shows what for.
            warnings.simplefilter("ignore", DistributionWarning)
            predicted = make(name).fit(X[:n], y).predict(X_test)
        of_p1 = cubic().fit(X[:n], y).predict(X_test)
        for output, (owner, column) in REPORTED.items():
            if owner == name:
                columns = (a[:, column] for a in (predicted, labels_test[name], of_p1))
                row |= {f"{output} {key}": float(v) for key, v in errors(*columns).items()}
    return row | {"seconds": time.process_time() - start}


def labelled(labeler, X, jobs):
    """Return the properties of images, and the seconds that it took."""
    start = time.perf_counter()
    parts = Parallel(n_jobs=jobs)(
        delayed(of_some)(labeler, X[k : k + CHUNK]) for k in range(0, len(X), CHUNK)
    )
    return np.concatenate(parts), time.perf_counter() - start


def of_some(labeler, X):
    torch.set_num_threads(1)
    return labeler.fit_transform(X)


def row_of(model, size, train, test, arguments):
    """Return the row of a model and a number of images."""
    torch.set_num_threads(1)
    makers = models(
        properties(arguments.contrast), arguments.n_iter, arguments.n_synthetic, arguments.seed
    )
    return {"model": model} | measure(makers[model], train, test, size)


def main():
    """Label, train, print the table and write the results."""
    parser = argument_parser(__doc__, n_samples=200)
    parser.add_argument("--contrast", type=float, default=10.0)
    parser.add_argument("--sizes", type=int, nargs="+", default=[30, 100, 300, 1000])
    names = list(models({}, 0, 0, 0))
    parser.add_argument("--models", nargs="+", choices=names, default=names, metavar="MODEL")
    parser.add_argument("--n-synthetic", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--output", help="name of the results, of the contrast by default")
    parser.set_defaults(n_iter=2500)
    arguments = read_arguments(parser)
    n, n_test = max(arguments.sizes), arguments.n_samples
    X, _ = make_cahn_hilliard(
        n + n_test, SHAPE, volume_fraction=(0.3, 0.7), random_state=arguments.seed
    )
    X = X[np.random.default_rng(arguments.seed).permutation(len(X))]
    labels, seconds = {}, {}
    for name, labeler in properties(arguments.contrast).items():
        labels[name], seconds[name] = labelled(labeler, X, arguments.jobs)
        print(f"{len(X)} images, {name}: {seconds[name]:.0f} s, contrast {arguments.contrast:g}")
    train = X[:n], {name: y[:n] for name, y in labels.items()}
    test = X[n:], {name: y[n:] for name, y in labels.items()}
    cases = [
        (name, size)
        for size in arguments.sizes
        for name in arguments.models
        if name != AUGMENTED or size <= MOST_AUGMENTED
    ]
    largest_first = sorted(cases, key=lambda case: -case[1])
    found = Parallel(n_jobs=arguments.jobs, verbose=5)(
        delayed(row_of)(name, size, train, test, arguments) for name, size in largest_first
    )
    rows = [found[largest_first.index(case)] for case in cases]
    print_rows(rows, COLUMNS)
    keys = ("seed", "contrast", "sizes", "n_iter", "n_synthetic", "jobs")
    settings = {key: getattr(arguments, key) for key in keys}
    settings |= {"n_test": n_test, "labelling_seconds": seconds}
    name = arguments.output or f"data_efficiency_{arguments.contrast:g}"
    print("written to", write_results(name, settings | {"rows": rows}))


if __name__ == "__main__":
    main()
