"""Generated images beside real ones: labelled, weighted, judged, and none of them leaked."""

import pickle
import warnings

import numpy as np
import pytest
from augmented_parts import Copies, Counting, Recorder, Surface, augmented, data, quiet
from cases import case
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR
from sklearn.utils.estimator_checks import check_estimator
from textures import blobs

import skmicro
from skmicro.descriptors import SpecificSurface, TwoPointCorrelation, VolumeFraction
from skmicro.exceptions import DistributionWarning
from skmicro.generators import GaussianRandomField
from skmicro.regressors import AugmentedRegressor, CNNRegressor, _gate


def test_the_regressor_learns_from_real_images_and_labelled_samples_of_them():
    X, y = data()
    model = augmented().fit(X, y)
    seen = model.regressor_.seen_
    np.testing.assert_array_equal(seen["X"][:24], X)
    np.testing.assert_array_equal(seen["y"][:24], y)
    samples = seen["X"][24:]
    assert len(samples) == model.n_synthetic_ == 40
    np.testing.assert_array_equal(
        seen["y"][24:], SpecificSurface(periodic=True).fit_transform(samples)[:, 0]
    )
    assert not any((sample == X).all(axis=(1, 2)).any() for sample in samples)
    assert seen["sample_weight"] is None
    assert seen["groups"] is None
    one_by_one = augmented(labeler=Surface()).fit(X, y).regressor_.seen_
    np.testing.assert_array_equal(one_by_one["y"], seen["y"])


def test_generator_and_labeler_are_fitted_on_the_images_of_fit_alone():
    X, y = data()
    model = augmented(generator=Copies()).fit(X[:10], y[:10])
    np.testing.assert_array_equal(model.generator_.X_, X[:10])
    rows = model.regressor_.seen_["X"]
    assert all((X[:10] == row).all(axis=(1, 2)).any() for row in rows)


@quiet
def test_targets_that_have_nothing_to_do_with_the_images_stay_unpredicted():
    """Augmenting before the split would put copies of test images among the training images."""
    X = blobs(60)
    y = np.random.default_rng(0).standard_normal(60)
    memory = {image.tobytes(): value for image, value in zip(X, y, strict=True)}

    class Known(TransformerMixin, BaseEstimator):
        def fit(self, X, y=None):
            return self

        def transform(self, X):
            return np.array([[memory[np.asarray(image).tobytes()]] for image in X])

    def scores(model, X, y):
        return cross_val_score(model, X, y, cv=5).mean()

    nearest = make_pipeline(TwoPointCorrelation(), KNeighborsRegressor(1))
    model = augmented(generator=Copies(), labeler=Known(), regressor=nearest, n_synthetic=60)
    assert scores(model, X, y) < 0
    leaked = np.concatenate([X, X]), np.concatenate([y, y])
    rows = np.random.default_rng(1).permutation(120)
    assert scores(nearest, leaked[0][rows], leaked[1][rows]) > 0.5


def test_more_images_help_a_regressor_of_few():
    X, y = data(100)
    regressor = make_pipeline(TwoPointCorrelation(), Ridge(1e-6))
    rest = X[8:], y[8:]
    without = clone(regressor).fit(X[:8], y[:8]).score(*rest)
    helped = augmented(regressor=regressor, n_synthetic=200).fit(X[:8], y[:8]).score(*rest)
    assert helped > without
    assert helped > 0.9


def test_weights():
    X, y = data()
    model = augmented(synthetic_weight=0.5).fit(X, y)
    expected = np.repeat([1.0, 0.5], [24, 40])
    np.testing.assert_array_equal(model.regressor_.seen_["sample_weight"], expected)

    def slope(weight):
        model = augmented(regressor=line, synthetic_weight=weight).fit(X, y)
        return model.regressor_[-1].coef_

    line = make_pipeline(VolumeFraction(), LinearRegression())
    real = line.fit(X, y)[-1].coef_
    np.testing.assert_allclose(slope(1e-9), real, rtol=1e-5)
    assert abs(slope(1.0) / real - 1) > 1e-3
    plain = make_pipeline(VolumeFraction(), KNeighborsRegressor())
    with pytest.raises(ValueError, match="regressor must take sample_weight"):
        augmented(regressor=plain, synthetic_weight=2.0).fit(X, y)
    inside = TransformedTargetRegressor(Recorder(), transformer=StandardScaler())
    model = augmented(regressor=inside, synthetic_weight=3.0).fit(X, y)
    assert set(model.regressor_.regressor_.seen_["sample_weight"]) == {1.0, 3.0}


def test_groups_reach_a_regressor_that_takes_them():
    X, y = data()
    groups = np.arange(24) // 6
    seen = augmented().fit(X, y, groups=groups).regressor_.seen_["groups"]
    np.testing.assert_array_equal(seen[:24], groups)
    assert len(np.unique(seen)) == 4 + 40
    line = make_pipeline(VolumeFraction(), LinearRegression())
    augmented(regressor=line).fit(X, y, groups=groups)


def test_no_synthetic_images_is_the_regressor_alone():
    X, y = data()
    line = make_pipeline(VolumeFraction(), LinearRegression())
    model = augmented(n_synthetic=0, regressor=line).fit(X, y)
    np.testing.assert_array_equal(model.predict(X), line.fit(X, y).predict(X))
    assert model.distances_ is None


def test_samples_of_another_distribution_are_reported_and_the_gate_keeps_them_out():
    X = blobs()
    y = X.mean(axis=(1, 2))
    settings = {"labeler": VolumeFraction()}
    with pytest.warns(DistributionWarning, match="all of them are added") as record:
        model = augmented(generator=Copies(), **settings).fit(X, y)
    assert record[0].filename == __file__
    assert model.n_synthetic_ == 40
    assert (model.distances_ > 2 * model.baseline_).any()
    with pytest.warns(DistributionWarning, match="of them are added"):
        gated = augmented(generator=Copies(), gate=True, **settings).fit(X, y)
    assert gated.n_synthetic_ < 40
    np.testing.assert_array_equal(gated.distances_, model.distances_)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        alike = augmented(gate=True, n_synthetic=200, **settings).fit(X, y)
    assert alike.n_synthetic_ == 200


def test_distances_in_closed_form():
    real = np.random.default_rng(0).standard_normal((400, 2)) * [1.0, 5.0]
    real /= real.std(axis=0) / [1.0, 5.0]
    np.testing.assert_allclose(_gate.distances(real + 0.5, real), [0.5, 0.1])
    np.testing.assert_allclose(_gate.distances(np.repeat(real, 3, axis=0), real), 0, atol=1e-12)
    # Shares of two values in halves of 200 differ by .05, the mean of its size is .8 times that.
    halves = _gate.baseline(np.repeat([[0.0], [1.0]], 200, axis=0), seed=0)
    np.testing.assert_allclose(halves, 0.05 * 0.8 / 0.5, rtol=0.4)
    constant = np.ones((10, 1))
    assert _gate.distances(constant + 2, constant) == [2.0]


def test_the_gate_admits_rows_that_keep_the_distribution():
    rng = np.random.default_rng(0)
    real = rng.standard_normal((100, 1))
    narrow = 0.1 * rng.standard_normal((1000, 1))
    values = np.concatenate([narrow, 1.3 * rng.standard_normal((300, 1))])
    largest = 2 * _gate.baseline(real, seed=0)
    rows = _gate.admitted(values, real, largest)
    assert _gate.distances(values, real) > largest >= _gate.distances(values[rows], real)
    assert 100 < len(rows) < 1300
    assert (np.diff(rows) > 0).all()
    assert len(_gate.admitted(narrow + 50, real, largest)) == 0
    everything = _gate.admitted(np.repeat(real, 2, axis=0), real, largest)
    np.testing.assert_array_equal(everything, np.arange(200))


def test_memory_keeps_fitted_generators_and_labelled_images(tmp_path):
    X, y = data()
    settings = {"generator": Counting(), "memory": str(tmp_path)}
    with warnings.catch_warnings():
        # joblib asks for the source of functions that a test file holds.
        warnings.simplefilter("ignore", UserWarning)
        first = augmented(**settings).fit(X, y)
        again = augmented(**settings, synthetic_weight=0.5).fit(X, y)
        other = augmented(**settings).fit(X[1:], y[1:])
        new = augmented(**settings | {"random_state": 1}).fit(X, y)
    assert Counting.n_fits == 3
    np.testing.assert_array_equal(again.regressor_.seen_["X"], first.regressor_.seen_["X"])
    for model in (other, new):
        assert not np.array_equal(
            model.regressor_.seen_["X"][-40:], first.regressor_.seen_["X"][-40:]
        )


def test_seeds():
    X, y = data()
    regressor = CNNRegressor.light(n_iter=2, widths=(4,), device="cpu")
    first, again = (augmented(regressor=regressor).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(first.predict(X), again.predict(X))
    assert isinstance(first.regressor_.random_state, int)
    own = augmented(regressor=clone(regressor).set_params(random_state=5)).fit(X, y)
    assert own.regressor_.random_state == 5
    fresh = [augmented(random_state=None).fit(X, y).regressor_.seen_["y"] for _ in range(2)]
    assert not np.array_equal(*fresh)
    assert regressor.random_state is None


def test_default_regressor_flat_rows_pickle_and_file(tmp_path):
    X, y = data()
    small = CNNRegressor.light(n_iter=2, widths=(4,), device="cpu")
    assert AugmentedRegressor().regressor is None
    model = augmented(regressor=small).fit(X, y)
    expected = model.predict(X)
    rows = X.reshape(len(X), -1)
    flat = augmented(regressor=small, image_shape=X.shape[1:]).fit(rows, y)
    np.testing.assert_array_equal(flat.predict(rows), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(model)).predict(X), expected)
    model.save(tmp_path / "model.skm")
    loaded = skmicro.load(tmp_path / "model.skm")
    np.testing.assert_array_equal(loaded.predict(X), expected)
    assert loaded.n_synthetic_ == 40
    np.testing.assert_array_equal(loaded.generator_.sample(2, random_state=0),
                                  model.generator_.sample(2, random_state=0))  # fmt: skip


class OneColumnTooMany(Surface):
    def transform(self, X):
        return np.zeros((len(X), 2))


class NotFinite(Surface):
    def transform(self, X):
        return np.full((len(X), 1), np.nan)


BAD = {
    "no generator": ({"generator": None}, TypeError, "generator must be an estimator with fit and"),
    "a class": ({"generator": GaussianRandomField}, TypeError, "generator must be an estimator"),
    "no labeler": ({"labeler": None}, TypeError, "labeler must be an estimator with fit and tran"),
    "no regressor": ({"regressor": 3}, TypeError, "regressor must be an estimator with .*got 3"),
    "negative number": ({"n_synthetic": -1}, ValueError, "n_synthetic must be >= 0, got -1"),
    "weight of zero": ({"synthetic_weight": 0.0}, ValueError, "synthetic_weight must lie in"),
    "gate": ({"gate": "wide"}, ValueError, "gate must be one of"),
    "seed": ({"random_state": -1}, ValueError, "random_state must be >= 0, got -1"),
    "columns": ({"labeler": OneColumnTooMany()}, ValueError, "as many columns as y has, 1, got 2"),
    "NaN": ({"labeler": NotFinite()}, ValueError, "labeler must give finite targets"),
}


def test_refusals_leave_the_regressor_as_it_was():
    X, y = data()
    fitted = augmented().fit(X, y)
    for kind, (options, error, message) in BAD.items():
        model = clone(fitted).set_params(**options)
        model.__dict__ |= {k: v for k, v in vars(fitted).items() if k.endswith("_")}
        before = dict(vars(model))
        with case(kind):
            with pytest.raises(error, match=message):
                model.fit(X, y)
            assert vars(model) == before


@quiet
@pytest.mark.filterwarnings("ignore::skmicro.exceptions.ImageShapeWarning")
def test_scikit_learn_checks():
    """With a regressor of one output, since the labeler tells one number whatever y has."""
    regressor = make_pipeline(VolumeFraction(), SVR())
    parts = {"generator": Copies(), "regressor": regressor, "labeler": VolumeFraction()}
    model = augmented(**parts, n_synthetic=5)
    results = check_estimator(model, on_skip=None)
    skipped = {result["check_name"] for result in results if result["status"] == "skipped"}
    assert skipped <= {"check_array_api_input"}
