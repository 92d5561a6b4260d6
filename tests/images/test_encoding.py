"""Labels and grey levels to channels and back, and decoding with prescribed counts."""

import tracemalloc
from itertools import permutations

import numpy as np
import pytest
import torch
from scipy.optimize import linear_sum_assignment

from skmicro.descriptors import VolumeFraction
from skmicro.images import GreyEncoder, PhaseEncoder, check_images, distinct_values, encoder_for
from skmicro.images._exact_counts import assigned_labels, thresholded_labels

LABELS = {
    "binary bytes": np.array([0, 1], np.uint8),
    "bytes 0 and 255": np.array([0, 255], np.uint8),
    "booleans": np.array([False, True]),
    "signed bytes": np.array([-7, 0, 3], np.int8),
    "five phases": np.array([1, 2, 3, 4, 5], np.int16),
    "wide integers": np.array([-(2**40), 17, 2**40], np.int64),
    "unsigned integers": np.array([3, 2**31], np.uint32),
    "whole floats": np.array([0.0, 2.0], np.float32),
    "whole doubles": np.array([-1.0, 1.0, 10.0], np.float64),
    "sixty-four labels": np.arange(64, dtype=np.uint8),
}


def label_images(phases, shape=(3, 8, 9), seed=0):
    """Images in which every phase occurs."""
    rng = np.random.default_rng(seed)
    index = rng.permutation(np.resize(np.arange(len(phases)), int(np.prod(shape))))
    return phases[index].reshape(shape)


def random_probabilities(n, n_channels, shape, seed=0, sharpness=2.0):
    rng = np.random.default_rng(seed)
    logits = sharpness * rng.standard_normal((n, n_channels, *shape))
    return torch.tensor(logits).softmax(dim=1)


def encoder_of(n_phases):
    return PhaseEncoder(np.arange(n_phases) * 10 + 1, np.int64)


def counts_of(images, encoder):
    return np.stack([(images == phase).sum(axis=(1, 2)) for phase in encoder.phases], axis=1)


def total_log_probability(probabilities, images, encoder):
    index = torch.tensor(np.searchsorted(encoder.phases, images))[:, None]
    return probabilities.log().gather(1, index).flatten(1).sum(dim=1)


@pytest.mark.parametrize("kind", LABELS)
def test_labels_survive_the_way_through_channels(kind):
    images = label_images(LABELS[kind])
    encoder = encoder_for(images)
    channels = encoder.encode(images)
    np.testing.assert_array_equal(encoder.phases, LABELS[kind])
    assert channels.shape == (3, len(LABELS[kind]), 8, 9)
    torch.testing.assert_close(channels.sum(dim=1), torch.ones(3, 8, 9))
    decoded = encoder.decode(channels)
    assert decoded.dtype == images.dtype
    np.testing.assert_array_equal(decoded, images)


@pytest.mark.parametrize("kind", LABELS)
def test_channel_of_a_label(kind):
    encoder = encoder_for(label_images(LABELS[kind]))
    images = np.broadcast_to(LABELS[kind][:, None, None], (len(LABELS[kind]), 2, 2))
    channels = encoder.encode(images)
    for k, label in enumerate(LABELS[kind]):
        assert encoder.channel_of(label) == k
        assert channels[k, encoder.channel_of(label)].eq(1).all()
    assert encoder.channel_of(None) == len(LABELS[kind]) - 1
    with pytest.raises(ValueError, match=r"phase must be one of the labels .*got 99"):
        encoder.channel_of(99)


def test_volumes_survive_as_well():
    images = label_images(LABELS["signed bytes"], (2, 4, 5, 6))
    encoder = encoder_for(images)
    np.testing.assert_array_equal(encoder.decode(encoder.encode(images)), images)


@pytest.mark.parametrize("value", [0, 1])
@pytest.mark.parametrize("dtype", [bool, np.uint8, np.float64])
def test_zeros_or_ones_alone_mean_two_phases(value, dtype):
    images = np.full((2, 3, 3), value, dtype)
    encoder = encoder_for(images)
    np.testing.assert_array_equal(encoder.phases, np.array([0, 1], dtype))
    np.testing.assert_array_equal(encoder.decode(encoder.encode(images)), images)


def test_images_of_one_phase():
    images = np.full((2, 3, 4), 7, np.int16)
    encoder = encoder_for(images)
    assert encoder.n_channels == 1
    assert encoder.channel_of(None) == encoder.channel_of(7) == 0
    np.testing.assert_array_equal(encoder.decode(0.1 * encoder.encode(images)), images)
    soft = torch.full((2, 1, 3, 4), 0.3)
    np.testing.assert_array_equal(encoder.decode_counts(soft, np.array([[12], [12]])), images)


def test_more_than_64_integer_labels_are_refused():
    with pytest.raises(ValueError, match="at most 64 distinct labels, got 65"):
        encoder_for(np.arange(65).reshape(1, 5, 13))


def test_floats_are_grey_unless_all_are_whole_and_few():
    whole = np.arange(65, dtype=float).reshape(1, 5, 13)
    assert isinstance(encoder_for(whole), GreyEncoder)
    assert isinstance(encoder_for(whole % 64), PhaseEncoder)
    assert isinstance(encoder_for(whole % 64 + 0.5), GreyEncoder)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_grey_levels_survive_the_way_through_the_unit_interval(dtype):
    images = (np.random.default_rng(0).random((4, 5, 6)) * 200 - 70).astype(dtype)
    encoder = encoder_for(images)
    channels = encoder.encode(images, dtype=torch.float64)
    assert (channels.min(), channels.max()) == (0.0, 1.0)
    decoded = encoder.decode(channels)
    assert decoded.dtype == dtype
    np.testing.assert_allclose(decoded, images, rtol=4 * np.finfo(dtype).eps, atol=1e-12)
    np.testing.assert_allclose(
        encoder.physical(channels)[:, 0], images.astype(float), rtol=1e-12, atol=1e-12
    )


def test_decoded_grey_levels_keep_within_their_ends():
    """0.7 and 0.1 are not numbers of single precision, which networks compute in."""
    encoder = GreyEncoder(-0.1, 0.7, np.float64)
    images = encoder.decode(torch.tensor([-1.0, 0.0, 1.0, 2.0]).reshape(1, 1, 2, 2))
    assert images.min() == -0.1
    assert images.max() <= 0.7
    np.testing.assert_allclose(images.ravel(), [-0.1, -0.1, 0.7, 0.7], atol=1e-7)
    encoder = GreyEncoder(0.7, 0.9, np.float64)
    assert encoder.decode(torch.zeros(1, 1, 2, 2)).min() == 0.7


def test_constant_grey_images():
    images = np.full((2, 3, 3), 0.25)
    encoder = encoder_for(images)
    channels = encoder.encode(images)
    assert torch.isfinite(channels).all()
    np.testing.assert_allclose(encoder.decode(channels), images)


def test_grey_images_have_no_phases():
    encoder = GreyEncoder(0.0, 1.0, np.float32)
    assert encoder.channel_of(None) == 0
    with pytest.raises(ValueError, match="phase must be None for grey-level images, got 1"):
        encoder.channel_of(1)


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.float32])
def test_distinct_values_are_those_of_numpy(dtype):
    images = np.random.default_rng(0).integers(0, 100, (5, 6, 7)).astype(dtype)
    images[0, 0, :3] = np.array([-3, 77, 0]).astype(dtype)
    views = [images, images[:, ::-1, ::2], images.transpose(2, 0, 1), images[:1]]
    for view in views:
        values = distinct_values(view)
        np.testing.assert_array_equal(values, np.unique(view))
        assert values.dtype == dtype


def test_unseen_labels_are_named():
    encoder = PhaseEncoder(np.array([1, 2]), np.int64)
    encoder.check(np.array([[[1, 2]]]))
    with pytest.raises(ValueError, match=r"phases \[1, 2\] seen in fit, got \[0, 3\]"):
        encoder.check(np.array([[[0, 1, 2, 3]]]))


@pytest.mark.parametrize("n_phases", [2, 3, 5])
@pytest.mark.parametrize("kind", ["random", "ties", "one-hot", "saturated"])
def test_decoded_counts_are_exact(n_phases, kind):
    encoder, shape, n = encoder_of(n_phases), (7, 9), 12
    probabilities = random_probabilities(n, n_phases, shape)
    if kind == "ties":
        probabilities = torch.full((n, n_phases, *shape), 1.0 / n_phases)
        probabilities[:, 0, :2] += 0.1
    elif kind == "one-hot":
        winner = probabilities.argmax(dim=1, keepdim=True)
        probabilities = torch.zeros_like(probabilities).scatter_(1, winner, 1.0)
    elif kind == "saturated":
        probabilities = (100 * probabilities.log()).float().softmax(dim=1)
    counts = np.random.default_rng(1).multinomial(63, np.ones(n_phases) / n_phases, n)
    images = encoder.decode_counts(probabilities, counts)
    np.testing.assert_array_equal(counts_of(images, encoder), counts)


@pytest.mark.parametrize("n_phases", [2, 3, 5])
def test_counts_of_zero_and_of_all_voxels(n_phases):
    encoder = encoder_of(n_phases)
    counts = np.vstack([63 * np.eye(n_phases, dtype=int), 63 * np.eye(n_phases, dtype=int)[0]])
    counts[-1, 0], counts[-1, -1] = 62, 1
    probabilities = random_probabilities(len(counts), n_phases, (7, 9))
    images = encoder.decode_counts(probabilities, counts)
    np.testing.assert_array_equal(counts_of(images, encoder), counts)


@pytest.mark.parametrize("n_phases", [2, 3, 5])
def test_the_counts_of_the_decoded_image_give_the_decoded_image(n_phases):
    encoder = encoder_of(n_phases)
    probabilities = random_probabilities(6, n_phases, (16, 16))
    decoded = encoder.decode(probabilities)
    again = encoder.decode_counts(probabilities, counts_of(decoded, encoder))
    np.testing.assert_array_equal(again, decoded)


@pytest.mark.parametrize("count", [0, 1, 20, 62, 63])
def test_two_phases_are_separated_by_sorting(count):
    encoder = encoder_of(2)
    probabilities = random_probabilities(4, 2, (7, 9))
    images = encoder.decode_counts(probabilities, np.array([[63 - count, count]] * 4))
    second = probabilities[:, 1].flatten(1).numpy()
    largest = np.zeros_like(second, dtype=bool)
    np.put_along_axis(largest, second.argsort(axis=1)[:, 63 - count :], True, axis=1)
    np.testing.assert_array_equal(images.reshape(4, -1) == encoder.phases[1], largest)


def best_totals(probabilities, counts):
    """Largest totals over all assignments with these counts, by the Hungarian method."""
    best = []
    for row, count in zip(probabilities.log().flatten(2).numpy(), counts, strict=True):
        gains = row[np.repeat(np.arange(len(count)), count)]
        best.append(gains[linear_sum_assignment(gains, maximize=True)].sum())
    return best


@pytest.mark.parametrize("counts", [(2, 2, 2), (1, 2, 3), (0, 3, 3), (4, 1, 1), (1, 0, 5)])
def test_the_best_total_is_that_of_trying_all_assignments(counts):
    probabilities = random_probabilities(1, 3, (2, 3))
    labels = np.repeat(np.arange(3), counts)
    orders = np.array(list(set(permutations(labels.tolist()))))
    totals = probabilities.log().flatten(2).numpy()[0][orders, np.arange(6)].sum(axis=1)
    assert best_totals(probabilities, [counts]) == [pytest.approx(totals.max(), rel=1e-12)]


@pytest.mark.parametrize("n_phases", [2, 3, 5])
@pytest.mark.parametrize("sharpness", [1.0, 10.0])
def test_the_total_log_probability_is_the_largest_with_these_counts(n_phases, sharpness):
    encoder, n = encoder_of(n_phases), 20
    probabilities = random_probabilities(n, n_phases, (10, 10), sharpness=sharpness)
    shares = np.random.default_rng(3).dirichlet(np.ones(n_phases), n)
    counts = np.random.default_rng(4).multinomial(100, shares)
    images = encoder.decode_counts(probabilities, counts)
    total = total_log_probability(probabilities, images, encoder)
    np.testing.assert_allclose(total, best_totals(probabilities, counts), rtol=1e-9)


@pytest.mark.parametrize("counts", [(2, 2, 2), (1, 2, 3), (0, 3, 3), (4, 1, 1), (1, 0, 5)])
def test_six_voxels_of_three_phases_miss_the_largest_total_rarely_and_by_little(counts):
    """Turns can end beside the optimum where phases have very few voxels."""
    encoder, n = encoder_of(3), 300
    probabilities = random_probabilities(n, 3, (2, 3), seed=sum(counts[:2]))
    images = encoder.decode_counts(probabilities, np.array([counts] * n))
    gap = (
        best_totals(probabilities, [counts] * n)
        - total_log_probability(probabilities, images, encoder).numpy()
    )
    assert (gap > -1e-9).all()
    assert (gap > 1e-9).mean() <= 0.01
    assert gap.max() < 1.0


def test_many_undecided_voxels_take_no_longer_than_a_sort():
    encoder = PhaseEncoder(np.array([0, 1, 2]), np.uint8)
    channels = torch.zeros(1, 3, 48, 48, 48)
    channels[:, 0] = 1.0
    n_voxels = 48**3
    images = encoder.decode_counts(channels, np.array([[0, n_voxels // 2, n_voxels // 2]]))
    np.testing.assert_array_equal(np.bincount(images.ravel()), [0, n_voxels // 2, n_voxels // 2])


@pytest.mark.parametrize("n_phases", [2, 3, 5])
def test_measured_has_decoded_values_and_the_gradient_of_probabilities(n_phases):
    encoder = encoder_of(n_phases)
    probabilities = random_probabilities(3, n_phases, (4, 5)).requires_grad_(True)
    measured = encoder.measured(probabilities)
    decoded = encoder.decode(probabilities.detach())
    expected = encoder.encode(decoded, dtype=torch.float64)
    torch.testing.assert_close(measured.detach(), expected)
    weights = torch.tensor(np.random.default_rng(0).standard_normal(measured.shape))
    (gradient,) = torch.autograd.grad((weights * measured).sum(), probabilities)
    torch.testing.assert_close(gradient, weights)


def test_measured_grey_levels_are_in_their_own_units():
    encoder = GreyEncoder(-2.0, 6.0, np.float64)
    channels = torch.rand(2, 1, 3, 3, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(encoder.measured(channels), 8.0 * channels - 2.0)


def test_a_stack_of_bytes_is_validated_and_encoded_without_a_copy():
    stack = np.random.default_rng(0).integers(0, 2, (1900, 128, 128), np.uint8)
    estimator = VolumeFraction()
    tracemalloc.start()
    images = check_images(estimator, stack, reset=True, min_samples=2)
    encoder = encoder_for(images)
    encoder.check(images)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert np.shares_memory(images, stack)
    assert peak < 2e6


def test_two_phases_are_told_apart_as_any_number_of_them():
    odds = np.random.default_rng(0).integers(1, 6, 40).astype(float)  # many ties
    for count in (0, 1, 7, 20, 39, 40):
        logits = np.stack([np.zeros(40), np.log(odds)])
        expected = assigned_labels(logits, [40 - count, count])
        np.testing.assert_array_equal(thresholded_labels(odds, count), expected)
