"""Reading of NRRD: pynrrd reads the header, and the numbers are those that it says."""

import numpy as np

from ._blocks import check_block, native, unpacked
from ._found import Found
from ._memory import Limit
from ._optional import import_optional
from ._units import named_unit

SIZES = {"char": 1, "short": 2, "int": 4, "long long": 8}
TYPES = {"float": "f4", "double": "f8"}
for word, size in SIZES.items():
    bits = f"int{8 * size}"
    signed = (word, f"{word} int", f"signed {word}", f"signed {word} int", bits, f"{bits}_t")
    TYPES |= dict.fromkeys(signed, f"i{size}")
    unsigned = (f"unsigned {word}", f"unsigned {word} int", f"u{word}", f"u{bits}", f"u{bits}_t")
    TYPES |= dict.fromkeys(unsigned, f"u{size}")
PACKINGS = {"raw": None, "gzip": "zlib", "gz": "zlib", "bzip2": "bzip2", "bz2": "bzip2"}
IN_SPACE = ("domain", "space", "time", "???", "none", "")


def read_nrrd(path, max_expansion):
    """Return the image of a file, and the place of its voxels."""
    nrrd = import_optional("nrrd")
    with open(path, "rb") as file:
        header = nrrd.read_header(file)
        start = file.tell()
    sides = [int(side) for side in header["sizes"]]
    shape = tuple(sides[::-1])
    kind = header["type"].lower()
    if kind not in TYPES:
        raise ValueError(f"its header says type {header['type']}, needed are numbers.")
    order = ">" if header.get("endian", "little").lower() == "big" else "<"
    dtype = np.dtype(TYPES[kind]).newbyteorder(order)
    limit = Limit(_data_file(path, header), max_expansion)
    n_bytes = check_block(dtype, shape, limit)
    encoding = header["encoding"].lower()
    if encoding in PACKINGS:
        limit.check(n_bytes + _byte_skip(header))
        content = _content(path, header, start, n_bytes, PACKINGS[encoding])
        if len(content) < n_bytes:
            raise ValueError(f"its header says {n_bytes} bytes, it has {len(content)}.")
        array = np.frombuffer(content, dtype, n_bytes // dtype.itemsize).copy()
    elif encoding in ("ascii", "text", "txt"):
        values = _data_file(path, header).read_bytes()[_start(header, start) :].split()
        array = np.array(values, dtype)
    else:
        raise ValueError(f"its numbers are encoded as {encoding}, needed is raw, gzip or ascii.")
    return _placed(native(array.reshape(shape)), header)


def _data_file(path, header):
    name = header.get("data file", header.get("datafile"))
    if name is None:
        return path
    folder = path.parent.resolve()
    other = (folder / name).resolve() if len(str(name).split()) == 1 else folder
    if folder not in other.parents or not other.is_file():
        raise ValueError(f"its numbers are in {name}, needed is one file beside it.")
    return other


def _start(header, start):
    return 0 if "data file" in header or "datafile" in header else start


def _byte_skip(header):
    return int(header.get("byte skip", header.get("byteskip", 0)))


def _content(path, header, start, n_bytes, packing):
    content = _data_file(path, header).read_bytes()[_start(header, start) :]
    for _ in range(int(header.get("line skip", header.get("lineskip", 0)))):
        content = content[content.index(b"\n") + 1 :]
    skip = _byte_skip(header)
    if packing is None:
        return content[-n_bytes:] if skip == -1 else content[skip : skip + n_bytes]
    return unpacked(content, packing, skip + n_bytes)[skip:]


def _placed(array, header):
    """Return what was found; a place of NRRD is that of the centre of the first voxel."""
    kinds = [kind.lower() for kind in header.get("kinds", [])][::-1]
    apart = [axis for axis, kind in enumerate(kinds) if kind not in IN_SPACE]
    flat = [axis for axis in apart if kinds[axis] != "list"]
    if any(array.shape[axis] > 1 for axis in flat):
        raise ValueError(f"images must have one channel, got axes of the kinds {kinds}.")
    directions = header.get("space directions")
    corner = None
    if directions is not None:
        rows = [np.full(1, np.nan) if row is None else np.asarray(row) for row in directions]
        steps = [float(np.linalg.norm(row)) for row in rows]
        if "space origin" in header:
            half = sum(row for row in rows if not np.isnan(row).any()) / 2
            corner = np.asarray(header["space origin"], float) - half
    else:
        steps = [float(step) for step in header.get("spacings", [np.nan] * array.ndim)]
    spacing = tuple(None if np.isnan(step) else step for step in steps[::-1])
    origin = None
    if corner is not None:
        places = iter(corner[::-1])
        origin = tuple(None if step is None else float(next(places)) for step in spacing)
    units = {named_unit(name) for name in header.get("space units", header.get("units", []))} - {
        None
    }
    if len(units) > 1:
        raise ValueError(f"its axes have lengths of several units, {sorted(units)}.")
    known = any(step is not None for step in spacing)
    unit = units.pop() if units else None
    return Found(array, spacing if known else None, origin, unit, volumetric=True).without(flat)
