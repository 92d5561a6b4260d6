"""What the members of an ensemble predict, also as means over turns and flips of the image."""

import copy

import numpy as np
import torch
from torch import nn

from .. import _arrays
from ..images import point_symmetries


def joined(factory, n_members):
    """Return members as one module."""
    return nn.ModuleList(factory() for _ in range(n_members))


def members_of(network):
    """Return the members of what :func:`joined` made, or of a single network."""
    return list(network) if isinstance(network, nn.ModuleList) else [network]


@torch.no_grad()
def predictions(network, images, *, encoder, targets, equivariant):
    """Return the targets of images that each member predicts, (n, n_members, n_outputs).

    Where they are to be equivariant, they are means over all moved images of the targets of these,
    moved back. Means are of targets and not of network outputs, so that they stay between
    bounds, which are convex.
    """
    like, members = next(network.parameters()), members_of(network)
    moves = point_symmetries(images.shape[1:])[: None if equivariant else 1]

    def predicted(index):
        channels = encoder.encode(images[index], like.device, like.dtype)
        # Contiguous: results must not depend on the layout that a move leaves.
        moved = [move(channels).contiguous() for move in moves]
        told = torch.stack([member(x) for x in moved for member in members]).cpu().numpy()
        y = targets.decode(told.astype(np.float64), images[index])
        y = y.reshape(len(moves), -1, y.shape[-1])
        if equivariant:
            parts = zip(y, moves, strict=True)
            y = np.stack([targets.moved(part, move.inverse) for part, move in parts])
        return y.mean(axis=0).reshape(len(members), len(index), -1).swapaxes(0, 1)

    batch_size = _arrays.inference_batch_size(images.shape[1:])
    return _arrays.map_batches(predicted, len(images), batch_size)


def kept_members(network, bests, history):
    """Return a copy of what a training keeps, and the iterations after which it was so."""
    members = [best.network for best in bests] or members_of(network)
    n_iters = [int(best.n_iter) for best in bests] or [history.n_iter] * len(members)
    members = copy.deepcopy(members)
    if not isinstance(network, nn.ModuleList):
        return members[0], n_iters[0]
    return nn.ModuleList(members), np.array(n_iters)
