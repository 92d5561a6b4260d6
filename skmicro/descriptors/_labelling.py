"""The clusters of a phase: connected components of a whole stack of images at once.

A stack is labelled with a neighbourhood that does not reach from one image to the next. Where
images wrap around, labels that meet across the border are joined afterwards.
"""

from itertools import product

import numpy as np
import torch
from scipy import ndimage, sparse


def phase_mask(descriptor, images):
    """Tell which voxels belong to a descriptor's ``phase``.

    Parameters
    ----------
    descriptor : PhaseDescriptor
        Has the parameter ``phase``.
    images : Tensor of shape (n, n_channels, *spatial)
        Phase probabilities, or one channel of grey levels.

    Returns
    -------
    mask : ndarray of shape (n, *spatial), bool
        Where the phase is the most probable one (the first of those that are equal), or the
        grey level at least 1/2.
    """
    field = descriptor._field(images)
    if images.shape[1] == 1:
        return (field >= 0.5).cpu().numpy()
    channel = -1 if descriptor.phase is None else descriptor.encoder_.channel_of(descriptor.phase)
    channel %= images.shape[1]
    # Channel by channel: argmax over so few strided values takes ten times as long.
    mask = torch.ones_like(field, dtype=torch.bool)
    for other in range(images.shape[1]):
        if other != channel:
            rival = images[:, other]
            mask &= field > rival if other < channel else field >= rival
    return mask.cpu().numpy()


def label_stack(mask, corners=False):
    """Label the clusters of each image, none of which reaches across the border.

    Parameters
    ----------
    mask : ndarray of shape (n, *spatial), bool
        Voxels of the phase.
    corners : bool, default=False
        Whether voxels that share no more than a corner are connected.

    Returns
    -------
    labels : ndarray of shape (n, *thick)
        Numbers from 1 on; 0 outside the phase. Sides of one pixel are left out, but for the
        last one.
    n_labels : int
        How many there are.
    """
    thick = [side for side in mask.shape[1:] if side > 1] or [1]
    structure = np.zeros((3,) * (len(thick) + 1), dtype=bool)
    structure[1] = ndimage.generate_binary_structure(len(thick), len(thick) if corners else 1)
    return ndimage.label(mask.reshape(len(mask), *thick), structure)


def join_across_borders(labels, n_labels, corners=False):
    """Return the cluster of each label when those that meet across the border are one.

    Parameters
    ----------
    labels : ndarray of shape (n, *thick)
        As :func:`label_stack` returns them.
    n_labels : int
        How many there are.
    corners : bool, default=False
        Whether voxels that share no more than a corner are connected.

    Returns
    -------
    clusters : ndarray of shape (n_labels,)
        Numbers from 0 on.
    """
    pairs = [np.zeros((2, 0), dtype=np.intp)]
    for axis in range(1, labels.ndim):
        last, first = labels.take(-1, axis), labels.take(0, axis)
        rest = tuple(range(1, last.ndim))
        for step in product((-1, 0, 1), repeat=len(rest)) if corners else [(0,) * len(rest)]:
            partner = np.roll(first, step, rest)
            meet = (last > 0) & (partner > 0)
            pairs.append(np.stack([last[meet], partner[meet]]) - 1)
    tail, head = np.concatenate(pairs, axis=1)
    graph = sparse.coo_array((np.ones(len(tail), bool), (tail, head)), shape=(n_labels, n_labels))
    return sparse.csgraph.connected_components(graph, directed=False)[1]
