"""InterpolationDisplay."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from skmicro.descriptors import FreeEnergy, VolumeFraction
from skmicro.plotting import InterpolationDisplay


def test_images_titles_and_energies(images):
    display = InterpolationDisplay(images[:2], [0.25, 0.5], [1.5, 0.125]).plot()
    for artist, image in zip(display.images_, images[:2], strict=True):
        assert_array_equal(artist.get_array(), image)
    titles = [ax.get_title() for ax in display.axes_[:-1]]
    assert titles == ["$p_1$ = 0.250\n$f$ = 1.5", "$p_1$ = 0.500\n$f$ = 0.125"]
    assert_array_equal(display.line_.get_xdata(), [1, 2])
    assert_array_equal(display.line_.get_ydata(), [1.5, 0.125])
    assert display.line_.axes is display.axes_[-1]


def test_points_lie_below_their_images(images):
    display = InterpolationDisplay.from_images(images[:4])
    display.figure_.canvas.draw()
    points = display.axes_[-1].transData.transform([(step, 0) for step in (1, 2, 3, 4)])[:, 0]
    boxes = [ax.get_window_extent() for ax in display.axes_[:-1]]
    middles = np.array([(box.x0 + box.x1) / 2 for box in boxes])
    np.testing.assert_allclose(points, middles, atol=0.1 * boxes[0].width)


def test_figures_are_those_of_the_descriptors(images):
    energy = FreeEnergy(gamma=2.0)
    display = InterpolationDisplay.from_images(
        images[:3], fraction=VolumeFraction(phase=0), energy=energy
    )
    assert_array_equal(display.fractions, 1 - images[:3].mean(axis=(1, 2), dtype=np.float32))
    expected = FreeEnergy(gamma=2.0).fit_transform(images[:3])[:, 0]
    assert_array_equal(display.energies, expected)


def test_from_a_generator(wgan, images):
    display = InterpolationDisplay.from_estimator(wgan, *images[:2], n_steps=3)
    path = wgan.interpolate(*images[:2], n_steps=3)
    assert_array_equal(display.images, path)
    assert_array_equal(
        display.energies, FreeEnergy(periodic=wgan.periodic_).fit_transform(path)[:, 0]
    )


def test_borders_of_images_that_do_not_wrap_around(invnet, images):
    display = InterpolationDisplay.from_estimator(invnet, *images[:2], n_steps=2)
    path = invnet.interpolate(*images[:2], n_steps=2)
    expected = FreeEnergy(periodic=False).fit_transform(path)[:, 0]
    assert_array_equal(display.energies, expected)


def test_volumes_show_slices_but_measure_all():
    volumes = np.random.default_rng(0).integers(0, 2, (2, 5, 4, 3))
    display = InterpolationDisplay.from_images(volumes)
    assert_array_equal(display.images_[1].get_array(), volumes[1, 2])
    assert_array_equal(display.fractions, volumes.mean(axis=(1, 2, 3), dtype=np.float32))


@pytest.mark.parametrize("name", ["a", "b"])
@pytest.mark.parametrize("wrong", [lambda X: X * 7, lambda X: X[:8], lambda X: X[0, :3]])
def test_the_end_that_is_not_allowed_is_named(wgan, images, name, wrong):
    ends = {"a": images[0], "b": images[1]}
    with pytest.raises(ValueError, match=f"^{name} must be an image or a vector"):
        InterpolationDisplay.from_estimator(wgan, **ends | {name: wrong(ends[name])})
    assert plt.get_fignums() == []


def test_figures_must_be_as_many_as_images(images):
    with pytest.raises(ValueError, match="energies must hold 2 values, got 1"):
        InterpolationDisplay(images[:2], [0.1, 0.2], [1.0]).plot()
    with pytest.raises(ValueError, match="images must hold at least one image"):
        InterpolationDisplay.from_images(images[:0])
