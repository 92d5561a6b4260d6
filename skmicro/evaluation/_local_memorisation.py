"""Memorised parts of training images, found by windows of half their sides.

Windows are compared at a resolution of eight cells to a side (four in volumes), at all places of
that grid in the training images: one product of matrices for all pairs. This sees what the
comparison of whole images does not, patchworks of training images, and copies that are no more in
register over a whole image: zoomed, stretched, or turned by some degrees.
"""

import math
from itertools import product

import numpy as np
import torch
from numpy.typing import ArrayLike

from .. import _arrays
from ..images import check_stack, encoder_for
from ._memorisation import symmetric_copies, symmetry_count

CELLS = {2: 8, 3: 4}
"""Cells to the side of a window."""

TURNS = {2: (-10.0, 0.0, 10.0), 3: (0.0,)}
"""Angles in degrees by which windows are turned as well."""

FAINT = 0.2
"""Contrast of a window, over the mean contrast, below which it counts as a flat one."""

SOME = 64
"""Training images that the mean contrast is taken over."""

BATCH_IMAGES = 32

BLOCK_VALUES = 2**20
"""Numbers in the windows of training images that are held at once."""


def local_memorisation(images: ArrayLike, training_images: ArrayLike) -> np.ndarray:
    """Return the similarity of parts of each image to the most similar parts of training images.

    Parameters
    ----------
    images : array-like of shape (n, *spatial)
        Images to evaluate: phase labels or grey levels.
    training_images : array-like of shape (m, *spatial)
        Images that parts may have been copied from.

    Returns
    -------
    correlation : ndarray of shape (n,)
        The mean over the windows of each image, one in each half along each axis, of the largest
        normalised cross-correlation with a window of a training image: near 1 for patchworks of
        copies.

    Raises
    ------
    ValueError
        If the shapes differ or there are no images.

    See Also
    --------
    memorisation : Copies of whole training images.

    Notes
    -----
    Windows have half the sides of the images and are averaged over cells, eight to a side of an
    image and four to that of a volume. They are compared at all shifts by whole cells, which wrap
    around, in all flips and exchanges of axes, and in two dimensions turned by -10, 0 and 10
    degrees. Means are taken away in each window. Of two phases the magnitude counts, so that
    phases may be exchanged. The largest value for unrelated images is far from 0: compare with
    that of held-out real images.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.evaluation import local_memorisation
    >>> training = np.random.default_rng(0).integers(0, 2, (6, 16, 16))
    >>> quilt = np.block([[training[0, :8, :8], training[1, 8:, 8:]]] * 2)
    >>> local_memorisation([quilt], training).round(3)
    array([1.])
    """
    by = {"refused_by": "local_memorisation"}
    training = check_stack("training_images", training_images, **by)
    images = check_stack("images", images, training.shape[1:], **by)
    encoder = encoder_for(training)
    encoder.check(images, "images", "of training_images")
    search = _WindowSearch(training, encoder)
    queries = _arrays.map_batches(
        lambda index: search.queries_of(images[index]), len(images), BATCH_IMAGES
    )
    largest = torch.zeros(queries.shape[:2])
    for windows in search.blocks():
        for best, query in zip(largest, queries, strict=True):
            best.copy_(torch.maximum(best, search.largest(query, windows)))
    means = largest.reshape(len(images), search.n_windows, -1).amax(2).mean(1)
    return means.clamp_max(1.0).numpy().astype(float)


def comparisons_per_image(shape, n_training):
    """Return how many numbers are multiplied to look for the parts of one image."""
    n_axes = len(shape)
    n_windows = 2**n_axes * len(TURNS[n_axes]) * symmetry_count(shape)
    return n_windows * CELLS[n_axes] ** n_axes * (2 * CELLS[n_axes]) ** n_axes * n_training


class _WindowSearch:
    """Windows of training images, and those of an image to look for among them."""

    def __init__(self, training, encoder):
        self.training = training
        self.encoder = encoder
        self.shape = training.shape[1:]
        n_cells = CELLS[len(self.shape)]
        self.cell = tuple(max(1, side // (2 * n_cells)) for side in self.shape)
        self.cells = tuple(
            min(n_cells, side // cell) for side, cell in zip(self.shape, self.cell, strict=True)
        )
        self.n_windows = 2 ** len(self.shape)
        some = self._windows_of(training[:: math.ceil(len(training) / SOME)])
        self.faint = FAINT * float(some.norm(dim=-1).mean())

    def blocks(self):
        """Yield the windows of training images, of as many as fit into a block, at all places."""
        n_places = math.prod(n // cell for n, cell in zip(self.shape, self.cell, strict=True))
        n_rows = max(1, BLOCK_VALUES // (math.prod(self.cells) * n_places))
        for start in range(0, len(self.training), n_rows):
            yield self._unit(self._windows_of(self.training[start : start + n_rows]))

    def queries_of(self, images):
        """Return the windows of images, turned, flipped and with exchanged axes, (n, m, values)."""
        channels = self._channels(images)
        turned = [
            self._moved(self._cells_of(self._window(channels, centre, angle)))
            for centre in product((0.25, 0.75), repeat=len(self.shape))
            for angle in TURNS[len(self.shape)]
        ]
        return torch.cat(turned, dim=1)

    def largest(self, queries, windows):
        """Return the largest correlation of each query with a window."""
        found = queries @ windows.T
        if self.encoder.n_channels == 2:
            return torch.maximum(found.amax(1), -found.amin(1))
        return found.amax(1)

    def _channels(self, images):
        channels = self.encoder.encode(images)
        return channels[:, 1:] if self.encoder.n_channels == 2 else channels

    def _cells_of(self, channels):
        pool = (
            torch.nn.functional.avg_pool2d if channels.ndim == 4 else torch.nn.functional.avg_pool3d
        )
        return pool(channels, self.cell)

    def _windows_of(self, images):
        cells = self._cells_of(self._channels(images))
        for axis, length in zip(range(2, cells.ndim), self.cells, strict=True):
            wrapped = torch.cat([cells, cells.narrow(axis, 0, length - 1)], axis)
            cells = wrapped.unfold(axis, length, 1)
        places = list(range(2, 2 + len(self.shape)))
        cells = cells.movedim(places, list(range(1, 1 + len(self.shape))))
        return _fluctuations(cells.flatten(0, len(self.shape)), len(self.shape))

    def _window(self, channels, centre, angle):
        """Return the windows around a place, turned in the plane of the first two axes."""
        sides = [cell * n for cell, n in zip(self.cell, self.cells, strict=True)]
        offsets = torch.meshgrid(*(torch.arange(n) - (n - 1) / 2 for n in sides), indexing="ij")
        cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))
        first, second, *rest = offsets
        turned = [cosine * first - sine * second, sine * first + cosine * second, *rest]
        # grid_sample takes the last axis first, and -1 and 1 for the outer ends of the voxels.
        places = []
        for share, n, at, side in zip(centre, sides, turned, self.shape, strict=True):
            first = round(min(max(share * side - n / 2, 0), side - n))
            places.append(2 * (first + n / 2 + at) / side - 1)
        grid = torch.stack(places[::-1], dim=-1).expand(len(channels), *sides, -1)
        return torch.nn.functional.grid_sample(
            channels, grid, padding_mode="reflection", align_corners=False
        )

    def _moved(self, windows):
        n, n_channels = windows.shape[:2]
        moved = symmetric_copies(windows.flatten(0, 1)).unflatten(1, (n, n_channels))
        return self._unit(_fluctuations(moved, len(self.shape))).movedim(0, 1)

    def _unit(self, windows):
        return windows / windows.norm(dim=-1, keepdim=True).clamp_min(self.faint)


def _fluctuations(windows, n_axes):
    """Windows (..., C, *cells) free of the mean of each channel, as rows of numbers."""
    flat = windows.flatten(-n_axes)
    return (flat - flat.mean(-1, keepdim=True)).flatten(-2)
