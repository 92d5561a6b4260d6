"""What ``evaluate`` sees: reports on planted faults, and false alarms on real images.

Three sets of ``--n-images`` images of phase separation, 64^2 voxels with volume fractions from
0.27 to 0.73, are drawn for every report from ``--pool`` simulated ones: training images, test
images, and those that take the place of generated ones after a fault was planted in them. A report
is flagged if its p-value is below 0.05. Columns: reports, share of them that was flagged (power; of
the rows *real*, false alarms), median p-value, median seconds of a report, and the metrics that
were flagged most often.

For the rows *patches* training and test images are patches of four micrographs each, of 192^2
voxels with a volume fraction of 0.5, so that most of them overlap; the images in the place of
generated ones are of one micrograph each. They are evaluated with the positions of the
patches and without.

    python benchmarks/evaluation_power.py
    python benchmarks/evaluation_power.py --n-images 1000 --pool 6000 --faults 5 \\
        --only "p1 + 0.01" "1 % copies" --output evaluation_power_of_1000
"""

import argparse
import time
import warnings
from collections import Counter

import numpy as np
from _results import write_results
from _tables import print_rows
from scipy import ndimage

from skmicro import extract_patches
from skmicro.datasets import make_cahn_hilliard
from skmicro.evaluation import evaluate
from skmicro.exceptions import OverlapWarning
from skmicro.generators import GaussianRandomField

SIDE = 64
LEVEL = 0.05
COLUMNS = {
    "fault": ("fault", ""),
    "n_reports": ("reports", ""),
    "flagged": ("flagged", ".1%"),
    "median": ("median p", ".3f"),
    "seconds": ("s", ".1f"),
    "rows": ("metrics", ""),
}


def simulated(n, seed, shape=(SIDE, SIDE), fractions=(0.3, 0.7), n_steps=300):
    """Return periodic images of phase separation."""
    options = {"volume_fraction": fractions, "n_steps": n_steps, "random_state": seed, "n_jobs": -1}
    return make_cahn_hilliard(n, shape, **options)[0]


def stretched(images):
    """Return images stretched to 64 voxels along both axes, periodic as before."""
    zoom = (1, *(SIDE / side for side in images.shape[1:]))
    grey = ndimage.zoom(images.astype(float), zoom, order=1, mode="grid-wrap", grid_mode=True)
    return (grey > 0.5).astype(np.uint8)


def middles(images, function):
    """Return the middles of periodic images that were transformed with their repetitions around."""
    found = []
    for image in images:
        whole = function(np.tile(image, (3, 3)).astype(float))
        first = (len(whole) - SIDE) // 2
        found.append(whole[first : first + SIDE, first : first + SIDE] > 0.5)
    return np.array(found, np.uint8)


def turned(image):
    """Return an image turned by 10 degrees."""
    return ndimage.rotate(image, 10, reshape=False, order=1)


def zoomed(image):
    """Return an image zoomed by 10 %."""
    return ndimage.zoom(image, 1.1, order=1)


def dilated(image):
    """Return an image whose phase 1 is dilated by a voxel."""
    return ndimage.grey_dilation(image, footprint=ndimage.generate_binary_structure(2, 1))


def quilts(images, rng):
    """Return images of four quarters of others, each from another place."""
    half = SIDE // 2
    found = np.empty_like(images)
    for image in found:
        for a, b in ((0, 0), (0, half), (half, 0), (half, half)):
            shift = rng.integers(0, SIDE, 2)
            other = np.roll(images[rng.integers(len(images))], shift, (0, 1))
            image[a : a + half, b : b + half] = other[:half, :half]
    return found


def with_copies(images, training, n, rng):
    """Return images of which n are moved copies of training images."""
    found = images.copy()
    for k in rng.choice(len(images), n, replace=False):
        copy = training[rng.integers(len(training))]
        found[k] = np.rot90(np.roll(copy, rng.integers(0, SIDE, 2), (0, 1)), rng.integers(4))
    return found


class Materials:
    """Pools of simulated images, from which the sets of each report are drawn."""

    def __init__(self, n, seed):
        self.n, self.seed, self._pools = n, seed, {}

    def draw(self, rng, n, name="real"):
        """Return n different images of a pool."""
        if name not in self._pools:
            self._pools[name] = self._simulated(name)
        pool = self._pools[name]
        return pool[rng.choice(len(pool), n, replace=False)]

    def _simulated(self, name):
        seed = self.seed + 1 + POOLS.index(name)
        if name == "larger":
            return stretched(simulated(self.n, seed, (58, 58)))
        if name == "stretched":
            return stretched(simulated(self.n, seed, (64, 56)))
        if name == "layers":
            return stretched(simulated(self.n, seed, (64, 32)))
        if name == "micrographs":
            return simulated(self.n // 15, seed, (192, 192), (0.5, 0.5))
        options = {
            "p1 + 0.03": {"fractions": (0.33, 0.73)},
            "p1 + 0.01": {"fractions": (0.31, 0.71)},
            "half spread": {"fractions": (0.4, 0.6)},
            "coarse": {"n_steps": 1500},
        }
        return simulated(self.n, seed, **options.get(name, {}))


POOLS = (
    "real", "p1 + 0.03", "p1 + 0.01", "half spread", "larger", "stretched", "coarse", "layers",
    "micrographs",
)  # fmt: skip


def fault_of(name, materials, training, n, rng):
    """Return images with a fault."""
    real = materials.draw(rng, n)
    if name in POOLS:
        return materials.draw(rng, n, name)
    if name == "random field, equal S2":
        return GaussianRandomField(random_state=rng).fit(training).sample(n)
    return {
        "3 % copies": lambda: with_copies(real, training, -(-3 * n // 100), rng),
        "1 % copies": lambda: with_copies(real, training, n // 100, rng),
        "copies turned by 10 degrees": lambda: middles(training, turned),
        "copies zoomed by 10 %": lambda: middles(training, zoomed),
        "copies dilated by a voxel": lambda: middles(training, dilated),
        "quilts of four quarters": lambda: quilts(training, rng),
        "copies with exchanged phases": lambda: 1 - training,
    }[name]()


FAULTS = (
    "p1 + 0.03", "p1 + 0.01", "half spread", "3 % copies", "copies turned by 10 degrees",
    "copies zoomed by 10 %", "copies dilated by a voxel", "quilts of four quarters", "larger",
    "stretched", "one material of three", "random field, equal S2", "copies with exchanged phases",
)  # fmt: skip


PATCHES = ("real, patches with positions", "real, patches without")


def three_sets(name, materials, n, rng):
    """Return the images to evaluate, training and test images, without one image in two sets."""
    if name == "one material of three":
        third = n // 3
        pools = ("real", "coarse", "layers")
        parts = [materials.draw(rng, 2 * third, pool) for pool in pools]
        training, test = (np.concatenate([p[k * third :][:third] for p in parts]) for k in (0, 1))
        return materials.draw(rng, n), training, test
    training, test, real = np.split(materials.draw(rng, 3 * n), 3)
    return (real if name == "real" else fault_of(name, materials, training, n, rng)), training, test


def patches_of(materials, n, rng):
    """Return crops of n micrographs, patches of few for training and test, and their places."""
    scans = list(materials.draw(rng, n + 8, "micrographs"))
    options = {"random_state": rng, "return_positions": True}
    parts = [extract_patches(scans[k : k + 4], (SIDE, SIDE), n, **options) for k in (n, n + 4)]
    crops = np.array(
        [extract_patches(scan, (SIDE, SIDE), 1, random_state=rng) for scan in scans[:n]]
    )
    (training, first), (test, second) = parts
    return crops[:, 0], training, test, (first, second)


def row_of(name, reports):
    """Return the row of a fault from its reports and their times."""
    found = [report for report, _ in reports]
    flagged = [report.p_value < LEVEL for report in found]
    metrics = Counter(row.name for report in found for row in report.metrics if row.p_value < LEVEL)
    return {
        "fault": name,
        "n_reports": len(found),
        "flagged": float(np.mean(flagged)),
        "median": float(np.median([report.p_value for report in found])),
        "p_values": [report.p_value for report in found],
        "seconds": float(np.median([seconds for _, seconds in reports])),
        "rows": ", ".join(f"{key} {count}" for key, count in metrics.most_common(4)),
    }


def reports_of(name, materials, n, n_reports, seed):
    """Return reports on a fault, each with the seconds that it took."""
    found = []
    for k in range(n_reports):
        rng = np.random.default_rng([seed, k, *name.encode()])
        positions = None
        if name in PATCHES:
            *sets, places = patches_of(materials, n, rng)
            positions = places if name == PATCHES[0] else None
        else:
            sets = three_sets(name, materials, n, rng)
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", OverlapWarning)  # it is what the last row is about
            report = evaluate(*sets, positions=positions, random_state=k, n_bootstrap=20)
        found.append((report, time.perf_counter() - start))
    return found


def main():
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--n-images", type=int, default=120)
    parser.add_argument("--pool", type=int, default=3000, help="simulated images of each material")
    parser.add_argument(
        "--real", type=int, default=200, help="reports on real images, of each kind"
    )
    parser.add_argument("--faults", type=int, default=20, help="reports on each fault")
    parser.add_argument("--only", nargs="+", help="faults to plant")
    parser.add_argument("--output", default="evaluation_power")
    options = parser.parse_args()
    materials = Materials(options.pool, options.seed)
    rows = []
    for name in options.only or ("real", *PATCHES, *FAULTS):
        n_reports = options.real if name.startswith("real") else options.faults
        reports = reports_of(name, materials, options.n_images, n_reports, options.seed)
        rows.append(row_of(name, reports))
        print_rows(rows[-1:], COLUMNS)
        write_results(options.output, vars(options) | {"rows": rows})


if __name__ == "__main__":
    main()
