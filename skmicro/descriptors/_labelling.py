"""The clusters of a phase: connected components of a whole stack of images at once.

A stack is labelled with a neighbourhood that does not reach from one image to the next. Where
images wrap around, labels that meet across the border are joined afterwards.
"""

from itertools import product

import numpy as np
import torch
from scipy import ndimage, sparse


def phase_mask(descriptor, images):
    """Return where images belong to a descriptor's ``phase``, an array (n, *spatial) of bool.

    Where the phase is the most probable one (the first of those that are equal), or the grey
    level at least 1/2.
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

    Returns labels (n, *thick), numbers from 1 on, 0 outside the phase, and how many there are.
    Sides of one pixel are left out, but for the last one. With ``corners`` voxels that share no
    more than a corner are connected.
    """
    thick = [side for side in mask.shape[1:] if side > 1] or [1]
    structure = np.zeros((3,) * (len(thick) + 1), dtype=bool)
    structure[1] = ndimage.generate_binary_structure(len(thick), len(thick) if corners else 1)
    return ndimage.label(mask.reshape(len(mask), *thick), structure)


def join_across_borders(labels, n_labels, corners=False):
    """Return the cluster of each label when those that meet across the border are one.

    Numbers from 0 on, (n_labels,), of labels as :func:`label_stack` returns them.
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


def leads_around(mask, corners=False):
    """Tell along which axes clusters of periodic images lead from one period to the next.

    Parameters
    ----------
    mask : ndarray of shape (n, *spatial), bool
        The phase.
    corners : bool, default=False
        Whether voxels are connected that share no more than a corner.

    Returns
    -------
    axes : ndarray of shape (n, n_axes), bool
        Whether somebody who walks within a cluster, across the borders, can come back with more
        steps forth than back along each axis. A cluster may lead around two axes at once only,
        along a diagonal.
    """
    around = np.zeros((len(mask), mask.ndim - 1), dtype=bool)
    thick = [axis for axis, side in enumerate(mask.shape[1:]) if side > 1]
    for axis in set(range(mask.ndim - 1)) - set(thick):
        around[:, axis] = mask.reshape(len(mask), -1).any(axis=1)
    if not thick:
        return around
    image, turns = _turns(mask, corners)
    for k, axis in enumerate(thick):
        around[image[turns[:, k] != 0], axis] = True
    return around


def ranks_around(mask, corners=False):
    """Return in how many independent directions the clusters of an image lead around, (n,).

    The rank of the periods by which closed walks within clusters of periodic images advance, of all
    clusters together. Sides of one pixel are left out.
    """
    if max(mask.shape[1:]) == 1:
        return np.zeros(len(mask), dtype=int)
    image, turns = _turns(mask, corners)
    moving = turns.any(axis=1)
    ways = [[] for _ in mask]
    for number, *way in np.unique(np.column_stack([image, turns])[moving], axis=0).tolist():
        ways[number].append(way)
    return np.array([np.linalg.matrix_rank(np.array(w)) if w else 0 for w in ways])


def _turns(mask, corners):
    """Return images (m,) and the periods (m, n_thick) by which closed walks in them advance.

    Walks that pass a border, on which all others depend; periods along axes longer than one voxel.
    """
    labels, n_labels = label_stack(mask, corners)
    labels = labels.reshape(len(mask), *[side for side in mask.shape[1:] if side > 1])
    image, tail, head, step = _crossings(labels, corners)
    place = _unrolled(tail, head, step, n_labels)
    return image, place[tail] + step - place[head]


def _crossings(labels, corners):
    """Return where clusters meet across borders: image, both labels, and the border, (m, n_axes).

    The second label lies in the period to which the step (of -1, 0 or 1 along each axis) leads.
    """
    n_axes, found = labels.ndim - 1, []
    for axis in range(n_axes):
        last, first = labels.take(-1, 1 + axis), labels.take(0, 1 + axis)
        others = [other for other in range(n_axes) if other != axis]
        for move in product((-1, 0, 1), repeat=n_axes - 1) if corners else [(0,) * (n_axes - 1)]:
            partner = np.roll(first, [-m for m in move], tuple(range(1, n_axes)))
            image, *place = np.nonzero((last > 0) & (partner > 0))
            step = np.zeros((len(image), n_axes), dtype=int)
            step[:, axis] = 1
            for other, m, where in zip(others, move, place, strict=True):
                step[:, other] = np.floor_divide(where + m, labels.shape[1 + other])
            ends = last[image, *place] - 1, partner[image, *place] - 1
            found.append(np.column_stack([image, *ends, step]))
    found = np.concatenate(found)
    # Rows as numbers, which are sorted faster; a label belongs to one image.
    code = found[:, 1] * (int(labels.max()) + 1) + found[:, 2]
    code = code * 3**n_axes + (found[:, 3:] + 1) @ 3 ** np.arange(n_axes)[::-1]
    found = found[np.unique(code, return_index=True)[1]]
    return found[:, 0], found[:, 1], found[:, 2], found[:, 3:]


def _unrolled(tail, head, step, n_labels):
    """Return a period for each label, (n_labels, n_axes), that follows from some of the steps."""
    place = np.zeros((n_labels + 1, step.shape[1]), dtype=int)
    shape = (n_labels + 1,) * 2
    met = sparse.coo_array((np.ones(len(tail), bool), (tail, head)), shape=shape)
    parts = sparse.csgraph.connected_components(met, directed=False)[1]
    # One more node, beside one of each part, from which all of them are found in one search.
    roots = tail[np.unique(parts[tail], return_index=True)[1]]
    ends = np.append(tail, np.full(len(roots), n_labels)), np.append(head, roots)
    met = sparse.coo_array((np.ones(len(ends[0]), bool), ends), shape=shape)
    order, before = sparse.csgraph.breadth_first_order(met, n_labels, directed=False)
    known = dict(zip(zip(tail.tolist(), head.tolist(), strict=True), step, strict=True))
    for label in order[1:].tolist():
        near = int(before[label])
        if (near, label) in known:
            place[label] = place[near] + known[near, label]
        elif (label, near) in known:
            place[label] = place[near] - known[label, near]
    return place
