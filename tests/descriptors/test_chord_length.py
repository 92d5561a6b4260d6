"""ChordLength: runs counted one by one, closed forms, the lineal path function, gradients."""

from itertools import groupby, product

import numpy as np
import pytest
import torch
from by_hand import wrapping
from numpy.testing import assert_allclose, assert_array_equal

from skmicro.descriptors import (
    ChordLength,
    LinealPath,
    SpecificSurface,
    VolumeFraction,
    _line_kernels,
)

ChordLength, LinealPath, SpecificSurface = map(wrapping, (ChordLength, LinealPath, SpecificSurface))

SHAPES = [(6, 7), (5, 8), (1, 9), (7, 1), (1, 1), (2, 2), (2, 3), (3, 4, 5), (1, 4, 6)]
with_and_without_wrap = pytest.mark.parametrize("periodic", [True, False])


def longest(shape, periodic):
    return max(1, max(shape) - (1 if periodic else 2))


def chords(image, periodic):
    """Lengths of all chords, line by line and run by run."""
    found = []
    for axis in range(image.ndim):
        for line in np.moveaxis(image, axis, -1).reshape(-1, image.shape[axis]).tolist():
            if all(line):
                continue
            if periodic:
                start = line.index(0)
                line = [*line[start:], *line[:start], 0]
            else:
                line = [0, *line[line.index(0) :]]
                while line[-1]:
                    line.pop()
            found += [len(list(run)) for inside, run in groupby(line) if inside]
    return np.array(found, int)


def brute_force(image, periodic, max_length):
    found = chords(image, periodic)
    if len(found) == 0:
        return np.zeros(1 + max_length)
    shares = [np.mean(found == z) for z in range(1, max_length)]
    return np.array([found.mean(), *shares, np.mean(found >= max_length)])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [0.4, 0.8])
@with_and_without_wrap
def test_matches_runs_counted_one_by_one(shape, share, periodic):
    X = (np.random.default_rng(0).random((5, *shape)) < share).astype(int)
    for max_length in {1, max(1, longest(shape, periodic) - 1), longest(shape, periodic), None}:
        descriptor = ChordLength(max_length=max_length, periodic=periodic).fit(X)
        expected = [brute_force(image, periodic, descriptor.lengths_[-1]) for image in X]
        assert_allclose(descriptor.transform(X), expected, rtol=1e-6, atol=1e-7)


@with_and_without_wrap
def test_shares_sum_to_one_and_longest_bin_holds_the_rest(periodic):
    X = (np.random.default_rng(1).random((4, 6, 9, 12)) < 0.8).astype(int)
    every = ChordLength(max_length=10, periodic=periodic).fit_transform(X)[:, 1:]
    short = ChordLength(max_length=4, periodic=periodic).fit_transform(X)[:, 1:]
    assert_allclose(every.sum(axis=1), 1, rtol=1e-6)
    assert_allclose(short[:, :3], every[:, :3], rtol=1e-6)
    assert_allclose(short[:, 3], every[:, 3:].sum(axis=1), rtol=1e-5)


@pytest.mark.parametrize("axis", [0, 1])
def test_second_difference_of_the_lineal_path(axis):
    """Lines along one axis only, so that the mean over the axes is that of one."""
    shape = (1, 24) if axis == 1 else (24, 1)
    X = (np.random.default_rng(2).random((6, *shape)) < 0.7).astype(int)
    path = LinealPath(max_lag=12).fit_transform(X)
    counts = 24 * (path[:, :-2] - 2 * path[:, 1:-1] + path[:, 2:])
    n_chords = 24 * (path[:, :1] - path[:, 1:2])
    found = ChordLength(max_length=12).fit_transform(X)
    assert_allclose(found[:, 1:12], counts / n_chords, atol=1e-5)


@pytest.mark.parametrize("shape", [(16, 16), (6, 7, 8)])
def test_mean_from_fraction_and_surface(shape):
    X = (np.random.default_rng(3).random((5, *shape)) < 0.2).astype(int)
    assert not any(X.all(axis=axis).any() for axis in range(1, X.ndim))
    fraction, surface = (d.fit_transform(X)[:, 0] for d in (VolumeFraction(), SpecificSurface()))
    mean = ChordLength().fit_transform(X)[:, 0]
    assert_allclose(mean, 2 * len(shape) * fraction / surface, rtol=1e-5)


def test_box_and_its_neighbour_across_the_border():
    X = np.zeros((1, 10, 10, 10), int)
    X[0, 2:4, 3:8, 5:8] = 1
    n_lines = np.array([15, 6, 10])
    shares = np.zeros(5)
    shares[[1, 4, 2]] = n_lines / n_lines.sum()
    expected = np.array([[n_lines @ (2, 5, 3) / n_lines.sum(), *shares]])
    for periodic in (True, False):
        found = ChordLength(max_length=5, periodic=periodic).fit_transform(X)
        assert_allclose(found, expected, rtol=1e-6)
    moved = np.roll(X, (-3, 5, -2), (1, 2, 3))
    assert_allclose(ChordLength(max_length=5).fit_transform(moved), expected, rtol=1e-6)
    cut = ChordLength(max_length=5, periodic=False).fit_transform(moved)
    assert_allclose(cut, [brute_force(moved[0], False, 5)], rtol=1e-6)
    assert cut[0, 2] == 0


def test_laminate_has_chords_across_it_only():
    X = np.broadcast_to(np.arange(24) % 8 < 5, (1, 24, 24)).astype(int)
    found = ChordLength().fit_transform(X)[0]
    assert_array_equal(found, [5, 0, 0, 0, 0, 1, *[0] * 7])
    assert_array_equal(ChordLength(periodic=False).fit_transform(X)[0], found)


def test_random_voxels_have_geometric_lengths():
    p = 0.6
    X = (np.random.default_rng(4).random((1, 300, 300)) < p).astype(int)
    lengths = np.arange(1, 6)
    expected = [1 / (1 - p), *(1 - p) * p ** (lengths - 1), p**5]
    for periodic in (True, False):
        found = ChordLength(max_length=6, periodic=periodic).fit_transform(X)[0]
        assert_allclose(found, expected, rtol=0.06)
    probabilities = torch.full((1, 1, 9, 9), p, dtype=torch.float64)
    found = ChordLength(max_length=6)(probabilities)[0]
    assert_allclose(found[1:], expected[1:], rtol=1e-12)
    assert_allclose(found[0], (p - p**9) / (p - p**2), rtol=1e-12)


@with_and_without_wrap
def test_probabilities_give_quotients_of_expectations(periodic):
    """The mean over all images of a row, each weighted with its probability."""
    row = np.random.default_rng(5).random(6)
    numbers, voxels = np.zeros(5), 0.0
    for image in product((0, 1), repeat=6):
        found = chords(np.array([[*image]]), periodic)
        found = found[found < 6] if len(found) else found
        chance = np.prod(np.where(image, row, 1 - row))
        numbers += chance * np.bincount(found, minlength=6)[1:]
        voxels += chance * found.sum()
    max_length = longest((1, 6), periodic)
    shares = (numbers / numbers.sum())[:max_length]
    found = ChordLength(max_length=max_length, periodic=periodic)(
        torch.tensor(row).view(1, 1, 1, 6)
    )
    assert_allclose(found[0], [voxels / numbers.sum(), *shares], rtol=1e-10)


@pytest.mark.parametrize("label", [0, 1])
@with_and_without_wrap
def test_one_phase_has_no_chord(label, periodic):
    X = np.full((2, 5, 6), label)
    assert_array_equal(ChordLength(periodic=periodic).fit_transform(X), 0)


@with_and_without_wrap
def test_three_phases(periodic):
    labels = np.random.default_rng(6).integers(0, 3, (3, 7, 8))
    for phase in range(3):
        found = ChordLength(phase=phase, periodic=periodic).fit_transform(labels)
        alone = ChordLength(periodic=periodic).fit_transform((labels == phase).astype(int))
        assert_array_equal(found, alone)


def test_grey_levels_are_clipped_to_probabilities():
    grey = np.random.default_rng(7).normal(size=(3, 20, 20)) * 1e10
    found = ChordLength().fit_transform(grey)
    assert_allclose(found, ChordLength().fit_transform((grey > 0).astype(int)), rtol=1e-6)


def test_counts_of_a_large_volume_are_exact():
    X = np.zeros((1, 96, 96, 96), np.uint8)
    X[0, ::2] = 1
    X[0, 0, 0, :40] = 0
    n_short, n_rest = 48 * 96 * 96 - 40, 1 + 40
    n_chords, n_voxels = n_short + n_rest, n_short + 56 + 40 * 95
    found = ChordLength(max_length=56).fit_transform(X)[0]
    assert_allclose(found[[0, 1]], [n_voxels / n_chords, n_short / n_chords], rtol=1e-6)
    assert_allclose(found[-1], n_rest / n_chords, rtol=1e-6)
    assert_array_equal(found[2:-1], 0)


@pytest.mark.parametrize("kind", [ChordLength, LinealPath])
@with_and_without_wrap
def test_lines_in_bundles_and_segments_in_place(kind, periodic, monkeypatch):
    images = torch.rand(3, 1, 5, 6, 7, generator=torch.Generator().manual_seed(0))
    before = images.clone()
    expected = kind(periodic=periodic)(images)
    with_gradients = kind(periodic=periodic)(images.clone().requires_grad_())
    assert_allclose(with_gradients.detach(), expected, rtol=1e-6)
    for n_voxels in (1, 100):
        monkeypatch.setattr(_line_kernels, "BUNDLE_VOXELS", n_voxels)
        assert_allclose(kind(periodic=periodic)(images), expected, rtol=1e-4, atol=1e-6)
    assert_array_equal(images, before)


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 4), (1, 5)])
@with_and_without_wrap
def test_gradients(shape, periodic):
    images = torch.from_numpy(np.random.default_rng(0).random((2, 2, *shape))).requires_grad_()
    assert torch.autograd.gradcheck(
        ChordLength(periodic=periodic), images, fast_mode=True, atol=1e-7
    )


@with_and_without_wrap
def test_gradients_of_sharp_images(periodic):
    """Products of zeros and ones, with voxels without any effect, and lines without chords."""
    X = (np.random.default_rng(1).random((2, 1, 5, 6)) < 0.6).astype(float)
    X[0, 0, 2] = 1
    images = torch.from_numpy(X).requires_grad_()

    def lengths(field):
        return torch.cat(
            [f.flatten() for f in _line_kernels.chord_lengths(field[:, 0], periodic=periodic)]
        )

    assert torch.autograd.gradcheck(lengths, images)
    empty = torch.zeros(1, 2, 4, 4, requires_grad=True)
    ChordLength(periodic=periodic)(empty).sum().backward()
    assert empty.grad.isfinite().all()


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"max_length": 4}, ValueError, r"max_length must lie in \[1, 3\] for periodic images"),
        ({"max_length": 3, "periodic": False}, ValueError, r"in \[1, 2\] for images .* got 3"),
        ({"max_length": 0}, ValueError, "max_length must be >= 1, got 0"),
        ({"max_length": 1.5}, TypeError, "max_length must be an integer"),
        ({"periodic": 1}, ValueError, "periodic must be"),
        ({"phase": 4}, ValueError, "phase must be one of"),
    ],
)
def test_wrong_parameters_are_named(parameters, error, message):
    with pytest.raises(error, match=message):
        ChordLength(**parameters).fit(np.eye(4, dtype=int)[None])
