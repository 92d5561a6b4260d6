"""Markov random fields: known probabilities recovered, images that have one continuation only."""

import pickle
from functools import partial

import numpy as np
import pytest
import torch
from cases import case
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
from textures import cut_blobs

import skmicro
from skmicro.descriptors import SpecificSurface
from skmicro.exceptions import TargetWarning
from skmicro.generators import MarkovRandomField
from skmicro.markov_fields import CausalOrder, TreeProbabilities

pytestmark = pytest.mark.filterwarnings("ignore::skmicro.exceptions.ExtrapolationWarning")
MarkovRandomField = partial(MarkovRandomField, periodic=False)


def chains(n, length, transitions, seed=0):
    """Markov chains (n, 1, length), begun in their stationary distribution."""
    rng = np.random.default_rng(seed)
    ends = np.cumsum(transitions, axis=1)
    stationary = np.linalg.matrix_power(transitions, 200)[0]
    states = np.empty((n, length), dtype=np.int64)
    states[:, 0] = rng.choice(len(transitions), n, p=stationary)
    for k in range(1, length):
        states[:, k] = (rng.random(n)[:, None] > ends[states[:, k - 1]]).sum(axis=1)
    return states[:, None]


def counted_transitions(images, n_phases):
    """Relative frequencies of each state after each state, along the last axis."""
    pairs = np.zeros((n_phases, n_phases))
    np.add.at(pairs, (images[..., :-1].ravel(), images[..., 1:].ravel()), 1)
    return pairs / pairs.sum(axis=1, keepdims=True)


def boards(shape, cell=1):
    """All shifts of a checkerboard of cells of some voxels."""
    index = np.indices(tuple(side + 2 * cell for side in shape)) // cell
    board = index.sum(axis=0) % 2
    shifts = np.ndindex(*[2 * cell] * len(shape))
    shifted = [
        board[tuple(slice(s, s + side) for s, side in zip(shift, shape, strict=True))]
        for shift in shifts
    ]
    return np.unique(shifted, axis=0)


@pytest.fixture(scope="module")
def images():
    return cut_blobs(60, (16, 16))


@pytest.fixture(scope="module")
def fitted(images):
    return MarkovRandomField(random_state=0).fit(images)


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize(("radii", "shape"), [((2, 1), (7, 6)), ((1, 1, 1), (4, 5, 4))])
def test_the_order_is_that_of_raster_scans_inside_windows(radii, shape, periodic):
    order = CausalOrder(radii, shape, periodic)
    visited = np.concatenate(order.steps)
    np.testing.assert_array_equal(np.sort(visited), np.arange(order.n_voxels))
    when = np.empty(order.n_voxels, int)
    for step, voxels in enumerate(order.steps):
        when[voxels] = step
    for voxel in range(order.n_voxels):
        place = np.array(np.unravel_index(voxel, shape))
        around = order.neighbours(np.array([voxel]))[0]
        for offset, seen in zip(order.offsets, around, strict=True):
            target = place + offset
            crosses = (target < 0).any() or (target >= shape).any()
            index = np.ravel_multi_index(tuple(target % shape), shape)
            if not crosses:
                assert seen == (index if index < voxel else order.n_voxels)
            elif not periodic:
                assert seen == order.n_voxels
            else:
                assert seen == (index if when[index] < when[voxel] else order.n_voxels)


def test_transitions_of_a_chain_are_recovered():
    wanted = np.array([[0.9, 0.1], [0.3, 0.7]])
    generator = MarkovRandomField(neighborhood=1, random_state=0).fit(chains(100, 200, wanted))
    samples = generator.sample(200, random_state=1)
    np.testing.assert_allclose(counted_transitions(samples, 2), wanted, atol=0.02)
    # The first voxel has the stationary distribution: there is no start to be forgotten.
    assert np.mean(samples[..., 0]) == pytest.approx(0.25, abs=0.09)
    assert np.mean(samples) == pytest.approx(0.25, abs=0.02)


def test_a_chain_of_three_states_with_a_memory_of_two():
    rng = np.random.default_rng(0)
    states = rng.integers(0, 3, (60, 1, 150))
    for k in range(2, 150):
        copied = rng.random((60, 1)) < 0.8
        states[..., k] = np.where(copied, states[..., k - 2], states[..., k])
    generator = MarkovRandomField(neighborhood=2, random_state=0).fit(states)
    samples = generator.sample(100, random_state=1)
    same = np.mean(samples[..., 2:] == samples[..., :-2])
    assert same == pytest.approx(0.8 + 0.2 / 3, abs=0.02)


@pytest.mark.representatives("shape0-1-False", "shape2-1-True")
@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize(("shape", "cell"), [((12, 12), 1), ((16, 16), 2), ((8, 8, 8), 1)])
def test_checkerboards_are_continued_without_a_fault(shape, cell, periodic):
    known = boards(shape, cell)
    stack = np.tile(known, (-(-256 // len(known)), *[1] * len(shape)))
    generator = MarkovRandomField(
        classifier=DecisionTreeClassifier(),
        max_voxels=30_000,
        periodic=periodic,
        random_state=0,
    ).fit(stack)
    samples = generator.sample(64, random_state=0)
    assert all(any(np.array_equal(image, board) for board in known) for image in samples)
    assert len(np.unique(samples, axis=0)) == len(known)


@pytest.mark.parametrize("periodic", [False, True])
def test_larger_samples_continue_the_checkerboard(periodic):
    tree = DecisionTreeClassifier()
    stack = np.tile(boards((12, 12)), (16, 1, 1))
    generator = MarkovRandomField(classifier=tree, periodic=periodic, random_state=0).fit(stack)
    larger = generator.sample(4, shape=(30, 22), random_state=0)
    known = boards((30, 22))
    assert all(any(np.array_equal(image, board) for board in known) for image in larger)


def test_independent_voxels_have_their_frequency_and_nothing_else():
    noise = (np.random.default_rng(0).random((40, 32, 32)) < 0.3).astype(np.uint8)
    for neighborhood in (0, 2):
        generator = MarkovRandomField(
            classifier=DecisionTreeClassifier(min_samples_leaf=500),
            neighborhood=neighborhood,
            random_state=0,
        ).fit(noise)
        samples = generator.sample(40, random_state=0)
        assert samples.mean() == pytest.approx(0.3, abs=0.01)
        both = np.mean(samples[:, :, 1:] & samples[:, :, :-1])
        assert both == pytest.approx(0.09, abs=0.01)


def test_first_rows_are_as_the_others(images):
    samples = MarkovRandomField(random_state=0).fit(images).sample(300, random_state=0)
    fractions = samples.mean(axis=(0, 2))
    assert fractions[0] == pytest.approx(images.mean(), abs=0.06)
    changes = np.mean(samples[:, :, 1:] != samples[:, :, :-1], axis=(0, 2))
    assert changes[0] == pytest.approx(changes[4:12].mean(), rel=0.25)


def test_opposite_borders_match_where_images_are_periodic(images):
    def seam(samples):
        rows = np.mean(samples[:, 0] != samples[:, -1])
        return rows / np.mean(samples[:, 1:] != samples[:, :-1])

    periodic = MarkovRandomField(periodic=True, random_state=0).fit(images)
    assert seam(periodic.sample(200, random_state=0)) < 1.5
    assert seam(periodic.sample(200, periodic=False, random_state=0)) > 1.8
    free = MarkovRandomField(random_state=0).fit(images)
    with pytest.raises(ValueError, match=r"periodic must be None or False .* got True"):
        free.sample(2, periodic=True)


def test_neighbours_differ_as_often_as_in_the_images(images, fitted):
    samples = fitted.sample(300, random_state=0)
    surfaces = [SpecificSurface().fit_transform(stack).mean() for stack in (samples, images)]
    assert surfaces[0] == pytest.approx(surfaces[1], rel=0.1)


@pytest.mark.representatives("shape0-2-True", "shape3-2-False")
@pytest.mark.parametrize(
    ("shape", "n_phases", "periodic"),
    [((12, 9), 2, True), ((12, 9), 5, False), ((6, 7, 5), 3, True), ((1, 20), 2, False)],
)
@pytest.mark.filterwarnings("ignore::skmicro.exceptions.BorderWarning")
def test_reconstruction_is_exact(shape, n_phases, periodic):
    rng = np.random.default_rng(0)
    known = np.sort(rng.integers(0, n_phases, (30, *shape)), axis=-1)
    generator = MarkovRandomField(
        classifier=DecisionTreeClassifier(min_samples_leaf=2), periodic=periodic, random_state=0
    ).fit(known)
    for stack in (known, rng.integers(0, n_phases, (10, *shape)), generator.sample(70)):
        np.testing.assert_array_equal(generator.reconstruct(stack), stack)


def test_latents_of_samples_are_near_those_that_drew_them(fitted):
    images = fitted.sample(100, random_state=0)
    latents = fitted.transform(images)
    assert np.mean(latents < -6) == 0
    drawn = np.random.default_rng([0, 0]).standard_normal(latents.shape)
    assert np.corrcoef(latents.ravel(), drawn.ravel())[0, 1] > 0.3


def test_between_two_images_samples_are_as_varied(fitted):
    a, b = np.random.default_rng(0).standard_normal((2, 256))
    line = fitted.interpolate(a, b, n_steps=3)
    middle = fitted.inverse_transform(((a + b) / np.sqrt(2))[None])
    np.testing.assert_array_equal(line[1], middle[0])


def test_targets_of_fractions_are_met(images):
    fitted = MarkovRandomField(neighborhood=2, random_state=0).fit(images)
    for p1 in (0.0, 0.4):
        with case(p1):
            samples = fitted.sample(3, p1=p1, random_state=0)
            np.testing.assert_allclose(samples.mean(axis=(1, 2)), p1, atol=0.0101)
            exact = fitted.sample(3, p1=p1, exact=True, random_state=0)
            np.testing.assert_allclose(exact.mean(axis=(1, 2)), p1, atol=0.5 / 256 + 1e-9)
            assert np.mean(exact != samples) < 0.011
    np.testing.assert_array_equal(fitted.sample(2, p1=0.4, random_state=0), samples[:2])
    np.testing.assert_array_equal(fitted.reconstruct(samples), samples)


@pytest.mark.slow
def test_a_target_does_not_roughen_the_phases(images, fitted):
    samples = fitted.sample(16, p1=images.mean(), random_state=0)
    surfaces = [SpecificSurface().fit_transform(stack).mean() for stack in (samples, images)]
    assert surfaces[0] == pytest.approx(surfaces[1], rel=0.15)


def test_targets_of_three_phases():
    generator = MarkovRandomField(neighborhood=2, random_state=0).fit(
        cut_blobs(40, (16, 16), n_phases=3)
    )
    samples = generator.sample(2, phase_fractions=[0.5, 0.3, 0.2], exact=True, random_state=0)
    counts = [np.bincount(image.ravel(), minlength=3) for image in samples]
    np.testing.assert_array_equal(counts, [[128, 77, 51]] * 2)


@pytest.mark.slow
def test_other_targets_take_the_best_of_many(images, fitted):
    surface = SpecificSurface(periodic=False).fit(images)
    own = surface.transform(fitted.sample(100, random_state=5))[:, 0]
    wanted = np.median(own)
    samples = fitted.sample(5, specific_surface=wanted, random_state=0)
    np.testing.assert_allclose(surface.transform(samples)[:, 0], wanted, atol=0.0101)
    with pytest.warns(TargetWarning, match="3 of 3 samples miss their target specific_surface"):
        fitted.sample(3, specific_surface=0.9, random_state=0)


def test_three_dimensions():
    volumes = cut_blobs(8, (10, 10, 10))
    generator = MarkovRandomField(periodic=True, random_state=0).fit(volumes)
    assert generator.radii_ == (2, 2, 2)
    samples = generator.sample(8, random_state=0)
    surfaces = [SpecificSurface().fit_transform(stack).mean() for stack in (samples, volumes)]
    assert surfaces[0] == pytest.approx(surfaces[1], rel=0.25)


@pytest.mark.slow
def test_grey_levels_have_the_distribution_of_the_images():
    levels = cut_blobs(30, (16, 16), n_phases=5) + np.random.default_rng(0).random((30, 16, 16))
    generator = MarkovRandomField(random_state=0).fit(levels)
    samples = generator.sample(30, random_state=0)
    shares = np.linspace(0.05, 0.95, 7)
    np.testing.assert_allclose(np.quantile(samples, shares), np.quantile(levels, shares), atol=0.4)
    np.testing.assert_allclose(generator.reconstruct(levels), levels, atol=1e-3)
    met = generator.sample(2, p1=2.0, random_state=0)
    np.testing.assert_allclose(met.mean(axis=(1, 2)), 2.0, atol=0.0101)


CLASSIFIERS = {
    "forest": RandomForestClassifier(5, min_samples_leaf=8, max_depth=8),
    "entropy": DecisionTreeClassifier(criterion="entropy", max_leaf_nodes=50),
}


@pytest.mark.parametrize("name", CLASSIFIERS)
def test_trees_as_arrays_agree_with_scikit_learn(name):
    rng = np.random.default_rng(0)
    features = rng.integers(-1, 2, (3, 50, 6)).astype(np.float32)
    labels = rng.choice([0, 2, 3], 150)
    classifier = CLASSIFIERS[name].set_params(random_state=0).fit(features.reshape(-1, 6), labels)
    arrays = TreeProbabilities(classifier, 5)
    told = arrays(features.reshape(3, -1), np.arange(300).reshape(50, 6))
    expected = classifier.predict_proba(features.reshape(-1, 6)).reshape(3, 50, 3)
    np.testing.assert_allclose(told[..., [0, 2, 3]], expected, atol=1e-12)
    np.testing.assert_array_equal(told[..., [1, 4]], 0.0)


def test_trees_and_forests_are_saved_without_pickle(images, tmp_path):
    for name, classifier in CLASSIFIERS.items():
        with case(name):
            generator = MarkovRandomField(classifier=classifier, random_state=0).fit(images)
            generator.save(tmp_path / "field.skm")
            loaded = skmicro.load(tmp_path / "field.skm")
            assert repr(loaded) == repr(generator)
            assert type(loaded.classifier) is type(classifier)
            samples = generator.sample(3, random_state=0)
            np.testing.assert_array_equal(loaded.sample(3, random_state=0), samples)


def test_other_classifiers_are_pickled_and_refuse_to_be_saved(images, tmp_path):
    linear = make_pipeline(StandardScaler(), LogisticRegression())
    generator = MarkovRandomField(classifier=linear, neighborhood=2, random_state=0).fit(images)
    samples = generator.sample(3, random_state=0)
    assert 0.3 < samples.mean() < 0.7
    np.testing.assert_array_equal(generator.reconstruct(images), images)
    copied = pickle.loads(pickle.dumps(generator))
    np.testing.assert_array_equal(copied.sample(3, random_state=0), samples)
    with pytest.raises(TypeError, match=r"Cannot save classifier=Pipeline[\s\S]*pickle"):
        generator.save(tmp_path / "field.skm")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"classifier": RidgeClassifier()}, "classifier must be None or .* predict_proba, got Ri"),
        ({"classifier": DecisionTreeClassifier}, "classifier must be None or .* predict_proba"),
        ({"classifier": "tree"}, "classifier must be None or .* got 'tree'"),
        ({"neighborhood": -1}, "neighborhood must be >= 0, got -1"),
        ({"max_voxels": 0}, "max_voxels must be >= 1, got 0"),
        ({"periodic": "yes"}, "periodic must be one of .*'yes'"),
    ],
)
def test_parameters_are_checked(images, parameters, message):
    with pytest.raises((TypeError, ValueError), match=message):
        MarkovRandomField(**parameters).fit(images)


def test_the_seed_chooses_voxels_and_classifier(images):
    forest = RandomForestClassifier(2, min_samples_leaf=16, max_depth=4)

    def sampled(seed):
        generator = MarkovRandomField(classifier=forest, max_voxels=2000, random_state=seed)
        return generator.fit(images).sample(3, random_state=0)

    np.testing.assert_array_equal(sampled(0), sampled(0))
    assert not np.array_equal(sampled(0), sampled(1))
    assert forest.random_state is None


def test_parameters_of_the_classifier_are_searched_like_others(images):
    generator = MarkovRandomField(classifier=DecisionTreeClassifier(), random_state=0)
    generator.set_params(classifier__max_depth=1).fit(images)
    assert generator.classifier_.depth == 1
    assert generator.get_params()["classifier__max_depth"] == 1


def test_channels_tell_which_voxels_were_nearly_drawn_otherwise(fitted):
    model = fitted._model()
    latents = np.random.default_rng(0).standard_normal((4, 256))
    channels = model.channels(latents)
    torch.testing.assert_close(channels.sum(dim=1), torch.ones(4, 16, 16, dtype=torch.float64))
    decoded = model.encoder.decode(channels)
    np.testing.assert_array_equal(decoded, fitted.inverse_transform(latents))
    nearest = channels.numpy().max(axis=1)[0].ravel().argmin()
    lower, higher = latents[:1].copy(), latents[:1].copy()
    lower[0, nearest] -= 0.5
    higher[0, nearest] += 0.5
    flipped = [fitted.inverse_transform(z).ravel()[nearest] for z in (lower, higher)]
    assert flipped[0] != flipped[1]
