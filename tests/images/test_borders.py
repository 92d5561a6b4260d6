"""Periodic images are told from others, on every axis that tells."""

import numpy as np
import pytest

from skmicro.datasets import make_cahn_hilliard
from skmicro.evaluation import evaluate
from skmicro.generators import FlowMatchingGenerator
from skmicro.images import looks_periodic, wraps_around
from skmicro.images._borders import _jump


def field(n=12, shape=(24, 24), seed=0):
    """Smooth periodic grey fields: white noise, averaged four times over 3 voxels."""
    noise = np.random.default_rng(seed).standard_normal((n, *shape))
    for axis in range(1, noise.ndim):
        for _ in range(4):
            noise = (noise + np.roll(noise, 1, axis) + np.roll(noise, -1, axis)) / 3
    return noise


def window(images, sides):
    return images[(slice(None), *(slice(side) for side in sides))]


def grey(images):
    return images.astype(np.float32)


def phases(images):
    return (images > 0).astype(np.uint8)


def labels(images):
    return np.digitize(images, np.quantile(images, [0.3, 0.7])).astype(np.int64)


KINDS = pytest.mark.parametrize("kind", [grey, phases, labels])


@KINDS
@pytest.mark.parametrize(("shape", "cut"), [((24, 24), 13), ((14, 14, 14), 9)])
def test_whole_fields_are_periodic_and_windows_are_not(kind, shape, cut):
    images = kind(field(shape=shape))
    assert looks_periodic(images)
    assert not looks_periodic(window(images, [cut] * len(shape)))


@KINDS
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_one_axis_that_does_not_match_is_enough(kind, axis):
    images = kind(field(shape=(14, 14, 14)))
    sides = [14, 14, 14]
    sides[axis] = 9
    assert not looks_periodic(window(images, sides))


def test_rolling_periodic_images_changes_nothing_but_they_may_be_cut_anywhere():
    images = phases(field())
    rolled = np.roll(images, (5, 9), (1, 2))
    assert looks_periodic(rolled)
    assert not looks_periodic(rolled[:, 4:20, 4:20])


def test_simulated_images():
    X, _ = make_cahn_hilliard(8, (32, 32), n_steps=200, random_state=0)
    assert looks_periodic(X)
    assert not looks_periodic(X[:, :20, :20])


def test_labels_differ_or_do_not_and_grey_levels_by_their_distance():
    a, b = np.array([0, 1, 9, 3]), np.array([1, 1, 0, 3])
    assert _jump(a, b) == 0.5
    assert _jump(a.astype(float), b.astype(float)) == 2.5


def test_thin_axes_do_not_tell():
    images = phases(field(shape=(24, 1)))
    assert looks_periodic(images)
    assert looks_periodic(np.repeat(images, 3, axis=2))
    assert not looks_periodic(images[:, :13])
    assert not looks_periodic(images[:, :3])


def test_images_of_one_phase_are_not_periodic():
    assert not looks_periodic(np.zeros((4, 8, 8), np.uint8))


TINY = {
    "n_iter": 2,
    "width": 4,
    "batch_size": 4,
    "random_state": 0,
    "device": "cpu",
    "precision": "float32",
}


@pytest.mark.parametrize("cut", [None, 13])
def test_decision_is_that_of_the_whole_generator(cut):
    X = phases(field())[:, :cut, :cut]
    decided = FlowMatchingGenerator(**TINY).fit(X)
    told = FlowMatchingGenerator(periodic=cut is None, **TINY).fit(X)
    assert decided.periodic_ is (cut is None)
    assert decided.periodic is None
    assert decided.generator_.periodic is decided.conditions_.periodic is decided.periodic_
    np.testing.assert_array_equal(decided.sample(3, random_state=0), told.sample(3, random_state=0))


def test_parameter_overrules_the_images():
    X = phases(field())
    assert FlowMatchingGenerator(periodic=False, **TINY).fit(X).periodic_ is False
    assert FlowMatchingGenerator(periodic=True, **TINY).fit(X[:, :13, :13]).periodic_ is True


def test_further_training_keeps_the_decision():
    X = phases(field())
    generator = FlowMatchingGenerator(**TINY).fit(X[:, :16, :16])
    assert generator.periodic_ is False
    wrapped = phases(field(shape=(16, 16)))
    assert looks_periodic(wrapped)
    assert generator.partial_fit(wrapped).periodic_ is False
    assert generator.fine_tune(wrapped, n_iter=1).periodic_ is False
    assert generator.fit(wrapped).periodic_ is True


def test_what_was_decided_holds_for_evaluation():
    X = phases(field(n=14, shape=(16, 16)))

    def error(periodic):
        settings = {"n_iter": 2, "width": 4, "batch_size": 4, "device": "cpu", "random_state": 0}
        generator = FlowMatchingGenerator(periodic=periodic, **settings).fit(X)
        report = evaluate(generator, X[:7], X[7:], n_samples=6, random_state=0, n_bootstrap=2)
        return report["p2 relative error"].value

    assert error(None) == error(True) != error(False)


def test_what_was_decided_comes_before_what_was_asked_for():
    assert wraps_around(FlowMatchingGenerator(periodic=False)) is False
    generator = FlowMatchingGenerator(periodic=None)
    generator.periodic_ = True
    assert wraps_around(generator) is True
