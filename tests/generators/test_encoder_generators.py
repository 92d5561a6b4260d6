"""Generators with an encoder: codes, round trips, traversals, samples, targets."""

import numpy as np
import pytest
import sklearn
import torch
from textures import blobs, cut_blobs

import skmicro
from skmicro.generators import DAVEGAN, VAE, Autoencoder

TINY = {
    "n_latent": 6,
    "width": 8,
    "n_iter": 2,
    "batch_size": 8,
    "learning_rate": 3e-3,
    "symmetries": (),
    "critic_loss": "wasserstein-gp",
    "critic_learning_rate": 3e-3,
    "lambda_rec": 1.0,
    "random_state": 0,
    "device": "cpu",
}
CLASSES = [VAE, Autoencoder, DAVEGAN]
every_class = pytest.mark.parametrize("cls", CLASSES)


def made(cls, **settings):
    names = cls._get_param_names()
    return cls(**({name: value for name, value in TINY.items() if name in names} | settings))


@pytest.fixture(scope="module")
def trained():
    """Generators that have learned something."""
    X = blobs(low=0.1, high=0.9)
    return {cls: made(cls, n_iter=150, learning_rate=6e-3).fit(X) for cls in CLASSES}


@every_class
@pytest.mark.parametrize(("value", "error"), [("rotation", TypeError), (("turn",), ValueError)])
def test_symmetries_are_checked(cls, value, error):
    with pytest.raises(error, match=r"symmetries.* must be"):
        made(cls, symmetries=value).fit(blobs(8, (16, 16)))


def agreement(generator, X):
    return np.mean(generator.reconstruct(X) == X)


@pytest.mark.representatives("VAE")
@every_class
def test_codes_come_from_the_encoder_without_a_search(cls, trained):
    X, generator = blobs(low=0.1, high=0.9), trained[cls]
    calls = []
    handle = generator.generator_.register_forward_hook(lambda *args: calls.append(1))
    Z = generator.transform(X[:5])
    handle.remove()
    assert calls == []
    with torch.no_grad():
        told = generator.encoder_network_(generator.encoder_.encode(X[:5])).numpy()
    if cls is Autoencoder:
        axes, mean = generator.code_axes_, generator.code_mean_
        told = np.linalg.solve(axes, (told - mean).T).T
    np.testing.assert_allclose(Z, told[:, :6], atol=1e-4)
    assert Z.dtype == np.float32


@every_class
def test_round_trip_of_trained_generators(cls, trained):
    X = blobs(low=0.1, high=0.9)
    assert agreement(trained[cls], X) > 0.9
    assert agreement(trained[cls], X[:7]) > 0.85
    np.testing.assert_array_equal(trained[cls].reconstruct(X[:7]), trained[cls].reconstruct(X)[:7])


@every_class
def test_samples_are_neither_all_alike_nor_copies(cls, trained):
    X = blobs(low=0.1, high=0.9)
    images = trained[cls].sample(40, random_state=0)
    spread = [np.mean(a[0::2] != a[1::2]) for a in (images, X)]
    assert spread[0] > 0.5 * spread[1]
    assert len(np.unique(images.reshape(40, -1), axis=0)) == 40
    assert abs(images.mean() - 0.5) < 0.15


@pytest.mark.representatives("VAE", "3-D-DAVEGAN")
@every_class
@pytest.mark.parametrize(
    "X",
    [
        pytest.param(cut_blobs(9, (8, 8), n_phases=3), id="three phases"),
        pytest.param(cut_blobs(9, (6, 5, 4)), id="3-D"),
        pytest.param(
            np.random.default_rng(0).random((9, 1, 1)).astype(np.float32)
            + 0.1 * cut_blobs(9, (8, 8)).astype(np.float32),
            id="grey",
        ),
    ],
)
def test_kinds_of_images(cls, X):
    settings = {} if cls is Autoencoder else {"beta": 0.1}
    n_iter = 80 if X.dtype == np.float32 else 40
    generator = made(cls, n_iter=n_iter, learning_rate=6e-3, **settings).fit(X)
    error = np.mean(np.abs(generator.reconstruct(X) - X.astype(float)))
    mean = X.mean(axis=0) if X.dtype == np.float32 else np.rint(X.mean(axis=0))
    assert error < 0.5 * np.mean(np.abs(X - mean))
    assert set(np.unique(generator.sample(3))) <= set(np.unique(X)) or X.dtype == np.float32


@every_class
@pytest.mark.parametrize("latent_index", [0, 5])
def test_traversal(cls, trained, latent_index):
    X, generator = blobs(low=0.1, high=0.9), trained[cls]
    images = generator.traverse(X[3], latent_index, span=2, n_steps=5)
    z = np.repeat(generator.transform(X[3:4]), 5, axis=0)
    z[:, latent_index] = [-2, -1, 0, 1, 2]
    np.testing.assert_array_equal(images, generator.inverse_transform(z))
    np.testing.assert_array_equal(images, generator.traverse(z[0], latent_index, 2, 5))
    assert generator.traverse(X[3], latent_index).shape == (7, 12, 12)


def test_traversals_change_images(trained):
    X = blobs(low=0.1, high=0.9)
    changes = [trained[VAE].traverse(X[3], k)[[0, -1]] for k in range(6)]
    assert max(np.mean(first != last) for first, last in changes) > 0.1


@every_class
def test_traversal_of_flat_rows(cls):
    X = cut_blobs(6, (8, 6)).reshape(6, -1)
    generator = made(cls, image_shape=(8, 6)).fit(X)
    assert generator.traverse(X[0], 1, n_steps=3).shape == (3, 48)


@every_class
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"latent_index": 6}, "latent_index must be < 6, the latents of an image, got 6"),
        ({"latent_index": -1}, "latent_index must be >= 0, got -1"),
        ({"latent_index": 0, "span": 0}, "span must lie in .*got 0"),
        ({"latent_index": 0, "span": 1e39}, r"span must lie in \(0, 3\.4.*e\+38\], got 1e\+39"),
        ({"latent_index": 0, "x": [np.nan] * 6}, "Input x contains NaN"),
        ({"latent_index": 0, "x": [1e300] * 6}, "x must hold numbers in single precision"),
        ({"latent_index": 0, "x": [1j] * 6}, "Complex data not supported"),
        ({"latent_index": 0, "n_steps": 1}, "n_steps must be >= 2, got 1"),
        ({"latent_index": 0, "x": np.zeros(5)}, "x must be an image or a vector of 6 latents"),
    ],
)
def test_traversals_refused(cls, trained, arguments, message):
    with pytest.raises(ValueError, match=message):
        trained[cls].traverse(**{"x": blobs()[0]} | arguments)


@every_class
def test_rows_of_a_table_keep_their_names(cls):
    pandas = pytest.importorskip("pandas", reason="pandas is optional")
    X = pandas.DataFrame(cut_blobs(6, (8, 6)).reshape(6, -1)).add_prefix("voxel")
    generator = made(cls, image_shape=(8, 6)).fit(X)
    expected = generator.inverse_transform(generator.transform(X[:2]))
    np.testing.assert_array_equal(generator.interpolate(X.iloc[0], X.iloc[1], 2), expected)


@every_class
def test_interpolation_joins_reconstructions(cls, trained):
    X = blobs(low=0.1, high=0.9)
    line = trained[cls].interpolate(X[0], X[20], 5)
    np.testing.assert_array_equal(line[[0, -1]], trained[cls].reconstruct(X[[0, 20]]))


@every_class
def test_a_target_is_searched_among_latents(cls, trained):
    images = trained[cls].sample(10, p1=0.4, random_state=0)
    plain = trained[cls].sample(10, random_state=0)
    assert np.abs(images.mean(axis=(1, 2)) - 0.4).max() <= 0.01
    assert np.abs(plain.mean(axis=(1, 2)) - 0.4).max() > 0.01
    assert len(np.unique(images.reshape(10, -1), axis=0)) == 10


@every_class
def test_one_image_is_too_few_and_the_error_says_what_helps(cls):
    message = rf"X has 1 sample .* 2 is required by {cls.__name__}; skmicro\.extract_patches"
    with pytest.raises(ValueError, match=message):
        made(cls).fit(blobs(1))
    patches = skmicro.extract_patches(blobs(1, (24, 24))[0], (12, 12), method="grid")
    assert made(cls).fit(patches).sample(2).shape == (2, 12, 12)


@pytest.mark.representatives("DAVEGAN")
@every_class
def test_every_one_of_an_odd_number_of_images_is_learned(cls):
    settings = {"batch_size": 2, "n_iter": 30, "learning_rate": 6e-3}
    if cls is DAVEGAN:
        settings["lambda_rec"] = 1.0
    X = blobs(3)
    generator = made(cls, **settings).fit(X)
    wrong = (generator.reconstruct(X)[:, None] != X).mean(axis=(2, 3))
    np.testing.assert_array_equal(wrong.argmin(axis=1), [0, 1, 2])


@every_class
def test_periodic_networks_wrap(cls):
    X = blobs()
    plain, wrapped = (made(cls, periodic=p).fit(X).transform(X) for p in (False, True))
    assert np.abs(plain - wrapped).max() > 1e-3


@every_class
def test_training_goes_on_with_its_parameters_unless_the_networks_change(cls):
    generator = made(cls).fit(blobs())
    with pytest.raises(ValueError, match="n_latent must stay as it was in fit"):
        generator.set_params(n_latent=4).partial_fit(blobs())


@pytest.mark.parametrize("cls", CLASSES)
def test_training_lowers_the_loss(cls, trained):
    losses = trained[cls].history_["reconstruction"]
    assert losses[:5].mean() == pytest.approx(144 * np.log(2), rel=0.5)
    assert losses[-20:].mean() < 0.4 * losses[:5].mean()


def test_weight_of_the_divergence():
    weak, strong = (made(VAE, beta=beta, n_iter=50).fit(blobs()) for beta in (0.1, 10.0))
    means = [generator.history_["divergence"][-20:].mean() for generator in (weak, strong)]
    assert means[1] < 0.5 * means[0]
    with pytest.raises(ValueError, match="beta must lie in"):
        made(VAE, beta=-1.0).fit(blobs())


def test_latents_of_an_autoencoder_are_white_and_ordered(trained):
    X, generator = blobs(low=0.1, high=0.9), trained[Autoencoder]
    Z = generator.transform(X).astype(np.float64)
    np.testing.assert_allclose(Z.mean(axis=0), 0, atol=1e-5)
    np.testing.assert_allclose(np.cov(Z, rowvar=False), np.eye(6), atol=1e-3)
    lengths = np.square(generator.code_axes_).sum(axis=0)
    assert (np.diff(lengths) <= 0).all()
    np.testing.assert_allclose(
        generator.code_axes_.T @ generator.code_axes_, np.diag(lengths), atol=1e-4 * lengths.max()
    )


def test_samples_of_an_autoencoder_have_the_moments_of_the_codes(trained):
    X, generator = blobs(low=0.1, high=0.9), trained[Autoencoder]
    seen = []
    handle = generator.generator_.register_forward_pre_hook(lambda _, args: seen.append(args[0]))
    generator.sample(4000, random_state=0)
    handle.remove()
    drawn = torch.cat(seen)[:4000].numpy().astype(np.float64)
    with torch.no_grad():
        codes = generator.encoder_network_(generator.encoder_.encode(X)).numpy()
    scale = np.abs(np.cov(codes, rowvar=False)).max()
    np.testing.assert_allclose(drawn.mean(axis=0), codes.mean(axis=0), atol=0.06 * scale**0.5)
    np.testing.assert_allclose(
        np.cov(drawn, rowvar=False), np.cov(codes, rowvar=False), atol=0.06 * scale
    )


def test_fewer_images_than_latents():
    X = blobs(4, low=0.1, high=0.9)
    generator = made(Autoencoder, n_latent=12, n_iter=80).fit(X)
    seen, unseen = generator.transform(X), generator.transform(blobs(8, seed=3))
    np.testing.assert_allclose(seen[:, :3].var(axis=0, ddof=1), 1.0, rtol=1e-3)
    assert np.abs(unseen[:, :3]).max() < 30
    assert not seen[:, 3:].any()
    assert not unseen[:, 3:].any()
    assert agreement(generator, X) > 0.95


def test_part_by_part_the_codes_of_all_parts_count():
    X = blobs(24, low=0.1, high=0.9)
    generator = made(Autoencoder).fit(X[:20])
    networks = {name: getattr(generator, f"{name}_") for name in generator._networks()}
    for part in (X[20:], X[:1]):
        generator._set(generator._measured(networks, part))
    with torch.no_grad():
        codes = generator.encoder_network_(generator.encoder_.encode(X)).numpy()
    codes = np.concatenate([codes, codes[:1]]).astype(np.float64)
    covariance = generator.code_axes_ @ generator.code_axes_.T
    scale = np.abs(covariance).max()
    np.testing.assert_allclose(generator.code_mean_, codes.mean(0), atol=1e-4 * scale**0.5)
    np.testing.assert_allclose(covariance, np.cov(codes, rowvar=False), atol=1e-4 * scale)
    assert generator.partial_fit(X[:1]).n_samples_seen_ == 26
    assert generator.fit(X[:20]).n_samples_seen_ == 20


def test_images_that_are_all_the_same():
    generator = made(Autoencoder).fit(np.repeat(blobs(1), 4, axis=0))
    assert np.isfinite(generator.transform(blobs(5))).all()
    assert len(generator.sample(3)) == 3


@pytest.mark.representatives("DAVEGAN")
@every_class
def test_a_training_cut_short_resumes_bit_for_bit(cls, tmp_path):
    settings = {"n_iter": 6, "decay_from": 0.5}
    if cls is not DAVEGAN:
        settings["symmetries"] = ("translation",)
    straight = made(cls, **settings).fit(blobs())
    settings |= {"checkpoint": tmp_path / "state.skm", "checkpoint_every": 2}
    stopped = made(cls, callbacks=[lambda iteration, history: iteration == 4], **settings)
    assert stopped.fit(blobs()).n_iter_ == 4
    resumed = made(cls, **settings).fit(blobs())
    np.testing.assert_array_equal(resumed.transform(blobs()), straight.transform(blobs()))
    for name, losses in straight.history_.items():
        np.testing.assert_array_equal(resumed.history_[name], losses)


@pytest.mark.representatives("VAE")
@every_class
def test_the_scoring_monitor_of_scikit_learn_scores_each_iteration(cls):
    reason = "scikit-learn has callbacks from 1.9 on"
    monitor = pytest.importorskip("sklearn.callback", reason=reason).ScoringMonitor
    X = blobs()
    monitor = monitor(scoring={"s2": lambda fitted, X, y: fitted.score(X)})
    generator = made(cls, n_iter=3).set_callbacks(monitor).fit(X, X.mean(axis=(1, 2)))
    rows = monitor.get_logs().data
    scores = [row["s2"] for row in rows if row["task_name"] == "iteration"]
    assert len(scores) == 3
    assert scores[-1] == pytest.approx(generator.score(X), abs=1e-6)


@every_class
def test_walks_are_images_whatever_the_output_of_transform(cls, trained):
    pytest.importorskip("pandas", reason="pandas is optional")
    X = blobs()
    expected = trained[cls].interpolate(X[0], X[1], n_steps=3)
    with sklearn.config_context(transform_output="pandas"):
        np.testing.assert_array_equal(trained[cls].interpolate(X[0], X[1], n_steps=3), expected)
