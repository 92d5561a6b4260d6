"""Labels with a prescribed number of voxels of each phase.

Adding an offset ``b_c`` to the log-probability of phase
``c`` before the argmax moves voxels between phases, the least certain ones first. The
offsets that give prescribed counts ``n_c`` minimise the convex function

    sum_x max_c (l_c(x) + b_c) - sum_c n_c b_c,

the dual of the assignment of voxels to phases with those counts and the largest total
log-probability. With two phases this is a decision threshold chosen by sorting.
"""

import numpy as np

MAX_ROUNDS = 200


def balanced_offsets(scores: np.ndarray, counts: np.ndarray | int, start: np.ndarray) -> np.ndarray:
    """Return offsets whose argmax gives every phase of one image its number of voxels.

    Phases take turns: with the other offsets fixed, the offset that gives phase ``c``
    its count lies midway between two of its margins. Every turn is an exact minimisation
    along one coordinate of the convex dual; for two phases it is the only one. The first
    phase keeps its offset, since only differences matter.

    Parameters
    ----------
    scores : ndarray of shape (C, N)
        Scores of the phases, such as log-probabilities.
    counts : ndarray of shape (C,), int
        Voxels of each phase, at least one; they sum to N.
    start : ndarray of shape (C,)
        Offsets to begin with.

    Returns
    -------
    offsets : ndarray of shape (C,)
        Offsets that meet the counts, but for ties and where the rounds are used up.
    """
    offsets = np.array(start)
    for _ in range(MAX_ROUNDS):
        before = offsets.copy()
        for c in range(1, len(scores)):
            rivals = scores + offsets[:, None]
            rivals[c] = -np.inf
            offsets[c] = _threshold(scores[c] - rivals.max(axis=0), counts[c])
        if len(scores) <= 2 or np.array_equal(offsets, before):
            break
        labels = (scores + offsets[:, None]).argmax(axis=0)
        if np.array_equal(np.bincount(labels, minlength=len(scores)), counts):
            break
    return offsets


def _threshold(margins, count):
    """Offset that makes ``count`` of the margins positive, some but not all of them."""
    place = len(margins) - count
    below, above = np.partition(margins, (place - 1, place))[place - 1 : place + 1]
    return -0.5 * (above + below)


def assigned_labels(logits, counts):
    """Return the labels (N,) of one image, of log-probabilities (C, N), that has given counts (C,).

    Voxels that balanced offsets leave undecided move by smallest loss.
    """
    present = np.flatnonzero(counts)
    logits, counts = logits[present], np.asarray(counts)[present]
    offsets = balanced_offsets(logits, counts, np.zeros(len(logits)))
    shifted = logits + offsets[:, None]
    return present[_repair(shifted, shifted.argmax(axis=0), counts)]


def thresholded_labels(odds, count):
    """Return the labels (N,) of two phases, 1 for ``count`` voxels whose odds (N,) are largest.

    The same as :func:`assigned_labels`; of voxels as likely as each other, the first ones.
    """
    labels = np.zeros(len(odds), dtype=np.int64)
    if count > 0:
        threshold = np.partition(odds, -count)[-count]
        labels[odds > threshold] = 1
        labels[np.flatnonzero(odds == threshold)[: count - labels.sum()]] = 1
    return labels


def _repair(shifted, labels, counts):
    """Move voxels from phases in surplus to phases in need, those that lose least first."""
    surplus = np.bincount(labels, minlength=len(counts)) - counts
    while surplus.any():
        needy = np.flatnonzero(surplus < 0)
        rich = np.flatnonzero(surplus[labels] > 0)
        loss = shifted[labels[rich], rich] - shifted[np.ix_(needy, rich)]
        best = loss.argmin(axis=0)
        order = np.argsort(loss[best, np.arange(len(rich))], kind="stable")
        voxels, sources, targets = rich[order], labels[rich[order]], needy[best[order]]
        ends = [np.flatnonzero(sources == c)[:n][-1] for c, n in enumerate(surplus) if n > 0]
        for c in needy:
            arriving = np.flatnonzero(targets == c)[: -surplus[c]]
            ends += [arriving[-1]] if len(arriving) == -surplus[c] else []
        moved = slice(min(ends) + 1)
        labels[voxels[moved]] = targets[moved]
        surplus = np.bincount(labels, minlength=len(counts)) - counts
    return labels
