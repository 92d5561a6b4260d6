"""Integers in formats that have few types, and in files that other programs open."""

import numpy as np

WIDE = 4
"""Bytes from which integers are stored in the smallest type that has them."""


def as_unsigned(images, holder, instead):
    """Return booleans as they are and integers as 8 or 16 bits, or raise ValueError.

    The error says what else to use: ``holder`` is the format, ``instead`` are others.
    """
    if images.dtype in (np.bool_, np.uint8, np.uint16):
        return images
    if images.dtype.kind == "f" or images.min() < 0 or images.max() > 65535:
        raise ValueError(
            f"{holder} holds integers from 0 to 65535, got dtype "
            f"{images.dtype} from {images.min()} to {images.max()}; use {instead}."
        )
    return images.astype(np.uint8 if images.max() < 256 else np.uint16)


def in_smallest_type(images):
    """Return integers of 32 and 64 bits in the smallest type that has them, others as they are.

    Few programs open files of 64 bits.
    """
    if images.dtype.kind not in "iu" or images.dtype.itemsize < WIDE:
        return images
    low, high = int(images.min()), int(images.max())
    kind = "i" if low < 0 else "u"
    for size in (1, 2, 4, 8):
        limits = np.iinfo(f"{kind}{size}")
        if limits.min <= low and high <= limits.max:
            break
    return images.astype(f"{kind}{size}", copy=False)


def as_material(images):
    """Return integers of 32 bits with a sign, of 64 if they must be, which is what DAMASK loads."""
    if images.dtype.kind not in "biu":
        return images
    largest = max(abs(int(images.min())), abs(int(images.max())))
    return images.astype(np.int32 if largest <= np.iinfo(np.int32).max else np.int64)
