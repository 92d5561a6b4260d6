"""Memory of a training on windows of a scan that is larger than memory.

The scan is a NumPy file of ``--side`` voxels a side that is written sparsely: zeros but for a few
layers. A process of its own reads it as a memory map, trains on windows of 32^3 for a few
iterations, cuts patches and transforms them. *Anonymous* memory is what cannot be given
back to the file (RssAnon of /proc); its growth is measured from before the training to the largest
value seen during it.

    python benchmarks/large_scan.py --side 500 1000 2000
"""

import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np
from _results import write_results
from _tables import argument_parser, print_rows, read_arguments

import skmicro
from skmicro.generators import FlowMatchingGenerator

WINDOW, MEGABYTE, TICK = (32, 32, 32), 2**20, 0.05
COLUMNS = {
    "side": ("side", "d"),
    "file": ("voxels, MB", ".0f"),
    "growth": ("growth, MB", ".0f"),
    "seconds": ("CPU s", ".0f"),
}


def anonymous():
    """Return the anonymous memory of this process in bytes."""
    (line,) = [
        line for line in Path("/proc/self/status").read_text().splitlines() if "RssAnon" in line
    ]
    return int(line.split()[1]) * 1024


def measure(path):
    """Train on a scan, and print growth of memory and seconds."""
    scan = np.load(path, mmap_mode="r")
    # What the first training of a process loads is no matter of the scan.
    made = FlowMatchingGenerator(crop_shape=WINDOW, width=16, n_iter=3, batch_size=4, device="cpu")
    small = np.array(scan[:64, :64, :64])
    made.fit(small[None]).transform(skmicro.extract_patches(small, WINDOW, 16, random_state=0))
    before, largest, done = anonymous(), [anonymous()], threading.Event()

    def watch():
        while not done.wait(TICK):
            largest[0] = max(largest[0], anonymous())

    watcher = threading.Thread(target=watch)
    watcher.start()
    start = time.process_time()
    generator = made.fit(scan[None])
    patches = skmicro.extract_patches(scan, WINDOW, 16, method="latin-hypercube", random_state=0)
    generator.transform(patches)
    seconds = time.process_time() - start
    done.set()
    watcher.join()
    print(json.dumps({"growth": (largest[0] - before) / MEGABYTE, "seconds": seconds}))


def row_of(side):
    """Write a scan and measure in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/scan.npy"
        scan = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(side,) * 3)
        scan[:: max(1, side // 8)] = 1
        scan.flush()
        command = [sys.executable, __file__, "--measure", path]
        told = subprocess.run(command, check=True, capture_output=True, text=True)
    return {"side": side, "file": side**3 / MEGABYTE, **json.loads(told.stdout.splitlines()[-1])}


def main():
    """Measure each size and write the results."""
    parser = argument_parser(__doc__, n_samples=0)
    parser.add_argument("--side", type=int, nargs="+", default=[500, 1000, 2000])
    parser.add_argument("--measure", metavar="FILE", help="used by the script itself")
    arguments = read_arguments(parser)
    if arguments.measure:
        measure(arguments.measure)
        return
    rows = [row_of(side) for side in arguments.side]
    print_rows(rows, COLUMNS)
    print("written to", write_results("large_scan", {"rows": rows}))


if __name__ == "__main__":
    main()
