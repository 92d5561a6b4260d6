"""Numbers that a header describes: as many as it says, or an error."""

import bz2
import lzma
import math
import zlib

import numpy as np

PIECE = 2**20
LARGEST_RATIO = {"zlib": 1032, "lzma": 2**13}
"""Bytes that a packing makes of one byte, at most."""


def read_block(path, start, dtype, shape, limit):
    """Return numbers in C order that lie in a file from the byte ``start`` on."""
    dtype = np.dtype(dtype)
    n_bytes, there = check_block(dtype, shape, limit), path.stat().st_size - start
    if n_bytes > there:
        raise ValueError(f"its header says {n_bytes} bytes of shape {shape}, it has {there}.")
    return native(np.fromfile(path, dtype, math.prod(shape), offset=start).reshape(shape))


def unpacked_block(content, packing, dtype, shape, limit):
    """Return numbers in C order out of bytes, packed by ``"zlib"``, ``"bzip2"`` or not at all."""
    dtype = np.dtype(dtype)
    n_bytes = check_block(dtype, shape, limit)
    content = unpacked(content, packing, n_bytes)
    if len(content) < n_bytes:
        raise ValueError(
            f"its header says {n_bytes} bytes of shape {shape}, it has {len(content)}."
        )
    array = np.frombuffer(content, dtype, math.prod(shape)).reshape(shape)
    return native(array if array.flags.writeable else array.copy())


def unpacked(content, packing, n_bytes):
    """Return the first bytes of packed content, and never more than these."""
    if packing == "zlib":  # also gzip, detected by its header
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(content, max(1, n_bytes))
    if packing == "bzip2":
        return bz2.BZ2Decompressor().decompress(content, max(1, n_bytes))
    return content


def check_packed(read, n_packed, packing, limit):
    """Raise ValueError if packed content takes more memory than it may.

    Libraries unpack all of it, whatever the header says. ``read`` returns the content, which is
    unpacked piece by piece where ``n_packed``, its length, does not tell that it is harmless.
    """
    if n_packed * LARGEST_RATIO[packing] <= limit.most:
        return
    n_bytes = 0
    for piece in _pieces(read(), packing):
        n_bytes += len(piece)
        limit.check(n_bytes)


def _pieces(content, packing):
    """Yield unpacked content, a piece after the other."""
    unpacker = zlib.decompressobj() if packing == "zlib" else lzma.LZMADecompressor()
    piece = content
    while piece and not unpacker.eof:
        piece = unpacker.decompress(content, PIECE)
        content = unpacker.unconsumed_tail if packing == "zlib" else b""
        yield piece


def check_block(dtype, shape, limit):
    """Return the bytes of an array, or raise ValueError if it is none or too large."""
    if min(shape, default=0) < 1:
        raise ValueError(f"its header says shape {tuple(shape)}, without voxels.")
    n_bytes = math.prod(shape) * dtype.itemsize
    limit.check(n_bytes)
    return n_bytes


def native(array):
    """Return an array in the byte order of the machine."""
    return array.astype(array.dtype.newbyteorder("="), copy=False)
