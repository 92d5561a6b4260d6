"""Figures on no screen; images and generators to draw."""

import matplotlib
import numpy as np
import pytest

from skmicro.datasets import make_cahn_hilliard
from skmicro.generators import WGANGP, InvNetGenerator

matplotlib.use("Agg")
SETTINGS = {"n_iter": 2, "width": 8, "random_state": 0, "device": "cpu"}


@pytest.fixture(autouse=True)
def searches(short_searches):
    """Nothing drawn here hangs on what a search finds."""


@pytest.fixture(scope="session")
def images():
    return make_cahn_hilliard(12, (16, 16), n_steps=200, random_state=0)[0]


@pytest.fixture(scope="session")
def labels():
    """Images of the phases 1, 3 and 7, whose fractions differ widely."""
    rng = np.random.default_rng(0)
    shares = rng.dirichlet([1.0, 1.0, 1.0], 8)
    return np.stack([rng.choice([1, 3, 7], (16, 16), p=share) for share in shares])


@pytest.fixture(scope="session")
def wgan(images):
    return WGANGP.light(periodic=True, target_tol=10.0, **SETTINGS).fit(images)


@pytest.fixture(scope="session")
def invnet(images):
    return InvNetGenerator.light(n_level_steps=2, **SETTINGS).fit(images)


@pytest.fixture(scope="session")
def invnet_of_three_phases(labels):
    settings = SETTINGS | {"n_level_steps": 2, "invariances": ("phase_fractions",)}
    return InvNetGenerator.light(**settings).fit(labels)
