"""What a regressor learns from: images, their targets, and what is known of each."""

from dataclasses import dataclass

import numpy as np
from sklearn.utils import check_array
from sklearn.utils.validation import check_consistent_length

from ..images import check_images


@dataclass(frozen=True)
class Samples:
    """Images with their targets.

    Attributes
    ----------
    images : ndarray of shape (n, *spatial)
        Images.
    targets : ndarray of shape (n, n_outputs)
        Numbers that belong to them.
    weights : ndarray of shape (n,)
        Weights, positive.
    groups : ndarray of shape (n,)
        Number of the group that each is of.
    rows : ndarray of shape (n,)
        Number of each among those that the user passed.
    """

    images: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    groups: np.ndarray
    rows: np.ndarray

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        """Return some of the samples."""
        return Samples(*(part[index] for part in vars(self).values()))

    def split(self, name, fraction, rng):
        """Return the samples that stay, and those that are set apart.

        Whole groups are set apart, drawn until they make up the fraction, a parameter of this name;
        one of each kind at the least.
        """
        if fraction == 0:
            return self, self[:0]
        labels, sizes = np.unique(self.groups, return_counts=True)
        if len(labels) < 2:
            raise ValueError(
                f"groups must hold at least two groups with {name} > 0, got {len(labels)} in "
                "samples of positive weight that are not set apart before."
            )
        order = rng.permutation(len(labels))
        before = np.cumsum(sizes[order]) - sizes[order]
        n_apart = min(np.count_nonzero(before < fraction * len(self)), len(labels) - 1)
        apart = np.isin(self.groups, labels[order[:n_apart]])
        return self[~apart], self[apart]


def checked_samples(estimator, X, y, sample_weight, groups):
    """Return what ``fit`` was given as :class:`Samples`, without those of weight zero.

    The estimator learns the shape of the images, and in ``_single`` whether targets came as one
    number for each image. ValueError if something is not allowed.
    """
    images = check_images(estimator, X, reset=True, min_samples=2)
    if y is None:
        name = type(estimator).__name__
        raise ValueError(f"{name} requires y to be passed, but the target y is None.")
    targets = check_array(y, dtype=np.float64, ensure_2d=False, input_name="y")
    if targets.ndim > 2:
        raise ValueError(f"y must have shape (n,) or (n, n_outputs), got {targets.shape}.")
    estimator._single = targets.ndim == 1
    n = len(images)
    check_consistent_length(images, targets)
    weights = np.ones(n) if sample_weight is None else _checked_weights(sample_weight, n)
    labels = np.arange(n) if groups is None else _checked_groups(groups, n)
    samples = Samples(images, targets.reshape(n, -1), weights, labels, np.arange(n))
    return samples if weights.all() else samples[np.flatnonzero(weights)]


def _checked_weights(sample_weight, n):
    weights = check_array(
        sample_weight, dtype=np.float64, ensure_2d=False, input_name="sample_weight"
    )
    if weights.shape != (n,):
        raise ValueError(f"sample_weight must have shape ({n},), got {weights.shape}.")
    if weights.min() < 0:
        raise ValueError(f"sample_weight must be at least 0, got {weights.min():g}.")
    if np.count_nonzero(weights) < 2:
        raise ValueError(
            "sample_weight must be positive for at least 2 images, got "
            f"{np.count_nonzero(weights)}; sample_weight of all zeros leaves nothing to learn."
        )
    return weights


def _checked_groups(groups, n):
    labels = np.asarray(groups)
    if labels.shape != (n,):
        raise ValueError(f"groups must have shape ({n},), got {labels.shape}.")
    return np.unique(labels, return_inverse=True)[1]
