"""Polycrystals: the tessellation against brute force, the colouring against its promises."""

import itertools
import math
import random

import joblib
import numpy as np
import pytest
import torch

from skmicro.datasets import _polycrystals, make_polycrystals
from skmicro.datasets._colouring import (
    colour_cells,
    exchange_colours,
    greedy_colours,
    kempe_chain,
    neighbours,
    sufficient_colours,
)
from skmicro.datasets._polycrystals import centroids, power_cells, tessellate
from skmicro.descriptors import TwoPointCorrelation


def rng(seed=0):
    return np.random.default_rng(seed)


def cost(colours, sizes, targets):
    return np.square(np.bincount(colours, sizes, minlength=len(targets)) - targets).sum()


def conflicts(colours, touch):
    return (touch & (colours[:, None] == colours)).sum()


@pytest.fixture
def recorded(monkeypatch):
    """The grains behind the images that the simulator returns."""
    found = []

    def record(*args):
        found.append(tessellate(*args))
        return found[-1]

    monkeypatch.setattr(_polycrystals, "tessellate", record)
    return found


@pytest.mark.parametrize("box", [(9.0, 14.5), (6.0, 5.0, 7.5)])
def test_power_cells_against_brute_force_over_all_images(box):
    n_axes = len(box)
    seeds, weights = rng().random((12, n_axes)) * box, rng(1).random(12) * 6
    points = rng(2).random((300, n_axes)) * box
    shifts = np.array(list(itertools.product([-1, 0, 1], repeat=n_axes))) * box
    offsets = points[:, None, None] - seeds[:, None] - shifts
    powers = np.square(offsets).sum(axis=-1).min(axis=2) - weights
    cells = power_cells(points, seeds, weights, np.array(box))
    np.testing.assert_array_equal(cells, powers.argmin(axis=1))
    unweighted = power_cells(points, seeds, np.zeros(12), np.array(box))
    assert (cells != unweighted).mean() > 0.1


def test_the_centroid_of_a_cell_across_the_border():
    points = np.array([[9.0, 1.0], [0.0, 1.0], [1.0, 1.0], [5.0, 5.0], [5.0, 6.0]])
    seeds = np.array([[9.5, 2.0], [5.5, 5.0], [3.0, 3.0]])
    moved = centroids(points, np.array([0, 0, 0, 1, 1]), seeds, np.array([10.0, 8.0]))
    np.testing.assert_allclose(moved, [[0.0, 1.0], [5.0, 5.5], [3.0, 3.0]], atol=1e-12)


@pytest.mark.parametrize("shape", [(48, 40), (20, 18, 16)])
def test_grains_have_the_volumes_asked_for(shape):
    volumes = np.linspace(1, 4, 20)
    volumes *= math.prod(shape) / volumes.sum()
    grains = tessellate(shape, volumes, np.ones(len(shape)), rng())
    assert grains.shape == shape
    sizes = np.bincount(grains.ravel(), minlength=20)
    assert np.abs(sizes - volumes).max() < 0.25 * volumes.mean()
    assert np.corrcoef(sizes, volumes)[0, 1] > 0.97


@pytest.mark.representatives("1.0")
@pytest.mark.parametrize("size_spread", [0.0, 0.5, 1.0])
def test_spread_of_the_grain_volumes(recorded, size_spread):
    make_polycrystals(6, (64, 64), size_spread=size_spread, random_state=0)
    sizes = np.array([np.bincount(grains.ravel(), minlength=40) for grains in recorded])
    assert (sizes > 0).all()
    assert (sizes.std(axis=1) / sizes.mean(axis=1)).mean() == pytest.approx(size_spread, abs=0.15)


def test_neighbours_share_a_face_also_across_the_border():
    cells = np.array([[0, 0, 1], [2, 2, 1], [3, 4, 4]])
    pairs = {(i, j) for i, j in np.argwhere(neighbours(cells, 6)).tolist() if i < j}
    assert pairs == {(0, 1), (0, 2), (1, 2), (0, 3), (0, 4), (1, 4), (2, 3), (2, 4), (3, 4)}
    volume = np.zeros((2, 2, 4), dtype=int)
    volume[..., 1], volume[..., 2], volume[..., 3] = 1, 2, 3
    assert neighbours(volume, 4).sum() == 2 * 4


@pytest.mark.representatives("0.0-shape0-40", "1.0-shape1-30")
@pytest.mark.parametrize(("shape", "n_grains"), [((64, 56), 40), ((28, 24, 20), 30)])
@pytest.mark.parametrize("size_spread", [0.0, 1.0])
def test_neighbouring_grains_differ(recorded, shape, n_grains, size_spread):
    images, _ = make_polycrystals(
        2, shape, n_grains=n_grains, size_spread=size_spread, random_state=0
    )
    for image, grains in zip(images, recorded, strict=True):
        for axis in range(image.ndim):
            other_grain = grains != np.roll(grains, 1, axis)
            other_label = image != np.roll(image, 1, axis)
            np.testing.assert_array_equal(other_grain, other_label)


def wheel(n):
    """A hub that touches every cell of a ring of n - 1."""
    touch = np.zeros((n, n), dtype=bool)
    touch[0, 1:] = True
    ring = np.arange(1, n)
    touch[ring, np.roll(ring, 1)] = True
    return touch | touch.T


@pytest.mark.parametrize("seed", range(5))
def test_exchanges_find_the_best_of_all_colourings(seed):
    touch, sizes = wheel(7), rng(seed).integers(5, 50, 7)
    targets = rng(seed + 10).dirichlet(np.ones(4)) * sizes.sum()
    every = np.array(list(itertools.product(range(4), repeat=7)))
    alike = every[:, :, None] == every[:, None, :]
    proper = every[~(alike & touch).any(axis=(1, 2))]
    filled = (np.eye(4)[proper] * sizes[:, None]).sum(axis=1)
    found = colour_cells(touch, sizes, targets, rng())
    assert conflicts(found, touch) == 0
    best = np.square(filled - targets).sum(axis=1).min()
    assert cost(found, sizes, targets) == pytest.approx(best)


def test_exchanges_keep_neighbours_different_and_never_lose():
    costs = []
    for seed in range(5):
        volumes = rng(seed).uniform(0.5, 1.5, 30) * 48 * 48 / 30
        grains = tessellate((48, 48), volumes, np.ones(2), rng(seed))
        touch, sizes = neighbours(grains, 30), np.bincount(grains.ravel(), minlength=30)
        targets = rng(seed).dirichlet(np.full(5, 20)) * grains.size
        start = greedy_colours(touch, sizes, targets, rng(seed))
        end = exchange_colours(start, touch, sizes, targets, rng(seed))
        assert conflicts(end, touch) == 0
        costs.append([cost(colours, sizes, targets) for colours in (start, end)])
    ratios = np.divide(*np.transpose(costs)[::-1])
    assert ratios.max() <= 1
    assert np.median(ratios) < 0.1


def test_a_kempe_chain_is_a_component_of_two_colours():
    path = [[1], [0, 2], [1, 3], [2, 4], [3]]
    assert kempe_chain(0, 1, [0, 1, 0, 2, 0], path) == {0, 1, 2}
    assert kempe_chain(4, 1, [0, 1, 0, 2, 0], path) == {4}
    assert kempe_chain(0, 1, [0, 1] * 30, [[i - 1, (i + 1) % 60] for i in range(60)]) == set()


def test_complete_graphs_need_all_colours():
    complete = ~np.eye(5, dtype=bool)
    sizes = np.arange(1, 6)
    assert colour_cells(complete, sizes, np.full(4, 15 / 4), rng()) is None
    assert sufficient_colours(complete, sizes, 2, rng()) == 5
    best = colour_cells(complete, sizes, np.array([5.0, 4.0, 3.0, 2.0, 1.0]), rng())
    assert best.tolist() == [4, 3, 2, 1, 0]


@pytest.mark.parametrize("shape", [(64, 64), (24, 24, 24)])
def test_images_are_labels_and_fractions_are_measured(shape):
    images, fractions = make_polycrystals(3, shape, n_grains=20, n_orientations=10, random_state=0)
    assert images.dtype == np.uint8
    assert images.shape == (3, *shape)
    shares = [(images == k).reshape(3, -1).mean(axis=1) for k in range(10)]
    np.testing.assert_allclose(fractions, np.transpose(shares), rtol=1e-15)
    assert fractions.dtype == np.float64


def test_fractions_are_near_to_those_asked_for():
    even = make_polycrystals(4, orientation_fractions=[0.2] * 5, random_state=0)[1]
    assert np.abs(even - 0.2).max() < 0.006
    each = np.array([[0.3, 0.25, 0.2, 0.15, 0.1], [0.1, 0.15, 0.2, 0.25, 0.3]] * 2)
    errors = np.abs(make_polycrystals(4, orientation_fractions=each, random_state=0)[1] - each)
    assert np.median(errors.max(axis=1)) < 0.006
    assert errors.max() < 0.03


def test_fractions_out_of_reach_are_approached():
    _, fractions = make_polycrystals(
        4, (64, 64), orientation_fractions=[1, 0, 0, 0, 0], random_state=0
    )
    assert (fractions[:, 0] > 0.27).all()
    assert (fractions[:, 0] > 1.5 * fractions[:, 1:].max(axis=1)).all()


def test_drawn_fractions_cover_a_range():
    _, fractions = make_polycrystals(20, (24, 24), n_grains=20, random_state=0)
    np.testing.assert_allclose(fractions.mean(axis=0), 0.2, atol=0.035)
    assert 0.05 < fractions.std() < 0.09
    assert fractions.max() > 0.3
    assert fractions.min() < 0.1


@pytest.mark.representatives("shape0", "shape2")
@pytest.mark.parametrize(
    ("shape", "anisotropy", "lengths"),
    [
        ((128, 128), 3.0, (1, 3)),
        ((128, 96), (2, 1), (2, 1)),
        ((28, 28, 28), (1.0, 2.0, 1.5), (1, 2, 1.5)),
    ],
)
def test_anisotropy_in_the_two_point_correlation(shape, anisotropy, lengths):
    images, _ = make_polycrystals(2, shape, anisotropy=anisotropy, random_state=0)
    crossed = np.zeros(len(shape))
    for phase in np.unique(images):
        correlation = TwoPointCorrelation(phase=phase, output="directional", max_lag=1)
        values = correlation.fit_transform(images).reshape(len(images), len(shape), 2)
        crossed += (values[..., 0] - values[..., 1]).sum(axis=0)
    # Chords are longer in proportion, and grain boundaries crossed so much less often.
    np.testing.assert_allclose(crossed[0] / crossed, np.divide(lengths, lengths[0]), rtol=0.15)


def quick(n, random_state, **options):
    options = {"shape": (24, 20), "n_grains": 12, **options}
    return make_polycrystals(n, random_state=random_state, **options)[0]


def test_a_seed_gives_the_same_images_and_the_first_ones_do_not_depend_on_their_number():
    many = quick(4, 5)
    np.testing.assert_array_equal(many, quick(4, 5))
    np.testing.assert_array_equal(many[:2], quick(2, 5))
    assert (many != quick(4, 6)).any()
    assert len(np.unique(many.reshape(4, -1), axis=0)) == 4


def test_jobs_change_nothing():
    with joblib.parallel_config("threading"):
        np.testing.assert_array_equal(quick(3, 5, n_jobs=2), quick(3, 5))


@pytest.mark.parametrize("make", [np.random.RandomState, np.random.default_rng])
def test_random_state_objects(make):
    source = make(0)
    first, second = quick(2, source), quick(2, source)
    assert (first != second).any()
    np.testing.assert_array_equal(first, quick(2, make(0)))


def test_fresh_entropy_and_no_global_generator_touched():
    np.random.seed(0)  # noqa: NPY002 - the global state is what is watched
    torch.manual_seed(0)
    before = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist(), random.getstate()  # noqa: NPY002
    first, second = quick(2, None), quick(2, None)
    after = np.random.get_state()[1].tolist(), torch.get_rng_state().tolist(), random.getstate()  # noqa: NPY002
    assert (first != second).any()
    assert before == after


def test_few_grains_and_thin_images():
    assert (quick(2, 0, n_grains=1, n_orientations=1) == 0).all()
    assert len(np.unique(quick(1, 0, n_grains=2, n_orientations=2))) == 2
    assert quick(1, 0, shape=(1, 32), n_grains=4, n_orientations=3).shape == (1, 1, 32)


def test_too_few_orientations_are_refused_with_a_number_that_is_enough():
    with pytest.raises(ValueError, match=r"n_orientations must be larger .*, got 2: ") as caught:
        quick(2, 0, n_orientations=2)
    enough = int(str(caught.value).split("got 2: ")[1].split()[0])
    assert enough in (4, 5, 6)
    assert quick(1, 0, n_orientations=enough).max() == enough - 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_samples": 0}, r"n_samples must be >= 1, got 0\."),
        ({"shape": (64,)}, r"shape must hold 2 or 3 integers, got \(64,\)\."),
        ({"n_grains": 0}, r"n_grains must be >= 1, got 0\."),
        ({"shape": (8, 8), "n_grains": 17}, r"n_grains must be <= 16 .*got 17\."),
        ({"n_orientations": 65}, r"n_orientations must lie in \[1, 64\], got 65\."),
        ({"orientation_fractions": [0.5, 0.5]}, r"shape \(5,\) or \(2, 5\), got \(2,\)"),
        ({"orientation_fractions": [0.3] * 5}, "orientation_fractions must be >= 0 and sum to 1"),
        ({"orientation_fractions": [-0.2, 0.3, 0.3, 0.3, 0.3]}, "must be >= 0 and sum to 1"),
        ({"orientation_fractions": [math.nan] * 5}, "must be >= 0 and sum to 1"),
        ({"anisotropy": 0}, "anisotropy must lie in .*got 0"),
        ({"anisotropy": (1.0, -1.0)}, "anisotropy must lie in .*got -1"),
        ({"anisotropy": (1.0, 2.0, 3.0)}, "anisotropy must hold one number for each axis"),
        ({"size_spread": -0.1}, "size_spread must lie in .*got -0.1"),
        ({"size_spread": 1.5}, r"size_spread must lie in \[0, 1\], got 1.5"),
        ({"size_spread": math.inf}, "size_spread must lie in .*got inf"),
        ({"random_state": -1}, "random_state must be >= 0, got -1"),
    ],
)
def test_bad_values_are_named(options, message):
    with pytest.raises(ValueError, match=message):
        make_polycrystals(**{"n_samples": 2, **options})


@pytest.mark.parametrize(
    "options",
    [
        {"n_samples": 2.0},
        {"n_grains": "9"},
        {"n_orientations": 4.5},
        {"orientation_fractions": "even"},
        {"anisotropy": "strong"},
        {"size_spread": None},
    ],
)
def test_bad_types_are_named(options):
    with pytest.raises(TypeError, match=next(iter(options))):
        make_polycrystals(**{"n_samples": 1, **options})
