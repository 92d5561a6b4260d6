"""The three properties of sandstone are those of their parts."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from skmicro.properties import (
    Permeability,
    SandstoneProperties,
    StrongContrastDiffusivity,
    StrongContrastModuli,
)


def rock(shape, porosity=0.25, seed=0):
    noise = gaussian_filter(np.random.default_rng(seed).standard_normal(shape), 1.5, mode="wrap")
    return (noise > np.quantile(noise, 1 - porosity)).astype(int)[None]


@pytest.mark.parametrize("shape", [(24, 24), (12, 12, 10)])
@pytest.mark.parametrize("pore", [0, 1])
def test_parts(shape, pore):
    X = rock(shape) if pore else 1 - rock(shape)
    stiffness, diffusivity, permeability = SandstoneProperties(
        phase=pore, spacing=3.0
    ).fit_transform(X)[0]
    bulk, shear = 4.3, 3.8
    poisson = (3 * bulk - 2 * shear) / (2 * (3 * bulk + shear))
    young = StrongContrastModuli(
        phase=pore,
        matrix_young=2 * shear * (1 + poisson),
        matrix_poisson=poisson,
        inclusion_young=0.0,
        dimension=3,
        outputs=["E"],
    ).fit_transform(X)
    assert stiffness == pytest.approx(young.item() / (9 * bulk * shear / (3 * bulk + shear)))
    flow = StrongContrastDiffusivity(phase=1 - pore, inclusion_diffusivity=0.0, dimension=3)
    assert diffusivity == pytest.approx(flow.fit_transform(X).item())
    bound = Permeability(phase=pore, spacing=3.0).fit_transform(X)
    assert permeability == pytest.approx(bound.item())


def test_shares_lie_between_nothing_and_the_fraction():
    for porosity in (0.1, 0.3, 0.6, 0.9):
        X = rock((16, 16, 16), porosity)
        stiffness, diffusivity, permeability = SandstoneProperties().fit_transform(X)[0]
        # Hashin and Shtrikman's upper bounds; the moduli of this rock have E <= that of voids
        # in the stiffest arrangement, which is below the fraction of rock.
        assert 0 < stiffness < 1 - porosity
        assert 0 < diffusivity < 2 * porosity / (3 - porosity) + 1e-9
        assert permeability > 0


def test_only_the_ratio_of_the_moduli_counts():
    X = rock((16, 16))
    in_gpa = SandstoneProperties().fit_transform(X)
    in_pa = SandstoneProperties(rock_bulk=4.3e9, rock_shear=3.8e9).fit_transform(X)
    np.testing.assert_allclose(in_pa, in_gpa, rtol=1e-9)


def test_images_of_one_phase():
    X = np.zeros((3, 8, 8), int)
    X[1] = 1
    X[2, 0] = 1
    np.testing.assert_allclose(
        SandstoneProperties().fit_transform(X)[:2], [[1, 0, 0], [0, 1, 0]], atol=1e-12
    )


def test_gradients():
    pores = torch.rand(1, 1, 4, 5, generator=torch.Generator().manual_seed(0)).double()
    pores.requires_grad_(True)
    function = SandstoneProperties()
    assert torch.autograd.gradcheck(lambda s: function(torch.cat([1 - s, s], 1)), pores)


@pytest.mark.parametrize("name", ["rock_bulk", "rock_shear", "spacing"])
def test_refused(name):
    with pytest.raises(ValueError, match=rf"{name} must lie in \(0, inf\), got 0"):
        SandstoneProperties(**{name: 0}).fit(rock((8, 8)))
