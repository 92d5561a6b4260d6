"""Conditions that an image misses: fractions by moving its threshold, others by what is fed."""

import numpy as np
import pytest

from skmicro.conditioning import NetworkModel
from skmicro.conditioning._corrections import CORRECTIONS
from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import VolumeFraction
from skmicro.exceptions import TargetWarning
from skmicro.generators import InvNetGenerator

LOOSE = np.inf
TARGETS = np.linspace(0.4, 0.6, 24)


def trained(grey=False, **options):
    X, _ = make_cahn_hilliard(32, (16, 16), n_steps=200, random_state=0)
    if grey:
        X = 0.9 * X + 0.1 * np.random.default_rng(0).random(X.shape)
    settings = {"n_iter": 60, "n_level_steps": 0, "periodic": True, "width": 8} | options
    return InvNetGenerator.light(**settings, random_state=0, device="cpu").fit(X)


@pytest.fixture(scope="module")
def generator():
    return trained()


@pytest.fixture(scope="module")
def grey():
    """A generator whose p1, the mean grey level, has no threshold."""
    return trained(grey=True, moments=(), n_iter=40)


@pytest.fixture
def decoded(monkeypatch):
    """How many images each call of ``decode`` has made."""
    counts, decode = [], NetworkModel.decode

    def counting(model, latents, *arguments):
        counts.append(len(latents))
        return decode(model, latents, *arguments)

    monkeypatch.setattr(NetworkModel, "decode", counting)
    return counts


def misses(generator, tolerance, **options):
    generator.set_params(target_tol=tolerance)
    images = generator.sample(len(TARGETS), p1=TARGETS, random_state=1, **options)
    images = images.reshape(len(TARGETS), -1)
    return np.abs(images.mean(axis=1) - TARGETS), images


def test_misses_become_smaller_and_none_larger(grey):
    raw, _ = misses(grey, LOOSE)
    corrected, _ = misses(grey, 0.002)
    assert (corrected <= raw).all()
    assert corrected.mean() < 0.5 * raw.mean()


@pytest.mark.representatives("generator")
@pytest.mark.parametrize("kind", ["generator", "grey"])
def test_images_within_the_tolerance_stay_as_they_are(kind, request):
    generator = request.getfixturevalue(kind)
    tolerance = float(np.median(misses(generator, LOOSE)[0]))
    raw, images = misses(generator, LOOSE)
    _, corrected = misses(generator, tolerance)
    good = raw < tolerance
    assert good.any()
    np.testing.assert_array_equal(corrected[good], images[good])
    assert (corrected[~good] != images[~good]).any(axis=1).all()


@pytest.mark.parametrize("options", [{"exact": True}, {}])
def test_fractions_are_met_by_the_threshold_of_the_only_pass(generator, decoded, options):
    raw, images = misses(generator, LOOSE)
    decoded.clear()
    missed, moved = misses(generator, 0.002, **options)
    assert decoded == [len(TARGETS)]
    met = raw <= (0.0 if options else 0.002)
    assert missed[~met].max() <= 0.5 / images.shape[1] + 1e-9
    change = moved.astype(int) - images
    assert (change.min(axis=1) * change.max(axis=1) == 0).all()


def test_fractions_of_three_phases_are_met_in_one_pass(decoded):
    X, _ = make_cahn_hilliard(16, (16, 16), n_steps=200, random_state=0)
    X = X + np.eye(16, dtype=X.dtype)
    settings = {"invariances": ("phase_fractions",), "moments": (), "n_level_steps": 0}
    generator = InvNetGenerator.light(**settings, n_iter=2, width=4, random_state=0).fit(X)
    for tolerance in (0.02, 0.0):
        decoded.clear()
        generator.set_params(target_tol=tolerance)
        wanted = generator.conditions_.rows[:4]
        images = generator.sample(4, phase_fractions=wanted, random_state=0)
        made = np.stack([(images == phase).mean(axis=(1, 2)) for phase in range(3)], axis=1)
        error = np.sqrt(np.square(made - wanted).mean(axis=1))
        assert decoded == [4]
        assert error.max() <= tolerance + 1 / 256


def test_other_conditions_are_fed_again_while_fractions_stay_exact(decoded):
    generator = trained(invariances=("p1", "specific_surface"), moments=(), n_iter=30)
    surface = generator.conditions_.rows[:, 1].mean()
    wanted = {"p1": 0.5, "specific_surface": surface, "exact": True, "random_state": 0}
    errors = []
    for tolerance in (LOOSE, 0.002):
        decoded.clear()
        images = generator.set_params(target_tol=tolerance).sample(12, **wanted)
        assert (images.mean(axis=(1, 2)) == 0.5).all()
        found = generator.conditions_.describe(images)[:, 1]
        errors.append(np.abs(found - surface))
    assert len(decoded) > 1
    assert (errors[1] <= errors[0] + 1e-7).all()
    assert errors[1].mean() < errors[0].mean()


def test_first_images_do_not_depend_on_how_many_follow(generator):
    generator.set_params(target_tol=0.002)
    many = generator.sample(9, p1=0.55, random_state=3)
    np.testing.assert_array_equal(many[:2], generator.sample(2, p1=0.55, random_state=3))


@pytest.mark.filterwarnings("ignore::skmicro.exceptions.TargetWarning")
def test_the_work_is_bounded(grey, decoded):
    grey.set_params(target_tol=0.0)
    grey.sample(8, p1=0.5, random_state=0)
    assert 1 < len(decoded) <= 1 + CORRECTIONS
    assert max(decoded) <= 8


def test_conditions_that_are_not_asked_for_are_left_alone(generator, monkeypatch):
    generator.set_params(target_tol=0.0)
    images = generator.sample(8, random_state=0)
    generator.set_params(target_tol=LOOSE)
    np.testing.assert_array_equal(generator.sample(8, random_state=0), images)


def test_images_of_another_size_are_corrected_as_well(generator):
    generator.set_params(target_tol=LOOSE)
    raw = generator.sample(6, p1=0.55, shape=(32, 32), random_state=0)
    generator.set_params(target_tol=0.002)
    corrected = generator.sample(6, p1=0.55, shape=(32, 32), random_state=0)
    fraction = VolumeFraction().fit(raw)
    errors = [np.abs(fraction.transform(x) - 0.55).mean() for x in (raw, corrected)]
    assert errors[1] < 0.5 * errors[0]


def test_a_condition_that_stays_missed_is_reported(grey):
    grey.set_params(target_tol=1e-6)
    with pytest.warns(TargetWarning, match=r"of 5 samples miss their target p1 by more than"):
        grey.sample(5, p1=0.5, random_state=0)


def test_an_infinite_tolerance_is_allowed_and_silent(generator, recwarn):
    generator.set_params(target_tol=LOOSE)._check_parameters()
    generator.sample(5, p1=0.5, random_state=0)
    assert not [w for w in recwarn if issubclass(w.category, TargetWarning)]


@pytest.mark.filterwarnings("ignore::skmicro.exceptions.ExtrapolationWarning")
@pytest.mark.parametrize(("value", "used"), [(1 + 1e-7, 1.0), (-1e-10, 0.0)])
def test_rounding_errors_of_descriptors_are_no_bad_targets(generator, value, used):
    generator.set_params(target_tol=LOOSE)
    _, targets = generator.sample(2, p1=value, return_targets=True, random_state=0)
    np.testing.assert_array_equal(targets["p1"], used)


@pytest.mark.parametrize("value", [None, "0.4", True])
def test_targets_that_are_no_numbers_are_refused(generator, value):
    with pytest.raises(TypeError, match=f"target p1 must be numeric, got {value!r}"):
        generator.sample(2, p1=value)


def test_masked_targets_are_refused(generator):
    for value in (np.ma.masked, np.ma.masked_array([0.4, 0.5], [False, True])):
        with pytest.raises(ValueError, match="target p1 must have no masked values, got "):
            generator.sample(2, p1=value)
        with pytest.raises(ValueError, match="target volume_fraction must have no masked values"):
            generator.sample(2, volume_fraction={0: value})


class NamedShape(VolumeFraction):
    """A descriptor whose name sample uses for something else."""

    name = "shape"


def test_names_that_sample_uses_otherwise_are_refused():
    X, _ = make_cahn_hilliard(4, (16, 16), n_steps=200, random_state=0)
    with pytest.raises(
        ValueError, match="names are no arguments of sample or inpaint, got 'shape'"
    ):
        InvNetGenerator.light(invariances=(NamedShape(),), n_iter=1).fit(X)
