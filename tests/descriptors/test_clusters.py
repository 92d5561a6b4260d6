"""ClusterStatistics: flood fill by hand, percolation, what it refuses."""

from itertools import product

import numpy as np
import pytest
import torch
from by_hand import flood, wrapping
from numpy.testing import assert_allclose, assert_array_equal
from scipy import ndimage

from skmicro.descriptors import ClusterStatistics, VolumeFraction, label_stack, leads_around
from skmicro.descriptors._clusters import _edge_weights, _images_of

ClusterStatistics = wrapping(ClusterStatistics)

SHAPES = [(7, 8), (4, 3, 5), (1, 9), (2, 2), (1, 4, 5), (1, 1)]


def brute_force(image, periodic, connectivity):
    sizes = np.array([len(c) for c in flood(image, periodic, connectivity)])
    if len(sizes) == 0:
        return np.zeros(4)
    axes = [axis for axis, side in enumerate(image.shape) if side > 1] or [0]
    inside = flood(image, False, connectivity)
    spans = [
        any({0, image.shape[axis] - 1} <= {voxel[axis] for voxel in c} for c in inside)
        for axis in axes
    ]
    n_phase = sizes.sum()
    mean_size = (sizes**2).sum() / n_phase
    return np.array([len(sizes) / image.size, mean_size, sizes.max() / n_phase, np.mean(spans)])


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("share", [0.3, 0.6])
@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("connectivity", ["faces", "corners"])
def test_matches_flood_fill(shape, share, periodic, connectivity):
    X = (np.random.default_rng(0).random((6, *shape)) < share).astype(int)
    found = ClusterStatistics(periodic=periodic, connectivity=connectivity).fit_transform(X)
    expected = [brute_force(image, periodic, connectivity) for image in X]
    assert_allclose(found, expected, rtol=1e-6)


def test_images_of_a_stack_do_not_touch():
    X = np.ones((3, 4, 4), int)
    X[1] = 0
    X[2, 1:3, 1:3] = 0
    expected = [[1 / 16, 16, 1, 1], [0, 0, 0, 0], [1 / 16, 12, 1, 1]]
    for connectivity in ("faces", "corners"):
        found = ClusterStatistics(connectivity=connectivity).fit_transform(X)
        assert_allclose(found, expected, rtol=1e-6)


def test_cluster_across_every_border_is_one():
    corners = np.zeros((1, 5, 5, 5), int)
    corners[0, ::4, ::4, ::4] = 1
    wrapped = ClusterStatistics().fit_transform(corners)
    assert_allclose(wrapped, [[1 / 125, 8, 1, 0]], rtol=1e-6)
    open_border = ClusterStatistics(periodic=False).fit_transform(corners)
    assert_allclose(open_border, [[8 / 125, 1, 1 / 8, 0]], rtol=1e-6)


def test_diagonal_contact_across_the_border():
    X = np.zeros((1, 5, 6), int)
    X[0, 0, 2] = X[0, 4, 3] = 1
    number = [ClusterStatistics(connectivity=c).fit_transform(X)[0, 0] * 30 for c in
              ("faces", "corners")]  # fmt: skip
    assert_allclose(number, [2, 1], rtol=1e-6)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_fibre_percolates_along_its_axis_only(axis):
    X = np.zeros((1, 6, 6, 6), int)
    np.moveaxis(X[0], axis, 0)[:, 2, 3] = 1
    assert_allclose(ClusterStatistics().fit_transform(X), [[1 / 216, 6, 1, 1 / 3]], rtol=1e-6)
    broken = X.copy()
    np.moveaxis(broken[0], axis, 0)[3] = 0
    assert_allclose(ClusterStatistics().fit_transform(broken), [[1 / 216, 5, 1, 0]], rtol=1e-6)


def test_site_percolation_on_the_square_lattice():
    rng = np.random.default_rng(1)
    below, above = ((rng.random((20, 64, 64)) < p).astype(int) for p in (0.5, 0.7))
    clusters = ClusterStatistics().fit(below)
    assert clusters.transform(below)[:, 3].mean() < 0.1
    assert clusters.transform(above)[:, 3].mean() > 0.9
    assert clusters.transform(above)[:, 2].min() > 0.9 > clusters.transform(below)[:, 2].max()


def test_mean_size_times_number_is_at_least_the_fraction():
    X = (np.random.default_rng(2).random((8, 16, 16)) < 0.5).astype(int)
    number, mean_size, largest, _ = ClusterStatistics().fit_transform(X).T
    fraction = VolumeFraction().fit_transform(X)[:, 0]
    assert (number * mean_size >= fraction).all()
    assert (largest * fraction * X[0].size <= mean_size / largest + 1e-3).all()


def test_mean_sizes_of_windows_are_those_of_pieces():
    """Too small, and less so than of the clusters alone that lie inside, with their chances."""
    noise = np.random.default_rng(0).standard_normal((4, 256, 256))
    field = ndimage.gaussian_filter(noise, (0, 2, 2), mode="wrap")
    whole = field > np.quantile(field, 0.6)
    material = ClusterStatistics(periodic=True).fit_transform(whole)[:, 1].mean()
    means = []
    for side in (32, 64, 128):
        parts = whole.reshape(4, 256 // side, side, 256 // side, side)
        windows = parts.swapaxes(2, 3).reshape(-1, side, side)
        means.append(ClusterStatistics(periodic=False).fit_transform(windows)[:, 1].mean())
        labels, n_labels = label_stack(windows, False)
        sizes, weights = np.bincount(labels.ravel())[1:], _edge_weights(labels, n_labels)
        image_of = _images_of(labels, n_labels)
        volume, squares = (np.bincount(image_of, weights * sizes**k) for k in (1, 2))
        assert (squares / np.maximum(volume, 1)).mean() < 0.8 * means[-1]
    assert means[0] < 0.5 * means[1] < 0.5 * means[2] < 0.5 * material


def test_phases_probabilities_and_grey_levels():
    labels = np.random.default_rng(3).integers(0, 3, (4, 6, 6))
    for phase in range(3):
        clusters = ClusterStatistics(phase=phase).fit(labels)
        expected = ClusterStatistics().fit_transform((labels == phase).astype(int))
        assert_array_equal(clusters.transform(labels), expected)
        one_hot = torch.from_numpy(np.stack([labels == k for k in range(3)], axis=1)).double()
        soft = 0.4 * one_hot + 0.2
        assert_allclose(clusters(soft), expected, rtol=1e-6)
    unfitted = ClusterStatistics()(soft)
    assert_allclose(unfitted, expected, rtol=1e-6)
    grey = np.random.default_rng(4).random((4, 6, 6))
    expected = ClusterStatistics().fit_transform((grey >= 0.5).astype(int))
    assert_allclose(ClusterStatistics().fit_transform(grey), expected, rtol=1e-6)


def test_refuses_tensors_that_require_gradients():
    images = torch.rand(2, 2, 5, 5, generator=torch.Generator().manual_seed(0))
    expected = ClusterStatistics()(images)
    assert_array_equal(ClusterStatistics()(images.clone().requires_grad_().detach()), expected)
    with pytest.raises(TypeError, match="must not require gradients: ClusterStatistics is not"):
        ClusterStatistics()(images.requires_grad_())
    assert VolumeFraction()(images).requires_grad


def test_axes_on_which_clusters_lead_around_a_period():
    line, steps, diagonal = np.zeros((3, 4, 6), bool)
    line[2] = True
    diagonal[np.arange(12) % 4, np.arange(12) % 6] = True  # closed after three and two periods
    for k in range(12):
        steps[k % 4, k % 6] = steps[(k + 1) % 4, k % 6] = True
    found = leads_around(np.stack([line, steps, diagonal]))
    assert found.tolist() == [[False, True], [True, True], [False, False]]
    assert leads_around(diagonal[None], corners=True).tolist() == [[True, True]]

    # Two strands that change places: one turn leads to the other, two turns lead back.
    helix = np.zeros((1, 6, 7, 7), bool)
    helix[0, :4, 1, 1] = helix[0, :4, 5, 5] = helix[0, 3:, 1, 5] = helix[0, 3:, 5, 1] = True
    helix[0, 3, 1, 1:6] = helix[0, 3, 5, 1:6] = True
    helix[0, 5, 1:6, 1] = helix[0, 5, 1:6, 5] = True
    assert leads_around(helix).tolist() == [[True, False, False]]
    ring = np.zeros((1, 5, 5), bool)
    ring[0, 1:4, 1:4] = True
    ring[0, 2, 2] = False
    around_the_corner = np.roll(ring, (2, 2), (1, 2))
    for image in (ring, around_the_corner):
        assert not leads_around(image, corners=True).any()
    assert leads_around(np.ones((1, 1, 3), bool)).tolist() == [[True, True]]
    assert leads_around(np.zeros((2, 1, 1), bool)).tolist() == [[False, False]] * 2
    assert leads_around(np.ones((1, 1, 1), bool)).tolist() == [[True, True]]


@pytest.mark.parametrize("corners", [False, True])
@pytest.mark.parametrize(("shape", "share"), [((4, 5), 0.5), ((3, 4, 3), 0.3)])
def test_leading_around_is_a_walk_in_the_unrolled_image(shape, share, corners):
    masks = np.random.default_rng(0).random((40, *shape)) < share
    found = leads_around(masks, corners)
    assert 0.05 < found.mean() < 0.95
    assert_walks(masks, found, corners)


def assert_walks(masks, found, corners):
    """Walk from each voxel, across the borders, and note in which periods it is met again."""
    steps = [s for s in product((-1, 0, 1), repeat=masks.ndim - 1) if any(s)]
    steps = steps if corners else [s for s in steps if np.abs(s).sum() == 1]
    for mask, axes in zip(masks, found, strict=True):
        turned = np.zeros(mask.ndim, bool)
        period = {}
        for start in map(tuple, np.argwhere(mask)):
            if start in period:
                continue
            period[start] = np.zeros(mask.ndim, int)
            waiting = [start]
            while waiting:
                voxel = waiting.pop()
                for step in steps:
                    place = np.add(voxel, step)
                    turn = place // mask.shape
                    near = tuple(int(x) for x in place % mask.shape)
                    if not mask[near]:
                        continue
                    reached = period[voxel] + turn
                    if near in period:
                        turned |= reached != period[near]
                    else:
                        period[near] = reached
                        waiting.append(near)
        np.testing.assert_array_equal(turned, axes)
