"""OcclusionDisplay."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from skmicro.descriptors import PhaseFractions
from skmicro.plotting import OcclusionDisplay
from skmicro.regressors import occlusion_map


def test_maps_beside_the_image_are_symmetric_about_zero(labels):
    fractions = PhaseFractions()
    y = fractions.fit_transform(labels)[:, :2]
    model = make_pipeline(fractions, LinearRegression()).fit(labels, y)
    options = {"window": 4, "stride": 4}
    display = OcclusionDisplay.from_estimator(model, labels[0], names=["a", "b"], **options)
    effects = occlusion_map(model, labels[0], **options)
    assert_array_equal(display.image_.get_array(), labels[0])
    for k in range(2):
        drawn = display.maps_[k]
        assert_allclose(drawn.get_array(), effects[k])
        low, high = drawn.get_clim()
        assert -low == high == np.abs(effects[k]).max()
        assert display.colorbars_[k].mappable is drawn
    assert [ax.get_title() for ax in display.axes_] == ["image", "a", "b"]


def test_a_volume_is_drawn_by_its_middle_slice():
    rng = np.random.default_rng(0)
    image, effects = rng.integers(0, 2, (6, 4, 5)), rng.normal(size=(6, 4, 5))
    display = OcclusionDisplay(image, effects).plot()
    assert_array_equal(display.image_.get_array(), image[3])
    assert_array_equal(display.maps_[0].get_array(), effects[3])
    assert [ax.get_title() for ax in display.axes_] == ["image", ""]


def test_lines_are_the_borders_of_phases():
    image = np.zeros((6, 6), dtype=int)
    image[:, 3:] = 2
    image[:, 5] = 7
    display = OcclusionDisplay(image, image - 1.0).plot()
    (lines,) = display.axes_[1].collections
    paths = [path.vertices for path in lines.get_paths()]
    assert_allclose([np.unique(path[:, 0]).item() for path in paths], [2.5, 4.5])
    for grey in (image + 0.5, np.zeros((6, 6), dtype=int)):
        assert len(OcclusionDisplay(grey, image).plot().axes_[1].collections) == 0


def test_effects_of_zero_and_colours_of_ones_own():
    image = np.eye(4, dtype=int)
    display = OcclusionDisplay(image, np.zeros((4, 4))).plot(cmap="PiYG")
    assert display.maps_[0].get_clim() == (-1, 1)
    assert display.maps_[0].get_cmap().name == "PiYG"


def test_what_is_not_allowed():
    image = np.eye(4, dtype=int)
    for shape in [(4, 5), (4,), (2, 2, 4, 4)]:
        with pytest.raises(ValueError, match=r"effects must have shape \(4, 4\) or \(n_outputs, "):
            OcclusionDisplay(image, np.zeros(shape)).plot()
    with pytest.raises(ValueError, match="names must hold 1 values, got 2"):
        OcclusionDisplay(image, image, names=["a", "b"]).plot()
    with pytest.raises(ValueError, match="effects must hold finite numbers"):
        OcclusionDisplay(image, image * np.nan).plot()
    with pytest.raises(ValueError, match=r"image must hold labels of phases, \[0\], got \[1\]"):
        OcclusionDisplay(image, image, phases=[0]).plot()
