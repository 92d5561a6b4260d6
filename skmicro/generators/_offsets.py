"""Offsets of scores that give every phase a prescribed number of voxels.

The offsets of :mod:`skmicro.encoding`, for many images at once and with gradients left to the
scores: the images that decoding makes of the scores have the counts as they are.
"""

import numpy as np
import torch

SOFTNESSES = np.repeat((0.3, 0.1, 0.03, 0.01, 0.003, 0.001), 3).tolist()
ROUNDS = 50
ABSENT = 1e6


def exact_offsets(scores, counts):
    """Return offsets whose argmax gives every phase its number of voxels.

    Two phases need one sorting. For more, Newton's method with a softmax in place of the
    argmax comes close, and phases that take turns finish, as in
    :meth:`skmicro.encoding.PhaseEncoder.decode_counts`, here for many images at once.

    Parameters
    ----------
    scores : Tensor of shape (n, C, n_voxels), float64
        Scores of the phases.
    counts : Tensor of shape (n, C), int64
        Voxels of each phase; every row sums to ``n_voxels``.

    Returns
    -------
    offsets : Tensor of shape (n, C)
        Offsets; far below the others for a phase without voxels.
    """
    n_phases = scores.shape[1]
    offsets = torch.where(counts > 0, 0.0, -ABSENT).to(scores)
    if n_phases > 2:
        offsets = _nearly_exact(scores, counts, offsets)
    pending = torch.ones(len(scores), dtype=torch.bool)
    for _ in range(ROUNDS if n_phases > 2 else 1):
        for c in range(1, n_phases):
            rivals = scores + offsets.unsqueeze(2)
            rivals[:, c] = -torch.inf
            level = _level(scores[:, c] - rivals.amax(dim=1), counts[:, c])
            offsets[:, c] = torch.where(pending & (counts[:, c] > 0), level, offsets[:, c])
        labels = (scores + offsets.unsqueeze(2)).max(dim=1).indices
        found = torch.stack([(labels == c).sum(dim=1) for c in range(n_phases)], dim=1)
        pending = (found != counts).any(dim=1)
        if not pending.any():
            break
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


def _level(margins, count):
    """Offset that makes ``count`` margins of each row positive, midway between two of them."""
    ordered = np.sort(margins.numpy(), axis=1)[:, ::-1]
    padded = np.hstack([ordered[:, :1] + 1.0, ordered, ordered[:, -1:] - 1.0])
    rows = np.arange(len(ordered))
    return -torch.from_numpy(padded[rows, count] + padded[rows, count + 1]) / 2
