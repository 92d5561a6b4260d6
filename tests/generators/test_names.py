"""Names of descriptors stand for what they mean in images with or without borders."""

import pickle
import re
from itertools import product

import numpy as np
import pytest
import torch
from sklearn.base import clone

import skmicro
from skmicro.descriptors import (
    BaseDescriptor,
    FreeEnergy,
    LinealPath,
    SpecificSurface,
    TwoPointCorrelation,
)
from skmicro.descriptors._registry import new_descriptor
from skmicro.exceptions import TargetWarning
from skmicro.generators import GIN, WGANGP, GaussianRandomField, HybridGAN, InvNetGenerator

TINY = {"n_iter": 2, "width": 4, "n_latent": 2, "batch_size": 4, "random_state": 0, "device": "cpu"}
UNCALIBRATED = TINY | {"n_level_steps": 0}
pytestmark = pytest.mark.filterwarnings("ignore::skmicro.exceptions.ExtrapolationWarning")
BOTH = pytest.mark.parametrize("periodic", [False, True])


@pytest.fixture(scope="module")
def images():
    """Images with a gradient, which is a jump where they wrap around."""
    noise = np.random.default_rng(0).random((12, 8, 8))
    return (noise < np.linspace(0.1, 0.9, 8)).astype(np.uint8)


class BorderFractions(BaseDescriptor):
    """Fraction of the first column; with borders, that of the last one as well."""

    name = "border_fractions"

    def __init__(self, periodic=True, image_shape=None):
        self.periodic = periodic
        self.image_shape = image_shape

    def _describe(self, images):
        edges = [0] if self.periodic else [0, -1]
        return torch.stack([images[:, -1, ..., k].flatten(1).mean(dim=1) for k in edges], dim=1)

    def _feature_names(self):
        return ["first"] if self.periodic else ["first", "last"]


def correlation_at_one_step(image, periodic):
    """S2 in the radial bin 1, pair by pair."""
    hits = n_pairs = 0
    for step, place in product([(0, 1), (1, 0), (1, 1), (1, -1)], np.ndindex(image.shape)):
        other = np.add(place, step)
        inside = np.all((other >= 0) & (other < image.shape))
        if periodic or inside:
            n_pairs += 1
            hits += int(image[place]) * int(image[tuple(other % image.shape)])
    return hits / n_pairs


@BOTH
def test_conditions_and_moments(images, periodic):
    generator = InvNetGenerator.light(
        invariances=("p2", "free_energy"),
        moments=("lineal_path",),
        periodic=periodic,
        **UNCALIBRATED,
    ).fit(images)
    table = generator.conditions_
    expected = [
        kind(periodic=periodic).fit_transform(images) for kind in (TwoPointCorrelation, FreeEnergy)
    ]
    np.testing.assert_array_equal(table.rows, np.hstack(expected))
    path = LinealPath(periodic=periodic).fit_transform(images)
    np.testing.assert_array_equal(table.measured_rows, path)
    by_hand = [correlation_at_one_step(image, periodic) for image in images]
    np.testing.assert_allclose(table.rows[:, 1], by_hand, rtol=1e-5)
    surface = SpecificSurface(periodic=periodic).fit_transform(images)
    np.testing.assert_array_equal(table.ranges["specific_surface"][1], surface.max(axis=0))


def test_the_two_meanings_differ(images):
    by_hand = [[correlation_at_one_step(image, p) for image in images] for p in (False, True)]
    assert np.abs(np.subtract(*by_hand)).min() > 1e-3


def test_descriptor_objects_are_taken_as_they_are(images):
    for own in (False, True):
        curve = TwoPointCorrelation(periodic=own)
        generator = InvNetGenerator.light(
            invariances=(curve,), moments=(), periodic=not own, **UNCALIBRATED
        ).fit(images)
        np.testing.assert_array_equal(generator.conditions_.rows, curve.fit_transform(images))


@BOTH
@pytest.mark.parametrize(("make", "options"), [(GIN, TINY), (HybridGAN, UNCALIBRATED)])
def test_calibration(images, make, options, periodic):
    generator = make.light(periodic=periodic, **options).fit(images)
    expected = TwoPointCorrelation(periodic=periodic).fit_transform(images).mean(axis=0)
    np.testing.assert_allclose(generator.targets_["p2"], expected, rtol=1e-6)


@BOTH
def test_calibration_on_one_image(images, periodic):
    generator = HybridGAN.light(calibration=images[3], periodic=periodic, **UNCALIBRATED).fit(
        images
    )
    expected = correlation_at_one_step(images[3], periodic)
    assert generator.targets_["p2"][1] == pytest.approx(expected, rel=1e-5)


def reported_and_true_error(generator, descriptor, **options):
    """Miss of a specific surface: as the warning has it, and as a descriptor has it."""
    with pytest.warns(TargetWarning, match="target specific_surface") as caught:
        (image,) = generator.sample(1, specific_surface=0.39, random_state=0, **options)
    (worst,) = re.findall(r"([0-9.e-]+) at worst", str(caught[-1].message))
    return float(worst), abs(descriptor.fit_transform(image[None]).item() - 0.39)


@pytest.mark.representatives("None-True", "False-False", "True-True")
@pytest.mark.usefixtures("short_searches")
@BOTH
@pytest.mark.parametrize("asked", [None, False, True])
def test_a_searched_name_follows_the_images_made(images, periodic, asked):
    generator = WGANGP.light(periodic=periodic, target_tol=1e-6, **TINY).fit(images)
    made = SpecificSurface(periodic=periodic if asked is None else asked)
    reported, true = reported_and_true_error(generator, made, periodic=asked)
    assert reported == pytest.approx(true, rel=0.01)


@pytest.mark.usefixtures("short_searches")
@BOTH
def test_a_condition_stays_what_it_was_in_fit(images, periodic):
    generator = InvNetGenerator.light(
        invariances=("specific_surface",), periodic=periodic, target_tol=1e-6, **UNCALIBRATED
    ).fit(images)
    trained_on = SpecificSurface(periodic=periodic)
    reported, true = reported_and_true_error(generator, trained_on, periodic=not periodic)
    assert reported == pytest.approx(true, rel=0.01)


def test_the_correlation_of_a_random_field_follows_the_images_made(images):
    generator = GaussianRandomField(periodic=False).fit(images)
    assert not generator.conditions_.descriptors[2].periodic
    wrapped = generator._model().resized(generator.image_shape_, True)
    assert wrapped.conditions.descriptors[2].periodic
    assert wrapped.conditions.periodic
    assert not generator.conditions_.periodic


@pytest.mark.usefixtures("short_searches")
def test_parameters_changed_after_the_fit_change_no_name(images):
    generator = WGANGP.light(periodic=False, target_tol=1e-6, **TINY).fit(images)
    before = generator.score(images)
    generator.set_params(periodic=True)
    reported, true = reported_and_true_error(generator, SpecificSurface(periodic=False))
    assert reported == pytest.approx(true, rel=0.01)
    assert generator.score(images) == before


@BOTH
def test_errors_state_the_length_that_is_right_for_the_borders(images, periodic):
    generator = WGANGP.light(periodic=periodic, **TINY).fit(images)
    allowed = {True: r"a scalar, .*\(n_samples, 1\)", False: r"an array of shape \(2,\)"}
    with pytest.raises(ValueError, match=rf"target border_fractions must be {allowed[periodic]}"):
        generator.sample(1, border_fractions=[0.1, 0.2, 0.3])
    with pytest.raises(ValueError, match=allowed[not periodic]):
        generator.sample(1, border_fractions=[0.1, 0.2, 0.3], periodic=not periodic)


@pytest.mark.usefixtures("short_searches")
@BOTH
def test_names_survive_files_pickles_and_clones(images, periodic, tmp_path):
    generator = InvNetGenerator.light(
        invariances=("border_fractions",), moments=(), periodic=periodic, **UNCALIBRATED
    ).fit(images)
    generator.save(tmp_path / "model.skm")
    copies = [
        skmicro.load(tmp_path / "model.skm"),
        pickle.loads(pickle.dumps(generator)),
        clone(generator).fit(images),
    ]
    columns = ["first"] if periodic else ["first", "last"]
    for copied in [generator, *copies]:
        names = copied.get_feature_names_out()
        assert list(names[-len(columns) :]) == columns
        assert copied.transform(images[:2]).shape == (2, len(names))
        assert copied.conditions_.periodic is periodic
        np.testing.assert_array_equal(copied.conditions_.rows, generator.conditions_.rows)
        assert copied.invariances == ("border_fractions",)


@pytest.mark.parametrize(
    "name",
    ["p2", "free_energy", "euler_number", "lineal_path", "clusters", "specific_surface"],
)
def test_every_descriptor_that_can_wrap_around_has_both_meanings(name):
    for periodic in (False, True):
        assert new_descriptor(name, periodic).periodic is periodic


def test_descriptors_without_borders_have_one_meaning():
    for name in ("p1", "phase_fractions", "area"):
        assert new_descriptor(name, False).get_params() == new_descriptor(name, True).get_params()
