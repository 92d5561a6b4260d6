"""Periodic images are told from others, on every axis that tells."""

import numpy as np
import pytest
import torch
from cases import case
from numpy.testing import assert_array_equal

from skmicro.datasets import make_cahn_hilliard, make_polycrystals
from skmicro.descriptors import (
    ClusterStatistics,
    EulerNumber,
    LinealPath,
    SpecificSurface,
    TwoPointCorrelation,
)
from skmicro.evaluation import evaluate
from skmicro.exceptions import BorderWarning
from skmicro.generators import FlowMatchingGenerator, GaussianRandomField
from skmicro.images import borders_match, looks_periodic, wraps_around
from skmicro.images._borders import _jumps, _mean_and_scatter


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
    for jumps, mean, square in (
        (_jumps(a, b)[None], 0.5, 0.5),
        (_jumps(a.astype(float), b.astype(float))[None], 2.5, 20.5),
    ):
        scatter = np.sqrt((square - mean**2) / 4)
        assert _mean_and_scatter([jumps]) == pytest.approx((mean, scatter))


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
    with pytest.warns(BorderWarning, match="^periodic=True wraps around images whose opp"):
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


def test_rough_images_do_not_tell():
    """Neighbours of independent voxels differ as often as any others."""
    noise = np.random.default_rng(0).integers(0, 2, (300, 16, 16))
    for n in (1, 30):
        told = [borders_match(noise[k : k + n]) for k in range(0, 300, n)]
        assert told.count(None) >= 0.98 * len(told)
    assert borders_match(np.zeros((4, 8, 8), np.uint8)) is None
    assert borders_match(np.zeros((4, 3, 3), np.uint8)) is None


@pytest.mark.representatives("8-16-0.9")
@pytest.mark.parametrize(("n", "size", "least"), [(1, 32, 0.7), (8, 16, 0.9), (2, 64, 1.0)])
def test_few_and_small_images(n, size, least):
    """Hardly any window is taken for periodic, and hardly any periodic image for a window."""
    X, _ = make_cahn_hilliard(48, (size, size), n_steps=300, random_state=0)
    wide, _ = make_cahn_hilliard(48, (size + 16,) * 2, n_steps=300, random_state=1)
    told = {
        name: [borders_match(images[k : k + n]) for k in range(0, 48, n)]
        for name, images in {"whole": X, "cut": wide[:, :size, :size]}.items()
    }
    assert told["whole"].count(True) >= least * len(told["whole"])
    assert told["whole"].count(False) <= 0.05 * len(told["whole"])
    assert told["cut"].count(True) <= 0.05 * len(told["cut"])
    assert told["cut"].count(False) >= 0.4 * len(told["cut"])


def contradicted(images, n):
    """Return the share of stacks of n images that are said not to match."""
    told = [borders_match(images[k : k + n]) for k in range(0, len(images) - n + 1, n)]
    return told.count(False) / len(told)


def test_periodic_images_are_not_contradicted_and_windows_are():
    """None of these: also not of crystals, whose boundaries can lie along a border."""
    settings = {"n_grains": 8, "n_orientations": 8, "random_state": 5}
    crystals, _ = make_polycrystals(50, (16, 16), **settings)
    mixtures, _ = make_cahn_hilliard(50, (32, 32), n_steps=200, random_state=5)
    for name, images in {"crystals": crystals, "mixtures": mixtures}.items():
        for n in (1, 3):
            with case(name, n):
                assert contradicted(images, n) == 0
    wide, _ = make_polycrystals(16, (32, 32), **settings | {"n_grains": 32})
    windows = wide[:, :16, :16]
    assert contradicted(windows, 1) >= 0.6
    assert contradicted(windows, 8) == 1


def test_walls_and_single_voxels_at_a_border_do_not_contradict_it():
    mixtures, _ = make_cahn_hilliard(120, (32, 32), n_steps=150, random_state=0)
    windows, _ = make_cahn_hilliard(120, (48, 48), n_steps=150, random_state=1)
    for layers in (slice(1), slice(-1, None), slice(-1, 1), slice(29, None)):
        walled, cut = mixtures.copy(), windows[:, :32, :32].copy()
        walled[:, layers] = cut[:, layers] = 0
        for n in (1, 8, 30):
            with case(layers, n):
                assert contradicted(walled, n) <= 0.025
        with case(layers):
            assert contradicted(cut, 30) == 1  # along the other axis
    voxels = np.zeros((60, 16, 16), np.uint8)
    voxels[np.arange(60), np.arange(60) % 2 - 1, np.arange(60) % 16] = 1
    for n in (1, 3, 30):
        with case("voxels", n):
            assert contradicted(voxels, n) == contradicted(voxels.swapaxes(1, 2), n) == 0


def test_axes_along_which_nothing_changes_do_not_decide():
    rows = phases(field(n=20, shape=(64, 1)))
    assert looks_periodic(np.repeat(rows, 8, axis=2))
    assert borders_match(np.repeat(rows[:, :37], 8, axis=2)) is False


def test_large_stacks_are_judged_by_some_lines():
    images = phases(field(n=40, shape=(96, 96)))
    assert looks_periodic(images)
    assert borders_match(images[:, :70, :90]) is False


def test_stated_borders_that_do_not_match_warn_once():
    X = phases(field())
    windows = X[:, :13, :13]
    for estimator in (TwoPointCorrelation(periodic=True), GaussianRandomField(periodic=True)):
        with pytest.warns(BorderWarning, match="periodic=None detects it") as caught:
            assert estimator.fit(windows).periodic_ is True
        assert len(caught) == 1
        assert estimator.fit(X).periodic_ is True
    noise = np.random.default_rng(0).integers(0, 2, (4, 8, 8))
    assert SpecificSurface(periodic=True).fit(noise).periodic_ is True
    assert SpecificSurface(periodic=False).fit(X).periodic_ is False


def test_descriptors_do_as_their_images():
    X = phases(field())
    windows = X[:, :13, :13]
    for kind in (TwoPointCorrelation, SpecificSurface, LinealPath, EulerNumber, ClusterStatistics):
        for images, periodic in ((X, True), (windows, False)):
            open_ = kind().fit(images)
            assert open_.periodic_ is periodic
            assert open_.periodic is None
            told = kind(periodic=periodic).fit(images)
            assert_array_equal(open_.transform(images), told.transform(images))
            # What fit saw holds, also for images that do not tell.
            noise = np.random.default_rng(0).integers(0, 2, images.shape)
            assert_array_equal(open_.transform(noise), told.transform(noise))
            assert kind().fit(noise).periodic_ is False


def test_descriptors_called_before_fit_look_at_their_images():
    X = phases(field())
    for images, periodic in ((X, True), (X[:, :13, :13], False)):
        channels = torch.from_numpy(np.stack([1 - images, images], axis=1)).double()
        told = SpecificSurface(periodic=periodic)(channels)
        descriptor = SpecificSurface()
        assert_array_equal(descriptor(channels), told)
        assert not hasattr(descriptor, "periodic_")


@pytest.mark.slow
def test_generated_images_that_wrap_are_compared_with_windows_without():
    """The surface of windows has no seam in it."""
    X = phases(field(n=60, shape=(16, 16)))
    real = phases(field(n=60, shape=(32, 32), seed=1))[:, :16, :16]

    def ratio(generated, **settings):
        settings = {"descriptors": [SpecificSurface()], "n_bootstrap": 2, **settings}
        report = evaluate(generated, real[:30], real[30:], random_state=0, **settings)
        return report["specific_surface ratio"].value

    generator = FlowMatchingGenerator(**TINY).fit(X)
    assert generator.periodic_ is True
    assert ratio(X) == ratio(X, periodic=False) == pytest.approx(1, abs=0.1)
    with pytest.warns(BorderWarning):
        assert ratio(X, periodic=True) < 0.92 * ratio(X)
    stated = ratio(X, descriptors=[SpecificSurface(periodic=False)], periodic=None)
    assert stated == ratio(X)
    assert ratio(generator) == ratio(generator, periodic=False)


def test_evaluation_of_periodic_images_wraps():
    X = phases(field(n=60, shape=(16, 16)))
    settings = {"descriptors": [SpecificSurface()], "n_bootstrap": 2, "random_state": 0}
    found, told, other = (
        evaluate(X[40:], X[:20], X[20:40], periodic=periodic, **settings).metrics
        for periodic in (None, True, False)
    )
    assert found == told != other


def test_lines_with_unknown_voxels_do_not_tell():
    X, _ = make_cahn_hilliard(4, (32, 32), n_steps=200, random_state=0)
    mask = np.zeros(X.shape, bool)
    mask[:, 10:14, 3:8] = True
    assert borders_match(np.ma.masked_array(X, mask)) is True
    crops = np.ma.masked_array(X[:, :24, :20], mask[:, :24, :20])
    assert borders_match(crops) is False
    disc = np.hypot(*(np.indices((32, 32)) - 15.5)) > 15
    assert borders_match(np.ma.masked_array(X, np.broadcast_to(disc, X.shape))) is None
