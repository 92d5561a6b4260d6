"""Labels spent where a regressor knows least, against labels spent at random.

30 real images of phase separation, 32 x 32 voxels, the second phase with ``--contrast`` times the
conductivity (or stiffness) of the first. :class:`AugmentedRegressor` draws candidates from a random
field fitted to them and labels some of them by full fields: at random, or those of which the
regressor, a Gaussian process on two-point correlations, predicts the largest standard deviation. R2
on other images of the same kind against the number of labels, and R2 beyond p1 (one minus the
squared error over that of a cubic in p1 which is fitted to the test images themselves: all that p1
can tell); both of the logarithm.

Two cases: real images as the test images; and real images of p1 near one half only, with
``targets`` that draw candidates from the whole range of the test images.

    python benchmarks/active_labels.py
    python benchmarks/active_labels.py --property C11 --generator MarkovRandomField
"""

import time
import warnings

import numpy as np
from _results import write_results
from _tables import argument_parser, print_rows, read_arguments
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from skmicro import generators
from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import TwoPointCorrelation, VolumeFraction
from skmicro.exceptions import DistributionWarning, ExtrapolationWarning, TargetWarning
from skmicro.properties import EffectiveConductivity, ElasticStiffness
from skmicro.regressors import AugmentedRegressor

IMAGE_SHAPE = (32, 32)
N_REAL = 30
N_COMPONENTS = 10
N_CHOSEN = 400
"""Labels with which the chosen images should do what the most random ones do."""
RANGE = (0.3, 0.7)
CASES = {
    "all p1": (RANGE, None),
    "p1 near 0.5": ((0.45, 0.55), {"p1": RANGE}),
}
SELECTIONS = ("random", "uncertainty")
COLUMNS = {
    "case": ("real images", "s"),
    "selection": ("labelled", "s"),
    "n": ("labels", "d"),
    "r2": ("R2", ".3f"),
    "beyond": ("beyond p1", ".2f"),
    "seconds": ("CPU s", ".1f"),
}
EXPECTED = (ConvergenceWarning, DistributionWarning, ExtrapolationWarning, TargetWarning)


class RememberedLogarithm(TransformerMixin, BaseEstimator):
    """The logarithm of a property, computed once for each image of this run."""

    known = {}  # noqa: RUF012

    def __init__(self, calculator):
        self.calculator = calculator

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        keys = [image.tobytes() for image in X]
        new = [k for k, key in enumerate(keys) if key not in self.known]
        if new:
            values = np.log(self.calculator.fit(X[new]).transform(X[new]))
            self.known.update(zip((keys[k] for k in new), values, strict=True))
        return np.stack([self.known[key] for key in keys])


def calculator_of(name, contrast):
    """Return the calculator of a property, to a part in a thousand."""
    options = {"outputs": (name,), "rtol": 1e-4}
    if name == "C11":
        return ElasticStiffness(young=(1.0, contrast), poisson=(0.3, 0.3), **options)
    return EffectiveConductivity(conductivity=(1.0, contrast), **options)


def gaussian_process():
    kernel = ConstantKernel() * Matern(N_COMPONENTS**0.5, nu=2.5) + WhiteKernel(1e-2)
    return make_pipeline(
        TwoPointCorrelation(output="map", periodic=True),
        PCA(N_COMPONENTS, random_state=0),
        StandardScaler(),
        GaussianProcessRegressor(kernel, normalize_y=True),
    )


def cubic():
    return make_pipeline(VolumeFraction(), PolynomialFeatures(3), LinearRegression())


def measure(case, seed, test, labeler, arguments):
    """Return R2 and R2 beyond p1 of each selection and number of labels, and the seconds."""
    (volume_fraction, targets), (X_test, y_test) = CASES[case], test
    X, _ = make_cahn_hilliard(
        N_REAL,
        IMAGE_SHAPE,
        volume_fraction=volume_fraction,
        random_state=np.random.default_rng([arguments.seed, seed]),
    )
    y = labeler.transform(X)[:, 0]
    of_p1 = np.square(cubic().fit(X_test, y_test).predict(X_test) - y_test).sum()
    found = {}
    for selection in SELECTIONS:
        for n in arguments.sizes:
            start = time.process_time()
            model = AugmentedRegressor(
                generator=getattr(generators, arguments.generator)(periodic=True),
                regressor=gaussian_process(),
                labeler=labeler,
                targets=targets,
                selection=selection,
                n_synthetic=n,
                n_candidates=arguments.n_candidates,
                random_state=1000 * arguments.seed + seed,
            ).fit(X, y)
            predicted = model.predict(X_test)
            beyond = 1 - np.square(predicted - y_test).sum() / of_p1
            seconds = time.process_time() - start
            found[selection, n] = r2_score(y_test, predicted), beyond, seconds
    return found


def rows_of(case, found):
    """Return rows of the mean and spread over the seeds."""
    rows = []
    for selection, n in found[0]:
        values = np.array([one[selection, n] for one in found])
        mean, spread = values.mean(axis=0), values.std(axis=0)
        pairs = [(float(a), float(b)) for a, b in zip(mean, spread, strict=True)]
        row = {"case": case, "selection": selection, "n": n}
        rows.append(row | {"r2": pairs[0], "beyond": pairs[1], "seconds": pairs[2][0]})
    return rows


def judged(rows):
    """Return how many chosen labels give the mean R2 of the most random ones.

    Any larger number has to give it as well, so that one lucky number does not count; ``None``
    where none does.
    """
    means = {(row["selection"], row["n"]): row["r2"][0] for row in rows}
    most, found = max(n for _, n in means), None
    for n in sorted((n for s, n in means if s == "uncertainty"), reverse=True):
        if means["uncertainty", n] < means["random", most]:
            break
        found = n
    return {"n_random": most, "r2": means["random", most], "n_chosen": found}


def main():
    """Label, train, print the table and write the results."""
    parser = argument_parser(__doc__, n_samples=300)
    parser.add_argument("--property", choices=("k11", "C11"), default="k11")
    parser.add_argument("--contrast", type=float, default=100.0)
    parser.add_argument("--generator", default="GaussianRandomField")
    parser.add_argument("--sizes", type=int, nargs="+", default=[0, 50, 100, 200, 400, 1000])
    parser.add_argument("--n-candidates", type=int, default=2000)
    parser.add_argument("--n-seeds", type=int, default=3)
    arguments = read_arguments(parser)
    labeler = RememberedLogarithm(calculator_of(arguments.property, arguments.contrast))
    X_test, _ = make_cahn_hilliard(
        arguments.n_samples,
        IMAGE_SHAPE,
        volume_fraction=RANGE,
        random_state=np.random.default_rng(arguments.seed),
    )
    test, rows, goals = (X_test, labeler.transform(X_test)[:, 0]), [], {}
    with warnings.catch_warnings():
        for category in EXPECTED:
            warnings.simplefilter("ignore", category)
        for case in CASES:
            found = []
            for seed in range(arguments.n_seeds):
                found.append(measure(case, seed, test, labeler, arguments))
                print(f"{case}, seed {seed}: {time.process_time():.0f} CPU s so far", flush=True)
            rows += rows_of(case, found)
            goals[case] = judged(rows_of(case, found))
    print_rows(rows, COLUMNS)
    for case, goal in goals.items():
        print(f"{case}: R2 {goal['r2']:.3f} of {goal['n_random']} random labels", end=" ")
        met = goal["n_chosen"] is not None and goal["n_chosen"] <= N_CHOSEN
        print(f"by {goal['n_chosen']} chosen ones, {'at' if met else 'not at'} most {N_CHOSEN}")
    settings = {key: value for key, value in vars(arguments).items() if key != "picture"}
    name = f"active_labels_{arguments.property}"
    print("written to", write_results(name, {"settings": settings, "goals": goals, "rows": rows}))


if __name__ == "__main__":
    main()
