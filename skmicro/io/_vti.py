"""VTK image data, for ParaView."""

import base64
from xml.sax.saxutils import quoteattr

import numpy as np

from .._files import atomic_path
from ._integers import as_material, in_smallest_type
from ._placement import check_origin, check_spacing

VTK_TYPES = {"u": "UInt", "i": "Int", "f": "Float"}
NAME = "image"
DAMASK = "material"
"""Name of the array that DAMASK loads, of integers with a sign and 32 bits at least."""


def write_vti(path, images, place, key=None):
    """Write a set of one image as cell data called ``key``."""
    if len(images) > 1:
        hint = "; volume=True makes one volume of three axes" if images.ndim == 3 else ""
        raise ValueError(f"a .vti file holds one volume, got {len(images)}{hint}.")
    array = as_material(images[0]) if key == DAMASK else in_smallest_type(images[0])
    lengths = check_spacing(place.spacing, array.ndim)
    corner = check_origin(place.origin, array.ndim)
    stored = {"?": np.uint8, "e": np.float32, "g": np.float64}.get(array.dtype.char, array.dtype)
    array = array.astype(np.dtype(stored).newbyteorder("<"), copy=False)
    kind = f"{VTK_TYPES[array.dtype.kind]}{8 * array.itemsize}"
    # VTK counts x first; the last axis of the array is x.
    sides = [*array.shape[::-1], 1][:3]
    steps = " ".join(map(repr, [*lengths[::-1], 1.0][:3]))
    start = " ".join(map(repr, [*corner[::-1], 0.0][:3]))
    extent = " ".join(f"0 {side}" for side in sides)
    name = quoteattr(NAME if key is None else key)
    head = (
        '<?xml version="1.0"?>\n<VTKFile type="ImageData" version="1.0" '
        'byte_order="LittleEndian" header_type="UInt64">\n'
        f'<ImageData WholeExtent="{extent}" Origin="{start}" Spacing="{steps}">\n'
        f"{_unit(place.unit)}"
        f'<Piece Extent="{extent}">\n<PointData/>\n<CellData Scalars={name}>\n'
        f'<DataArray type="{kind}" Name={name} format="binary">\n'
    )
    tail = "\n</DataArray>\n</CellData>\n</Piece>\n</ImageData>\n</VTKFile>\n"
    content = np.uint64(array.nbytes).astype("<u8").tobytes() + array.tobytes()
    with atomic_path(path) as temporary:
        temporary.write_bytes(head.encode() + base64.b64encode(content) + tail.encode())


def _unit(unit):
    """Return a text of VTK, the codes of its characters and a zero."""
    if unit is None:
        return ""
    codes = " ".join(map(str, [*unit.encode(), 0]))
    return (
        '<FieldData>\n<DataArray type="String" Name="unit" NumberOfTuples="1" format="ascii">\n'
        f"{codes}\n</DataArray>\n</FieldData>\n"
    )
