"""Do generated images help to predict properties? Fig. 8 of Cang et al. 2018 as a table.

Young's modulus E, diffusivity D and permeability k of sandstone, as the paper computes them, are
learned by a convolutional network from 100 real images, to which 100, 300 and 1000 generated and
labelled ones are added. Generators are trained on the same 100 images, those with networks for
``--seconds`` of the processor each. 100 further images choose the best of the augmenters, and 100
more test. Every row is a mean over ``--draws`` of generated images and weights of the network; what
follows ± is their standard deviation.

Images are simulated phase separation, or with ``SKMICRO_DATA`` and ``--data berea`` patches of a
scan of Berea sandstone: training, choice and test have slices of their own.

Tables:

1. Test R2 of E, D and k, and beyond p1: one minus the squared error over that of a cubic in p1.
   *symmetries* moves training images by the symmetries of the square; *networkless* models have the
   real images alone.
2. Wasserstein distance between properties of generated and training images, in the unit of its mean
   between random halves of the latter, and means and standard deviations over those of the latter.
3. Real images that give the R2 of 100 real and 1000 generated ones, over 100.

    python benchmarks/augmentation_study.py --picture pictures
"""

import argparse
import functools
import os
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from _results import write_results
from _tables import HOMOGENEOUS, SHAPE, iterations_within, patches_of, print_rows, save_picture
from joblib import Parallel, delayed
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.metrics import r2_score
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

import skmicro
from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import TwoPointCorrelation, VolumeFraction
from skmicro.evaluation import descriptor_wasserstein
from skmicro.generators import (
    DAVEGAN,
    VAE,
    Autoencoder,
    FlowMatchingGenerator,
    GaussianRandomField,
    InvNetGenerator,
    MarkovRandomField,
    StyleVAE,
)
from skmicro.plotting import SampleGridDisplay
from skmicro.properties import SandstoneProperties
from skmicro.regressors import CNNRegressor

NETWORKS = {
    "StyleVAE": functools.partial(StyleVAE.light, n_latent=16),
    "VAE": functools.partial(VAE.light, n_latent=16),
    "Autoencoder": functools.partial(Autoencoder.light, n_latent=16),
    "DAVEGAN": DAVEGAN.light,
    "InvNet": InvNetGenerator.light,
    "flow matching": FlowMatchingGenerator.light,
}
OTHERS = {"Markov random field": MarkovRandomField, "Gaussian random field": GaussianRandomField}
NONE, SYMMETRIES = "none", "symmetries"
PERTURBATION = 0.5  # of codes of the autoencoder, in their standard deviations
OUTPUTS = ("E", "D", "k")
N_POOL, N_SPLITS, N_SHOWN = 800, 20, 8
SLICES = {"training": slice(0, 120, 4), "choice": slice(130, 155, 4), "test": slice(165, 200, 4)}
R2_COLUMNS = {"model": ("images added", ""), "n": ("number", "d")}
R2_COLUMNS |= {f"r2_{name}": (f"R2 {name}", ".3f") for name in OUTPUTS}
R2_COLUMNS |= {f"beyond_{name}": (f"beyond p1 {name}", ".2f") for name in OUTPUTS}
DISTANCE_COLUMNS = {"model": ("images", "")} | {
    f"{key}_{name}": (f"{title} {name}", ".2f")
    for key, title in (("distance", "W"), ("mean", "mean"), ("spread", "spread"))
    for name in OUTPUTS
}
DISTANCE_COLUMNS |= {"seconds": ("CPU, s", ".0f")}
FACTOR_COLUMNS = {"model": ("images added", "")} | {name: (name, "") for name in OUTPUTS}


class Set(NamedTuple):
    """Images and their properties."""

    images: np.ndarray
    properties: np.ndarray


class Study(NamedTuple):
    """Real images, their properties, and how the network learns them."""

    pool: Set
    choice: Set
    test: Set
    labeler: SandstoneProperties
    network: dict
    n: int

    @property
    def training(self):
        """The images that generators see."""
        return Set(*(part[: self.n] for part in self.pool))


def real_images(data, n, seed):
    """Return images to draw training sets from, for the choice and for the test."""
    rng = np.random.default_rng(seed)
    if data == "cahn_hilliard":
        images, _ = make_cahn_hilliard(N_POOL + 2 * n, SHAPE, random_state=seed)
        return np.split(rng.permutation(images), [N_POOL, N_POOL + n])
    volume = skmicro.read_images(
        Path(os.environ["SKMICRO_DATA"]) / "berea_sandstone_200x400x400.npz"
    )
    slices = volume.reshape(-1, *volume.shape[-2:])
    counts = (N_POOL, n, n)
    patches = [rng.permutation(patches_of(slices[s], SHAPE, N_POOL)) for s in SLICES.values()]
    return [some[:count] for some, count in zip(patches, counts, strict=True)]


def study_of(arguments):
    """Return the study that the options ask for."""
    periodic = arguments.data == "cahn_hilliard"
    # The correlation oscillates where phases separate; the integral of k ends with its first wave.
    labeler = SandstoneProperties(max_lag=8 if periodic else 16, periodic=True)
    pool, choice, test = real_images(arguments.data, arguments.n_images, arguments.seed)
    labeler.fit(pool)
    sets = (Set(images, labeler.transform(images)) for images in (pool, choice, test))
    network = {"n_iter": arguments.n_iter, "periodic": periodic, "validation_fraction": 0.0}
    return Study(*sets, labeler, network, arguments.n_images)


def generated(name, study, arguments):
    """Return the images of an augmenter, their properties, and the processor's time it took."""
    start, images = time.process_time(), study.training.images
    n, seed = max(arguments.sizes), arguments.seed
    if name in OTHERS:
        samples = OTHERS[name]().fit(images).sample(n, random_state=seed)
    else:
        made = functools.partial(
            NETWORKS[name], periodic=study.network["periodic"], random_state=seed, device="cpu"
        )
        n_iter = arguments.generator_iter or iterations_within(arguments.seconds, made, images)
        generator = made(n_iter=n_iter).fit(images)
        if name == "Autoencoder":
            rng = np.random.default_rng(seed)
            codes = generator.transform(images)[rng.integers(len(images), size=n)]
            noise = rng.standard_normal(codes.shape)
            samples = generator.inverse_transform(codes + PERTURBATION * noise)
        else:
            samples = generator.sample(n, random_state=seed)
    seconds = time.process_time() - start
    print(f"{name}: {seconds:.0f} CPU s", flush=True)
    return Set(samples, study.labeler.transform(samples)), seconds


def told(study, n_real, added, seed, augment):
    """Train a network on real and added images; return what it predicts for choice and test."""
    torch.set_num_threads(1)
    real = Set(*(part[:n_real] for part in study.pool))
    X, y = (np.concatenate(parts) for parts in zip(real, added, strict=True))
    regressor = CNNRegressor.light(
        **study.network, augment=augment, random_state=seed, device="cpu"
    )
    regressor.fit(X, y)
    return [regressor.predict(some.images) for some in (study.choice, study.test)]


def draws_of(pool, n, n_draws, seed):
    """Return so many draws of n images out of those that were generated."""
    rng = np.random.default_rng(seed)
    rows = (rng.permutation(len(pool.images))[:n] for _ in range(n_draws))
    return [Set(pool.images[some], pool.properties[some]) for some in rows]


def trained(study, cases, arguments):
    """Train networks on all draws of each case; return a row of metrics for every case.

    Parameters
    ----------
    study : Study
        The real images.
    cases : list of tuple (name, n_real, pool, n_added, augment)
        What networks learn from.
    arguments : argparse.Namespace
        Options of the script.

    Returns
    -------
    rows : list of dict
        Metrics of the test images, and ``"choice"``, mean R2 of those for the choice.
    """
    jobs, owners = [], []
    for case, (_, n_real, pool, n_added, augment) in enumerate(cases):
        for draw, added in enumerate(draws_of(pool, n_added, arguments.draws, arguments.seed)):
            jobs.append(delayed(told)(study, n_real, added, arguments.seed + draw, augment))
            owners.append(case)
    answers = Parallel(n_jobs=arguments.jobs)(jobs)
    rows = []
    for case, (name, n_real, _, n_added, _) in enumerate(cases):
        own = [a for a, owner in zip(answers, owners, strict=True) if owner == case]
        choice = np.mean([r2_score(study.choice.properties, chosen) for chosen, _ in own])
        row = {"model": name, "n": n_added, "n_real": n_real, "choice": float(choice)}
        rows.append(row | metrics([predicted for _, predicted in own], study))
    return rows


def metrics(predictions, study):
    """Return mean and standard deviation of R2 and R2 beyond p1 over draws, for each output."""
    true = study.test.properties
    of_p1 = cubic().fit(*study.training).predict(study.test.images)
    r2 = [r2_score(true, each, multioutput="raw_values") for each in predictions]
    floor = np.square(of_p1 - true).sum(axis=0)
    beyond = [1 - np.square(each - true).sum(axis=0) / floor for each in predictions]
    found = {}
    for key, values in (("r2", r2), ("beyond", beyond)):
        for name, mean, spread in zip(
            OUTPUTS, np.mean(values, axis=0), np.std(values, axis=0), strict=True
        ):
            found[f"{key}_{name}"] = (float(mean), float(spread))
    return found


def cubic():
    return make_pipeline(VolumeFraction(), PolynomialFeatures(3), LinearRegression())


def networkless(study, seed):
    """Return the rows of models without a network, on the real images alone."""
    kernel = ConstantKernel() * Matern(np.ones(10), length_scale_bounds=(0.1, 1e4), nu=2.5)
    process = GaussianProcessRegressor(
        kernel + WhiteKernel(1e-3), normalize_y=True, random_state=seed
    )
    boosting = MultiOutputRegressor(HistGradientBoostingRegressor(random_state=seed))
    correlation = functools.partial(TwoPointCorrelation, periodic=study.network["periodic"])

    def components():
        return correlation(output="map"), PCA(10, random_state=seed), StandardScaler()

    models = {
        "networkless: cubic in p1": cubic(),
        "networkless: S2, PCA, ridge": make_pipeline(*components(), RidgeCV(np.logspace(-3, 3))),
        "networkless: S2, PCA, Gaussian process": make_pipeline(*components(), process),
        "networkless: S2, boosting": make_pipeline(correlation(), boosting),
    }
    return [
        {"model": name, "n": 0, "n_real": study.n}
        | metrics([model.fit(*study.training).predict(study.test.images)], study)
        for name, model in models.items()
    ]


def distances(name, properties, study, seconds):
    """Return how properties of images are distributed, beside those of the training images."""
    real, row = study.training.properties, {"model": name, "seconds": seconds}
    rng = np.random.default_rng(0)
    halves = [np.array_split(rng.permutation(len(real)), 2) for _ in range(N_SPLITS)]
    for column, output in enumerate(OUTPUTS):
        values, own = properties[:, [column]], real[:, [column]]
        floor = np.mean([descriptor_wasserstein(own[a], own[b]) for a, b in halves])
        row[f"distance_{output}"] = float(descriptor_wasserstein(values, own) / floor)
        row[f"mean_{output}"] = float(values.mean() / own.mean())
        row[f"spread_{output}"] = float(values.std() / own.std())
    return row


def factors(rows, study):
    """Return how many real images give the R2 of each augmenter with most images, over theirs."""
    real = sorted((row for row in rows if row["model"] == "real"), key=lambda row: row["n_real"])
    most, found = max(row["n"] for row in rows if row["n_real"] == study.n), []
    for row in rows:
        if row["n"] != most or row["model"] == "real":
            continue
        factor = {"model": row["model"]}
        for output in OUTPUTS:
            curve = np.maximum.accumulate([each[f"r2_{output}"][0] for each in real])
            sizes = np.log([each["n_real"] / study.n for each in real])
            reached = row[f"r2_{output}"][0]
            value = float(np.exp(np.interp(reached, curve, sizes)))
            sign = "<" if reached < curve[0] else ">" if reached > curve[-1] else ""
            factor[output] = f"{sign}{value:.1f}"
        found.append(factor)
    return found


def verdict(rows, distributions, n):
    """Return whether the goals are met, as lines of text."""
    by_name = {(row["model"], row["n"]): row for row in rows if "choice" in row}

    def beats(a, b, beyond_spread):
        pairs = [(by_name[a][f"r2_{name}"], by_name[b][f"r2_{name}"]) for name in OUTPUTS]
        return [
            bool(x[0] - y[0] > (np.hypot(x[1], y[1]) if beyond_spread else 0)) for x, y in pairs
        ]

    lines, augmenters = [], [row["model"] for row in distributions if row["model"] != "test images"]
    for name in ("Markov random field", NONE):
        if "StyleVAE" in augmenters and (name == NONE or name in augmenters):
            other = (name, 0 if name == NONE else n)
            won = dict(zip(OUTPUTS, beats(("StyleVAE", n), other, True), strict=True))
            lines.append(f"StyleVAE better than {name} beyond a standard deviation: {won}")
    best = max(augmenters, key=lambda name: by_name[name, n]["choice"])
    won = dict(zip(OUTPUTS, beats((best, n), (SYMMETRIES, 0), False), strict=True))
    lines.append(f"best by choice, {best}, better than symmetries: {won}")
    return lines


def draw(study, pools, folder, data):
    """Draw generated images and how their properties are distributed."""
    shown = {"real": study.training.images[:N_SHOWN]}
    for name, pool in pools.items():
        shown[name.replace(" ", "\n", 1)] = pool.images[:N_SHOWN]
    display = SampleGridDisplay.from_images(shown, n_columns=N_SHOWN)
    save_picture(display, folder, f"augmentation_study_{data}")


def main():
    """Generate, train, print the tables and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    augmenters = [*NETWORKS, *OTHERS]
    parser.add_argument("--data", choices=("cahn_hilliard", "berea"), default="cahn_hilliard")
    parser.add_argument("--augmenters", nargs="*", choices=augmenters, default=augmenters)
    parser.add_argument(
        "--sizes", type=int, nargs="+", default=[100, 300, 1000], help="images added"
    )
    parser.add_argument("--real", type=int, nargs="+", default=[200, 400, 800], help="real images")
    parser.add_argument("--n-images", type=int, default=100, help="training images")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--n-iter", type=int, default=600, help="iterations of the network")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each generator")
    parser.add_argument("--generator-iter", type=int, help="iterations, in place of a time")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--picture", type=Path, metavar="FOLDER", help="where to draw")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    os.environ.setdefault("MPLBACKEND", "Agg")

    study = study_of(arguments)
    made = Parallel(n_jobs=arguments.jobs)(
        delayed(generated)(name, study, arguments) for name in arguments.augmenters
    )
    pools = {name: pool for name, (pool, _) in zip(arguments.augmenters, made, strict=True)}
    distributions = [distances("test images", study.test.properties, study, 0.0)]
    for name, (pool, seconds) in zip(arguments.augmenters, made, strict=True):
        distributions.append(distances(name, pool.properties, study, seconds))
    print_rows(distributions, DISTANCE_COLUMNS)
    if arguments.picture is not None:
        draw(study, pools, arguments.picture, arguments.data)

    nothing = Set(study.training.images[:0], study.training.properties[:0])
    cases = [(NONE, study.n, nothing, 0, ()), (SYMMETRIES, study.n, nothing, 0, HOMOGENEOUS)]
    cases += [(name, study.n, pool, n, ()) for name, pool in pools.items() for n in arguments.sizes]
    cases += [("real", n, nothing, 0, ()) for n in (study.n, *arguments.real)]
    rows = trained(study, cases, arguments)
    most = max(arguments.sizes)
    chosen = [row for row in rows if row["n"] == most]
    if chosen:
        best = max(chosen, key=lambda row: row["choice"])["model"]
        name = f"{best}, {SYMMETRIES}"
        cases = [(name, study.n, pools[best], n, HOMOGENEOUS) for n in arguments.sizes]
        rows += trained(study, cases, arguments)
    rows += networkless(study, arguments.seed)
    titled = [
        row | {"model": f"real, {row['n_real']} in all"} if row["model"] == "real" else row
        for row in rows
    ]
    print_rows(titled, R2_COLUMNS)
    efficiency = factors(rows, study)
    print_rows(efficiency, FACTOR_COLUMNS)
    lines = verdict(rows, distributions, most) if chosen else []
    print("\n".join(lines))
    settings = {key: str(value) for key, value in vars(arguments).items() if key != "picture"}
    results = {"settings": settings, "rows": rows, "distributions": distributions}
    path = write_results(
        f"augmentation_study_{arguments.data}", results | {"factors": efficiency, "goals": lines}
    )
    print("written to", path)


if __name__ == "__main__":
    main()
