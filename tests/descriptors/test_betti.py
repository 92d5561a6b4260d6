"""BettiNumbers: ranks of boundary matrices, closed forms, windows of a material, registration."""

from itertools import pairwise

import numpy as np
import pytest
from by_hand import boundary_matrix, complex_of, wrapping
from numpy.testing import assert_allclose, assert_array_equal

from skmicro.descriptors import BettiNumbers, ClusterStatistics, EulerNumber, descriptor_named

WINDOW = BettiNumbers
BettiNumbers = wrapping(BettiNumbers)
every_connectivity = pytest.mark.parametrize("connectivity", ["faces", "corners"])
with_and_without_wrap = pytest.mark.parametrize("periodic", [True, False])


def betti(X, **parameters):
    """Betti numbers of whole images."""
    return BettiNumbers(**parameters).fit_transform(X) * X[0].size


def by_ranks(image, periodic, connectivity):
    """Betti numbers over the rational numbers, from the ranks of the boundary matrices."""
    chains = complex_of(image, periodic, connectivity)
    ranks = [0]
    for lower, upper in pairwise(chains):
        matrix = boundary_matrix(lower, upper)
        ranks.append(np.linalg.matrix_rank(matrix) if matrix.size else 0)
    ranks.append(0)
    return [len(c) - ranks[k] - ranks[k + 1] for k, c in enumerate(chains)]


@pytest.mark.representatives("shape0", "shape3", "shape5")
@pytest.mark.parametrize("shape", [(5, 6), (2, 3), (2, 2), (3, 3, 4), (2, 3, 3), (2, 2, 2)])
@with_and_without_wrap
@every_connectivity
def test_ranks_of_boundary_matrices(shape, periodic, connectivity):
    rng = np.random.default_rng(0)
    shares = np.array([0, 0.2, 0.4, 0.6, 0.8, 0.9, 1]).reshape(-1, *[1] * len(shape))
    X = (rng.random((3, 7, *shape)) < shares).reshape(-1, *shape).astype(int)
    X[13].flat[0] = 0  # all but a voxel
    found = betti(X, periodic=periodic, connectivity=connectivity)
    expected = [by_ranks(image, periodic, connectivity)[: len(shape)] for image in X]
    assert_allclose(found, expected, atol=1e-4)
    if periodic or shape == (5, 6):
        assert np.ptp(expected, axis=0).min() > 0


@pytest.mark.parametrize("connectivity", ["faces", "corners"])
def test_a_rest_that_closes_after_two_periods(connectivity):
    # Over the numbers modulo 2 such a walk leads nowhere, and the phase has one more of both.
    helix = np.zeros((1, 6, 7, 7), bool)
    helix[0, :4, 1, 1] = helix[0, :4, 5, 5] = helix[0, 3:, 1, 5] = helix[0, 3:, 5, 1] = True
    helix[0, 3, 1, 1:6] = helix[0, 3, 5, 1:6] = True
    helix[0, 5, 1:6, 1] = helix[0, 5, 1:6, 5] = True
    rest = 1 - helix.astype(int)
    expected = by_ranks(rest[0], True, connectivity)
    assert_allclose(betti(rest, connectivity=connectivity)[0], expected[:3], atol=1e-3)


def solids():
    """Shapes with their Betti numbers as pieces, and as periodic images if these differ."""
    x, y, z = np.indices((17, 17, 17)) - 8
    distance = np.sqrt(x**2 + y**2 + z**2)
    tube = np.hypot(np.hypot(x, y) - 5, z)
    flat = distance[:, :, 8]
    return {
        "nothing": (distance < 0, [0, 0, 0], None),
        "everything": (distance >= 0, [1, 0, 0], [1, 3, 3]),
        "ball": (distance < 6, [1, 0, 0], None),
        "shell": ((distance < 6) & (distance > 3), [1, 0, 1], None),
        "ball in a shell": ((distance < 2) | (distance > 4) & (distance < 7), [2, 0, 1], None),
        "solid ring": (tube < 3, [1, 1, 0], None),
        "tube along a ring": ((tube < 3) & (tube > 1), [1, 2, 1], None),
        "layer": (abs(x) < 3, [1, 0, 0], [1, 2, 1]),
        "column": (np.hypot(x, y) < 3, [1, 0, 0], [1, 1, 0]),
        "pipe": ((np.hypot(x, y) < 6) & (np.hypot(x, y) > 3), [1, 1, 0], [1, 2, 1]),
        "two layers": (abs(abs(x) - 4) < 2, [2, 0, 0], [2, 4, 2]),
        "lattice": (
            (np.hypot(x, y) < 2) | (np.hypot(y, z) < 2) | (np.hypot(x, z) < 2),
            [1, 0, 0],
            [1, 3, 0],
        ),
        "all but a ball": (distance > 4, [1, 0, 1], [1, 3, 3]),
        "two of three axes": ((np.hypot(x, y) < 2) | (np.hypot(y, z) < 2), [1, 0, 0], [1, 2, 0]),
        "nothing flat": (flat < 0, [0, 0], None),
        "disc": (flat < 6, [1, 0], None),
        "annulus": ((flat < 6) & (flat > 3), [1, 1], None),
        "all but a disc": (flat > 5, [1, 1], [1, 2]),
        "everything flat": (flat >= 0, [1, 0], [1, 2]),
    }


@pytest.mark.parametrize("name", solids())
@every_connectivity
def test_closed_forms(name, connectivity):
    solid, piece, torus = solids()[name]
    X = solid[None].astype(int)
    X = np.concatenate([X, 1 - X])  # so that both phases are known
    for periodic, expected in ((False, piece), (True, torus or piece)):
        found = betti(X, periodic=periodic, connectivity=connectivity)[0]
        assert_allclose(found, expected, atol=1e-3)
    # The border of a torus may be anywhere.
    moved = np.roll(X, (5, 9), (1, 2))
    assert_allclose(betti(moved, connectivity=connectivity)[0], torus or piece, atol=1e-3)


@pytest.mark.parametrize("shape", [(20, 20), (9, 10, 11)])
@pytest.mark.parametrize("parameters", [{"periodic": True}, {"periodic": False}])
@every_connectivity
def test_alternating_sum_is_the_euler_number(shape, parameters, connectivity):
    # In windows of a material as well, whose numbers of components are those of clusters.
    X = (np.random.default_rng(1).random((5, *shape)) < 0.5).astype(int)
    parameters = {**parameters, "connectivity": connectivity, "spacing": 0.5}
    found = WINDOW(**parameters).fit_transform(X)
    euler = EulerNumber(**parameters).fit_transform(X)[:, 0]
    assert_allclose(found @ [1, -1, 1][: len(shape)], euler, atol=1e-4)
    clusters = ClusterStatistics(**parameters).fit_transform(X)[:, 0]
    assert_allclose(found[:, 0], clusters, rtol=1e-5)


def test_windows_have_the_numbers_of_the_material():
    # Shells far from each other: a component and a cavity each, and rings of eight voxels.
    rng = np.random.default_rng(2)
    shell, ring = np.ones((3, 3, 3), int), np.ones((3, 3, 1), int)
    shell[1, 1, 1] = ring[1, 1] = 0
    volume = np.zeros((60, 60, 60), int)
    n_shells = n_rings = 0
    for corner in np.ndindex(10, 10, 10):
        start = 6 * np.array(corner) + rng.integers(0, 2, 3)
        body = shell if rng.random() < 0.5 else ring
        volume[tuple(slice(a, a + side) for a, side in zip(start, body.shape, strict=True))] = body
        n_shells, n_rings = n_shells + (body is shell), n_rings + (body is ring)
    starts = rng.integers(0, 60, (600, 3))
    windows = [np.roll(volume, tuple(-start), (0, 1, 2))[:12, :12, :12].copy() for start in starts]
    found = WINDOW(periodic=False).fit_transform(np.array(windows)) * volume.size
    expected = np.array([n_shells + n_rings, n_rings, n_shells])
    noise = 4 * found.std(axis=0) / np.sqrt(600)
    assert np.all(np.abs(found.mean(axis=0) - expected) < noise)
    assert np.all(noise < 0.35 * expected)


def test_sides_of_one_pixel_are_ignored():
    X = (np.random.default_rng(3).random((4, 6, 7)) < 0.6).astype(int)
    flat = BettiNumbers().fit_transform(X)
    for axis in (1, 2, 3):
        assert_array_equal(BettiNumbers().fit_transform(np.expand_dims(X, axis)), flat)
    line = np.ones((1, 1, 5), int)
    assert_allclose(betti(line), [[1, 1]], atol=1e-5)
    assert_allclose(betti(line, periodic=False), [[1, 0]], atol=1e-5)
    assert_allclose(betti(np.ones((1, 1, 1), int)), [[1, 0]])


def test_names_phase_and_spacing():
    X = np.random.default_rng(4).integers(0, 3, (3, 4, 5, 6))
    descriptor = BettiNumbers(phase=1, spacing=0.5).fit(X)
    names = ["betti_0", "betti_1", "betti_2"]
    assert list(descriptor.get_feature_names_out()) == names
    alone = BettiNumbers().fit_transform((X == 1).astype(int))
    assert_allclose(descriptor.transform(X), 8 * alone, rtol=1e-6)
    assert descriptor_named("betti", "descriptors") is WINDOW
    with pytest.raises(ValueError, match="Did you mean 'betti'"):
        descriptor_named("holes", "descriptors")
