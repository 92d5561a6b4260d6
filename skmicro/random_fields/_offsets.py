"""Offsets of scores that give every phase a prescribed number of voxels.

Where :mod:`skmicro.images` moves the last voxels of a decoded image by hand, a field that is
cut needs the offsets themselves: they leave gradients to the scores.
"""

import numpy as np
import torch

from ..images import balanced_offsets

SOFTNESSES = np.repeat((0.3, 0.1, 0.03, 0.01, 0.003, 0.001), 3).tolist()
ABSENT = 1e6


def exact_offsets(scores, counts):
    """Return offsets (n, C) whose argmax gives every phase its number of voxels.

    Newton's method with a softmax in place of the argmax comes close, for many images at once;
    :func:`skmicro.images.balanced_offsets` finishes. Two phases need no such start. Scores are
    (n, C, n_voxels) in double precision, counts (n, C) integers whose rows sum to ``n_voxels``;
    the offset of a phase without voxels is far below the others.
    """
    offsets = torch.where(counts > 0, 0.0, -ABSENT).to(scores)
    if scores.shape[1] > 2:
        offsets = _nearly_exact(scores, counts, offsets)
    arrays = (scores.detach().numpy(), counts.numpy(), offsets.numpy())
    for row, count, offset in zip(*arrays, strict=True):
        present = np.flatnonzero(count)
        offset[present] = balanced_offsets(row[present], count[present], offset[present])
    return offsets


def _nearly_exact(scores, counts, offsets):
    """Offsets that meet the counts but for a few voxels: softmax ever nearer to argmax."""
    damping = 1e-6 * scores.shape[2] * torch.eye(scores.shape[1], dtype=scores.dtype)
    for softness in SOFTNESSES:
        probability = torch.softmax((scores + offsets.unsqueeze(2)) / softness, dim=1)
        found = probability.sum(dim=2)
        slope = (torch.diag_embed(found) - probability @ probability.mT) / softness + damping
        step = torch.linalg.solve(slope, (counts - found).unsqueeze(2)).squeeze(2)
        offsets = offsets + step.clamp(-0.5, 0.5) * (counts > 0)
    return offsets
