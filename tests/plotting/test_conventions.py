"""What all displays have in common."""

import inspect

import matplotlib.pyplot as plt
import numpy as np
import pytest
from cases import case
from sklearn.exceptions import NotFittedError

from skmicro import plotting
from skmicro.generators import WGANGP
from skmicro.regressors import CNNRegressor

IMAGES = np.random.default_rng(1).integers(0, 2, (3, 4, 5))
COMPUTED = {
    "AugmentationCurveDisplay": ([[0, 5], {"a": [[0.5, 0.4], [0.6, 0.8]]}], "ax", 1),
    "DescriptorDistributionDisplay": ([{"a": [1.0, 2.0, 4.0]}], "ax", 1),
    "HistoryDisplay": ([{"critic": [3.0, 1.0], "generator": [0.0, 2.0]}], "axes", 2),
    "InterpolationDisplay": ([IMAGES, [0.1, 0.2, 0.3], [3.0, 2.0, 1.0]], "axes", 4),
    "OcclusionDisplay": ([IMAGES[0], IMAGES - 0.5], "axes", 4),
    "PredictionDisplay": ([[[1, 5], [2, 7]], [[1.5, 6], [1.8, 6.5]]], "axes", 2),
    "SampleGridDisplay": ([[IMAGES, IMAGES]], "axes", 6),
    "TargetDisplay": ([[0.3, 0.5], [[0.2, 0.4], [0.5, 0.6]]], "ax", 1),
    "TraversalDisplay": ([[IMAGES, IMAGES], [-1.0, 0.0, 1.0], [0, 4]], "axes", 6),
    "TwoPointDisplay": ([[0, 1], {"a": [[0.5, 0.2], [0.4, 0.3]]}], "ax", 1),
    "VolumeDisplay": ([IMAGES], "axes", 4),
}
FROM_ESTIMATOR = {
    "DescriptorDistributionDisplay": [IMAGES],
    "HistoryDisplay": [],
    "InterpolationDisplay": [IMAGES[0], IMAGES[1]],
    "SampleGridDisplay": [],
    "TargetDisplay": ["p1", [0.5]],
    "TraversalDisplay": [IMAGES[0]],
    "TwoPointDisplay": [IMAGES],
    "VolumeDisplay": [],
}
OF_GENERATORS = pytest.mark.parametrize("name", FROM_ESTIMATOR)
OF_REGRESSORS = {"OcclusionDisplay": [IMAGES[0]], "PredictionDisplay": [IMAGES, [1, 2, 3]]}
EVERY = pytest.mark.parametrize("name", plotting.__all__)


def computed(name):
    arguments, keyword, n_axes = COMPUTED[name]
    return getattr(plotting, name)(*arguments), keyword, n_axes


def given_axes(keyword, n_axes):
    figure = plt.figure()
    axes = [figure.add_subplot(n_axes, 1, k + 1) for k in range(n_axes)]
    return figure, axes[0] if keyword == "ax" else axes


@EVERY
def test_plot_returns_the_display_in_one_new_figure(name):
    display, _, n_axes = computed(name)
    before = dict(vars(display))
    assert display.plot() is display
    assert plt.get_fignums() == [display.figure_.number]
    assert len(display.figure_.axes) == n_axes
    assert set(vars(display)) > set(before)
    for key, value in vars(display).items():
        assert key.endswith("_") or value is before[key]


@EVERY
def test_given_axes_are_drawn_into_and_no_figure_is_made(name):
    display, keyword, n_axes = computed(name)
    figure, axes = given_axes(keyword, n_axes)
    current = plt.figure()
    display.plot(**{keyword: axes})
    assert display.figure_ is figure
    drawn = [display.ax_] if keyword == "ax" else list(display.axes_.ravel())
    assert drawn == ([axes] if keyword == "ax" else axes)
    assert plt.get_fignums() == [figure.number, current.number]
    assert plt.gcf() is current
    assert not current.axes
    assert all(ax.has_data() for ax in drawn)


@EVERY
def test_a_display_can_be_drawn_again(name):
    display, _, n_axes = computed(name)
    first = display.plot().figure_
    second = display.plot().figure_
    assert first is not second
    assert len(first.axes) == len(second.axes) == n_axes


@pytest.mark.parametrize("name", [name for name in COMPUTED if COMPUTED[name][1] == "axes"])
@pytest.mark.parametrize("surplus", [-1, 1])
def test_wrong_number_of_axes(name, surplus):
    display, keyword, n_axes = computed(name)
    _, axes = given_axes(keyword, n_axes + surplus)
    message = f"axes must hold {n_axes} axes for this display, got {n_axes + surplus}"
    with pytest.raises(ValueError, match=message):
        display.plot(axes=axes)


def test_every_display_is_of_generators_or_of_regressors():
    others = {*OF_REGRESSORS, "AugmentationCurveDisplay"}
    assert set(plotting.__all__) == {*FROM_ESTIMATOR, *others}


@OF_GENERATORS
def test_unfitted_generator(name):
    with pytest.raises(NotFittedError, match="generator must be fitted, got WGANGP before fit"):
        getattr(plotting, name).from_estimator(WGANGP.light(), *FROM_ESTIMATOR[name])
    assert plt.get_fignums() == []


@OF_GENERATORS
@pytest.mark.parametrize(
    "wrong", [IMAGES, 3, WGANGP, {"a": IMAGES}], ids=lambda v: type(v).__name__
)
def test_what_is_no_generator(name, wrong):
    got = "the class WGANGP" if wrong is WGANGP else type(wrong).__name__
    message = f"^generator must be a fitted generator, got {got}\\.$"
    with pytest.raises(TypeError, match=message):
        getattr(plotting, name).from_estimator(wrong, *FROM_ESTIMATOR[name])


@pytest.mark.parametrize("name", OF_REGRESSORS)
def test_what_is_no_fitted_regressor(name):
    draw = getattr(plotting, name).from_estimator
    with pytest.raises(NotFittedError):
        draw(CNNRegressor(), *OF_REGRESSORS[name])
    for wrong in (IMAGES, 3, CNNRegressor, WGANGP.light()):
        error = pytest.raises(TypeError, match=r"^regressor must be an estimator with predict, got")
        with case(type(wrong).__name__), error:
            draw(wrong, *OF_REGRESSORS[name])
    assert plt.get_fignums() == []


WITH_IMAGES = pytest.mark.parametrize(
    "name", ["DescriptorDistributionDisplay", "SampleGridDisplay", "TwoPointDisplay"]
)


@WITH_IMAGES
@pytest.mark.parametrize("change", [lambda X: X * 7, lambda X: X + 0.5, lambda X: X + 1])
def test_images_of_other_phases(name, wgan, images, change):
    with pytest.raises(ValueError, match=r"X must hold only the phases \[0, 1\] seen in fit, got"):
        getattr(plotting, name).from_estimator(wgan, change(images))
    assert plt.get_fignums() == []


@WITH_IMAGES
def test_images_that_show_one_of_the_phases(name, wgan, images):
    one_phase = np.zeros_like(images)
    display = getattr(plotting, name).from_estimator(wgan, one_phase, random_state=0)
    assert any(ax.has_data() for ax in display.figure_.axes)


@EVERY
def test_an_unknown_option_leaves_nothing_behind(name):
    display, keyword, n_axes = computed(name)
    current = plt.figure()
    before = dict(vars(display))
    with pytest.raises(AttributeError, match="unexpected keyword argument 'foo'"):
        display.plot(foo=3)
    assert plt.get_fignums() == [current.number]
    assert vars(display) == before
    figure, axes = given_axes(keyword, n_axes)
    empty = contents(figure)
    with pytest.raises(AttributeError, match="unexpected keyword argument 'foo'"):
        display.plot(foo=3, **{keyword: axes})
    assert contents(figure) == empty
    assert plt.get_fignums() == [current.number, figure.number]


def test_a_failure_keeps_the_last_picture():
    display = computed("HistoryDisplay")[0].plot()
    before = dict(vars(display))
    with pytest.raises(AttributeError, match="foo"):
        display.plot(foo=3)
    assert vars(display) == before
    assert plt.get_fignums() == [display.figure_.number]


def contents(figure):
    return [
        (ax.get_children(), ax.axison, ax.get_xlim(), list(ax.get_xticks()), ax.get_xlabel())
        for ax in figure.axes
    ]


@EVERY
def test_every_display_has_the_methods_of_the_convention(name):
    cls = getattr(plotting, name)
    assert inspect.signature(cls.from_estimator).parameters["plot_options"].kind.name == (
        "VAR_KEYWORD"
    )
    keyword = COMPUTED[name][1]
    for method in (cls.plot, cls.from_estimator):
        parameter = inspect.signature(method).parameters[keyword]
        assert (parameter.kind.name, parameter.default) == ("KEYWORD_ONLY", None)


@EVERY
def test_savefig_draws_all_texts(name, tmp_path):
    display, _, _ = computed(name)
    display.plot().figure_.savefig(tmp_path / "display.png", dpi=30)
    canvas = plt.imread(tmp_path / "display.png")[..., :3]
    assert canvas.std() > 0
