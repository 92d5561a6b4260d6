"""Strong-contrast estimates: limits that are exact, and the full field to third order."""

import numpy as np
import pytest
import torch

from skmicro.properties import (
    EffectiveConductivity,
    ElasticStiffness,
    StrongContrastDiffusivity,
    StrongContrastModuli,
    conductivity_bounds,
    elastic_bounds,
    isotropic_moduli,
    strong_contrast_conductivity,
    strong_contrast_moduli,
    young_modulus,
)

CONTRASTS = np.array([0.02, 0.04, 0.08])


def random_image(shape, seed=0):
    return (np.random.default_rng(seed).random((1, *shape)) < 0.4).astype(int)


def slope(errors):
    """Order of errors in the contrast."""
    return np.polyfit(np.log(CONTRASTS), np.log(np.abs(errors)), 1)[0]


def isotropic_part(stiffness, n_axes):
    """Bulk and shear modulus of the average of a stiffness over orientations."""
    size = n_axes * (n_axes + 1) // 2
    matrix = np.zeros((size, size))
    matrix[np.triu_indices(size)] = stiffness
    normal, shear = matrix[:n_axes, :n_axes], matrix[n_axes:, n_axes:]
    trace, total = np.trace(normal), np.triu(normal, 1).sum() * 2 + np.trace(normal)
    bulk = total / n_axes**2
    # The double contraction C_ijij counts every shear component twice.
    double = trace + 2 * np.trace(shear)
    return bulk, (double - n_axes * bulk) / (n_axes * (n_axes + 1) - 2)


def fourfold_image(side, seed=0):
    """A random image that is its own rotation by a right angle."""
    noise = np.random.default_rng(seed).random((side, side))
    noise = sum(np.rot90(noise, turns) for turns in range(4))
    return (noise > np.quantile(noise, 0.6)).astype(int)[None]


# On grids of odd sides the modes of the full field and of the three-point parameters are the
# same, and the mean over orientations of any image has exactly the third order of the estimate.
@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(
    ("X", "order"),
    [(random_image((5, 5, 7)), 4), (fourfold_image(11), 5)],
    ids=["volume", "plane"],
)
def test_order_of_the_error_of_conductivity(X, order, sign):
    # By Keller's theorem third order gives the fourth where a plane conducts alike in all
    # directions.
    errors = []
    for contrast in CONTRASTS:
        inclusion = 1 + sign * contrast
        field = EffectiveConductivity(
            conductivity=(1.0, inclusion),
            discretization="moulinec-suquet",
            outputs=[f"k{i}{i}" for i in range(1, X.ndim)],
            rtol=1e-15,
        ).fit_transform(X)
        estimate = StrongContrastDiffusivity(inclusion_diffusivity=inclusion).fit_transform(X)
        errors.append(field.mean() - estimate.item())
    assert slope(errors) == pytest.approx(order, abs=0.2)


@pytest.mark.parametrize(("of_young", "of_poisson"), [(2, 1), (-2, 0.5)])
@pytest.mark.parametrize(
    ("shape", "plane"), [((9, 11), "strain"), ((9, 11), "stress"), ((5, 5, 5), "strain")]
)
def test_moduli_err_in_fourth_order(shape, plane, of_young, of_poisson):
    X, errors = random_image(shape, seed=1), []
    for contrast in CONTRASTS:
        young, poisson = (1.0, 1 + of_young * contrast), (0.2, 0.2 + of_poisson * contrast)
        field = ElasticStiffness(
            young=young, poisson=poisson, plane=plane, discretization="moulinec-suquet", rtol=1e-15
        ).fit_transform(X)[0]
        estimate = StrongContrastModuli(
            matrix_young=young[0],
            matrix_poisson=poisson[0],
            inclusion_young=young[1],
            inclusion_poisson=poisson[1],
            plane=plane,
            outputs=("K", "G"),
        ).fit_transform(X)[0]
        errors.append(isotropic_part(field, len(shape)) - estimate)
    for of_modulus in np.transpose(errors):
        assert slope(of_modulus) == pytest.approx(4, abs=0.35)


def test_isotropic_part_of_an_isotropic_stiffness():
    for n_axes in (2, 3):
        X = np.zeros((1, *(3,) * n_axes), int)
        X[0, 0] = 1
        same = ElasticStiffness(young=(2.0, 2.0), poisson=(0.3, 0.3)).fit_transform(X)[0]
        expected = isotropic_moduli(2.0, 0.3, n_axes)
        assert isotropic_part(same, n_axes) == pytest.approx(tuple(expected))


@pytest.mark.parametrize("d", [2, 3])
def test_zeta_and_eta_of_zero_give_the_lower_bounds(d):
    fraction, bulk, shear = 0.3, (2.0, 9.0), (1.0, 4.0)
    fractions = [1 - fraction, fraction]
    phases = tuple(zip(bulk, shear, strict=True))
    bounds = elastic_bounds(fractions, bulk, shear, n_axes=d)
    estimate = strong_contrast_moduli(fraction, 0.0, 0.0, *phases, d)
    assert tuple(estimate) == pytest.approx(tuple(bounds.lower))
    lower, _ = conductivity_bounds(fractions, bulk, n_axes=d)
    assert strong_contrast_conductivity(fraction, 0.0, *bulk, d) == pytest.approx(lower)


@pytest.mark.parametrize("d", [2, 3])
def test_ends_of_the_range_of_fractions(d):
    matrix, inclusion = (2.0, 1.0), (9.0, 4.0)
    for fraction, phase in ((0.0, matrix), (1.0, inclusion)):
        found = strong_contrast_moduli(fraction, 0.4, 0.6, matrix, inclusion, d)
        assert tuple(found) == pytest.approx(phase)
        found = strong_contrast_conductivity(fraction, 0.4, matrix[0], inclusion[0], d)
        assert found == pytest.approx(phase[0])
    assert tuple(strong_contrast_moduli(1.0, 0.4, 0.6, matrix, (0, 0), d)) == pytest.approx((0, 0))


def test_exact_bulk_modulus_where_shear_moduli_are_equal():
    # Hill: with one shear modulus the bulk modulus depends on the fractions alone.
    found = strong_contrast_moduli(0.3, 0.7, 0.2, (2.0, 1.0), (9.0, 1.0), 3)
    star = 4 / 3
    assert found.bulk == pytest.approx(1 / (0.7 / (2 + star) + 0.3 / (9 + star)) - star)
    assert found.shear == pytest.approx(1.0)


def test_obstacles_in_pores():
    fraction, zeta = 0.35, 0.21
    expected = (1 - fraction) * (1 - zeta / 2) / (1 + fraction / 2 - (1 - fraction) * zeta / 2)
    assert strong_contrast_conductivity(fraction, zeta, 1.0, 0.0) == pytest.approx(expected)


def test_formulas_of_two_dimensions_written_out():
    (k1, g1), (k2, g2), p2, zeta, eta = (2.0, 1.0), (9.0, 4.0), 0.3, 0.4, 0.25
    k, m = (k2 - k1) / (k2 + g1), (g2 - g1) / (g2 + g1 * k1 / (k1 + 2 * g1))
    shared = g1 * k * m * (1 - p2) * zeta / (k1 + 2 * g1)
    r_bulk = 1 - 2 * shared
    r_shear = 1 - shared - (k1 / (k1 + 2 * g1)) ** 2 * m**2 * (1 - p2) * eta
    found = strong_contrast_moduli(p2, zeta, eta, (k1, g1), (k2, g2), 2)
    assert (found.bulk - k1) / (found.bulk + g1) == pytest.approx(p2 * k / r_bulk)
    star = g1 * k1 / (k1 + 2 * g1)
    assert (found.shear - g1) / (found.shear + star) == pytest.approx(p2 * m / r_shear)


@pytest.mark.parametrize("shape", [(21, 21), (11, 11, 11)])
def test_dispersed_voids_are_near_the_full_field(shape):
    distance = sum(
        (axis - side // 2) ** 2 for axis, side in zip(np.indices(shape), shape, strict=True)
    )
    X = (distance < (0.3 * shape[0]) ** 2).astype(int)[None]
    field = ElasticStiffness(young=(1.0, 0.0), poisson=(0.25, 0.25)).fit_transform(X)[0]
    exact = isotropic_part(field, len(shape))
    estimate = StrongContrastModuli(
        matrix_poisson=0.25, inclusion_young=0.0, outputs=["K", "G"]
    ).fit_transform(X)[0]
    np.testing.assert_allclose(estimate, exact, rtol=0.06)
    axes = [f"k{i}{i}" for i in range(1, len(shape) + 1)]
    flux = EffectiveConductivity(conductivity=(1.0, 0.0), outputs=axes).fit_transform(X).mean()
    found = StrongContrastDiffusivity(inclusion_diffusivity=0.0).fit_transform(X).item()
    assert found == pytest.approx(flux, rel=0.03)


def test_outputs_are_chosen_and_named():
    X = random_image((7, 7), seed=2)
    everything = StrongContrastModuli().fit(X)
    bulk, shear, young = everything.transform(X)[0]
    assert list(everything.get_feature_names_out()) == ["K", "G", "E"]
    assert young == pytest.approx(young_modulus(bulk, shear, 2))
    chosen = StrongContrastModuli(outputs=("E", "K")).fit_transform(X)
    np.testing.assert_array_equal(chosen, [[young, bulk]])


def test_phases_other_than_the_inclusions_are_one():
    three = np.random.default_rng(0).integers(0, 3, (2, 6, 6))
    two = (three == 1).astype(int)
    for cls in (StrongContrastModuli, StrongContrastDiffusivity):
        np.testing.assert_array_equal(cls(phase=1).fit_transform(three), cls().fit_transform(two))


@pytest.mark.parametrize("cls", [StrongContrastModuli, StrongContrastDiffusivity])
@pytest.mark.parametrize("shape", [(3, 4), (3, 2, 3)])
def test_gradients(cls, shape):
    share = torch.rand(2, 1, *shape, generator=torch.Generator().manual_seed(0)).double()
    share.requires_grad_(True)
    assert torch.autograd.gradcheck(
        lambda s: cls()(torch.cat([1 - s, s], 1)), share, fast_mode=True, atol=1e-7
    )


@pytest.mark.parametrize(
    ("cls", "parameters", "message"),
    [
        (StrongContrastModuli, {"matrix_young": 0.0}, r"matrix_young must lie in \(0, .*0\.0"),
        (StrongContrastModuli, {"inclusion_young": -1.0}, r"inclusion_young must lie in \[0, "),
        (StrongContrastModuli, {"matrix_poisson": 0.5}, r"matrix_poisson must lie in \(-1, 0.5\)"),
        (StrongContrastModuli, {"plane": "wave"}, "plane must be one of .*wave"),
        (StrongContrastModuli, {"outputs": ()}, r"outputs must be distinct .* got \(\)"),
        (StrongContrastModuli, {"outputs": ["K", "C"]}, "outputs must be distinct and among"),
        (StrongContrastModuli, {"outputs": ["K", "K"]}, "outputs must be distinct and among"),
        (StrongContrastModuli, {"dimension": 1}, "dimension must be None, 2 or 3, got 1"),
        (StrongContrastDiffusivity, {"matrix_diffusivity": 0}, r"matrix_diffusivity must lie in"),
        (StrongContrastDiffusivity, {"inclusion_diffusivity": -1}, "inclusion_diffusivity must"),
        (StrongContrastDiffusivity, {"phase": 7}, "phase must be one of"),
    ],
)
def test_refused(cls, parameters, message):
    with pytest.raises(ValueError, match=message):
        cls(**parameters).fit(random_image((5, 5)))
