"""Designs: images whose properties, recomputed, are the ones asked for."""

import pickle
import warnings
from functools import cache

import numpy as np
import pytest
import torch
from cases import case
from sklearn.exceptions import NotFittedError
from textures import blobs, cut_blobs
from tiny_flows import TINY, randomised

from skmicro.conditioning import Target, _design, _movable, _straight_through
from skmicro.descriptors import (
    ClusterStatistics,
    PhaseFractions,
    SpecificSurface,
    VolumeFraction,
)
from skmicro.exceptions import TargetWarning
from skmicro.generators import WGANGP, FlowMatchingGenerator
from skmicro.images import PhaseEncoder
from skmicro.properties import EffectiveConductivity, ElasticStiffness
from skmicro.training import search


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    """Fewer evaluations of what fills up batches."""
    monkeypatch.setattr(search, "BATCH_SIZE", 4)


STIFFNESS = ElasticStiffness(outputs=["C11"])


@cache
def pickled():
    X = blobs(24, (16, 16))
    return pickle.dumps(randomised(X, n_steps=1, restart_time=None))


@pytest.fixture
def flow():
    """A flow of images whose last phase fills from a quarter to three quarters."""
    return pickle.loads(pickled())


def recomputed(images, stiffness=STIFFNESS):
    return ElasticStiffness(**stiffness.get_params()).fit_transform(images)


def test_designs_have_the_property_and_differ(flow):
    wanted = np.array([2.5, 3.5, 5.0])
    designs = flow.design(STIFFNESS, {"C11": wanted}, 3, rtol=0.01, random_state=0)
    values = recomputed(designs.images)[:, 0]
    np.testing.assert_allclose(values, wanted, rtol=0.01)
    np.testing.assert_allclose(designs.values["C11"], values, rtol=1e-6)
    np.testing.assert_allclose(designs.errors, np.abs(values / wanted - 1.0), rtol=1e-3)
    assert designs.met.all()
    fractions = designs.images.mean(axis=(1, 2))
    assert fractions[0] < fractions[1] < fractions[2]
    again = flow.design(STIFFNESS, {"C11": 3.5}, 3, rtol=0.01, random_state=0).images
    assert min(np.mean(again[i] != again[j]) for i, j in ((0, 1), (0, 2), (1, 2))) > 0.2


def test_designs_carry_what_reproduces_them(flow):
    options = {"rtol": 0.03, "p1": 0.5}
    designs = flow.design(STIFFNESS, {"C11": 3.5}, 2, **options)
    again = flow.design(
        designs.properties, designs.targets, 2, random_state=designs.seed, **options
    )
    np.testing.assert_array_equal(again.images, designs.images)
    assert designs.properties[0].get_params()["outputs"] == ["C11"]
    np.testing.assert_array_equal(designs.targets["C11"], [3.5, 3.5])
    np.testing.assert_array_equal(designs.latents[:, -1], np.float32(0.5))


def test_first_designs_do_not_depend_on_how_many_follow(flow):
    few, many = (
        flow.design(STIFFNESS, {"C11": 3.5}, n, rtol=0.03, random_state=3).images for n in (1, 4)
    )
    np.testing.assert_array_equal(many[:1], few)


def test_fixed_fractions_are_met_to_half_a_voxel(flow):
    designs = flow.design(STIFFNESS, {"C11": 3.4}, 2, rtol=0.03, random_state=0, p1=[0.45, 0.5])
    np.testing.assert_allclose(designs.images.mean(axis=(1, 2)), [0.45, 0.5], atol=0.5 / 256)
    np.testing.assert_allclose(recomputed(designs.images)[:, 0], 3.4, rtol=0.03)


def test_fractions_that_are_free_stay_in_the_range_of_training(flow):
    designs = flow.design(STIFFNESS, {"C11": "max"}, 2, random_state=0)
    fractions = designs.images.mean(axis=(1, 2))
    low, high = flow.conditions_.ranges["p1"]
    assert (fractions > 0.9 * high).all()
    margin = (high - low) * (1 / _movable.MARGIN - 1) / 2 + 0.5 / 256
    assert (fractions <= high + margin).all()
    np.testing.assert_allclose(fractions, designs.latents[:, -1], atol=0.5 / 256)


def test_several_outputs_of_several_properties(flow):
    both = [ElasticStiffness(outputs=["C11", "C22"]), EffectiveConductivity(outputs=["k12"])]
    targets = {"C22": 3.3, "C11": 3.7, "k12": 0.0}
    designs = flow.design(both, targets, 2, rtol=0.02, random_state=0)
    np.testing.assert_allclose(recomputed(designs.images, both[0]), [[3.7, 3.3]] * 2, rtol=0.02)
    assert list(designs.values) == ["C11", "C22", "k12"]
    assert np.abs(designs.values["k12"]).max() <= 0.02 * 3.7


def test_ends_beyond_what_is_drawn_at_a_fraction(flow):
    drawn = recomputed(flow.sample(32, p1=0.5, exact=True, random_state=1))[:, 0]
    ends = {
        end: flow.design(STIFFNESS, {"C11": end}, 2, random_state=0, p1=0.5).values["C11"]
        for end in ("min", "max")
    }
    assert ends["max"].mean() > np.quantile(drawn, 0.9)
    assert ends["min"].mean() < np.quantile(drawn, 0.1)


def test_an_end_of_one_output_at_a_value_of_another(flow):
    properties = [STIFFNESS, EffectiveConductivity(outputs=["k22"])]
    found = {
        end: flow.design(properties, {"C11": 3.5, "k22": end}, 1, rtol=0.03, random_state=0)
        for end in ("min", "max")
    }
    for designs in found.values():
        np.testing.assert_allclose(recomputed(designs.images)[:, 0], 3.5, rtol=0.03)
    assert found["max"].values["k22"][0] > 1.05 * found["min"].values["k22"][0]


def test_what_the_generator_cannot_make_is_told(flow, monkeypatch):
    monkeypatch.setattr(_design, "SEARCH_ROUNDS", 1)
    with pytest.warns(TargetWarning, match=r"1 of 1 designs miss .* C11 .* for 12\.9"):
        designs = flow.design(STIFFNESS, {"C11": 12.9}, 1, random_state=0)
    assert not designs.met.any()
    assert designs.values["C11"][0] > 5.0


@pytest.mark.parametrize("kind", ["three phases", "volumes", "student", "no conditions", "gan"])
def test_any_generator_with_gradients(kind):
    stiffness, target = STIFFNESS, 3.5
    if kind == "three phases":
        stiffness = ElasticStiffness(young=(1, 3, 9), poisson=(0.3,) * 3, outputs=["C11"])
        X = cut_blobs(n_phases=3)
        generator = randomised(X, conditions=("phase_fractions",), n_steps=1, restart_time=None)
    elif kind == "volumes":
        X = blobs(6, (8, 8, 8))
        generator = randomised(X, n_steps=1, restart_time=None)
    elif kind == "student":
        generator = pickle.loads(pickled()).distill(n_pairs=4, n_iter=1)
    elif kind == "no conditions":
        generator = randomised(conditions=(), n_steps=1, restart_time=None)
    else:
        generator = WGANGP.light(n_iter=2, width=4, batch_size=4, random_state=0, device="cpu")
        generator.fit(blobs(12, (8, 8)))
    designs = generator.design(stiffness, {"C11": target}, 1, rtol=0.04, random_state=0)
    np.testing.assert_allclose(recomputed(designs.images, stiffness), target, rtol=0.04)


def test_a_descriptor_is_a_property_as_well(flow):
    surface = SpecificSurface(periodic=True)
    drawn = surface.fit_transform(flow.sample(8, random_state=0))[:, 0]
    designs = flow.design(surface, {"specific_surface": drawn.mean()}, 2, rtol=0.02)
    values = SpecificSurface(periodic=True).fit_transform(designs.images)[:, 0]
    np.testing.assert_allclose(values, drawn.mean(), rtol=0.02)


def test_conditions_move_with_covariances_of_training_images():
    X = blobs(40, (12, 12))
    table = randomised(X, conditions=("p1", "specific_surface")).conditions_
    rows = table.rows[:3].astype(float)
    both = _movable.MovableConditions(table, rows, np.array([False, False]))
    rng = torch.Generator().manual_seed(0)
    numbers = torch.randn(4000, both.n_numbers, generator=rng, dtype=torch.float64)
    plain = both._flattened(both.moved(numbers, np.zeros(4000, int)).numpy())
    known = both._flattened(table.rows.astype(float))
    np.testing.assert_allclose(np.cov(plain.T), np.cov(known.T), atol=0.15 * np.cov(known.T).max())
    one = _movable.MovableConditions(table, rows, np.array([True, False]))
    moved = one.moved(torch.zeros(3, one.n_numbers, dtype=torch.float64), np.arange(3)).numpy()
    np.testing.assert_allclose(moved[:, 0], rows[:, 0])
    slope = np.cov(known.T)[0, 1] / np.cov(known.T)[0, 0]
    wanted = known[:, 1].mean() + slope * (known[:3, 0] - known[:, 0].mean())
    np.testing.assert_allclose(one._flattened(moved)[:, 1], wanted, rtol=1e-6)
    assert one.directions.shape == (1, 1)


def test_process_variables_stay():
    X, y = blobs(12), np.arange(12.0)
    generator = randomised(X, y, conditions=("p1", "y"), n_steps=1, restart_time=None)
    designs = generator.design(STIFFNESS, {"C11": 3.5}, 2, rtol=0.05, random_state=0, y=4.0)
    np.testing.assert_array_equal(designs.latents[:, -1], 4.0)


@pytest.mark.parametrize("n_phases", [2, 3])
def test_finished_images_are_those_of_the_threshold(n_phases):
    rng = np.random.default_rng(0)
    channels = torch.tensor(rng.dirichlet(np.ones(n_phases), (2, 6, 6))).permute(0, 3, 1, 2)
    channels = channels.clone().requires_grad_(True)
    encoder = PhaseEncoder(np.arange(n_phases), np.uint8)
    for descriptor in (VolumeFraction(), PhaseFractions()):
        with case(type(descriptor).__name__):
            wanted = np.full((2, 1), 0.25)
            if isinstance(descriptor, PhaseFractions):
                wanted = np.tile([1.0 - 0.25 * (n_phases - 1)] + [0.25] * (n_phases - 1), (2, 1))
            level = Target(descriptor.name, descriptor._bind(encoder, (6, 6)), None)
            fractions = torch.tensor(wanted, requires_grad=True)
            images = _straight_through.finished(channels, encoder, level, fractions)
            assert (images.detach()[:, -1].sum(dim=(1, 2)) == 9).all()
            total = images[:, -1].sum()
            at, of = torch.autograd.grad(total, (channels, fractions))
            np.testing.assert_allclose(at.sum(dim=(2, 3)), 0.0, atol=1e-9)
            np.testing.assert_allclose(of[:, -1], 36.0)
            weights = torch.tensor(rng.standard_normal((2, n_phases, 6, 6)))
            images = _straight_through.finished(channels, encoder, level, fractions)
            (at,) = torch.autograd.grad((weights * images).sum(), channels)
            near = (channels * (1.0 - channels)).detach()
            mean = (weights * near).sum((2, 3), True) / near.sum((2, 3), True)
            np.testing.assert_allclose(at, weights - mean, atol=1e-9)


def test_bounds_of_outputs_are_those_of_voigt_and_reuss():
    X = blobs(2, (8, 8))
    for stiffness in (
        ElasticStiffness(),
        ElasticStiffness(young=(0.0, 3.0)),
        ElasticStiffness(poisson=(0.0, 0.45), young=(1.0, 0.8), outputs=["C11", "C12", "C66"]),
    ):
        low, high = stiffness.fit(X)._feature_bounds()
        values = stiffness.transform(X)
        assert ((low <= values) & (values <= high)).all()
    # Layers along the load have the upper bound, pure phases both.
    low, high = EffectiveConductivity(conductivity=(2.0, 8.0)).fit(X)._feature_bounds()
    np.testing.assert_allclose([low, high], [[2.0, -8.0, 2.0], [8.0, 8.0, 8.0]])
    three = EffectiveConductivity(conductivity=(2.0, 3.0, 8.0)).fit(cut_blobs(n_phases=3))
    np.testing.assert_allclose(three._feature_bounds(), [[0.0, -8.0, 0.0], [8.0, 8.0, 8.0]])


def test_refusals(flow):
    def refused(message, *arguments, error=ValueError, **options):
        with pytest.raises(error, match=message):
            flow.design(*arguments, **options)

    target = {"C11": 3.0}
    refused("n_samples must be >= 1, got 0", STIFFNESS, target, 0)
    refused(r"rtol must lie in \(0, 1\), got 0", STIFFNESS, target, rtol=0.0)
    refused(r"target C11 must lie in \[1\.3462, 13\.462\].*got 14", STIFFNESS, {"C11": 14.0})
    refused(r"target C11 must lie in .* got nan", STIFFNESS, {"C11": np.nan})
    refused(r"targets must be among the outputs \['C11'\], got 'C22'", STIFFNESS, {"C22": 3.0})
    refused("target C11 must be numbers or one of .* got 'most'", STIFFNESS, {"C11": "most"})
    refused(r"array of shape \(n_samples,\) = \(2,\)", STIFFNESS, {"C11": [3.0] * 3}, 2)
    refused("outputs of different names, got .'C11'.", [STIFFNESS] * 2, target)
    refused("have a gradient, which ClusterStatistics", ClusterStatistics(), {"n_clusters": 3})
    refused("targets must be a dict", STIFFNESS, 3.0, error=TypeError)
    refused("targets must be a dict", STIFFNESS, {}, error=TypeError)
    refused("target C11 must be numeric", STIFFNESS, {"C11": None}, error=TypeError)
    refused("properties must be descriptors", "stiffness", target, error=TypeError)
    refused("conditions must be", STIFFNESS, target, specific_surface=0.2)
    grey = np.random.default_rng(0).random((6, 8, 8)).astype(np.float32)
    with pytest.raises(ValueError, match="design needs images of phases"):
        FlowMatchingGenerator(**TINY).fit(grey).design(STIFFNESS, target)
    with pytest.raises(NotFittedError):
        FlowMatchingGenerator().design(STIFFNESS, target)


def test_nothing_warns_where_all_is_met(flow):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        flow.design(STIFFNESS, {"C11": 3.5}, 1, rtol=0.03, random_state=0)
