"""SampleGridDisplay."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from numpy.testing import assert_array_equal

from skmicro.descriptors import SpecificSurface, VolumeFraction
from skmicro.plotting import SampleGridDisplay


def drawn(display):
    return [[np.asarray(artist.get_array()) for artist in row] for row in display.images_]


def colors_of(artist, values):
    return artist.cmap(artist.norm(np.asarray(values)))[:, :3]


def test_a_stack_flows_into_rows(images):
    display = SampleGridDisplay.from_images(images[:7], n_columns=3)
    assert [len(row) for row in display.images_] == [3, 3, 1]
    assert_array_equal(np.concatenate(drawn(display)), images[:7])
    assert [ax.axison for ax in display.axes_[2]] == [True, False, False]


def test_each_set_starts_a_row(images):
    display = SampleGridDisplay.from_images({"a": images[:3], "b": images[3:4]}, n_columns=2)
    assert [ax.get_ylabel() for ax in display.axes_[:, 0]] == ["a", "a", "b"]
    assert_array_equal(drawn(display)[2][0], images[3])


def test_two_phases_are_black_and_white(images):
    artist = SampleGridDisplay.from_images(255 * images[:1]).images_[0][0]
    assert_array_equal(colors_of(artist, [0, 255]), [to_rgb("black"), to_rgb("white")])


def test_an_image_of_one_phase_keeps_its_colour(images):
    display = SampleGridDisplay.from_images(np.zeros((1, 4, 4), int))
    assert_array_equal(colors_of(display.images_[0][0], [0]), [to_rgb("black")])
    ones = SampleGridDisplay.from_images(np.ones((1, 4, 4), int))
    assert_array_equal(colors_of(ones.images_[0][0], [1]), [to_rgb("white")])


def test_phases_have_unlike_colours_which_do_not_depend_on_the_image(labels):
    first = labels[0].copy()
    first[first == 7] = 1
    display = SampleGridDisplay.from_images(np.stack([first, labels[1]]), colorbar=True)
    with_all, without = (colors_of(artist, [1, 3, 7]) for artist in display.images_[0])
    assert_array_equal(with_all, without)
    assert len(np.unique(with_all, axis=0)) == 3
    assert_array_equal(display.colorbar_.get_ticks(), [1, 3, 7])
    assert display.colorbar_.ax.get_ylabel() == "phase"


def test_colour_map_of_the_user_is_spread_over_the_phases(labels):
    artist = SampleGridDisplay.from_images(labels[:1], cmap="coolwarm").images_[0][0]
    expected = artist.cmap([0, 1, 2])[:, :3]
    assert_array_equal(colors_of(artist, [1, 3, 7]), expected)
    ends = artist.cmap([0, 2])
    assert ends[0, 2] > 0.7 > ends[0, 0]
    assert ends[1, 0] > 0.7 > ends[1, 2]


def test_grey_levels_share_their_range():
    grey = np.random.default_rng(0).random((3, 4, 6))
    display = SampleGridDisplay.from_images(grey, colorbar=True)
    for artist in display.images_[0]:
        assert artist.get_clim() == (grey.min(), grey.max())
        assert artist.get_cmap().name == "gray"
    assert display.colorbar_.ax.get_ylabel() == "grey level"


def test_bytes_of_many_levels_are_grey():
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    artist = SampleGridDisplay.from_images(levels).images_[0][0]
    assert artist.get_clim() == (0, 255)


def test_volumes_show_the_middle_slice():
    volumes = np.random.default_rng(0).integers(0, 2, (2, 5, 3, 4))
    display = SampleGridDisplay.from_images(volumes)
    assert_array_equal(drawn(display)[0], volumes[:, 2])


def test_samples_of_a_generator(wgan, images):
    display = SampleGridDisplay.from_estimator(
        wgan, images, n_rows=2, n_columns=3, n_real_rows=2, random_state=4
    )
    rows = drawn(display)
    assert_array_equal(np.concatenate(rows[2:]), wgan.sample(6, random_state=4))
    real = np.concatenate(rows[:2]).reshape(6, -1)
    assert len(np.unique(real, axis=0)) == 6
    assert all((image == images.reshape(12, -1)).all(axis=1).any() for image in real)
    texts = [ax.get_ylabel() for ax in display.axes_[:, 0]]
    assert texts == ["real", "real", "generated", "generated"]


def test_a_column_for_each_target(invnet, images):
    targets = {"p1": [0.4, 0.6]}
    display = SampleGridDisplay.from_estimator(
        invnet, images, n_rows=3, n_columns=7, targets=targets, exact=True, random_state=1
    )
    rows = drawn(display)
    assert [ax.get_title() for ax in display.axes_[0]] == ["$p_1$ = 0.4", "$p_1$ = 0.6"]
    fractions = VolumeFraction().fit(images).transform(images)[:, 0]
    for k, target in enumerate(targets["p1"]):
        assert_array_equal(rows[0][k], images[np.abs(fractions - target).argmin()])
        expected = invnet.sample(3, p1=target, exact=True, random_state=1)
        assert_array_equal([row[k] for row in rows[1:]], expected)


def test_real_images_are_nearest_as_the_generator_measures(invnet, images):
    surface = SpecificSurface(periodic=False).fit_transform(images)[:, 0]
    across = SpecificSurface().fit_transform(images)[:, 0]
    value = next(s for s in surface if np.abs(across - s).argmin() != np.abs(surface - s).argmin())
    display = SampleGridDisplay.from_estimator(
        invnet, images, n_rows=1, targets={"specific_surface": [value]}, random_state=1
    )
    assert_array_equal(drawn(display)[0][0], images[np.abs(surface - value).argmin()])
    assert display.axes_[0, 0].get_title().startswith("$s$ = ")


def test_vectors_as_targets(invnet_of_three_phases, labels):
    fractions = [[0.2, 0.3, 0.5], [0.5, 0.25, 0.25]]
    display = SampleGridDisplay.from_estimator(
        invnet_of_three_phases,
        labels,
        n_rows=1,
        targets={"phase_fractions": fractions},
        exact=True,
        random_state=0,
    )
    assert [ax.get_title() for ax in display.axes_[0]] == ["0.2, 0.3, 0.5", "0.5, 0.25, 0.25"]
    for image, wanted in zip(drawn(display)[1], fractions, strict=True):
        shares = [(image == phase).mean() for phase in (1, 3, 7)]
        np.testing.assert_allclose(shares, wanted, atol=1 / 256)


def test_flat_generators_and_tensors(images):
    torch = pytest.importorskip("torch")
    from skmicro.generators import WGANGP

    settings = {"n_iter": 1, "random_state": 0, "device": "cpu"}
    flat = images.reshape(12, -1)
    generator = WGANGP.light(image_shape=(16, 16), **settings).fit(flat)
    options = {"n_rows": 1, "n_columns": 2, "random_state": 0}
    display = SampleGridDisplay.from_estimator(generator, flat, **options)
    again = SampleGridDisplay.from_estimator(generator, torch.from_numpy(images), **options)
    assert drawn(display)[1][0].shape == (16, 16)
    assert_array_equal(drawn(display), drawn(again))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"targets": {"p1": []}}, "targets must hold at least one value"),
        (
            {"targets": {"p1": [0.4], "specific_surface": [0.1, 0.2]}},
            "targets must have as many values as each other",
        ),
        ({"targets": {"p3": [0.4]}}, "'p3'"),
        ({"n_rows": 0}, "n_rows must be >= 1, got 0"),
        ({"n_real_rows": 0}, "n_real_rows must be >= 1, got 0"),
    ],
)
def test_options_that_are_not_allowed(invnet, options, message):
    with pytest.raises(ValueError, match=message):
        SampleGridDisplay.from_estimator(invnet, **options)


@pytest.mark.parametrize("targets", [[0.5], np.array([0.5]), 0.5, "p1"])
def test_targets_that_are_no_dictionary(invnet, images, targets):
    with pytest.raises(TypeError, match=r"^targets must be a dictionary of values by name, got "):
        SampleGridDisplay.from_estimator(invnet, images, targets=targets)


def test_images_that_are_not_allowed(invnet, images):
    with pytest.raises(ValueError, match="X must hold images of shape \\(16, 16\\)"):
        SampleGridDisplay.from_estimator(invnet, images[:, :8])
    with pytest.raises(ValueError, match="must hold at least one image, got none"):
        SampleGridDisplay.from_images(images[:0])
    with pytest.raises(ValueError, match="images must hold at least one set"):
        SampleGridDisplay.from_images({})
    with pytest.raises(ValueError, match="images\\['b'\\] must hold images of shape"):
        SampleGridDisplay.from_images({"a": images, "b": images[:, :8]})
    with pytest.raises(ValueError, match="must have shape"):
        SampleGridDisplay.from_images(images[0])
    with pytest.raises(ValueError, match=r"^SampleGridDisplay does not .* in images\['a'\]"):
        SampleGridDisplay.from_images({"a": np.where(images == 1, np.nan, 0.0)})
    with pytest.raises(TypeError, match="images\\['a'\\] must hold numbers"):
        SampleGridDisplay.from_images({"a": images.astype(str)})
    with pytest.raises(ValueError, match="rows must hold at least one row"):
        SampleGridDisplay([]).plot()
