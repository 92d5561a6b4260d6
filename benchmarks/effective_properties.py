"""Effective properties: processor's time and errors, beside an older checkout and TauFactor.

Every case is computed ``--repeats`` times with the default settings, in turn with the checkout at
``--baseline`` (in processes of their own, one thread); medians are compared. Errors are the largest
over all coefficients, as a share of the largest, beside a solution with ``rtol=1e-12``. Structures
are smoothed noise that fills a half. If TauFactor can be imported, the conduction of a phase beside
an insulator is compared with its solvers, with periodic borders and with fixed faces, at the same
share of the coefficient: its ``conv_crit``, our ``rtol``.

    git worktree add ../older REVISION
    python benchmarks/effective_properties.py --baseline ../older
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
from _builds import Build
from _results import write_results
from _tables import print_rows
from scipy import ndimage

from skmicro.properties import EffectiveConductivity, ElasticStiffness

POISSON = (0.3, 0.2)
CASES = {
    "stiffness, contrast 10, 32^3": (ElasticStiffness, (1.0, 10.0), (1, 32, 32, 32)),
    "stiffness, contrast 100, 32^3": (ElasticStiffness, (1.0, 100.0), (1, 32, 32, 32)),
    "stiffness, contrast 1e4, 32^3": (ElasticStiffness, (1.0, 1e4), (1, 32, 32, 32)),
    "stiffness, voids, 32^3": (ElasticStiffness, (0.0, 1.0), (1, 32, 32, 32)),
    "stiffness, contrast 10, 64^3": (ElasticStiffness, (1.0, 10.0), (1, 64, 64, 64)),
    "stiffness, contrast 10, 20 of 64^2": (ElasticStiffness, (1.0, 10.0), (20, 64, 64)),
    "conductivity, contrast 10, 32^3": (EffectiveConductivity, (1.0, 10.0), (1, 32, 32, 32)),
    "conductivity, insulator, 48^3": (EffectiveConductivity, (0.0, 1.0), (1, 48, 48, 48)),
}
PEER_CASE, PEER_ERRORS = "conductivity, insulator, 48^3", (1e-2, 1e-3, 1e-4)
COLUMNS = {
    "case": ("case", ""),
    "seconds": ("CPU s", ".3f"),
    "error": ("error", ".0e"),
    "baseline": ("before", ".3f"),
    "baseline_error": ("error", ".0e"),
    "ratio": ("before / now", ".2f"),
}
PEER_COLUMNS = {
    "error": ("asked for", ".0e"),
    "solver": ("solver", ""),
    "seconds": ("CPU s", ".3f"),
    "value": ("k11", ".5f"),
    "off": ("error", ".0e"),
}


def images_of(shape):
    """Return smoothed noise that fills a half."""
    rng = np.random.default_rng(0)
    fields = ndimage.gaussian_filter(
        rng.normal(size=shape), (0, *[2.0] * (len(shape) - 1)), mode="wrap"
    )
    return np.stack([(field > np.median(field)).astype(np.uint8) for field in fields])


def solver_of(case, **settings):
    """Return the estimator and the images of a case."""
    cls, values, shape = CASES[case]
    if cls is ElasticStiffness:
        phases = {"young": values, "poisson": POISSON}
    else:
        phases = {"conductivity": values}
    return cls(**phases, device="cpu", **settings), images_of(shape)


def serve():
    """Compute the cases whose names come in, a line each; answer with seconds and values."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        solver, images = solver_of(json.loads(line))
        solver.fit(images[:1])
        start = time.process_time()
        values = solver.transform(images)
        print(json.dumps([time.process_time() - start, values.tolist()]), flush=True)


def compared(case, builds, n_repeats):
    """Return the row of a case: this build and, if there is one, the older one."""
    solver, images = solver_of(case, rtol=1e-12, max_iter=5000)
    exact, seconds, errors = solver.fit_transform(images), {}, {}
    for _ in range(n_repeats):
        for name, build in builds.items():
            taken, values = build.ask(case)
            seconds.setdefault(name, []).append(taken)
            errors[name] = float(np.abs(values - exact).max() / exact.max())
    medians = {name: float(np.median(values)) for name, values in seconds.items()}
    row = {"case": case, "seconds": medians["this"], "error": errors["this"]}
    before = medians.get("baseline")
    row |= {"baseline": before, "baseline_error": errors.get("baseline")}
    return row | {"ratio": before and before / medians["this"]}


def timed(compute, n_repeats):
    """Return the median of the processor's seconds, and the last value."""
    seconds = []
    for _ in range(n_repeats):
        start = time.process_time()
        value = compute()
        seconds.append(time.process_time() - start)
    return float(np.median(seconds)), float(value)


def beside_taufactor(n_repeats):
    """Return rows of our solver and of TauFactor's, with both kinds of borders."""
    import taufactor

    (image,) = images_of(CASES[PEER_CASE][2])

    def ours(rtol):
        solver = solver_of(PEER_CASE, rtol=rtol, outputs=["k11"])[0]
        return solver.fit_transform(image[None]).item()

    def peer(kind, criterion):
        solver = getattr(taufactor, kind)(image, device="cpu")
        solver.solve(verbose=False, conv_crit=criterion)
        return np.ravel(solver.D_eff)[0]

    rows = []
    for name, solve in {
        "skmicro, periodic": ours,
        "TauFactor, periodic": partial(peer, "PeriodicSolver"),
        "TauFactor, fixed faces": partial(peer, "Solver"),
    }.items():
        finest = solve(1e-6)
        for asked in PEER_ERRORS:
            seconds, value = timed(partial(solve, asked), n_repeats)
            off = float(abs(value / finest - 1))
            row = {"error": asked, "solver": name, "seconds": seconds, "value": value, "off": off}
            rows.append(row)
    return rows


def main():
    """Compare, print and write the rows."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--baseline", type=Path, metavar="CHECKOUT")
    parser.add_argument("--cases", nargs="+", default=list(CASES), metavar="CASE")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    if arguments.serve:
        serve()
        return
    builds = {"this": Build(Path(__file__).parents[1], __file__, "--serve")}
    if arguments.baseline is not None:
        builds["baseline"] = Build(arguments.baseline.resolve(), __file__, "--serve")
    rows = [compared(case, builds, arguments.repeats) for case in arguments.cases]
    print_rows(rows, COLUMNS)
    payload = {"rows": rows}
    try:
        payload["peer"] = beside_taufactor(arguments.repeats)
    except ImportError:
        print("TauFactor is not installed: pip install taufactor")
    else:
        print_rows(payload["peer"], PEER_COLUMNS)
    print("written to", write_results("effective_properties", payload))


if __name__ == "__main__":
    main()
