"""Phase fractions met to half a voxel: which target they are, and how many voxels that makes."""

import numpy as np

from ..descriptors import PhaseFractions, VolumeFraction


def exact_fractions(targets):
    """Return the fraction target that ``exact=True`` meets.

    Raises ValueError unless exactly one target is a fraction of images with phases, and it is 1
    where they have one phase only.
    """
    fractions = [
        target
        for target in targets
        if isinstance(target.descriptor, (VolumeFraction, PhaseFractions))
        and target.descriptor.phases_ is not None
    ]
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


def phase_counts(target, index, channels, encoder):
    """Return the voxels (n, C) of each phase that meet the rows ``index`` of a fraction target.

    A ``p1`` target fixes one phase; the others keep the proportions of the image decoded from
    ``channels`` (n, C, *spatial). Counts differ from the target by at most half a voxel (for all
    phases prescribed: by less than one, with the right sum).
    """
    n_voxels = int(np.prod(channels.shape[2:]))
    if isinstance(target.descriptor, PhaseFractions):
        return np.stack([apportion(row, n_voxels) for row in target.values[index]])
    chosen = encoder.channel_of(target.descriptor.phase)
    labels = channels.argmax(dim=1).flatten(1).cpu().numpy()
    counts = []
    for row, fraction in zip(labels, target.values[index, 0], strict=True):
        present = np.bincount(row, minlength=encoder.n_channels).astype(float)
        present[chosen] = 0.0
        if not present.any():
            present[np.arange(encoder.n_channels) != chosen] = 1.0
        total = max(present.sum(), 1.0)
        count = int(np.floor(fraction * n_voxels + 0.5))
        row_counts = apportion(present / total, n_voxels - count)
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
