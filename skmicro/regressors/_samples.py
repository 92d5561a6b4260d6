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
    trained_only : ndarray of shape (n,)
        Whether each is always trained on, and never set apart.
    rows : ndarray of shape (n,)
        Number of each among those that the user passed.
    """

    images: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    groups: np.ndarray
    trained_only: np.ndarray
    rows: np.ndarray

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, index):
        """Return some of the samples."""
        return Samples(*(part[index] for part in vars(self).values()))

    def split(self, name, fraction, rng):
        """Return the samples that stay, and those that are set apart.

        Whole groups are set apart, drawn at random until they make up the fraction, a parameter of
        this name, of the samples that may be. A group that would overshoot it by more than it fell
        short before is passed over; where all would, the smallest is set apart.
        """
        if fraction == 0:
            return self, self[:0]
        free = ~self.trained_only
        labels, sizes = np.unique(self.groups[free], return_counts=True)
        if len(labels) < 2:
            raise ValueError(
                f"{name} must be 0 unless two images, or groups of them, are left to choose from, "
                f"got {fraction:g} with {len(labels)}."
            )
        chosen, missing = [], fraction * np.count_nonzero(free)
        for group in rng.permutation(len(labels)):
            if missing > 0 and sizes[group] < 2 * missing + 1 and len(chosen) < len(labels) - 1:
                chosen.append(group)
                missing -= sizes[group]
        apart = free & np.isin(self.groups, labels[chosen or [sizes.argmin()]])
        return self[~apart], self[apart]


def checked_samples(estimator, X, y, sample_weight=None, groups=None, trained_only=None):
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
    only = np.zeros(n, dtype=bool) if trained_only is None else _checked_mask(trained_only, n)
    samples = Samples(images, targets.reshape(n, -1), weights, labels, only, np.arange(n))
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
    try:
        names, numbers = np.unique(labels, return_inverse=True)
    except TypeError:
        kinds = sorted({type(label).__name__ for label in labels})
        raise TypeError(
            f"groups must hold labels of one type that can be sorted, got {' and '.join(kinds)}."
        ) from None
    if names.dtype.kind == "f" and np.isnan(names).any():
        raise ValueError("groups must hold no NaN.")
    return numbers


def _checked_mask(trained_only, n):
    mask = np.asarray(trained_only)
    if mask.shape != (n,) or mask.dtype != bool:
        raise ValueError(
            f"trained_only must hold {n} booleans, got {mask.dtype} of shape {mask.shape}."
        )
    return mask
