"""Which training image an image is nearest to, and how that has to be moved to lie on it."""

import math
from typing import NamedTuple

import numpy as np
import torch

from ..images import Move, point_symmetries
from ._memorisation import _axes, _CopySearch, _unit_channels

N_CANDIDATES = 8
"""Pairs that are compared at full resolution in each block of training images."""


class Nearest(NamedTuple):
    """The training image that an image correlates most with.

    Attributes
    ----------
    index : int
        Its row.
    correlation : float
        The normalised cross-correlation.
    move : Move
        What moves it onto the image.
    exchanged : bool
        Whether its two phases are exchanged as well.
    """

    index: int
    correlation: float
    move: Move
    exchanged: bool


def nearest_training_images(images, training, encoder):
    """Return the :class:`Nearest` training image of each of a few images.

    Training images are searched in blocks, about as many as each holds, and then one after the
    other in the best block.
    """
    n_blocks = math.isqrt(len(training))
    blocks = np.array_split(np.arange(len(training)), n_blocks)
    found = [_largest(images, training[block], encoder) for block in blocks]
    best = np.argmax(found, axis=0)
    rows = [
        max(blocks[k], key=lambda row, i=i: _largest(images[i, None], training[[row]], encoder)[0])
        for i, k in enumerate(best)
    ]
    moves = (_onto(i, training[row], encoder) for i, row in zip(images, rows, strict=True))
    return [Nearest(int(row), *found) for row, found in zip(rows, moves, strict=True)]


def _largest(images, training, encoder):
    return _CopySearch(training, encoder, N_CANDIDATES).largest_correlations(images)


def _onto(image, other, encoder):
    """Return correlation, move and exchange of phases at which two images are most alike."""
    axes, shape = _axes(image.shape), image.shape
    fixed = torch.fft.rfftn(_unit_channels(image[None], encoder), dim=axes)
    channels = _unit_channels(other[None], encoder)
    best = -math.inf, None, False
    for symmetry in point_symmetries(shape):
        spectra = torch.fft.rfftn(symmetry(channels), dim=axes)
        products = (spectra.conj() * fixed).sum(1)
        lags = torch.fft.irfftn(products, s=shape, dim=axes).flatten()
        sizes = lags.abs() if encoder.n_channels == 2 else lags
        place = int(sizes.argmax())
        if float(sizes[place]) > best[0]:
            shifts = tuple(int(k) for k in np.unravel_index(place, shape))
            exchanged = bool(lags[place] < 0) and encoder.n_channels == 2
            best = float(sizes[place]), symmetry._replace(shifts=shifts), exchanged
    return min(best[0], 1.0), *best[1:]
