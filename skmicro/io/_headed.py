"""Writing of numbers behind a header in words: MetaImage, NRRD, and none at all."""

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


def write_metaimage(path, images, place, key=None):
    """Write a set of one image as MetaImage with its numbers in the same file."""
    array, steps, corner = _single(".mha", images, place)
    if place.unit not in (None, *METAIMAGE_UNITS):
        raise ValueError(
            f"unit must be one of {METAIMAGE_UNITS} or None for .mha, got {place.unit!r}."
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
        "ElementDataFile": "LOCAL",
    }
    _write(path, "".join(f"{name} = {value}\n" for name, value in lines.items()), array)


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


def _write(path, header, array):
    with atomic_path(path) as temporary, PlainFile(temporary) as file:
        file.write(header.encode())
        file.write(array.data)
