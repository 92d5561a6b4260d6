"""Counts by words of 64 voxels are the integers of the sums over voxels."""

from itertools import product

import numpy as np
import pytest
import torch

from skmicro.descriptors import _bits, _geometry_kernels, _kernels

SHAPES = [(5,), (64,), (8, 6), (65, 7), (7, 65), (3, 128), (5, 6, 70), (2, 3, 2), (4, 9, 64)]

pytestmark = pytest.mark.skipif(not hasattr(np, "bitwise_count"), reason="needs NumPy 2")


@pytest.mark.parametrize("shape", SHAPES)
def test_blocks_and_faces_are_those_of_the_sums_over_voxels(shape):
    rng = np.random.default_rng(0)
    share = np.array([0.1, 0.5, 0.9]).reshape(-1, *[1] * len(shape))
    field = torch.tensor((rng.random((3, *shape)) < share).astype(np.float32))
    words = _bits.indicator_words(field)
    for periodic, corners in product((True, False), (True, False)):
        extended = _geometry_kernels._extended(field, periodic, corners)
        counts = _bits.block_counts(words.copy(), shape, periodic=periodic, corners=corners)
        np.testing.assert_array_equal(counts, _geometry_kernels._block_counts(extended).numpy())
        unlike = _bits.face_counts(words, shape, periodic=periodic)
        for axis in range(len(shape)):
            step = [int(axis == other) for other in range(len(shape))]
            differences = _kernels.neighbour_differences(field, step, periodic)
            assert unlike[:, axis].tolist() == differences.abs().flatten(1).sum(1).tolist()


def test_probabilities_and_gradients_have_no_words():
    field = torch.zeros(1, 4, 4)
    assert _bits.indicator_words(field) is not None
    assert _bits.indicator_words(field + 0.5) is None
    assert _bits.indicator_words(field + torch.nan) is None
    assert _bits.indicator_words(field.requires_grad_(True)) is None
    with torch.no_grad():
        assert _bits.indicator_words(field) is not None
