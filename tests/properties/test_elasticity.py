"""Stiffness against everything that is known exactly."""

import joblib
import numpy as np
import pytest
import torch
from cases import case
from cells import isotropic_matrix, lame, laminate_matrix, random_image, stiffness_matrix
from finite_elements import effective_matrix, strain_matrix
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from skmicro import _arrays
from skmicro.exceptions import GreyLevelWarning
from skmicro.properties import ElasticStiffness, elastic_fields

YOUNG, POISSON = (1.0, 8.0), (0.35, 0.2)
SCHEMES = ("rotated", "moulinec-suquet")


def stiffness(image, young=YOUNG, poisson=POISSON, **parameters):
    """Return the matrix of one image."""
    estimator = ElasticStiffness(young=young, poisson=poisson, **({"rtol": 1e-14} | parameters))
    return stiffness_matrix(estimator.fit_transform(image[None])[0])


def layered(shape, normal, layers):
    """Return an image whose layers have their normal along an axis."""
    others = [axis for axis in range(len(shape)) if axis != normal]
    return np.broadcast_to(np.expand_dims(layers, others), shape).astype(int)


@pytest.mark.parametrize("shape", [(4, 6), (5, 3), (1, 9), (4, 6, 5), (3, 5, 3)])
@pytest.mark.parametrize("discretization", SCHEMES)
@pytest.mark.parametrize("plane", ["strain", "stress"])
def test_homogeneous(shape, discretization, plane):
    image = random_image(shape)[0]
    found = stiffness(image, (3.0, 3.0), (0.3, 0.3), discretization=discretization, plane=plane)
    np.testing.assert_allclose(found, isotropic_matrix(3.0, 0.3, len(shape), plane), atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "normal"),
    [((8, 3), 0), ((3, 8), 1), ((8, 3, 2), 0), ((2, 8, 3), 1), ((3, 2, 8), 2), ((7, 2, 3), 0)],
)
@pytest.mark.parametrize("contrast", [8.0, 1e3, 1e-3])
def test_laminates_along_the_axes_are_exact(shape, normal, contrast):
    layers = np.arange(shape[normal]) % 8 < 3
    matrices = [
        isotropic_matrix(young, poisson, len(shape))
        for young, poisson in zip((1.0, contrast), POISSON, strict=True)
    ]
    share = layers.mean()
    exact = laminate_matrix(matrices, (1 - share, share), normal, len(shape))
    found = stiffness(layered(shape, normal, layers), (1.0, contrast))
    np.testing.assert_allclose(found, exact, rtol=1e-8, atol=1e-8 * exact.max())


def test_laminate_of_three_phases_and_oblong_voxels():
    layers = np.array([0, 0, 5, 9, 9, 9, 5])
    young, poisson = {0: 1.0, 5: 4.0, 9: 0.2, 77: 1e9}, {0: 0.1, 5: 0.3, 9: -0.4, 77: 0.0}
    matrices = [isotropic_matrix(young[phase], poisson[phase], 2) for phase in (0, 5, 9)]
    exact = laminate_matrix(matrices, (2 / 7, 2 / 7, 3 / 7), 1, 2)
    found = stiffness(layered((4, 7), 1, layers), young, poisson, spacing=(0.3, 2.0))
    np.testing.assert_allclose(found, exact, atol=1e-9)


@pytest.mark.parametrize("side", [8, 9])
@pytest.mark.parametrize("discretization", SCHEMES)
def test_laminate_at_45_degrees_is_exact(side, discretization):
    image = (np.indices((side, side)).sum(0) % side < side // 2).astype(int)
    share = image.mean()
    matrices = [isotropic_matrix(e, nu, 2) for e, nu in zip(YOUNG, POISSON, strict=True)]
    exact = laminate_matrix(matrices, (1 - share, share), 0, 2)
    turn = np.array([[1, 1, -2], [1, 1, 2], [1, -1, 0]]) / 2  # of stresses, by 45 degrees
    found = stiffness(image, discretization=discretization)
    np.testing.assert_allclose(found, turn @ exact @ turn.T, atol=1e-9)


@pytest.mark.parametrize("shape", [(7, 7), (5, 9), (5, 5, 5)])
@pytest.mark.parametrize("discretization", SCHEMES)
def test_hill_equal_shear_moduli(shape, discretization):
    image, shear, first = random_image(shape)[0], 1.0, np.array([0.2, 6.0])
    poisson = first / (2 * (first + shear))
    found = stiffness(image, 2 * shear * (1 + poisson), poisson, discretization=discretization)
    share = image.mean()
    normal = 1 / ((1 - share) / (first[0] + 2 * shear) + share / (first[1] + 2 * shear))
    effective_first = normal - 2 * shear
    young = shear * (3 * effective_first + 2 * shear) / (effective_first + shear)
    exact = isotropic_matrix(young, effective_first / (2 * (effective_first + shear)), len(shape))
    np.testing.assert_allclose(found, exact, atol=1e-9)


@pytest.mark.parametrize(
    ("shape", "spacing"), [((5, 4), (1.0, 1.0)), ((3, 4), (0.5, 2.0)), ((3, 2, 3), (1, 2, 1.5))]
)
@pytest.mark.parametrize("young", [(1.0, 8.0), (1.0, 0.0)])
def test_finite_elements(shape, spacing, young):
    image = random_image(shape, seed=3)[0]
    solids = [isotropic_matrix(e, nu, len(shape)) for e, nu in zip(young, POISSON, strict=True)]
    exact = effective_matrix(np.array(solids)[image.ravel()], strain_matrix(shape, spacing))
    found = stiffness(image, young, spacing=spacing)
    np.testing.assert_allclose(found, exact, atol=2e-8 * max(young))


def in_shares(estimator, shares):
    """Call a fitted estimator with phase probabilities."""
    return estimator(torch.as_tensor(shares))


@pytest.mark.parametrize(
    ("outputs", "plane"),
    [
        ("voigt", "strain"),
        ("voigt", "stress"),
        (["C11", "C12", "C66"], "stress"),
        (["C12"], "strain"),
        (["C21", "C16"], "strain"),
    ],
)
def test_gradient_in_two_dimensions(outputs, plane):
    estimator = ElasticStiffness(
        young=YOUNG, poisson=POISSON, outputs=outputs, plane=plane, rtol=1e-15
    )
    estimator.fit(random_image((3, 4)))
    shares = np.random.default_rng(0).dirichlet((1, 1), (2, 3, 4)).transpose(0, 3, 1, 2).copy()
    torch.autograd.gradcheck(
        estimator, torch.tensor(shares, requires_grad=True), atol=1e-6, fast_mode=True
    )


def test_gradient_in_three_dimensions_and_three_phases():
    estimator = ElasticStiffness(
        young=(1.0, 3.0, 0.1), poisson=(0.2, 0.4, -0.2), outputs=["C11", "C23", "C44"], rtol=1e-15
    ).fit(random_image((2, 3, 3), 3))
    shares = np.random.default_rng(0).dirichlet((1, 1, 1), (1, 2, 3, 3)).transpose(0, 4, 1, 2, 3)
    x = torch.tensor(shares.copy(), requires_grad=True)
    torch.autograd.gradcheck(estimator, x, atol=1e-6, fast_mode=True)


@pytest.mark.parametrize("shape", [(4, 5), (3, 2, 3)])
def test_outputs_are_entries_of_the_matrix(shape):
    image = random_image(shape)
    whole = ElasticStiffness(rtol=1e-14).fit(image)
    names = list(whole.get_feature_names_out())
    assert names[:2] == ["C11", "C12"]
    assert names[-1] == "C66"
    row = dict(zip(names, whole.transform(image)[0], strict=True))
    for chosen in (["C66"], ["C12"], ["C22", "C16", "C11"]):
        part = ElasticStiffness(outputs=chosen, rtol=1e-14).fit_transform(image)[0]
        np.testing.assert_allclose(part, [row[name] for name in chosen], atol=1e-9)


def test_turned_and_mirrored_images():
    image = random_image((2, 4, 3), seed=1)[0]
    found = stiffness(image)
    turned = stiffness(np.ascontiguousarray(image.transpose(1, 2, 0)))
    order = [1, 2, 0, 4, 5, 3]
    np.testing.assert_allclose(turned, found[np.ix_(order, order)], atol=1e-8)
    signs = np.array([1, 1, 1, 1, -1, -1])  # shears that contain the axis of the mirror
    mirrored = stiffness(image[::-1])
    np.testing.assert_allclose(mirrored, signs[:, None] * found * signs, atol=1e-8)
    np.testing.assert_allclose(stiffness(np.roll(image, (1, 2, 3), (0, 1, 2))), found, atol=1e-8)


@pytest.mark.parametrize(("shape", "n"), [((6, 7), 3), ((4, 5, 4), 6)])
def test_local_fields_obey_the_laws(shape, n):
    image, mean = random_image(shape, seed=2)[0], np.arange(1.0, n + 1)
    fields = elastic_fields(image, mean, young=YOUNG, poisson=POISSON, rtol=1e-14)
    strain, stress = fields.gradient.reshape(n, -1), fields.flux.reshape(n, -1)
    np.testing.assert_allclose(strain.mean(1), mean, atol=1e-12)
    np.testing.assert_allclose(stress.mean(1), fields.mean_flux, atol=1e-9)
    np.testing.assert_allclose(fields.mean_flux, stiffness(image) @ mean, rtol=1e-7)
    work, of_means = (stress * strain).sum(0).mean(), stress.mean(1) @ mean
    np.testing.assert_allclose(work, of_means, rtol=1e-8)  # Hill and Mandel
    for phase in (0, 1):
        inside = image.ravel() == phase
        local = isotropic_matrix(YOUNG[phase], POISSON[phase], len(shape))
        np.testing.assert_allclose(stress[:, inside], local @ strain[:, inside], atol=1e-10)
    assert fields.residual <= 1e-6  # the square root of rtol
    assert 1 < fields.n_iter < 100


@settings(max_examples=7, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    contrast=st.floats(0.02, 50.0),
    poisson=st.tuples(st.floats(-0.5, 0.45), st.floats(-0.5, 0.45)),
    shape=st.sampled_from([(5, 6), (7, 3), (3, 4, 3)]),
)
def test_voigt_and_reuss(seed, contrast, poisson, shape):
    image = random_image(shape, seed=seed)[0]
    share = image.mean()
    solids = [
        isotropic_matrix(e, nu, len(shape)) for e, nu in zip((1, contrast), poisson, strict=True)
    ]
    found = stiffness(image, (1.0, contrast), poisson, rtol=1e-13)
    voigt = (1 - share) * solids[0] + share * solids[1]
    reuss = np.linalg.inv((1 - share) * np.linalg.inv(solids[0]) + share * np.linalg.inv(solids[1]))
    slack = 1e-6 * voigt.max()
    assert np.linalg.eigvalsh(voigt - found).min() > -slack
    assert np.linalg.eigvalsh(found - reuss).min() > -slack


def test_voids_converge():
    x, y, z = np.indices((7, 7, 7)) - 3
    hole = (x**2 + y**2 + z**2 < 6).astype(int)
    limit = stiffness(hole, (1.0, 1e-9))
    np.testing.assert_allclose(stiffness(hole, (1.0, 0.0)), limit, atol=1e-7)


def test_void_that_cuts_the_solid_apart_has_no_stiffness_across():
    cut = layered((8, 6), 0, np.arange(8) < 3)
    found = stiffness(cut, (1.0, 0.0))
    modulus = 1 / (1 - POISSON[0] ** 2) * 5 / 8  # plane strain, free to contract
    np.testing.assert_allclose(found, np.diag([0.0, modulus, 0.0]), atol=1e-9)


def test_only_voids():
    assert not ElasticStiffness(young=(1.0, 0.0)).fit_transform(np.ones((2, 4, 4), int)).any()


def test_precision():
    image = random_image((6, 5, 4))
    double, single = (
        ElasticStiffness(young=(1, 10), precision=p).fit_transform(image)
        for p in ("float64", "float32")
    )
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, double, atol=1e-4 * double.max())


def test_grey_levels_are_shares():
    levels = np.random.default_rng(0).random((2, 5, 5))
    levels[0, 0, :2] = -3.0, 7.0  # beyond the pure phases
    found = ElasticStiffness(young=YOUNG, poisson=POISSON).fit_transform(levels)
    labels = ElasticStiffness(young=YOUNG, poisson=POISSON).fit(random_image((5, 5)))
    share = torch.tensor(levels.clip(0, 1))
    np.testing.assert_allclose(found, in_shares(labels, torch.stack([1 - share, share], 1)))


def test_jobs_and_tensors_agree(monkeypatch):
    images = np.concatenate([random_image((6, 6), seed=seed) for seed in range(6)])
    monkeypatch.setattr(_arrays, "BATCH_VOXELS", 4 * 36)  # two blocks
    estimator = ElasticStiffness(young=YOUNG, poisson=POISSON, outputs=["C11", "C12"]).fit(images)
    alone = estimator.transform(images)
    np.testing.assert_array_equal(estimator.transform(torch.as_tensor(images)).numpy(), alone)
    with joblib.parallel_config("threading"):
        np.testing.assert_array_equal(estimator.set_params(n_jobs=2).transform(images), alone)


def test_images_of_a_batch_stop_by_themselves():
    """Easy images, solved at once, keep their solution while hard ones go on."""
    labels = np.concatenate([random_image((6, 6), seed=seed) for seed in range(5)])
    labels[1], labels[3] = 1, np.arange(6) < 3
    estimator = ElasticStiffness(young=(1.0, 50.0), poisson=POISSON, rtol=1e-13).fit(labels)
    shares = torch.tensor(np.stack([labels == 0, labels == 1], axis=1), dtype=torch.float64)
    np.testing.assert_allclose(estimator(shares), estimator.transform(labels), rtol=1e-10)


def test_images_that_do_not_converge_are_named():
    hard = random_image((9, 9))[0]
    images = np.stack([np.zeros_like(hard), hard, np.ones_like(hard), hard])
    estimator = ElasticStiffness(young=(1.0, 100.0), max_iter=3)
    with pytest.warns(
        ConvergenceWarning, match=r"rtol=1e-06 within max_iter=3 for image 1 \(.*, 3"
    ):
        estimator.fit_transform(images)
    with pytest.warns(ConvergenceWarning, match="for image 0"):
        elastic_fields(hard, (1, 0, 0), young=(1.0, 100.0), max_iter=3)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"young": (1.0,)}, ValueError, r"young must have a value for each of the phases \[0, 1\]"),
        ({"young": (1.0, 2.0, 3.0)}, ValueError, "young must have a value for each"),
        ({"young": {0: 1.0, 2: 3.0}}, ValueError, r"young .* got none for \[1\]"),
        ({"young": (1.0, -2.0)}, ValueError, r"young must lie in \[0, inf\), got -2"),
        ({"young": (1.0, np.nan)}, ValueError, "young must lie in"),
        ({"young": (0.0, 0.0)}, ValueError, "young must be positive for one phase at least"),
        ({"young": 3.0}, TypeError, "young must be a sequence of numbers or a dictionary"),
        ({"young": ("a", 2.0)}, TypeError, "young must be a number, got 'a'"),
        ({"poisson": (0.3, 0.5)}, ValueError, r"poisson must lie in \(-1, 0.5\), got 0.5"),
        ({"poisson": (-1.0, 0.3)}, ValueError, r"poisson must lie in \(-1, 0.5\), got -1"),
        ({"discretization": "fft"}, ValueError, "discretization must be one of .* got 'fft'"),
        (
            {"young": (1.0, 0.0), "discretization": "moulinec-suquet"},
            ValueError,
            "young must be positive with discretization='moulinec-suquet', got 0; 'rotated'",
        ),
        ({"plane": "bend"}, ValueError, "plane must be one of"),
        ({"outputs": "all"}, ValueError, "outputs must be 'voigt' or a list of names, got 'all'"),
        ({"outputs": []}, ValueError, "outputs must be 'voigt' or a list"),
        ({"outputs": ["C11", "C11"]}, ValueError, "outputs must be distinct"),
        (
            {"rtol": 1e-7, "precision": "float32"},
            ValueError,
            r"rtol must lie in \[4\.76837e-07, 1\)",
        ),
        ({"outputs": ["C33"]}, ValueError, "outputs must be among .* for 2-D images, got 'C33'"),
        ({"spacing": (1.0,)}, ValueError, "spacing must have a number for each of the 2 axes"),
        ({"spacing": (1.0, 0.0)}, ValueError, r"spacing must lie in \(0, inf\), got 0"),
        ({"spacing": -2.0}, ValueError, r"spacing must lie in \(0, inf\), got -2"),
        ({"rtol": 0.0}, ValueError, r"rtol must lie in \[8\.88178e-16, 1\), got 0"),
        ({"max_iter": 0}, ValueError, "max_iter must be >= 1, got 0"),
        ({"n_jobs": 0}, ValueError, "n_jobs must be None or an integer other than 0"),
        ({"n_jobs": 1.5}, TypeError, r"n_jobs must be an integer, got 1\.5"),
        ({"device": "abacus"}, ValueError, "device must be"),
        ({"precision": "half"}, ValueError, "precision must be one of"),
    ],
)
def test_bad_parameters(parameters, error, message):
    images = random_image((4, 4))
    with pytest.raises(error, match=message):
        ElasticStiffness(**parameters).fit(images).transform(images)


@pytest.mark.parametrize("mean", [(1, 0), (1, 0, np.nan), (1, 0, 0, 0)])
def test_bad_mean_strain(mean):
    with pytest.raises(ValueError, match="mean_strain must hold 3 finite numbers"):
        elastic_fields(random_image((4, 4))[0], mean)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_units_do_not_matter(precision):
    image, settings = random_image((7, 7)), {"precision": precision, "outputs": ["C11", "C66"]}
    expected = ElasticStiffness(young=(1.0, 8.0), **settings).fit_transform(image)
    for unit in (1e-200, 1e-30, 1e30, 1e200):
        with case(unit):
            young, double = (unit, 8 * unit), settings | {"precision": "float64"}
            scaled = ElasticStiffness(young=young, **double).fit_transform(image)
            np.testing.assert_allclose(scaled / unit, expected, rtol=1e-5)


def test_residual_is_that_of_the_solution():
    """At 1e8 the residual that conjugate gradients carry along is not the true one any more."""
    image = random_image((9, 9))[0]
    fields = elastic_fields(image, (1.0, 0.0, 0.0), young=(1.0, 1e8), max_iter=5000, rtol=1e-12)
    modes = np.fft.fftn(fields.flux, axes=(1, 2))
    q = 2 * np.pi * np.fft.fftfreq(9)
    s = np.stack([np.sin(q / 2)[:, None] * np.cos(q / 2), np.cos(q / 2)[:, None] * np.sin(q / 2)])
    n = s / np.maximum(np.linalg.norm(s, axis=0), 1e-300)
    unbalanced = [n[0] * modes[0] + n[1] * modes[2], n[0] * modes[2] + n[1] * modes[1]]
    norm = np.sqrt(np.square(np.abs(unbalanced)).sum()) / 81
    assert norm / np.linalg.norm(fields.mean_flux) == pytest.approx(fields.residual, rel=1e-3)


def test_extreme_contrast_is_symmetric():
    image = random_image((8, 8), seed=1)[0]
    columns = [
        elastic_fields(image, load, young=(1.0, 1e8), rtol=1e-10, max_iter=5000).mean_flux
        for load in np.eye(3)
    ]
    np.testing.assert_allclose(columns, np.transpose(columns), atol=1e-5 * np.max(columns))


def test_what_rounding_makes_unreachable_is_reported():
    image = random_image((8, 8), seed=1)
    with pytest.warns(ConvergenceWarning, match=r"rtol=1e-15 .* for image 0 \(error"):
        ElasticStiffness(young=(1.0, 1e14), rtol=1e-15).fit_transform(image)


def test_parameters_changed_after_fit_are_checked():
    image = random_image((4, 4))
    estimator = ElasticStiffness().fit(image).set_params(plane="strss")
    with pytest.raises(ValueError, match="plane must be one of"):
        estimator.transform(image)


def test_grey_levels_beyond_the_phases_are_reported():
    levels = 255 * np.random.default_rng(0).random((1, 6, 6))
    with pytest.warns(GreyLevelWarning, match=r"clips them to \[0, 1\], got .* to 2[0-9]{2}"):
        ElasticStiffness().fit_transform(levels)


def test_not_fitted():
    with pytest.raises(NotFittedError):
        ElasticStiffness()(torch.ones(1, 2, 4, 4) / 2)


def test_poisson_of_lame():
    first, shear = lame(2.0, 0.25)
    assert (first, shear) == (pytest.approx(0.8), pytest.approx(0.8))


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 1)])
def test_mirrored_borders_are_those_of_the_image_with_its_mirror_images(shape):
    image = twice = random_image(shape, seed=6)
    for axis in range(1, twice.ndim):
        if shape[axis - 1] > 1:
            twice = np.concatenate([twice, np.flip(twice, axis)], axis)
    mirrored = ElasticStiffness(borders="mirrored", rtol=1e-12).fit(image)
    named = dict(zip(mirrored.get_feature_names_out(), mirrored.transform(image)[0], strict=True))
    whole = ElasticStiffness(rtol=1e-12).fit_transform(twice)[0]
    np.testing.assert_allclose(list(named.values()), whole, atol=1e-6)
    odd = [named[name] for name in ("C16", "C26")]
    np.testing.assert_allclose(odd, 0, atol=1e-6)
    load = np.eye(len(shape) * (len(shape) + 1) // 2)[0]
    fields = elastic_fields(image[0], load, borders="mirrored")
    expected = elastic_fields(twice[0], load).flux[(slice(None), *map(slice, shape))]
    np.testing.assert_allclose(fields.flux, expected, atol=1e-4)
