"""Flows that are trained for a moment, and whose network is random all the same."""

import torch
from textures import cut_blobs

from skmicro.generators import FlowMatchingGenerator

TINY = {
    "n_iter": 3,
    "width": 4,
    "batch_size": 4,
    "random_state": 0,
    "device": "cpu",
    "precision": "float32",
}


def randomised(X=None, y=None, **settings):
    """Return a fitted flow whose network is random, not only what three steps make of it."""
    generator = FlowMatchingGenerator(**TINY | {"periodic": True} | settings)
    generator.fit(cut_blobs() if X is None else X, y)
    rng = torch.Generator().manual_seed(0)
    for weights in generator.generator_.parameters():
        weights.add_(0.1 * torch.randn(weights.shape, generator=rng))
    return generator
