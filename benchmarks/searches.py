"""What the search for the latents of images costs, and how near it comes.

Generators without an encoder are trained, and find the latents of images of the kind that they
were trained on, which they have not seen: one, sixteen and sixty-five. Processor's times of one
thread are medians of repeats in turn, with those of an older checkout if there is a baseline, which
searches the latents of the same images of the same trained generators. The residual is the mean
square difference of the channels, and "voxels" the share of them that the reconstruction misses.

    git worktree add ../older REVISION
    python benchmarks/searches.py --baseline ../older
"""

import argparse
import json
import sys
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import torch

import skmicro
from skmicro.datasets import make_cahn_hilliard

NUMBERS = (1, 16, 65)
MIXTURES = (0.25, 0.75)


def images_of(n, side, seed):
    """Return images of many volume fractions."""
    images, _ = make_cahn_hilliard(n, (side, side), volume_fraction=MIXTURES, random_state=seed)
    return images


def serve(path):
    """Find latents of a generator in a file, as lines of JSON ask for them."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    generator = skmicro.load(path)
    unseen = images_of(max(NUMBERS), generator.image_shape_[0], 1000)
    for line in sys.stdin:
        wanted = json.loads(line)
        start = time.process_time()
        latents = generator.transform(unseen[: wanted["n"]])
        seconds = time.process_time() - start
        if wanted["path"]:
            np.save(wanted["path"], latents)
        print(seconds, flush=True)


def seconds_of(build, n):
    """Return the processor's time of a search, whose latents are thrown away."""
    return build.ask({"n": n, "path": None})


def found_by(build, n, folder):
    """Return the latents that a build finds."""
    path = Path(folder) / "latents.npy"
    build.ask({"n": n, "path": str(path)})
    return np.load(path)


def residuals(generator, images, latents):
    """Return mean square differences of channels, and the share of voxels that differ."""
    model = generator._model()
    with torch.no_grad():
        channels = model.generate(*model.tensor(latents).tensor_split([model.n_latent], dim=1))
    wanted = model.encoder.encode(images, model.device, model.dtype)
    differ = generator.inverse_transform(latents) != images
    return float((channels - wanted).square().mean()), float(differ.mean())


def measured(name, seed, arguments):
    """Return a row for each build and number of images."""
    from _builds import builds_of
    from _quality import interleaved_medians

    side = arguments.side
    settings = {"n_iter": arguments.n_iter, "device": "cpu", "random_state": seed}
    generator = getattr(skmicro.generators, name).light(**settings)
    generator.fit(images_of(512, side, seed))
    unseen, rows = images_of(max(NUMBERS), side, 1000), {}
    with builds_of(__file__, generator, arguments.baseline) as (folder, builds):
        for build, server in builds.items():
            latents = found_by(server, max(NUMBERS), folder)
            residual, voxels = residuals(generator, unseen, latents)
            rows |= {(build, n): {"residual": residual, "voxels": voxels} for n in NUMBERS}
        ask = {(build, n): partial(seconds_of, builds[build], n) for build, n in rows}
        times = interleaved_medians(ask, arguments.n_repeats)
    return [
        {"generator": name, "build": build, "n_images": n, "seed": seed}
        | {"milliseconds": 1000 * seconds, "to_this": seconds / times["this", n]}
        | rows[build, n]
        for (build, n), seconds in times.items()
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("generators", nargs="*", default=["WGANGP", "InvNetGenerator"])
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--side", type=int, default=16)
    parser.add_argument("--n-iter", type=int, default=100, help="iterations of training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--n-repeats", type=int, default=2)
    parser.add_argument("--baseline", type=Path, help="an older checkout to compare with")
    arguments = parser.parse_args()
    if arguments.serve:
        return serve(arguments.serve)
    from _results import write_results
    from _tables import print_rows

    torch.set_num_threads(1)
    columns = {
        "generator": ("", ""),
        "build": ("", ""),
        "n_images": ("images", "d"),
        "seed": ("seed", "d"),
        "milliseconds": ("ms", ".0f"),
        "to_this": ("over this build", ".2f"),
        "residual": ("residual of all", ".4f"),
        "voxels": ("voxels", ".2%"),
    }
    rows = []
    for seed in arguments.seeds:
        for name in arguments.generators:
            rows += measured(name, seed, arguments)
            print_rows(rows[-2 * len(NUMBERS) :], columns)
    settings = vars(arguments) | {"baseline": bool(arguments.baseline)}
    del settings["serve"]
    path = write_results(f"searches_{arguments.side}", settings | {"rows": rows})
    print("written to", path)


if __name__ == "__main__":
    main()
