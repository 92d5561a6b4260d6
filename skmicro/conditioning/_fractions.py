"""Phase fractions met to half a voxel by the decision threshold between phases."""

import numpy as np

from .._warnings import warn_user
from ..descriptors import PhaseFractions, VolumeFraction
from ..exceptions import ThresholdWarning

MOVED_SHARE = 0.05
"""Of an image's voxels; where more change their phase, thin parts of phases may vanish or merge."""


def exact_fractions(targets):
    """Return the fraction target that ``exact=True`` meets.

    Raises ValueError unless exactly one target is a fraction of images with phases, and it is 1
    where they have one phase only.
    """
    fractions = [target for target in targets if is_fraction(target)]
    if len(fractions) != 1:
        raise ValueError(
            "exact=True needs one target that is a phase fraction (p1 or phase_fractions) of "
            f"images with phases, got {[target.name for target in targets]}."
        )
    (target,) = fractions
    if len(target.descriptor.phases_) == 1 and target.values.min() < 1.0:
        raise ValueError(
            f"target {target.name} must be 1 for images of one phase, got {target.values.min():g}."
        )
    return target


def fraction_target(targets):
    """Return the target that is a fraction of two phases or more; None unless there is just one."""
    fractions = [
        target for target in targets if is_fraction(target) and len(target.descriptor.phases_) > 1
    ]
    return fractions[0] if len(fractions) == 1 else None


def levelled(channels, target, index, encoder, tolerance, moved=None):
    """Return decoded images, with the fractions of a target where they miss them.

    Parameters
    ----------
    channels : Tensor of shape (n, C, *spatial)
        Phase probabilities.
    target : Target
        A phase fraction.
    index : ndarray of shape (n,)
        The row of the target that each image has to meet.
    encoder : PhaseEncoder
        Encoding of the images.
    tolerance : float
        Images that come nearer, in the root mean square, stay as they are.
    moved : ndarray of shape (n_images,) or None, default=None
        Receives, at ``index``, the share of the voxels of each image whose phase has changed.

    Returns
    -------
    images : ndarray of shape (n, *spatial)
        Labels. Phases' borders move where the probabilities are least certain.
    """
    images = encoder.decode(channels)
    rows = images.reshape(len(images), -1)
    present = np.stack([np.count_nonzero(rows == p, axis=1) for p in encoder.phases], axis=1)
    counts = phase_counts(target, index, present, encoder)
    chosen = slice(None)
    if not isinstance(target.descriptor, PhaseFractions):
        chosen = [encoder.channel_of(target.descriptor.phase)]
    misses = present[:, chosen] / rows.shape[1] - target.values[index]
    missed = np.sqrt(np.square(misses).mean(axis=1)) > tolerance
    chosen = np.flatnonzero(missed & (present != counts).any(axis=1))
    shares = np.zeros(len(images))
    if len(chosen) > 0:
        exact = encoder.decode_counts(channels[chosen], counts[chosen])
        shares[chosen] = (exact != images[chosen]).reshape(len(chosen), -1).mean(axis=1)
        images[chosen] = exact
    if moved is not None:
        moved[index] = shares
    return images


def warn_moved(shares):
    """Warn where exact fractions have changed the phase of many voxels, shares of all (n,)."""
    far = shares[shares > MOVED_SHARE]
    if len(far) > 0:
        warn_user(
            f"exact=True gave more than {MOVED_SHARE:.0%} of the voxels of {len(far)} of "
            f"{len(shares)} images another phase ({far.mean():.1%} on average, {far.max():.1%} at "
            "most): their correlation functions have changed with the fraction. Train longer, or "
            "use fractions closer to those of the training images.",
            ThresholdWarning,
        )


def phase_counts(target, index, present, encoder):
    """Return the voxels (n, C) of each phase that meet the rows ``index`` of a fraction target.

    A ``p1`` target fixes one phase; the others keep the proportions that ``present`` (n, C), the
    voxels of the image as it is, have. Counts differ from the target by at most half a voxel (for
    all phases prescribed: by less than one, with the right sum).
    """
    n_voxels = int(present[0].sum())
    if isinstance(target.descriptor, PhaseFractions):
        return np.stack([apportion(row, n_voxels) for row in target.values[index]])
    chosen = encoder.channel_of(target.descriptor.phase)
    counts = []
    for row, fraction in zip(present.astype(float), target.values[index, 0], strict=True):
        row[chosen] = 0.0
        if not row.any():
            row[np.arange(encoder.n_channels) != chosen] = 1.0
        total = max(row.sum(), 1.0)
        count = int(np.floor(fraction * n_voxels + 0.5))
        row_counts = apportion(row / total, n_voxels - count)
        row_counts[chosen] = count
        counts.append(row_counts)
    return np.stack(counts)


def apportion(shares, total):
    """Whole numbers that sum to ``total`` and are nearest to the shares."""
    ideal = np.asarray(shares) * total
    counts = np.floor(ideal).astype(np.int64)
    missing = total - counts.sum()
    counts[np.argsort(counts - ideal, kind="stable")[:missing]] += 1
    return counts


def is_fraction(target):
    """Tell whether a target is a phase fraction of images with phases."""
    fraction = isinstance(target.descriptor, (VolumeFraction, PhaseFractions))
    return fraction and target.descriptor.phases_ is not None
