r"""Permutation tests of many metrics at once.

If generated and real images come from one distribution, it does not matter which of them are
called generated: every division of all of them into groups of the same sizes is equally likely. A
metric of the actual images is compared with its values for random divisions [1]_.

**Many metrics.** All of them are computed for the same divisions. With the median and the 99th
percentile of a metric over the divisions, ``z = (t - q_0.5) / (q_0.99 - q_0.5)`` makes metrics of
all units and skewnesses comparable, and the adjusted p-value is the share of divisions whose
*largest* z of all metrics is at least the z found. The chance that any of them is below 5 % is then
5 %, whatever their number and however correlated they are (single-step maxT of Westfall and Young
[2]_).

**Blocks.** Patches of one region of a scan are alike. They change groups together, and generated
images are put into blocks of the same sizes.

.. [1] B. Phipson and G. K. Smyth, "Permutation p-values should never be zero", Stat. Appl. Genet.
   Mol. Biol. 9, 39, 2010.
.. [2] P. H. Westfall and S. S. Young, *Resampling-Based Multiple Testing*, Wiley, 1993.
"""

import numpy as np

CHUNK = 64
"""Divisions whose weights are held at once."""

TIE = 1e-9


def blocks_like(n, blocks, rng):
    """Return blocks of ``n`` independent images, of the sizes that blocks of other images have."""
    sizes = np.bincount(blocks)
    sizes = np.concatenate([rng.permutation(sizes) for _ in range(n // max(1, sizes.sum()) + 1)])
    return rng.permutation(np.repeat(np.arange(len(sizes)), sizes)[:n])


def divide(first_blocks, second_blocks, n_draws, rng):
    """Divide two groups of images again, block by block.

    Parameters
    ----------
    first_blocks, second_blocks : ndarray of shape (n,) and (m,), integers
        Blocks of the images; a block belongs to one group.
    n_draws : int
        Number of divisions.
    rng : numpy.random.Generator
        Source of the divisions.

    Returns
    -------
    first : ndarray of shape (n_draws, n + m), bool
        Which images are in the first group. The first row is the division as it is.
    """
    n = len(first_blocks)
    _, first_index = np.unique(first_blocks, return_inverse=True)
    _, second_index = np.unique(second_blocks, return_inverse=True)
    index = np.concatenate([first_index, second_index + first_index.max() + 1])
    sizes = np.bincount(index)
    first = np.empty((n_draws, len(index)), bool)
    first[0] = np.arange(len(index)) < n
    for row in first[1:]:
        order = rng.permutation(len(sizes))
        reached = np.cumsum(sizes[order])
        n_taken = np.clip(np.abs(reached - n).argmin() + 1, 1, len(sizes) - 1)
        taken = np.zeros(len(sizes), bool)
        taken[order[:n_taken]] = True
        row[:] = taken[index]
    return first


def over_divisions(metric, first, chosen=slice(None)):
    """Return a metric of weights for each division.

    Parameters
    ----------
    metric : callable
        ``metric(u, v)`` of weights of all images in the two groups, see :mod:`._weighted`.
    first : ndarray of shape (n_draws, n_images), bool
        The divisions, as :func:`divide` makes them.
    chosen : index of images, default=slice(None)
        Images that the metric is for.

    Returns
    -------
    values : ndarray of shape (n_draws,)
        NaN where a group has none of the chosen images, or the metric is not defined.
    """
    parts = []
    for start in range(0, len(first), CHUNK):
        u = first[start : start + CHUNK, chosen].astype(float)
        v = 1.0 - u
        with np.errstate(divide="ignore", invalid="ignore"):
            parts.append(metric(u / u.sum(1, keepdims=True), v / v.sum(1, keepdims=True)))
    return np.concatenate(parts)


def adjusted_p_values(statistics):
    """Return p-values that hold for all statistics together.

    Parameters
    ----------
    statistics : ndarray of shape (n_statistics, n_draws)
        Values that are large where groups differ; the first column for the division as it is.

    Returns
    -------
    p_values : ndarray of shape (n_statistics,)
        NaN for a statistic that is the same in all divisions.
    """
    with np.errstate(invalid="ignore"):
        middle, high, highest = np.nanquantile(statistics, [0.5, 0.99, 1.0], axis=1)[:, :, None]
    unit = np.where(high - middle > TIE * np.abs(middle), high - middle, highest - middle)
    resolved = (unit > TIE * np.abs(middle))[:, 0]
    if not resolved.any():
        return np.full(len(statistics), np.nan)
    scaled = np.nan_to_num((statistics - middle)[resolved] / unit[resolved])
    largest = scaled.max(axis=0)
    p_values = np.full(len(statistics), np.nan)
    p_values[resolved] = (largest >= scaled[:, :1] - TIE).mean(axis=1)
    return p_values
