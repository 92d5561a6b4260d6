"""Reading of VTK image data in XML, from bytes that are as many as the file says."""

import base64
import re
import struct
import xml.etree.ElementTree as ElementTree
import zlib

import numpy as np

from ._blocks import check_block, native
from ._found import Found, corner_of
from ._units import named_unit

TYPES = {
    f"{kind}{bits}": f"{kind[0].lower()}{bits // 8}"
    for kind in ("Int", "UInt")
    for bits in (8, 16, 32, 64)
}
TYPES |= {"Float32": "f4", "Float64": "f8"}
HEADERS = {"UInt32": "I", "UInt64": "Q"}


def read_vti(path, key, limit):
    """Return an array of cells or points; ``key`` names it where there are several."""
    content = path.read_bytes()
    head, appended, encoding = _parted(content)
    root = ElementTree.fromstring(head)
    grid = root.find("ImageData")
    if root.tag != "VTKFile" or grid is None:
        raise ValueError(f"it holds {root.get('type', root.tag)}, needed is ImageData.")
    pieces = grid.findall("Piece")
    if len(pieces) != 1 or pieces[0].get("Extent") != grid.get("WholeExtent"):
        raise ValueError(f"it has {len(pieces)} pieces, needed is one that is the whole.")
    data, on_cells = _chosen(pieces[0], key)
    shape = _shape(grid, on_cells)
    n_components = int(data.get("NumberOfComponents", 1))
    if n_components != 1:
        raise ValueError(f"{data.get('Name')!r} has {n_components} components, needed is one.")
    if data.get("type") not in TYPES:
        raise ValueError(f"{data.get('Name')!r} has type {data.get('type')}, needed are numbers.")
    order = ">" if root.get("byte_order") == "BigEndian" else "<"
    dtype = np.dtype(TYPES[data.get("type")]).newbyteorder(order)
    n_bytes = check_block(dtype, shape, limit)
    if data.get("format") == "ascii":
        array = np.array((data.text or "").split(), dtype)
    else:
        source = _source(data, appended, encoding)
        word = order + HEADERS[root.get("header_type", "UInt32")]
        body = _body(source, word, root.get("compressor"), n_bytes)
        if len(body) != n_bytes:
            raise ValueError(
                f"its header says {n_bytes} bytes, {data.get('Name')!r} has {len(body)}."
            )
        array = np.frombuffer(body, dtype).copy()
    return _placed(native(array.reshape(shape)), grid, on_cells)


def _placed(array, grid, on_cells):
    steps, corner = (
        tuple(float(number) for number in grid.get(name, default).split())[::-1]
        for name, default in (("Spacing", "1 1 1"), ("Origin", "0 0 0"))
    )
    extent = _extent(grid)
    corner = tuple(o + s * e for o, s, e in zip(corner, steps, extent[::2][::-1], strict=True))
    if not on_cells:
        corner = corner_of(corner, steps)
    unit = None
    for item in grid.iterfind("FieldData/DataArray"):
        if item.get("Name") == "unit" and item.get("format") == "ascii":
            unit = named_unit(
                bytes(int(code) for code in item.text.split() if code != "0").decode()
            )
    return Found(array, steps, corner, unit, volumetric=True)


def _parted(content):
    """Return the XML without what is appended to it, that, and its encoding."""
    if b"<!DOCTYPE" in content[:4096] or b"<!ENTITY" in content[:4096]:
        raise ValueError("its XML defines entities.")
    found = re.search(rb'<AppendedData\s+encoding\s*=\s*["\'](\w+)["\']\s*>\s*_', content)
    if found is None:
        return content, b"", None
    return content[: found.start()] + b"</VTKFile>", memoryview(content)[found.end() :], found[1]


def _extent(grid):
    extent = [int(number) for number in grid.get("WholeExtent", "").split()]
    if len(extent) != 6:
        raise ValueError("it has no WholeExtent of six numbers.")
    return extent


def _shape(grid, on_cells):
    """Return (z, y, x); along an axis of one layer of points there is one cell."""
    extent = _extent(grid)
    sides = [high - low for low, high in zip(extent[::2], extent[1::2], strict=True)]
    if on_cells:
        return tuple(max(1, side) for side in sides[::-1])
    return tuple(side + 1 for side in sides[::-1])


def _chosen(piece, key):
    found = {}
    for kind in ("CellData", "PointData"):
        for data in piece.iterfind(f"{kind}/DataArray"):
            found.setdefault(data.get("Name"), (data, kind == "CellData"))
    if key is None and len(found) == 1:
        (key,) = found
    if key not in found:
        raise ValueError(f"key must be one of {list(found)}, got {key!r}.")
    return found[key]


def _source(data, appended, encoding):
    """Return a function that gives bytes of an array, and whether they are in base64."""
    if data.get("format") == "binary":
        return (data.text or "").strip().encode(), True
    return appended[int(data.get("offset")) :], encoding == b"base64"


def _body(source, word, compressor, n_bytes):
    content, in_base64 = source
    size = struct.calcsize(word)
    if compressor is None:
        return _bytes(content, in_base64, size + n_bytes)[size:]
    if compressor != "vtkZLibDataCompressor":
        raise ValueError(f"it is compressed by {compressor}, needed is vtkZLibDataCompressor.")
    n_blocks, block, last = struct.unpack(
        f"{word[0]}3{word[1]}", _bytes(content, in_base64, 3 * size)
    )
    full = n_blocks - 1 if last else n_blocks
    if n_blocks * size > len(content) or full * block + last != n_bytes:
        raise ValueError(f"its header says {n_bytes} bytes, its blocks {full * block + last}.")
    n_header = (3 + n_blocks) * size
    sizes = np.frombuffer(_bytes(content, in_base64, n_header)[3 * size :], f"{word[0]}u{size}")
    start = -(-n_header // 3) * 4 if in_base64 else n_header
    packed = _bytes(content[start:], in_base64, int(sizes.sum()))
    ends = np.cumsum(sizes, dtype=np.int64)
    parts = []
    for k, end in enumerate(ends):
        limit = last if last and k == n_blocks - 1 else block
        part = packed[end - int(sizes[k]) : end]
        parts.append(zlib.decompressobj().decompress(part, limit))
    return b"".join(parts)


def _bytes(content, in_base64, n_bytes):
    """Return the first bytes of a block."""
    if not in_base64:
        return bytes(content[:n_bytes])
    return base64.b64decode(bytes(content[: -(-n_bytes // 3) * 4]))[:n_bytes]
