"""What the benchmarks of large images share: seams, repeats, time and memory of one image."""

import argparse
import itertools
import json
import os
import resource
import subprocess
import sys
import time

import numpy as np

import skmicro
from skmicro.evaluation import memorisation

MEGABYTE = 2**20
SIZE_COLUMNS = {
    "shape": ("shape", ""),
    "seconds": ("CPU s", ".2f"),
    "peak": ("peak, MB", ".0f"),
    "without": ("before, MB", ".0f"),
}


def seam_ratio(images):
    """Share of neighbours that differ across the borders, over that inside."""
    across, inside = [], []
    for axis in range(1, images.ndim):
        differs = images != np.roll(images, 1, axis)
        across.append(np.take(differs, 0, axis).mean())
        inside.append(np.delete(differs, 0, axis).mean())
    return float(np.mean(across) / np.mean(inside))


def repeats(images, others, shape):
    """Largest correlation of tiles within an image, over that of tiles of different images."""
    tiles, strange = (
        [skmicro.extract_patches(image, shape, method="grid") for image in stack]
        for stack in (images, others)
    )
    own = [memorisation(t[k : k + 1], np.delete(t, k, 0)).max() for t in tiles for k in (0, 5)]
    free = [memorisation(t[:1], s[1:]).max() for s, t in itertools.pairwise(strange)]
    return float(np.mean(own) / np.mean(free))


def cost_of_one(path, shape, method="sample", **parameters):
    """Return seconds and memory of one image of a saved generator, made in a process of its own."""
    command = [sys.executable, __file__, str(path), method, json.dumps(parameters)]
    command += map(str, shape)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    answer = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    return json.loads(answer.stdout)


def peak():
    """Return the largest resident set of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / MEGABYTE


def main():
    """Print seconds and memory of one image as JSON."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("model", help="a saved generator")
    parser.add_argument("method", help="what makes the image")
    parser.add_argument("parameters", type=json.loads, help="of the method, as JSON")
    parser.add_argument("shape", nargs="+", type=int, help="size of the image")
    arguments = parser.parse_args()
    generator, before = skmicro.load(arguments.model), peak()
    shape, start = tuple(arguments.shape), time.process_time()
    make = getattr(generator, arguments.method)
    make(1, shape=shape, random_state=0, **arguments.parameters)
    row = {"shape": " x ".join(map(str, shape)), "seconds": time.process_time() - start}
    print(json.dumps(row | {"peak": peak(), "without": before}))


if __name__ == "__main__":
    main()
