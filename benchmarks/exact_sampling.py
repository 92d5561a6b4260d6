"""What exact and corrected volume fractions cost, and what they do to the images.

A generator with p1 as a condition is trained, and makes images at several p1: as the network makes
them ("free", ``target_tol=inf``), as ``sample`` returns them ("sample"), and with ``exact=True``.
Processor's times of one thread are medians of repeats in turn, as ratios to free sampling. With
``--baseline`` an older checkout makes the same images of the same trained generator, its repeats in
turn with those of this one. Images are compared to the 200 of the held-out images nearest in p1.

    python benchmarks/exact_sampling.py flow invnet --side 32 --baseline ../older
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

TARGETS = (0.3, 0.4, 0.5, 0.6, 0.7)
MIXTURES = (0.25, 0.75)
KINDS = {
    "free": {"target_tol": float("inf")},
    "sample": {"target_tol": 0.01},
    "exact": {"target_tol": 0.01, "exact": True},
}


def make_images(generator, kind, n_samples):
    """Return images of every target, and the processor's time."""
    options = dict(KINDS[kind])
    generator.set_params(target_tol=options.pop("target_tol"))
    start = time.process_time()
    stacks = [generator.sample(n_samples, p1=p, random_state=1, **options) for p in TARGETS]
    return np.stack(stacks), time.process_time() - start


def serve(path):
    """Make images of a generator in a file, as lines of JSON ask for them."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    generator = skmicro.load(path)
    for line in sys.stdin:
        wanted = json.loads(line)
        stacks, seconds = make_images(generator, wanted["kind"], wanted["n_samples"])
        if wanted["path"]:
            np.save(wanted["path"], stacks)
        print(seconds, flush=True)


def seconds_of(build, kind, n_samples):
    """Return the processor's time of images, which are thrown away."""
    return build.ask({"kind": kind, "n_samples": n_samples, "path": None})


def made_by(build, kind, n_samples, folder):
    """Return images of every target."""
    path = Path(folder) / "images.npy"
    build.ask({"kind": kind, "n_samples": n_samples, "path": str(path)})
    return np.load(path)


def measured(name, seed, held_out, arguments):
    """Return a row of metrics for each build and kind."""
    from _builds import builds_of
    from _quality import interleaved_medians, quality, reference
    from _tables import HOMOGENEOUS

    from skmicro.datasets import make_cahn_hilliard
    from skmicro.generators import FlowMatchingGenerator, InvNetGenerator

    shape = (arguments.side, arguments.side)
    images, _ = make_cahn_hilliard(1024, shape, volume_fraction=MIXTURES, random_state=seed)
    settings = {"periodic": True, "symmetries": HOMOGENEOUS, "device": "cpu", "random_state": seed}
    if arguments.n_iter:
        settings["n_iter"] = arguments.n_iter
    kinds = {"flow": FlowMatchingGenerator, "invnet": InvNetGenerator}
    generator, known = kinds[name].light(**settings).fit(images), reference(held_out, TARGETS)
    with builds_of(__file__, generator, arguments.baseline) as (folder, builds):
        rows = {
            (build, kind): quality(made_by(server, kind, arguments.n_samples, folder), known)
            for build, server in builds.items()
            for kind in KINDS
        }
        ask = {(b, k): partial(seconds_of, builds[b], k, arguments.n_timed) for b, k in rows}
        times = interleaved_medians(ask, arguments.n_repeats)
    n_timed = arguments.n_timed * len(TARGETS)
    return [
        {"generator": name, "build": build, "kind": kind, "seed": seed}
        | {"milliseconds": 1000 * seconds / n_timed}
        | {"to_free": seconds / times[build, "free"], "to_this": seconds / times["this", kind]}
        | rows[build, kind]
        for (build, kind), seconds in times.items()
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("generators", nargs="*", default=["flow"], help="flow, invnet")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--n-iter", type=int, help="iterations of the light presets")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--n-samples", type=int, default=128, help="images of each target")
    parser.add_argument("--n-timed", type=int, default=16, help="of these in each repeat")
    parser.add_argument("--n-repeats", type=int, default=5)
    parser.add_argument("--baseline", type=Path, help="an older checkout to compare with")
    arguments = parser.parse_args()
    if arguments.serve:
        return serve(arguments.serve)
    from _quality import QUALITY_COLUMNS
    from _results import write_results
    from _tables import print_rows

    from skmicro.datasets import make_cahn_hilliard

    torch.set_num_threads(1)
    names = ("generator", "build", "kind")
    columns = {name: ("", "") for name in names} | {
        "seed": ("seed", "d"),
        "milliseconds": ("ms/image", ".2f"),
        "to_free": ("over free", ".2f"),
        "to_this": ("over this build", ".2f"),
    }
    side, rows = arguments.side, []
    held_out, _ = make_cahn_hilliard(
        4096, (side, side), volume_fraction=MIXTURES, random_state=1000
    )
    for seed in arguments.seeds:
        for name in arguments.generators:
            rows += measured(name, seed, held_out, arguments)
            print_rows([row for row in rows if row["seed"] == seed], columns | QUALITY_COLUMNS)
            settings = vars(arguments) | {"baseline": bool(arguments.baseline)}
            del settings["serve"]
            path = write_results(f"exact_sampling_{side}", settings | {"rows": rows})
    print("written to", path)


if __name__ == "__main__":
    main()
