"""Estimates that cannot be true are reported, and the images named."""

import numpy as np
import pytest

from skmicro.datasets import make_cahn_hilliard
from skmicro.exceptions import EstimateWarning
from skmicro.properties import (
    Permeability,
    SandstoneProperties,
    StrongContrastDiffusivity,
    StrongContrastModuli,
    isotropic_moduli,
)

pytestmark = pytest.mark.filterwarnings("error::skmicro.exceptions.EstimateWarning")


def separated():
    """Return phase-separated images: drops, and a network with drops of the other phase in it."""
    drops, network = (
        make_cahn_hilliard(1, (32, 32), n_steps=300, volume_fraction=(p, p), random_state=0)[0]
        for p in (0.3, 0.7)
    )
    return np.concatenate([drops, network])


@pytest.mark.parametrize(
    "estimator",
    [
        StrongContrastDiffusivity(inclusion_diffusivity=100.0, dimension=3),
        StrongContrastModuli(inclusion_young=0.0),
        StrongContrastModuli(inclusion_young=0.0, dimension=3),
    ],
)
def test_connected_inclusions(estimator):
    images = separated()
    estimator.fit(images).transform(images[:1])
    with pytest.warns(EstimateWarning, match="of image 1 leaves the bounds of Hashin"):
        estimator.transform(images)


def test_estimates_of_low_contrast_are_never_doubted():
    noise = np.random.default_rng(0).integers(0, 2, (20, 8, 8))
    diffusivity = StrongContrastDiffusivity(inclusion_diffusivity=1.2).fit_transform(noise)
    moduli = StrongContrastModuli(inclusion_young=1.2, precision="float32", outputs=("E",))
    assert ((diffusivity > 1.0) & (diffusivity < 1.2)).all()
    assert (moduli.fit_transform(noise) > 1.0).all()  # a warning would be an error here


@pytest.mark.parametrize(
    ("cls", "says"), [(Permeability, "is no bound"), (SandstoneProperties, "is doubtful")]
)
def test_permeability_without_rock_or_with_too_long_an_integral(cls, says):
    pores = separated()
    pores[1] = 1
    cls(max_lag=4).fit(pores).transform(pores[:1])
    with pytest.warns(EstimateWarning, match=f"{cls.__name__} of image 1 {says}"):
        cls(max_lag=4).fit_transform(pores)
    noise = np.random.default_rng(0).integers(0, 2, (2, 8, 8))
    with pytest.warns(EstimateWarning, match="of image 0, 1"):
        cls(max_lag=4).fit_transform(noise)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-1.0, 0.3), "young must be at least 0"),
        ((1.0, 0.5), r"poisson must lie in \(-1, 0.5\)"),
        ((1.0, [0.3, -1.0]), r"poisson must lie in \(-1, 0.5\)"),
        ((1.0, 0.3, 4), "n_axes must be 2 or 3, got 4"),
        ((1.0, 0.3, 2, "bend"), "plane must be one of"),
    ],
)
def test_moduli_that_no_solid_has(arguments, message):
    with pytest.raises(ValueError, match=message):
        isotropic_moduli(*arguments)


def test_moduli_of_lists():
    bulk, shear = isotropic_moduli([2.5, 5.0], [0.25, 0.25])
    np.testing.assert_allclose(bulk, [5 / 3, 10 / 3])
    np.testing.assert_allclose(shear, [1.0, 2.0])
