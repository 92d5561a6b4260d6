"""PredictionDisplay."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline

from skmicro.descriptors import SpecificSurface, VolumeFraction
from skmicro.plotting import PredictionDisplay

TRUE = np.array([[1.0, 10.0], [2.0, 30.0], [4.0, 20.0]])
PREDICTED = np.array([[1.5, 12.0], [2.0, 25.0], [3.0, 21.0]])


def test_points_lie_at_true_and_predicted_values_about_the_diagonal():
    display = PredictionDisplay(TRUE, PREDICTED, names=["a", "b"]).plot()
    for k, name in enumerate("ab"):
        points = np.column_stack([TRUE[:, k], PREDICTED[:, k]])
        assert_allclose(display.points_[k].get_offsets(), points)
        assert_array_equal(*display.diagonals_[k].get_data())
        ax = display.axes_[k]
        assert ax.get_xlim() == ax.get_ylim()
        r2 = r2_score(TRUE[:, k], PREDICTED[:, k])
        assert_allclose(display.r2_[k], r2)
        assert ax.get_title() == f"{name}\n$R^2$ = {r2:.3f}"
    assert display.coverage_ is None
    assert display.bars_ == display.misses_ == []


def test_intervals_without_the_true_value_are_marked_and_counted():
    ends = np.array([[[1, 2], [9, 13]], [[1.5, 1.9], [20, 29]], [[-np.inf, np.inf], [20, 21]]])
    display = PredictionDisplay.from_predictions(TRUE, PREDICTED, intervals=ends)
    assert_allclose(display.coverage_, [2 / 3, 2 / 3])
    for k in range(2):
        missed = np.array([False, True, False])
        points = np.column_stack([TRUE[:, k], PREDICTED[:, k]])
        assert_allclose(display.misses_[k].get_offsets(), points[missed])
        assert_allclose(display.points_[k].get_offsets(), points[~missed])
        low, high = display.axes_[k].get_ylim()
        drawn = np.array(display.bars_[k].get_segments())
        assert_allclose(drawn[:, :, 0], TRUE[:, [k, k]])
        assert_allclose(drawn[:, :, 1], ends[:, k].clip(low, high))
        red, blue = display.bars_[k].get_colors()[[1, 0]]
        assert_array_equal(red[:3], display.misses_[k].get_facecolors()[0, :3])
        assert_array_equal(blue[:3], display.points_[k].get_facecolors()[0, :3])
        assert display.axes_[k].get_title().endswith("coverage 2 of 3")
    # The infinite interval reaches to the edges of its panel, and does not set them.
    assert_allclose(display.axes_[0].get_ylim(), (1 - 0.15, 4 + 0.15))
    ends_of_single = ends[:, 0]
    single = PredictionDisplay(TRUE[:, 0], PREDICTED[:, 0], intervals=ends_of_single).plot()
    assert_allclose(single.coverage_, [2 / 3])
    texts = [text.get_text() for text in single.axes_[0].get_legend().get_texts()]
    assert texts == ["true value missed"]


def test_an_interval_holds_its_ends():
    display = PredictionDisplay([1.0, 2.0], [1.0, 2.0], intervals=[[1, 1], [1, 2]]).plot()
    assert_array_equal(display.coverage_, [1])
    assert display.axes_[0].get_legend() is None


def test_panels_stand_in_rows_of_three():
    display = PredictionDisplay(np.arange(10).reshape(2, 5), np.ones((2, 5))).plot()
    assert len(display.figure_.axes) == len(display.axes_) == 5
    display.figure_.canvas.draw()
    tops = [round(ax.get_position().y1, 3) for ax in display.axes_]
    assert len(set(tops[:3])) == len(set(tops[3:])) == 1
    assert tops[3] < tops[0]
    assert [ax.get_title().split("\n")[0] for ax in display.axes_[:2]] == ["output 0", "output 1"]


def test_predictions_are_those_of_the_regressor(images):
    y = SpecificSurface().fit_transform(images)[:, 0]
    model = make_pipeline(VolumeFraction(), LinearRegression()).fit(images[:8], y[:8])
    display = PredictionDisplay.from_estimator(model, images[8:], y[8:])
    assert_array_equal(display.y_pred, model.predict(images[8:]))
    assert_array_equal(display.y_true, y[8:])
    assert display.intervals is None
    with pytest.raises(TypeError, match="regressor must be an estimator with predict_interval"):
        PredictionDisplay.from_estimator(model, images, y, coverage=0.9)


def test_intervals_of_a_regressor_are_asked_for_with_their_coverage():
    class Certain:
        def predict(self, X):
            return np.asarray(X)[:, 0]

        def predict_interval(self, X, coverage=0.5):
            return self.predict(X)[:, None] + coverage * np.array([-1, 1])

    X = np.array([[1.0], [2.0], [3.0]])
    display = PredictionDisplay.from_estimator(Certain(), X, [1.5, 2.0, 4.0], coverage=0.8)
    assert_allclose(display.intervals, np.column_stack([X - 0.8, X + 0.8]))
    assert_allclose(display.coverage_, [2 / 3])


def test_one_value_has_no_r2():
    display = PredictionDisplay([1.0], [1.0], intervals=[[0, 2]]).plot()
    assert np.isnan(display.r2_[0])
    assert display.axes_[0].get_title() == "coverage 1 of 1"
    low, high = display.axes_[0].get_xlim()
    assert low < 1 < high


def test_what_is_not_allowed():
    with pytest.raises(ValueError, match="y_pred must have as many values as y_true"):
        PredictionDisplay(TRUE, PREDICTED[:2]).plot()
    with pytest.raises(ValueError, match="y_true must have shape"):
        PredictionDisplay([], []).plot()
    with pytest.raises(ValueError, match="y_pred must hold finite numbers"):
        PredictionDisplay([1.0], [np.nan]).plot()
    with pytest.raises(ValueError, match="intervals must have shape"):
        PredictionDisplay(TRUE, PREDICTED, intervals=TRUE).plot()
    with pytest.raises(ValueError, match="intervals must have lower <= upper ends"):
        PredictionDisplay([1.0], [1.0], intervals=[[2, 1]]).plot()
    with pytest.raises(ValueError, match="names must hold 2 values, got 1"):
        PredictionDisplay(TRUE, PREDICTED, names=["a"]).plot()
    with pytest.raises(TypeError, match="axes must hold axes of matplotlib, got 'a'"):
        PredictionDisplay([1.0], [1.0]).plot(axes="a")
