"""Reading of MetaImage, of ITK, ImageJ and others: .mha, and .mhd with its file of numbers."""

import numpy as np

from ._blocks import read_block, unpacked_block
from ._found import Found
from ._memory import Limit
from ._units import named_unit

TYPES = {
    "CHAR": "i1", "UCHAR": "u1", "SHORT": "i2", "USHORT": "u2", "INT": "i4", "UINT": "u4",
    "LONG": "i4", "ULONG": "u4", "LONG_LONG": "i8", "ULONG_LONG": "u8", "FLOAT": "f4",
    "DOUBLE": "f8",
}  # fmt: skip
LONGEST_HEADER = 2**16


def read_metaimage(path, max_expansion):
    """Return the image of a file, and the place of its voxels."""
    fields, end = _header(path)
    n_axes = int(fields.get("NDims", 0))
    shape = tuple(int(side) for side in fields.get("DimSize", "").split())[::-1]
    if n_axes not in (2, 3, 4) or len(shape) != n_axes:
        raise ValueError(f"its header says {n_axes} axes and the sides {shape[::-1]}.")
    n_channels = int(fields.get("ElementNumberOfChannels", 1))
    if n_channels != 1:
        raise ValueError(f"images must have one channel, got {n_channels}.")
    kind = fields.get("ElementType", "").removeprefix("MET_")
    if kind not in TYPES:
        raise ValueError(f"its header says ElementType = {fields.get('ElementType')}.")
    big = fields.get("BinaryDataByteOrderMSB", fields.get("ElementByteOrderMSB", "False"))
    dtype = np.dtype(TYPES[kind]).newbyteorder(">" if big.lower() == "true" else "<")
    array = _numbers(path, fields, end, dtype, shape, max_expansion)
    return _placed(array, fields, n_axes)


def _header(path):
    with open(path, "rb") as file:
        text = file.read(LONGEST_HEADER)
    fields, at = {}, 0
    while at < len(text):
        end = text.find(b"\n", at)
        name, equals, value = text[at : end if end >= 0 else len(text)].partition(b"=")
        at = end + 1 if end >= 0 else len(text)
        if not equals:
            raise ValueError("its header is none of MetaImage.")
        fields[name.decode("latin-1").strip()] = value.decode("latin-1").strip()
        if name.strip() == b"ElementDataFile":
            return fields, at
    raise ValueError("its header has no ElementDataFile.")


def _numbers(path, fields, start, dtype, shape, max_expansion):
    name = fields["ElementDataFile"]
    if name.upper() != "LOCAL":
        if len(name.split()) > 1 or name.upper() == "LIST" or "%" in name:
            raise ValueError(f"its numbers are in several files, {name}; read these.")
        folder = path.parent.resolve()
        path = (folder / name).resolve()
        if folder not in path.parents or not path.is_file():
            raise ValueError(f"its numbers are in {name}, which is not beside it.")
        start = int(fields.get("HeaderSize", 0))
        if start < 0:
            start = path.stat().st_size - dtype.itemsize * int(np.prod(shape, dtype=object))
    limit = Limit(path, max_expansion)
    if fields.get("BinaryData", "True").lower() != "true":
        values = np.array(path.read_bytes()[start:].split(), dtype)
        return values.astype(dtype.newbyteorder("="), copy=False).reshape(shape)
    if fields.get("CompressedData", "False").lower() != "true":
        return read_block(path, start, dtype, shape, limit)
    return unpacked_block(path.read_bytes()[start:], "zlib", dtype, shape, limit)


def _placed(array, fields, n_axes):
    """Return what was found; a place of MetaImage is that of the centre of the first voxel."""

    def numbers(*names):
        for name in names:
            if name in fields:
                return np.array([float(number) for number in fields[name].split()])
        return None

    steps = numbers("ElementSpacing", "ElementSize")
    centre = numbers("Offset", "Position", "Origin")
    turn = numbers("TransformMatrix", "Rotation", "Orientation")
    corner = None
    if centre is not None:
        half = (np.ones(n_axes) if steps is None else steps) / 2
        corner = centre - (half if turn is None else half @ turn.reshape(n_axes, n_axes))
    spacing, origin = (
        None if values is None else tuple(map(float, values[::-1])) for values in (steps, corner)
    )
    unit = named_unit(fields.get("DistanceUnits"))
    return Found(array, spacing, origin, unit, volumetric=True)
