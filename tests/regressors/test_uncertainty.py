"""Members of an ensemble, images set apart, and intervals that cover what they say."""

import math
import pickle
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from callbacks import Looks
from cases import case
from sklearn.base import clone

import skmicro
from skmicro.exceptions import CoverageWarning
from skmicro.properties import EffectiveConductivity
from skmicro.regressors import CNNRegressor
from skmicro.regressors._conformal import half_widths, images_for, rank_of
from skmicro.training import measure_every, without_progress

SMALL = {"widths": (4, 4), "batch_size": 8, "device": "cpu", "random_state": 0, "periodic": True}


def noise(n=60, n_outputs=2, seed=0, shape=(6, 6)):
    """Return images, and numbers that follow from them in part."""
    rng = np.random.default_rng(seed)
    images = (rng.random((n, *shape)) < rng.uniform(0.2, 0.8, (n, *[1] * len(shape)))).astype(int)
    share = images.reshape(n, -1).mean(axis=1)
    return images, (share[:, None] + 0.2 * rng.normal(size=(n, n_outputs))) * [1.0, 50.0][
        :n_outputs
    ]


@pytest.mark.parametrize(
    ("coverage", "n", "rank"),
    [(0.9, 19, 18), (0.9, 9, 9), (0.95, 19, 19), (0.9, 8, 9), (0.5, 1, 1)],
)
def test_ranks_are_those_of_the_decimal_that_is_written(coverage, n, rank):
    exact = Fraction(str(coverage))
    for written in (coverage, np.float32(coverage), np.float64(coverage), exact):
        assert rank_of(written, n) == rank


def test_ranks_are_the_smallest_that_reach_the_coverage():
    for hundredths in range(1, 100):
        coverage = hundredths / 100
        least = [n for n in range(1, 120) if rank_of(coverage, n) <= n]
        assert least[0] == images_for(coverage) == images_for(Fraction(hundredths, 100))
        for n in range(1, 60):
            rank = rank_of(coverage, n)
            assert 100 * rank >= hundredths * (n + 1) > 100 * (rank - 1)


def test_intervals_cover_a_new_number_as_often_as_they_say():
    rng = np.random.default_rng(0)
    for n, coverage in ((19, 0.9), (9, 0.9), (11, 0.7)):
        exact = math.ceil(Decimal(str(coverage)) * (n + 1)) / (n + 1)
        residuals = rng.exponential(size=(n, 20_000))
        covered = rng.exponential(size=20_000) <= half_widths(residuals, coverage)
        assert covered.mean() == pytest.approx(exact, abs=0.01)


def test_intervals_reach_as_far_as_the_error_of_a_rank():
    X, y = noise()
    for targets in (y, y[:, 0]):
        regressor = CNNRegressor(calibration_fraction=0.3, n_iter=9, n_members=2, **SMALL)
        rows = regressor.fit(X, targets).calibration_
        assert len(rows) == 18
        predicted = regressor.predict(X)
        errors = np.sort(np.abs(predicted - targets)[rows], axis=0)
        for coverage, rank in ((0.9, 18), (0.5, 10), (0.01, 1)):
            intervals = regressor.predict_interval(X, coverage=coverage)
            assert intervals.shape == (*targets.shape, 2)
            np.testing.assert_allclose(intervals.mean(axis=-1), predicted, rtol=1e-12)
            half = np.broadcast_to(errors[rank - 1], targets.shape)
            np.testing.assert_allclose(np.ptp(intervals, axis=-1) / 2, half, rtol=1e-9)
    assert np.ptp(regressor.predict_interval(X[:1])) == np.ptp(regressor.predict_interval(X)[0])


def test_too_few_images_give_infinite_intervals_and_a_warning():
    X, y = noise()
    regressor = CNNRegressor(calibration_fraction=0.3, n_iter=1, **SMALL).fit(X, y)
    message = "Intervals of coverage 0.95 need at least 19 images set apart, got 18"
    with pytest.warns(CoverageWarning, match=message):
        intervals = regressor.predict_interval(X[:3], coverage=0.95)
    np.testing.assert_array_equal(intervals, np.full((3, 2, 2), [-np.inf, np.inf]))


def test_images_set_apart_are_seen_by_nothing_else():
    X, y = noise()
    groups = np.arange(60) // 3
    settings = SMALL | {"calibration_fraction": 0.2, "validation_fraction": 0.25, "n_iter": 9}
    seen = CNNRegressor(augment=("rotation",), **settings).fit(X, y, groups=groups)
    apart, held = seen.calibration_, seen.held_out_
    assert (len(apart), len(held)) == (12, 12)
    parts = [groups[apart], groups[held], groups[np.setdiff1d(np.arange(60), [*apart, *held])]]
    assert sum(len(set(part)) for part in parts) == 20
    others, images = y.copy(), X.copy()
    others[apart], images[apart] = 1e6, images[apart][::-1]
    again = CNNRegressor(augment=("rotation",), **settings).fit(images, others, groups=groups)
    np.testing.assert_array_equal(again.predict(X), seen.predict(X))
    for name, losses in seen.history_.items():
        np.testing.assert_array_equal(again.history_[name], losses)
    assert again.residuals_.min() > 1e5


def test_weights_choose_no_rank_but_weight_zero_leaves_an_image_out():
    X, y = noise()
    weights = np.r_[np.zeros(20), np.ones(40)]
    settings = SMALL | {"calibration_fraction": 0.5, "n_iter": 2}
    some = CNNRegressor(**settings).fit(X, y, sample_weight=weights)
    assert some.calibration_.min() >= 20
    assert len(some.residuals_) == 20
    heavy = weights.copy()
    heavy[some.calibration_] = 100.0
    again = CNNRegressor(**settings).fit(X, y, sample_weight=heavy)
    np.testing.assert_array_equal(again.residuals_, some.residuals_)


def test_a_prediction_is_the_mean_of_the_members_and_std_their_spread():
    X, y = noise()
    regressor = CNNRegressor(n_members=3, n_iter=9, **SMALL).fit(X, y)
    channels = regressor.encoder_.encode(X)
    told = torch.stack([member(channels) for member in regressor.network_]).double().numpy()
    told = told * regressor._targets.spread + regressor._targets.trend(X)
    mean, std = regressor.predict(X, return_std=True)
    np.testing.assert_allclose(mean, told.mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(std, told.std(axis=0), rtol=1e-3)
    assert std.min() > 0
    np.testing.assert_array_equal(regressor.predict(X), mean)
    single = CNNRegressor(n_members=2, n_iter=1, **SMALL).fit(X, y[:, 0])
    assert [part.shape for part in single.predict(X, return_std=True)] == [(60,), (60,)]


def test_members_have_their_own_weights_batches_and_best_iterations():
    X, y = noise(n=30)
    y = y[np.random.default_rng(1).permutation(30)]  # nothing to learn: more training makes worse
    settings = SMALL | {"validation_fraction": 0.3, "learning_rate": 1e-2, "decay_from": 1.0}
    ensemble = CNNRegressor(n_members=2, n_iter=60, **settings).fit(X, y)
    assert ensemble.best_iter_.shape == (2,)
    assert len(set(ensemble.best_iter_)) == 2
    channels, losses = ensemble.encoder_.encode(X[ensemble.held_out_]), []
    numbers = (y - ensemble._targets.trend(X))[ensemble.held_out_] / ensemble._targets.spread
    for member, n_iter in zip(ensemble.network_, ensemble.best_iter_, strict=True):
        # At its best iteration it had these weights.
        then = CNNRegressor(n_members=2, n_iter=int(n_iter), **settings).fit(X, y)
        states = member.state_dict()
        found = [
            all(torch.equal(v, states[k]) for k, v in other.state_dict().items())
            for other in then.network_
        ]
        assert sum(found) == 1
        losses.append(np.square(member(channels).double().numpy() - numbers).mean())
    assert np.mean(losses) < ensemble.history_["validation"].min() * (1 + 1e-4)


def test_histories_of_an_ensemble_are_means():
    X, y = noise()
    settings = SMALL | {"validation_fraction": 0.5, "batch_size": 30, "n_iter": 1}
    # All images in each batch: losses of members differ by their weights alone.
    ensemble = CNNRegressor(n_members=2, learning_rate=1e-30, **settings).fit(X, y)
    numbers = (y - ensemble._targets.trend(X)) / ensemble._targets.spread
    told = torch.stack([m(ensemble.encoder_.encode(X)) for m in ensemble.network_]).numpy()
    losses = np.square(told - numbers).mean(axis=(0, 2))
    held = ensemble.held_out_
    np.testing.assert_allclose(ensemble.history_["validation"], losses[held].mean(), rtol=1e-5)
    np.testing.assert_allclose(
        ensemble.history_["training"], np.delete(losses, held).mean(), rtol=1e-5
    )


def test_training_ends_when_no_member_has_progressed():
    class Best:
        def __init__(self, losses):
            self.losses, self.least, self.n_iter, self.n_measured = losses, np.inf, 0, 0

        def update(self, n_iter):
            self.n_measured = n_iter
            if self.losses[n_iter] < self.least:
                self.least, self.n_iter = self.losses[n_iter], n_iter

    bests = [Best([9, 8, 8, 8, 8, 8, 8, 8, 8]), Best([9, 8, 8, 7, 7, 7, 7, 7, 7])]
    measure, ends = measure_every(1, bests), []
    for n_iter in range(1, 8):
        assert not measure(n_iter, None)
        ends.append(without_progress(bests, 3))
    assert ends == [False] * 5 + [True] * 2


def test_ensembles_and_intervals_survive_files_pickles_clones_and_breaks(tmp_path):
    X, y = noise()
    settings = SMALL | {"n_members": 2, "calibration_fraction": 0.3, "decay_from": 1.0}
    whole = CNNRegressor(n_iter=9, **settings).fit(X, y)
    whole.save(tmp_path / "regressor.skm")
    path = tmp_path / "training.ckpt"
    CNNRegressor(n_iter=4, checkpoint=path, **settings).fit(X, y)
    copies = {
        "file": skmicro.load(tmp_path / "regressor.skm"),
        "pickle": pickle.loads(pickle.dumps(whole)),
        "clone": clone(whole).fit(X, y),
        "checkpoint": CNNRegressor(n_iter=9, checkpoint=path, **settings).fit(X, y),
    }
    for name, copy in copies.items():
        with case(name):
            for expected, part in zip(
                whole.predict(X, return_std=True), copy.predict(X, return_std=True), strict=True
            ):
                np.testing.assert_array_equal(part, expected)
            np.testing.assert_array_equal(copy.predict_interval(X), whole.predict_interval(X))
            np.testing.assert_array_equal(copy.best_iter_, whole.best_iter_)
    with pytest.raises(ValueError, match="belongs to another training: n_members was '2', now '3'"):
        CNNRegressor(checkpoint=path, **settings | {"n_members": 3}).fit(X, y)
    whole.set_params(n_members=1)  # a fitted regressor keeps what it knows
    np.testing.assert_array_equal(
        whole.predict(X, return_std=True)[1], copies["file"].predict(X, return_std=True)[1]
    )


def test_rows_of_an_ensemble_do_not_depend_on_each_other():
    X, y = noise(n=70)
    regressor = CNNRegressor(n_members=3, equivariant=True, n_iter=2, **SMALL).fit(X, y)
    whole = regressor.predict(X, return_std=True)
    for part, expected in zip(regressor.predict(X[[66, 3]], return_std=True), whole, strict=True):
        np.testing.assert_array_equal(part, expected[[66, 3]])


def test_what_is_refused():
    X, y = noise()
    one = CNNRegressor(n_iter=1, **SMALL).fit(X, y)
    with pytest.raises(
        ValueError, match=r"n_members must be >= 2 in fit for return_std=True, got 1"
    ):
        one.set_params(n_members=2).predict(X, return_std=True)
    with pytest.raises(ValueError, match=r"calibration_fraction must be > 0 in fit .*got 0"):
        one.set_params(calibration_fraction=0.5).predict_interval(X)
    fitted = CNNRegressor(n_iter=1, calibration_fraction=0.3, **SMALL).fit(X, y)
    for coverage in (0.0, 1.0, 1, -0.5, float("nan")):
        with case(coverage), pytest.raises(ValueError, match=r"coverage must lie in \(0, 1\), got"):
            fitted.predict_interval(X, coverage=coverage)
    with pytest.raises(TypeError, match=r"coverage must be a number, got '0\.9'"):
        fitted.predict_interval(X, coverage="0.9")
    with pytest.raises(
        ValueError, match=r"calibration_fraction must be 0 unless .*got 0\.3 with 1"
    ):
        CNNRegressor(n_iter=1, calibration_fraction=0.3, **SMALL).fit(X, y, groups=np.ones(60))
    with pytest.raises(ValueError, match=r"validation_fraction must be 0 .*with 1"):
        CNNRegressor(n_iter=1, calibration_fraction=0.3, **SMALL).fit(
            X, y, groups=np.arange(60) % 2
        )


def test_callbacks_of_scikit_learn_see_the_intervals_that_would_be_kept():
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")
    X, y = noise()
    looks = Looks(lambda seen: seen.predict_interval(X[:5]), most=3)
    settings = SMALL | {"calibration_fraction": 0.3, "n_members": 2, "batch_size": 60}
    regressor = CNNRegressor(**settings).set_callbacks(looks).fit(X, y)
    for intervals in (looks.seen[-1], looks.end):
        np.testing.assert_array_equal(intervals, regressor.predict_interval(X[:5]))


def test_mapie_wraps_a_regressor():
    mapie = pytest.importorskip("mapie.regression", reason="MAPIE is optional")
    X, y = noise(n_outputs=1)
    y = y[:, 0]
    for images, shape in ((X, None), (X.reshape(60, -1), (6, 6))):
        regressor = CNNRegressor(n_iter=3, image_shape=shape, **SMALL).fit(images[:30], y[:30])
        for prefit in (True, False):
            given = regressor if prefit else clone(regressor)
            wrapped = mapie.SplitConformalRegressor(given, confidence_level=0.9, prefit=prefit)
            if not prefit:
                wrapped.fit(images[:30], y[:30])
            wrapped.conformalize(images[30:49], y[30:49])
            predicted, intervals = wrapped.predict_interval(images[49:])
            errors = np.sort(np.abs(regressor.predict(images[30:49]) - y[30:49]))
            with case(images.shape, prefit):
                np.testing.assert_array_equal(predicted, regressor.predict(images[49:]))
                half = intervals[:, 1, 0] - predicted
                np.testing.assert_allclose(half, errors[17], rtol=1e-6)
                ours = half_widths(errors[:, None], 0.9)
                np.testing.assert_allclose(half, ours[0], rtol=1e-6)


def test_members_of_bounded_outputs_stay_between_the_bounds():
    conductivity = EffectiveConductivity(conductivity=(1.0, 50.0), device="cpu")
    X, _ = noise(n=20)
    y = conductivity.fit_transform(X)
    regressor = CNNRegressor(
        target=conductivity, output="bounded", n_members=3, equivariant=True, n_iter=2, **SMALL
    ).fit(X, y)
    for member in regressor.network_:
        member.head.weight.mul_(1e3)  # networks that tell anything
    matrices = conductivity.matrices(regressor.predict(X))
    lower, upper = conductivity.bounds(regressor.encoder_.encode(X, dtype=torch.float64))
    assert np.linalg.eigvalsh(matrices - lower).min() > -1e-12
    assert np.linalg.eigvalsh(upper - matrices).min() > -1e-12
    assert regressor.predict(X, return_std=True)[1].max() > 1
