"""VolumeFraction and PhaseFractions."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from skmicro.descriptors import ClusterStatistics, PhaseFractions, VolumeFraction, descriptor_named

RNG = np.random.default_rng(0)
BINARY = (RNG.random((4, 6, 5)) < 0.4).astype(np.int64)


@pytest.mark.parametrize(
    "images",
    [
        BINARY,
        BINARY.astype(bool),
        BINARY.astype(np.uint8) * 255,
        BINARY.astype(np.float32),
        BINARY.astype(np.float64),
        2 * BINARY - 1,
    ],
    ids=["int64", "bool", "0-255", "float32", "float64", "-1-1"],
)
def test_label_values_and_types_do_not_matter(images):
    expected = BINARY.mean(axis=(1, 2), dtype=np.float32)[:, None]
    assert_array_equal(VolumeFraction().fit_transform(images), expected)
    fractions = PhaseFractions().fit_transform(images)
    assert_array_equal(fractions[:, 1:], expected)


@pytest.mark.parametrize("shape", [(3, 8, 8), (3, 4, 5, 6), (3, 1, 7)])
def test_many_phases(shape):
    labels = np.random.default_rng(1).integers(1, 6, shape)
    labels.flat[:5] = range(1, 6)
    fractions = PhaseFractions().fit(labels)
    found = fractions.transform(labels)
    axes = tuple(range(1, len(shape)))
    expected = np.stack([(labels == phase).mean(axis=axes) for phase in range(1, 6)], axis=1)
    np.testing.assert_allclose(found, expected, atol=1e-7)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert fractions.get_feature_names_out().tolist() == [
        f"phase_fractions_{phase}" for phase in range(1, 6)
    ]
    for phase in range(1, 6):
        one = VolumeFraction(phase=phase).fit_transform(labels)
        np.testing.assert_array_equal(one[:, 0], found[:, phase - 1])
    last = VolumeFraction().fit_transform(labels)
    np.testing.assert_array_equal(last[:, 0], found[:, -1])


def test_grey_levels_give_their_mean():
    grey = RNG.random((3, 5, 5))
    for descriptor in (VolumeFraction(), PhaseFractions()):
        found = descriptor.fit_transform(grey)
        np.testing.assert_allclose(found[:, 0], grey.mean(axis=(1, 2)), rtol=1e-6)
        assert found.shape == (3, 1)
    assert PhaseFractions().fit(grey).get_feature_names_out().tolist() == ["phase_fractions_grey"]


def test_unknown_phase_is_an_error():
    with pytest.raises(ValueError, match=r"phase must be one of the labels \[0, 1\], got 7"):
        VolumeFraction(phase=7).fit(BINARY)
    with pytest.raises(TypeError, match=r"phase must be one label or None, got \[1\]"):
        VolumeFraction(phase=[1]).fit(BINARY)


def test_gradient_is_uniform():
    probabilities = torch.rand(2, 2, 4, 5, dtype=torch.float64, generator=_generator())
    probabilities.requires_grad_()
    VolumeFraction()(probabilities).sum().backward()
    expected = torch.zeros_like(probabilities)
    expected[:, 1] = 1 / 20
    torch.testing.assert_close(probabilities.grad, expected)
    assert torch.autograd.gradcheck(PhaseFractions(), probabilities)


def test_tensor_in_tensor_out_and_pandas():
    pytest.importorskip("pandas")
    descriptor = VolumeFraction().fit(BINARY)
    assert isinstance(descriptor.transform(torch.from_numpy(BINARY)), torch.Tensor)
    frame = VolumeFraction().set_output(transform="pandas").fit_transform(BINARY)
    assert frame.columns.tolist() == ["p1"]


def test_names_find_their_classes():
    assert descriptor_named("p1") is VolumeFraction
    assert descriptor_named("phase_fractions") is PhaseFractions
    with pytest.raises(ValueError, match="'p17'") as caught:
        descriptor_named("p17")
    assert "'euler_number'" in str(caught.value)


def test_descriptors_without_gradient_have_names_but_are_not_offered_as_targets():
    assert descriptor_named("clusters") is ClusterStatistics
    with pytest.raises(ValueError, match="target or invariance must be one of") as caught:
        descriptor_named("p17")
    assert "clusters" not in str(caught.value)


def _generator():
    return torch.Generator().manual_seed(0)
