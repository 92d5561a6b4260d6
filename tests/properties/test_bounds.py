"""Bounds are attained where theory says so, and no full field leaves them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skmicro.properties import (
    EffectiveConductivity,
    ElasticStiffness,
    conductivity_bounds,
    elastic_bounds,
    isotropic_moduli,
    young_modulus,
)

KINDS = ("voigt-reuss", "hashin-shtrikman")


def test_hashin_shtrikman_of_conductivity_is_maxwell_both_ways():
    p1, p2, one, two = 0.3, 0.7, 1.0, 10.0
    for d in (2, 3):
        lower, upper = conductivity_bounds([p1, p2], [one, two], n_axes=d)
        beta = (two - one) / (two + (d - 1) * one)
        assert lower == pytest.approx(one * (1 + (d - 1) * p2 * beta) / (1 - p2 * beta))
        beta = (one - two) / (one + (d - 1) * two)
        assert upper == pytest.approx(two * (1 + (d - 1) * p1 * beta) / (1 - p1 * beta))


def test_planar_bounds_of_phases_exchanged_multiply_to_those_of_keller():
    # Keller's theorem maps a composite of 1 and s to one of s and 1 with product s.
    lower, _ = conductivity_bounds([0.3, 0.7], [1.0, 10.0], n_axes=2)
    _, upper = conductivity_bounds([0.3, 0.7], [10.0, 1.0], n_axes=2)
    assert lower * upper == pytest.approx(10.0)


@pytest.mark.parametrize("d", [2, 3])
def test_hashin_shtrikman_of_moduli_as_first_published(d):
    (k1, k2), (g1, g2), p2 = (2.0, 9.0), (1.0, 4.0), 0.35
    bounds = elastic_bounds([1 - p2, p2], (k1, k2), (g1, g2), n_axes=d)
    if d == 3:
        bulk = k1 + p2 / (1 / (k2 - k1) + 3 * (1 - p2) / (3 * k1 + 4 * g1))
        shear = g1 + p2 / (
            1 / (g2 - g1) + 6 * (k1 + 2 * g1) * (1 - p2) / (5 * g1 * (3 * k1 + 4 * g1))
        )
    else:
        bulk = k1 + p2 / (1 / (k2 - k1) + (1 - p2) / (k1 + g1))
        shear = g1 + p2 / (1 / (g2 - g1) + (1 - p2) * (k1 + 2 * g1) / (2 * g1 * (k1 + g1)))
    assert bounds.lower.bulk == pytest.approx(bulk)
    assert bounds.lower.shear == pytest.approx(shear)


values = st.lists(st.floats(0.1, 50), min_size=3, max_size=3)
shares = st.lists(st.integers(0, 5), min_size=3, max_size=3).filter(any)


@given(shares, values, values, st.sampled_from([2, 3]))
def test_bounds_are_ordered_and_narrow_with_knowledge(share, bulk, shear, d):
    fractions = np.array(share) / sum(share)
    voigt, hashin = (elastic_bounds(fractions, bulk, shear, n_axes=d, kind=kind) for kind in KINDS)
    for name in ("bulk", "shear"):
        ends = [
            getattr(bound, name) for bound in (voigt.lower, hashin.lower, hashin.upper, voigt.upper)
        ]
        assert (np.diff(ends) >= -1e-9 * max(ends)).all()
    ends = [conductivity_bounds(fractions, bulk, n_axes=d, kind=kind) for kind in KINDS]
    ends = [ends[0].lower, ends[1].lower, ends[1].upper, ends[0].upper]
    assert (np.diff(ends) >= -1e-9 * max(ends)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_rows_voids_and_absent_phases(kind):
    fractions = [[0.5, 0.5], [1.0, 0.0], [0.0, 1.0]]
    lower, upper = conductivity_bounds(fractions, [0.0, 3.0], kind=kind)
    np.testing.assert_allclose(lower, [0, 0, 3])
    np.testing.assert_allclose(upper[1:], [0, 3])
    assert 0 < upper[0] <= 1.5
    bounds = elastic_bounds(fractions, [0.0, 3.0], [0.0, 1.0], kind=kind)
    np.testing.assert_allclose(bounds.lower.shear, [0, 0, 1])
    np.testing.assert_allclose(bounds.upper.bulk[1:], [0, 3])
    single = conductivity_bounds(fractions[0], [0.0, 3.0], kind=kind)
    assert single.upper == upper[0]


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.2, 0.8), st.sampled_from(["strain", "stress"]))
def test_full_fields_keep_within_the_bounds(seed, density, plane):
    image = (np.random.default_rng(seed).random((1, 9, 9)) < density).astype(int)
    image[0, 0, :2] = 0, 1
    # Both orientations of the image together have the symmetry of a square.
    fractions = np.array([1 - image.mean(), image.mean()])
    conductivity = EffectiveConductivity(conductivity=(1.0, 8.0), rtol=1e-13).fit_transform(image)[
        0
    ]
    along = conductivity[[0, 2]]
    lower, upper = conductivity_bounds(fractions, [1.0, 8.0], n_axes=2, kind="voigt-reuss")
    assert ((along > lower - 1e-6) & (along < upper + 1e-6)).all()

    young, poisson = np.array([1.0, 8.0]), np.array([0.2, 0.35])
    moduli = isotropic_moduli(young, poisson, 2, plane)
    stiffness = ElasticStiffness(
        young=tuple(young), poisson=tuple(poisson), plane=plane, rtol=1e-13
    )
    c11, c12, _, c22, _, c66 = stiffness.fit_transform(image)[0]
    bulk = (c11 + c22 + 2 * c12) / 4
    shear = (c11 + c22 - 2 * c12 + 4 * c66) / 8
    bounds = elastic_bounds(fractions, *moduli, n_axes=2, kind="voigt-reuss")
    for name, value in (("bulk", bulk), ("shear", shear)):
        assert getattr(bounds.lower, name) - 1e-6 < value < getattr(bounds.upper, name) + 1e-6


def test_means_over_random_images_keep_within_hashin_shtrikman():
    # One 9 x 9 image is neither isotropic nor free of chance; the mean over many is close to it.
    rng = np.random.default_rng(0)
    images = (rng.random((12, 9, 9)) < 0.4).astype(int)
    fractions = np.stack([1 - images.mean((1, 2)), images.mean((1, 2))], axis=1)
    found = EffectiveConductivity(conductivity=(1.0, 8.0), outputs=["k11", "k22"]).fit_transform(
        images
    )
    bounds = conductivity_bounds(fractions, [1.0, 8.0], n_axes=2)
    assert bounds.lower.mean() < found.mean() < bounds.upper.mean()


@pytest.mark.parametrize("plane", ["strain", "stress"])
def test_moduli_of_a_material_in_the_plane(plane):
    young, poisson = 2.0, 0.3
    bulk, shear = isotropic_moduli(young, poisson)
    assert young_modulus(bulk, shear) == pytest.approx(young)
    expected = bulk + shear / 3 if plane == "strain" else 9 * bulk * shear / (3 * bulk + 4 * shear)
    planar = isotropic_moduli(young, poisson, 2, plane)
    assert planar.bulk == pytest.approx(expected)
    factor = 1 / (1 - poisson**2) if plane == "strain" else 1.0
    assert young_modulus(*planar, n_axes=2) == pytest.approx(young * factor)
    assert young_modulus(*isotropic_moduli(0.0, 0.3, 2, plane), n_axes=2) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.5, 0.6], [1, 2]), "fractions must be at least 0 and sum to 1, got"),
        (([-0.5, 1.5], [1, 2]), "fractions must be at least 0"),
        (([[[1.0]]], [1]), r"fractions must have shape \(n, n_phases\), got \(1, 1, 1\)"),
        (([0.5, 0.5], [1, 2, 3]), "conductivities must have a value for each of 2 phases"),
        (([0.5, 0.5], [1, -2]), "conductivities must be finite and at least 0"),
        (([0.5, 0.5], [1, 2], 4), "n_axes must be 2 or 3, got 4"),
        (([0.5, 0.5], [1, 2], 3, "beran"), "kind must be one of .*beran"),
    ],
)
def test_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        conductivity_bounds(*arguments)
