"""The target ``volume_fraction`` says which phase it is of; other names lead to the right one."""

import warnings

import numpy as np
import pytest
import torch
from cases import case

from skmicro.conditioning import (
    Target,
    _fractions,
    images_for,
    variable_values,
    with_variables,
)
from skmicro.conditioning._model import Model
from skmicro.conditioning._table import ConditionTable
from skmicro.conditioning._targets import read_targets
from skmicro.descriptors import VolumeFraction
from skmicro.exceptions import ExtrapolationWarning, ThresholdWarning
from skmicro.flows import _inpainting
from skmicro.generators import FlowMatchingGenerator, GaussianRandomField
from skmicro.images import PhaseEncoder, encoder_for

RNG = np.random.default_rng(0)
TWO = RNG.integers(0, 2, (6, 8, 8))
THREE = RNG.integers(0, 3, (6, 8, 8))


def read(targets, conditions, images=TWO, n_samples=2):
    encoder = encoder_for(images)
    table = ConditionTable(conditions, encoder, images.shape[1:])
    (target,) = read_targets(targets, table, encoder, images.shape[1:], n_samples)
    return target


@pytest.mark.parametrize(
    ("images", "conditions", "value", "name", "rows"),
    [
        (TWO, [], 0.3, "p1", [[0.3]] * 2),
        (TWO, [], {1: 0.3}, "p1", [[0.3]] * 2),
        (TWO, [], {0: 0.3}, "p1", [[0.7]] * 2),
        (TWO, [], {0: 0.3, 1: 0.7}, "p1", [[0.7]] * 2),
        (TWO, [], {0: [0.3, 0.4]}, "p1", [[0.7], [0.6]]),
        (TWO, [VolumeFraction(phase=0)], {1: 0.3}, "p1", [[0.7]] * 2),
        (TWO, [VolumeFraction(phase=0)], 0.3, "p1", [[0.3]] * 2),
        (TWO, ["phase_fractions"], {0: 0.3}, "phase_fractions", [[0.3, 0.7]] * 2),
        (TWO, ["phase_fractions"], 0.3, "phase_fractions", [[0.7, 0.3]] * 2),
        (THREE, [], 0.3, "p1", [[0.3]] * 2),
        (THREE, ["p1"], {2: 0.3}, "p1", [[0.3]] * 2),
        (THREE, ["p1"], {0: 0.3}, "volume_fraction", [[0.3]] * 2),
        (THREE, ["p1"], {0: 0.3, 2: 0.1}, "phase_fractions", [[0.3, 0.6, 0.1]] * 2),
        (TWO + 0.5, [], 0.3, "p1", [[0.3]] * 2),
    ],
)
def test_fractions_are_told_in_the_terms_of_the_generator(images, conditions, value, name, rows):
    target = read({"volume_fraction": value}, conditions, images)
    assert target.name == name
    np.testing.assert_allclose(target.values, rows)
    if name == "volume_fraction":
        assert target.descriptor.phase == 0


@pytest.mark.parametrize(
    ("value", "images", "message"),
    [
        ({3: 0.3}, TWO, r"target volume_fraction: a phase must be one of the labels \[0, 1\]"),
        ({0: 1.2}, TWO, r"target volume_fraction must lie in \[0, 1\], got 1.2"),
        ({0: 0.7, 1: 0.7}, THREE, "must not give a negative fraction, got -0.4"),
        ({0: 0.7, 1: 0.7}, TWO, "must sum to 1 over the phases, got 1.4"),
        ({}, TWO, "must give one of the phases"),
        ({0: [0.1, 0.2, 0.3]}, TWO, r"\(n_samples,\) = \(2,\) for each phase, got shape \(3,\)"),
        ({0: 0.3}, TWO + 0.5, "must be a number for grey levels"),
    ],
)
def test_fractions_that_cannot_be_are_refused(value, images, message):
    with pytest.raises(ValueError, match=message):
        read({"volume_fraction": value}, [], images)


def test_fractions_must_be_numbers():
    for value in ({0: "much"}, {0: None}, {0: True}):
        with case(value), pytest.raises(TypeError, match="volume_fraction must be numeric"):
            read({"volume_fraction": value}, [])


def test_a_fraction_is_given_once():
    with pytest.raises(ValueError, match="volume_fraction and p1 are the same"):
        read({"volume_fraction": {0: 0.3}, "p1": 0.5}, [])


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("porosity", r"Did you mean 'p1'\? Targets take volume_fraction=\{phase: 0.3\} as well"),
        ("volume_fractions", r"Did you mean 'p1'\?"),
        ("VolumeFraction", r"Did you mean 'p1'\?"),
        ("S2", r"Did you mean 'p2'\?"),
        ("two_point_correlation", r"Did you mean 'p2'\?"),
        ("specific_surface_area", r"Did you mean 'specific_surface'\?"),
        ("PhaseFraction", r"Did you mean 'p(1|hase_fractions)'\?"),
        ("temprature", r"Did you mean 'temperature'\?"),
        ("seed", "seed is no target; did you mean the argument random_state"),
        ("size", "did you mean the argument shape"),
    ],
)
def test_names_that_are_near_lead_to_the_right_one(name, told):
    with pytest.raises(ValueError, match=told):
        read({name: 0.3}, with_variables(["temperature"]))
    with pytest.raises(ValueError, match=r"got 'p7'\.$"):
        read({"p7": 0.3}, [])


def test_conditions_that_are_near_a_name_lead_to_it():
    for name, told in (("porosity", "'p1'"), ("temprature", "'temperature'")):
        with case(name), pytest.raises(ValueError, match=rf"got '{name}'\. Did you mean {told}\?"):
            variable_values([name], _Table(), 2)


class _Table:
    columns = ("temperature",)

    def __getitem__(self, name):
        return np.zeros(2)


@pytest.mark.filterwarnings("error::skmicro.exceptions.ThresholdWarning")
def test_samples_have_the_fraction_of_the_phase_that_was_named():
    field = GaussianRandomField().fit(TWO)
    named = field.sample(3, volume_fraction={0: 0.5}, exact=True, random_state=0)
    np.testing.assert_array_equal(named, field.sample(3, p1=0.5, exact=True, random_state=0))


def test_damaged_images_are_filled_to_the_fraction_of_a_phase(monkeypatch):
    monkeypatch.setattr(_inpainting, "N_STEPS", 2)
    monkeypatch.setattr(_inpainting, "N_ROUNDS", 2)
    settings = {"n_iter": 2, "width": 4, "random_state": 0, "target_tol": 2.0}
    flow = FlowMatchingGenerator.light(conditions=("p1",), **settings).fit(TWO)
    mask = np.zeros((8, 8), bool)
    mask[2:6] = True
    filled = [
        flow.inpaint(TWO[:1], mask, random_state=0, **target)
        for target in ({"p1": 0.5}, {"volume_fraction": {0: 0.5}})
    ]
    np.testing.assert_array_equal(*filled)
    with pytest.raises(ValueError, match="targets must be conditions"):
        flow.inpaint(TWO[:1], mask, volume_fraction=0.5, p2=[0.1] * 5)


class Told(Model):
    """A model of images with the same probabilities, row by row; of three phases or of two."""

    n_latent = 1

    def generate(self, latents, conditions):
        chances = torch.linspace(0.0, 1.0, 400).view(1, 20, 20)
        of_phases = torch.stack([1 - chances, chances, chances.flip(1) / 2], dim=1)
        of_phases = of_phases[:, : self.encoder.n_channels]
        return of_phases.expand(len(latents), -1, -1, -1)


def test_one_of_three_phases_is_met_exactly():
    encoder = PhaseEncoder(np.arange(3), np.uint8)
    table = ConditionTable([], encoder, (20, 20))
    model = Told(encoder=encoder, image_shape=(20, 20), conditions=table, target_tol=2.0)
    for phase in range(3):
        given = {"volume_fraction": {phase: 0.3}}
        targets = read_targets(given, table, encoder, (20, 20), 2)
        images = images_for(model, 2, targets, True, 0)
        np.testing.assert_array_equal((images == phase).mean(axis=(1, 2)), 0.3)


@pytest.mark.parametrize("fed", [True, False])
def test_a_threshold_that_moves_far_is_told(fed, monkeypatch):
    encoder = PhaseEncoder(np.array([0, 1]), np.uint8)
    table = ConditionTable(["p1"] if fed else [], encoder, (20, 20))
    table, _ = table.extended(np.indices((2, 20, 20))[0].astype(np.uint8) % 2)
    model = Told(encoder=encoder, image_shape=(20, 20), conditions=table, target_tol=0.01)
    monkeypatch.setattr(Told, "meeting", lambda self, latents, *_: latents)
    # The middle of the chances leaves half of the voxels to each phase.
    values = np.array([0.5, 0.56, 0.45, 0.4])[:, None]
    descriptor = VolumeFraction()._bind(encoder, (20, 20))
    target = _target(descriptor, values)
    with pytest.warns(
        ThresholdWarning, match=r"5% of the voxels of 2 of 4 images .*8.0% on av.*10"
    ):
        images = images_for(model, 4, [target], True, 0)
    np.testing.assert_allclose(images.mean(axis=(1, 2)), values[:, 0])
    with warnings.catch_warnings():
        warnings.simplefilter("error", ThresholdWarning)
        images_for(model, 3, [_target(descriptor, values[[0, 0, 2]])], True, 0)
        images_for(model, 4, [target], False, 0)
    assert _fractions.MOVED_SHARE == 0.05


def _target(descriptor, values):
    return Target("p1", descriptor, values)


def test_a_fraction_outside_what_was_seen_is_named_by_the_descriptor():
    field = GaussianRandomField().fit(TWO)
    with pytest.warns(ExtrapolationWarning, match="target p1 lies outside"):
        field.sample(2, volume_fraction={0: 0.05})
