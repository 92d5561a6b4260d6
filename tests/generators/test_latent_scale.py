"""The scale of latents with which new images differ as training images do."""

from types import SimpleNamespace

import numpy as np
import pytest
from textures import blobs

import skmicro
from skmicro.encoding import encoder_for
from skmicro.generators import DAVEGAN
from skmicro.generators._latent_scale import matching_scale

SIDE = 16
SMALL = {"n_latent": 2, "width": 4, "critic_width": 8, "n_iter": 10, "random_state": 0}


def boards(latents, _conditions=None, seed=0):
    """Images in random order of voxels, whose fraction differs from 1/2 by the only latent / 20."""
    rng = np.random.default_rng(seed)
    n_ones = np.clip(np.rint(SIDE**2 * (0.5 + latents[:, 0] / 20)), 0, SIDE**2)
    rows = np.arange(SIDE**2) < n_ones[:, None]
    return rng.permuted(rows, axis=1).reshape(-1, SIDE, SIDE).astype(np.uint8)


def with_a_third_phase(images):
    return np.where(np.indices((SIDE, SIDE))[0] < 2, 1, 2 * images)


def in_grey(images):
    return 0.7 * images.astype(np.float32)


def generator_of(look):
    return SimpleNamespace(
        _seed=0,
        _n_latent=lambda: 1,
        _decode=lambda latents, conditions: look(boards(latents)),
        encoder_=encoder_for(look(boards(np.zeros((1, 1))))),
        image_shape_=(SIDE, SIDE),
        conditions_=SimpleNamespace(periodic=False),
    )


@pytest.mark.parametrize("look", [np.asarray, with_a_third_phase, in_grey])
@pytest.mark.parametrize("scale", [0.6, 1.0, 1.7])
def test_the_scale_of_the_training_images_is_found(scale, look):
    latents = scale * np.random.default_rng(1).standard_normal((2000, 1))
    found = matching_scale(generator_of(look), look(boards(latents)))
    assert found == pytest.approx(scale, rel=0.1)


@pytest.mark.parametrize(("scale", "end"), [(0.01, 0.5), (6.0, 2.0)])
def test_the_scale_stays_within_its_range(scale, end):
    latents = scale * np.random.default_rng(1).standard_normal((200, 1))
    assert matching_scale(generator_of(np.asarray), boards(latents)) == end


def test_codes_and_samples_are_in_units_of_the_scale(tmp_path):
    X = blobs(12, (16, 16))
    plain = DAVEGAN.light(**SMALL, match_diversity=False).fit(X)
    matched = DAVEGAN.light(**SMALL).fit(X)
    assert plain.latent_scale_ == 1.0 != matched.latent_scale_
    np.testing.assert_array_equal(plain.history_["generator"], matched.history_["generator"])
    Z = matched.transform(X)
    np.testing.assert_allclose(matched.latent_scale_ * Z, plain.transform(X), rtol=1e-5)
    assert np.mean(matched.inverse_transform(Z) == plain.reconstruct(X)) > 0.999
    matched.save(tmp_path / "matched.skm")
    loaded = skmicro.load(tmp_path / "matched.skm")
    images = matched.sample(4, random_state=0)
    np.testing.assert_array_equal(loaded.sample(4, random_state=0), images)
    assert np.any(images != plain.sample(4, random_state=0))


def test_further_training_measures_the_scale_anew():
    X = blobs(12, (16, 16), low=0.1, high=0.9)
    generator = DAVEGAN.light(**SMALL).fit(X).set_params(match_diversity=False)
    assert generator.latent_scale_ != 1.0
    assert generator.partial_fit(X).latent_scale_ == 1.0


def test_one_image_more_leaves_the_scale_as_it_was():
    X = blobs(12, (16, 16), low=0.1, high=0.9)
    generator = DAVEGAN.light(**SMALL).fit(X)
    scale = generator.latent_scale_
    assert generator.partial_fit(X[:1]).latent_scale_ == scale != 1.0


def test_a_checkpoint_serves_with_and_without_matching(tmp_path):
    X = blobs(12, (16, 16))
    settings = {"checkpoint": tmp_path / "half.pt", "checkpoint_every": 5}

    def stop(iteration, history):
        return iteration >= 5

    DAVEGAN.light(**SMALL, **settings, match_diversity=False, callbacks=[stop]).fit(X)
    resumed = DAVEGAN.light(**SMALL, **settings).fit(X)
    at_once = DAVEGAN.light(**SMALL).fit(X)
    assert resumed.latent_scale_ == at_once.latent_scale_
    assert len(resumed.history_["generator"]) == 10
