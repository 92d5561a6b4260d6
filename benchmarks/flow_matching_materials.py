"""Flow matching learned from one micrograph: Table 4 of the DA-VEGAN paper, with its baseline.

Needs the folder of real images named by the environment variable ``SKMICRO_DATA``: each of
the images of 256 x 256 in ``materials_256.npz`` trains two generators of images of 64 x 64,

- *tiles*: on the 16 tiles that the image is cut into, as in the paper;
- *crops*: on windows cut from the whole image at random places.

The condition is p1, for composite the fractions of its three phases; no target is given, so that
sampling draws it from the training images. Reflections are used, and rotations where the
material is isotropic (not in composite and pymks_2). ``_materials.py`` says what the metrics are.

An asterisk marks metrics that miss their goal. Each material has a file of results, written
after each training, so that processes may share the work; ``--summary`` prints all there are.

    SKMICRO_DATA=FOLDER python benchmarks/flow_matching_materials.py alloy --seconds 300
    python benchmarks/flow_matching_materials.py --summary
"""

import functools

import numpy as np
from _materials import (
    COLUMNS,
    N_WINDOWS,
    PAPER,
    Study,
    draw,
    figures_of_scan,
    scan_of,
    symmetries_of,
    tiles_of,
    trained,
)
from _tables import SHAPE

from skmicro.generators import FlowMatchingGenerator

STUDY = Study(
    name="flow_matching",
    kinds=("tiles", "crops"),
    goals={
        "e_ratio": (0.8, 1.2),
        "pixel_diversity": (0.9, np.inf),
        "s2_diversity": (0.9, np.inf),
        "p1_error": (0.0, 0.03),
        "memorisation_excess": (-np.inf, 2.0),
        **dict.fromkeys(("euler_ratio", "clusters_ratio"), (0.85, 1.15)),
        **dict.fromkeys(("largest_cluster_ratio", "surface_ratio"), (0.85, 1.15)),
        "lineal_path_error": (0.0, 0.15),
    },
    goals_in_words="""
goals: E/baseline from 0.8 to 1.2, diversities from 0.9, p1 within 3 %, memory no higher than that
of tiles (by two standard errors), topology within 15 %; * misses its goal""",
    columns=COLUMNS,
)


def generator_of(name, kind, **settings):
    """Return the unfitted generator of a material."""
    return FlowMatchingGenerator.light(
        conditions=("phase_fractions",) if name == "composite" else ("p1",),
        periodic=False,
        crop_shape=SHAPE if kind == "crops" else None,
        symmetries=symmetries_of(name),
        device="cpu",
        **settings,
    )


def measure(name, kind, arguments):
    """Train on one material, and return the row of its metrics."""
    scan = scan_of(name)
    tiles = tiles_of(scan)
    settings = {"random_state": arguments.seed}
    if arguments.width is not None:
        settings["width"] = arguments.width
    made = functools.partial(generator_of, name, kind, **settings)
    generator, record = trained(made, tiles if kind == "tiles" else scan[None], arguments)
    generator.set_params(n_steps=arguments.n_steps)
    samples = generator.sample(arguments.n_samples, random_state=arguments.seed)
    draw(STUDY, name, kind, arguments, tiles, **{kind: samples})
    n_windows = N_WINDOWS if kind == "crops" else 0
    return {
        "material": name,
        "kind": kind,
        "e_paper": PAPER[name][0],
        **figures_of_scan(samples, scan, n_windows, arguments.seed),
        **record,
        "width": generator.width,
        "n_steps": generator.n_steps,
        "seed": arguments.seed,
        "n_samples": arguments.n_samples,
    }


def main():
    parser = STUDY.parser(__doc__)
    parser.add_argument("--width", type=int, help="channels of the network")
    parser.add_argument("--n-steps", type=int, default=16, help="steps in time of sampling")
    STUDY.run(parser, measure)


if __name__ == "__main__":
    main()
