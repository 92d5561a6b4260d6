"""Predictions of CNNRegressor: do they stay between bounds, what is gained, do intervals cover?

Phase separation of 64 x 64 voxels as in ``data_efficiency.py``, p1 from 0.3 to 0.7; the second
phase has ``--contrast`` times the stiffness or conductivity of the first. Three tables:

errors at 100 training images, of free and of bounded output, each with and without a trend with the
volume fraction that is fitted first, and of bounded output that is equivariant as well, all trained
with the symmetries of the square;

violations: shares of random images whose predicted tensor is not between the bounds of Voigt and
Reuss of the image, or not positive definite. A quarter of the images each is phase separation,
noise of any fraction, phase separation with the phases exchanged, and images of a single phase;

coverage of intervals of 90 % on fresh images, for each output, as the mean over several
calibrations: in each, images are drawn anew for training and calibration, and the others are fresh.

    python benchmarks/predictions.py
    python benchmarks/predictions.py --property conductivity --contrast 100
"""

import time

import numpy as np
import torch
from _results import write_results
from _tables import SHAPE, argument_parser, print_rows, read_arguments
from data_efficiency import COLUMNS, SYMMETRIES, measure, properties

from skmicro.datasets import make_cahn_hilliard
from skmicro.regressors import CNNRegressor

FREE, BOUNDED = "free", "bounded"
N_TRAINING = 100
N_CALIBRATION = 79  # the rank of 90 % is 72 of 80, with no rounding
COVERAGE = 0.9
TOLERANCE = 1e-9
"""Of eigenvalues below zero, as a share of the largest component: rounding."""
CHUNK = 500
VIOLATION_COLUMNS = {
    "model": ("model", "s"),
    "images": ("images", "s"),
    "n": ("number", "d"),
    "outside": ("outside bounds", "d"),
    "indefinite": ("not pos. def.", "d"),
}


def networks(labeler, n_iter, seed):
    """Return an unfitted regressor for each row of the table of errors."""
    settings = {"target": labeler, "augment": SYMMETRIES, "periodic": True, "n_iter": n_iter}
    settings |= {"random_state": seed, "device": "cpu"}
    return {
        FREE: CNNRegressor.light(**settings),
        "free, no trend": CNNRegressor.light(fraction_degree=0, **settings),
        BOUNDED: CNNRegressor.light(output="bounded", **settings),
        "bounded, trend": CNNRegressor.light(output="bounded", fraction_degree=3, **settings),
        "bounded, equivariant": CNNRegressor.light(output="bounded", equivariant=True, **settings),
    }


def random_images(n, seed):
    """Return kinds of random images by name, the same number of each."""
    rng = np.random.default_rng(seed)
    each = n // 4
    separated, _ = make_cahn_hilliard(each, SHAPE, volume_fraction=(0.3, 0.7), random_state=rng)
    noise = rng.random((each, *SHAPE)) < rng.random((each, 1, 1))
    constant = np.broadcast_to((np.arange(each) % 2)[:, None, None], (each, *SHAPE))
    kinds = {"phase separation": separated, "noise": noise, "exchanged": 1 - separated}
    return {name: X.astype(np.uint8) for name, X in (kinds | {"one phase": constant}).items()}


def violations(regressor, labeler, X):
    """Count the images whose predicted tensor is outside the bounds, or not positive definite."""
    outside = indefinite = 0
    for start in range(0, len(X), CHUNK):
        part = X[start : start + CHUNK]
        lower, upper = labeler.bounds(labeler.encoder_.encode(part, dtype=torch.float64))
        C = labeler.matrices(regressor.predict(part))
        margin = TOLERANCE * np.abs(upper).max(axis=(1, 2))
        low, high = (np.linalg.eigvalsh(d).min(axis=1) for d in (C - lower, upper - C))
        outside += np.count_nonzero(np.minimum(low, high) < -margin)
        indefinite += np.count_nonzero(np.linalg.eigvalsh(C).min(axis=1) <= 0)
    return {"n": len(X), "outside": int(outside), "indefinite": int(indefinite)}


def covered(regressor, X, y, seed):
    """Return the shares of fresh images in their intervals, and the mean width of these."""
    order = np.random.default_rng([seed, 1]).permutation(len(X))
    n_fit = 2 * N_CALIBRATION
    fit, fresh = order[:n_fit], order[n_fit:]
    regressor.set_params(random_state=seed, calibration_fraction=N_CALIBRATION / n_fit)
    ends = regressor.fit(X[fit], y[fit]).predict_interval(X[fresh], coverage=COVERAGE)
    inside = (ends[..., 0] <= y[fresh]) & (y[fresh] <= ends[..., 1])
    return inside.mean(axis=0), np.ptp(ends, axis=-1).mean(axis=0) / y[fresh].std(axis=0)


def coverage_rows(regressor, labeler, X, y, n_calibrations, seed):
    """Return mean and spread over calibrations of coverage and width, a row for each output."""
    seeds = seed + np.arange(n_calibrations)
    shares, widths = np.array([covered(regressor, X, y, int(k)) for k in seeds]).swapaxes(0, 1)
    names = [*labeler.get_feature_names_out(), "all"]
    columns = [np.column_stack([a, a.mean(axis=1)]) for a in (shares, widths)]
    rows = zip(names, *(a.T.astype(float) for a in columns), strict=True)
    return [
        {"output": name, "coverage": (share.mean(), share.std()), "width": width.mean()}
        for name, share, width in rows
    ]


def main():
    """Label, train, print the tables and write the results."""
    parser = argument_parser(__doc__, n_samples=10_000)
    parser.add_argument("--contrast", type=float, default=10.0)
    parser.add_argument("--property", choices=("stiffness", "conductivity"), default="stiffness")
    parser.add_argument("--n-test", type=int, default=300, help="test images")
    parser.add_argument("--n-calibrations", type=int, default=10)
    parser.add_argument("--n-iter-calibration", type=int, default=200)
    arguments = read_arguments(parser)
    seed, name, start = arguments.seed, arguments.property, time.process_time()
    X, _ = make_cahn_hilliard(
        N_TRAINING + arguments.n_test, SHAPE, volume_fraction=(0.3, 0.7), random_state=seed
    )
    X = X[np.random.default_rng(seed).permutation(len(X))]
    labeler = properties(arguments.contrast)[name]
    y = labeler.fit_transform(X)
    train, test = (X, {name: y}), (X[N_TRAINING:], {name: y[N_TRAINING:]})

    regressors = networks(labeler, arguments.n_iter or 1500, seed)
    found = [
        {"model": model} | measure(lambda _, made=made: made, train, test, N_TRAINING)
        for model, made in regressors.items()
    ]
    print_rows(found, {key: column for key, column in COLUMNS.items() if key in found[0]})

    kinds = random_images(arguments.n_samples, seed + 1)
    counted = [
        {"model": model, "images": kind} | violations(regressors[model], labeler, images)
        for model in (FREE, BOUNDED)
        for kind, images in kinds.items()
    ]
    print_rows(counted, VIOLATION_COLUMNS)

    quick = regressors[BOUNDED].set_params(n_iter=arguments.n_iter_calibration)
    shares = coverage_rows(quick, labeler, X, y, arguments.n_calibrations, seed)
    spread = {"coverage": (f"coverage of {COVERAGE:.0%} intervals", ".1%")}
    print_rows(shares, {"output": ("output", "s")} | spread | {"width": ("width / std", ".2f")})

    settings = {k: v for k, v in vars(arguments).items() if k not in ("picture", "paper")}
    settings |= {"n_training": N_TRAINING, "n_calibration": N_CALIBRATION}
    settings |= {"cpu_seconds": time.process_time() - start}
    tables = {"errors": found, "violations": counted, "coverage": shares}
    path = write_results(f"predictions_{name}_{arguments.contrast:g}", settings | tables)
    print(f"written to {path}, {settings['cpu_seconds']:.0f} CPU s")


if __name__ == "__main__":
    main()
