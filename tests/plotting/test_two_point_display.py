"""TwoPointDisplay."""

import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmicro.descriptors import TwoPointCorrelation, VolumeFraction
from skmicro.plotting import TwoPointDisplay

CURVES = {"a": [[0.5, 0.1], [0.7, 0.3], [0.6, 0.8]], "b": [[0.2, 0.2]]}


def test_lines_are_means_and_bands_quantiles():
    display = TwoPointDisplay([0, 2], CURVES, target=[0.9, 0.4]).plot(quantiles=(0.0, 0.5))
    assert_array_equal(display.lines_["a"].get_xdata(), [0, 2])
    assert_allclose(display.lines_["a"].get_ydata(), [0.6, 0.4])
    corners = {tuple(point) for point in display.bands_["a"].get_paths()[0].vertices.round(9)}
    assert corners == {(0, 0.5), (0, 0.6), (2, 0.1), (2, 0.3)}
    assert_array_equal(display.target_line_.get_ydata(), [0.9, 0.4])
    legend = display.ax_.get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b", "target"]
    assert legend.get_title().get_text() == "mean; band: 0 to 50 %"


def test_no_bands_without_quantiles():
    display = TwoPointDisplay([0, 2], CURVES).plot(quantiles=None)
    assert display.bands_ == {}
    assert display.target_line_ is None
    assert len(display.ax_.lines) == 2


def test_curves_are_those_of_the_descriptor(images):
    sets = {"first": images[:5], "rest": images[5:]}
    descriptor = TwoPointCorrelation(periodic=False, max_lag=6, normalized="fraction")
    display = TwoPointDisplay.from_images(sets, target_images=images[:1], descriptor=descriptor)
    fitted = TwoPointCorrelation(**descriptor.get_params()).fit(images)
    assert_array_equal(display.lines_["first"].get_xdata(), fitted.lags_)
    for label, stack in sets.items():
        expected = fitted.transform(stack).mean(axis=0)
        assert_array_equal(display.lines_[label].get_ydata(), expected)
    assert_array_equal(display.target_line_.get_ydata(), fitted.transform(images[:1])[0])
    assert display.ax_.get_ylabel() == "two-point correlation $S_2 / p_1$"
    assert display.ax_.get_xlabel() == "lag (pixels)"


@pytest.mark.parametrize("periodic", [True, False])
def test_generators_say_whether_images_wrap_around(wgan, images, periodic):
    generator = wgan if periodic else type(wgan)(**wgan.get_params() | {"periodic": False})
    if not periodic:
        generator.fit(images)
    display = TwoPointDisplay.from_estimator(generator, images, n_samples=4, random_state=2)
    correlation = TwoPointCorrelation(periodic=periodic).fit(images)
    assert_array_equal(display.curves["real"], correlation.transform(images))
    samples = generator.sample(4, random_state=2)
    assert_array_equal(display.curves["generated"], correlation.transform(samples))


@pytest.mark.parametrize(
    "descriptor",
    [
        TwoPointCorrelation(output="map"),
        TwoPointCorrelation(output="directional"),
        VolumeFraction(),
    ],
    ids=["map", "directional", "p1"],
)
def test_output_that_is_no_curve(images, descriptor):
    with pytest.raises(ValueError, match="descriptor must have lags_ that rise"):
        TwoPointDisplay.from_images({"all": images}, descriptor=descriptor)


@pytest.mark.parametrize("quantiles", [(0.9, 0.1), (0.5,), (-0.1, 0.5), 0.5])
def test_quantiles_that_are_not_allowed(quantiles):
    with pytest.raises(ValueError, match="quantiles must"):
        TwoPointDisplay([0, 2], CURVES).plot(quantiles=quantiles)


def test_empty_sets(images):
    with pytest.raises(ValueError, match="at least one curve for each set"):
        TwoPointDisplay([0, 2], {}).plot()
    with pytest.raises(ValueError, match=r"images\['a'\] must hold at least one image"):
        TwoPointDisplay.from_images({"a": images[:0]})
    with pytest.raises(ValueError, match="target_images must hold at least one image"):
        TwoPointDisplay.from_images({"a": images}, target_images=images[:0])


def test_target_images_of_other_phases(wgan, images):
    with pytest.raises(ValueError, match=r"target_images must hold only the phases \[0, 1\]"):
        TwoPointDisplay.from_estimator(wgan, images, target_images=images * 7)
