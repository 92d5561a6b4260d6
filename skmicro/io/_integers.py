"""Integers in formats that have few types."""

import numpy as np


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
