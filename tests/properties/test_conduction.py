"""Conductivity against everything that is known exactly."""

import numpy as np
import pytest
import torch
from cells import random_image, stiffness_matrix
from finite_elements import centre_gradients, effective_matrix

from skmicro.properties import EffectiveConductivity, conduction_fields

SCHEMES = ("rotated", "moulinec-suquet")


def conductivity(image, values=(1.0, 7.0), **parameters):
    """Return the tensor of one image."""
    estimator = EffectiveConductivity(conductivity=values, **({"rtol": 1e-14} | parameters))
    return stiffness_matrix(estimator.fit_transform(image[None])[0])


@pytest.mark.parametrize(
    ("shape", "normal"), [((7, 3), 0), ((2, 8), 1), ((1, 9), 1), ((3, 2, 8), 2)]
)
@pytest.mark.parametrize("values", [(1.0, 7.0), (1e-3, 1.0), (2.0, 1e4)])
def test_laminates_are_exact(shape, normal, values):
    layers = (np.arange(shape[normal]) % 7 < 3).astype(int)
    others = [axis for axis in range(len(shape)) if axis != normal]
    image = np.broadcast_to(np.expand_dims(layers, others), shape)
    local = np.asarray(values)[layers]
    exact = np.diag(np.full(len(shape), local.mean()))
    exact[normal, normal] = 1 / (1 / local).mean()
    np.testing.assert_allclose(
        conductivity(image, values), exact, rtol=1e-8, atol=1e-8 * max(values)
    )


@pytest.mark.parametrize(
    ("shape", "spacing"), [((5, 4), (1, 1)), ((3, 6), (0.5, 3)), ((3, 4, 2), (1, 2, 3))]
)
@pytest.mark.parametrize("values", [(1.0, 7.0), (0.0, 1.0)])
def test_finite_elements(shape, spacing, values):
    image = random_image(shape, seed=4)[0]
    local = np.asarray(values)[image.ravel(), None, None] * np.eye(len(shape))
    exact = effective_matrix(local, centre_gradients(shape, spacing))
    np.testing.assert_allclose(conductivity(image, values, spacing=spacing), exact, atol=1e-8)
    cubes = conductivity(image, values)
    np.testing.assert_array_equal(conductivity(image, values, spacing=1.0), cubes)
    np.testing.assert_allclose(conductivity(image, values, spacing=3), cubes, rtol=1e-6)


@pytest.mark.parametrize("discretization", SCHEMES)
def test_duality_is_exact_on_odd_grids(discretization):
    """A plane gradient, turned by 90 degrees, is a flux of the inverse medium (Dykhne 1971)."""
    image = random_image((7, 9), seed=5)[0]
    direct = conductivity(image, (1.0, 7.0), discretization=discretization)
    inverse = conductivity(image, (1.0, 1 / 7.0), discretization=discretization)
    turn = np.array([[0.0, 1.0], [-1.0, 0.0]])
    np.testing.assert_allclose(direct, turn @ np.linalg.inv(inverse) @ turn.T, atol=1e-8)


def test_checkerboard_tends_to_the_geometric_mean():
    errors = []
    for side in (5, 15, 45):
        board = np.indices((2, 2)).sum(0) % 2
        image = np.kron(board, np.ones((side, side), int))
        errors.append(abs(conductivity(image, (1.0, 4.0), rtol=1e-13)[0, 0] - 2.0))
    assert errors[0] > 2 * errors[1] > 4 * errors[2]
    assert errors[2] < 0.02


def test_insulating_obstacles_and_superconducting_contrast():
    image = np.zeros((9, 9), int)
    image[3:6, 3:6] = 1
    limit = conductivity(image, (1.0, 1e-9))
    np.testing.assert_allclose(conductivity(image, (1.0, 0.0)), limit, atol=1e-7)
    stiff = conductivity(image, (1.0, 1e6))
    assert 1.0 < stiff[0, 0] < 1.5


def test_gradient():
    estimator = EffectiveConductivity(conductivity=(1.0, 7.0, 0.5), rtol=1e-15).fit(
        random_image((4, 3), 3)
    )
    shares = np.random.default_rng(0).dirichlet((1, 1, 1), (2, 4, 3)).transpose(0, 3, 1, 2)
    x = torch.tensor(shares.copy(), requires_grad=True)
    torch.autograd.gradcheck(estimator, x, atol=1e-6, fast_mode=True)


def test_local_fields_obey_the_laws():
    image = random_image((5, 7), seed=2)[0]
    fields = conduction_fields(image, (1.0, -2.0), conductivity=(1.0, 7.0), rtol=1e-14)
    np.testing.assert_allclose(fields.flux, np.where(image == 1, 7.0, 1.0) * fields.gradient)
    np.testing.assert_allclose(fields.gradient.mean((1, 2)), (1.0, -2.0), atol=1e-12)
    np.testing.assert_allclose(fields.mean_flux, conductivity(image) @ (1.0, -2.0), atol=1e-8)
    dissipated = (fields.flux * fields.gradient).sum(0).mean()
    assert dissipated == pytest.approx(fields.mean_flux @ (1.0, -2.0))


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"conductivity": (1.0, -1.0)}, r"conductivity must lie in \[0, inf\), got -1"),
        ({"conductivity": (0.0, 0.0)}, "conductivity must be positive for one phase"),
        ({"outputs": "voigt"}, "outputs must be 'tensor' or a list of names, got 'voigt'"),
        ({"outputs": ["k33"]}, "outputs must be among .* for 2-D images, got 'k33'"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        EffectiveConductivity(**parameters).fit(random_image((4, 4)))


def clamped_conductivity(image, values, axis):
    """Conductivity between two faces of fixed potential, all others closed, by finite elements."""
    shape = tuple(side + 1 for side in image.shape)
    to_gradient = centre_gradients(shape, (1.0,) * image.ndim)
    nodes = np.arange(np.prod(shape)).reshape(shape)
    inside = nodes[tuple(slice(side) for side in image.shape)].ravel()
    to_gradient = to_gradient[:, inside]
    stiff = np.einsum("kva,v,kvb->ab", to_gradient, np.asarray(values)[image.ravel()], to_gradient)
    potential = np.indices(shape)[axis].ravel().astype(float)
    free = np.isin(potential, (0, image.shape[axis]), invert=True)
    load = -stiff[np.ix_(free, ~free)] @ potential[~free]
    potential[free] = np.linalg.lstsq(stiff[np.ix_(free, free)], load, rcond=1e-12)[0]
    return potential @ stiff @ potential / image.size


@pytest.mark.parametrize("shape", [(5, 4), (3, 4, 3)])
@pytest.mark.parametrize("values", [(1.0, 7.0), (0.0, 1.0)])
def test_mirrored_borders_are_fixed_potentials_and_closed_sides(shape, values):
    image = random_image(shape, seed=4)[0]
    found = conductivity(image, values, borders="mirrored")
    exact = [clamped_conductivity(image, values, axis) for axis in range(len(shape))]
    np.testing.assert_allclose(found, np.diag(exact), atol=1e-8)


def slanted_channel():
    """A channel of four voxels that moves to the side by every other voxel along the first axis."""
    along, across = np.indices((24, 24))
    return ((across - along // 2 - 4) // 4 == 0).astype(int)


def test_channel_whose_ends_do_not_match():
    image = slanted_channel()
    periodic = EffectiveConductivity(conductivity=(0.0, 1.0)).fit_transform(image[None])
    np.testing.assert_allclose(periodic, 0, atol=1e-8)
    through = conductivity(image, (0.0, 1.0), borders="mirrored")
    assert through[0, 0] == pytest.approx(clamped_conductivity(image, (0.0, 1.0), 0), abs=1e-8)
    assert 0.12 < through[0, 0] < image.mean()
    np.testing.assert_allclose(through[1, 1], 0, atol=1e-8)


def test_fields_of_mirrored_images_are_those_of_the_image():
    image = random_image((5, 7), seed=2)[0]
    settings = {"conductivity": (1.0, 7.0), "rtol": 1e-14, "borders": "mirrored"}
    fields = conduction_fields(image, (1.0, 0.0), **settings)
    assert fields.gradient.shape == fields.flux.shape == (2, 5, 7)
    np.testing.assert_allclose(fields.gradient[0].mean(0), 1, atol=1e-6)
    np.testing.assert_allclose(fields.flux[0].mean((0, 1)), fields.mean_flux[0], atol=1e-8)


def test_gradient_with_mirrored_borders():
    estimator = EffectiveConductivity(conductivity=(1.0, 7.0), rtol=1e-15, borders="mirrored")
    estimator.fit(random_image((3, 2)))
    share = np.random.default_rng(0).random((1, 1, 3, 2))
    x = torch.tensor(np.concatenate([share, 1 - share], axis=1), requires_grad=True)
    torch.autograd.gradcheck(estimator, x, atol=1e-6, fast_mode=True)
