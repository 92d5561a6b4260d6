"""Reading of numbers without a header."""

import math

import numpy as np

from .._checks import check_integer
from ._blocks import read_block
from ._found import Found


def read_raw(path, shape, dtype, limit):
    """Return the numbers of a file in C order, all of them."""
    if shape is None or dtype is None:
        raise ValueError(
            "files without header need shape and dtype: read_images(path, shape=(D, H, W), "
            "dtype='uint8'), the last axis being that which runs fastest."
        )
    sides, dtype = tuple(shape), np.dtype(dtype)
    for axis, side in enumerate(sides):
        check_integer(f"shape[{axis}]", side, 1)
    wanted, there = math.prod(sides) * dtype.itemsize, path.stat().st_size
    if wanted != there:
        raise ValueError(f"shape {sides} of {dtype} takes {wanted} bytes, it has {there}.")
    return Found(read_block(path, 0, dtype, sides, limit))
