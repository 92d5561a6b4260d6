"""Augmented regressors in what scikit-learn makes of regressors, in files, and when fits fail."""

import pickle
import warnings

import joblib
import numpy as np
import pytest
from augmented_parts import Both, Copies, Counting, Recorder, Surface, augmented, data, quiet
from cases import case
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import skmicro
from skmicro.descriptors import SpecificSurface, TwoPointCorrelation
from skmicro.exceptions import DistributionWarning, TrainingInterruptedWarning
from skmicro.generators import VAE
from skmicro.properties import EffectiveConductivity
from skmicro.regressors import CNNRegressor

GROUPS = np.arange(24) // 4


def quietly_fitted(model, X, y, **arguments):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DistributionWarning)
        return model.fit(X, y, **arguments)


def test_groups_split_the_images_and_reach_the_regressor_of_each_fold():
    X, y = data()
    splits = list(GroupKFold(3).split(X, y, GROUPS))
    results = cross_validate(
        augmented(n_synthetic=5, generator=Copies(), labeler=Surface()),
        X,
        y,
        cv=GroupKFold(3),
        groups=GROUPS,
        params={"groups": GROUPS},
        return_estimator=True,
        error_score="raise",
    )
    for (train, _), model in zip(splits, results["estimator"], strict=True):
        np.testing.assert_array_equal(model.generator_.X_, X[train])
        seen = model.regressor_.seen_["groups"]
        np.testing.assert_array_equal(seen[:16], np.unique(GROUPS[train], return_inverse=True)[1])
        assert len(set(seen[16:]) - set(seen[:16])) == 5


@pytest.mark.slow
def test_a_search_fits_the_generator_once_for_each_fold_and_parameter(tmp_path):
    X, y = data()
    Counting.n_fits = 0
    ridge = make_pipeline(TwoPointCorrelation(), Ridge())
    model = augmented(
        generator=Counting(), regressor=ridge, memory=joblib.Memory(tmp_path, verbose=0)
    )
    grid = {
        "n_synthetic": [10, 20],
        "generator__periodic": [True, False],
        "regressor__ridge__alpha": [1e-3, 1.0],
    }
    search = GridSearchCV(model, grid, cv=GroupKFold(3), error_score="raise")
    search.fit(X, y, groups=GROUPS)
    # Each of 2 generators in each of 3 folds, and the best one on all images.
    assert Counting.n_fits == 2 * 3 + 1
    assert search.best_params_.keys() == grid.keys()
    assert len(set(search.cv_results_["mean_test_score"])) == 8
    assert search.predict(X).shape == (24,)


@pytest.mark.parametrize("routing", [False, True])
def test_weights_and_groups_reach_the_last_regressor(routing):
    X, y = data()
    nothing = FunctionTransformer()

    def transformed(regressor):
        return TransformedTargetRegressor(regressor, transformer=StandardScaler())

    cases = {
        "pipeline": (make_pipeline(nothing, Recorder()), lambda fitted: fitted[-1]),
        "targets": (transformed(Recorder()), lambda fitted: fitted.regressor_),
        "pipeline of targets": (
            make_pipeline(nothing, transformed(Recorder())),
            lambda fitted: fitted[-1].regressor_,
        ),
        "targets of a pipeline": (
            transformed(make_pipeline(nothing, Recorder())),
            lambda fitted: fitted.regressor_[-1],
        ),
    }
    for kind, (regressor, last) in cases.items():
        model = augmented(
            regressor=regressor, generator=Copies(), labeler=Surface(), n_synthetic=5,
            synthetic_weight=0.5,
        )  # fmt: skip
        with case(kind), config_context(enable_metadata_routing=routing):
            seen = last(quietly_fitted(model, X, y, groups=GROUPS).regressor_).seen_
            np.testing.assert_array_equal(seen["groups"][:24], GROUPS)
            assert len(np.unique(seen["groups"])) == 6 + 5
            np.testing.assert_array_equal(seen["sample_weight"], np.repeat([1.0, 0.5], [24, 5]))


class Interrupting:
    """A callback that interrupts a training as a user does, once."""

    waits = True

    def __call__(self, n_iter, history):
        if Interrupting.waits:
            Interrupting.waits = False
            raise KeyboardInterrupt


def test_an_interrupted_generator_is_not_stored(tmp_path):
    X, y = data()
    generator = VAE.light(n_iter=3, n_latent=2, device="cpu", callbacks=[Interrupting()])
    model = augmented(generator=generator, memory=str(tmp_path), n_synthetic=4)
    Interrupting.waits = True
    with pytest.warns(TrainingInterruptedWarning, match="after 1 of 3") as record:
        quietly_fitted(model, X, y)
    assert __file__ in {warning.filename for warning in record}
    assert model.generator_.n_iter_ == 1
    assert not list(tmp_path.rglob("sampled"))
    for _ in range(2):
        assert quietly_fitted(model, X, y).generator_.n_iter_ == 3


@quiet
def test_two_jobs_give_the_scores_of_one():
    X, y = data()
    y = np.column_stack([y, X.mean(axis=(1, 2))])
    scaled = TransformedTargetRegressor(
        make_pipeline(TwoPointCorrelation(), Ridge()), transformer=StandardScaler()
    )
    model = augmented(regressor=scaled, labeler=Both())
    scores = cross_val_score(model, X, y, cv=GroupKFold(3), groups=GROUPS)
    with joblib.parallel_config("threading"):
        parallel = cross_val_score(model, X, y, cv=GroupKFold(3), groups=GROUPS, n_jobs=2)
    np.testing.assert_array_equal(parallel, scores)


@pytest.mark.slow
def test_two_processes_give_the_scores_of_one():
    X, y = data()
    model = augmented(regressor=make_pipeline(TwoPointCorrelation(), Ridge()), n_synthetic=5)
    arguments = {"X": X, "y": y, "cv": 2, "error_score": "raise"}
    scores = cross_val_score(model, **arguments)
    np.testing.assert_array_equal(cross_val_score(model, n_jobs=2, **arguments), scores)


def test_targets_transformed_inside_and_outside():
    X, y = data()
    y = y.astype(np.float64)  # the round trip of float32 is warned of
    ridge = make_pipeline(TwoPointCorrelation(), Ridge())

    def in_logarithms(regressor):
        return TransformedTargetRegressor(regressor, func=np.log, inverse_func=np.exp)

    labeler = make_pipeline(SpecificSurface(periodic=True), FunctionTransformer(np.log))
    inside = augmented(regressor=in_logarithms(ridge)).fit(X, y).predict(X)
    outside = in_logarithms(augmented(regressor=ridge, labeler=labeler)).fit(X, y)
    np.testing.assert_allclose(outside.predict(X), inside, rtol=1e-6)
    plain = augmented(regressor=ridge).fit(X, y).predict(X)
    assert np.abs(plain - inside).max() > 1e-3
    with pytest.warns(DistributionWarning):
        in_logarithms(augmented(regressor=ridge)).fit(X, y)


def test_pickle_and_file_of_a_regressor_of_chosen_images(tmp_path):
    X, _ = data()
    labeler = EffectiveConductivity(conductivity={0: 1.0, 1: 10.0}, outputs=("k11",))
    y = labeler.fit_transform(X)
    model = augmented(
        labeler=labeler,
        regressor=CNNRegressor.light(n_iter=2, widths=(4,), device="cpu"),
        targets={"p1": (0.3, 0.6)},
        n_synthetic=4,
        memory=str(tmp_path / "memory"),
    ).fit(X, y)
    expected = model.predict(X)
    model.save(tmp_path / "model.skm")
    for copy in (pickle.loads(pickle.dumps(model)), skmicro.load(tmp_path / "model.skm")):
        np.testing.assert_array_equal(copy.predict(X), expected)
        np.testing.assert_array_equal(copy.labeler_.transform(X), y)
        np.testing.assert_array_equal(
            *(made.generator_.sample(2, p1=0.4, random_state=0) for made in (copy, model))
        )
        # Files leave the memory behind, which holds pickles.
        assert repr(copy.set_params(memory=None)) == repr(clone(model).set_params(memory=None))
        assert copy.targets == {"p1": (0.3, 0.6)}
        assert vars(copy).keys() == vars(model).keys()
        np.testing.assert_array_equal(copy.distances_, model.distances_)
    again = clone(copy).fit(X, y)
    np.testing.assert_array_equal(again.predict(X), expected)


def test_a_file_holds_no_estimator_of_another_library(tmp_path):
    X, y = data()
    model = augmented(regressor=make_pipeline(TwoPointCorrelation(), Ridge())).fit(X, y)
    with pytest.raises(TypeError, match=r"(?s)Cannot save Pipeline.*nor an object of this library"):
        model.save(tmp_path / "model.skm")
    assert list(tmp_path.iterdir()) == []


class Failing(Copies):
    def fit(self, X, y=None):
        raise RuntimeError("no such network")


class FailingSample(Copies):
    def sample(self, n_samples=1, random_state=None):
        raise MemoryError("too many")


class NotFinite(Surface):
    def transform(self, X):
        return np.full((len(X), 1), np.nan)


class Interrupted(Recorder):
    def fit(self, X, y, sample_weight=None, groups=None):
        raise KeyboardInterrupt


class InterruptedSecondTime(Recorder):
    n_fits = 0

    def fit(self, X, y, sample_weight=None, groups=None):
        InterruptedSecondTime.n_fits += 1
        if InterruptedSecondTime.n_fits == 2:
            raise KeyboardInterrupt
        return super().fit(X, y)

    def predict(self, X, return_std=False):
        return np.zeros(len(X)), np.ones(len(X))


FAILURES = {
    "fit of the generator": ({"generator": Failing()}, RuntimeError),
    "sample of the generator": ({"generator": FailingSample()}, MemoryError),
    "labeler": ({"labeler": NotFinite()}, ValueError),
    "regressor": ({"regressor": Interrupted()}, KeyboardInterrupt),
    "regressor of chosen images": (
        {"regressor": InterruptedSecondTime(), "selection": "uncertainty", "n_synthetic": 3},
        KeyboardInterrupt,
    ),
}


def test_fits_that_fail_or_are_interrupted_leave_the_regressor_as_it_was():
    X, y = data()
    for kind, (options, error) in FAILURES.items():
        model = augmented().fit(X, y).set_params(**options)
        before, expected = dict(vars(model)), model.predict(X)
        with case(kind):
            with pytest.raises(error):
                model.fit(X[:10], y[:10])
            assert vars(model) == before
            np.testing.assert_array_equal(model.predict(X), expected)
            new = augmented(**options)
            InterruptedSecondTime.n_fits = 0
            with pytest.raises(error):
                new.fit(X, y)
            assert not hasattr(new, "generator_")


@quiet
def test_generated_images_are_only_trained_on():
    X, y = data()
    network = CNNRegressor(
        widths=(4,),
        n_iter=2,
        n_members=2,
        validation_fraction=0.25,
        calibration_fraction=0.5,
        device="cpu",
    )
    for regressor in (network, make_pipeline(network)):
        model = augmented(regressor=regressor).fit(X, y, groups=GROUPS)
        inner = model.regressor_ if regressor is network else model.regressor_[-1]
        apart, held = inner.calibration_, inner.held_out_
        assert (len(apart), len(held)) == (12, 4)
        assert max(apart.max(), held.max()) < len(X)
        assert not set(GROUPS[apart]) & set(GROUPS[held])
    model = augmented(regressor=network).fit(X, y)
    ends = model.predict_interval(X, coverage=0.5)
    np.testing.assert_array_equal(ends, model.regressor_.predict_interval(X, coverage=0.5))
    mean, std = model.predict(X, return_std=True)
    np.testing.assert_allclose(ends.mean(axis=1), mean)
    assert std.min() > 0
    with pytest.raises(ValueError, match=r"validation_fraction must be 0 unless .*with 1\."):
        augmented(regressor=CNNRegressor(n_iter=1)).fit(X, y, groups=np.zeros(24))
    plain = augmented().fit(X, y)
    assert not hasattr(plain, "predict_interval")
    with pytest.raises(ValueError, match="predict that takes return_std with return_std=True"):
        plain.predict(X, return_std=True)
