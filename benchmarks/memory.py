"""Anonymous memory of calls, beyond their input and output, for many images and for one volume.

Every case runs in a process of its own, which first makes the same call with a few images, so
that libraries are loaded and thread pools there. Images lie in a memory map, whose pages are not
anonymous memory. What is measured is the largest RssAnon of /proc/self/status during the call,
less what was there before it and less the size of what it returns (of ``fit``: the size of the
estimator as a pickle). Freed memory goes back to the system before (``malloc_trim``), so that none
of an earlier call is used anew unseen. ``evaluate`` has n training images, and 256 each to evaluate
and to compare with.

    python benchmarks/memory.py --numbers 10000 100000 1000000 --side 0   # memory_images.json
    python benchmarks/memory.py --numbers --side 512                      # memory_volumes.json
    python benchmarks/memory.py --numbers 200000 --side 0 --baseline OLDER_CHECKOUT

With a baseline the same cases run with an older revision as well, and the ratio is printed
(memory_baseline.json). Rows are written as they come, in place of earlier ones of the same case, so
that ``--cases`` and ``--descriptors`` renew some of them.
"""

import argparse
import ctypes
import gc
import json
import os
import pickle
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from _results import RESULTS, write_results

SIDE = 16
FEW = 256
PERIOD = 0.001  # seconds between two looks at the memory
HERE = Path(__file__).resolve().parent
CASES = (
    "transform p2", "fit GaussianRandomField", "fit VAE", "score", "transform VAE", "sample VAE",
    "sample GaussianRandomField", "evaluate",
)  # fmt: skip


def anonymous():
    """Return the anonymous memory of this process in bytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status has no line RssAnon.")


def measured(call):
    """Return what a call returns, and the largest memory during it beyond that before, in bytes."""
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    before, largest, done = anonymous(), [0], threading.Event()

    def watch():
        while not done.is_set():
            largest[0] = max(largest[0], anonymous())
            time.sleep(PERIOD)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        result = call()
    finally:
        largest[0] = max(largest[0], anonymous())
        done.set()
        watcher.join()
    return result, largest[0] - before


def generator_of(name):
    """Return an unfitted generator; networks are small, and train for one iteration."""
    from skmicro import generators

    if name == "VAE":
        return generators.VAE.light(n_iter=1, random_state=0, device="cpu")
    return getattr(generators, name)(random_state=0)


def case_of(name, images):
    """Return the call that a case measures, a function of how many images it takes."""
    from skmicro.descriptors import TwoPointCorrelation
    from skmicro.evaluation import evaluate

    kind, _, what = name.partition(" ")
    few = np.array(images[:FEW])
    if name == "transform p2":
        descriptor = TwoPointCorrelation(periodic=True).fit(few)
        return lambda n: descriptor.transform(images[:n])
    if kind == "fit":
        return lambda n: generator_of(what).fit(images[:n])
    generator = generator_of(what or "GaussianRandomField").fit(few)
    if kind == "transform":
        return lambda n: generator.transform(images[:n])
    if kind == "sample":
        return lambda n: generator.sample(n, random_state=0)
    if kind == "score":
        return lambda n: generator.score(images[:n])
    return lambda n: evaluate(
        generator, images[:n], few, n_samples=FEW, random_state=0, n_bootstrap=20
    )


def bytes_of(result):
    """Return the size of what a call returned."""
    return result.nbytes if isinstance(result, np.ndarray) else len(pickle.dumps(result))


def run_case(name, path, n):
    """Return MB beyond input and output, and MB of output, of one case in this process."""
    call = case_of(name, np.load(path, mmap_mode="r"))
    call(2 * FEW)
    start = time.perf_counter()
    result, extra = measured(lambda: call(n))
    seconds = time.perf_counter() - start
    size = bytes_of(result)
    return {"extra_mb": (extra - size) / 2**20, "output_mb": size / 2**20, "seconds": seconds}


def run_descriptor(name, path):
    """Return bytes per voxel that a descriptor takes of one volume, in this process."""
    from skmicro import descriptors

    volume = np.load(path, mmap_mode="r")
    descriptor = getattr(descriptors, name)().fit(volume)
    small = np.array(volume[:, :16, :16, :16])
    getattr(descriptors, name)().fit_transform(small)
    start = time.perf_counter()
    result, extra = measured(lambda: descriptor.transform(volume))
    return {
        "bytes_per_voxel": (extra - result.nbytes) / volume.size,
        "seconds": time.perf_counter() - start,
    }


def in_process(checkout, *arguments):
    """Return what this script prints for one case with the library of a checkout."""
    environment = os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--only", *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{arguments} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def write_images(path, n):
    """Write n images of two phases, block by block."""
    images = np.lib.format.open_memmap(path, "w+", np.uint8, (n, SIDE, SIDE))
    rng = np.random.default_rng(0)
    for start in range(0, n, 4096):
        part = images[start : start + 4096]
        noise = rng.standard_normal(part.shape, dtype=np.float32)
        noise = sum(np.roll(noise, k, axis) for k in range(3) for axis in (1, 2))
        part[:] = noise > 0.0
    images.flush()


def write_volume(path, side):
    """Write one volume of two phases whose domains are some voxels wide, layer by layer."""
    volume = np.lib.format.open_memmap(path, "w+", np.uint8, (1, side, side, side))
    x = np.arange(side) * (2 * np.pi / 16)
    for layer, z in zip(volume[0], x, strict=True):  # a gyroid
        waves = np.sin(z) * np.cos(x)[:, None] + np.sin(x)[:, None] * np.cos(x)
        layer[:] = waves + np.sin(x) * np.cos(z) > 0.0
    volume.flush()


def descriptor_names():
    """Return the names of the descriptors that ``skmicro.descriptors`` offers."""
    from skmicro import descriptors
    from skmicro.utils import all_estimators

    return [name for name, _ in all_estimators() if hasattr(descriptors, name)]


def add_row(name, row, keys):
    """Write a row to a file of results, in place of one that agrees in some keys."""
    path, rows = RESULTS / f"{name}.json", []
    if path.exists():
        rows = json.loads(path.read_text())["rows"]
    rows = [known for known in rows if any(known[key] != row[key] for key in keys)]
    write_results(name, {"seed": 0, "rows": [*rows, row]})


def many_images(numbers, cases, baseline, folder):
    """Print and write the rows of the cases of many images."""
    results = "memory_baseline" if baseline else "memory_images"
    for n in numbers:
        path = folder / "images.npy"
        write_images(path, n)
        for name in cases:
            row = {"case": name, "n": n} | in_process(HERE.parent, "case", name, path, n)
            if baseline:
                older = in_process(baseline, "case", name, path, n)
                row["baseline_mb"] = older["extra_mb"]
                # Less than 1 MB is not resolved: the ratio is then a lower bound.
                row["ratio"] = older["extra_mb"] / max(row["extra_mb"], 1.0)
            add_row(results, row, ("case", "n"))
            numbers_of = {k: round(v, 1) for k, v in row.items() if isinstance(v, float)}
            print(f"{name:28} n={n:<8} {numbers_of}", flush=True)
        path.unlink()


def one_volume(side, names, folder):
    """Print and write the rows of the descriptors of one volume."""
    path = folder / "volume.npy"
    write_volume(path, side)
    for name in names or descriptor_names():
        row = {"descriptor": name, "side": side} | in_process(HERE.parent, "volume", name, path)
        add_row("memory_volumes", row, ("descriptor", "side"))
        said = f"{row['bytes_per_voxel']:6.1f} bytes per voxel, {row['seconds']:.1f} s"
        print(f"{name:28} {said}", flush=True)
    path.unlink()


def main():
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--numbers", type=int, nargs="*", default=[10_000, 100_000])
    parser.add_argument("--side", type=int, default=128, help="of the volume; 0 leaves it out")
    parser.add_argument("--cases", nargs="*", default=CASES)
    parser.add_argument("--descriptors", nargs="*", help="of the volume; all if left out")
    parser.add_argument("--baseline", type=Path)
    parser.add_argument("--only", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only:
        kind, name, path, *n = options.only
        result = run_case(name, path, int(*n)) if kind == "case" else run_descriptor(name, path)
        print(json.dumps(result))
        return
    with tempfile.TemporaryDirectory() as folder:
        many_images(options.numbers, options.cases, options.baseline, Path(folder))
        if options.side:
            one_volume(options.side, options.descriptors, Path(folder))


if __name__ == "__main__":
    main()
