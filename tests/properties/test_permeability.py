"""The bound on the permeability: dilute spheres, units, what the cut-off does."""

import numpy as np
import pytest
import torch

from skmicro.descriptors import TwoPointCorrelation
from skmicro.properties import Permeability


def spheres(side, radius, n_spheres, seed=0):
    """A periodic volume of pores (1) with spheres (0) that keep more than a diameter apart."""
    rng = np.random.default_rng(seed)
    centres = []
    while len(centres) < n_spheres:
        centre = rng.uniform(0, side, 3)
        apart = [np.abs((centre - other + side / 2) % side - side / 2) for other in centres]
        if all(np.linalg.norm(step) > 4 * radius + 2 for step in apart):
            centres.append(centre)
    grid = np.indices((side,) * 3).reshape(3, -1).T
    solid = np.zeros(len(grid), bool)
    for centre in centres:
        step = np.abs((grid - centre + side / 2) % side - side / 2)
        solid |= (step**2).sum(1) < radius**2
    return 1 - solid.reshape(1, side, side, side).astype(int)


@pytest.mark.parametrize(("radius", "tolerance"), [(4, 0.02), (6, 0.01)])
def test_dilute_spheres(radius, tolerance):
    X = spheres(56, radius, 4)
    solid = 1 - X.mean()
    size = (3 * solid * X.size / (4 * np.pi * 4)) ** (1 / 3)
    max_lag = int(2 * size) + 1
    found = Permeability(max_lag=max_lag, periodic=True).fit_transform(X).item()
    # Up to the cut-off other spheres never meet: S2 of the solid is 0 there instead of solid^2.
    missing = 5 * solid * ((max_lag + 0.5) / (2 * size)) ** 2
    assert found == pytest.approx(4 * size**2 / (15 * solid) * (1 - missing), rel=tolerance)
    assert missing < 0.2


def test_dilute_limit_without_the_cut_off():
    X = spheres(64, 5, 1)
    solid = 1 - X.mean()
    found = Permeability(max_lag=10, periodic=True).fit_transform(X).item()
    assert found == pytest.approx(4 * 5**2 / (15 * solid), rel=0.05)


def test_two_lags_by_hand():
    X = np.zeros((1, 4, 4, 4), int)
    X[0, ::2] = 1
    curve = TwoPointCorrelation(max_lag=2, periodic=True).fit(X)
    excess, lags = curve.transform(X)[0] - 0.25, curve.lags_
    terms = excess * lags
    integral = (terms[0] + terms[1]) / 2 * lags[1] + (terms[1] + terms[2]) / 2 * (lags[2] - lags[1])
    found = Permeability(max_lag=2, periodic=True).fit_transform(X).item()
    assert found == pytest.approx(2 * integral / (3 * 0.25), rel=1e-5)


@pytest.mark.parametrize("periodic", [True, False])
def test_units_and_magnification(periodic):
    X = spheres(32, 4, 2)[:, :16]
    small = Permeability(max_lag=6, periodic=periodic).fit_transform(X)
    metric = Permeability(max_lag=6, periodic=periodic, spacing=2e-6).fit_transform(X)
    np.testing.assert_allclose(metric, small * 4e-12, rtol=1e-12)
    # Twice as many voxels of half the side are the same material.
    fine = np.kron(X, np.ones((1, 2, 2, 2), int))
    found = Permeability(max_lag=12, periodic=periodic, spacing=0.5).fit_transform(fine)
    np.testing.assert_allclose(found, small, rtol=0.1)


def test_sections_have_the_bound_of_the_volume():
    X = spheres(48, 5, 3, seed=1)
    planes = np.concatenate([np.moveaxis(X[0], axis, 0) for axis in range(3)])
    volume = Permeability(max_lag=8).fit_transform(X).item()
    numerators = Permeability(max_lag=8).fit(planes).transform(planes)[:, 0]
    numerators *= (1 - planes.mean((1, 2))) ** 2
    # Fluctuations of the fraction between sections are missing in each of them.
    spread = planes.mean((1, 2)).var() * (8.5**2 / 2) * 2 / 3
    section = (numerators.mean() + spread) / (1 - X.mean()) ** 2
    assert section == pytest.approx(volume, rel=0.03)


@pytest.mark.parametrize("max_lag", [4, 8])
def test_what_planes_lose_to_the_mean_of_the_image(max_lag):
    # White noise has no correlation but that of the mean, -p1 p2 / n_voxels at every lag.
    X = (np.random.default_rng(0).random((400, 24, 24)) < 0.5).astype(int)
    found = Permeability(max_lag=max_lag).fit_transform(X)[:, 0]
    expected = -(max_lag**2 / 2) / 24**2 * 2 / 3
    assert found.mean() == pytest.approx(expected, abs=4 * found.std() / 20)
    assert abs(expected) > 3 * found.std() / 20


def test_cut_off_is_a_quarter_of_the_shortest_side():
    X = spheres(24, 3, 2)[:, :16]
    np.testing.assert_array_equal(
        Permeability().fit_transform(X), Permeability(max_lag=4).fit_transform(X)
    )


def test_without_pores_or_solid():
    X = np.zeros((3, 6, 6, 6), int)
    X[1] = 1
    X[2, :3] = 1
    permeability = Permeability().fit_transform(X)[:, 0]
    np.testing.assert_array_equal(permeability[:2], 0)
    assert permeability[2] > 0


def test_exchanging_the_phases_exchanges_the_fractions():
    X = spheres(24, 4, 1)
    pores, solid = (Permeability(phase=phase).fit_transform(X).item() for phase in (1, 0))
    assert pores / solid == pytest.approx((X.mean() / (1 - X.mean())) ** 2, rel=1e-9)


@pytest.mark.parametrize("shape", [(4, 5), (3, 4, 4)])
def test_gradients(shape):
    pores = torch.rand(2, 1, *shape, generator=torch.Generator().manual_seed(0)).double()
    pores.requires_grad_(True)
    assert torch.autograd.gradcheck(lambda s: Permeability()(torch.cat([1 - s, s], 1)), pores)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"spacing": 0.0}, r"spacing must lie in \(0, .*got 0\.0"),
        ({"max_lag": 0}, "max_lag must be >= 1, got 0"),
        (
            {"max_lag": 5, "periodic": True},
            r"max_lag must lie in \[0, 3\] for periodic images .*got 5",
        ),
        ({"periodic": "yes"}, "periodic must be one of .*yes"),
        ({"phase": 3}, "phase must be one of"),
    ],
)
def test_refused(parameters, message):
    X = np.arange(2 * 36).reshape(2, 6, 6) % 2
    with pytest.raises(ValueError, match=message):
        Permeability(**parameters).fit(X)
