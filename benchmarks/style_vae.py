"""What a loss of style does for images of an autoencoder: Fig. 6 of Cang et al. 2018 as a table.

Models of 16 latents are trained with the same processor's time each:

- *own*: ``StyleVAE.light``, every image compared in style with one decoded near its own code;
- *own, beta 1*: the same with the divergence as the paper weighs it;
- *random*: as *own* with ``pairing="random"``, compared with images of latents of the prior;
- *VAE*, *Autoencoder*: the same networks without a style.

Images are simulated phase separation (periodic, p1 about evenly spread), or with ``SKMICRO_DATA``
and ``--data`` patches of slices of a Berea sandstone scan, or of one micrograph of
``materials_256.npz``. Half of the simulated images, of the slices or of the micrograph are kept
back. 500 samples are compared with the training images, and beside that the images kept back:

- S2: relative error of the mean correlation curve of phase 1.
- surface: mean specific surface over that of the training images.
- W surface, W Euler, W p1: Wasserstein distance of the distributions of specific surface, Euler
  number and volume fraction over images, in standard deviations of the training images.
- grey: share of the voxels that the network leaves undecided, probabilities from 0.1 to 0.9.
- wrong: voxels of training images that are reconstructed wrongly.

    python benchmarks/style_vae.py --picture pictures
"""

import argparse
import functools
import os
import time
from pathlib import Path

import numpy as np
import torch
from _results import write_results
from _tables import (
    HOMOGENEOUS,
    SHAPE,
    fit_timed,
    iterations_within,
    patches_of,
    print_rows,
    read_arguments,
    relative_error,
    save_picture,
)

import skmicro
from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import EulerNumber, SpecificSurface, TwoPointCorrelation, VolumeFraction
from skmicro.evaluation import descriptor_wasserstein
from skmicro.generators import VAE, Autoencoder, StyleVAE
from skmicro.plotting import SampleGridDisplay

MODELS = {
    "own": StyleVAE.light,
    "own, beta 1": functools.partial(StyleVAE.light, beta=1.0),
    "random": functools.partial(StyleVAE.light, pairing="random"),
    "VAE": VAE.light,
    "Autoencoder": Autoencoder.light,
}
N_LATENT, N_SAMPLES, N_SHOWN = 16, 500, 10
SLICES = {"training": slice(0, 90, 10), "held_out": slice(110, 200, 10)}  # not neighbours
UNDECIDED = (0.1, 0.9)
COLUMNS = {
    "model": ("", ""),
    "s2_error": ("S2", ".2%"),
    "surface_ratio": ("surface", ".3f"),
    "surface_distance": ("W surface", ".3f"),
    "euler_distance": ("W Euler", ".3f"),
    "p1_distance": ("W p1", ".3f"),
    "p1": ("p1", ".3f"),
    "undecided": ("grey", ".1%"),
    "wrong": ("wrong", ".2%"),
    "n_iter": ("n_iter", "d"),
    "processor_seconds": ("CPU, s", ".0f"),
}


def images_of(data, n_images, seed):
    """Return training images, images kept back, and whether they are periodic."""
    if data == "cahn_hilliard":
        images, _ = make_cahn_hilliard(2 * n_images, SHAPE, random_state=seed)
        order = np.random.default_rng(seed).permutation(len(images))
        return *np.split(images[order], 2), True
    folder = Path(os.environ["SKMICRO_DATA"])
    if data == "berea":
        volume = skmicro.read_images(folder / "berea_sandstone_200x400x400.npz")
        slices = volume.reshape(-1, *volume.shape[-2:])
        halves = [slices[chosen] for chosen in SLICES.values()]
    else:
        scan = skmicro.read_images(folder / "materials_256.npz", key=data)[0]
        halves = [half[None] for half in np.split(scan, 2)]
    return *(patches_of(half, SHAPE, n_images) for half in halves), False


def metrics(images, training, periodic):
    """Return what images are compared with training images by."""
    correlation = TwoPointCorrelation(periodic=periodic).fit(training)
    found = {
        "s2_error": relative_error(
            correlation.transform(images).mean(axis=0), correlation.transform(training).mean(axis=0)
        )
    }
    descriptors = {
        "surface": SpecificSurface(periodic=periodic),
        "euler": EulerNumber(periodic=periodic, edge_correction=False),
        "p1": VolumeFraction(),
    }
    for name, descriptor in descriptors.items():
        values, real = (descriptor.fit(training).transform(x) for x in (images, training))
        found[f"{name}_distance"] = descriptor_wasserstein(values, real)
        if name == "surface":
            found["surface_ratio"] = float(values.mean() / real.mean())
        if name == "p1":
            found["p1"] = (float(values.mean()), float(values.std()))
    return found


@torch.no_grad()
def undecided(generator, seed):
    """Return the share of voxels of new images whose phase the network leaves open."""
    model = generator._model()
    rng = np.random.default_rng(seed)
    latents = model.tensor(rng.standard_normal((N_SAMPLES, model.n_latent)))
    conditions = latents[:, :0]
    low, high = UNDECIDED
    probabilities = [
        model.generate(some, none)[:, 1]
        for some, none in zip(latents.split(50), conditions.split(50), strict=True)
    ]
    return float(np.mean([((p > low) & (p < high)).double().mean().item() for p in probabilities]))


def measure(name, data, arguments):
    """Train and evaluate one model; return its row and samples."""
    training, _, periodic = data
    made = functools.partial(
        MODELS[name],
        n_latent=N_LATENT,
        periodic=periodic,
        symmetries=HOMOGENEOUS if arguments.symmetries else (),
        random_state=arguments.seed,
        device="cpu",
    )
    n_iter = arguments.n_iter or iterations_within(arguments.seconds, made, training)
    start = time.process_time()
    generator, record = fit_timed(made(n_iter=n_iter), training)
    record["processor_seconds"] = time.process_time() - start
    samples = generator.sample(N_SAMPLES, random_state=arguments.seed)
    some = training[:200]
    row = {
        "model": name,
        **metrics(samples, training, periodic),
        "undecided": undecided(generator, arguments.seed),
        "wrong": float((generator.reconstruct(some) != some).mean()),
        "losses": {key: float(loss[-50:].mean()) for key, loss in generator.history_.items()},
        **record,
    }
    return row, samples


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", default="cahn_hilliard", help="berea, or a key of the materials")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--n-images", type=int, default=256, help="training images")
    parser.add_argument("--symmetries", action="store_true", help="move training images")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="threads of torch")
    parser.add_argument("--picture", type=Path, metavar="FOLDER", help="where to draw")
    parser.add_argument("--n-iter", type=int, help="iterations, in place of a time")
    parser.add_argument("--seconds", type=float, default=180.0, help="of the processor, each")
    arguments = read_arguments(parser)
    data = images_of(arguments.data, arguments.n_images, arguments.seed)
    training, held_out, periodic = data
    nothing = dict.fromkeys(COLUMNS)
    rows = [nothing | {"model": "real, kept back", **metrics(held_out, training, periodic)}]
    shown = {"real": training[:N_SHOWN]}
    for name in arguments.models:
        row, samples = measure(name, data, arguments)
        rows.append(row)
        shown[name] = samples[:N_SHOWN]
        print(name, {key: round(loss, 4) for key, loss in row["losses"].items()}, flush=True)
    print_rows(rows, COLUMNS)
    if arguments.picture is not None:
        display = SampleGridDisplay.from_images(shown, n_columns=N_SHOWN)
        save_picture(display, arguments.picture, f"style_vae_{arguments.data}")
    settings = {key: str(value) for key, value in vars(arguments).items() if key != "picture"}
    path = write_results(f"style_vae_{arguments.data}", {"settings": settings, "rows": rows})
    print("written to", path)


if __name__ == "__main__":
    main()
