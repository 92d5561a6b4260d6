"""What must not go wrong between fit, interruption, change of parameters and reload."""

import pickle
import warnings
from functools import partial

import numpy as np
import pytest
import torch

import skmicro
from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import BaseDescriptor, SpecificSurface, VolumeFraction, descriptor_named
from skmicro.exceptions import ExtrapolationWarning, TargetWarning, TrainingInterruptedWarning
from skmicro.generators import (
    ACGAN,
    GIN,
    WGANGP,
    ConditionalGAN,
    HybridGAN,
    InvNetGenerator,
    ResidualInputGAN,
)
from skmicro.training import steps

TINY = {"n_iter": 3, "width": 4, "n_latent": 2, "batch_size": 4, "random_state": 0}


@pytest.fixture(scope="module")
def images():
    return make_cahn_hilliard(24, (16, 16), n_steps=200, random_state=0)[0]


@pytest.fixture(scope="module")
def pickled(images):
    return pickle.dumps(WGANGP.light(**TINY).fit(images))


@pytest.fixture
def wgan(pickled):
    """A copy of its own of one fitted generator."""
    return pickle.loads(pickled)


@pytest.mark.parametrize(
    "change", [{"periodic": True}, {"width": 8}, {"n_latent": 5}, {"architecture": "residual"}]
)
def test_reload_uses_the_parameters_of_the_fit(wgan, change, tmp_path):
    expected = wgan.sample(4, random_state=1)
    wgan.set_params(**change)
    wgan.save(tmp_path / "model.skm")
    for copied in (pickle.loads(pickle.dumps(wgan)), skmicro.load(tmp_path / "model.skm")):
        np.testing.assert_array_equal(copied.sample(4, random_state=1), expected)
        assert copied.get_params() == wgan.get_params()


def test_interrupted_training_of_the_level_keeps_the_training(images, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(steps, "train_level", interrupt)
    generator = InvNetGenerator.light(**TINY)
    with pytest.warns(TrainingInterruptedWarning, match="Training of the level was interrupted"):
        generator.fit(images)
    assert generator.sample(2, p1=0.5).shape == (2, 16, 16)


def test_training_ended_by_a_callback_is_checkpointed(images, tmp_path):
    path = tmp_path / "state.skm"
    stop = WGANGP.light(**TINY, callbacks=[lambda n, _: n == 2], checkpoint=path)
    assert stop.fit(images).n_iter_ == 2
    assert path.exists()
    resumed = WGANGP.light(**TINY, checkpoint=path).fit(images)
    straight = WGANGP.light(**TINY).fit(images)
    np.testing.assert_array_equal(
        resumed.sample(4, random_state=1), straight.sample(4, random_state=1)
    )


def test_partial_fit_leaves_checkpoints_alone(images, tmp_path):
    path = tmp_path / "state.skm"
    WGANGP.light(**TINY, checkpoint=path).partial_fit(images)
    assert not path.exists()


def test_checkpoint_of_another_numpy_seed_is_refused(images, tmp_path):
    path = tmp_path / "state.skm"
    WGANGP.light(**TINY, checkpoint=path).fit(images)
    other = WGANGP.light(**(TINY | {"random_state": np.int64(5)}), checkpoint=path)
    with pytest.raises(ValueError, match="random_state was 0, now 5"):
        other.fit(images)


@pytest.mark.usefixtures("short_searches")
def test_searched_targets_are_judged_on_the_finished_images(images, wgan):
    with warnings.catch_warnings():
        warnings.simplefilter("error", TargetWarning)
        samples = wgan.sample(3, p1=0.7, exact=True, random_state=0)
    assert np.abs(samples.mean(axis=(1, 2)) - 0.7).max() <= 0.5 / 256
    wgan.set_params(target_tol=1e-4)
    with pytest.warns(TargetWarning) as caught:
        samples = wgan.sample(3, p1=0.6, specific_surface=0.2, exact=True, random_state=0)
    error = np.abs(SpecificSurface(periodic=False).fit(images).transform(samples)[:, 0] - 0.2)
    assert f"{error.max():.3g} at worst" in str(caught[-1].message)


@pytest.mark.parametrize(
    ("value", "error", "message"),
    [
        ("x", TypeError, "target_tol must be a number, got 'x'"),
        (-0.1, ValueError, r"target_tol must lie in \[0, inf\], got -0.1"),
        (float("nan"), ValueError, r"target_tol must lie in \[0, inf\], got nan"),
    ],
)
def test_a_tolerance_changed_after_the_fit_is_checked(wgan, value, error, message):
    wgan.set_params(target_tol=value)
    with pytest.raises(error, match=message):
        wgan.sample(1)


@pytest.mark.parametrize("size", [None, (32, 24)])
@pytest.mark.parametrize("make", [WGANGP.light, partial(InvNetGenerator.light, n_level_steps=2)])
def test_one_warning_for_each_target_outside_at_the_line_of_the_call(images, make, size):
    settings = TINY | {"periodic": True, "target_tol": np.inf}
    generator = make(**settings).fit(images)
    targets = {"p1": [0.9, 0.95, 0.99], "specific_surface": 3.0}
    with pytest.warns(ExtrapolationWarning) as caught:
        generator.sample(3, shape=size, random_state=0, **targets)
    assert [str(warning.message).split()[1] for warning in caught] == list(targets)
    assert {warning.filename for warning in caught} == {__file__}


def test_fractions_that_sum_to_nearly_one_are_met_exactly(wgan):
    samples = wgan.sample(2, phase_fractions=[0.500004, 0.500004], exact=True, random_state=0)
    np.testing.assert_array_equal(samples.mean(axis=(1, 2)), 0.5)


def test_a_class_of_the_user_does_not_replace_one_of_the_library(images, tmp_path):
    library = VolumeFraction().fit(images)
    library.save(tmp_path / "p1.skm")
    impostor = type("VolumeFraction", (BaseDescriptor,), {"name": "p1"})
    assert descriptor_named("p1") is VolumeFraction
    assert type(skmicro.load(tmp_path / "p1.skm")) is VolumeFraction
    assert impostor.__name__ == "VolumeFraction"


@pytest.mark.parametrize(
    ("name", "value", "error", "message"),
    [
        ("checkpoint", "/no/such/folder/x.skm", ValueError, "checkpoint must name a file in an ex"),
        ("checkpoint", 5, TypeError, "checkpoint must be a path, got 5"),
        ("callbacks", print, TypeError, "callbacks must be a list or tuple"),
        ("callbacks", [5], TypeError, "callbacks must hold callables, got 5"),
        ("betas", 0.5, TypeError, "betas must be a list, .* got 0.5"),
        ("betas", (0, 1), ValueError, r"betas\[1\] must lie in \[0, 1\), got 1"),
        (
            "symmetries",
            "rotation",
            TypeError,
            "symmetries must be a list, tuple or array",
        ),
        ("periodic", "no", ValueError, "periodic must be one of .*'no'"),
        ("average_decay", 1, ValueError, r"average_decay must lie in \[0, 1\), got 1"),
        ("device", "meta", ValueError, "device must be the CPU or a CUDA device.*'meta'"),
    ],
)
def test_parameters_are_checked_before_the_training(images, name, value, error, message):
    with pytest.raises(error, match=message):
        WGANGP.light(**(TINY | {name: value})).fit(images)


def test_big_endian_and_half_precision_grey_levels(images):
    grey = images * 0.3 + 0.1
    expected = VolumeFraction().fit(grey).transform(grey.astype(np.float32))
    for dtype in (">f4", "f2"):
        result = VolumeFraction().fit(grey.astype(dtype)).transform(grey.astype(dtype))
        np.testing.assert_allclose(result, expected, rtol=1e-3)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (ConditionalGAN, ResidualInputGAN),
        (HybridGAN, WGANGP),
        (InvNetGenerator, WGANGP),
        (ACGAN, ConditionalGAN),
    ],
)
def test_a_checkpoint_of_another_class_is_refused(images, first, second, tmp_path):
    settings = TINY | {"checkpoint": tmp_path / "state.skm"}
    calibrated = "n_level_steps" in first._get_param_names()
    first.light(**settings, **({"n_level_steps": 2} if calibrated else {})).fit(images)
    message = f"class was '{first.__name__}', now '{second.__name__}'"
    with pytest.raises(ValueError, match=message):
        second.light(**settings).fit(images)


@pytest.mark.parametrize(
    ("name", "value"),
    [("invariances", ("p2",)), ("moments", ()), ("width", 8), ("periodic", True)],
)
def test_partial_fit_refuses_what_the_networks_were_not_made_with(images, name, value, tmp_path):
    generator = InvNetGenerator.light(**TINY, n_level_steps=0).fit(images)
    generator.save(tmp_path / "model.skm")
    loaded = skmicro.load(tmp_path / "model.skm")
    for fitted in (generator, loaded):
        before = dict(vars(fitted.set_params(**{name: value})))
        with pytest.raises(ValueError, match=f"{name} must stay as it was in fit"):
            fitted.partial_fit(images)
        assert vars(fitted) == before


def test_partial_fit_takes_other_settings_of_the_training(images):
    generator = InvNetGenerator.light(**TINY, n_level_steps=0).fit(images)
    generator.set_params(learning_rate=1e-4, n_iter=2, projection_weight=7.0)
    assert generator.partial_fit(images).n_iter_ == 5


class Detached(VolumeFraction):
    """A descriptor that cuts the gradient off and does not say so."""

    name = "detached"

    def _describe(self, images):
        return super()._describe(images).detach()


@pytest.mark.parametrize(
    "make",
    [
        lambda **k: InvNetGenerator.light(invariances=(Detached(),), n_projection=1, **k),
        lambda **k: InvNetGenerator.light(invariances=("p1", Detached()), **k),
        lambda **k: InvNetGenerator.light(moments=(Detached(),), **k),
        lambda **k: GIN.light(invariances=(Detached(),), **k),
        lambda **k: HybridGAN.light(invariances=(Detached(),), **k),
    ],
)
def test_a_descriptor_that_loses_its_gradient_is_refused(images, make):
    generator = make(**TINY)
    with pytest.raises(ValueError, match=r"Detached\._describe must pass gradients on"):
        generator.fit(images)
    assert not hasattr(generator, "generator_")


def test_phase_fractions_of_grey_levels_are_their_mean(images):
    grey = images * 0.3 + 0.1
    settings = TINY | {"n_level_steps": 2, "invariances": ("phase_fractions",)}
    generator = InvNetGenerator.light(**settings).fit(grey)
    assert generator.conditions_.rows[:, 0] == pytest.approx(grey.mean(axis=(1, 2)), rel=1e-5)
    generator.set_params(target_tol=np.inf)
    assert generator.sample(2, phase_fractions=0.25, random_state=0).shape == (2, 16, 16)


@pytest.mark.parametrize("option", ["exact", "return_targets"])
def test_switches_of_sample_are_checked(wgan, option):
    with pytest.raises(ValueError, match=f"{option} must be one of .*True.*got 'no'"):
        wgan.sample(1, **{option: "no"})


def test_images_without_the_phase_scored_have_no_score(wgan):
    with pytest.raises(ValueError, match="X must hold some voxels of the phases scored"):
        wgan.score(np.zeros((4, 16, 16), int))


def test_a_target_may_be_a_tensor_with_gradients(images):
    generator = InvNetGenerator.light(**TINY, n_level_steps=2, target_tol=np.inf).fit(images)
    tensor = torch.tensor([0.45, 0.5], requires_grad=True)
    np.testing.assert_array_equal(
        generator.sample(2, p1=tensor, random_state=0),
        generator.sample(2, p1=[0.45, 0.5], random_state=0),
    )


def test_half_precision_tensors_of_torch_are_images(images):
    grey = torch.tensor(images * 0.5 + 0.25)
    from_bfloat16 = WGANGP.light(**TINY).fit(grey.bfloat16())
    from_float32 = WGANGP.light(**TINY).fit(grey.float())
    np.testing.assert_array_equal(
        from_bfloat16.sample(2, random_state=0), from_float32.sample(2, random_state=0)
    )


@pytest.mark.usefixtures("short_searches")
@pytest.mark.parametrize("bad", [0, 1])
def test_the_end_of_an_interpolation_that_is_wrong_is_named(images, wgan, bad):
    ends = [images[0], images[1]]
    ends[bad] = images[0, :5]
    with pytest.raises(ValueError, match=f"^{'ab'[bad]} must be an image or a vector of"):
        wgan.interpolate(*ends)


@pytest.mark.usefixtures("short_searches")
def test_latents_beyond_single_precision_are_refused(images, wgan):
    n_latent = wgan.transform(images[:1]).shape[1]
    with pytest.raises(ValueError, match=r"Z must hold numbers in single precision, got 1e\+300"):
        wgan.inverse_transform(np.full((1, n_latent), 1e300))


@pytest.mark.parametrize(
    ("parameter", "value", "error"),
    [("verbose", "abc", TypeError), ("verbose", -1, ValueError)],
)
def test_verbose_is_checked(images, parameter, value, error):
    generator = WGANGP.light(**(TINY | {parameter: value}))
    with pytest.raises(error, match=f"{parameter} must be"):
        generator.fit(images)
