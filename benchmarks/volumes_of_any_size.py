"""Large periodic volumes from generators that were trained on small ones.

Generators learn phase separation in 32^3 voxels, each for ``--minutes`` of the processor, and make
periodic volumes of 128^3. Columns: volume fraction; error of the mean S2 of large against small
samples of the same generator, up to a quarter of the small side, beside that of halves of the small
ones; *seam*: share of neighbours that differ across the borders over that inside; *repeats*:
largest correlation of two 32^3 tiles of a large volume, at any shift, over that of tiles of
different volumes (a repeated tile would raise it); real volumes for comparison. Then seconds and
peak memory of one volume, in a process of its own, up to 256^3.

    python benchmarks/volumes_of_any_size.py --picture FOLDER
"""

import tempfile
from functools import partial
from pathlib import Path

from _results import write_results
from _sizes import SIZE_COLUMNS, cost_of_one, repeats, seam_ratio
from _tables import (
    HOMOGENEOUS,
    argument_parser,
    iterations_within,
    print_rows,
    read_arguments,
    relative_error,
    save_picture,
)

from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import TwoPointCorrelation
from skmicro.generators import FlowMatchingGenerator, VolumeWGAN
from skmicro.plotting import SampleGridDisplay

SMALL, LARGE = (32, 32, 32), (128, 128, 128)
N_TRAINING, N_LARGE = 256, 4
SIDES = (32, 64, 128, 256)
REAL = "real"
GENERATORS = {
    "VolumeWGAN, light": VolumeWGAN.light,
    "VolumeWGAN, fine": partial(VolumeWGAN.light, architecture="fine"),
    "flow matching, light_3d": FlowMatchingGenerator.light_3d,
}
COLUMNS = {
    "model": ("volumes", ""),
    "p1": ("p1 large", ".3f"),
    "p1_small": ("small", ".3f"),
    "s2": ("S2 large/small", ".2%"),
    "halves": ("halves", ".2%"),
    "seam": ("seam", ".3f"),
    "repeats": ("repeats", ".3f"),
    "n_iter": ("iterations", ""),
}


def row_of(model, large, small, n_iter=None):
    """Return the metrics of large volumes beside small ones."""
    s2 = TwoPointCorrelation(max_lag=SMALL[0] // 4, periodic=True)
    curves = s2.fit_transform(small)
    return {
        "model": model,
        "p1": float(large.mean()),
        "p1_small": float(small.mean()),
        "s2": relative_error(s2.fit_transform(large).mean(0), curves.mean(0)),
        "halves": relative_error(curves[::2].mean(0), curves[1::2].mean(0)),
        "seam": seam_ratio(large),
        "repeats": repeats(large, large, SMALL),
        "n_iter": n_iter,
    }


def trained(make, images, arguments):
    """Return a generator that was trained within the minutes, and its iterations."""
    made = partial(
        make, periodic=True, symmetries=HOMOGENEOUS, device="cpu", random_state=arguments.seed
    )
    n_iter = arguments.n_iter or iterations_within(60 * arguments.minutes, made, images)
    return made(n_iter=n_iter).fit(images), n_iter


def main():
    """Train, sample, compare, and measure what volumes cost."""
    arguments = read_arguments(argument_parser(__doc__, n_samples=64))
    seed, n_small = arguments.seed, arguments.n_samples
    fraction = {"volume_fraction": (0.5, 0.5)}
    images, _ = make_cahn_hilliard(N_TRAINING + n_small, SMALL, random_state=seed, **fraction)
    large, _ = make_cahn_hilliard(N_LARGE, LARGE, random_state=seed + 1, **fraction)
    rows, costs = [row_of(REAL, large, images[N_TRAINING:])], []
    shown = {REAL: large[:, 0]}
    with tempfile.TemporaryDirectory() as folder:
        for model, make in GENERATORS.items():
            generator, n_iter = trained(make, images[:N_TRAINING], arguments)
            small = generator.sample(n_small, random_state=seed)
            large = generator.sample(N_LARGE, shape=LARGE, random_state=seed)
            rows.append(row_of(model, large, small, n_iter))
            shown[model] = large[:, 0]
            print_rows(rows, COLUMNS)
            path = Path(folder) / "model.skm"
            generator.save(path)
            costs += [{"model": model} | cost_of_one(path, (side,) * 3) for side in SIDES]
    print_rows(costs, {"model": ("", "")} | SIZE_COLUMNS)
    if arguments.picture:
        save_picture(SampleGridDisplay.from_images(shown), arguments.picture, "volumes_of_any_size")
    print("written to", write_results("volumes_of_any_size", {"rows": rows, "costs": costs}))


if __name__ == "__main__":
    main()
