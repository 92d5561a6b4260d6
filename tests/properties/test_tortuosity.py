"""Tortuosity factor: straight, slanted and blocked ways."""

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skmicro.properties import EffectiveConductivity, TortuosityFactor


def factors(image, **parameters):
    return TortuosityFactor(**parameters).fit_transform(np.asarray(image)[None])[0]


def test_straight_channels_have_one_and_walls_are_infinite():
    channels = np.zeros((6, 5, 4), int)
    channels[:, 1:3, 2] = channels[:, 4, 0] = 1
    np.testing.assert_allclose(factors(channels), [1, np.inf, np.inf], rtol=1e-6)
    np.testing.assert_allclose(factors(np.ones((3, 4), int)), 1, rtol=1e-6)
    assert (factors(np.zeros((3, 4), int)) == np.inf).all()


def test_slanted_channel_is_longer_than_straight_ones():
    """A channel at 45 degrees is longer and narrower by the root of two each."""
    along, across = np.indices((40, 60))
    image = (abs(across - along - 10) <= 6).astype(int)
    found = factors(image)
    assert found[0] == pytest.approx(2, rel=0.1)
    assert found[1] == np.inf


def test_fraction_over_conductivity_of_the_whole_phase():
    X = (np.random.default_rng(0).random((3, 8, 8, 8)) < 0.7).astype(int)
    settings = {"conductivity": (0.0, 1.0), "borders": "mirrored", "outputs": ["k11", "k22", "k33"]}
    settings["discretization"] = "finite-volume"
    conductivity = EffectiveConductivity(**settings, rtol=1e-10).fit_transform(X)
    fraction = X.mean(axis=(1, 2, 3))[:, None]
    found = TortuosityFactor(rtol=1e-10).fit_transform(X)
    np.testing.assert_allclose(found, fraction / conductivity, rtol=1e-4)
    assert (found > 1).all()


def test_pores_that_do_not_lead_through_count_in_the_fraction_only():
    image = np.zeros((9, 9), int)
    image[:, 1:3] = 1
    image[4:6, 5:8] = 1
    through = image[:, :4].sum() / image.size
    np.testing.assert_allclose(factors(image)[0], image.mean() / through, rtol=1e-6)


def test_phases_axes_and_names():
    labels = np.repeat([[0, 1, 1, 2, 2, 2]], 5, axis=0)
    for phase in range(3):
        np.testing.assert_allclose(factors(labels, phase=phase), [1, np.inf], rtol=1e-6)
    np.testing.assert_allclose(factors(labels.T), [np.inf, 1], rtol=1e-6)
    names = TortuosityFactor().fit(labels[None]).get_feature_names_out()
    assert names.tolist() == ["tau1", "tau2"]


def test_warns_where_rtol_is_missed():
    image = (np.random.default_rng(1).random((1, 12, 12)) < 0.75).astype(int)
    with pytest.warns(ConvergenceWarning, match="TortuosityFactor did not reach rtol=1e-06"):
        TortuosityFactor(max_iter=1).fit_transform(image)
