"""The baseline of a classifier and its neighbours: Markov random fields on phase separation.

Seconds to train and to make 1000 images of 64 x 64, and how good these are: error of the mean S2,
mean and standard deviation of p1, specific surface, and how much more often opposite borders differ
than neighbouring rows, each beside the same numbers of two halves of the real images (S2) or of
the real images (the rest). Then p1 asked for: the table of ``gaussian_random_field.py``, of fewer
images.

    python benchmarks/markov_random_field.py
"""

import time

import numpy as np
from _results import write_results
from _tables import (
    SHAPE,
    argument_parser,
    control_row,
    print_rows,
    print_table,
    read_arguments,
    relative_error,
    save_picture,
)

from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import SpecificSurface, TwoPointCorrelation
from skmicro.generators import MarkovRandomField

N_TRAINING = 256
TARGETS = (0.4, 0.5, 0.6)
N_AT_TARGETS = 32
FRACTIONS = {"one material": (0.5, 0.5), "many materials": (0.25, 0.75)}
COLUMNS = {
    "name": ("images", "s"),
    "fit": ("fit [s]", ".1f"),
    "sample": ("sample [s]", ".1f"),
    "s2_error": ("S2 error", ".4f"),
    "p1": ("p1", ".3f"),
    "surface": ("surface", ".4f"),
    "seam": ("seam", ".2f"),
}


def described(images):
    """Return p1, specific surface and seam of images."""
    inside = np.mean(images[:, 1:] != images[:, :-1])
    fractions = images.mean(axis=(1, 2))
    return {
        "p1": (float(fractions.mean()), float(fractions.std())),
        "surface": float(SpecificSurface(periodic=True).fit_transform(images).mean()),
        "seam": float(np.mean(images[:, 0] != images[:, -1]) / inside),
    }


def timed(function):
    """Return what a function returns, and the seconds it took."""
    start = time.perf_counter()
    result = function()
    return result, time.perf_counter() - start


def compared(name, images, arguments):
    """Fit to images, and return the generator, its samples, and rows of real and generated ones."""
    curves = TwoPointCorrelation(periodic=True).fit(images)
    real = curves.transform(images)
    generator = MarkovRandomField(periodic=True, random_state=arguments.seed)
    _, fit_seconds = timed(lambda: generator.fit(images))
    samples, seconds = timed(lambda: generator.sample(arguments.n_samples, random_state=1))
    floor = relative_error(real[::2].mean(0), real[1::2].mean(0))
    error = relative_error(curves.transform(samples).mean(0), real.mean(0))
    rows = [
        {"name": f"{name}, real", "fit": None, "sample": None, "s2_error": floor}
        | described(images),
        {"name": f"{name}, field", "fit": fit_seconds, "sample": seconds, "s2_error": error}
        | described(samples),
    ]
    return generator, samples, rows


def main():
    arguments = read_arguments(argument_parser(__doc__, n_samples=1000))
    rows = []
    for name, fractions in FRACTIONS.items():
        images, _ = make_cahn_hilliard(
            N_TRAINING, SHAPE, volume_fraction=fractions, random_state=arguments.seed
        )
        images = np.random.default_rng(arguments.seed).permutation(images)
        generator, samples, pair = compared(name, images, arguments)
        rows += pair
        if arguments.picture is not None:
            from skmicro.plotting import SampleGridDisplay

            display = SampleGridDisplay([images[:6], samples[:6]], row_labels=["real", "field"])
            save_picture(display.plot(), arguments.picture, name.replace(" ", "_"))
    print_rows(rows, COLUMNS)
    controlled = [
        control_row(generator, images, target, n_samples=N_AT_TARGETS, periodic=True)
        for target in TARGETS
    ]
    print_table(controlled)
    payload = {"seed": arguments.seed, "rows": rows, "targets": controlled}
    print("written to", write_results("markov_random_field", payload))


if __name__ == "__main__":
    main()
