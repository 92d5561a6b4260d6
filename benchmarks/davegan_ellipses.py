"""What latents of images of one ellipse encode, by the weight beta: Sec. 4.2 of DA-VEGAN.

Each image of 32 x 32 holds one ellipse, which five numbers describe: semi-axes a and b, row and
column of the centre, angle. Models of five latents are trained with eight values of beta:

- *VAE*: ``VAE.light``, the baseline without a critic;
- *log*: ``DAVEGAN`` as published, batches of 32;
- *wasserstein-gp*: ``DAVEGAN`` with its other loss, a wider critic, larger rates and a larger
  weight of the reconstruction.

All have the same processor's time. The published training is 200 passes over 60,000 images,
375,000 batches of 32; the column "of published" says which share of its images a model has seen.
``--epochs`` gives passes instead of a time.

On 2000 held-out images:

- E_rec: the paper's error (its Eq. 12) of the reconstruction, of its reference and the mean of 500
  images. The reference has a vertical axis of 14 and a horizontal one of 6 pixels in the centre;
  read as semi-axes they would exceed the largest area of the data.
- wrong: voxels reconstructed wrongly. An image without any ellipse has p1 wrong.
- R2 of a, b, row, column, angle: share of the variance that a linear function of all latents
  explains; latents may know more than that.
- MIG: mutual information gap, the mean over the five numbers.
- used: latents whose mean divergence from the prior is above 0.1 nats.
- p1 of samples from the prior, mean and standard deviation.
- largest: share of phase 1 that lies in its largest connected piece, mean of samples, empty ones
  counting 0; 1 in the data.

An angle of 0 is that of pi, so that correlations are with cos(2 angle) and sin(2 angle), and R2 is
the mean of the two; the information of bins does not mind. Correlations, R2 and MIG leave out
ellipses that have hardly a direction, a/b < 1.5. After each training come the rank correlations
of latents with the numbers, and the divergence of each latent.

    python benchmarks/davegan_ellipses.py --picture pictures
"""

import argparse
import functools
import time
from pathlib import Path

import numpy as np
import torch
from _results import write_results
from _tables import (
    fit_timed,
    iterations_within,
    print_rows,
    read_arguments,
    save_picture,
)
from scipy.stats import spearmanr
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from skmicro.datasets import make_ellipses
from skmicro.descriptors import ClusterStatistics
from skmicro.evaluation import mutual_information_gap, two_point_rmse
from skmicro.generators import DAVEGAN, VAE
from skmicro.losses import normal_divergence
from skmicro.plotting import SampleGridDisplay, TraversalDisplay

SIDE = 32
BETAS = (0.01, 0.1, 0.5, 1.0, 2.0, 10.0, 35.0, 50.0)
PAPER_IMAGES = 60_000 * 200  # seen by the published training
N_HELD_OUT, N_COMPARED, N_SAMPLES, N_SHOWN = 2000, 500, 1000, 8
DIRECTED = 1.5  # a/b from which an ellipse has an angle
IN_USE = 0.1  # nats
MODELS = {
    "VAE": VAE.light,
    "log": functools.partial(DAVEGAN, batch_size=32),
    "wasserstein-gp": functools.partial(
        DAVEGAN,
        critic_loss="wasserstein-gp",
        critic_width=64,
        lambda_rec=0.1,
        batch_size=16,
        learning_rate=5e-4,
        critic_learning_rate=5e-4,
        betas=(0.0, 0.9),
        decay_from=0.5,
    ),
}
COLUMNS = {
    "model": ("", ""),
    "beta": ("beta", "g"),
    "reference_error": ("E_rec of reference", ".4f"),
    "error": ("of images", ".4f"),
    "wrong": ("wrong", ".2%"),
    "r2_a": ("R2 of a", ".2f"),
    "r2_b": ("b", ".2f"),
    "r2_row": ("row", ".2f"),
    "r2_column": ("column", ".2f"),
    "r2_angle": ("angle", ".2f"),
    "gap": ("MIG", ".3f"),
    "n_used": ("used", "d"),
    "p1": ("p1 of samples", ".3f"),
    "largest": ("largest", ".0%"),
    "n_iter": ("n_iter", "d"),
    "of_published": ("of published", ".2%"),
    "processor_seconds": ("CPU, s", ".0f"),
}
NUMBERS = ("a", "b", "row", "column", "cos", "sin")
LATENT_COLUMNS = {
    "latent": ("", ""),
    **{name: (name, "+.2f") for name in NUMBERS},
    "divergence": ("divergence", ".2f"),
}


def reference_image():
    """Return the upright ellipse in the centre that the paper reconstructs."""
    rows, columns = np.indices((SIDE, SIDE)) - (SIDE - 1) / 2
    return (np.square(rows / 7) + np.square(columns / 3) <= 1).astype(np.uint8)


def without_period(parameters):
    """Replace angles by cosine and sine of twice the angle."""
    angle = 2 * parameters[:, 4]
    return np.column_stack([parameters[:, :4], np.cos(angle), np.sin(angle)])


def reconstruction_figures(generator, images):
    """Return the paper's error of reconstructions, and the share of wrong voxels."""
    rebuilt = generator.inverse_transform(generator.transform(images))
    some = slice(N_COMPARED)
    errors = two_point_rmse(images[some], rebuilt[some]).diagonal()
    return {"error": float(errors.mean()), "wrong": float((images != rebuilt).mean())}


@torch.no_grad()
def divergences(generator, images):
    """Return the mean divergence of each latent from the prior, in nats."""
    codes = generator.encoder_network_(generator.encoder_.encode(images))
    columns = zip(*(half.split(1, dim=1) for half in codes.chunk(2, dim=1)), strict=True)
    return [float(normal_divergence(mean, log_variance)) for mean, log_variance in columns]


def latent_figures(generator, images, parameters):
    """Return what latents tell of the numbers that made the images."""
    directed = parameters[:, 0] >= DIRECTED * parameters[:, 1]
    latents, factors = generator.transform(images[directed]), parameters[directed]
    numbers = without_period(factors)
    told = LinearRegression().fit(latents, numbers).predict(latents)
    shares = r2_score(numbers, told, multioutput="raw_values")
    shares = [*shares[:4], shares[4:].mean()]
    names = ("a", "b", "row", "column", "angle")
    n_latent, spent = latents.shape[1], divergences(generator, images)
    return {
        **{f"r2_{name}": float(share) for name, share in zip(names, shares, strict=True)},
        "gap": mutual_information_gap(latents, factors),
        "n_used": int(np.sum(np.array(spent) > IN_USE)),
        "divergences": spent,
        "correlations": spearmanr(latents, numbers).statistic[:n_latent, n_latent:].tolist(),
    }


def sample_figures(samples):
    """Return mean and spread of p1, and the mean share of the largest piece."""
    p1 = samples.mean(axis=(1, 2))
    pieces = ClusterStatistics(
        periodic=False, connectivity="corners", edge_correction=False
    ).fit_transform(samples)
    return {
        "p1": (float(p1.mean()), float(p1.std())),
        "largest": float(pieces[:, 2].mean()),
    }


def metrics(generator, images, parameters, seed):
    """Return all that is measured of a trained model."""
    reference = reconstruction_figures(generator, reference_image()[None])
    return {
        "reference_error": reference["error"],
        "reference_wrong": reference["wrong"],
        **reconstruction_figures(generator, images),
        **latent_figures(generator, images, parameters),
        **sample_figures(generator.sample(N_SAMPLES, random_state=seed)),
    }


def draw(generator, images, name, arguments):
    """Draw walks along latents, and reconstructions and samples below images."""
    walks = TraversalDisplay.from_estimator(generator, reference_image())
    save_picture(walks, arguments.picture, f"davegan_ellipses_{name}_walks")
    shown = np.concatenate([reference_image()[None], images[: N_SHOWN - 1]])
    stacks = {
        "real": shown,
        "rebuilt": generator.inverse_transform(generator.transform(shown)),
        "samples": generator.sample(2 * N_SHOWN, random_state=arguments.seed),
    }
    display = SampleGridDisplay.from_images(stacks, n_columns=N_SHOWN)
    save_picture(display, arguments.picture, f"davegan_ellipses_{name}_images")


def iterations_of(made, images, arguments):
    """Return how many iterations each beta gets."""
    if arguments.epochs is None:
        return iterations_within(arguments.seconds, made, images)
    return max(1, round(arguments.epochs * len(images) / made().batch_size))


def measure(model, beta, n_iter, data, arguments):
    """Train and evaluate one model; print its latents and return its row."""
    training, images, parameters = data
    start = time.process_time()
    generator, record = fit_timed(maker(model, arguments)(beta=beta, n_iter=n_iter), training)
    record["processor_seconds"] = time.process_time() - start
    row = {
        "model": model,
        "beta": beta,
        **metrics(generator, images, parameters, arguments.seed),
        **record,
        "of_published": n_iter * generator.batch_size / PAPER_IMAGES,
    }
    print_latents(row)
    if arguments.picture is not None:
        draw(generator, images, f"{model}_{beta:g}", arguments)
    return row


def maker(model, arguments):
    """Return a function that makes unfitted models."""
    return functools.partial(MODELS[model], n_latent=5, device="cpu", random_state=arguments.seed)


def print_latents(row):
    """Print which latent goes with which number."""
    print(f"\n{row['model']}, beta = {row['beta']:g}")
    lines = [
        {"latent": f"z{k + 1}", "divergence": divergence, **dict(zip(NUMBERS, line, strict=True))}
        for k, (line, divergence) in enumerate(
            zip(row["correlations"], row["divergences"], strict=True)
        )
    ]
    print_rows(lines, LATENT_COLUMNS)


def data_figures(images):
    """Return what held-out images have in place of a reconstruction or of samples."""
    errors = two_point_rmse(images[:N_COMPARED], np.zeros_like(images[:1]))
    return {"empty_error": float(errors.mean()), **sample_figures(images)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--betas", nargs="+", type=float, default=list(BETAS))
    parser.add_argument("--n-images", type=int, default=10_000, help="training images")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument("--picture", type=Path, metavar="FOLDER", help="where to draw")
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--epochs", type=float, help="passes over the images, in place of a time")
    length.add_argument("--seconds", type=float, default=60.0, help="of the processor, each")
    arguments = read_arguments(parser)
    images, parameters = make_ellipses(
        arguments.n_images + N_HELD_OUT, (SIDE, SIDE), random_state=arguments.seed
    )
    training, held_out = np.split(images, [arguments.n_images])
    data = (training, held_out, parameters[arguments.n_images :])
    payload = {"seed": arguments.seed, "n_images": arguments.n_images}
    payload |= {"data": data_figures(held_out), "numbers": NUMBERS}
    rows = []
    for model in arguments.models:
        n_iter = iterations_of(maker(model, arguments), training, arguments)
        for beta in arguments.betas:
            rows.append(measure(model, beta, n_iter, data, arguments))
            path = write_results("davegan_ellipses", payload | {"rows": rows})
    print("\nheld-out images:", payload["data"])
    print_rows(rows, COLUMNS)
    print("written to", path)


if __name__ == "__main__":
    main()
