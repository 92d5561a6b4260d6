"""Reading of NPY and NPZ, whose headers are believed as far as the file has content for them."""

import math
import zipfile

import numpy as np
from numpy.lib import format as npy

from ._found import Found

HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
SUFFIX = ".npy"
LONGEST_HEADER = 10_000
"""As NumPy has it, which reads longer ones before it refuses them."""
PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Packings of NPZ that Python unpacks piece by piece."""


def read_numpy(path, key, limit):
    """Return an array of a file; ``key`` names it where there are several."""
    if not zipfile.is_zipfile(path):
        with open(path, "rb") as file:
            return Found(_array(file, path.stat().st_size, limit))
    with zipfile.ZipFile(path) as archive:
        found = {
            member.filename.removesuffix(SUFFIX): member
            for member in archive.infolist()
            if member.filename.endswith(SUFFIX)
        }
        if key is None and len(found) == 1:
            (key,) = found
        if key not in found:
            raise ValueError(f"key must be one of {list(found)}, got {key!r}.")
        if found[key].compress_type not in PLAIN:
            raise ValueError(f"{key!r} is packed in another way than NumPy does.")
        with archive.open(found[key]) as file:
            return Found(_array(file, found[key].file_size, limit))


def _array(file, n_bytes, limit):
    version = npy.read_magic(file)
    if version not in HEADERS:
        raise ValueError(f"version {version} of NPY does not hold images.")
    if version == (2, 0) and (length := int.from_bytes(file.read(4), "little")) > LONGEST_HEADER:
        raise ValueError(f"its header has {length} bytes, more than {LONGEST_HEADER}.")
    file.seek(npy.MAGIC_LEN)
    shape, _, dtype = HEADERS[version](file)
    if not dtype.hasobject:  # objects are refused below
        claimed, there = math.prod(shape) * dtype.itemsize, n_bytes - file.tell()
        if claimed > there:
            raise ValueError(f"its header says {claimed} bytes of shape {shape}, it has {there}.")
        limit.check(claimed)
    file.seek(0)
    return np.load(file, allow_pickle=False)
