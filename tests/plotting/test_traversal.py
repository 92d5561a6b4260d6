"""TraversalDisplay."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from skmicro.datasets import make_ellipses
from skmicro.generators import DAVEGAN, VAE, Autoencoder
from skmicro.plotting import TraversalDisplay

TINY = {"n_latent": 3, "width": 8, "random_state": 0, "device": "cpu"}


@pytest.fixture(scope="module")
def ellipses():
    return make_ellipses(64, (16, 16), area_fraction=(0.05, 0.19), random_state=0)[0]


@pytest.fixture(scope="module")
def vae(ellipses):
    """A model whose latents each do something to an image."""
    return VAE.light(beta=0.1, n_iter=40, **TINY).fit(ellipses)


def drawn(display):
    return np.array([[artist.get_array() for artist in row] for row in display.images_])


def row_labels(display):
    return [ax.get_ylabel() for ax in display.axes_[:, 0]]


def column_labels(display):
    return [ax.get_title() for ax in display.axes_[0]]


def test_every_row_is_the_traversal_of_its_latent(vae, ellipses):
    display = TraversalDisplay.from_estimator(vae, ellipses[0])
    rows = [vae.traverse(ellipses[0], k) for k in range(3)]
    assert_array_equal(drawn(display), rows)
    assert len(np.unique(np.reshape(rows, (3, -1)), axis=0)) == 3
    assert all((row[0] != row[-1]).any() for row in rows)
    assert row_labels(display) == ["$z_{0}$", "$z_{1}$", "$z_{2}$"]
    assert column_labels(display) == ["-3", "-2", "-1", "0", "1", "2", "3"]
    assert display.axes_.shape == (3, 7)


def test_labels_tell_the_latent_and_its_value(vae, ellipses):
    display = TraversalDisplay.from_estimator(vae, ellipses[1], latents=[2, 0], span=1, n_steps=4)
    assert row_labels(display) == ["$z_{2}$", "$z_{0}$"]
    assert column_labels(display) == ["-1", "-0.333", "0.333", "1"]
    assert display.latents == [2, 0]
    z = vae.transform(ellipses[1:2])[0]
    for index, row in zip([2, 0], drawn(display), strict=True):
        for value, image in zip(display.values, row, strict=True):
            changed = z.copy()
            changed[index] = value
            assert_array_equal(image, vae.inverse_transform(changed[None])[0])


@pytest.mark.parametrize("latents", [1, [1], (1,), np.array([1]), range(1, 2)], ids=repr)
def test_one_latent(vae, ellipses, latents):
    display = TraversalDisplay.from_estimator(vae, ellipses[0], latents=latents)
    assert row_labels(display) == ["$z_{1}$"]
    assert_array_equal(drawn(display), [vae.traverse(ellipses[0], 1)])


def test_a_latent_vector_instead_of_an_image(vae, ellipses):
    z = np.array([0.5, -1.0, 2.0])
    display = TraversalDisplay.from_estimator(vae, z, n_steps=3)
    assert_array_equal(drawn(display), [vae.traverse(z, k, n_steps=3) for k in range(3)])


@pytest.mark.parametrize("cls", [Autoencoder, DAVEGAN])
def test_other_latent_models(cls, ellipses):
    generator = cls(n_iter=2, **TINY).fit(ellipses)
    display = TraversalDisplay.from_estimator(generator, ellipses[0], n_steps=3)
    rows = [generator.traverse(ellipses[0], k, n_steps=3) for k in range(3)]
    assert_array_equal(drawn(display), rows)


def test_flat_rows_are_unfolded(ellipses):
    flat = ellipses.reshape(64, -1)
    generator = VAE.light(n_iter=2, image_shape=(16, 16), **TINY).fit(flat)
    display = TraversalDisplay.from_estimator(generator, flat[0], n_steps=2)
    rows = [generator.traverse(flat[0], k, n_steps=2).reshape(2, 16, 16) for k in range(3)]
    assert_array_equal(drawn(display), rows)


def test_volumes_show_the_middle_slice():
    volumes = np.random.default_rng(0).integers(0, 2, (8, 6, 4, 8))
    generator = VAE.light(n_iter=2, **TINY).fit(volumes)
    display = TraversalDisplay.from_estimator(generator, volumes[0], latents=[1, 2], n_steps=3)
    rows = np.array([generator.traverse(volumes[0], k, n_steps=3) for k in (1, 2)])
    assert_array_equal(display.images, rows)
    assert_array_equal(drawn(display), rows[:, :, 3])


def test_rows_share_colours_and_the_phases_of_fit(vae, ellipses):
    display = TraversalDisplay.from_estimator(vae, ellipses[0], cmap="coolwarm", colorbar=True)
    artists = [artist for row in display.images_ for artist in row]
    assert all(artist.norm is artists[0].norm for artist in artists)
    assert_array_equal(display.colorbar_.get_ticks(), vae.phases_)
    one_phase = np.zeros((1, 2, 4, 4), int)
    plain = TraversalDisplay(one_phase, [-1, 1], [0], phases=[0, 1]).plot()
    assert_array_equal(plain.images_[0][0].norm.boundaries, [-0.5, 0.5, 1.5])
    assert plain.colorbar_ is None


def test_grey_levels_of_all_rows_share_their_range():
    grey = np.random.default_rng(0).random((2, 3, 4, 5))
    display = TraversalDisplay(grey, [-1, 0, 1], [0, 1]).plot()
    limits = {artist.get_clim() for row in display.images_ for artist in row}
    assert limits == {(grey.min(), grey.max())}


def test_given_axes_are_filled_row_by_row(vae, ellipses):
    figure, axes = plt.subplots(2, 3)
    display = TraversalDisplay.from_estimator(
        vae, ellipses[0], latents=[0, 2], n_steps=3, axes=axes
    )
    assert display.figure_ is figure
    assert_array_equal(display.axes_, axes)
    shown = [[ax.images[0].get_array() for ax in row] for row in axes]
    assert_array_equal(shown, [vae.traverse(ellipses[0], k, n_steps=3) for k in (0, 2)])


def test_a_value_of_zero_is_written_so():
    values = np.linspace(-0.7, 0.7, 7)
    display = TraversalDisplay(np.eye(4, dtype=int) * np.ones((1, 7, 1, 1), int), values, [0])
    assert column_labels(display.plot())[3] == "0"
    tiny = TraversalDisplay(np.zeros((1, 2, 4, 4), int), [-1e-17, 12.3456], [11]).plot()
    assert column_labels(tiny) == ["0", "12.3"]
    assert row_labels(tiny) == ["$z_{11}$"]


def test_global_random_state_and_generator_stay_as_they_are(vae, ellipses):
    before = np.random.get_state()[1].copy(), torch.get_rng_state()  # noqa: NPY002
    parameters = dict(vars(vae))
    first, again = (
        TraversalDisplay.from_estimator(vae, ellipses[0], latents=[0, 2], n_steps=2)
        for _ in range(2)
    )
    assert_array_equal(first.images, again.images)
    assert_array_equal(np.random.get_state()[1], before[0])  # noqa: NPY002
    assert torch.equal(torch.get_rng_state(), before[1])
    assert vars(vae) == parameters


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"latents": [0, 3]}, r"^latents\[1\] must be < 3, got 3\.$"),
        ({"latents": 7}, r"^latents\[0\] must be < 3, got 7\.$"),
        ({"latents": [-1]}, r"^latents\[0\] must be >= 0, got -1\.$"),
        ({"latents": []}, r"^latents must hold at least one index, got none\.$"),
        ({"span": 0.0}, r"^span must lie in \(0, 3\.40282e\+38\], got 0\.0\.$"),
        ({"n_steps": 1}, r"^n_steps must be >= 2, got 1\.$"),
        ({"x": np.zeros(5)}, r"^x must be an image or a vector of 3 latents"),
        ({"x": np.full((16, 16), 7)}, r"^x must be an image or a vector of 3 latents"),
        ({"axes": [None]}, r"^axes must hold 21 axes for this display, got 1\.$"),
    ],
)
def test_what_is_refused_leaves_no_figure(vae, ellipses, options, message):
    with pytest.raises(ValueError, match=message):
        TraversalDisplay.from_estimator(vae, **{"x": ellipses[0]} | options)
    assert plt.get_fignums() == []


@pytest.mark.parametrize("latents", [[0, 1.0], "z", [True], [[0, 1]]], ids=repr)
def test_latents_that_are_no_integers(vae, ellipses, latents):
    with pytest.raises(TypeError, match=r"^latents\[\d\] must be an integer, got "):
        TraversalDisplay.from_estimator(vae, ellipses[0], latents=latents)
    assert plt.get_fignums() == []


def test_a_generator_that_does_not_traverse(wgan, images):
    with pytest.raises(TypeError, match=r"^generator must have a method traverse, got WGANGP\.$"):
        TraversalDisplay.from_estimator(wgan, images[0])
    assert plt.get_fignums() == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([np.zeros((2, 3, 4, 4)), [0, 1, 2], [0]], "latents must hold 2 values, got 1"),
        ([np.zeros((2, 3, 4, 4)), [0, 1], [0, 1]], "values must hold 3 values, got 2"),
        ([np.zeros((3, 4, 4)), [0, 1, 2], [0]], r"images\[0\] must have shape"),
        ([np.zeros((0, 3, 4, 4)), [0, 1, 2], []], "images must hold at least one set, got none"),
        (
            [[np.zeros((1, 4, 4)), np.zeros((1, 4, 5))], [0], [0, 1]],
            r"images\[1\] must hold images of shape \(4, 4\), got \(4, 5\)",
        ),
    ],
)
def test_data_that_do_not_belong_together(arguments, message):
    with pytest.raises(ValueError, match=message):
        TraversalDisplay(*arguments).plot()
    assert plt.get_fignums() == []
