"""Images of a page as PNG within its text."""

import base64
import struct
import zlib
from html import escape

import numpy as np

# Anchors of a scale from dark violet to yellow, which distinguishes labels in print as well.
PHASES = ((68, 1, 84), (59, 82, 139), (33, 145, 140), (94, 201, 98), (253, 231, 37))


def img(picture, phases, alt):
    """Return the element of an image given as codes of phases or grey levels, (height, width)."""
    height, width = picture.shape
    return (
        f'<img src="data:image/png;base64,{_encoded(picture, colours_of(phases))}" '
        f'width="{width}" height="{height}" alt="{escape(alt)}">'
    )


def colours_of(phases):
    """Return the colours of codes, (n_codes, 3): grey for two phases and for grey levels."""
    n_codes = len(phases) if phases else 256
    if n_codes <= 2 or not phases:
        return np.linspace(0, 255, n_codes).astype(np.uint8)[:, None].repeat(3, axis=1)
    anchors, places = np.array(PHASES), np.linspace(0, 1, len(PHASES))
    wanted = np.linspace(0, 1, n_codes)
    return np.stack([np.interp(wanted, places, c) for c in anchors.T], 1).astype(np.uint8)


def _encoded(picture, colours):
    """PNG with a palette, of as few bits as that needs: one for two phases."""
    height, width = picture.shape
    bits = next(bits for bits in (1, 2, 4, 8) if len(colours) <= 2**bits)
    planes = np.unpackbits(picture[..., None], axis=2)[..., 8 - bits :]
    rows = np.packbits(planes.reshape(height, -1), axis=1)
    lines = np.hstack([np.zeros((height, 1), np.uint8), rows])  # no filter
    header = struct.pack(">IIBBBBB", width, height, bits, 3, 0, 0, 0)
    parts = (b"IHDR", header), (b"PLTE", colours.tobytes()), (b"IDAT", _deflated(lines))
    chunks = b"".join(_chunk(*part) for part in (*parts, (b"IEND", b"")))
    return base64.b64encode(b"\x89PNG\r\n\x1a\n" + chunks).decode()


def _deflated(lines):
    return zlib.compress(lines.tobytes(), 9)


def _chunk(kind, content):
    check = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)
