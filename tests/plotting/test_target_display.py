"""TargetDisplay."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmicro.descriptors import SpecificSurface, TwoPointCorrelation, VolumeFraction
from skmicro.generators import InvNetGenerator
from skmicro.plotting import TargetDisplay
from skmicro.plotting._target import LARGEST, SMALLEST


def test_bubbles_lie_at_the_means_and_grow_with_the_spread():
    wanted = [0.2, 0.4, 0.6]
    achieved = [[0.3, 0.3], [0.4, 0.6], [0.5, 0.6]]
    display = TargetDisplay(wanted, achieved, name="p1").plot()
    assert_allclose(display.bubbles_.get_offsets(), [[0.2, 0.3], [0.4, 0.5], [0.6, 0.55]])
    middle = (SMALLEST + LARGEST) / 2
    assert_allclose(display.bubbles_.get_sizes(), [SMALLEST, LARGEST, middle])
    assert_array_equal(*display.diagonal_.get_data())
    assert (display.ax_.get_xlabel(), display.ax_.get_ylabel()) == ("target p1", "achieved p1")
    assert display.ax_.get_xlim() == display.ax_.get_ylim()
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert "standard deviation, 0 to 0.1" in texts[1]


def test_one_value_met_exactly():
    display = TargetDisplay([0.5], [[0.5, 0.5]]).plot()
    assert_array_equal(display.bubbles_.get_sizes(), [SMALLEST])
    assert display.ax_.get_xlim()[0] < 0.5 < display.ax_.get_xlim()[1]


def test_groups_of_components():
    rng = np.random.default_rng(0)
    wanted, achieved = rng.random((3, 2)), rng.random((3, 5, 2))
    display = TargetDisplay(wanted, achieved, components=["u", "v"]).plot()
    for k in range(2):
        line, _, (bars,) = display.points_[k]
        mean, spread = achieved[:, :, k].mean(axis=1), achieved[:, :, k].std(axis=1)
        assert_allclose(line.get_ydata(), mean)
        ends = np.array([segment[:, 1] for segment in bars.get_segments()])
        assert_allclose(ends, np.stack([mean - spread, mean + spread], axis=1))
        dashes = np.array(display.targets_[k].get_segments())
        assert_allclose(dashes[:, :, 1], wanted[:, [k, k]])
        assert (dashes[:, 0, 0] < line.get_xdata()).all()
        assert (dashes[:, 1, 0] > line.get_xdata()).all()
        assert_array_equal(np.rint(line.get_xdata()), [1, 2, 3])
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["u", "v"]


def test_scalar_target_of_a_generator(invnet, images):
    display = TargetDisplay.from_estimator(invnet, "p1", [0.4, 0.6], n_samples=3, random_state=5)
    descriptor = VolumeFraction().fit(images)
    for k, target in enumerate([0.4, 0.6]):
        expected = descriptor.transform(invnet.sample(3, p1=target, random_state=5))
        assert_array_equal(display.achieved[k], expected)
    assert display.ax_.get_xlabel() == "target volume fraction $p_1$"


def test_searched_target(wgan):
    display = TargetDisplay.from_estimator(wgan, "specific_surface", 0.2, n_samples=2)
    assert display.achieved.shape == (1, 2, 1)
    assert_array_equal(display.bubbles_.get_offsets()[:, 0], [0.2])


def test_a_target_is_measured_as_it_was_searched(invnet):
    assert not invnet.periodic
    options = {"n_samples": 2, "random_state": 5}
    display = TargetDisplay.from_estimator(invnet, "specific_surface", 0.2, **options)
    samples = invnet.sample(2, specific_surface=0.2, random_state=5)
    expected = SpecificSurface(periodic=False).fit_transform(samples)
    assert_array_equal(display.achieved[0], expected)
    assert (expected != SpecificSurface(periodic=True).fit_transform(samples)).all()


def test_vector_target_meets_a_phase_that_no_image_shows(invnet_of_three_phases):
    wanted = [[0.25, 0.75, 0.0], [0.5, 0.5, 0.0]]
    display = TargetDisplay.from_estimator(
        invnet_of_three_phases, "phase_fractions", wanted, n_samples=2, exact=True
    )
    assert_allclose(display.achieved.mean(axis=1), wanted, atol=1 / 256)
    expected = [f"phase_fractions_{phase}" for phase in (1, 3, 7)]
    assert display.components == expected


def test_descriptor_with_parameters(images):
    curve = TwoPointCorrelation(max_lag=2, periodic=False)
    generator = InvNetGenerator.light(
        invariances=(curve,), n_iter=1, n_level_steps=2, random_state=0, device="cpu"
    ).fit(images)
    wanted = TwoPointCorrelation(max_lag=2, periodic=False).fit_transform(images[:1])
    display = TargetDisplay.from_estimator(
        generator, "p2", wanted, descriptor=curve, n_samples=2, random_state=0
    )
    samples = generator.sample(2, p2=wanted[0], random_state=0)
    assert_array_equal(display.achieved[0], curve.fit(images).transform(samples))


def test_what_is_not_allowed(invnet):
    with pytest.raises(ValueError, match="values must hold at least one value"):
        TargetDisplay.from_estimator(invnet, "p1", [])
    with pytest.raises(ValueError, match="n_samples must be >= 1, got 0"):
        TargetDisplay.from_estimator(invnet, "p1", [0.5], n_samples=0)
    with pytest.raises(ValueError, match="achieved must have shape"):
        TargetDisplay([0.1, 0.2], [[0.1]]).plot()
    with pytest.raises(ValueError, match="achieved must hold at least one value"):
        TargetDisplay([0.1], [[]]).plot()


@pytest.mark.parametrize("n_components", [1, 2, 5, 9])
def test_the_picture_holds_its_legend_and_points(n_components):
    wanted = np.full((2, n_components), 1 / n_components)
    names = [f"phase_fractions_{k}" for k in range(n_components)]
    display = TargetDisplay(wanted, wanted[:, None].repeat(3, axis=1), components=names).plot()
    figure, legend = display.figure_, display.ax_.get_legend()
    figure.canvas.draw()
    drawn = legend.get_window_extent()
    assert drawn.x0 >= 0
    assert drawn.y0 >= display.ax_.get_window_extent().y1
    assert drawn.x1 <= figure.bbox.width
    assert drawn.y1 <= figure.bbox.height
    texts = [text.get_text() for text in legend.get_texts()]
    assert len(texts) == (2 if n_components == 1 else n_components)
    low, high = display.ax_.get_xlim()
    for container in display.points_:
        x = container[0].get_xdata()
        assert low < x.min()
        assert x.max() < high


def test_a_wide_figure_has_a_legend_of_few_rows():
    wanted = np.full((1, 4), 0.25)
    display = TargetDisplay(wanted, wanted[None], components=["a", "b", "c", "d"]).plot()
    boxes = [text.get_window_extent() for text in display.ax_.get_legend().get_texts()]
    assert len({round(box.y0) for box in boxes}) == 1
