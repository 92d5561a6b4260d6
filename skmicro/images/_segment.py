"""Phases out of grey levels: thresholds that are given, found, or midway between levels."""

from collections.abc import Sequence

import numpy as np

from .._checks import check_integer
from ._checks import finite, real_numbers
from ._large import BLOCK_VOXELS

N_BINS = 1024
MOST_PHASES = 64


def segment(
    images,
    *,
    levels: int | Sequence = 2,
    threshold: float | Sequence | None = None,
    return_thresholds: bool = False,
):
    """Make phases, labels from 0, out of grey levels, or out of masks with rims.

    Parameters
    ----------
    images : array-like or Tensor of any shape
        Grey levels of any type and range; all of them are cut at the same thresholds.
    levels : int or sequence of float, default=2
        A number: that many phases, by the thresholds for which grey levels vary least within
        phases, those of Otsu for two and of Liao and others for more. A sequence: the grey
        levels that phases are meant to have, of which each voxel takes the nearest.
    threshold : float or sequence of float, default=None
        Thresholds to cut at, in place of ``levels``. Voxels above the first one are phase 1.
    return_thresholds : bool, default=False
        Whether to return the thresholds as well.

    Returns
    -------
    labels : ndarray of uint8
        Labels of the same shape, 0 for the darkest phase.
    thresholds : ndarray of shape (n_phases - 1,)
        Where grey levels were cut: voxels above a threshold belong to the next phase. Only with
        ``return_thresholds=True``.

    Raises
    ------
    ValueError
        If the images hold values that are masked or not finite, or fewer values than phases, or
        levels or thresholds are not allowed.
    TypeError
        If the images do not hold real numbers.

    Notes
    -----
    A voxel on a rim, half of which is dark and half bright, goes to one of the two phases. With
    three levels it may go to the middle one, which then lines the borders between the others: cut
    such images with care, or at a higher resolution.

    Masked images keep their mask if they are cut at a threshold of their known voxels:
    ``images > segment(images.compressed(), return_thresholds=True)[1][0]``.

    References
    ----------
    .. [1] N. Otsu, "A threshold selection method from gray-level histograms", IEEE Transactions on
       Systems, Man, and Cybernetics 9, 1979.
    .. [2] P.-S. Liao, T.-S. Chen, P.-C. Chung, "A fast algorithm for multilevel thresholding",
       Journal of Information Science and Engineering 17, 2001.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro import segment
    >>> segment(np.array([[0, 3, 250], [5, 90, 255]]))
    array([[0, 0, 1],
           [0, 0, 1]], dtype=uint8)
    >>> segment(np.array([[0, 3, 250], [5, 90, 255]]), levels=(0, 128, 255))
    array([[0, 0, 2],
           [0, 1, 2]], dtype=uint8)
    """
    images = np.asarray(finite("images", real_numbers("images", images, "segment"), "segment"))
    if not images.size:
        raise ValueError(f"images must have voxels, got shape {images.shape}.")
    if threshold is not None:
        thresholds = _rising("threshold", np.atleast_1d(threshold))
    elif np.ndim(levels):
        middles = _rising("levels", levels)
        if len(middles) < 2:
            raise ValueError(f"levels must hold two grey levels at least, got {levels!r}.")
        thresholds = (middles[1:] + middles[:-1]) / 2
    else:
        check_integer("levels", levels, 2, below=MOST_PHASES + 1)
        thresholds = _least_variance(images, levels)
    if len(thresholds) >= MOST_PHASES:
        raise ValueError(
            f"images must have at most {MOST_PHASES} phases, got {len(thresholds) + 1}."
        )
    labels = np.empty(images.shape, np.uint8)
    flat, cut = images.reshape(-1), labels.reshape(-1)
    for start in range(0, flat.size, BLOCK_VOXELS):
        part = slice(start, start + BLOCK_VOXELS)
        cut[part] = np.searchsorted(thresholds, flat[part], side="left")
    return (labels, thresholds) if return_thresholds else labels


def _rising(name, values):
    numbers = np.asarray(real_numbers(name, values), float)
    if numbers.ndim != 1 or not np.isfinite(numbers).all() or (np.diff(numbers) <= 0).any():
        raise ValueError(f"{name} must be a number or numbers that rise, got {values!r}.")
    return numbers


def _least_variance(images, n_phases):
    """Return the thresholds between phases within which grey levels vary least."""
    values, counts = _histogram(images)
    if len(values) < n_phases:
        raise ValueError(
            f"images must have {n_phases} grey levels at least for levels={n_phases}, "
            f"got {len(values)}."
        )
    shifted = values - values.mean()
    weights, first, second = (
        np.concatenate([[0.0], np.cumsum(counts * shifted**power)]) for power in range(3)
    )
    # Scatter of the values from i to j, without j; of none it is infinite.
    n = weights[None, :] - weights[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        scatter = second[None, :] - second[:, None] - (first[None, :] - first[:, None]) ** 2 / n
    scatter[~np.triu(np.ones(scatter.shape, bool), 1)] = np.inf
    least, cuts = scatter[0], []
    for _ in range(n_phases - 1):
        total = least[:, None] + scatter
        cuts.append(total.argmin(axis=0))
        least = total.min(axis=0)
    ends, end = [], len(values)
    for cut in cuts[::-1]:
        end = cut[end]
        ends.append(end)
    return np.array([(values[end - 1] + values[end]) / 2 for end in ends[::-1]])


def _histogram(images):
    """Return grey levels and how often they are; of many levels the centres of bins."""
    if images.dtype in (np.uint8, np.uint16):  # counted, where unique sorts a copy of the images
        flat, n_levels = images.reshape(-1), np.iinfo(images.dtype).max + 1
        parts = (flat[start : start + BLOCK_VOXELS] for start in range(0, flat.size, BLOCK_VOXELS))
        counts = sum(np.bincount(part, minlength=n_levels) for part in parts)
        values = np.flatnonzero(counts)
        counts = counts[values]
    else:
        values, counts = np.unique(images, return_counts=True)
    if len(values) > N_BINS:
        counts, edges = np.histogram(values.astype(float), N_BINS, weights=counts.astype(float))
        values = (edges[1:] + edges[:-1]) / 2
        values, counts = values[counts > 0], counts[counts > 0]
    return values.astype(float), counts.astype(float)
