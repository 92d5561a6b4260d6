"""VolumeWGAN: its optimizers, what its critic sees, the spread of samples, the penalty."""

import numpy as np
import pytest
import torch
from textures import blobs, cut_blobs

from skmicro.generators import VolumeWGAN
from skmicro.plotting import HistoryDisplay

TINY = {
    "n_latent": 6,
    "width": 2,
    "critic_width": 2,
    "n_iter": 2,
    "batch_size": 4,
    "random_state": 0,
    "device": "cpu",
    "precision": "float32",
}


def made(**settings):
    return VolumeWGAN(**(TINY | settings))


def step_of(generator, X):
    """The training step of a fitted generator, and a batch of its images."""
    networks = {"generator": generator.generator_, "critic": generator.critic_}
    return generator._training_step(networks, torch.Generator().manual_seed(0))


def test_defaults_are_those_of_the_paper():
    parameters = VolumeWGAN().get_params()
    published = {"architecture": "growing", "n_latent": 128, "batch_size": 8, "n_critic": 1}
    published |= {"learning_rate": 5e-5, "critic_learning_rate": 1e-4, "mapping_rate": 0.1}
    published |= {"betas": (0.9, 0.999), "gradient_penalty": 10.0, "max_norm": 1.0, "sigma": 1.0}
    assert {name: parameters[name] for name in published} == published


def test_each_part_has_its_rate_and_its_optimizer():
    X = blobs(8)
    generator = made(learning_rate=2e-3, mapping_rate=0.25, critic_learning_rate=4e-3).fit(X)
    optimizers = step_of(generator, X).optimizers
    assert all(isinstance(optimizer, torch.optim.NAdam) for optimizer in optimizers.values())
    (critic,) = optimizers["critic"].param_groups
    others, mapping = optimizers["generator"].param_groups
    rates = [group["initial_lr"] for group in (critic, others, mapping)]
    assert rates == [4e-3, 2e-3, 5e-4]
    assert {id(p) for p in mapping["params"]} == {
        id(p) for p in generator.generator_.mapping.parameters()
    }
    n_all = sum(1 for _ in generator.generator_.parameters())
    assert len(others["params"]) + len(mapping["params"]) == n_all


def test_a_mapping_network_without_rate_stays_as_it_starts():
    X = blobs(8)
    fixed, moved = made(mapping_rate=0.0), made(mapping_rate=1.0)
    first, second = (made(n_iter=1, mapping_rate=0.0).fit(X), fixed.fit(X))
    for a, b in zip(*(g.generator_.mapping.parameters() for g in (first, second)), strict=True):
        assert torch.equal(a, b)
    moved.fit(X)
    pairs = zip(*(g.generator_.mapping.parameters() for g in (first, moved)), strict=True)
    assert any(not torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("n_phases", [2, 3])
def test_the_critic_sees_standardised_channels(n_phases):
    X = blobs(8) if n_phases == 2 else cut_blobs(8, (8, 8), n_phases=3)
    generator = made().fit(X)
    fractions = np.array([(phase == X).mean() for phase in range(n_phases)])
    np.testing.assert_allclose(generator.channel_mean_, fractions)
    np.testing.assert_allclose(generator.channel_std_, np.sqrt(fractions * (1.0 - fractions)))
    n_seen = 1 if n_phases == 2 else 3
    assert generator.critic_.blocks[0].shortcut.layer.in_channels == n_seen
    # Further images do not change the units that the critic has learned in.
    generator.partial_fit(X[:3])
    np.testing.assert_allclose(generator.channel_mean_, fractions)


def test_grey_levels_are_one_channel_between_their_ends():
    X = np.random.default_rng(0).normal(3.0, 2.0, (8, 8, 8))
    generator = made().fit(X)
    scaled = (X - X.min()) / np.ptp(X)
    np.testing.assert_allclose(generator.channel_mean_, scaled.mean(), rtol=1e-6)
    np.testing.assert_allclose(generator.channel_std_, scaled.std(), rtol=1e-5)
    samples = generator.sample(5, random_state=0)
    assert X.min() <= samples.min() < samples.max() <= X.max()


def test_sigma_is_the_spread_of_latents_of_samples():
    X = blobs(8)
    generator = made(sigma=3.0).fit(X)
    plain = made().fit(X)
    latents = np.random.default_rng(0).normal(size=(5, 6)).astype(np.float32)
    wide = generator.inverse_transform(latents)
    np.testing.assert_array_equal(wide, plain.inverse_transform(3.0 * latents))
    assert not np.array_equal(wide, plain.inverse_transform(latents))
    # It may change after the training.
    np.testing.assert_array_equal(
        plain.set_params(sigma=3.0).sample(4, random_state=1), generator.sample(4, random_state=1)
    )


def test_the_penalty_of_volume_fractions_draws_them_to_the_mean():
    X = blobs(16, low=0.2, high=0.3)
    settings = {"n_iter": 15, "learning_rate": 1e-2, "betas": (0.0, 0.9), "width": 4}
    free, penalised = (
        made(volume_fraction_penalty=weight, **settings).fit(X) for weight in (0.0, 1e3)
    )
    assert "volume_fraction" not in free.history_
    errors = penalised.history_["volume_fraction"]
    assert errors[-3:].mean() < 0.1 * errors[0]


def test_losses_stay_side_by_side_when_the_penalty_comes_and_goes():
    X = blobs(8)
    generator = made(n_iter=2).fit(X)
    for weight, n_iter in ((1.0, 3), (0.0, 1)):
        generator.set_params(volume_fraction_penalty=weight, n_iter=n_iter).partial_fit(X)
    assert generator.n_iter_ == 6
    assert list(generator.history_) == ["critic", "penalty", "generator", "volume_fraction"]
    for name, losses in generator.history_.items():
        assert losses.shape == (6,)
        assert losses.dtype == np.float32
        known = [False] * 2 + [True] * 3 + [False] if name == "volume_fraction" else [True] * 6
        np.testing.assert_array_equal(np.isfinite(losses), known)
    again = generator.partial_fit(X)
    np.testing.assert_array_equal(np.isnan(again.history_["volume_fraction"])[-2:], True)
    line = HistoryDisplay.from_estimator(generator).lines_["volume_fraction"]
    assert np.isfinite(line.get_ydata()).sum() == 3


def test_light_generators_make_larger_volumes():
    X = np.stack([blobs(4, (8, 8))] * 8, axis=1)
    generator = VolumeWGAN.light(n_iter=2, width=4, critic_width=4, random_state=0).fit(X)
    large = generator.sample(1, shape=(16, 16, 24), periodic=True, random_state=0)
    assert large.shape == (1, 16, 16, 24)
    assert set(np.unique(large)) == {0, 1}


def test_refusals_name_parameter_and_rule():
    X = blobs(8)
    for settings, message in (
        ({"sigma": 0.0}, "sigma must .*got 0.0"),
        ({"mapping_rate": -1.0}, "mapping_rate must .*got -1.0"),
        ({"max_norm": 0.0}, "max_norm must .*got 0.0"),
        ({"critic_width": 0}, "critic_width must be >= 1, got 0"),
        ({"volume_fraction_penalty": -1.0}, "volume_fraction_penalty must .*got -1.0"),
        ({"architecture": "residual"}, "architecture must be one of .*growing.*got 'residual'"),
    ):
        with pytest.raises(ValueError, match=message):
            made(**settings).fit(X)
