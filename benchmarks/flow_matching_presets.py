"""What an iteration of flow matching costs: presets, sizes, two and three dimensions.

Processor seconds of an iteration of ``light()`` and of ``light_3d()``, measured in turns, their
ratio at each size, and the processor minutes of the iterations of the preset. What the images show
does not matter here: they are random.

    python benchmarks/flow_matching_presets.py
    python benchmarks/flow_matching_presets.py --sides 32
"""

import itertools
import time

import numpy as np
from _results import write_results
from _tables import argument_parser, print_rows, read_arguments

from skmicro.generators import FlowMatchingGenerator

SHAPES = {
    "light": [(64, 64), (128, 128), (16, 16, 16), (32, 32, 32)],
    "light_3d": [(16, 16, 16), (32, 32, 32), (64, 64, 64)],
}
N_IMAGES = 16
N_ROUNDS = 3
N_TIMED = 2  # iterations of a round, after one that is not timed
COLUMNS = {
    "shape": ("shape", ""),
    "preset": ("preset", ""),
    "batch_size": ("batch", "d"),
    "seconds": ("CPU s/iteration", ".3f"),
    "ratio": ("light/this", ".1f"),
    "n_iter": ("iterations", "d"),
    "minutes": ("CPU minutes", ".0f"),
}


def measured(shape, seed):
    """Return a row for each preset that is measured at this size."""
    rng = np.random.default_rng(seed)
    images = (rng.random((N_IMAGES, *shape)) < 0.4).astype(np.uint8)
    names = [name for name, shapes in SHAPES.items() if shape in shapes]
    presets = {name: getattr(FlowMatchingGenerator, name) for name in names}
    found = {name: [] for name in names}
    for _, name in itertools.product(range(N_ROUNDS), names):
        found[name] += seconds_of_iterations(presets[name], images, seed)
    seconds = {name: float(np.median(times)) for name, times in found.items()}
    return [
        {
            "shape": " x ".join(map(str, shape)),
            "preset": name,
            "batch_size": preset().batch_size,
            "seconds": seconds[name],
            "ratio": seconds["light"] / seconds[name] if "light" in names else None,
            "n_iter": preset().n_iter,
            "minutes": seconds[name] * preset().n_iter / 60,
        }
        for name, preset in presets.items()
    ]


def seconds_of_iterations(preset, images, seed):
    """Return the processor's seconds of each of a few iterations."""
    ticks = []
    callbacks = [lambda iteration, history: ticks.append(time.process_time())]
    settings = {"periodic": True, "device": "cpu", "random_state": seed}
    preset(n_iter=1 + N_TIMED, callbacks=callbacks, **settings).fit(images)
    return np.diff(ticks).tolist()


def main():
    """Measure all sizes, or those with the sides asked for."""
    parser = argument_parser(__doc__, n_samples=0)
    parser.add_argument("--sides", type=int, nargs="+", help="sizes to measure; all by default")
    arguments = read_arguments(parser)
    shapes = dict.fromkeys(itertools.chain(*SHAPES.values()))
    rows = []
    for shape in shapes:
        if not arguments.sides or shape[0] in arguments.sides:
            rows += measured(shape, arguments.seed)
    print_rows(rows, COLUMNS)
    print("written to", write_results("flow_matching_presets", {"rows": rows}))


if __name__ == "__main__":
    main()
