"""Counts by words of 64 voxels are the integers of the sums over voxels."""

from itertools import product

import numpy as np
import pytest
import torch

from skmicro.descriptors import (
    EulerNumber,
    MinkowskiFunctionals,
    SpecificSurface,
    _bits,
    _geometry_kernels,
    _kernels,
)

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
        counts = _bits.block_sums(words.copy(), shape, periodic=periodic, corners=corners)
        slow = _geometry_kernels._block_sums(extended, mean=False)
        np.testing.assert_array_equal(counts, slow.numpy())
        options = {"periodic": False, "corners": corners, "mean": True}
        means = _bits.block_sums(words.copy(), shape, **options)
        slow = _geometry_kernels._block_sums(1 - field if corners else field, mean=True)
        np.testing.assert_allclose(means, slow.numpy(), rtol=1e-12)
        unlike = _bits.face_counts(words, shape, periodic=periodic)
        for axis in range(len(shape)):
            step = [int(axis == other) for other in range(len(shape))]
            differences = _kernels.neighbour_differences(field, step, periodic)
            assert unlike[:, axis].tolist() == differences.abs().flatten(1).sum(1).tolist()


def known(cls, options):
    """Return those of the options that a class has."""
    return {name: value for name, value in options.items() if name in cls().get_params()}


@pytest.mark.parametrize("shape", [(9, 66), (70, 70), (5, 6, 67), (8, 8, 64)])
def test_phases_and_windows_have_the_features_of_the_slow_count(shape, monkeypatch):
    phases = np.random.default_rng(1).integers(0, 3, (2, *(side + 3 for side in shape)))
    windows = phases[(slice(None), *(slice(2, 2 + side) for side in shape))]
    names = [MinkowskiFunctionals, EulerNumber, SpecificSurface]
    options = [
        {"phase": phase, "periodic": periodic} for phase in range(3) for periodic in (True, False)
    ]
    options.append({"phase": 1, "periodic": False, "edge_correction": False})
    made = [
        [cls(**known(cls, kwargs)).fit_transform(windows) for kwargs in options] for cls in names
    ]
    monkeypatch.setattr(_bits, "indicator_words", lambda field: None)
    slow = [
        [cls(**known(cls, kwargs)).fit_transform(windows) for kwargs in options] for cls in names
    ]
    for fast, expected in zip(made, slow, strict=True):
        # Surfaces of the slow count are sums of single precision.
        np.testing.assert_allclose(fast, expected, rtol=1e-6, atol=1e-9)


def test_probabilities_and_gradients_have_no_words():
    field = torch.zeros(1, 4, 4)
    assert _bits.indicator_words(field) is not None
    assert _bits.indicator_words(field + 0.5) is None
    assert _bits.indicator_words(field + torch.nan) is None
    assert _bits.indicator_words(field.requires_grad_(True)) is None
    with torch.no_grad():
        assert _bits.indicator_words(field) is not None
