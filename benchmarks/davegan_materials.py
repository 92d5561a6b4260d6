"""DA-VEGAN learned from sixteen tiles: Table 4 of its paper, with baselines and diversities.

Needs the folder of real images named by the environment variable ``SKMICRO_DATA``: each of
the images of 256 x 256 in ``materials_256.npz`` is cut into 16 tiles of 64 x 64; *checkerboard*
are 16 boards that differ by translations. Trainings of each:

- *paper*: the published losses and settings, for half an hour of one core, in which not all of
  the paper's 80,000 iterations need fit;
- *log*: the published losses and networks with larger rates, batches and weight of the
  reconstructions, an average of the weights and a decay of the rates, as long, and then the scale
  of latents with which fractions vary as those of tiles do;
- *near*: the same with 256 latents instead of 32, a tenth of beta, and translations of a tenth of
  the side instead of a quarter;
- *better*: the light preset, as long;
- *fine*: the same with the full-resolution variant of its networks, as long;
- *light*: the light preset, for five minutes of one core;
- *vae*: a variational autoencoder, without a critic, as long.

``_materials.py`` says what the metrics are. "rec." is the paper's error of the reconstructions
of the tiles themselves, beside that in its Table 4, and the share of voxels that differ; "scale"
is that of the latents along which fractions change, 1 with the published settings; rows in
which it is "-" are not matched.

An asterisk marks metrics that miss their goal; errors of checkerboards have none, since the
published ones are 0. Each material has a file of results, written
after each training, so that processes may share the work; ``--summary`` prints all there are.

    SKMICRO_DATA=FOLDER python benchmarks/davegan_materials.py alloy --kind light
    python benchmarks/davegan_materials.py --summary
"""

import argparse
import functools

import numpy as np
from _materials import (
    COLUMNS,
    PAPER,
    Study,
    draw,
    figures_of_scan,
    metrics,
    reconstruction_error,
    scan_of,
    tiles_of,
    trained,
)
from _tables import SHAPE

from skmicro.datasets import make_checkerboards
from skmicro.generators import DAVEGAN, VAE

CHECKERBOARD = "checkerboard"
FASTER = functools.partial(
    DAVEGAN,
    lambda_rec=5e-3,
    batch_size=16,
    learning_rate=1e-3,
    critic_learning_rate=4e-4,
    betas=(0.5, 0.99),
    average_decay=0.995,
    decay_from=0.5,
    scale_fractions=True,
)
PRESETS = {
    "paper": DAVEGAN,
    "log": FASTER,
    "near": functools.partial(FASTER, n_latent=256, translation_spread=0.1, beta=0.1),
    "better": DAVEGAN.light,
    "fine": functools.partial(DAVEGAN.light, architecture="fine"),
    "light": DAVEGAN.light,
    "vae": VAE.light,
}
SECONDS = dict.fromkeys(PRESETS, 1800.0) | {"light": 300.0, "vae": 300.0}
STUDY = Study(
    name="davegan",
    kinds=tuple(PRESETS),
    goals={
        "e_ratio": (0.8, 1.2),
        "pixel_diversity": (0.9, np.inf),
        "s2_diversity": (0.9, np.inf),
        "p1_error": (0.0, 0.1),
        "memorisation_excess": (-np.inf, 2.0),
        "e_rec_ratio": (0.0, 1.0),
    },
    goals_in_words="""
goals: E/baseline from 0.8 to 1.2, diversities from 0.9, p1 within 10 %, memory no higher than that
of tiles (by two standard errors), reconstructions no worse than the paper's; * misses its goal""",
    columns=COLUMNS
    | {
        "e_rec_ratio": ("rec./paper's", ".2f"),
        "e_rec": ("rec.", ".2e"),
        "e_rec_paper": ("paper's", ".2e"),
        "voxels_wrong": ("wrong", ".1%"),
        "fraction_scale": ("scale", ".2f"),
    },
    materials=(*PAPER, CHECKERBOARD),
    n_samples=1024,
)


def images_of(name, seed):
    """Return the 16 images to learn, and what compares samples with them."""
    if name == CHECKERBOARD:
        boards, _ = make_checkerboards(16, SHAPE, random_state=seed)
        others = (np.delete(boards, k, axis=0) for k in range(len(boards)))
        return boards, lambda samples: metrics(samples, boards, boards, others)
    scan = scan_of(name)
    return tiles_of(scan), lambda samples: figures_of_scan(samples, scan, 0, seed)


def measure(name, kind, arguments):
    """Train on one material, and return the row of its metrics."""
    tiles, compare = images_of(name, arguments.seed)
    made = functools.partial(PRESETS[kind], random_state=arguments.seed, device="cpu")
    length = argparse.Namespace(n_iter=arguments.n_iter, seconds=arguments.seconds)
    if length.n_iter is None and length.seconds is None:
        length.seconds = SECONDS[kind]
    generator, record = trained(made, tiles, length)
    samples = generator.sample(arguments.n_samples, random_state=arguments.seed)
    rebuilt = generator.reconstruct(tiles)
    draw(STUDY, name, kind, arguments, tiles, reconstructed=rebuilt, new=samples)
    e_rec = reconstruction_error(rebuilt, tiles)
    e_paper, e_rec_paper = PAPER.get(name, (0.0, 0.0))
    return {
        "material": name,
        "kind": kind,
        "e_paper": e_paper,
        **compare(samples),
        "e_rec": e_rec,
        "e_rec_paper": e_rec_paper,
        "e_rec_ratio": e_rec / e_rec_paper if e_rec_paper > 0 else None,
        "voxels_wrong": float((rebuilt != tiles).mean()),
        "fraction_scale": getattr(generator, "fraction_scale_", None),
        **record,
        "seed": arguments.seed,
        "n_samples": arguments.n_samples,
    }


if __name__ == "__main__":
    STUDY.run(STUDY.parser(__doc__), measure)
