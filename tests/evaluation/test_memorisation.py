"""Memorisation: copies are found wherever they were moved to, others are not."""

from itertools import permutations, product

import numpy as np
import pytest
from numpy.testing import assert_allclose

from skmicro.datasets import make_cahn_hilliard
from skmicro.evaluation import _memorisation, memorisation


def noise(n, shape, n_phases=2, seed=0):
    return np.random.default_rng(seed).integers(0, n_phases, (n, *shape))


def largest_by_brute_force(image, training, phases):
    axes = range(image.ndim)
    values = []
    for order in permutations(axes):
        turned = image.transpose(order)
        if turned.shape != image.shape:
            continue
        for flips in product((1, -1), repeat=image.ndim):
            moved = turned[tuple(slice(None, None, step) for step in flips)]
            for shift in np.ndindex(image.shape):
                rolled = np.roll(moved, shift, tuple(axes))
                values += [correlation(rolled, other, phases) for other in training]
    return max(map(abs, values)) if len(phases) == 2 else max(values)


def correlation(a, b, phases):
    fields = [np.array([image == phase for phase in phases], float) for image in (a, b)]
    a, b = (f - f.mean(axis=tuple(range(1, f.ndim)), keepdims=True) for f in fields)
    return (a * b).sum() / (np.linalg.norm(a) * np.linalg.norm(b))


@pytest.mark.parametrize(
    ("shape", "n_phases"), [((4, 4), 2), ((5, 3), 2), ((4, 4), 3), ((2, 3, 3), 2)]
)
def test_it_is_the_largest_correlation(shape, n_phases):
    images, training = noise(2, shape, n_phases), noise(3, shape, n_phases, seed=1)
    wanted = [largest_by_brute_force(image, training, range(n_phases)) for image in images]
    assert_allclose(memorisation(images, training), wanted, atol=1e-5)


def structured(n, shape, seed=0, n_phases=2):
    """Smooth blobs, without wrap-around symmetry of any kind."""
    field = np.random.default_rng(seed).normal(size=(n, *shape))
    for axis in range(1, field.ndim):
        field = sum(np.roll(field, k, axis) for k in range(5))
    ranks = field.reshape(n, -1).argsort(axis=1).argsort(axis=1)
    return (ranks.reshape(field.shape) * n_phases // ranks[0].size).astype(np.uint8)


@pytest.mark.parametrize(
    "training",
    [
        noise(20, (12, 12)),
        noise(20, (36, 36), 3),
        structured(20, (40, 40)),
        structured(20, (32, 20)),
        structured(20, (40, 40), n_phases=3),
        structured(12, (20, 18, 18)),
        structured(20, (40, 40)) + np.linspace(0, 0.5, 40),
    ],
    ids=["noise", "three-phase noise", "blobs", "oblong", "three phases", "volumes", "grey"],
)
def test_moved_copies_give_one(training):
    axes = tuple(range(1, training.ndim))
    copies = np.roll(np.flip(training[3:9], 1), (3, 7), axes[:2])
    if training.shape[-1] == training.shape[-2]:
        copies = copies.swapaxes(-1, -2)
    assert_allclose(memorisation(copies, training), 1, atol=1e-5)
    others = training[:3], training[3:]
    assert memorisation(*others).max() < 0.8


def test_independent_noise_is_small():
    values = memorisation(noise(10, (32, 32), seed=1), noise(50, (32, 32)))
    assert values.max() < 0.25


def test_fine_stripes_are_compared_in_full():
    """Their waves are shorter than the coarse grid resolves."""
    stripes = np.tile([0, 0, 1, 1], (1, 48, 12))
    training = np.concatenate([noise(3, (48, 48)), stripes])
    search_grid = _memorisation._CopySearch(stripes, _memorisation.encoder_for(stripes), 4).grid
    assert search_grid == (48, 48)
    turned = np.roll(stripes, 1, 2).swapaxes(1, 2)
    assert_allclose(memorisation(turned, training), 1, atol=1e-5)


def test_the_coarse_choice_finds_the_maximum():
    X, _ = make_cahn_hilliard(60, (48, 48), n_steps=300, random_state=0)
    images, training = X[:10], X[10:]
    chosen = memorisation(images, training)
    exact = memorisation(images, training, n_candidates=None)
    assert np.all(chosen <= exact + 1e-6)
    assert_allclose(chosen, exact, atol=0.01)
    grid = _memorisation._CopySearch(training, _memorisation.encoder_for(training), 1).grid
    assert grid == (16, 16)


def test_images_do_not_see_each_other_and_blocks_do_not_matter(monkeypatch):
    images, training = structured(5, (24, 24), seed=1), structured(9, (24, 24))
    together = memorisation(images, training)
    alone = np.concatenate([memorisation(image[None], training) for image in images])
    monkeypatch.setattr(_memorisation, "BLOCK_VOXELS", 1)
    assert_allclose(alone, together, atol=1e-6)
    assert_allclose(memorisation(images, training), together, atol=1e-6)


@pytest.mark.parametrize("level", [0, 0.3])
def test_uniform_images_have_nothing_to_memorise(level):
    training = np.random.default_rng(0).random((4, 8, 8)) if level else noise(4, (8, 8))
    uniform = np.full((2, 8, 8), level)
    assert_allclose(memorisation(uniform, training), 0, atol=1e-6)


def test_copies_with_exchanged_phases_are_copies():
    training = structured(20, (32, 32))
    assert_allclose(memorisation(1 - np.roll(training[:3], 5, 1), training), 1, atol=1e-5)
    three = structured(20, (32, 32), n_phases=3)
    assert memorisation((three[:3] + 1) % 3, three).max() < 0.8


@pytest.mark.parametrize("shape", [(8, 8), (8, 6), (4, 4, 4), (4, 4, 5)])
def test_symmetries_of_the_grid(shape):
    image = noise(1, shape, 7)
    channels = _memorisation.torch.tensor(image)
    copies = _memorisation.symmetric_copies(channels)
    distinct = {copy.numpy().tobytes() for copy in copies}
    expected = {(8, 8): 8, (8, 6): 4, (4, 4, 4): 48, (4, 4, 5): 16}[shape]
    assert len(distinct) == len(copies) == _memorisation.symmetry_count(shape) == expected


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        ((noise(2, (4, 4)), noise(2, (4, 5))), {}, r"^images .* \(4, 5\), got \(4, 4\)"),
        ((noise(2, (4, 4)), noise(0, (4, 4))), {}, "training_images .* one image, got none"),
        ((noise(2, (4,)), noise(2, (4,))), {}, "images must have shape"),
        ((noise(2, (4, 4)),) * 2, {"n_candidates": 0}, "n_candidates must be >= 1"),
        ((np.full((2, 4, 4), 3), np.eye(4, dtype=int)[None]), {}, r"of training_images, got \[3\]"),
    ],
)
def test_bad_input(arguments, settings, message):
    with pytest.raises(ValueError, match=message):
        memorisation(*arguments, **settings)
