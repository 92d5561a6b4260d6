"""Fractions of new images vary as much as those of training images."""

import warnings

import numpy as np
import pytest
import torch
from textures import blobs
from torch import nn

import skmicro
from skmicro.conditioning import (
    NetworkModel,
    _fraction_scaling,
    fraction_directions,
    fraction_scale,
    fractions_of,
    scaling_draws,
    stretched,
)
from skmicro.exceptions import EstimateWarning, TrainingInterruptedWarning
from skmicro.generators import DAVEGAN
from skmicro.images import encoder_for
from skmicro.networks import light_generator

SIDE = 16
SLOPE = np.array([0.6, 0.0, -0.8])
SMALL = {
    "n_latent": 2,
    "width": 4,
    "critic_width": 8,
    "n_iter": 4,
    "batch_size": 8,
    "random_state": 0,
}


@pytest.fixture
def few_draws(monkeypatch):
    """Find scales on few images, where it does not matter how near they come."""
    monkeypatch.setattr(_fraction_scaling, "N_DRAWS", 128)
    monkeypatch.setattr(_fraction_scaling, "N_GRADIENTS", 64)


class Boards(nn.Module):
    """Every voxel has the same probability, which grows along one direction of three latents."""

    n_latent = 3

    def forward(self, latents, conditions):
        p = 0.5 + latents @ torch.as_tensor(SLOPE / 20, dtype=latents.dtype)
        return torch.stack([1 - p, p], dim=1)[..., None, None].expand(-1, -1, SIDE, SIDE)


class OrderedBoards(nn.Module):
    """Images with the fractions of Boards in order of voxels, given a look."""

    n_latent = 3

    def __init__(self, look):
        super().__init__()
        self.look = look

    def forward(self, latents, conditions):
        images = self.look(boards(latents.numpy()))
        return encoder_for(images).encode(images)


def boards(latents):
    n_ones = np.rint(SIDE**2 * (0.5 + latents @ SLOPE / 20))
    return (np.arange(SIDE**2) < n_ones[:, None]).reshape(-1, SIDE, SIDE).astype(np.uint8)


def with_a_third_phase(images):
    return np.where(np.indices((SIDE, SIDE))[0] < 2, 1, 2 * images)


def in_grey(images):
    return 0.7 * images.astype(np.float32)


def model_of(network, look=np.asarray):
    """A model whose network is known, and latents to try it on."""
    network.register_parameter("unused", nn.Parameter(torch.zeros(())))
    parts = DAVEGAN(**SMALL).fit(look(boards(np.zeros((4, 3)))))._shared_parts()
    model = NetworkModel(network=network, **parts)
    return model, scaling_draws(model, seed=0)


def scale_found(images, look=np.asarray):
    model, draws = model_of(OrderedBoards(look), look)
    variance = fractions_of(model.encoder, look(images)).var(axis=0, ddof=1).sum()
    return fraction_scale(model, draws, SLOPE[None], variance)


def test_directions_are_those_along_which_fractions_change():
    (direction,) = fraction_directions(*model_of(Boards()))
    np.testing.assert_allclose(direction * np.sign(direction[0]), SLOPE, atol=1e-6)


@pytest.mark.representatives("0.4-in_grey", "1.0-asarray", "3.0-with_a_third_phase")
@pytest.mark.parametrize("look", [np.asarray, with_a_third_phase, in_grey])
@pytest.mark.parametrize("scale", [0.4, 1.0, 3.0])
def test_the_scale_of_the_training_images_is_found(scale, look):
    latents = scale * np.random.default_rng(1).standard_normal((2000, 3))
    assert scale_found(boards(latents), look) == pytest.approx(scale, rel=0.15)


@pytest.mark.parametrize(("scale", "end"), [(0.01, 0.25), (9.0, 4.0)])
def test_the_scale_stays_within_its_range(scale, end):
    latents = scale * np.random.default_rng(1).standard_normal((200, 3))
    images = boards(latents)
    wanted = f"training images {images.mean(axis=(1, 2)).std(ddof=1):.3g} "
    with pytest.warns(
        EstimateWarning, match=rf"fraction_scale_ is {end:g}, .* deviation of 0\.\d+.* {wanted}"
    ):
        assert scale_found(images) == end


@pytest.mark.filterwarnings("ignore::skmicro.exceptions.LabelWarning")
def test_images_of_one_phase_leave_the_scale_at_one():
    with warnings.catch_warnings():
        warnings.simplefilter("error", EstimateWarning)
        generator = DAVEGAN.light(**SMALL).fit(np.full((4, SIDE, SIDE), 3))
    assert generator.fraction_scale_ == 1.0


def test_latents_are_stretched_along_the_directions_alone():
    latents = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    directions = torch.tensor([[0.6, 0.0, -0.8]])
    moved = stretched(Boards(), latents, directions, 3.0)
    across = torch.tensor([[0.8, 0.0, 0.6], [0.0, 1.0, 0.0]])
    torch.testing.assert_close(moved @ across.T, latents @ across.T)
    torch.testing.assert_close(moved @ directions.T, 3 * latents @ directions.T)
    torch.testing.assert_close(stretched(Boards(), moved, directions, 1 / 3), latents)


def test_light_latents_of_the_whole_image_are_gathered_and_scattered():
    network = light_generator(2, ([], []), 2, (24, 16), n_global=3)
    rng = torch.Generator().manual_seed(0)
    whole = torch.randn(4, 5, generator=rng)
    torch.testing.assert_close(network.gathered(network.scattered(whole)), whole)
    latents = torch.randn(4000, network.n_latent, generator=rng)
    torch.testing.assert_close(
        network.gathered(latents).std(dim=0), torch.ones(5), atol=0.05, rtol=0
    )


# A pyramid does not see at once that latents change fractions.
QUICK = {"n_iter": 30, "lambda_rec": 1.0, "learning_rate": 6e-3, "average_decay": 0.9}


@pytest.mark.representatives("light")
@pytest.mark.parametrize(
    ("architecture", "settings", "low", "high"),
    [
        ("pyramid", QUICK, 0.05, 0.95),
        ("light", {"n_iter": 15}, 0.1, 0.9),
        ("fine", {"n_iter": 15}, 0.15, 0.35),
    ],
)
def test_fractions_of_samples_vary_as_those_of_training_images(architecture, settings, low, high):
    X = blobs(24, (16, 16), low=low, high=high)
    settings = SMALL | {"architecture": architecture, "batch_size": 12} | settings
    generator = DAVEGAN.light(**settings).fit(X)
    deviation = X.mean(axis=(1, 2)).std()
    matched = generator.sample(500, random_state=1).mean(axis=(1, 2)).std()
    assert matched == pytest.approx(deviation, rel=0.1)
    generator.fraction_scale_ = 1.0
    unmatched = generator.sample(500, random_state=1).mean(axis=(1, 2)).std()
    assert abs(matched - deviation) < 0.5 * abs(unmatched - deviation)


@pytest.mark.usefixtures("few_draws")
def test_codes_and_samples_are_in_units_of_the_scale(tmp_path):
    X = blobs(12, (16, 16))
    plain = DAVEGAN.light(**SMALL, scale_fractions=False).fit(X)
    matched = DAVEGAN.light(**SMALL).fit(X)
    assert plain.fraction_scale_ == 1.0 != matched.fraction_scale_
    np.testing.assert_array_equal(plain.history_["generator"], matched.history_["generator"])
    assert np.mean(matched.reconstruct(X) == plain.reconstruct(X)) > 0.999
    assert np.abs(matched.transform(X) - plain.transform(X)).max() > 0.1
    matched.save(tmp_path / "matched.skm")
    loaded = skmicro.load(tmp_path / "matched.skm")
    images = matched.sample(4, random_state=0)
    np.testing.assert_array_equal(loaded.sample(4, random_state=0), images)
    assert np.any(images != plain.sample(4, random_state=0))
    assert matched.sample(2, shape=(24, 40), random_state=0).shape == (2, 24, 40)


@pytest.mark.usefixtures("few_draws")
def test_targets_and_walks_know_the_scale():
    X = blobs(12, (16, 16), low=0.2, high=0.8)
    generator = DAVEGAN.light(**SMALL).fit(X)
    assert generator.fraction_scale_ != 1.0
    wanted = float(generator.sample(200, random_state=0).mean())
    images = generator.sample(4, p1=wanted, exact=True, random_state=0)
    np.testing.assert_allclose(images.mean(axis=(1, 2)), wanted, atol=0.5 / SIDE**2 + 1e-9)
    ends = generator.reconstruct(X[:2])
    np.testing.assert_array_equal(generator.interpolate(X[0], X[1], n_steps=5)[[0, 4]], ends)
    Z = generator.transform(X[:1])
    moved = np.repeat(Z, 3, axis=0)
    moved[:, 2] = [-2.0, 0.0, 2.0]
    walk = generator.traverse(X[0], 2, span=2.0, n_steps=3)
    np.testing.assert_array_equal(walk, generator.inverse_transform(moved))


@pytest.mark.usefixtures("few_draws")
def test_further_training_measures_the_scale_anew():
    X = blobs(12, (16, 16), low=0.1, high=0.9)
    generator = DAVEGAN.light(**SMALL).fit(X)
    before = generator.fraction_scale_
    after = generator.partial_fit(X).fraction_scale_
    assert after not in (before, 1.0)
    assert generator.set_params(scale_fractions=False).partial_fit(X).fraction_scale_ == 1.0


@pytest.mark.usefixtures("few_draws")
def test_images_in_parts_are_scaled_for_like_all_of_them():
    X = blobs(12, (16, 16), low=0.1, high=0.9)
    generator = DAVEGAN.light(**SMALL | {"n_iter": 1}).fit(X[:2])
    for part in (X[2:3], X[3:7], X[7:]):
        generator.partial_fit(part)
    fractions = np.stack([(phase == X).mean(axis=(1, 2)) for phase in (0, 1)])
    np.testing.assert_allclose(generator.fraction_mean_, fractions.mean(axis=1))
    np.testing.assert_allclose(generator.fraction_covariance_, np.cov(fractions))
    assert generator.n_samples_seen_ == 12


def test_an_interruption_of_the_scaling_keeps_the_networks(monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    X = blobs(12, (16, 16))
    monkeypatch.setattr("skmicro.generators._davegan.fraction_scale", interrupted)
    with pytest.warns(TrainingInterruptedWarning, match="Scaling of .* interrupted.* stays 1"):
        generator = DAVEGAN.light(**SMALL).fit(X)
    plain = DAVEGAN.light(**SMALL, scale_fractions=False).fit(X)
    images = [fitted.sample(3, random_state=0) for fitted in (generator, plain)]
    np.testing.assert_array_equal(*images)


@pytest.mark.slow
def test_a_look_at_an_unfinished_training_does_not_wait_for_the_scaling(monkeypatch):
    reason = "scikit-learn has callbacks from 1.9 on"
    monitor = pytest.importorskip("sklearn.callback", reason=reason).ScoringMonitor
    scales = iter((0.5, 0.75))
    monkeypatch.setattr("skmicro.generators._davegan.fraction_scale", lambda *args: next(scales))
    X = blobs(4, (16, 16))
    monitor = monitor(scoring={"scale": lambda fitted, X, y: fitted.fraction_scale_})
    generator = DAVEGAN.light(**SMALL | {"n_iter": 3}).set_callbacks(monitor)
    generator.fit(X, X.mean(axis=(1, 2)))
    rows = monitor.get_logs().data
    assert [row["scale"] for row in rows if row["task_name"] == "iteration"] == [1.0] * 3
    assert generator.fraction_scale_ == 0.5
    generator.partial_fit(X)
    assert generator.fraction_scale_ == 0.75


@pytest.mark.usefixtures("few_draws")
def test_a_checkpoint_serves_with_and_without_scaling(tmp_path):
    X = blobs(12, (16, 16))
    settings = {"checkpoint": tmp_path / "half.pt", "checkpoint_every": 2}

    def stop(iteration, history):
        return iteration >= 2

    DAVEGAN.light(**SMALL, **settings, scale_fractions=False, callbacks=[stop]).fit(X)
    resumed = DAVEGAN.light(**SMALL, **settings).fit(X)
    at_once = DAVEGAN.light(**SMALL).fit(X)
    assert resumed.fraction_scale_ == at_once.fraction_scale_
    assert len(resumed.history_["generator"]) == 4
