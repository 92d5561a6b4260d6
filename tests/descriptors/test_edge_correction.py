"""Windows of a material: their mean is the material, also where a piece as cut is far from it."""

from itertools import product

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy import ndimage

from skmicro import load
from skmicro.descriptors import (
    ChordLength,
    ClusterStatistics,
    EulerNumber,
    MinkowskiFunctionals,
    SpecificSurface,
    VolumeFraction,
    _line_kernels,
)

every_connectivity = pytest.mark.parametrize("connectivity", ["faces", "corners"])


def windows(image, sides):
    """All windows of a periodic image, one that begins at each of its voxels."""
    axes = tuple(range(image.ndim))
    crop = tuple(map(slice, sides))
    shifts = product(*map(range, image.shape))
    return np.stack([np.roll(image, np.negative(shift), axes)[crop] for shift in shifts])


def cut(image, side):
    """A partition of an image into windows."""
    blocks = [np.split(part, part.shape[1] // side, 1) for part in np.split(image, 256 // side)]
    return np.stack([block for row in blocks for block in row])


def level_sets(n, sigma=3.0, level=1.0):
    """Gaussian fields of correlation exp(-r^2 / (4 sigma^2)), above a level."""
    noise = np.random.default_rng(0).standard_normal((n, 256, 256))
    field = ndimage.gaussian_filter(noise, (0, sigma, sigma), mode="wrap")
    return (field > level / (2 * np.pi**0.5 * sigma)).astype(np.uint8)


@pytest.mark.parametrize(
    ("shape", "sides"), [((7, 8), (3, 4)), ((7, 8), (2, 5)), ((5, 4, 6), (3, 2, 4))]
)
@every_connectivity
def test_mean_of_all_windows_is_the_whole(shape, sides, connectivity):
    image = (np.random.default_rng(0).random(shape) < 0.6).astype(int)
    for kind in (EulerNumber, MinkowskiFunctionals):
        whole = kind(connectivity=connectivity, periodic=True).fit_transform(image[None])
        parts = kind(connectivity=connectivity, periodic=False).fit_transform(windows(image, sides))
        assert_allclose(parts.mean(axis=0), whole[0], rtol=1e-5, atol=1e-6)


def test_euler_characteristic_of_gaussian_level_sets():
    """Per area (2 pi)^(-3/2) e^(-1/2) / (2 sigma^2), above one standard deviation."""
    expected = (2 * np.pi) ** -1.5 / 18 * np.exp(-0.5)
    X = level_sets(12)
    parts = np.concatenate([cut(image, 32) for image in X])
    ends = [EulerNumber(periodic=True).fit_transform(X).mean()]
    for corrected in (True, False):
        descriptor = EulerNumber(periodic=False, edge_correction=corrected)
        ends.append(descriptor.fit_transform(parts).mean())
    assert_allclose(ends[:2], expected, rtol=0.08)
    assert_allclose(ends[1], ends[0], rtol=0.04)
    assert ends[2] > 1.5 * expected


def test_chords_of_all_windows_of_a_row():
    """Each chord is seen whole at L - 1 - z places, and L - z places show z voxels of an end."""
    row = np.array([0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 1, 0, 1, 1, 0, 1, 1, 1, 0, 1, 0])
    numbers = np.array([2, 2, 1, 1, 0, 0])
    lines = torch.from_numpy(np.stack([np.roll(row, -k)[:8] for k in range(len(row))]).T[None])
    whole, seen = _line_kernels._chords_of_windows(lines.double(), 6)
    lengths = np.arange(1, 7)
    assert_allclose(whole[0], numbers * (7 - lengths))
    assert_allclose(seen[0], numbers[::-1].cumsum()[::-1] * (8 - lengths))
    rows = lines.double().swapaxes(1, 2)
    for wanted in ([2, 2, 1, 1, 0, 0], [2, 2, 2]):
        mean, shares = _line_kernels.chord_lengths(
            rows, periodic=False, max_length=len(wanted), axes=(1,)
        )
        assert_allclose(mean, row.sum() / 6)
        assert_allclose(6 * shares[0], wanted, atol=1e-12)


def test_chords_of_windows_of_level_sets():
    X = level_sets(6)
    parts = np.concatenate([cut(image, 16) for image in X])
    fraction = VolumeFraction().fit_transform(parts)[:, 0]
    whole = ChordLength(periodic=True, max_length=6).fit_transform(X)
    found, as_cut = (
        ChordLength(periodic=False, edge_correction=corrected, max_length=6).fit_transform(parts)
        for corrected in (True, False)
    )
    seen = found[:, 0] > 0
    number = fraction[seen] / found[seen, 0]
    mean = VolumeFraction().fit_transform(X).mean() / (number.sum() / len(parts))
    assert_allclose(mean, whole[:, 0].mean(), rtol=0.03)
    shares = (found[seen, 1:] * number[:, None]).sum(axis=0) / number.sum()
    some = as_cut[:, 0] > 0
    assert abs(shares[-1] - whole[:, -1].mean()) < abs(
        as_cut[some, -1].mean() - whole[:, -1].mean()
    )
    assert as_cut[some, 0].mean() < 0.8 * whole[:, 0].mean()


def test_mean_chord_of_a_window_is_that_of_fraction_and_surface():
    X = (np.random.default_rng(3).random((5, 9, 10)) < 0.6).astype(int)
    fraction, surface = (
        kind(**settings).fit_transform(X)[:, 0]
        for kind, settings in ((VolumeFraction, {}), (SpecificSurface, {"periodic": False}))
    )
    mean = ChordLength(periodic=False).fit_transform(X)[:, 0]
    assert_allclose(mean, 4 * fraction / surface, rtol=1e-5)


@pytest.mark.parametrize(("shape", "sides"), [((13, 12), (6, 5)), ((9, 8, 4), (5, 6, 4))])
@every_connectivity
def test_clusters_of_all_windows(shape, sides, connectivity):
    """A dot, a rod, an angle, and two voxels that share a corner: smaller than the windows."""
    image = np.zeros(shape, int)
    plane = image if image.ndim == 2 else image[:, :, 1]
    plane[1, 1] = plane[1:4, 4] = plane[5:7, 2] = plane[6, 3] = plane[7, 6] = plane[8, 7] = 1
    whole = ClusterStatistics(periodic=True, connectivity=connectivity).fit_transform(image[None])
    settings = {"periodic": False, "connectivity": connectivity}
    parts = windows(image, sides)
    found = ClusterStatistics(**settings).fit_transform(parts)
    assert_allclose(whole[0, 0] * image.size, 5 if connectivity == "faces" else 4)
    assert_allclose(found[:, 0].mean(), whole[0, 0], rtol=1e-5)
    pieces = ClusterStatistics(edge_correction=False, **settings).fit_transform(parts)
    assert pieces[:, 0].mean() > 1.1 * whole[0, 0]
    assert_allclose(found[:, 1:], pieces[:, 1:])


def test_windows_of_two_voxels_have_no_inside():
    X = (np.random.default_rng(2).random((3, 2, 9, 9)) < 0.3).astype(int)
    found = ClusterStatistics(periodic=False).fit_transform(X)
    assert (found[:, 0] > 0).all()


def test_files_of_earlier_revisions_know_pieces_only(tmp_path):
    X = (np.random.default_rng(4).random((2, 6, 6)) < 0.5).astype(int)
    descriptor = EulerNumber(periodic=False).fit(X)
    state = descriptor._persistent_state()
    old = {name: value for name, value in state.items() if name != "edge_correction"}
    assert EulerNumber._from_persistent_state(old).edge_correction is False
    descriptor.save(tmp_path / "euler")
    assert load(tmp_path / "euler").edge_correction is True
