"""Time and memory of reading a large TIFF stack, beside tifffile alone.

A stack of ``--pages`` pages of 1024 x 1024 bytes, a gigabyte as the default is, is written once
and read in processes of their own, in turn, by ``skmicro.read_images`` and by
``tifffile.imread``. Times are medians; memory is the growth of the largest resident set of the
process while it reads, in sizes of the stack. Labels of two phases, LZW-compressed with ``--lzw``.

    python benchmarks/reading.py
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _results import write_results
from _tables import print_rows

SIDE = 1024
READERS = ("tifffile", "skmicro")
COLUMNS = {
    "reader": ("reader", ""),
    "seconds": ("seconds", ".2f"),
    "to_tifffile": ("to tifffile", ".2f"),
    "memory": ("memory, sizes", ".2f"),
}


def read(reader, path):
    """Read the stack in this process and print seconds and bytes."""
    import tifffile

    import skmicro

    function = tifffile.imread if reader == "tifffile" else skmicro.read_images
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    images = function(path)
    seconds = time.perf_counter() - start
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(seconds, 1024 * grown, images.nbytes)


def main():
    """Write the stack, read it in turn, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--pages", type=int, default=1024)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--lzw", action="store_true")
    parser.add_argument("--only", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        return read(*arguments.only)
    import tifffile

    found = {reader: [] for reader in READERS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stack.tif"
        page = np.random.default_rng(0).integers(0, 2, (SIDE // 8, SIDE // 8), dtype=np.uint8)
        page = np.kron(page, np.ones((8, 8), np.uint8))
        compression = {"compression": "lzw"} if arguments.lzw else {}
        with tifffile.TiffWriter(path) as file:
            for k in range(arguments.pages):
                file.write(np.roll(page, k, axis=0), contiguous=not arguments.lzw, **compression)
        for _ in range(arguments.repeats):
            for reader in READERS:
                command = [sys.executable, __file__, "--only", reader, str(path)]
                answer = subprocess.run(command, capture_output=True, text=True, check=True)
                found[reader].append([float(number) for number in answer.stdout.split()])
    medians = {reader: np.median(rows, axis=0) for reader, rows in found.items()}
    rows = [
        {
            "reader": reader,
            "seconds": float(seconds),
            "to_tifffile": float(seconds / medians["tifffile"][0]),
            "memory": float(grown / size),
        }
        for reader, (seconds, grown, size) in medians.items()
    ]
    print_rows(rows, COLUMNS)
    settings = {"pages": arguments.pages, "repeats": arguments.repeats, "lzw": arguments.lzw}
    print("written to", write_results("reading", settings | {"rows": rows}))
    return None


if __name__ == "__main__":
    main()
