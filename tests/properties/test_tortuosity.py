"""Tortuosity factor: straight, slanted and blocked ways."""

import numpy as np
import pytest
from finite_volumes import conductivity_between_plates
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


def slanted_channel(width=5, slope=0.5):
    """Return a channel through 24 x 24 that leaves at another place than it enters."""
    along, across = np.indices((24, 24))
    return (abs(across - slope * along - 6) <= width / 2).astype(int)


def test_between_plates_a_slanted_channel_conducts_as_in_a_second_solver():
    """Fixed potentials on two faces, closed sides; as a period the channel leads nowhere."""
    for image in (slanted_channel(), slanted_channel(4, 0.75)):
        exact = conductivity_between_plates(image, 0)
        assert 0.05 < exact < image.mean()
        settings = {
            "conductivity": (0.0, 1.0), "discretization": "finite-volume", "rtol": 1e-10,
            "outputs": ["k11", "k22", "k12"],
        }  # fmt: skip
        mirrored = EffectiveConductivity(borders="mirrored", **settings).fit_transform(image[None])
        np.testing.assert_allclose(mirrored, [[exact, 0, 0]], rtol=1e-8, atol=1e-10)
        periodic = EffectiveConductivity(**settings).fit_transform(image[None])
        np.testing.assert_array_equal(periodic, 0)
        found = factors(image, rtol=1e-10)
        np.testing.assert_allclose(found, [image.mean() / exact, np.inf], rtol=1e-8)


def test_between_plates_two_phases_conduct_as_in_a_second_solver():
    X = np.random.default_rng(2).integers(0, 2, (1, 7, 6, 5))
    spacing = (1.0, 0.5, 2.5)
    found = EffectiveConductivity(
        conductivity=(1.0, 20.0), discretization="finite-volume", borders="mirrored",
        spacing=spacing, outputs=["k11", "k22", "k33"], rtol=1e-12,
    ).fit_transform(X)[0]  # fmt: skip
    local = np.where(X[0], 20.0, 1.0)
    exact = [conductivity_between_plates(local, axis, spacing) for axis in range(3)]
    np.testing.assert_allclose(found, exact, rtol=1e-9)


def test_voxels_that_are_no_cubes():
    channels = np.zeros((6, 5, 4), int)
    channels[:, 1:3, 2] = channels[:, 4, 0] = 1
    layers = np.repeat([[0, 1, 1, 0, 1]], 4, axis=0)
    for connectivity in ("faces", "corners"):
        settings = {"connectivity": connectivity, "rtol": 1e-10}
        found = factors(channels, spacing=(0.2, 3, 1), **settings)
        np.testing.assert_allclose(found, [1, np.inf, np.inf], rtol=1e-8)
        found = factors(layers, spacing=(5, 0.5), **settings)
        np.testing.assert_allclose(found, [1, np.inf], rtol=1e-8)
    image = (np.random.default_rng(0).random((8, 7, 6)) < 0.75).astype(int)
    spacing = np.array([1.0, 0.25, 2.0])
    conducts = [conductivity_between_plates(image, axis, spacing) for axis in range(3)]
    found = factors(image, spacing=spacing, rtol=1e-12)
    np.testing.assert_allclose(found, image.mean() / conducts, rtol=1e-8)
    assert (abs(found / factors(image, rtol=1e-12) - 1) > 0.01).all()
    np.testing.assert_array_equal(factors(image, spacing=4 * spacing, rtol=1e-12), found)
    rotated = {"borders": "mirrored", "spacing": spacing, "outputs": ["k11", "k22", "k33"]}
    conducts = EffectiveConductivity(conductivity=(0.0, 1.0), rtol=1e-12, **rotated)
    found = factors(image, spacing=spacing, rtol=1e-12, connectivity="corners")
    np.testing.assert_allclose(
        found, image.mean() / conducts.fit_transform(image[None])[0], rtol=1e-6
    )
