"""Writing of numbers behind a header in words: MetaImage, NRRD, legacy VTK, and none at all."""

import numpy as np

from .._files import PlainFile, atomic_path
from ._found import centre_of
from ._integers import in_smallest_type
from ._placement import check_origin, check_spacing

METAIMAGE_TYPES = {
    "u1": "UCHAR", "i1": "CHAR", "u2": "USHORT", "i2": "SHORT", "u4": "UINT", "i4": "INT",
    "u8": "ULONG_LONG", "i8": "LONG_LONG", "f4": "FLOAT", "f8": "DOUBLE",
}  # fmt: skip
METAIMAGE_UNITS = ("um", "mm", "cm")
# Readers differ in the sign of "char" and in the length of "long".
VTK_TYPES = {
    "u1": "unsigned_char", "i1": "short", "u2": "unsigned_short", "i2": "short",
    "u4": "unsigned_int", "i4": "int", "u8": "vtktypeuint64", "i8": "vtktypeint64",
    "f4": "float", "f8": "double",
}  # fmt: skip


def write_metaimage(path, images, place, key=None):
    """Write a set of one image as MetaImage, the numbers of .mhd in a file .raw beside it."""
    suffix = path.suffix.lower()
    array, steps, corner = _single(suffix, images, place)
    if place.unit not in (None, *METAIMAGE_UNITS):
        raise ValueError(
            f"unit must be one of {METAIMAGE_UNITS} or None for {suffix}, got {place.unit!r}."
        )
    numbers = path.with_suffix(".raw") if suffix == ".mhd" else None
    if numbers is not None and (len(path.name.split()) > 1 or "%" in path.name):
        raise ValueError(
            f"path must have no spaces and no % in the name of a file .mhd, got {path.name!r}."
        )
    lines = {
        "ObjectType": "Image",
        "NDims": array.ndim,
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": "False",
        "CompressedData": "False",
        "Offset": _words(centre_of(corner, steps)),
        "ElementSpacing": _words(steps),
        "DimSize": " ".join(map(str, array.shape[::-1])),
    }
    if place.unit is not None:
        lines["DistanceUnits"] = place.unit
    lines |= {
        "ElementType": f"MET_{METAIMAGE_TYPES[array.dtype.str[1:]]}",
        "ElementDataFile": "LOCAL" if numbers is None else numbers.name,
    }
    header = "".join(f"{name} = {value}\n" for name, value in lines.items())
    if numbers is not None:
        _write(numbers, "", array)
        array = array[:0]
    _write(path, header, array)


def write_nrrd(path, images, place, key=None):
    """Write a set of one image as NRRD, uncompressed."""
    array, steps, corner = _single(".nrrd", images, place)
    kinds = {"u": "uint", "i": "int"}
    kind = kinds.get(array.dtype.kind)
    kind = f"{kind}{8 * array.itemsize}" if kind else {4: "float", 8: "double"}[array.itemsize]
    n_axes = array.ndim
    vectors = [
        "(" + ",".join(repr(step) if k == axis else "0" for k in range(n_axes)) + ")"
        for axis, step in enumerate(steps[::-1])
    ]
    lines = [
        "NRRD0004",
        f"type: {kind}",
        f"dimension: {n_axes}",
        f"space dimension: {n_axes}",
        f"sizes: {' '.join(map(str, array.shape[::-1]))}",
        f"space directions: {' '.join(vectors)}",
        f"kinds: {' '.join(['domain'] * n_axes)}",
        "endian: little",
        "encoding: raw",
        f"space origin: ({','.join(map(repr, centre_of(corner, steps)[::-1]))})",
    ]
    if place.unit is not None:
        quoted = '"' + place.unit.replace('"', "") + '"'
        lines.append("space units: " + " ".join([quoted] * n_axes))
    _write(path, "\n".join(lines) + "\n\n", array)


def write_vtk(path, images, place, key=None):
    """Write a set of one image as structured points of legacy VTK, cell data called "image"."""
    array, steps, corner = _single(".vtk", images, place)
    if place.unit is not None:
        raise ValueError(f"unit must be None for .vtk, which has none, got {place.unit!r}.")
    kind = VTK_TYPES[array.dtype.str[1:]]
    if array.dtype == np.int8:
        array = array.astype(np.int16)
    # Points are the corners of voxels, x first; the last axis of the array is x.
    n_points = [side + 1 for side in (*array.shape[::-1], 1)[:3]]
    header = (
        "# vtk DataFile Version 3.0\nskmicro\nBINARY\nDATASET STRUCTURED_POINTS\n"
        f"DIMENSIONS {' '.join(map(str, n_points))}\n"
        f"ORIGIN {' '.join(map(repr, (*corner[::-1], 0.0)[:3]))}\n"
        f"SPACING {' '.join(map(repr, (*steps[::-1], 1.0)[:3]))}\n"
        f"CELL_DATA {array.size}\nSCALARS image {kind} 1\nLOOKUP_TABLE default\n"
    )
    _write(path, header, array.astype(array.dtype.newbyteorder(">")), b"\n")


def write_raw(path, images, key=None):
    """Write the numbers alone, least significant byte first."""
    _write(path, "", _little(images))


def _single(suffix, images, place):
    """Return the only image of a set in a type that all formats have, with its place."""
    if len(images) > 1:
        hint = "; volume=True makes one volume of three axes" if images.ndim == 3 else ""
        raise ValueError(f"a {suffix} file holds one volume, got {len(images)}{hint}.")
    array = _little(in_smallest_type(images[0]))
    return array, check_spacing(place.spacing, array.ndim), check_origin(place.origin, array.ndim)


def _little(array):
    stored = {"?": np.uint8, "e": np.float32, "g": np.float64}.get(array.dtype.char, array.dtype)
    return np.ascontiguousarray(array, np.dtype(stored).newbyteorder("<"))


def _words(numbers):
    return " ".join(map(repr, numbers[::-1]))


def _write(path, header, array, end=b""):
    with atomic_path(path) as temporary, PlainFile(temporary) as file:
        file.write(header.encode())
        file.write(array.data)
        file.write(end)
