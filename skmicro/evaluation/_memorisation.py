r"""Memorised training images, found wherever they were moved to.

The sum over voxels in :func:`memorisation` is, at all lags, one inverse Fourier transform of
``conj(A) B``. Most pairs need no full transform. First, all training images are compared by
their lowest frequencies, ``|k| <= side / 3``, on a coarse grid of that side. Between two lags of
this grid a copy loses at most a fifth of its correlation along each axis, so that it still
stands out. Then the best candidates are compared exactly. The side starts at 16 and is
doubled until these frequencies hold a quarter of the variance of the training images; where
none below the full size do, as in fine patterns and noise, all pairs are compared exactly.
"""

import math
from itertools import permutations, product

import numpy as np
import torch
from numpy.typing import ArrayLike

from .. import _arrays
from .._checks import check_integer
from ..images import check_stack, encoder_for

COARSE_SIDE = 16
RESOLVED_VARIANCE = 0.25
BLOCK_VOXELS = 2**20
TRAINING_VOXELS = 2**22


def memorisation(
    images: ArrayLike, training_images: ArrayLike, *, n_candidates: int | None = 32
) -> np.ndarray:
    """Return the similarity of each image to the most similar training image under symmetries.

    Parameters
    ----------
    images : array-like of shape (n, *spatial)
        Images to evaluate: phase labels or grey levels.
    training_images : array-like of shape (m, *spatial)
        Images they may have been copied from.
    n_candidates : int or None, default=32
        Pairs of a training image and a symmetry that are compared at full resolution for
        each image, chosen by their coarse content. ``None`` compares all of them.

    Returns
    -------
    correlation : ndarray of shape (n,)
        Largest normalised cross-correlation with a training image over all periodic shifts
        and the symmetries of the grid (flips, and exchanges of axes of equal length): 1 for
        a copy, 0 for an image of one phase or grey level only. A copy of two phases with the
        phases exchanged is a copy as well.

    Raises
    ------
    ValueError
        If the shapes differ or there are no images.

    See Also
    --------
    local_memorisation : Copies of parts of training images, also turned a little.

    Notes
    -----
    With channels a, b free of their means (one-hot phases, or grey levels), lags r that wrap
    around and symmetries g of the grid, ``max_{g, r} sum_x (g a)(x) . b(x + r) / (||a|| ||b||)``
    by fast Fourier transforms; of two phases, the largest magnitude. The maximum over many images
    and shifts is not small for unrelated images either: compare with that of held-out real images.
    Candidates can only miss the maximum from below, and copies stand out in the coarse comparison
    already.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.evaluation import memorisation
    >>> training = np.random.default_rng(0).integers(0, 2, (5, 16, 16))
    >>> moved = np.rot90(np.roll(training[3], (5, 2), (0, 1)))
    >>> memorisation([moved], training).round(3)
    array([1.])
    """
    if n_candidates is not None:
        check_integer("n_candidates", n_candidates, 1)
    by = {"refused_by": "memorisation"}
    training = check_stack("training_images", training_images, **by)
    images = check_stack("images", images, training.shape[1:], **by)
    encoder = encoder_for(training)
    encoder.check(images, "images", "of training_images")
    search = _CopySearch(training, encoder, n_candidates)
    return np.minimum(search.largest_correlations(images), 1.0)


def symmetry_count(shape):
    """Return how many flips and exchanges of axes map a grid onto itself."""
    return len(_axis_orders(shape)) * 2 ** len(shape)


class _CopySearch:
    """Training images, ready to be searched for copies."""

    def __init__(self, training, encoder, n_candidates):
        self.training = training
        self.encoder = encoder
        self.shape = training.shape[1:]
        self.n_candidates = n_candidates
        self.exchangeable = encoder.n_channels == 2
        self.grid = self._coarse_grid() if n_candidates is not None else self.shape

    def largest_correlations(self, images):
        """Return the largest correlation of each image with any training image.

        Spectra of training images are kept for a block of them at a time. The best are written
        into one array: small results that were made between large ones would keep the memory of
        these from going back.
        """
        n_kept = 1 if self.grid == self.shape else self.n_candidates
        n_kept = min(n_kept, len(self.training) * symmetry_count(self.shape))
        values = torch.full((len(images), n_kept), -torch.inf)
        pairs = torch.zeros(len(images), n_kept, 2, dtype=torch.int64)
        for block in np.split(np.arange(len(self.training)), self._ends):
            training = self._each_batch(self._coarse, block)
            for image, *best in zip(images, values, pairs, strict=True):
                self._improve(*best, self._moved(image), training, block[0])
            del training
        if self.grid == self.shape:
            return values[:, 0].tolist()
        return [self._exact(*both) for both in zip(images, pairs, strict=True)]

    @property
    def _ends(self):
        n_rows = max(1, TRAINING_VOXELS // (self.encoder.n_channels * math.prod(self.grid)))
        return np.arange(n_rows, len(self.training), n_rows)

    def _moved(self, image):
        """Return the spectra of an image in all its symmetries."""
        moved = symmetric_copies(_unit_channels(image[None], self.encoder)[0])
        return torch.fft.rfftn(moved, dim=_axes(self.shape), norm="ortho")

    def _improve(self, values, pairs, spectra, training, first):
        """Replace coarse correlations and their pairs by larger ones with a block of images."""
        low = self._coarse(spectra)
        n_rows = max(1, BLOCK_VOXELS // (4 * len(low) * math.prod(self.grid)))
        blocks = training.split(n_rows)
        parts = (self._largest(low, part.unsqueeze(1), self.grid) for part in blocks)
        coarse = _arrays.joined(parts, len(training)).flatten()
        found, place = coarse.topk(min(len(values), len(coarse)))
        found_pairs = torch.stack([place % len(low), first + place // len(low)], dim=1)
        both, place = torch.cat([values, found]).topk(len(values))
        values.copy_(both)
        pairs.copy_(torch.cat([pairs, found_pairs])[place])

    def _exact(self, image, pairs):
        """Largest correlation among pairs of a symmetry of an image and a training image."""
        spectra = self._moved(image)
        found = []
        for symmetry, index in (part.unbind(1) for part in pairs.split(self._batch_size)):
            candidates = self._spectra_of(self.training[index.numpy()])
            found.append(self._largest(spectra[symmetry], candidates, self.shape).max())
        return float(max(found))

    def _largest(self, first, second, grid):
        """Largest correlation over all lags of fields given by their spectra (..., C, *K)."""
        product_of_spectra = (first.conj() * second).sum(-len(grid) - 1)
        lags = torch.fft.irfftn(product_of_spectra, s=grid, dim=_axes(grid), norm="forward")
        lags = lags.flatten(-len(grid))
        return (lags.abs() if self.exchangeable else lags).amax(-1)

    def _coarse(self, spectra):
        low = _low_pass(spectra, self.grid, self.shape)
        norms = _power(low, self.grid).clamp_min(1e-12).sqrt()
        return low / norms.view(-1, *[1] * (low.ndim - 1))

    @property
    def _batch_size(self):
        return _arrays.inference_batch_size(self.shape)

    def _spectra_of(self, images):
        channels = _unit_channels(images, self.encoder)
        return torch.fft.rfftn(channels, dim=_axes(self.shape), norm="ortho")

    def _each_batch(self, function, rows):
        return _arrays.map_batches(
            lambda index: function(self._spectra_of(self.training[rows[index]])),
            len(rows),
            self._batch_size,
        )

    def _coarse_grid(self):
        """The smallest grid whose frequencies hold enough variance of the training images."""
        side = COARSE_SIDE
        while side < max(self.shape):
            grid = tuple(min(length, side) for length in self.shape)
            share = self._each_batch(
                lambda s, g=grid: _power(_low_pass(s, g, self.shape), g),
                np.arange(len(self.training)),
            )
            if float(share.mean()) >= RESOLVED_VARIANCE:
                return grid
            side *= 2
        return self.shape


def _unit_channels(images, encoder):
    """Mean-free channels of norm one; one channel is enough for two phases."""
    channels = encoder.encode(images)
    if encoder.n_channels == 2:
        channels = channels[:, 1:]
    axes = _axes(images.shape[1:])
    channels = channels - channels.mean(axes, keepdim=True)
    norms = torch.linalg.vector_norm(channels.flatten(1), dim=1, dtype=torch.float64).float()
    floor = 1e-5 * math.sqrt(channels[0].numel())
    scale = torch.where(norms > floor, 1 / norms.clamp_min(floor), 0.0)
    return channels * scale.view(-1, *[1] * (channels.ndim - 1))


def _axes(shape):
    return tuple(range(-len(shape), 0))


def _axis_orders(shape):
    orders = permutations(range(len(shape)))
    return [order for order in orders if tuple(shape[axis] for axis in order) == tuple(shape)]


def symmetric_copies(channels):
    """All flips and allowed exchanges of axes of one image, (C, *S) -> (n_symmetries, C, *S)."""
    shape = channels.shape[1:]
    flips = [
        [axis + 1 for axis, flipped in enumerate(choice) if flipped]
        for choice in product((False, True), repeat=len(shape))
    ]
    orders = [[0, *(axis + 1 for axis in order)] for order in _axis_orders(shape)]
    return torch.stack([channels.permute(order).flip(axes) for order in orders for axes in flips])


def _low_pass(spectra, grid, shape):
    """Spectra on a coarser grid, frequencies |k| <= side / 3 of the axes made shorter."""
    for axis, side, length in zip(_axes(shape), grid, shape, strict=True):
        if side == length:
            continue
        kept, halved = side // 3, axis == -1
        sides = list(spectra.shape)
        sides[axis] = side // 2 + 1 if halved else side
        low = spectra.new_zeros(sides)
        low.narrow(axis, 0, kept + 1).copy_(spectra.narrow(axis, 0, kept + 1))
        if not halved:
            low.narrow(axis, side - kept, kept).copy_(spectra.narrow(axis, length - kept, kept))
        spectra = low
    return spectra


def _power(spectra, grid):
    """Squared norms of the real fields behind unitary half spectra (n, C, *K)."""
    squares = (spectra.real.square() + spectra.imag.square()).flatten(1, -2).sum(1)
    twice = squares[:, 1 : (grid[-1] + 1) // 2].sum(1)
    return squares.sum(1) + twice
