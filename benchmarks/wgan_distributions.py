"""What a WGAN-GP learns of distributions: Figs. 3 to 5 of the GAN, GIN and hybrid paper.

One generator each is trained on simulated images of 64 x 64

- of the whole range (p1 from 0.27 to 0.73),
- of p1 in [0.35, 0.45],
- of one value of S2. The paper takes images of S2 = 0.0625 and does not say at which lag.
  Far away S2 is p1 squared, so that here the mean of the last third of the curve (lags 22 to
  32) has to be 0.0625 within 5 %, and p1 is about 0.25.

Of 1000 generated images the tables give mean and standard deviation of p1 and the
Wasserstein distances of p1, of the S2 curve and of its far end to 1000 held-out images (in
standard deviations of these). A Gaussian random field, fitted on the same images without
training, is given as well; the baseline are the training images in place of generated ones.

Interpolation, on the generator of the second set: 10 pairs of latents whose images have the
same p1, 12 images from the one of higher to that of lower free energy. The metrics are the
largest deviation of p1 from the mean of both ends (the paper: within 5 %), the free energy
along the line, and the share of steps that do not raise it.

    python benchmarks/wgan_distributions.py
"""

import numpy as np
from _results import write_results
from _tables import (
    HOMOGENEOUS,
    argument_parser,
    everything,
    fit_timed,
    mixture_of,
    presets,
    print_rows,
    read_arguments,
    save_picture,
    simulated_where,
)

from skmicro.descriptors import FreeEnergy, TwoPointCorrelation
from skmicro.evaluation import descriptor_wasserstein
from skmicro.generators import WGANGP, GaussianRandomField
from skmicro.plotting import (
    DescriptorDistributionDisplay,
    InterpolationDisplay,
    SampleGridDisplay,
    TwoPointDisplay,
)

P1_RANGE = (0.35, 0.45)
FAR_S2 = 0.0625
FAR_TOLERANCE = 0.05
N_PAIRS = 10
N_STEPS = 12
N_LATENTS = 400

COLUMNS = {
    "model": ("", ""),
    "p1_mean": ("p1 mean", ".4f"),
    "p1_std": ("std", ".4f"),
    "p1_wasserstein": ("W1 of p1", ".3f"),
    "p2_wasserstein": ("of S2", ".3f"),
    "far_wasserstein": ("of far S2", ".3f"),
    "training_seconds": ("training, s", ".0f"),
}
LINE_COLUMNS = {
    "pair": ("pair", "d"),
    "p1": ("p1 of ends", ".3f"),
    "deviation": ("largest deviation", ".2%"),
    "first_energy": ("energy, first", ".4f"),
    "middle_energy": ("middle", ".4f"),
    "last_energy": ("last", ".4f"),
    "falling": ("steps not raising", ".0%"),
}


def far_end(curves):
    """Mean of the last third of correlation curves."""
    return curves[:, 2 * curves.shape[1] // 3 :].mean(axis=1)


def of_one_fraction(images):
    p1 = images.mean(axis=(1, 2))
    return (p1 >= P1_RANGE[0]) & (p1 <= P1_RANGE[1])


def of_one_correlation(images):
    far = far_end(TwoPointCorrelation(periodic=True).fit_transform(images))
    return np.abs(far / FAR_S2 - 1) < FAR_TOLERANCE


SUBSETS = {
    "all": (everything, (0.3, 0.7)),
    "p1": (of_one_fraction, tuple(map(mixture_of, P1_RANGE))),
    "p2": (of_one_correlation, (mixture_of(0.23), mixture_of(0.27))),
}


def metrics(images, reference):
    """Compare the distributions of images with those of real ones."""
    correlation = TwoPointCorrelation(periodic=True).fit(reference)
    curves, wanted = correlation.transform(images), correlation.transform(reference)
    return {
        "p1_mean": float(curves[:, 0].mean()),
        "p1_std": float(curves[:, 0].std()),
        "p1_wasserstein": descriptor_wasserstein(curves[:, 0], wanted[:, 0]),
        "p2_wasserstein": descriptor_wasserstein(curves, wanted),
        "far_wasserstein": descriptor_wasserstein(far_end(curves), far_end(wanted)),
    }


def measure(subset, arguments):
    """Train on one subset; print and return its rows, and the generators by name."""
    accept, mixture = SUBSETS[subset]
    images = simulated_where(accept, 2 * arguments.n_images, mixture, arguments.seed)
    training, held_out = np.split(images, 2)
    n_samples = min(arguments.n_samples, arguments.n_images)
    reference = held_out[:n_samples]
    light = {"symmetries": HOMOGENEOUS}
    wgans = presets(WGANGP, arguments, light=light)
    models = {f"WGANGP, {name}": model for name, model in wgans.items()}
    models["random field"] = GaussianRandomField(periodic=True)
    rows, samples = [], {"real": reference}
    for name, generator in models.items():
        _, record = fit_timed(generator, training)
        samples[name] = generator.sample(n_samples, random_state=arguments.seed)
        rows.append({"model": name, **metrics(samples[name], reference), **record})
    floor = metrics(training[:n_samples], reference)
    rows.append({"model": "training images", **floor, "training_seconds": None})
    print(f"\ntrained on {subset}: {len(training)} images, p1 {training.mean():.3f} on average")
    print_rows(rows, COLUMNS)
    if arguments.picture is not None:
        draw(samples, arguments.picture, subset)
    return rows, models


def pairs_of_latents(generator, seed):
    """Return pairs of latents whose images have the same p1, that of higher energy first."""
    n_latent = len(generator.get_feature_names_out())
    latents = np.random.default_rng(seed).standard_normal((N_LATENTS, n_latent))
    images = generator.inverse_transform(latents)
    energies = FreeEnergy(periodic=True).fit_transform(images)[:, 0]
    neighbours = np.argsort(images.mean(axis=(1, 2)), kind="stable").reshape(-1, 2)
    chosen = neighbours[np.linspace(0, len(neighbours) - 1, N_PAIRS + 2).astype(int)[1:-1]]
    return [latents[pair[np.argsort(-energies[pair], kind="stable")]] for pair in chosen]


def line_figures(images):
    """Metrics of images along a line between two ends."""
    p1 = images.mean(axis=(1, 2))
    ends = (p1[0] + p1[-1]) / 2
    energy = FreeEnergy(periodic=True).fit_transform(images)[:, 0]
    return {
        "p1": float(ends),
        "deviation": float(np.abs(p1 / ends - 1).max()),
        "first_energy": float(energy[0]),
        "middle_energy": float(energy[1:-1].mean()),
        "last_energy": float(energy[-1]),
        "falling": float(np.mean(np.diff(energy) <= 0)),
        "energies": energy.tolist(),
    }


def interpolate(name, generator, arguments):
    """Follow lines between latents; print and return their metrics."""
    rows = []
    for k, pair in enumerate(pairs_of_latents(generator, arguments.seed)):
        images = generator.interpolate(*pair, n_steps=N_STEPS)
        rows.append({"pair": k, **line_figures(images)})
        if arguments.picture is not None and k == N_PAIRS // 2:
            picture = InterpolationDisplay.from_images(images)
            save_picture(picture, arguments.picture, "wgan_interpolation_" + name.split()[-1])
    course = np.mean([row["energies"] for row in rows], axis=0)
    summary = {
        "largest_deviation": max(row["deviation"] for row in rows),
        "falling": float(np.mean([row["falling"] for row in rows])),
        "energies": course.tolist(),
    }
    print(f"\n{name}: {N_PAIRS} interpolations of {N_STEPS} images")
    print_rows(rows, LINE_COLUMNS)
    print(
        f"p1 within {summary['largest_deviation']:.2%} (paper: 5 %), "
        f"{summary['falling']:.0%} of the steps do not raise the energy; its mean course is\n"
        + " ".join(f"{energy:.4f}" for energy in course)
    )
    return {"rows": rows, **summary}


def draw(samples, folder, subset):
    """Draw images, distributions of p1 and of the far end of S2, and curves."""
    shown = {name: images[:8] for name, images in samples.items()}
    save_picture(SampleGridDisplay.from_images(shown), folder, f"wgan_{subset}_images")
    p1 = DescriptorDistributionDisplay.from_images(samples)
    save_picture(p1, folder, f"wgan_{subset}_p1")
    correlation = TwoPointCorrelation(periodic=True).fit(samples["real"])
    far = {name: far_end(correlation.transform(images)) for name, images in samples.items()}
    display = DescriptorDistributionDisplay(far, name="mean of $S_2$ over the last third")
    save_picture(display.plot(), folder, f"wgan_{subset}_far_p2")
    save_picture(TwoPointDisplay.from_images(samples), folder, f"wgan_{subset}_p2")


def main():
    parser = argument_parser(__doc__, n_samples=1000)
    parser.add_argument("--n-images", type=int, default=1024, help="training images of each set")
    arguments = read_arguments(parser)
    rows, lines = {}, {}
    for subset in SUBSETS:
        rows[subset], models = measure(subset, arguments)
        if subset == "p1":
            wgans = {name: model for name, model in models.items() if name.startswith("WGANGP")}
    for name, generator in wgans.items():
        lines[name] = interpolate(name, generator, arguments)
    payload = {"seed": arguments.seed, "n_samples": arguments.n_samples}
    payload |= {"subsets": rows, "interpolation": lines}
    print("written to", write_results("wgan_distributions", payload))


if __name__ == "__main__":
    main()
