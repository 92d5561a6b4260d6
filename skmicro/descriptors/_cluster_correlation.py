"""Pairs of voxels in the same cluster, counted by their distance.

Clusters are many and mostly small. The pairs of voxels of a small cluster are counted one by
one, all clusters at once; a large one is cut out of the image and transformed by itself.
"""

import numpy as np
import torch
from scipy.fft import next_fast_len

from . import _kernels, _lags
from ._labelling import join_across_borders, label_stack

SMALL = 128
"""Voxels up to which counting the pairs of a cluster is faster than transforming it."""


def cluster_correlation(
    mask, *, periodic=True, corners=False, max_lag=None, n_bins=None, scales=None
):
    """Return the two-point cluster function averaged over the lags of one length.

    Of masks (n, *spatial) one row (n, n_bins) for each image, in double precision. With
    ``corners`` voxels that share no more than a corner are connected.
    """
    n_images, shape = len(mask), mask.shape[1:]
    max_lag = _lags.resolve_max_lag(shape, max_lag, periodic=periodic, scales=scales)
    n_bins = _lags.resolve_n_bins(max_lag, n_bins)
    table = _lags.bin_table(shape, max_lag, n_bins, periodic, torch.device("cpu"), scales)
    bins, multiplicity, n_pairs = (column.numpy() for column in table[:3])

    sizes, voxels = _sorted_clusters(mask, periodic, corners)
    n_large = np.count_nonzero(sizes > SMALL)
    ends = np.cumsum(sizes)
    limits = _lags.binned_limits(shape, max_lag, periodic=periodic, scales=scales)
    even = np.zeros((n_images, *(limit + 1 for limit in limits)))
    for start, end in zip(ends[:n_large] - sizes[:n_large], ends[:n_large], strict=True):
        sums = _autocorrelation(voxels[1:, start:end], shape, limits, periodic)
        even[(voxels[0, start], *map(slice, sums.shape))] += sums
    # Pairs of voxels are whole numbers, which transforms miss by rounding errors.
    pairs = np.rint(even.reshape(n_images, -1) * multiplicity)
    sums = np.stack([np.bincount(bins, weights=row, minlength=n_bins + 1) for row in pairs])

    bin_of_square = _lags.bins_of(np.sqrt(np.arange((max_lag + 1) ** 2 + 1)), max_lag, n_bins)
    small = voxels[:, sizes[:n_large].sum() :]
    for image, squares in _squared_distances(small, sizes[n_large:], shape, periodic, scales):
        if scales is None:
            bin_of_pair = bin_of_square[np.minimum(squares, (max_lag + 1) ** 2)]
        else:
            bin_of_pair = _lags.bins_of(np.sqrt(squares), max_lag, n_bins)
        found = np.bincount(image * (n_bins + 1) + bin_of_pair, minlength=sums.size)
        sums += 2 * found.reshape(sums.shape)
    curves = sums[:, :n_bins] / n_pairs
    curves[:, 0] = mask.reshape(n_images, -1).mean(axis=1)
    return curves


def _sorted_clusters(mask, periodic, corners):
    """Return the sizes of the clusters, the largest first, and their voxels in this order.

    A voxel is a column of the number of its image and its coordinates.
    """
    labels, n_labels = label_stack(mask, corners)
    where = np.flatnonzero(labels)
    clusters = labels.ravel()[where] - 1
    if periodic:
        clusters = join_across_borders(labels, n_labels, corners)[clusters]
    sizes = np.bincount(clusters)
    by_size = np.argsort(-sizes, kind="stable")
    rank = np.empty_like(by_size)
    rank[by_size] = np.arange(len(sizes))
    order = np.argsort(rank[clusters], kind="stable")
    voxels = np.stack(np.unravel_index(where[order], mask.shape)).astype(np.int32)
    return sizes[by_size], voxels


def _autocorrelation(voxels, shape, limits, periodic):
    """Return the sums over the pairs of one cluster as :func:`even_lag_sums` does.

    Along an axis of which it covers less than half, a cluster is cut out of a periodic image:
    all its lags are shortest vectors.
    """
    corner, sides, sizes, reach = [], [], [], []
    for line, side, limit in zip(voxels, shape, limits, strict=True):
        start, extent = _extent(line, side, periodic)
        wraps = periodic and 2 * (extent - 1) >= side
        corner.append(0 if wraps else start)
        sides.append(side if wraps else extent)
        reach.append(min(limit, extent - 1 if not wraps else limit))
        sizes.append(side if wraps else next_fast_len(extent + reach[-1], real=True))
    box = torch.zeros(1, *sides)
    place = [(line - start) % side for line, start, side in zip(voxels, corner, shape, strict=True)]
    box.numpy()[(0, *place)] = 1
    return _kernels.even_lag_sums(box, None, sizes, reach)[0].numpy()


def _extent(line, side, periodic):
    """Return the first and the number of the voxels that coordinates cover along an axis."""
    covered = np.flatnonzero(np.bincount(line, minlength=side))
    if not periodic:
        return covered[0], covered[-1] - covered[0] + 1
    gaps = np.diff(covered, append=covered[0] + side)
    widest = gaps.argmax()
    return covered[(widest + 1) % len(covered)], side - gaps[widest] + 1


def _squared_distances(voxels, sizes, shape, periodic, scales):
    """Yield, step by step, images and squared distances of pairs in the same cluster.

    The voxels of a cluster follow each other, so that one step pairs the voxels of all
    clusters with those that many places further on.
    """
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    least = -np.repeat(sizes, sizes)
    for step in range(1, sizes.max(initial=0)):
        n_left = np.searchsorted(least, -step)
        same = np.flatnonzero(cluster[: n_left - step] == cluster[step:n_left])
        squares = np.zeros(len(same), dtype=np.int64 if scales is None else float)
        for axis, (line, side) in enumerate(zip(voxels[1:], shape, strict=True)):
            lag = np.abs(line[same + step] - line[same])
            lag = np.minimum(lag, side - lag) if periodic else lag
            squares += (lag if scales is None else lag * scales[axis]) ** 2
        yield voxels[0, same], squares
