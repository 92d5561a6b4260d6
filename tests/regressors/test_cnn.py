"""CNNRegressor: what it learns, what it keeps, and what it must not look at."""

import numpy as np
import pytest
import torch
from callbacks import Looks
from cases import case

from skmicro.datasets import make_cahn_hilliard
from skmicro.exceptions import DivergenceError, TrainingInterruptedWarning
from skmicro.images import PhaseEncoder
from skmicro.regressors import CNNRegressor
from skmicro.regressors._samples import Samples
from skmicro.regressors._trend import FractionTrend
from skmicro.training import ImageBatches, held_out_loss

SMALL = {"widths": (8, 8), "batch_size": 16, "device": "cpu", "random_state": 0}


def textures(n=48, side=8, seed=0):
    """Return random layers along either axis, and their direction and fraction."""
    rng = np.random.default_rng(seed)
    lines = (rng.random((n, side)) < rng.uniform(0.3, 0.7, (n, 1))).astype(np.uint8)
    across = np.repeat(lines[:, None], side, axis=1)
    turned = rng.random(n) < 0.5
    images = np.where(turned[:, None, None], across.transpose(0, 2, 1), across)
    return images, np.stack([lines.mean(axis=1), 100 * turned], axis=1)


def test_it_learns_fractions_and_directions_that_a_fraction_does_not_tell():
    X, y = textures(n=80)
    settings = SMALL | {"learning_rate": 1e-2, "batch_size": 72}
    regressor = CNNRegressor(n_iter=100, periodic=True, **settings).fit(X, y)
    X, others = textures(seed=1)
    errors = np.abs(regressor.predict(X) - others).mean(axis=0)
    guesses = np.abs(y.mean(axis=0) - others).mean(axis=0)
    assert errors[0] < 0.8 * guesses[0]
    assert errors[1] < 0.5 * guesses[1]


def noise(n):
    """Return images of independent voxels and of many fractions."""
    rng = np.random.default_rng(0)
    return (rng.random((n, 16, 16)) < rng.uniform(0.2, 0.8, (n, 1, 1))).astype(int)


def test_what_fractions_tell_is_known_before_the_training():
    X = noise(60)
    X = X[np.argsort(X.mean(axis=(1, 2)))][np.r_[:20, 30:60, 20:30]]  # the last ones lie inside
    p1 = X.mean(axis=(1, 2))
    y = np.stack([p1**3 - p1, 1e6 * p1], axis=1)
    for degree, known in ((0, False), (1, False), (3, True), (None, True)):
        regressor = CNNRegressor(n_iter=1, fraction_degree=degree, validation_fraction=0.0, **SMALL)
        told = regressor.fit(X[:50], y[:50]).predict(X[50:])
        assert np.allclose(told, y[50:], rtol=1e-3) == known
    # Beyond the fractions of the training the trend ends, and few images have none.
    ones = regressor.predict(np.ones((1, 16, 16), dtype=int))
    np.testing.assert_allclose(ones[0, 1], y[:50, 1].max(), rtol=0.01)
    few = CNNRegressor(n_iter=1, **SMALL).fit(X[:9], y[:9])
    assert few._targets.trend.n_powers == 0


def test_the_trend_counts_images_by_their_weights():
    X, rng = noise(60), np.random.default_rng(1)
    y, weights = rng.normal(size=(60, 2)), rng.integers(1, 4, 60)
    trend = FractionTrend(3, PhaseEncoder(np.arange(2), X.dtype)).fit(X, y, weights)
    rows = np.repeat(np.arange(len(X)), weights)
    repeated = FractionTrend(3, trend.encoder).fit(X[rows], y[rows], np.ones(len(rows)))
    np.testing.assert_allclose(trend(X), repeated(X), rtol=1e-8)
    p1 = X.mean(axis=(1, 2))
    expected = np.polyval(np.polyfit(p1, y[:, 0], 3, w=np.sqrt(weights)), p1)
    np.testing.assert_allclose(trend(X)[:, 0], expected, rtol=1e-8)


def test_predictions_of_a_periodic_image_and_of_several_periods_are_the_same():
    X, y = textures()
    for periodic in (True, False):
        regressor = CNNRegressor(n_iter=3, periodic=periodic, precision="float64", **SMALL)
        regressor.fit(X, y)
        told = regressor.predict(X)
        tiles = regressor.predict(np.tile(X, (1, 2, 3)))
        rolls = regressor.predict(np.roll(X, (4, -4), (1, 2)))
        assert np.allclose(tiles, told, rtol=1e-9) == periodic
        assert np.allclose(rolls, told, rtol=1e-9) == periodic


def test_periodicity_is_told_from_the_images():
    X, _ = make_cahn_hilliard(8, (32, 32), n_steps=200, random_state=0)
    for images, periodic in ((X, True), (X[:, :16, :16], False)):
        assert CNNRegressor(n_iter=1, **SMALL).fit(images, np.arange(8)).periodic_ == periodic


def test_two_targets_of_one_image_give_their_mean_by_weights():
    X = np.repeat(np.eye(4, dtype=int)[None], 8, axis=0)
    y = np.array([0.0, 4.0] * 4)
    weights = np.array([3.0, 1.0] * 4)
    settings = SMALL | {"batch_size": 8, "validation_fraction": 0.0, "n_iter": 80}
    for sample_weight, mean in ((None, 2.0), (weights, 1.0), (50 * weights, 1.0)):
        regressor = CNNRegressor(learning_rate=2e-2, **settings)
        told = regressor.fit(X, y, sample_weight=sample_weight).predict(X)
        np.testing.assert_allclose(told, mean, atol=2e-2)
    # In batches the mean is that of what was seen last, on average the same.
    regressor.set_params(batch_size=4, n_iter=150, learning_rate=1e-2).fit(X, y, weights)
    assert abs(regressor.predict(X[:1])[0] - 1.0) < 0.15


def test_weight_zero_leaves_an_image_out():
    X, y = textures(n=20)
    weights = np.r_[np.ones(14), np.zeros(6)]
    X[14:] += 2
    regressor = CNNRegressor(n_iter=4, **SMALL).fit(X, y, weights)
    without = CNNRegressor(n_iter=4, **SMALL).fit(X[:14], y[:14])
    np.testing.assert_array_equal(regressor.predict(X[:14]), without.predict(X[:14]))
    np.testing.assert_array_equal(regressor.held_out_, without.held_out_)
    assert regressor.phases_.tolist() == [0, 1]


def test_groups_are_held_out_whole():
    X, y = textures()
    groups = np.array([f"specimen {k % 7}" for k in range(48)])
    parts = set()
    for seed in range(5):
        settings = SMALL | {"validation_fraction": 0.2, "random_state": seed}
        held = CNNRegressor(n_iter=1, **settings).fit(X, y, groups=groups).held_out_
        assert not set(groups[held]) & set(np.delete(groups, held))
        assert abs(len(held) - 0.2 * 48) <= 3.5
        parts.add(frozenset(groups[held]))
    assert len(parts) > 1


def test_splits_take_one_group_at_least_and_leave_one():
    n = np.arange(9)
    only = np.zeros(9, dtype=bool)
    samples = Samples(np.zeros(9), np.zeros((9, 1)), np.ones(9), n // 3, only, n)
    for fraction, n_held in ((0.01, 3), (0.4, 3), (0.6, 6), (0.99, 6), (0.0, 0)):
        train, held = samples.split("fraction", fraction, np.random.default_rng(3))
        assert len(held) == n_held
        np.testing.assert_array_equal(np.sort(np.r_[train.rows, held.rows]), np.arange(9))


def test_large_groups_are_passed_over_where_they_overshoot():
    groups = np.r_[np.zeros(30, dtype=int), 1 + np.arange(10)]
    n, only = np.arange(40), np.zeros(40, dtype=bool)
    samples = Samples(np.zeros(40), np.zeros((40, 1)), np.ones(40), groups, only, n)
    for seed in range(20):
        train, apart = samples.split("fraction", 0.2, np.random.default_rng(seed))
        assert len(apart) == 8
        assert set(train.groups) & set(apart.groups) == set()


def test_images_trained_on_in_any_case_are_never_set_apart():
    X, y = textures()
    only = np.arange(48) >= 20
    settings = SMALL | {"validation_fraction": 0.25, "calibration_fraction": 0.2, "n_iter": 1}
    regressor = CNNRegressor(**settings).fit(X, y, trained_only=only)
    assert len(regressor.calibration_) == 4
    assert len(regressor.held_out_) == 4
    assert not only[np.r_[regressor.calibration_, regressor.held_out_]].any()
    with pytest.raises(ValueError, match="calibration_fraction must be 0 unless two images"):
        CNNRegressor(**settings).fit(X, y, trained_only=np.arange(48) > 0)
    with pytest.raises(ValueError, match="trained_only must hold 48 booleans, got int64"):
        CNNRegressor(**settings).fit(X, y, trained_only=np.zeros(48, dtype=np.int64))


def test_groups_have_labels_that_can_be_sorted():
    X, y = textures(n=4)
    for groups, kind in (([None] * 4, TypeError), (np.array(["a", 1] * 2, object), TypeError)):
        with pytest.raises(kind, match="groups must hold labels of one type"):
            CNNRegressor(**SMALL).fit(X, y, groups=groups)
    with pytest.raises(ValueError, match="groups must hold no NaN"):
        CNNRegressor(**SMALL).fit(X, y, groups=[0.0, 1.0, np.nan, 2.0])


def test_images_held_out_do_not_enter_the_training():
    X, y = textures()
    settings = SMALL | {"n_iter": 8, "validation_fraction": 0.25, "batch_size": 36}
    seen = CNNRegressor(**settings).fit(X, y)
    other = y.copy()
    other[seen.held_out_] = 1e6
    np.testing.assert_array_equal(
        CNNRegressor(**settings).fit(X, other).history_["training"], seen.history_["training"]
    )


def test_the_weights_with_the_least_loss_on_images_held_out_are_kept():
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 2, (24, 8, 8)), rng.normal(size=24)
    settings = SMALL | {"validation_fraction": 0.25, "learning_rate": 1e-2, "batch_size": 6}
    settings |= {"widths": (16, 16), "fraction_degree": 0}
    regressor = CNNRegressor(n_iter=90, n_iter_no_change=10**6, **settings).fit(X, y)
    losses, held = regressor.history_["validation"], regressor.held_out_
    error = (regressor.predict(X[held]) - y[held]) / np.std(np.delete(y, held))
    np.testing.assert_allclose(np.mean(error**2), losses.min(), rtol=1e-4)
    assert losses[-1] > 1.1 * losses.min()
    assert regressor.n_iter_ == 90
    assert losses[regressor.best_iter_] == losses.min()
    assert losses[regressor.best_iter_ - 1] > losses.min()

    patient = CNNRegressor(n_iter=90, n_iter_no_change=12, **settings).fit(X, y)
    assert patient.n_iter_ == patient.best_iter_ + 12
    np.testing.assert_array_equal(patient.history_["validation"], losses[: patient.n_iter_])


def test_the_loss_held_out_is_a_mean_by_weights():
    class Constant(torch.nn.Module):
        def forward(self, images):
            return images.new_full((len(images), 2), 1.0)

    rng = np.random.default_rng(0)
    rows = np.column_stack([rng.normal(size=(70, 2)), rng.random(70)])
    batches = ImageBatches(
        np.zeros((70, 40, 40), dtype=int),
        PhaseEncoder(np.array([0, 1]), int),
        rows,
        batch_size=4,
        seed=0,
        device="cpu",
        dtype=torch.float64,
    )
    expected = np.average(((rows[:, :2] - 1) ** 2).mean(axis=1), weights=rows[:, 2])
    network = Constant().train()
    np.testing.assert_allclose(held_out_loss(network, batches), expected, rtol=1e-12)
    assert network.training


def test_an_interrupted_training_keeps_the_best_so_far():
    X, y = textures()

    def interrupt(iteration, history):
        if iteration == 7:
            raise KeyboardInterrupt

    settings = SMALL | {"validation_fraction": 0.25, "batch_size": 18}
    with pytest.warns(TrainingInterruptedWarning, match="after 7 of 5000 iterations"):
        regressor = CNNRegressor(callbacks=[interrupt], **settings).fit(X, y)
    whole = CNNRegressor(n_iter=7, decay_from=1.0, **settings).fit(X, y)
    assert regressor.n_iter_ == 7
    np.testing.assert_array_equal(regressor.predict(X), whole.predict(X))


def test_a_training_that_diverges_leaves_the_regressor_as_it_was():
    X, y = textures()
    regressor = CNNRegressor(n_iter=2, **SMALL).fit(X, y)
    before = dict(vars(regressor))
    regressor.set_params(learning_rate=1e30, n_iter=20)
    with pytest.raises(DivergenceError, match=r"the training loss .* learning_rate or precision="):
        regressor.fit(X, y)
    regressor.set_params(learning_rate=1e-3, n_iter=2)
    assert vars(regressor) == before


def test_a_resumed_training_is_the_same_as_one_without_a_break(tmp_path):
    X, y = textures()
    settings = SMALL | {"decay_from": 1.0, "validation_fraction": 0.25, "batch_size": 9}
    whole = CNNRegressor(n_iter=20, **settings).fit(X, y)
    path = tmp_path / "training.ckpt"
    CNNRegressor(n_iter=9, checkpoint=path, **settings).fit(X, y)
    resumed = CNNRegressor(n_iter=20, checkpoint=path, **settings).fit(X, y)
    np.testing.assert_array_equal(resumed.predict(X), whole.predict(X))
    for name, losses in whole.history_.items():
        np.testing.assert_array_equal(resumed.history_[name], losses)
    with pytest.raises(ValueError, match="belongs to another training: widths"):
        CNNRegressor(checkpoint=path, **settings | {"widths": (4, 4)}).fit(X, y)
    weights, others, trained = np.arange(1.0, 49), 1 - X, CNNRegressor(checkpoint=path, **settings)
    for name, data in {
        "X": (others, y),
        "y": (X, 2 * y),
        "groups": (X, y, None, np.arange(48) // 2),
        "sample_weight": (X, y, weights),
    }.items():
        message = rf"another training: {name} was '\w{{8}}...', now '\w{{8}}...'\. It was written"
        with case(name), pytest.raises(ValueError, match=message):
            trained.fit(*data)
    with pytest.raises(ValueError, match=r"y was .*; groups was .*; sample_weight was"):
        trained.fit(X, 2 * y, weights, np.arange(48) // 2)


def test_a_training_that_ended_without_progress_is_not_resumed(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 2, (24, 8, 8)), rng.normal(size=24)
    settings = SMALL | {"learning_rate": 5e-2, "n_iter_no_change": 3, "n_iter": 200}
    settings |= {"checkpoint": tmp_path / "training.ckpt"}
    first = CNNRegressor(**settings).fit(X, y)
    assert first.n_iter_ < 100
    calls = []
    again = CNNRegressor(callbacks=[lambda k, history: calls.append(k)], **settings).fit(X, y)
    assert calls == []
    assert again.n_iter_ == first.n_iter_
    np.testing.assert_array_equal(again.predict(X), first.predict(X))


def test_targets_of_any_scale():
    X, y = textures()
    settings = SMALL | {"n_iter": 3, "precision": "float64"}
    told = CNNRegressor(**settings).fit(X, y).predict(X)
    for scale in (1e-200, 1e11, 1e200):
        scaled = CNNRegressor(**settings).fit(X, scale * y).predict(X)
        np.testing.assert_allclose(scaled, scale * told, rtol=1e-6)
    constant = np.full(len(X), 7.5)
    assert np.isfinite(CNNRegressor(**settings).fit(X, constant).predict(X)).all()


def test_callbacks_of_scikit_learn_see_the_weights_that_would_be_kept():
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")
    X, y = textures()
    looks = Looks(lambda seen: (seen.predict(X[:5]), len(seen.history_["validation"])), most=6)
    settings = SMALL | {"batch_size": 18, "validation_fraction": 0.25}
    regressor = CNNRegressor(**settings).set_callbacks(looks).fit(X, y)
    assert regressor.n_iter_ == 6
    assert [n for _, n in looks.seen] == [1, 2, 3, 4, 5, 6]
    np.testing.assert_array_equal(looks.seen[-1][0], regressor.predict(X[:5]))
    plain = CNNRegressor(n_iter=6, decay_from=1.0, **settings).fit(X, y)
    np.testing.assert_array_equal(plain.predict(X), regressor.predict(X))
