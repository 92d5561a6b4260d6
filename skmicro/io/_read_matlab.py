"""Reading of MATLAB files."""

import struct
from functools import partial

import numpy as np
from scipy import io

from ._blocks import check_packed
from ._found import Found
from ._read_hdf5 import read_matlab_hdf5

BYTES = {
    "double": 8, "single": 4, "logical": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2,
    "int32": 4, "uint32": 4, "int64": 8, "uint64": 8,
}  # fmt: skip
HDF5 = b"\x89HDF\r\n\x1a\n"
HEADER = 512
COMPRESSED = 15


def read_matlab(path, key, limit):
    """Return a variable, and a doubt where it has three axes: which one counts slices."""
    with open(path, "rb") as file:
        start = file.read(HEADER + len(HDF5))
    if start[HEADER:] == HDF5 or start.startswith(HDF5):
        array = read_matlab_hdf5(path, key, limit)
    else:
        array = _old(path, key, limit)
    doubt = None
    if array.ndim > 2:
        doubt = (
            f"its array has shape {array.shape}, of which MATLAB has slices last and NumPy first: "
            "say axes='YXN' or 'YXZ' (images or volume V(:, :, k)), or axes='NYX' or 'ZYX'."
        )
    return Found(array, doubt=doubt)


def _old(path, key, limit):
    _check_elements(path, limit)
    found = {name: (shape, kind) for name, shape, kind in io.whosmat(path) if kind in BYTES}
    names = [name for name, (shape, _) in found.items() if min(shape) > 1] or list(found)
    if key is None and len(names) == 1:
        (key,) = names
    if key not in found:
        raise ValueError(f"key must be one of {list(found)}, got {key!r}.")
    shape, kind = found[key]
    limit.check(int(np.prod(shape, dtype=object)) * BYTES[kind])
    array = io.loadmat(path, variable_names=[key])[key]
    return array.astype(bool) if kind == "logical" else array


def _check_elements(path, limit):
    """Raise ValueError if a variable unpacks to more than it may; SciPy trusts its parts."""
    with open(path, "rb") as file:
        head = file.read(128)
        if head[124:] not in (b"\x00\x01IM", b"\x01\x00MI"):
            return  # version 4, in which nothing is compressed
        order = "<" if head.endswith(b"IM") else ">"
        while len(tag := file.read(8)) == 8:
            kind, size = struct.unpack(f"{order}2I", tag)
            start = file.tell()
            if kind == COMPRESSED:
                check_packed(partial(file.read, size), size, "zlib", limit)
            file.seek(start + size)
