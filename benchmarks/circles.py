"""Two objects at given positions: InvNet and conditional GANs (Joshi et al. 2020, Sec. 4).

All have the same networks (light, dense), the same images and the same number of
iterations, three seeds each. Conditions are area and centroid of both objects: two circles,
or with ``--objects circle_square`` a circle and a square. Five
held-out targets (Fig. 3; the first alone is Fig. 1) with 200 images each: error of the
area in per cent of the target and distance of the centroid in pixels of a 128-pixel
image, mean and standard deviation over images and seeds. The WGAN takes no targets; its
images are compared with them all the same, as in the paper. "Raw" images are those of
one call of the network; "corrected" ones those that ``sample`` returns with
``target_tol=0``, which are fed again with what they miss. "Acceptable after": the
first of every 100 iterations at which 40 images of held-out targets are on average within
10 % in area and 3 pixels of 128 in place. The critic's loss is the largest of the training
and the mean of its last 100 iterations (Fig. 6: about -10^7 with the residual as an input).

    python benchmarks/circles.py --processes 2
    python benchmarks/circles.py --objects circle_square --methods InvNet
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from _results import write_results
from joblib import Parallel, delayed

from skmicro.datasets import make_circle_square, make_circles
from skmicro.descriptors import ShapeArea, ShapeCentroid
from skmicro.generators import ACGAN, WGANGP, ConditionalGAN, InvNetGenerator, ResidualInputGAN

OBJECTS = {"circles": make_circles, "circle_square": make_circle_square}
CONDITIONS = ("area", "centroid")
SETTINGS = {"architecture": "dense", "n_latent": 16, "width": 16}
INVARIANCE = {
    "invariances": CONDITIONS,
    "moments": (),
    "projection_weight": 4000.0,
    "hard_projection": False,
    "n_level_steps": 0,
}
METHODS = {
    "InvNet": lambda **k: InvNetGenerator.light(**INVARIANCE, **SETTINGS, **k),
    "WGAN": lambda **k: WGANGP.light(**SETTINGS, **k),
    "cGAN": lambda **k: ConditionalGAN.light(conditions=CONDITIONS, **SETTINGS, **k),
    "AC-GAN": lambda **k: ACGAN.light(conditions=CONDITIONS, **SETTINGS, **k),
    "residual": lambda **k: ResidualInputGAN.light(conditions=CONDITIONS, **SETTINGS, **k),
}
LOOK_EVERY = 100
GOOD_AREA, GOOD_PLACE = 0.10, 3.0
TOLERANCES = {"raw": np.inf, "corrected": 0.0}
PAPER = {"InvNet": 3000, "AC-GAN": 23_000}


class Ruler:
    """Area and place of circles against what they should be."""

    def __init__(self, images):
        self.descriptors = [ShapeArea().fit(images), ShapeCentroid().fit(images)]

    def targets(self, images):
        """Return the conditions of images by name."""
        return {d.name: d.transform(images) for d in self.descriptors}

    def errors(self, images, area, centroid):
        """Return relative errors of areas and distances in pixels of 128, (n, 2) each."""
        got = self.targets(images)
        shift = (got["centroid"] - centroid).reshape(len(images), 2, -1)
        return np.abs(got["area"] / area - 1), 128 * np.linalg.norm(shift, axis=2)


class Watch:
    """Callback of scikit-learn that notes when images first become acceptable."""

    def __init__(self, ruler, targets):
        self.ruler, self.targets = ruler, targets
        self.count, self.needed = 0, None

    def setup(self, estimator, context):
        """Do nothing at the start of the fit."""

    def teardown(self, estimator, context):
        """Do nothing at its end."""

    def on_fit_task_begin(self, estimator, context):
        """Do nothing at the start of an iteration."""

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):
        """Look at the images now and then."""
        self.count += context.task_name == "iteration"
        due = self.count % LOOK_EVERY == 0 and context.task_name == "iteration"
        if not due or self.needed is not None:
            return
        images = fitted_estimator.sample(len(self.targets["area"]), random_state=0, **self.targets)
        area, place = self.ruler.errors(images, **self.targets)
        if area.mean() < GOOD_AREA and place.mean() < GOOD_PLACE:
            self.needed = self.count


def measure(method, seed, images, held_out, n_iter, n_samples):
    """Train one model and return errors at the fixed targets."""
    torch.set_num_threads(1)
    ruler = Ruler(images)
    targets = ruler.targets(held_out)
    watched = {name: values[5:45] for name, values in targets.items()}
    generator = METHODS[method](n_iter=n_iter, random_state=seed)
    watch = Watch(ruler, watched)
    controlled = method != "WGAN"
    if controlled:
        generator.set_callbacks(watch)
    start = time.perf_counter()
    generator.fit(images)
    seconds = time.perf_counter() - start
    errors, pictures = {}, []
    for kind, tolerance in TOLERANCES.items():
        generator.set_params(target_tol=tolerance)
        area, place = [], []
        for k in range(5):
            wanted = {name: values[k] for name, values in targets.items()}
            given = wanted if controlled else {}
            samples = generator.sample(n_samples, random_state=1, **given)
            error = ruler.errors(samples, **wanted)
            area.append(error[0])
            place.append(error[1])
            pictures.append(samples[0])
        errors[kind] = {"area": np.array(area), "place": np.array(place)}
    print(f"{method} seed {seed}: {seconds:.0f} s", flush=True)
    return {
        "method": method,
        "seed": seed,
        "seconds": seconds,
        "iterations_needed": watch.needed,
        "critic": generator.history_["critic"],
        "errors": errors,
        "pictures": np.array(pictures),
    }


def critic_loss(runs):
    """Return the largest loss of the critics and the mean of its last iterations."""
    losses = np.array([run["critic"] for run in runs])
    return {
        "largest": float(losses.flat[np.abs(losses).argmax()]),
        "last": float(losses[:, -LOOK_EVERY:].mean()),
    }


def summarise(runs):
    """Return one row per method and kind of image."""
    rows = []
    for method in dict.fromkeys(run["method"] for run in runs):
        own = [run for run in runs if run["method"] == method]
        for kind in TOLERANCES:
            row = {
                "method": method,
                "kind": kind,
                "seconds": float(np.mean([run["seconds"] for run in own])),
                "iterations needed": [run["iterations_needed"] for run in own],
                "critic loss": critic_loss(own),
            }
            for name, chosen in (("one target", slice(0, 1)), ("five targets", slice(None))):
                for metric in ("area", "place"):
                    values = np.stack([run["errors"][kind][metric][chosen] for run in own])
                    row[f"{metric}, {name}"] = {
                        "mean": float(values.mean()),
                        "std": float(values.std()),
                        "mean of each seed": values.mean(axis=(1, 2, 3)).tolist(),
                    }
            rows.append(row)
    return rows


def print_rows(rows, n_iter):
    """Print the table."""
    print(f"\n{n_iter} iterations; mean and standard deviation over images, targets and seeds")
    print(
        "method   images      seconds   area error, %    centroid, px of 128   "
        "critic's loss, largest and last   acceptable after"
    )
    for row in rows:
        area, place = row["area, five targets"], row["place, five targets"]
        print(
            f"{row['method']:8s} {row['kind']:10s} {row['seconds']:6.0f}    "
            f"{100 * area['mean']:6.1f} {100 * area['std']:6.1f}    "
            f"{place['mean']:6.2f} {place['std']:6.2f}            "
            f"{row['critic loss']['largest']:10.3g} {row['critic loss']['last']:10.3g}        "
            f"{row['iterations needed']} (paper: {PAPER.get(row['method'], 'never')})"
        )


def draw(runs, held_out, folder, name):
    """Draw targets beside samples of the first seed of each method."""
    from skmicro.plotting import SampleGridDisplay

    first = {run["method"]: run["pictures"][-5:] for run in runs if run["seed"] == 0}
    display = SampleGridDisplay.from_images({"wanted": held_out[:5], **first}, n_columns=5)
    display.figure_.savefig(Path(folder) / f"{name}.png", dpi=80)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--objects", choices=OBJECTS, default="circles")
    parser.add_argument("--side", type=int, default=64, help="pixels of an image's side")
    parser.add_argument("--n-images", type=int, default=8000)
    parser.add_argument("--n-iter", type=int, default=1500)
    parser.add_argument("--n-samples", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--processes", type=int, default=1, help="trainings at a time")
    parser.add_argument("--picture", help="folder for the picture")
    arguments = parser.parse_args()

    shape = (arguments.side, arguments.side)
    make = OBJECTS[arguments.objects]
    images, _ = make(arguments.n_images, shape, random_state=0)
    held_out, _ = make(64, shape, random_state=1)
    runs = Parallel(n_jobs=arguments.processes)(
        delayed(measure)(method, seed, images, held_out, arguments.n_iter, arguments.n_samples)
        for seed in range(arguments.seeds)
        for method in arguments.methods
    )
    rows = summarise(runs)
    print_rows(rows, arguments.n_iter)
    if arguments.picture:
        draw(runs, held_out, arguments.picture, arguments.objects)
    payload = {
        "settings": {k: v for k, v in vars(arguments).items() if k != "picture"},
        "light": SETTINGS,
        "invariance": {k: list(v) if isinstance(v, tuple) else v for k, v in INVARIANCE.items()},
        "rows": rows,
    }
    print("written to", write_results(arguments.objects, payload))


if __name__ == "__main__":
    main()
