"""A GIN calibrated on one image: Figs. 7 and 8 of the GAN, GIN and hybrid paper as tables.

Three simulated images of 64 x 64, p1 about 0.3, 0.4 and 0.5, calibrate one generator each,
on their whole S2 curve and once more on its initial part alone (lags up to 8). Of the
generated images the tables give

- p1: relative error of the mean, and the largest of any image (the paper: within 5 %);
- S2: relative error of the mean curve against the calibrating image's (mean), and mean of
  the errors of single images (each), over all lags and over those up to 8;
- slope: specific surface from the slope of S2 at 0, over that of the calibrating image;
- diversity: mean distance between two images, over that of real ones.

The last rows are a Gaussian random field fitted on the same image, without training, and 20
other simulated images of the same mixture, which are the baseline.

Large images come out of the same generators: 16 of 256 x 256, with the error of their mean
S2 up to lag 32, and the *seam*, how often neighbours differ across the periodic border over
how often inside (1 is seamless). A *grid* that shows in images would look like a seam: it is
the same ratio for every 16th line, where cells of the coarsest grid of the light network
meet. The paper's network makes images of one size only.

    python benchmarks/gin_calibration.py
"""

import numpy as np
from _results import write_results
from _tables import (
    SHAPE,
    argument_parser,
    fit_timed,
    mixture_of,
    presets,
    print_rows,
    read_arguments,
    relative_error,
    save_picture,
)

from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import SpecificSurface, TwoPointCorrelation
from skmicro.evaluation import diversity, mean_relative_error
from skmicro.generators import GIN, GaussianRandomField
from skmicro.plotting import SampleGridDisplay, TwoPointDisplay

CALIBRATED = (0.3, 0.4, 0.5)
INITIAL = 8
N_REAL = 20
LARGE = (256, 256)
N_LARGE = 16
CELL = 16  # pixels

COLUMNS = {
    "model": ("", ""),
    "p1_error": ("p1 mean", "+.2%"),
    "p1_largest_error": ("largest", ".2%"),
    "s2_error": ("S2 mean", ".2%"),
    "s2_error_each": ("each", ".2%"),
    "s2_initial_error": ("S2 to 8", ".2%"),
    "s2_initial_error_each": ("each", ".2%"),
    "slope_ratio": ("slope", ".3f"),
    "diversity_ratio": ("diversity", ".3f"),
    "training_seconds": ("training, s", ".0f"),
}
LARGE_COLUMNS = {
    "model": (f"{LARGE[0]} x {LARGE[1]}", ""),
    "s2_error": ("S2 mean", ".2%"),
    "seam": ("seam", ".3f"),
    "grid": ("grid", ".3f"),
}


def metrics(images, calibrating, real):
    """Compare images with the one that calibrated their generator, and with real ones."""
    correlation = TwoPointCorrelation(periodic=True).fit(calibrating)
    curves, wanted = correlation.transform(images), correlation.transform(calibrating)[0]
    slope = SpecificSurface(method="two-point", periodic=True).fit(calibrating)
    p1_errors = curves[:, 0] / wanted[0] - 1
    start = slice(INITIAL + 1)
    return {
        "p1_error": float(p1_errors.mean()),
        "p1_largest_error": float(np.abs(p1_errors).max()),
        "s2_error": relative_error(curves.mean(0), wanted),
        "s2_error_each": mean_relative_error(curves, wanted),
        "s2_initial_error": relative_error(curves.mean(0)[start], wanted[start]),
        "s2_initial_error_each": mean_relative_error(curves[:, start], wanted[start]),
        "slope_ratio": float(slope.transform(images).mean() / slope.transform(calibrating).mean()),
        "diversity_ratio": diversity(images) / diversity(real),
    }


def large_figures(images, calibrating):
    """Compare large images with the small one that calibrated their generator."""
    wanted = TwoPointCorrelation(periodic=True).fit_transform(calibrating)[0]
    curves = TwoPointCorrelation(max_lag=len(wanted) - 1, periodic=True).fit_transform(images)
    return {"s2_error": relative_error(curves.mean(0), wanted), **border_figures(images)}


def border_figures(images):
    """Return how often neighbours differ across some lines, over how often inside."""
    axes = range(1, images.ndim)
    differ = [np.moveaxis(images != np.roll(images, -1, axis), axis, -1) for axis in axes]
    lines = np.concatenate([jumps.reshape(-1, jumps.shape[-1]) for jumps in differ]).mean(axis=0)
    inside, border = lines[:-1], lines[-1]
    return {
        "seam": float(border / inside.mean()),
        "grid": float(inside[CELL - 1 :: CELL].mean() / inside.mean()),
    }


def models(arguments):
    """Return unfitted generators by name."""
    initial = [TwoPointCorrelation(max_lag=INITIAL, periodic=True)]
    return {
        **{f"GIN, {name}": gin for name, gin in presets(GIN, arguments).items()},
        **{
            f"GIN to {INITIAL}, {name}": gin
            for name, gin in presets(GIN, arguments, invariances=initial).items()
        },
        "random field": GaussianRandomField(periodic=True),
    }


def measure(p1, seed, arguments):
    """Calibrate all models on one image; print and return its record."""
    mixture = mixture_of(p1)
    calibrating, _ = make_cahn_hilliard(1, SHAPE, volume_fraction=mixture, random_state=seed)
    real, _ = make_cahn_hilliard(N_REAL, SHAPE, volume_fraction=mixture, random_state=seed + 1)
    many, _ = make_cahn_hilliard(N_LARGE, LARGE, volume_fraction=mixture, random_state=seed + 2)
    rows, large, samples = [], [], {}
    for name, model in models(arguments).items():
        generator, training = fit_timed(model, calibrating)
        samples[name] = generator.sample(arguments.n_samples, random_state=seed)
        row = {"model": name, **metrics(samples[name], calibrating, real), **training}
        rows.append(row)
        if "paper" not in name:
            images = generator.sample(N_LARGE, shape=LARGE, random_state=seed)
            large.append({"model": name, **large_figures(images, calibrating)})
    floor = metrics(real, calibrating, real)
    rows.append({"model": f"{N_REAL} real images", **floor, "training_seconds": None})
    large.append({"model": f"{N_LARGE} real images", **large_figures(many, calibrating)})
    print(f"\ncalibrated on an image of p1 = {calibrating.mean():.3f}")
    print_rows(rows, COLUMNS)
    print_rows(large, LARGE_COLUMNS)
    if arguments.picture is not None:
        draw(samples | {"real": real}, calibrating, arguments.picture, f"gin_{p1:.1f}")
    return {"p1": float(calibrating.mean()), "rows": rows, "large": large}


def draw(samples, calibrating, folder, name):
    """Draw the calibrating image above the others, and their correlation curves."""
    shown = {"calibration": calibrating} | {label: images[:8] for label, images in samples.items()}
    save_picture(SampleGridDisplay.from_images(shown), folder, f"{name}_images")
    curves = TwoPointDisplay.from_images(samples, target_images=calibrating)
    save_picture(curves, folder, f"{name}_p2")


def main():
    arguments = read_arguments(argument_parser(__doc__, n_samples=100))
    records = [measure(p1, arguments.seed + 10 * k, arguments) for k, p1 in enumerate(CALIBRATED)]
    payload = {"seed": arguments.seed, "n_samples": arguments.n_samples, "records": records}
    print("written to", write_results("gin_calibration", payload))


if __name__ == "__main__":
    main()
