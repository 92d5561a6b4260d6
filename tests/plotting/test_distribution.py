"""DescriptorDistributionDisplay."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm

from skmicro.descriptors import (
    ClusterStatistics,
    SpecificSurface,
    TwoPointCorrelation,
    VolumeFraction,
)
from skmicro.plotting import DescriptorDistributionDisplay
from skmicro.properties import EffectiveConductivity


def test_bars_are_counts_over_shared_bins():
    values = {"a": [0.0, 0.1, 0.9], "b": [0.2, 0.6, 0.7, 0.7, 1.0]}
    display = DescriptorDistributionDisplay(values, name="share").plot(bins=2)
    for label, counts in {"a": [2, 1], "b": [1, 4]}.items():
        heights, edges, _ = display.artists_[label].get_data()
        assert_allclose(edges, [0, 0.5, 1])
        assert_allclose(heights, np.array(counts) / (0.5 * sum(counts)))
    assert display.ax_.get_xlabel() == "share"
    assert display.ax_.get_ylabel() == "probability density"
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["a", "b"]


def test_a_density_has_area_one_and_is_a_sum_of_gaussians():
    display = DescriptorDistributionDisplay({"a": [-1.0, 1.0]}).plot(kind="density")
    x, y = display.artists_["a"].get_data()
    assert_allclose(np.trapezoid(y, x), 1, atol=0.01)
    width = np.sqrt(2.0) * 2 ** (-1 / 5)
    assert_allclose(y, (norm.pdf(x, -1, width) + norm.pdf(x, 1, width)) / 2, rtol=1e-6)


def test_values_are_those_of_the_descriptor(images):
    sets = {"first": images[:4], "rest": images[4:]}
    display = DescriptorDistributionDisplay.from_images(sets)
    for label, stack in sets.items():
        assert_array_equal(display.values[label], stack.mean(axis=(1, 2), dtype=np.float32))
    assert display.ax_.get_xlabel() == "volume fraction $p_1$"


@pytest.mark.parametrize("feature", [4, "p2_r4"])
def test_one_feature_of_a_curve(images, feature):
    descriptor = TwoPointCorrelation(periodic=False)
    display = DescriptorDistributionDisplay.from_images(
        {"all": images}, descriptor=descriptor, feature=feature
    )
    expected = TwoPointCorrelation(periodic=False).fit_transform(images)[:, 4]
    assert_array_equal(display.values["all"], expected)
    assert display.ax_.get_xlabel() == "p2_r4"
    assert not hasattr(descriptor, "phases_")


def test_a_set_may_lack_phases(labels):
    sets = {"one phase": np.ones_like(labels[:2]), "all": labels}
    display = DescriptorDistributionDisplay.from_images(sets, descriptor=VolumeFraction(phase=1))
    assert_array_equal(display.values["one phase"], [1, 1])
    assert_array_equal(display.values["all"], (labels == 1).mean(axis=(1, 2), dtype=np.float32))


def test_real_and_generated(wgan, images):
    display = DescriptorDistributionDisplay.from_estimator(
        wgan, images, descriptor="specific_surface", n_samples=5, random_state=3
    )
    surface = SpecificSurface().fit(images)
    assert_array_equal(display.values["real"], surface.transform(images)[:, 0])
    samples = wgan.sample(5, random_state=3)
    assert_array_equal(display.values["generated"], surface.transform(samples)[:, 0])
    assert display.ax_.get_xlabel() == "specific surface (1/pixel)"
    same = DescriptorDistributionDisplay.from_estimator(wgan, images, random_state=3)
    assert len(same.values["generated"]) == len(images)


def test_names_are_measured_across_borders_where_the_generator_is_periodic(invnet, images):
    display = DescriptorDistributionDisplay.from_estimator(
        invnet, images, descriptor="specific_surface", n_samples=2, random_state=3
    )
    inside = SpecificSurface(periodic=False).fit_transform(images)[:, 0]
    assert_array_equal(display.values["real"], inside)


def test_descriptors_without_gradient_can_be_named(images):
    display = DescriptorDistributionDisplay.from_images({"all": images}, descriptor="clusters")
    assert_array_equal(display.values["all"], ClusterStatistics().fit_transform(images)[:, 0])


def test_properties_are_distributed_as_descriptors_are(images):
    conductivity = EffectiveConductivity(conductivity=(1.0, 10.0))
    sets = {"first": images[:6], "rest": images[6:]}
    display = DescriptorDistributionDisplay.from_images(
        sets, descriptor=conductivity, feature="k22", kind="density"
    )
    column = conductivity.fit(images).get_feature_names_out().tolist().index("k22")
    expected = conductivity.transform(images)[:, column]
    assert_allclose(np.concatenate(list(display.values.values())), expected)
    assert display.ax_.get_xlabel() == "k22"


def test_the_legend_tells_distances_beside_that_between_halves():
    real = np.random.default_rng(0).normal(3, 2, 2000)
    sets = {"real": real, "moved": real + 0.5, "narrow": 3 + (real - 3) / 4}
    display = DescriptorDistributionDisplay(sets).plot(reference="real")
    spread = real.std()
    assert_allclose(display.distances_["moved"], 0.5 / spread)
    # Points of equal rank are apart by three quarters of what they are from the mean.
    expected = 0.75 * np.abs(real - 3).mean() / spread
    assert_allclose(display.distances_["narrow"], expected, rtol=1e-6)
    assert 0.01 < display.baseline_ < 0.1
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    numbers = (display.baseline_, 0.5 / spread, expected)
    starts = ("real, its halves: ", "moved: ", "narrow: ")
    assert texts == [f"{a}{b:.2g}" for a, b in zip(starts, numbers, strict=True)]
    assert "distance to real" in display.ax_.get_legend().get_title().get_text()
    baseline = display.baseline_
    assert display.plot(reference="real").baseline_ == baseline
    assert display.plot().baseline_ is None
    assert display.distances_ == {}


def test_what_is_not_allowed(images):
    sets = {"all": images}
    with pytest.raises(ValueError, match="feature must be < 1, got 1"):
        DescriptorDistributionDisplay.from_images(sets, feature=1)
    with pytest.raises(ValueError, match=r"feature must be one of \['p1'\], got 'p7'"):
        DescriptorDistributionDisplay.from_images(sets, feature="p7")
    with pytest.raises(ValueError, match=r"^descriptor must be one of \[.*'clusters'.*'p1'.*'foo'"):
        DescriptorDistributionDisplay.from_images(sets, descriptor="foo")
    with pytest.raises(TypeError, match="descriptor must be a name or a descriptor, got 3"):
        DescriptorDistributionDisplay.from_images(sets, descriptor=3)
    with pytest.raises(TypeError, match="images must be a dictionary"):
        DescriptorDistributionDisplay.from_images(images)
    with pytest.raises(ValueError, match="at least one number for each set"):
        DescriptorDistributionDisplay({"a": [1.0], "b": []}).plot()
    with pytest.raises(ValueError, match=r"reference must be one of \['a'\], got 'b'"):
        DescriptorDistributionDisplay({"a": [1.0]}).plot(reference="b")
    with pytest.raises(ValueError, match="reference must be a set of at least 2 values, got 'a' w"):
        DescriptorDistributionDisplay({"a": [1.0], "b": [1.0, 2.0]}).plot(reference="a")
    for kind in ("histogram", "density"):
        with pytest.raises(ValueError, match=r"values\['b'\] must hold finite numbers, got NaN"):
            DescriptorDistributionDisplay({"a": [1, 2], "b": [1, np.nan, 2]}).plot(kind=kind)
    with pytest.raises(ValueError, match="kind must be one of"):
        DescriptorDistributionDisplay({"a": [1.0]}).plot(kind="violin")
    with pytest.raises(ValueError, match="values that differ, got 2 equal to 1 in the set 'a'"):
        DescriptorDistributionDisplay({"a": [1.0, 1.0]}).plot(kind="density")
