"""DAVEGAN: settings of the paper, losses of the critic, augmentation, weights."""

import numpy as np
import pytest
import torch
from textures import blobs
from torch.nn.modules.batchnorm import _BatchNorm

import skmicro
from skmicro.generators import DAVEGAN
from skmicro.images import NormalTranslations

TINY = {
    "n_latent": 4,
    "width": 4,
    "critic_width": 4,
    "n_iter": 3,
    "batch_size": 4,
    "random_state": 0,
    "device": "cpu",
}


def made(**settings):
    return DAVEGAN(**(TINY | settings))


def n_weights(module):
    return sum(parameter.numel() for parameter in module.parameters())


def test_defaults_are_the_table_of_the_paper():
    X = np.random.default_rng(0).random((2, 64, 64)).astype(np.float32)
    generator = DAVEGAN(n_iter=1, random_state=0, device="cpu").fit(X)
    # Table 3: 4 x 4 kernels, biases, two numbers for each normalised channel.
    assert n_weights(generator.encoder_network_) == 272 + 4144 + 8288 + 32960 + 65600
    first = 16 * 32 * 64 + 2 * 64
    assert n_weights(generator.generator_) == first + 32864 + 16480 + 8240 + 257
    assert n_weights(generator.critic_) == 68 + 536 + 2096 + 8288 + 513
    table_1 = {
        "batch_size": 4,
        "n_latent": 32,
        "learning_rate": 1e-4,
        "critic_learning_rate": 4e-5,
        "beta": 1,
        "n_iter": 20_000 * 16 // 4,
        "lambda_vae": 1,
        "lambda_noise": 1,
        "lambda_rec": 1e-4,
    }
    defaults = DAVEGAN().get_params()
    assert {name: defaults[name] for name in table_1} == table_1
    assert defaults["critic_loss"] == "log"


@pytest.mark.parametrize(("critic_loss", "normalised"), [("log", True), ("wasserstein-gp", False)])
def test_only_the_critic_without_a_penalty_is_normalised(critic_loss, normalised):
    generator = made(critic_loss=critic_loss).fit(blobs(8, (16, 16)))
    norms = [m for m in generator.critic_.modules() if isinstance(m, _BatchNorm)]
    assert bool(norms) == normalised
    penalty = generator.history_["penalty"]
    assert (penalty > 0).all() != normalised
    assert set(generator.history_) == {
        "critic",
        "penalty",
        "reconstruction",
        "divergence",
        "generator",
    }


def test_first_losses_are_those_of_the_papers_formulas():
    X = blobs(8, (16, 16))
    critic = made(n_iter=1).fit(X).history_["critic"][0]
    assert 0.5 * 3 * np.log(2) < critic < 2 * 3 * np.log(2)
    silent = made(n_iter=1, lambda_vae=0.0, lambda_noise=0.0, lambda_rec=0.5).fit(X).history_
    np.testing.assert_allclose(silent["generator"], 0.5 * silent["reconstruction"], rtol=0.2)


def test_augmentation_can_be_left_out(monkeypatch):
    rolls = []

    class Counted(NormalTranslations):
        def __call__(self, *args, **kwargs):
            rolls.append(args)
            return super().__call__(*args, **kwargs)

    monkeypatch.setattr("skmicro.generators._davegan.NormalTranslations", Counted)
    X = blobs(8, (16, 16))
    plain = made(augment=False, n_iter=1).fit(X).history_["divergence"][0]
    assert not rolls
    assert made(augment=True, n_iter=1).fit(X).history_["divergence"][0] != plain
    assert rolls


def test_the_spread_of_translations_is_that_asked_for():
    X = blobs(8, (16, 16))
    small, none = (made(translation_spread=spread, n_iter=1).fit(X) for spread in (0.01, 0.0))
    large = made(n_iter=1).fit(X)
    # A hundredth of 16 voxels is rounded to none.
    assert small.history_["critic"][0] == none.history_["critic"][0]
    assert large.history_["critic"][0] != none.history_["critic"][0]


def test_training_is_reproducible_and_depends_on_its_seed():
    X = blobs(9, (16, 16))
    first, again, other = (made(random_state=seed).fit(X) for seed in (1, 1, 2))
    for name, losses in first.history_.items():
        np.testing.assert_array_equal(again.history_[name], losses)
    assert not np.array_equal(first.history_["critic"], other.history_["critic"])


@pytest.mark.slow
def test_the_critic_tells_real_from_generated_images_of_an_untrained_generator():
    settings = {"critic_loss": "wasserstein-gp", "learning_rate": 1e-9}
    generator = made(n_iter=60, critic_learning_rate=3e-3, **settings).fit(blobs(24, (16, 16)))
    with torch.no_grad():
        real = generator.encoder_.encode(blobs(24, (16, 16)))
        latents = torch.randn(24, 4, generator=torch.Generator().manual_seed(0))
        fake = generator.generator_(latents, torch.zeros(24, 0))
        scores = [generator.critic_(images) for images in (real, fake)]
    assert scores[0].mean() - scores[1].mean() > 4 * scores[1].std()
    assert (scores[0] > scores[1].mean()).float().mean() > 0.9


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("beta", -1.0, "beta must lie in .*got -1.0"),
        ("lambda_vae", -1.0, "lambda_vae must lie in"),
        ("lambda_noise", np.inf, "lambda_noise must lie in|lambda_noise must be finite"),
        ("lambda_rec", np.nan, "lambda_rec must"),
        ("augment", "yes", "augment must be one of"),
        ("translation_spread", -0.1, "translation_spread must lie in .*got -0.1"),
        ("translation_spread", 1e18, "translation_spread must lie in .*got 1e\\+18"),
        ("critic_loss", "hinge", "critic_loss must be one of .*got 'hinge'"),
        ("architecture", "dense", "architecture must be one of .*got 'dense'"),
        ("critic_width", 0, "critic_width must be >= 1, got 0"),
        ("critic_learning_rate", 0.0, "critic_learning_rate must lie in"),
        ("betas", (0.9, 1.0), r"betas\[1\] must lie in .*got 1.0"),
        ("n_critic", 0, "n_critic must be >= 1"),
        ("average_decay", 1.0, "average_decay must lie in"),
        ("gradient_penalty", -1.0, "gradient_penalty must lie in"),
        ("scale_fractions", "yes", "scale_fractions must be one of .*got 'yes'"),
        ("decay_from", 2.0, "decay_from must lie in"),
        ("width", 1, "width must be >= 2"),
        ("periodic", "yes", "periodic must be one of"),
    ],
)
def test_parameters_refused(name, value, message):
    with pytest.raises(ValueError, match=message):
        made(**{name: value}).fit(blobs(8, (16, 16)))


def test_betas_may_be_whole_numbers():
    X = blobs(8, (16, 16))
    whole, real = (made(betas=betas, n_iter=2).fit(X) for betas in ((0, 0.9), [0.0, 0.9]))
    np.testing.assert_array_equal(whole.transform(X), real.transform(X))


OTHER = {"critic_loss": "wasserstein-gp", "critic_width": 8, "architecture": "light"}


@pytest.mark.parametrize("name", OTHER)
def test_networks_stay_as_they_were(name):
    generator = made().fit(blobs(8, (16, 16)))
    generator.set_params(**{name: OTHER[name]})
    with pytest.raises(ValueError, match=f"{name} must stay as it was in fit"):
        generator.partial_fit(blobs(8, (16, 16)))


def test_parameters_changed_after_training_do_not_stop_a_file(tmp_path):
    generator = made().fit(blobs(8, (16, 16)))
    generator.set_params(critic_loss="wasserstein-gp", critic_width=8, width=8)
    generator.save(tmp_path / "davegan.skm")
    loaded = skmicro.load(tmp_path / "davegan.skm")
    np.testing.assert_array_equal(
        loaded.sample(3, random_state=0), generator.sample(3, random_state=0)
    )


def test_the_light_architecture_has_latents_for_every_coarse_voxel():
    X = blobs(24, (24, 16))
    settings = {"n_latent": 3, "width": 4, "critic_width": 8, "n_iter": 1, "batch_size": 4}
    generator = DAVEGAN.light(**settings, scale_fractions=False, random_state=0).fit(X)
    # Images are cut out of one more coarse voxel; eight latents are those of the whole image.
    n_latent = 8 + 3 * (24 // 8 + 1) * (16 // 8 + 1)
    assert generator.transform(X).shape == (24, n_latent)
    assert generator.traverse(X[0], n_latent - 1, n_steps=3).shape == (3, 24, 16)
    assert generator.sample(2, shape=(40, 30), random_state=0).shape == (2, 40, 30)


@pytest.mark.slow
def test_the_fine_architecture_reconstructs_details_of_two_voxels():
    rows, columns = np.indices((16, 16))
    X = np.array([(rows + way * columns + shift) % 4 < 2 for way in (1, -1) for shift in range(4)])
    settings = {"n_latent": 4, "width": 8, "critic_width": 8, "lambda_rec": 0.3, "n_iter": 35}
    settings |= {"learning_rate": 3e-3, "scale_fractions": False}
    correct = {}
    for architecture in ("light", "fine"):
        generator = DAVEGAN.light(architecture=architecture, **settings, random_state=0)
        correct[architecture] = np.mean(generator.fit(X).reconstruct(X) == X)
    assert correct["fine"] > 0.98 > 0.9 > correct["light"]


def test_the_light_architecture_learns_to_reconstruct_and_to_sample(tmp_path):
    X = blobs(12, low=0.1, high=0.9)
    settings = {"n_latent": 4, "width": 8, "critic_width": 8, "lambda_rec": 1.0}
    settings |= {"n_iter": 100, "batch_size": 8}
    generator = DAVEGAN.light(**settings, learning_rate=6e-3, random_state=0, device="cpu").fit(X)
    assert np.mean(generator.reconstruct(X) == X) > 0.9
    images = generator.sample(40, random_state=0)
    assert abs(images.mean() - X.mean()) < 0.15
    assert np.mean(images[0::2] != images[1::2]) > 0.5 * np.mean(X[0::2] != X[1::2])
    generator.save(tmp_path / "light.skm")
    loaded = skmicro.load(tmp_path / "light.skm")
    np.testing.assert_array_equal(loaded.sample(3, random_state=0), images[:3])
    np.testing.assert_array_equal(loaded.transform(X), generator.transform(X))
