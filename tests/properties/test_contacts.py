"""What touches at corners and edges only: which discretisation conducts, and exact zeros."""

from itertools import product

import numpy as np
import pytest
import torch
from cases import case

from skmicro.descriptors import ClusterStatistics
from skmicro.properties import (
    EffectiveConductivity,
    ElasticStiffness,
    TortuosityFactor,
    conduction_fields,
    elastic_fields,
)

FACES, CORNERS = "finite-volume", "rotated"
CONNECTIVITY = {FACES: "faces", CORNERS: "corners"}


def conductivity(image, discretization, values=(0.0, 1.0), **settings):
    """Return the diagonal of the conductivity of one image."""
    names = [f"k{k}{k}" for k in range(1, np.ndim(image) + 1)]
    solver = EffectiveConductivity(
        conductivity=values, discretization=discretization, outputs=names, **settings
    )
    return solver.fit_transform(np.asarray(image)[None])[0]


def halves(side, *shape):
    """Return two blocks that touch at a corner or an edge."""
    image = np.zeros(shape, int)
    image[(slice(0, side),) * 2] = image[(slice(side, 2 * side),) * 2] = 1
    return image


TOUCHING = {
    "diagonal": (np.eye(8, dtype=int), 0.0625),
    "squares": (halves(4, 8, 8), 1 / 6),
    "bars": (halves(3, 6, 6, 6), 5 / 26),
}


@pytest.mark.parametrize("name", TOUCHING)
def test_corners_conduct_in_one_scheme_and_not_in_the_other(name):
    image, through_corners = TOUCHING[name]
    np.testing.assert_allclose(conductivity(image, CORNERS)[:2], through_corners, rtol=1e-5)
    assert (conductivity(image, FACES)[:2] == 0).all()
    assert (TortuosityFactor().fit_transform(image[None])[0, :2] == np.inf).all()
    found = TortuosityFactor(connectivity="corners").fit_transform(image[None])[0, :2]
    assert np.isfinite(found).all()
    stiff = ElasticStiffness(young=(0.0, 1.0), outputs=["C11"]).fit_transform(image[None])
    assert stiff > 0.03


def test_what_leads_nowhere_is_zero_and_not_almost():
    block, plate = np.zeros((2, 6, 6, 6), int)
    block[1:4, 2:5, 2:5] = 1
    plate[:, :, 2:4] = 1
    for precision, borders in product(("float64", "float32"), ("periodic", "mirrored")):
        settings = {"precision": precision, "borders": borders}
        for scheme in CONNECTIVITY:
            with case(precision, borders, scheme):
                tensor = EffectiveConductivity(
                    conductivity=(0.0, 1.0), discretization=scheme, **settings
                ).fit_transform([block, plate])
                assert (tensor[0] == 0).all()
                np.testing.assert_allclose(tensor[1, [0, 3]], 1 / 3, rtol=1e-5)
                assert (tensor[1, [2, 4, 5]] == 0).all()
        with case(precision, borders, "stiffness"):
            stiff = ElasticStiffness(young=(0.0, 1.0), poisson=(0.3, 0.3), **settings)
            rows = stiff.fit_transform([block, plate])
            assert (rows[0] == 0).all()
            loaded = np.isin(stiff.get_feature_names_out(), ["C11", "C12", "C22", "C66"])
            # A plate of plane stress fills a third: E / (1 - nu^2), nu E / (1 - nu^2), mu.
            wanted = np.array([1, 0.3, 1, 0.35]) / (1 - 0.09) / 3
            np.testing.assert_allclose(rows[1, loaded], wanted, rtol=1e-4)
            across = [name for name in stiff.get_feature_names_out() if set(name[1:]) & set("345")]
            places = np.isin(stiff.get_feature_names_out(), across)
            assert (rows[1, places] == 0).all()
    fields = conduction_fields(block[0:], (1, 1, 1), conductivity=(0.0, 1.0))
    assert (fields.mean_flux == 0).all()
    assert (elastic_fields(block, (1, 0, 0, 0, 0, 0), young=(0.0, 1.0)).mean_flux == 0).all()


def test_cubes_whose_corners_the_discretisation_does_not_see():
    cubes = np.zeros((8, 8, 8), int)
    cubes[:4, :4, :4] = cubes[4:, 4:, 4:] = 1
    assert (conductivity(cubes, CORNERS) == 0).all()


@pytest.mark.representatives("finite-volume-shape0-0.58", "rotated-shape3-0.12")
@pytest.mark.parametrize(
    ("scheme", "shape", "share"),
    [
        (FACES, (7, 6), 0.58),
        (FACES, (5, 4, 4), 0.35),
        (CORNERS, (7, 6), 0.4),
        (CORNERS, (5, 4, 4), 0.12),
    ],
)
def test_conducts_only_where_cluster_statistics_percolate(scheme, shape, share):
    images = (np.random.default_rng(1).random((12, *shape)) < share).astype(int)
    solver = EffectiveConductivity(
        conductivity=(0.0, 1.0),
        discretization=scheme,
        borders="mirrored",
        outputs=[f"k{k}{k}" for k in range(1, 1 + len(shape))],
    )
    axes = solver.fit_transform(images) > 0
    clusters = ClusterStatistics(periodic=False, connectivity=CONNECTIVITY[scheme])
    percolation = clusters.fit_transform(images)[:, -1]
    assert 0.1 < percolation.mean() < 0.9
    if scheme == FACES:
        np.testing.assert_allclose(axes.mean(axis=1), percolation, rtol=1e-6)
    else:  # which does not see all contacts of single voxels
        assert (axes.mean(axis=1) <= percolation + 1e-6).all()
        assert axes.mean() > 0.02
    factors = TortuosityFactor(connectivity=CONNECTIVITY[scheme]).fit_transform(images)
    np.testing.assert_array_equal(np.isfinite(factors), axes)


def network(conductivities, spacing):
    """Return the tensor of a periodic network of resistors, by a dense solution."""
    c = np.asarray(conductivities, dtype=float)
    index = np.arange(c.size).reshape(c.shape)
    faces = []
    for axis, length in enumerate(spacing):
        other = np.roll(c, -1, axis)
        both = np.where(c * other > 0, 2 * c * other / np.maximum(c + other, 1e-300), 0.0)
        difference = np.eye(c.size)[np.roll(index, -1, axis).ravel()] - np.eye(c.size)
        faces.append((both.ravel(), difference / length))
    matrix = sum(d.T @ (k[:, None] * d) for k, d in faces)
    tensor = np.zeros((c.ndim, c.ndim))
    for load in range(c.ndim):
        k, d = faces[load]
        u = np.linalg.lstsq(matrix, -d.T @ k, rcond=None)[0]
        for row, (k, d) in enumerate(faces):
            tensor[row, load] = (k * ((row == load) + d @ u)).mean()
    return tensor[np.triu_indices(c.ndim)]


@pytest.mark.parametrize(
    ("shape", "spacing", "values"),
    [
        ((7, 6), (1.0, 1.0), (1.0, 1e3)),
        ((8, 5), (1.0, 2.5), (0.0, 1.0)),
        ((5, 1), (1.0, 1.0), (2.0, 3.0)),
        ((3, 4, 5), (2.0, 1.0, 0.5), (1.0, 10.0)),
        ((4, 5, 4), (1.0, 1.0, 1.0), (0.0, 7.0)),
    ],
)
def test_finite_volumes_are_a_network_of_resistors(shape, spacing, values):
    image = (np.random.default_rng(4).random(shape) < 0.7).astype(int)
    settings = {"discretization": FACES, "spacing": spacing}
    found = EffectiveConductivity(conductivity=values, rtol=1e-13, **settings)
    wanted = network(np.array(values)[image], spacing)
    scale = np.abs(wanted).max()
    np.testing.assert_allclose(found.fit_transform(image[None])[0], wanted, atol=1e-7 * scale)
    single = EffectiveConductivity(conductivity=values, precision="float32", **settings)
    np.testing.assert_allclose(single.fit_transform(image[None])[0], wanted, atol=2e-5 * scale)


def test_errors_of_finite_volumes_keep_to_rtol():
    image = (np.random.default_rng(5).random((1, 24, 24)) < 0.6).astype(int)
    exact = conductivity(image[0], FACES, (1.0, 50.0), rtol=1e-13)
    for rtol in (1e-2, 1e-4, 1e-6):
        found = conductivity(image[0], FACES, (1.0, 50.0), rtol=rtol)
        error = found / exact - 1
        assert (error > -1e-12).all()  # the energy decreases
        assert error.max() < rtol


def test_fields_of_faces_obey_the_laws():
    image = (np.random.default_rng(6).random((6, 5)) < 0.5).astype(int)
    fields = conduction_fields(
        image, (1.0, -2.0), conductivity=(1.0, 9.0), discretization=FACES, spacing=(1.0, 2.0)
    )
    divergence = sum(
        (flux - np.roll(flux, 1, axis)) / length
        for axis, (flux, length) in enumerate(zip(fields.flux, (1.0, 2.0), strict=True))
    )
    np.testing.assert_allclose(divergence, 0, atol=1e-4)
    np.testing.assert_allclose(fields.gradient.mean(axis=(1, 2)), (1.0, -2.0), rtol=1e-12)
    np.testing.assert_allclose(fields.flux.mean(axis=(1, 2)), fields.mean_flux, rtol=1e-8)
    values = np.where(image, 9.0, 1.0)
    for axis in range(2):
        other = np.roll(values, -1, axis)
        series = 2 * values * other / (values + other)
        np.testing.assert_allclose(fields.flux[axis], series * fields.gradient[axis], rtol=1e-12)
    assert fields.residual < 1e-4


@pytest.mark.parametrize("borders", ["periodic", "mirrored"])
def test_gradients_of_finite_volumes(borders):
    shares = torch.rand(2, 2, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    shares = (shares / shares.sum(1, keepdim=True)).requires_grad_(True)
    solver = EffectiveConductivity(
        conductivity=(1.0, 5.0), discretization=FACES, rtol=1e-14, borders=borders
    ).fit(np.indices((2, 4, 3))[0] % 2)
    assert torch.autograd.gradcheck(solver, shares, eps=1e-5, atol=1e-6, rtol=1e-4, fast_mode=True)


def test_gradients_beside_insulators_are_finite():
    image = halves(2, 4, 4)
    solver = EffectiveConductivity(conductivity=(0.0, 1.0), discretization=FACES).fit(image[None])
    shares = torch.from_numpy(np.stack([1 - image, image])[None].astype(float)).requires_grad_(True)
    solver(shares).sum().backward()
    assert torch.isfinite(shares.grad).all()


@pytest.mark.parametrize(("inclusion", "known"), [(0.0, 0.5390), (10.0, 1.6486)])
def test_discs_tend_to_what_is_known(inclusion, known):
    """A square array of discs that fill 30 % (Perrins, McKenzie & McPhedran 1979)."""
    errors = []
    for side in (32, 64, 128):
        axes = (np.indices((side, side)) + 0.5) / side - 0.5
        disc = (np.square(axes).sum(0) < 0.3 / np.pi).astype(int)
        found = conductivity(disc, FACES, (1.0, inclusion))[0]
        errors.append(abs(found / known - 1))
    assert errors[2] < (0.012 if inclusion == 0 else 0.003)
    assert errors[2] < 0.7 * errors[0]


def test_tortuosity_is_that_of_faces_and_files_of_corners_stay_so():
    image = (np.random.default_rng(7).random((1, 9, 9)) < 0.75).astype(int)
    channels = {"conductivity": (0.0, 1.0), "borders": "mirrored", "outputs": ["k11"]}
    for scheme, connectivity in CONNECTIVITY.items():
        flux = EffectiveConductivity(discretization=scheme, **channels).fit_transform(image)
        found = TortuosityFactor(connectivity=connectivity).fit_transform(image)
        assert found[0, 0] == pytest.approx(image.mean() / flux[0, 0], rel=1e-4)
    assert TortuosityFactor._implied == {"connectivity": "corners"}
