"""AugmentationCurveDisplay."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import Ridge
from sklearn.model_selection import GroupKFold, ShuffleSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from textures import blobs

from skmicro.descriptors import SpecificSurface, TwoPointCorrelation
from skmicro.generators import GaussianRandomField
from skmicro.plotting import AugmentationCurveDisplay
from skmicro.regressors import AugmentedRegressor

quiet = pytest.mark.filterwarnings("ignore::skmicro.exceptions.DistributionWarning")


def augmented(**options):
    return AugmentedRegressor(
        generator=GaussianRandomField(),
        regressor=make_pipeline(TwoPointCorrelation(), Ridge(1e-3)),
        labeler=SpecificSurface(),
        random_state=0,
        **options,
    )


def data(n=12):
    X = blobs(n)
    order = np.random.default_rng(0).permutation(n)
    return X[order], SpecificSurface().fit_transform(X)[order, 0]


def test_lines_are_means_and_bands_one_deviation():
    rng = np.random.default_rng(0)
    scores = {"one": rng.random((3, 5)), "two": rng.random((3, 4))}
    display = AugmentationCurveDisplay([0, 10, 40], scores).plot()
    for label, rows in scores.items():
        x, mean = display.lines_[label].get_data()
        assert_array_equal(x, [0, 10, 40])
        assert_allclose(mean, rows.mean(axis=1))
        vertices = display.bands_[label].get_paths()[0].vertices
        for k, size in enumerate(x):
            ends = vertices[vertices[:, 0] == size, 1]
            assert_allclose(ends.min(), mean[k] - rows[k].std())
            assert_allclose(ends.max(), mean[k] + rows[k].std())
    level = np.mean([rows[0].mean() for rows in scores.values()])
    assert_allclose(display.baseline_.get_ydata(), level)
    texts = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert texts == ["one", "two", "no generated images"]
    assert AugmentationCurveDisplay([10, 40], {"one": rng.random((2, 3))}).plot().baseline_ is None


@quiet
def test_scores_are_those_of_a_cross_validation():
    X, y = data()
    model = augmented(n_synthetic=7)
    display = AugmentationCurveDisplay.from_estimator(model, X, y, n_synthetic=(0, 20), cv=3)
    for k, size in enumerate((0, 20)):
        expected = cross_val_score(augmented(n_synthetic=size), X, y, cv=3)
        assert_allclose(display.scores["GaussianRandomField"][k], expected)
    assert display.ax_.get_ylabel() == "test $R^2$"
    assert model.n_synthetic == 7
    assert not hasattr(model, "generator_")


@quiet
def test_all_regressors_have_the_same_folds_and_groups_stay_together():
    X, y = data()
    options = {"n_synthetic": [0, 5], "scoring": "neg_mean_absolute_error"}
    rng = np.random.RandomState(0)
    folds = ShuffleSplit(2, test_size=4, random_state=rng)
    pair = {"a": augmented(), "b": augmented(synthetic_weight=1e-9)}
    display = AugmentationCurveDisplay.from_estimator(pair, X, y, cv=folds, **options)
    assert_allclose(display.scores["a"][0], display.scores["b"][0])
    assert (display.scores["a"][1] != display.scores["b"][1]).all()
    assert_allclose(display.scores["b"][1], display.scores["b"][0], rtol=1e-3)
    assert display.ax_.get_ylabel() == "test negative mean absolute error"
    groups = np.arange(12) // 2
    display = AugmentationCurveDisplay.from_estimator(
        augmented(), X, y, n_synthetic=[0], cv=GroupKFold(3), groups=groups
    )
    expected = cross_val_score(augmented(n_synthetic=0), X, y, cv=GroupKFold(3), groups=groups)
    assert_allclose(display.scores["GaussianRandomField"][0], expected)


def test_what_is_not_allowed():
    X, y = data()
    draw = AugmentationCurveDisplay.from_estimator
    with pytest.raises(TypeError, match=r"regressor must have a parameter n_synthetic, got Ridge"):
        draw(Ridge(), X, y)
    with pytest.raises(TypeError, match="regressor must be an estimator with fit and get_params"):
        draw({"a": AugmentedRegressor}, X, y)
    with pytest.raises(ValueError, match="regressor must hold at least one regressor"):
        draw({}, X, y)
    with pytest.raises(ValueError, match=r"n_synthetic must increase, got \[5, 5\]"):
        draw(augmented(), X, y, n_synthetic=[5, 5])
    with pytest.raises(ValueError, match=r"n_synthetic\[0\] must be >= 0, got -1"):
        draw(augmented(), X, y, n_synthetic=[-1])
    with pytest.raises(ValueError, match="n_synthetic must hold at least one number"):
        AugmentationCurveDisplay([], {"a": [[1.0]]}).plot()
    with pytest.raises(ValueError, match="scores must be a dictionary of at least one array"):
        AugmentationCurveDisplay([0], {}).plot()
    with pytest.raises(ValueError, match=r"scores\['a'\] must have shape .* 1 numbers of images"):
        AugmentationCurveDisplay([0], {"a": [[1.0], [2.0]]}).plot()
    with pytest.raises(ValueError, match=r"scores\['a'\] must hold finite numbers"):
        AugmentationCurveDisplay([0], {"a": [[np.nan]]}).plot()
    with pytest.raises(TypeError, match="labeler must be an estimator"):
        draw(augmented().set_params(labeler=None), X, y, cv=2)
