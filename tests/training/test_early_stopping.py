"""Early stopping: the best weights are kept, and the training is what it would be without."""

import copy
import pickle
from functools import cache

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from test_training import (
    KINDS,
    PowerCut,
    assert_same_generator,
    batches_of,
    images_of,
    small_step,
    stop_at,
    straight,
)

import skmicro
from skmicro.exceptions import TrainingInterruptedWarning
from skmicro.generators import WGANGP, FlowMatchingGenerator, _base
from skmicro.plotting import HistoryDisplay
from skmicro.regressors import CNNRegressor
from skmicro.training import EarlyStopping

X, X_VAL = images_of(), images_of(6, seed=1)
PEAK = {1: 0.0, 2: 5.0, 3: 1.0, 4: 2.0, 5: 1.0, 6: 3.0}


class Told:
    """A metric that is told by iterations, and keeps those that it was asked at."""

    def __init__(self, values):
        self.values = values
        self.asked = []

    def __call__(self, generator, X_val):
        assert X_val is X_VAL or np.array_equal(X_val, X_VAL)
        assert generator.sample(1, random_state=0).shape == (1, 8, 8)
        self.asked.append(generator.n_iter_)
        return self.values[generator.n_iter_]

    def __repr__(self):
        return "Told()"


def stopping(values=PEAK, **settings):
    return EarlyStopping(X_VAL, metric=Told(values), **({"every": 1, "patience": 6} | settings))


@cache
def stopped_after_two(kind):
    """A training that ended by a callback where the metric is largest."""
    return KINDS[kind](callbacks=[stop_at(2)]).fit(X)


def assert_same_networks(a, b):
    for name in ("generator_", "critic_"):
        pairs = zip(getattr(a, name).parameters(), getattr(b, name).parameters(), strict=True)
        assert all(torch.equal(mine, other) for mine, other in pairs), name


@pytest.mark.representatives("WGANGP averaged")
@pytest.mark.parametrize("kind", ["WGANGP averaged", "InvNet"])
def test_the_networks_are_those_of_the_iteration_with_the_largest_metric(kind):
    generator = KINDS[kind](callbacks=[stopping()]).fit(X)
    assert generator.n_iter_ == 6
    assert_same_networks(generator, stopped_after_two(kind))
    np.testing.assert_array_equal(generator.history_["score"], list(PEAK.values()))
    for name, losses in straight(kind).history_.items():
        np.testing.assert_array_equal(generator.history_[name], losses)


@pytest.mark.representatives("WGANGP averaged")
@pytest.mark.parametrize("kind", ["WGANGP averaged", "InvNet"])
def test_a_training_with_evaluations_is_that_without(kind):
    generator = KINDS[kind](callbacks=[stopping(dict(zip(PEAK, range(6), strict=True)))]).fit(X)
    del generator.history_["score"]
    assert_same_generator(generator, straight(kind))


def test_a_look_at_the_average_leaves_no_trace():
    # Statistics of batch normalisation are measured on batches and latents.
    step, batches = small_step(average_decay=0.5), batches_of(X)
    step(batches, 0.0)
    states = [copy.deepcopy(part.state_dict()) for part in (step, batches)]
    seen = [step.look(batches)["generator"].state_dict() for _ in range(2)]
    for state, part in zip(states, (step, batches), strict=True):
        assert repr(part.state_dict()) == repr(state)
    kept = step.finish(batches)["generator"].state_dict()
    for key in kept:
        assert torch.equal(seen[0][key], kept[key])
        assert torch.equal(seen[1][key], kept[key])


def test_the_training_ends_after_as_many_evaluations_as_patience_says():
    early = stopping(every=2, patience=1)
    generator = KINDS["WGANGP"](callbacks=[early]).fit(X)
    assert generator.n_iter_ == 4
    np.testing.assert_array_equal(generator.history_["score"], [np.nan, 5.0, np.nan, 2.0])
    assert {len(losses) for losses in generator.history_.values()} == {4}
    # The last iteration is evaluated in any case, and once.
    ends = stopping({4: 1.0, 5: 2.0}, every=4)
    generator = KINDS["WGANGP"](callbacks=[ends], n_iter=5).fit(X)
    np.testing.assert_array_equal(generator.history_["score"], [np.nan] * 3 + [1.0, 2.0])
    assert ends.metric.asked == [4, 5]


def test_equal_values_are_no_progress_and_the_first_is_kept():
    generator = KINDS["WGANGP averaged"](
        callbacks=[stopping({1: 1.0, 2: 5.0, 3: 5.0, 4: 5.0 + 1e-9}, patience=2)]
    ).fit(X)
    assert generator.n_iter_ == 4
    assert_same_networks(generator, stopped_after_two("WGANGP averaged"))


@pytest.mark.representatives("WGANGP averaged")
@pytest.mark.parametrize("kind", ["WGANGP averaged", "InvNet"])
def test_a_training_cut_short_ends_as_one_without_interruption(kind, tmp_path):
    path = tmp_path / "state.skm"
    settings = {"patience": 4}
    whole = KINDS[kind](callbacks=[stopping(**settings)]).fit(X)
    with pytest.raises(PowerCut):
        KINDS[kind](checkpoint=path, callbacks=[stopping(**settings), stop_at(5, PowerCut())]).fit(
            X
        )
    early = stopping(**settings)
    resumed = KINDS[kind](checkpoint=path, callbacks=[early]).fit(X)
    assert early.metric.asked == [5, 6]
    assert_same_generator(resumed, whole)
    assert_same_networks(resumed, stopped_after_two(kind))


def test_a_training_that_was_stopped_goes_on_only_with_more_patience(tmp_path):
    path = tmp_path / "state.skm"
    first = KINDS["WGANGP"](checkpoint=path, callbacks=[stopping(patience=2)]).fit(X)
    assert first.n_iter_ == 4
    early = stopping(patience=2)
    again = KINDS["WGANGP"](checkpoint=path, callbacks=[early]).fit(X)
    assert early.metric.asked == []
    assert_same_generator(again, first)
    longer = KINDS["WGANGP"](checkpoint=path, callbacks=[stopping()]).fit(X)
    assert_same_generator(longer, KINDS["WGANGP"](callbacks=[stopping()]).fit(X))
    plain = KINDS["WGANGP"](checkpoint=path).fit(X)
    assert_same_generator(plain, straight("WGANGP"))


def test_a_checkpoint_belongs_to_what_is_evaluated(tmp_path):
    path = tmp_path / "state.skm"
    KINDS["WGANGP"](checkpoint=path, n_iter=2, callbacks=[stopping()]).fit(X)
    others = [stopping(every=2), EarlyStopping(X_VAL[::-1], metric=Told(PEAK), every=1)]
    for other in others:
        with pytest.raises(ValueError, match="belongs to another training: early_stopping was"):
            KINDS["WGANGP"](checkpoint=path, n_iter=2, callbacks=[other]).fit(X)
    tree = skmicro.persistence.read_tree(path)
    for key, value in (
        ("iterations", np.array([2, 1])),
        ("values", np.array([np.nan, 1], np.float32)),
        ("best", None),
    ):
        spoilt = copy.deepcopy(tree)
        spoilt["step"]["early_stopping"][key] = value
        skmicro.persistence.write_tree(path, spoilt)
        with pytest.raises(skmicro.exceptions.NotASavedFileError, match="is damaged"):
            KINDS["WGANGP"](checkpoint=path, n_iter=2, callbacks=[stopping()]).fit(X)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"X_val": None}, TypeError, "X_val must be images that are not trained on, got None"),
        ({"metric": 3}, TypeError, "metric must be None or callable, got 3"),
        ({"every": 0}, ValueError, "every must be >= 1, got 0"),
        ({"X_val": 3}, ValueError, r"X_val must have shape \(n, \*spatial\) .* got shape \(\)"),
        ({"X_val": []}, ValueError, r"X_val must have shape .* got shape \(0,\)"),
        ({"patience": 0}, ValueError, "patience must be >= 1, got 0"),
        ({"patience": 1.5}, TypeError, r"patience must be an integer, got 1\.5"),
    ],
)
def test_settings_are_checked(settings, error, message):
    with pytest.raises(error, match=message):
        EarlyStopping(**({"X_val": X_VAL} | settings))


@pytest.mark.parametrize(
    ("early", "message"),
    [
        (EarlyStopping(images_of()[:, :7]), "X_val must be images like those trained on"),
        (EarlyStopping(X_VAL * 3), r"X_val must be images like those trained on.*phases \[0, 1\]"),
        (stopping(PEAK | {2: np.nan}), "finite number, got nan after 2 iterations"),
        (stopping(PEAK | {1: None}), "finite number, got None after 1 iterations"),
    ],
)
def test_a_fit_that_cannot_be_judged_leaves_the_generator_as_it_was(early, message):
    generator = KINDS["WGANGP"](callbacks=[early])
    with pytest.raises(ValueError, match=message):
        generator.fit(X)
    assert not hasattr(generator, "generator_")


def test_an_interrupted_evaluation_keeps_the_best_before_it():
    class Interrupted(Told):
        def __call__(self, generator, X_val):
            value = super().__call__(generator, X_val)
            if value is None:
                raise KeyboardInterrupt
            return value

    early = EarlyStopping(X_VAL, metric=Interrupted(PEAK | {4: None}), every=1)
    generator = KINDS["WGANGP averaged"](callbacks=[early])
    with pytest.warns(TrainingInterruptedWarning) as warned:
        generator.fit(X)
    assert "after 4 of 6 iterations" in str(warned[0].message)
    assert "in its last evaluation" in str(warned[1].message)
    np.testing.assert_array_equal(generator.history_["score"], [0.0, 5.0, 1.0, np.nan])
    assert_same_networks(generator, stopped_after_two("WGANGP averaged"))


def test_one_per_training_and_of_generators_only():
    with pytest.raises(ValueError, match="callbacks must hold at most one EarlyStopping, got 2"):
        KINDS["WGANGP"](callbacks=[stopping(), stopping()]).fit(X)
    with pytest.raises(ValueError, match="callbacks must hold no EarlyStopping for regressors"):
        CNNRegressor(n_iter=1, callbacks=[stopping()]).fit(X, X.mean(axis=(1, 2)))


def test_without_a_metric_it_is_the_score(monkeypatch, tmp_path):
    monkeypatch.setattr(_base, "SCORE_SAMPLES", 16)
    generator = KINDS["WGANGP averaged"](callbacks=[EarlyStopping(X_VAL, every=2)]).fit(X)
    curve = generator.history_["score"]
    assert np.float32(generator.score(X_VAL)) == np.nanmax(curve)
    generator.save(tmp_path / "model.skm")
    for other in (skmicro.load(tmp_path / "model.skm"), pickle.loads(pickle.dumps(generator))):
        np.testing.assert_array_equal(other.history_["score"], curve)
        assert other.score(X_VAL) == generator.score(X_VAL)


@pytest.mark.slow
def test_clones_and_grid_searches_stop_early(monkeypatch):
    monkeypatch.setattr(_base, "SCORE_SAMPLES", 16)
    generator = KINDS["WGANGP"](callbacks=[EarlyStopping(X_VAL, every=2, patience=1)])
    (early,) = clone(generator).callbacks
    assert (early.every, early.patience) == (2, 1)
    np.testing.assert_array_equal(early.X_val, X_VAL)
    assert repr(early) == "EarlyStopping(<6x8x8 images>, metric=None, every=2, patience=1)"
    search = GridSearchCV(generator, {"learning_rate": [1e-2, 1e-3]}, cv=2).fit(X)
    best = clone(generator).set_params(**search.best_params_).fit(X)
    assert_same_generator(search.best_estimator_, best)
    assert "score" in best.history_


def test_further_trainings_look_for_their_own_best():
    generator = KINDS["WGANGP"](n_iter=2).fit(X)
    generator.set_params(callbacks=[stopping({3: 1.0, 4: 0.0})]).partial_fit(X)
    np.testing.assert_array_equal(generator.history_["score"], [np.nan, np.nan, 1.0, 0.0])
    assert generator.n_iter_ == 4
    display = HistoryDisplay.from_estimator(generator)
    np.testing.assert_array_equal(display.lines_["score"].get_xdata(), [3, 4])
    np.testing.assert_array_equal(display.lines_["score"].get_ydata(), [1.0, 0.0])
    tiny = {"n_iter": 2, "width": 4, "batch_size": 4, "random_state": 0, "device": "cpu"}
    flow = FlowMatchingGenerator(**tiny, callbacks=[stopping()]).fit(X)
    assert flow.distill(n_pairs=4, n_iter=2).history_["distillation"].shape == (2,)


def test_windows_of_larger_images_are_evaluated(monkeypatch):
    monkeypatch.setattr(_base, "SCORE_SAMPLES", 16)
    tiny = {"n_iter": 2, "width": 4, "batch_size": 4, "random_state": 0, "device": "cpu"}
    early = EarlyStopping(images_of(2, seed=1), every=1)
    flow = FlowMatchingGenerator(**tiny, crop_shape=(4, 4), callbacks=[early]).fit(X)
    assert np.isfinite(flow.history_["score"]).all()
    assert isinstance(WGANGP.light(callbacks=[early]).callbacks[0], EarlyStopping)
