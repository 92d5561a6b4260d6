"""FreeEnergy: interfaces, the simulator's energy, coarsening, gradients."""

import numpy as np
import pytest
import torch
from by_hand import wrapping
from ginzburg_landau import free_energy
from numpy.testing import assert_allclose

from skmicro.datasets import _cahn_hilliard, make_cahn_hilliard
from skmicro.descriptors import FreeEnergy, SpecificSurface

FreeEnergy, SpecificSurface = map(wrapping, (FreeEnergy, SpecificSurface))


@pytest.mark.parametrize("shape", [(6, 7), (3, 4, 5), (1, 9), (1, 1)])
@pytest.mark.parametrize("periodic", [True, False])
@pytest.mark.parametrize("gamma", [0.5, 2.0])
def test_label_images_have_the_energy_of_their_faces(shape, periodic, gamma):
    X = np.random.default_rng(0).integers(0, 3, (4, *shape))
    X.flat[:3] = range(3) if X[0].size > 2 else 0
    for phase in np.unique(X):
        energy = FreeEnergy(gamma=gamma, phase=phase, periodic=periodic).fit_transform(X)
        surface = SpecificSurface(phase=phase, periodic=periodic).fit_transform(X)
        assert_allclose(energy, 2 * gamma * surface, rtol=1e-5)


def test_uniform_mixture_has_the_energy_of_the_double_well():
    for level in (0.0, 0.1, 0.5, 0.8, 1.0):
        images = torch.full((1, 1, 4, 5), level, dtype=torch.float64)
        u = 2 * level - 1
        assert_allclose(FreeEnergy()(images), (1 - u**2) ** 2 / 4, atol=1e-15)


@pytest.mark.parametrize("mode", [1, 2, 5])
def test_wave_in_closed_form(mode):
    k, gamma, a = 2 * np.pi * mode / 16, 0.7, 0.4
    u = a * np.cos(k * np.arange(16)) * np.ones((1, 5, 1))
    well = 1 / 4 - a**2 / 4 + 3 * a**4 / 32
    steps = gamma / 2 * a**2 / 2 * (2 * np.sin(k / 2)) ** 2
    assert_allclose(FreeEnergy(gamma=gamma).fit_transform((u + 1) / 2), well + steps, rtol=1e-12)


@pytest.mark.parametrize("sides", [(16, 16), (8, 8, 8)])
def test_smooth_fields_have_the_energy_of_the_simulator(sides):
    errors = []
    for finer in (1, 2, 4):
        grid = np.indices([finer * side for side in sides]) / finer
        u = sum(0.3 * np.cos(2 * np.pi * x / side) for x, side in zip(grid, sides, strict=True))
        gamma = 2.0 * finer**2
        expected = free_energy(torch.from_numpy(u[None]), gamma) / u.size
        found = FreeEnergy(gamma=gamma).fit_transform((u[None] + 1) / 2)
        errors.append(abs(found[0, 0] / expected.item() - 1))
    assert errors[0] < 0.02
    assert_allclose(np.divide(errors[:-1], errors[1:]), 4, rtol=0.1)


def test_simulated_field_has_nearly_the_energy_of_the_simulator():
    noise = torch.from_numpy(0.05 * np.random.default_rng(0).standard_normal((2, 32, 32)))
    field = _cahn_hilliard.evolve(noise, 300, 2.0, 1.0)
    expected = free_energy(field, 2.0) / 32**2
    found = FreeEnergy(gamma=2.0)((field.unsqueeze(1) + 1) / 2)[:, 0]
    assert_allclose(found, expected, rtol=0.03)
    assert (found < expected).all()


def test_energy_falls_as_domains_coarsen():
    means = []
    for n_steps in (100, 300, 1000):
        X, _ = make_cahn_hilliard(4, (32, 32), volume_fraction=0.5, n_steps=n_steps, random_state=0)
        means.append(FreeEnergy().fit_transform(X).mean())
    assert means[0] > 1.1 * means[1] > 1.1**2 * means[2]


@pytest.mark.parametrize("shape", [(4, 5), (2, 3, 3), (1, 4)])
@pytest.mark.parametrize("periodic", [True, False])
def test_gradients(shape, periodic):
    images = torch.from_numpy(np.random.default_rng(0).random((2, 2, *shape))).requires_grad_()
    assert torch.autograd.gradcheck(FreeEnergy(periodic=periodic), images)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"gamma": 0}, ValueError, r"gamma must lie in \(0, 1e\+30\], got 0"),
        ({"gamma": "large"}, TypeError, "gamma must be a number"),
        ({"periodic": 1}, ValueError, "periodic must be"),
        ({"phase": 4}, ValueError, "phase must be one of"),
    ],
)
def test_wrong_parameters_are_named(parameters, error, message):
    with pytest.raises(error, match=message):
        FreeEnergy(**parameters).fit(np.eye(4, dtype=int)[None])
