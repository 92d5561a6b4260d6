"""PersistentHomology: thresholds, ranks of inclusions, closed forms, a missing package."""

import sys
from itertools import product

import numpy as np
import pytest
from by_hand import boundary_matrix, complex_of
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import null_space

from skmicro.descriptors import PersistentHomology
from skmicro.descriptors._betti import betti_numbers

REASON = "gudhi is optional"
every_connectivity = pytest.mark.parametrize("connectivity", ["faces", "corners"])
with_and_without_wrap = pytest.mark.parametrize("periodic", [True, False])


@pytest.fixture
def gudhi():
    return pytest.importorskip("gudhi", reason=REASON)


def signed_distances(image, scales, periodic):
    """Signed distances of all voxels, one pair after the other."""
    places = np.argwhere(image >= 0)
    sides = np.array(image.shape)
    found = np.zeros(image.shape)
    for place in places:
        others = places[image[tuple(places.T)] != image[tuple(place)]]
        apart = np.abs(others - place)
        apart = np.minimum(apart, sides - apart) if periodic else apart
        distance = np.sqrt(((apart * scales) ** 2).sum(axis=1)).min(initial=1e9) - 0.5
        found[tuple(place)] = distance if image[tuple(place)] else -distance
    return found


def numbers_of(X, **parameters):
    """Numbers in whole images, (n, n_degrees, n_steps)."""
    descriptor = PersistentHomology(**parameters)
    rows = descriptor.fit_transform(X) * X[0].size
    return rows.reshape(len(X), -1, 2 * descriptor.max_distance + 1)


@pytest.mark.representatives("faces-False-shape0-scales0", "corners-True-shape1-scales1")
@pytest.mark.parametrize(("shape", "scales"), [((9, 10), (1, 1)), ((6, 5, 7), (1, 1.5, 2))])
@with_and_without_wrap
@every_connectivity
def test_without_persistence_these_are_betti_numbers(gudhi, shape, scales, periodic, connectivity):
    X = (np.random.default_rng(0).random((6, *shape)) < 0.5).astype(int)
    X[0] = 0  # nothing, everything and all but a voxel
    X[1] = 1
    X[2] = np.arange(X[2].size).reshape(shape) > 0
    borders = {"periodic": periodic, "connectivity": connectivity, "min_persistence": 0.0}
    unit = 1 / np.prod(scales)
    found = numbers_of(X, max_distance=2, spacing=scales, **borders) / unit
    for image, rows in zip(X, found, strict=True):
        distance = signed_distances(image, scales, periodic)
        masks = np.array([distance >= step for step in range(-2, 3)])
        expected = betti_numbers(
            masks, periodic=periodic, edge_correction=False, corners=connectivity == "corners"
        )
        assert_allclose(rows, expected.T[: len(shape)], atol=1e-4)


def rank_of_inclusion(small, large, degree, periodic, connectivity):
    """Rank of the map of the homology of one set into that of another that contains it."""
    chains, all_chains = (complex_of(m, periodic, connectivity) for m in (small, large))
    place = {cell: k for k, cell in enumerate(all_chains[degree])}
    lower = chains[degree - 1] if degree else {}
    cycles = null_space(boundary_matrix(lower, chains[degree] if degree else {}))
    if degree == 0:
        cycles = np.eye(len(chains[0]))
    embedded = np.zeros((len(place), cycles.shape[1]))
    embedded[[place[cell] for cell in chains[degree]]] = cycles
    boundaries = boundary_matrix(all_chains[degree], all_chains[degree + 1])
    ranks = [
        np.linalg.matrix_rank(matrix) if matrix.size else 0
        for matrix in (np.hstack([boundaries, embedded]), boundaries)
    ]
    return ranks[0] - ranks[1]


@pytest.mark.representatives("faces-True-shape0", "corners-False-shape1")
@pytest.mark.parametrize("shape", [(7, 8), (3, 4, 4)])
@with_and_without_wrap
@every_connectivity
def test_ranks_of_inclusions(gudhi, shape, periodic, connectivity):
    X = (np.random.default_rng(1).random((2, *shape)) < 0.6).astype(int)
    borders = {"periodic": periodic, "connectivity": connectivity}
    found = numbers_of(X, max_distance=1, min_persistence=0.5, **borders)
    for image, rows in zip(X, found, strict=True):
        distance = signed_distances(image, 1, periodic)
        for degree, (k, step) in product(range(len(shape)), enumerate((-1, 0, 1))):
            small, large = distance >= step, distance >= step - 0.5
            rank = rank_of_inclusion(small, large, degree, periodic, connectivity)
            assert rows[degree, k] == pytest.approx(rank, abs=1e-4), (degree, step)


def test_two_pores_and_a_throat(gudhi):
    # Balls of radius 6 with their centres 16 apart, and a throat of radius 2.5 between them.
    x, y, z = np.indices((33, 19, 19)) - np.array([16, 9, 9]).reshape(3, 1, 1, 1)
    pores = np.sqrt((np.abs(x) - 8) ** 2 + y**2 + z**2) < 6
    throat = (np.hypot(y, z) < 2.5) & (np.abs(x) < 8)
    X = (pores | throat)[None].astype(int)
    components = numbers_of(X, max_distance=7, periodic=False, min_persistence=1.0)[0, 0, 7:]
    # Apart when eroded by more than the throat, by at least p of it; gone when by their radius.
    assert_allclose(components, [1, 1, 1, 1, 2, 2, 0, 0], atol=1e-3)


def test_noise_does_not_last(gudhi):
    noise = (np.random.default_rng(2).random((1, 24, 24)) < 0.05).astype(int)
    layer = noise | (np.abs(np.arange(24) - 12) < 6)
    options = {"max_distance": 3, "periodic": True}
    rough = numbers_of(layer, min_persistence=0.0, **options)[0]
    lasting = numbers_of(layer, min_persistence=3.0, **options)[0]
    assert rough[0, 3] > 5
    # The layer is a component and a loop around the image.
    assert_allclose(lasting[:, 4], [1, 1], atol=1e-4)
    assert np.all(lasting <= rough)


def test_names_distances_and_default(gudhi):
    X = (np.random.default_rng(3).random((2, 12, 9, 8)) < 0.5).astype(int)
    descriptor = PersistentHomology(spacing=0.5).fit(X)
    assert_array_equal(descriptor.distances_, [-1, -0.5, 0, 0.5, 1])
    names = descriptor.get_feature_names_out()
    assert names[0] == "persistent_homology_b0_-2"
    assert names[-1] == "persistent_homology_b2_2"
    assert descriptor.transform(X).shape == (2, 15) == (2, len(names))


def test_sides_of_one_pixel_are_ignored(gudhi):
    X = (np.random.default_rng(4).random((3, 6, 7)) < 0.6).astype(int)
    flat = PersistentHomology(periodic=True).fit_transform(X)
    for axis in (1, 2, 3):
        thin = np.expand_dims(X, axis)
        assert_array_equal(PersistentHomology(periodic=True).fit_transform(thin), flat)


def test_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "gudhi", None)
    X = np.eye(4, dtype=int)[None]
    with pytest.raises(ImportError, match=r"gudhi is needed .* pip install skmicro\[topology\]"):
        PersistentHomology().fit(X).transform(X)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"max_distance": 0}, "max_distance must be >= 1, got 0"),
        ({"max_distance": 5}, r"max_distance must be <= 4 for images of shape \(4, 4\), got 5"),
        ({"min_persistence": -1.0}, "min_persistence must lie in .0, inf., got -1"),
    ],
)
def test_wrong_parameters_are_named(parameters, message):
    with pytest.raises(ValueError, match=message):
        PersistentHomology(**parameters).fit(np.eye(4, dtype=int)[None])
