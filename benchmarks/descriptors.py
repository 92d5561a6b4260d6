"""Speed and memory of the radial two-point correlation against a bare FFT and bincount.

The reference is what one would write by hand with SciPy: rfftn, power spectrum, irfftn
and np.bincount over a precomputed bin index, in single precision. Ours is timed twice:
the differentiable function on tensors, and ``TwoPointCorrelation.transform`` on label
images (validation and one-hot encoding included). All three run on one thread, in turn,
on the same images, with their bin tables in place; the values are medians and ratios of
medians. Peak memory is the growth of a fresh process, the volume itself included, in
units of the volume in single precision.

Run ``python benchmarks/descriptors.py``; it takes about a minute.
"""

import argparse
import math
import multiprocessing
import resource
import sys
import time

import numpy as np
import scipy.fft
import torch
from _results import write_results

from skmicro.descriptors import TwoPointCorrelation
from skmicro.descriptors._kernels import radial_correlation

CASES = ((100, 64, 64), (10, 512, 512), (1, 128, 128, 128))
MEMORY_SHAPE = (1, 256, 256, 256)
SEED = 0


def bare_radial(shape):
    """Return the function to beat, (n, *shape) -> (n, n_bins), its bins precomputed."""
    folded = [np.minimum(np.arange(side), side - np.arange(side)) for side in shape]
    squared = sum(lags**2 for lags in np.meshgrid(*folded, indexing="ij"))
    max_lag = min(shape) // 2
    index = np.minimum(np.floor(np.sqrt(squared) + 0.5), max_lag + 1).astype(np.intp).ravel()
    scale = np.bincount(index)[: max_lag + 1] * math.prod(shape)
    axes = tuple(range(1, len(shape) + 1))

    def radial(images):
        spectrum = scipy.fft.rfftn(images, axes=axes)
        power = spectrum.real**2 + spectrum.imag**2
        maps = scipy.fft.irfftn(power, s=shape, axes=axes, overwrite_x=True)
        curves = [np.bincount(index, weights=values.ravel())[: max_lag + 1] for values in maps]
        return np.stack(curves) / scale

    return radial


def measure_time(shape, budget=6.0):
    """Time one case, the contestants taking turns for ``budget`` seconds."""
    labels = (np.random.default_rng(SEED).random(shape) < 0.4).astype(np.uint8)
    fields = labels.astype(np.float32)
    tensor = torch.from_numpy(fields)
    descriptor = TwoPointCorrelation(periodic=True).fit(labels)
    bare = bare_radial(shape[1:])
    runs = {
        "bare": lambda: bare(fields),
        "function": lambda: radial_correlation(tensor),
        "transform": lambda: descriptor.transform(labels),
    }
    error = max(np.abs(np.asarray(run()) - runs["bare"]()).max() for run in runs.values())
    seconds = {name: [] for name in runs}
    end = time.perf_counter() + budget
    while time.perf_counter() < end:
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    median = {name: float(np.median(values)) for name, values in seconds.items()}
    return {
        "case": " x ".join(map(str, shape)),
        "seconds": median,
        "ratio": {name: median[name] / median["bare"] for name in ("function", "transform")},
        "repeats": len(seconds["bare"]),
        "largest_difference": float(error),
    }


def _peak_factor(kind, connection):
    torch.set_num_threads(1)
    labels = np.zeros((1, *[8] * (len(MEMORY_SHAPE) - 1)), np.uint8)
    labels[:, :4] = 1
    TwoPointCorrelation(periodic=True).fit_transform(labels)
    before = _peak_bytes()
    values = np.random.default_rng(SEED).integers(0, 2, MEMORY_SHAPE, dtype=np.uint8)
    if kind == "transform":
        TwoPointCorrelation(periodic=True).fit_transform(values)
    else:
        values = values.astype(np.float32)
        if kind == "bare":
            bare_radial(MEMORY_SHAPE[1:])(values)
        else:
            radial_correlation(torch.from_numpy(values))
    connection.send((_peak_bytes() - before) / (4 * math.prod(MEMORY_SHAPE)))


def _peak_bytes():
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def measure_memory(kind):
    """Return the peak memory of one contestant in a process of its own."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_peak_factor, args=(kind, sender))
    process.start()
    factor = receiver.recv()
    process.join()
    return factor


def main():
    """Measure, print the tables and write the results."""
    argparse.ArgumentParser(description=__doc__.split("\n\n")[0]).parse_args()
    torch.set_num_threads(1)
    rows = [measure_time(shape) for shape in CASES]
    print(
        f"{'periodic radial S2':<22}{'bare ms':>9}{'function':>10}{'ratio':>7}"
        f"{'transform':>11}{'ratio':>7}"
    )
    for row in rows:
        ms = {name: 1e3 * value for name, value in row["seconds"].items()}
        print(
            f"{row['case']:<22}{ms['bare']:>9.2f}{ms['function']:>10.2f}"
            f"{row['ratio']['function']:>7.2f}{ms['transform']:>11.2f}"
            f"{row['ratio']['transform']:>7.2f}"
        )
    memory = {kind: measure_memory(kind) for kind in ("bare", "function", "transform")}
    print(
        f"peak memory of {' x '.join(map(str, MEMORY_SHAPE))}, in float32 volumes: "
        + ", ".join(f"{kind} {factor:.2f}" for kind, factor in memory.items())
    )
    write_results(
        "descriptors", {"threads": 1, "seed": SEED, "time": rows, "peak_memory_in_volumes": memory}
    )


if __name__ == "__main__":
    main()
