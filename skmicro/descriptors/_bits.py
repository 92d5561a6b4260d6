"""Counts of blocks and faces of indicators, 64 voxels at a time.

The voxels of a row along the last axis are the bits of 64-bit words. That two neighbours lie in
the phase is one AND of words, and of words shifted by a bit, for 64 pairs of voxels; the bits are
counted by the processor. The integers are those of the sums over voxels.
"""

import numpy as np
import torch

WORD = 64
_ONE = np.uint64(1)
_REST = np.uint64(WORD - 1)


def indicator_words(field):
    """Return a field (n, *spatial) of zeros and ones as words (n, ..., n_words), or None.

    Returns None for all other fields, for fields that require gradients or are not on the CPU, and
    with NumPy below 2, which does not count bits.
    """
    wanted = field.requires_grad and torch.is_grad_enabled()
    if wanted or field.device.type != "cpu" or not hasattr(np, "bitwise_count"):
        return None
    values = field.detach().numpy()
    mask = values == 1
    return _packed(mask) if np.array_equal(mask, values != 0) else None


def block_sums(words, shape, *, periodic, corners, mean=False):
    """Return the numbers of blocks of ``2**m`` voxels that lie wholly in the phase, (n, d + 1).

    Of the rest, if corners connect; see :func:`._geometry_kernels.intrinsic_volumes`. ``shape``
    has no side of one voxel. The ``mean`` number at a place, wherever blocks fit into an image
    that is not periodic, is returned in place of the sum.
    """
    if corners:
        if not periodic and not mean:
            # An image that ends at its border is one that wraps around after an empty layer.
            voxels = np.zeros((len(words), *(side + 1 for side in shape)), np.uint8)
            inner = tuple(slice(side) for side in shape)
            voxels[(slice(None), *inner)] = _unpacked(words, shape[-1])
            words = _packed(voxels)
            shape, periodic = [side + 1 for side in shape], True
        words = ~words
        words[..., -1] &= _last_word(shape[-1])
    pairs = words & _shifted(words, shape[-1], periodic)
    axes, places = range(1, len(shape)), (shape[-1], shape[-1] - 1) if mean else (None, None)
    without = _sums_across(words, axes, periodic, places[0])
    return _joined(without, _sums_across(pairs, axes, periodic, places[1]))


def face_counts(words, shape, *, periodic):
    """Return how many neighbours along each axis are unlike, (n, d)."""
    unlike = []
    for axis in range(1, len(shape)):
        before = (slice(None),) * axis
        count = _bits(words[(*before, slice(1, None))] ^ words[(*before, slice(-1))])
        if periodic:
            count += _bits(words[(*before, 0)] ^ words[(*before, -1)])
        unlike.append(count)
    steps = words ^ _shifted(words, shape[-1], periodic)
    if not periodic:
        steps[..., -1] &= _last_word(shape[-1]) >> _ONE
    return np.stack([*unlike, _bits(steps)], axis=1)


def _packed(mask):
    if mask.shape[-1] % WORD == 0:
        words = np.packbits(mask.reshape(-1), bitorder="little").view("<u8")
        return words.reshape(*mask.shape[:-1], -1)
    *leading, side = mask.shape
    packed = np.zeros((*leading, -(-side // WORD) * 8), np.uint8)
    packed[..., : -(-side // 8)] = np.packbits(mask, axis=-1, bitorder="little")
    return packed.view("<u8")


def _unpacked(words, side):
    return np.unpackbits(words.view(np.uint8), axis=-1, count=side, bitorder="little")


def _last_word(side):
    """Return a word with ones where the last word of a row of so many voxels has any."""
    return ~np.uint64(0) >> np.uint64(-side % WORD)


def _shifted(words, side, periodic):
    """Return the next voxel of each along the last axis; after the last the first, or nothing."""
    following = words >> _ONE
    following[..., :-1] |= words[..., 1:] << _REST
    if periodic:
        following[..., -1] |= (words[..., 0] & _ONE) << np.uint64((side - 1) % WORD)
    return following


def _sums_across(words, axes, periodic, places):
    """Return the numbers of blocks along any of the axes, (n, n_axes + 1), of bits of words.

    With a number of ``places`` along the last axis, they are means over all places.
    """
    if not axes:
        total = _bits(words)[:, None]
        return total if places is None else total / (words[0, ..., 0].size * places)
    before = (slice(None),) * axes[0]
    if periodic:
        pairs = np.empty_like(words)
        inner = pairs[(*before, slice(-1))]
        pairs[(*before, -1)] = words[(*before, -1)] & words[(*before, 0)]
    else:
        inner = pairs = np.empty_like(words[(*before, slice(-1))])
    np.bitwise_and(words[(*before, slice(-1))], words[(*before, slice(1, None))], out=inner)
    without = _sums_across(words, axes[1:], periodic, places)
    return _joined(without, _sums_across(pairs, axes[1:], periodic, places))


def _joined(without, along):
    """Return sums by the number of axes, of blocks without one more axis and along it."""
    sums = np.zeros((len(without), without.shape[1] + 1), dtype=without.dtype)
    sums[:, :-1] += without
    sums[:, 1:] += along
    return sums


def _bits(words):
    return np.bitwise_count(words).reshape(len(words), -1).sum(axis=1, dtype=np.int64)
