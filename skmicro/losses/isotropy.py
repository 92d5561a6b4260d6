"""Isotropy: the two-point correlation of a material may not depend on the direction.

A radial correlation is blind for directions: images of stripes can have the curve of
round drops. With M(r) the mean of S2(r) over a batch, and <M>(|r|) its mean over all
lags of exactly the same length,

    L = weight * mean_r (M(r) - <M>(|r|))^2

vanishes for materials without a preferred direction. A single image may still have one.
"""

import numpy as np
import torch


class IsotropyLoss:
    """Squared difference between directions in the mean correlation of a batch.

    Parameters
    ----------
    correlation : TwoPointCorrelation
        Bound descriptor with ``output="map"``.
    weight : float, default=1.0
        Factor of the loss.
    """

    def __init__(self, correlation, weight: float = 1.0):
        squares = np.square(correlation.lags_).sum(axis=1).round().astype(np.int64)
        _, group, size = np.unique(squares, return_inverse=True, return_counts=True)
        self.correlation = correlation
        self.weight = weight
        self.group = torch.from_numpy(group.ravel())
        self.size = torch.from_numpy(size)

    def __call__(self, images, batch):
        """Return the loss of a batch of images."""
        mean = self.correlation(images).mean(dim=0)
        group, size = self.group.to(mean.device), self.size.to(mean)
        radial = torch.zeros_like(size).index_add(0, group, mean) / size
        return self.weight * (mean - radial[group]).square().mean()
