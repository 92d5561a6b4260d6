"""VTK image data, for ParaView."""

import base64

import numpy as np

from .._files import atomic_path
from ._placement import check_origin, check_spacing

VTK_TYPES = {"u": "UInt", "i": "Int", "f": "Float"}


def write_vti(path, images, spacing, origin):
    """Write a set of one image as cell data."""
    if len(images) > 1:
        hint = "; volume=True makes one volume of three axes" if images.ndim == 3 else ""
        raise ValueError(f"a .vti file holds one volume, got {len(images)}{hint}.")
    array = images[0]
    lengths, corner = check_spacing(spacing, array.ndim), check_origin(origin, array.ndim)
    stored = {"?": np.uint8, "e": np.float32, "g": np.float64}.get(array.dtype.char, array.dtype)
    array = array.astype(np.dtype(stored).newbyteorder("<"), copy=False)
    kind = f"{VTK_TYPES[array.dtype.kind]}{8 * array.itemsize}"
    # VTK counts x first; the last axis of the array is x.
    sides = [*array.shape[::-1], 1][:3]
    steps = " ".join(map(repr, [*lengths[::-1], 1.0][:3]))
    start = " ".join(map(repr, [*corner[::-1], 0.0][:3]))
    extent = " ".join(f"0 {side}" for side in sides)
    head = (
        '<?xml version="1.0"?>\n<VTKFile type="ImageData" version="1.0" '
        'byte_order="LittleEndian" header_type="UInt64">\n'
        f'<ImageData WholeExtent="{extent}" Origin="{start}" Spacing="{steps}">\n'
        f'<Piece Extent="{extent}">\n<PointData/>\n<CellData Scalars="image">\n'
        f'<DataArray type="{kind}" Name="image" format="binary">\n'
    )
    tail = "\n</DataArray>\n</CellData>\n</Piece>\n</ImageData>\n</VTKFile>\n"
    content = np.uint64(array.nbytes).astype("<u8").tobytes() + array.tobytes()
    with atomic_path(path) as temporary:
        temporary.write_bytes(head.encode() + base64.b64encode(content) + tail.encode())
