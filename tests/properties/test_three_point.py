"""Three-point parameters: exact values, two ways of computing them, gradients."""

import numpy as np
import pytest
import torch
from scipy.integrate import quad
from scipy.ndimage import gaussian_filter
from scipy.special import eval_legendre

from skmicro.properties import ThreePointParameters, _three_point_kernels


def blobs(n, shape, fraction, width, seed=0):
    """Random images with smooth interfaces and the same fraction of phase 1 everywhere."""
    noise = np.random.default_rng(seed).standard_normal((n, *shape))
    smooth = gaussian_filter(noise, (0, *(width,) * len(shape)), mode="wrap")
    threshold = np.quantile(smooth.reshape(n, -1), 1 - fraction, axis=1)
    return (smooth > threshold.reshape(-1, *(1,) * len(shape))).astype(int)


def checkerboard(side, n_axes, n_cells):
    cells = sum(np.indices((n_cells,) * n_axes)) % 2
    return np.kron(cells, np.ones((side,) * n_axes, int))[None]


@pytest.mark.parametrize("shape", [(12, 10), (9, 7), (6, 4, 5), (1, 9), (8, 1)])
@pytest.mark.parametrize("dimension", [None, 3])
def test_both_phases_add_up_to_one(shape, dimension):
    X = (np.random.default_rng(0).random((3, *shape)) < 0.3).astype(int)
    X[:, 0, :1], X[:, -1, -1:] = 0, 1
    second = ThreePointParameters(dimension=dimension).fit_transform(X)
    first = ThreePointParameters(phase=0, dimension=dimension).fit_transform(X)
    np.testing.assert_allclose(first + second, 1, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_axes", [2, 3])
@pytest.mark.parametrize("side", [1, 2, 3])
def test_checkerboard_is_half(n_axes, side):
    parameters = ThreePointParameters().fit_transform(checkerboard(side, n_axes, 4))
    np.testing.assert_allclose(parameters, 0.5, rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(12, 6), (9, 5), (8, 4, 6), (5, 7, 3)])
@pytest.mark.parametrize("axis", [0, 1])
def test_layers_are_the_fraction_of_the_others(shape, axis):
    X = np.zeros((1, *shape), int)
    X[(0, *(slice(None),) * axis, slice(0, 2))] = 1
    parameters = ThreePointParameters().fit_transform(X)
    np.testing.assert_allclose(parameters, 1 - X.mean(), rtol=0, atol=1e-12)


def test_rotated_and_mirrored_images_have_the_same_parameters():
    X = blobs(1, (12, 12, 12), 0.3, 1.5)
    expected = ThreePointParameters().fit_transform(X)
    for moved in (X.transpose(0, 3, 1, 2), X[:, ::-1], np.roll(X, (3, 5), (1, 3))):
        found = ThreePointParameters().fit_transform(np.ascontiguousarray(moved))
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("n_axes", [2, 3])
def test_dilute_balls_have_none_but_for_their_staircase(n_axes):
    # The parameters of dilute discs and spheres are 0.
    found = []
    for radius in (6, 12):
        grid = np.indices((6 * radius,) * n_axes) - 3 * radius + 0.5
        X = ((grid**2).sum(0) < radius**2).astype(int)[None]
        found.append(ThreePointParameters().fit_transform(X)[0, 0])
        assert 0 < found[-1] < 1 / (3 * radius)
    assert found[1] < 0.65 * found[0]


def test_images_of_one_phase():
    X = np.zeros((3, 6, 6), int)
    X[1] = 1
    X[2, :3] = 1
    np.testing.assert_allclose(
        ThreePointParameters().fit_transform(X), [[0, 0], [0, 0], [0.5, 0.5]], atol=1e-12
    )


@pytest.mark.parametrize(
    ("shape", "degree"), [((7, 9), 2), ((7, 9), 4), ((7, 5, 9), 2), ((7, 5, 9), 4)]
)
def test_harmonics_obey_the_addition_theorem(shape, degree):
    directions = _three_point_kernels.mode_directions(shape)
    harmonics = torch.stack(list(_three_point_kernels.harmonics(directions, degree))).flatten(1)
    units = directions[0].flatten(1)[:, 1:]
    products = harmonics[:, 1:].T @ harmonics[:, 1:]
    cosines = (units.T @ units).clamp(-1, 1).numpy()
    planar = np.cos(degree * np.arccos(cosines))
    expected = planar if len(shape) == 2 else eval_legendre(degree, cosines)
    np.testing.assert_allclose(products, expected, atol=1e-12)


@pytest.mark.parametrize(("shape", "dimension"), [((12, 9), 3), ((12, 9), 2), ((6, 5, 8), 3)])
def test_small_images_are_computed_as_large_ones(shape, dimension, monkeypatch):
    fields = torch.tensor(np.random.default_rng(0).random((3, *shape)))
    together = _three_point_kernels.three_point_parameters(fields, dimension)
    monkeypatch.setattr(_three_point_kernels, "SMALL_GRID", 0)
    singly = _three_point_kernels.three_point_parameters(fields, dimension)
    for found, expected in zip(together, singly, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("degree", [2, 4])
def test_series_of_plane_sections(degree):
    orders = list(_three_point_kernels.section_orders())
    integrals = _three_point_kernels.section_integrals(degree)
    for order, integral in zip(orders[:6], integrals, strict=False):
        expected, _ = quad(
            lambda t, n=order: eval_legendre(degree, np.cos(t)) * np.sin(t) * np.cos(n * t),
            0,
            np.pi,
        )
        assert integral == pytest.approx(expected, abs=1e-9)
    prefactor = {2: 9 / 2, 4: 225 / 8}[degree]
    series = sum(2 * prefactor * i / n**2 for i, n in zip(integrals, orders, strict=True))
    # Phases add up to 1 in three dimensions as well, so the whole series does.
    assert series == pytest.approx(1, abs=1e-3)
    assert sum(_three_point_kernels.section_weights(degree)) == pytest.approx(1, abs=1e-14)


def test_sections_of_a_volume_agree_with_the_volume():
    X = blobs(1, (48, 48, 48), 0.3, 2.0)
    volume = ThreePointParameters().fit_transform(X).mean(0)
    planes = np.concatenate(
        [np.moveaxis(X, axis, 1)[:, ::3].reshape(-1, 48, 48) for axis in (1, 2, 3)]
    )
    sections = ThreePointParameters(dimension=3).fit_transform(planes).mean(0)
    np.testing.assert_allclose(sections, volume, rtol=0, atol=0.03)


@pytest.mark.representatives("2-3")
@pytest.mark.parametrize(("n_axes", "dimension"), [(2, None), (2, 3), (3, None)])
def test_integration_of_s3_agrees(n_axes, dimension):
    X = blobs(3, (40, 40), 0.4, 2.0) if n_axes == 2 else blobs(2, (12, 12, 12), 0.4, 1.6)
    fourier, integration = (
        ThreePointParameters(dimension=dimension, method=method).fit_transform(X)
        for method in ("fourier", "integration")
    )
    # What is left is the tail of the integrals over radii, longer for eta.
    assert (np.abs(integration - fourier) < [0.02, 0.05]).all()


def test_integration_takes_images_of_one_phase():
    X = np.zeros((2, 6, 6), int)
    X[0, :3] = 1
    parameters = ThreePointParameters(method="integration").fit_transform(X)
    assert (parameters[1] == 0).all()


@pytest.mark.parametrize("shape", [(4, 5), (3, 2, 4)])
@pytest.mark.parametrize("options", [{}, {"dimension": 3}, {"method": "integration", "max_lag": 2}])
def test_gradients(shape, options):
    generator = torch.Generator().manual_seed(0)
    share = torch.rand(2, 1, *shape, generator=generator, dtype=torch.float64)
    share.requires_grad_(True)
    property_ = ThreePointParameters(**options)
    assert torch.autograd.gradcheck(
        lambda s: property_(torch.cat([1 - s, s], 1)), share, fast_mode=True, atol=1e-7
    )


def test_single_precision_is_close():
    X = blobs(3, (16, 16), 0.4, 2.0)
    double, single = (
        ThreePointParameters(precision=precision).fit_transform(X)
        for precision in ("float64", "float32")
    )
    np.testing.assert_allclose(single, double, atol=1e-5)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"method": "monte carlo"}, ValueError, "method must be one of .*monte carlo"),
        ({"dimension": 4}, ValueError, "dimension must be None, 2 or 3, got 4"),
        ({"dimension": 2}, ValueError, "dimension must be None or 3 for three-dim.*got 2"),
        ({"dimension": "3"}, TypeError, "dimension must be an integer, got '3'"),
        ({"phase": 5}, ValueError, r"phase must be one of .*5"),
        ({"max_lag": 0}, ValueError, "max_lag must be >= 1, got 0"),
        ({"n_jobs": 0}, ValueError, "n_jobs must be None or an integer other than 0"),
    ],
)
def test_refused(parameters, error, message):
    with pytest.raises(error, match=message):
        ThreePointParameters(**parameters).fit(checkerboard(2, 3, 2))
