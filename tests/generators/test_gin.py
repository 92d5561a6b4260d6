"""GIN: calibrated means as targets, and images that come to have them."""

import numpy as np
import pytest
import torch

import skmicro
from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import TwoPointCorrelation, VolumeFraction
from skmicro.generators import GIN

LIGHT = {"width": 8, "n_latent": 4, "batch_size": 8, "random_state": 0, "device": "cpu"}


def light(**options):
    return GIN.light(**(LIGHT | options))


def curves(images, **options):
    return TwoPointCorrelation(**options).fit_transform(images)


def curve_error(generator, target, **options):
    """Root mean square error of the mean curve of decoded images."""
    images = generator.sample(100, random_state=1)
    return np.sqrt(np.square(curves(images, **options).mean(axis=0) - target).mean())


def anisotropy(images):
    """Spread of the mean correlation between lags of the same length."""
    correlation = TwoPointCorrelation(output="map").fit(images)
    mean = correlation.transform(images).mean(axis=0, dtype=np.float64)
    squares = np.square(correlation.lags_).sum(axis=1)
    radial = {square: mean[squares == square].mean() for square in np.unique(squares)}
    return np.sqrt(np.square(mean - np.vectorize(radial.get)(squares)).mean())


@pytest.fixture(scope="module")
def pictures():
    return make_cahn_hilliard(3, (32, 32), random_state=0)[0]


@pytest.fixture(scope="module")
def trained(pictures):
    return light(n_iter=120).fit(pictures[:1])


@pytest.fixture(scope="module")
def untrained(pictures):
    return light(n_iter=1, learning_rate=1e-12).fit(pictures[:1])


@pytest.mark.parametrize("n", [1, 2, 3])
def test_targets_are_the_mean_descriptors_of_the_images(pictures, n):
    X = pictures[:n]
    generator = light(n_iter=1, invariances=("p2", "p1")).fit(X)
    assert list(generator.targets_) == ["p2", "p1"]
    np.testing.assert_allclose(generator.targets_["p2"], curves(X).mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(generator.targets_["p1"], [X.mean()], rtol=1e-6)


def test_targets_of_chosen_descriptors(pictures):
    initial = TwoPointCorrelation(phase=0, max_lag=5)
    generator = light(n_iter=1, invariances=(initial, VolumeFraction(phase=0))).fit(pictures)
    expected = curves(pictures, phase=0, max_lag=5).mean(axis=0)
    assert len(expected) == 6
    np.testing.assert_allclose(generator.targets_["p2"], expected, rtol=1e-6)
    np.testing.assert_allclose(generator.targets_["p1"], [1.0 - pictures.mean()], rtol=1e-6)


def test_further_images_count_as_much_as_the_first(pictures):
    generator = light(n_iter=1).fit(pictures[:1]).partial_fit(pictures[1:])
    np.testing.assert_allclose(generator.targets_["p2"], curves(pictures).mean(axis=0), rtol=1e-6)


def test_targets_survive_a_file(pictures, tmp_path):
    generator = light(n_iter=1).fit(pictures[:2])
    generator.save(tmp_path / "gin.skm")
    loaded = skmicro.load(tmp_path / "gin.skm")
    np.testing.assert_array_equal(loaded.targets_["p2"], generator.targets_["p2"])


def test_no_targets_before_fit():
    assert not hasattr(GIN(), "targets_")


def test_the_history_holds_the_loss_of_eq_4(pictures):
    """Where nothing is learned the loss is that of samples; batches have other norms."""
    generator = light(n_iter=30, learning_rate=1e-12, isotropic=False, average_decay=0.0)
    generator.fit(pictures[:1])
    images = generator.sample(240, random_state=3)
    errors = np.square(curves(images) - generator.targets_["p2"]).mean(axis=1)
    assert generator.history_["invariance"].mean() == pytest.approx(errors.mean(), rel=0.3)


def test_images_learn_the_curve_of_one_image(pictures, trained, untrained):
    target = curves(pictures[:1])[0]
    before, after = curve_error(untrained, target), curve_error(trained, target)
    assert after < 0.035
    assert after < 0.4 * before
    assert abs(trained.sample(100, random_state=1).mean() - pictures[0].mean()) < 0.04


def test_samples_differ(trained):
    images = trained.sample(8, random_state=0).reshape(8, -1)
    assert len(np.unique(images, axis=0)) == 8


@pytest.mark.slow
def test_two_different_images_give_their_mean():
    """Stripes of two widths: the images come nearer to the mean curve than to either."""
    line = np.arange(32)
    X = np.stack([np.tile(line // width % 2, (32, 1)) for width in (2, 8)])
    X[0, :, ::8] = 1
    generator = light(n_iter=60, isotropic=False).fit(X)
    both = curves(X)
    errors = [curve_error(generator, target) for target in (both.mean(axis=0), *both)]
    assert errors[0] < 0.6 * min(errors[1:])


@pytest.mark.slow
def test_the_initial_part_of_the_curve_alone(pictures):
    initial = TwoPointCorrelation(max_lag=4)
    generator = light(n_iter=60, invariances=(initial,)).fit(pictures[:1])
    target = curves(pictures[:1], max_lag=4)[0]
    assert curve_error(generator, target, max_lag=4) < 0.04


@pytest.mark.slow
def test_isotropy_halves_the_differences_between_directions(pictures, trained):
    blind = light(n_iter=120, isotropic=False).fit(pictures[:1])
    spreads = [anisotropy(g.sample(100, random_state=1)) for g in (trained, blind)]
    assert spreads[0] < 0.5 * spreads[1]


@pytest.mark.representatives("light")
@pytest.mark.parametrize("architecture", ["light", "field"])
def test_isotropy_in_three_dimensions(architecture):
    X = (np.random.default_rng(0).random((1, 8, 8, 8)) < 0.5).astype(np.uint8)
    generator = light(n_iter=2, architecture=architecture, n_latent=1).fit(X)
    assert generator.sample(1, random_state=0).shape == (1, 8, 8, 8)
    assert np.isfinite(generator.history_["invariance"]).all()


@pytest.mark.slow
def test_the_field_network_learns_as_well():
    X = make_cahn_hilliard(1, (16, 16), n_steps=200, random_state=0)[0]
    options = LIGHT | {"n_latent": 1, "hard_projection": True, "betas": (0.0, 0.99)}
    target = curves(X)[0]
    after, before = (
        curve_error(GIN(n_iter=n_iter, learning_rate=rate, **options).fit(X), target)
        for n_iter, rate in ((200, 2e-3), (1, 1e-12))
    )
    assert after < 0.5 * before
    assert after < 0.05


def test_an_update_leads_downhill(trained):
    losses = trained.history_["invariance"]
    assert losses[50:60].mean() < 0.3 * losses[:3].mean()


def test_descriptors_without_gradient_are_refused(pictures):
    with pytest.raises(ValueError, match=r"invariances must hold differentiable .* 'clusters'"):
        light(invariances=("p2", "clusters")).fit(pictures)


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"invariances": ()}, ValueError, "invariances must name at least one descriptor"),
        (
            {"invariances": "p2"},
            TypeError,
            "invariances must be a list, tuple or array of one axis, got 'p2'",
        ),
        ({"invariances": ("p2", "p2")}, ValueError, r"different names, got \['p2', 'p2'\]"),
        ({"architecture": "dense"}, ValueError, r"architecture must be one of .* got 'dense'"),
        ({"isotropic": "yes"}, ValueError, "isotropic must be one of .* got 'yes'"),
        ({"width": 1}, ValueError, "width must be >= 2, got 1"),
        ({"average_decay": 1.0}, ValueError, r"average_decay must lie in \[0, 1\), got 1"),
    ],
)
def test_parameters_are_checked_by_name(pictures, parameters, error, message):
    generator = light(**parameters)
    with pytest.raises(error, match=message):
        generator.fit(pictures)
    assert not hasattr(generator, "generator_")


def test_the_field_network_makes_images_of_one_size(pictures):
    generator = GIN(n_iter=1, batch_size=2, width=2, device="cpu", random_state=0)
    generator.fit(pictures[:, :12, :12])
    for request in ({"shape": (24, 24)}, {"shape": (12, 12)}, {"periodic": True}):
        with pytest.raises(ValueError, match="shape and periodic must be None for this GIN"):
            generator.sample(1, **request)


def test_latents_of_the_field_network_are_numbers_per_voxel(pictures):
    generator = GIN(n_latent=3, n_iter=1, batch_size=2, width=2, device="cpu", random_state=0)
    generator.fit(pictures[:, :12, :10])
    latents = torch.zeros(2, 3 * 12 * 10)
    assert generator.inverse_transform(latents).shape == (2, 12, 10)
    assert len(generator.get_feature_names_out()) == 360
