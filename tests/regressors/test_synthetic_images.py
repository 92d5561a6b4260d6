"""Which images are generated and labelled: targets from ranges, and the least certain ones."""

import warnings

import numpy as np
import pytest
from augmented_parts import Both, Copies, Recorder, Surface, augmented, data, quiet
from cases import case
from scipy.stats import kstest, uniform
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, WhiteKernel
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from textures import blobs

from skmicro.conditioning import ConditionTable
from skmicro.descriptors import TwoPointCorrelation, VolumeFraction
from skmicro.exceptions import DistributionWarning, ExtrapolationWarning
from skmicro.generators import GaussianRandomField
from skmicro.images import encoder_for
from skmicro.properties import EffectiveConductivity
from skmicro.regressors import CNNRegressor, _synthetic

beyond = pytest.mark.filterwarnings("ignore::skmicro.exceptions.ExtrapolationWarning")


def fractions_of(images):
    return images.mean(axis=(1, 2))


def added_to(model, X, y):
    """Return the generated images that a model learned from."""
    return model.fit(X, y).regressor_.seen_["X"][len(X) :]


@beyond
def test_targets_are_uniform_in_their_range_where_images_are_not():
    X = blobs(24, (16, 16), low=0.45, high=0.55)
    options = {"labeler": VolumeFraction(), "n_synthetic": 200}
    model = augmented(targets={"p1": (0.2, 0.8)}, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DistributionWarning)
        p1 = fractions_of(added_to(model, X, fractions_of(X)))
    assert (model.distances_ > 2 * model.baseline_).all()
    assert kstest(p1, uniform(0.2, 0.6).cdf).statistic < 0.1
    np.testing.assert_allclose(model.regressor_.seen_["y"][24:], p1, rtol=1e-6)
    plain = fractions_of(added_to(augmented(**options), X, fractions_of(X)))
    assert kstest(plain, uniform(0.2, 0.6).cdf).statistic > 0.3


def test_a_range_of_none_is_that_of_the_images_of_fit():
    X, y = data()
    for rows in (slice(0, 10), slice(12, 24)):
        p1 = fractions_of(X[rows])
        told = {"p1": (p1.min(), p1.max())}
        images, same = (
            added_to(augmented(targets=targets), X[rows], y[rows])
            for targets in ({"p1": None}, told)
        )
        np.testing.assert_array_equal(images, same)
        assert p1.min() - 0.01 < fractions_of(images).min() < p1.min() + 0.03
        assert p1.max() - 0.03 < fractions_of(images).max() < p1.max() + 0.01


def test_targets_beyond_the_images_are_extrapolated_aloud():
    X, y = data()
    with pytest.warns(ExtrapolationWarning, match="target p1 lies outside") as record:
        augmented(targets={"p1": (0.1, 0.2)}).fit(X, y)
    assert record[0].filename == __file__


class OwnTargets(Copies):
    """A generator of the user, whose targets are arguments."""

    def sample(self, n_samples=1, random_state=None, p1=0.5, length=1.0):
        self.asked_ = {"p1": p1, "length": length}
        return super().sample(n_samples)


@quiet
def test_targets_of_any_generator_that_takes_them():
    X, y = data()
    targets = {"length": (2, 5), "p1": None}
    first, again, longer = (
        augmented(generator=OwnTargets(), targets=targets, n_synthetic=n).fit(X, y).generator_
        for n in (40, 40, 50)
    )
    asked = first.asked_
    np.testing.assert_array_equal(asked["length"], again.asked_["length"])
    np.testing.assert_array_equal(asked["length"], longer.asked_["length"][:40])
    p1 = fractions_of(X)
    assert 2 < asked["length"].min() < 2.5 < 4.5 < asked["length"].max() < 5
    assert p1.min() < asked["p1"].min() < asked["p1"].max() < p1.max()
    assert abs(np.corrcoef(asked["p1"], asked["length"])[0, 1]) < 0.5


def test_a_name_stands_for_what_the_generator_has_for_it():
    X = blobs(10)
    generator = Copies()
    generator.encoder_ = encoder_for(X)
    table = ConditionTable([VolumeFraction(phase=0)], generator.encoder_, X.shape[1:])
    generator.conditions_ = table
    low, high = _synthetic.closed_ranges({"p1": None}, generator, X)["p1"]
    expected = 1 - fractions_of(X)
    np.testing.assert_allclose((low, high), (expected.min(), expected.max()), rtol=1e-6)


class Doubtful(Recorder):
    """Is the less certain the more there is of phase 1, and keeps how many images it was fitted on.

    Of a second output it is a little less certain the less there is.
    """

    n_images = ()

    def fit(self, X, y, sample_weight=None):
        Doubtful.n_images += (len(X),)
        return super().fit(X, y)

    def predict(self, X, return_std=False):
        if not return_std:
            return super().predict(X)
        p1 = fractions_of(np.asarray(X))
        outputs = np.stack([p1, 1e-3 * (1 - p1)], axis=1)
        return super().predict(X), p1 if self.seen_["y"].ndim == 1 else outputs


def test_the_least_certain_of_the_candidates_are_labelled():
    X, y = data()
    Doubtful.n_images = ()
    candidates = added_to(augmented(regressor=Doubtful(), n_synthetic=200), X, y)
    model = augmented(
        regressor=Doubtful(), selection="uncertainty", n_synthetic=20, n_candidates=200
    )
    images = added_to(model, X, y)
    assert Doubtful.n_images == (224, 24, 44)
    p1 = fractions_of(candidates)
    np.testing.assert_array_equal(images, candidates[np.sort(np.argsort(-p1, kind="stable")[:20])])
    by_default = added_to(model.set_params(n_candidates=None), X, y)
    np.testing.assert_array_equal(by_default, images)
    all_of_them = added_to(model.set_params(n_synthetic=200, n_candidates=200), X, y)
    np.testing.assert_array_equal(all_of_them, candidates)
    assert model.set_params(n_synthetic=0).fit(X, y).n_synthetic_ == 0


@beyond
def test_candidates_have_targets_as_well():
    X, y = data()
    options = {"selection": "uncertainty", "n_synthetic": 5, "n_candidates": 50}
    model = augmented(regressor=Doubtful(), targets={"p1": (0.1, 0.9)}, **options)
    assert fractions_of(added_to(model, X, y)).min() > 0.75


@quiet
def test_deviations_count_in_units_of_the_spread_of_each_output():
    X, y = data()
    options = {"selection": "uncertainty", "n_synthetic": 5, "n_candidates": 50}
    model = augmented(regressor=Doubtful(), labeler=Both(), **options)
    most, least = (
        fractions_of(added_to(model, X, np.column_stack([scale * y, y]))) for scale in (1.0, 1e6)
    )
    assert least.max() < most.min()


class CountingSurface(Surface):
    """Counts the images that were labelled."""

    n_labelled = 0

    def transform(self, X):
        CountingSurface.n_labelled += len(X)
        return super().transform(X)


def test_a_gaussian_process_in_a_pipeline_labels_what_it_has_not_seen():
    X, y = data()
    process = GaussianProcessRegressor(RBF(2.0) + WhiteKernel(1e-3), optimizer=None)
    regressor = make_pipeline(TwoPointCorrelation(), StandardScaler(), process)
    alone = clone(regressor).fit(X[:8], y[:8])
    options = {"labeler": CountingSurface(), "n_synthetic": 10}
    CountingSurface.n_labelled = 0
    model = augmented(regressor=regressor, selection="uncertainty", n_candidates=60, **options).fit(
        X[:8], y[:8]
    )
    # Eight of them are real images, compared with y.
    assert CountingSurface.n_labelled == 8 + 10
    recorded = augmented(regressor=Recorder(), **options | {"n_synthetic": 60})
    candidates = added_to(recorded, X[:8], y[:8])
    doubt = alone.predict(candidates, return_std=True)[1]
    at_random = augmented(regressor=regressor, **options).fit(X[:8], y[:8])
    left, others = (
        fitted.regressor_.predict(candidates, return_std=True)[1] for fitted in (model, at_random)
    )
    chosen = np.argsort(doubt)[-10:]
    assert (left < doubt)[chosen].all()
    assert left.max() < others.max() < doubt.max()


class NoDoubts(Recorder):
    def predict(self, X, return_std=False):
        return super().predict(X), np.full(len(X), np.nan)


class Untold(RegressorMixin, BaseEstimator):
    """Takes ``return_std`` and then refuses it, as an ensemble of one member."""

    def fit(self, X, y):
        return self

    def predict(self, X, return_std=False):
        raise ValueError("n_members must be >= 2")


class NeverTrained(Copies):
    def fit(self, X, y=None):
        raise AssertionError("the generator was trained")

    def sample(self, n_samples=1, random_state=None, **targets):
        raise AssertionError("the generator was asked")


class NeverTrainedField(GaussianRandomField):
    fit = NeverTrained.fit


class Labels(Surface):
    """Gives what it is told to, of images of two phases."""

    def __init__(self, given=None):
        self.given = given

    def transform(self, X):
        return self.given


FIELD = NeverTrainedField()
UNCERTAIN = {"selection": "uncertainty", "regressor": Doubtful(), "n_synthetic": 5}
SCALED = TransformedTargetRegressor(Doubtful(), transformer=StandardScaler())
BAD = {
    "targets of no dict": ({"targets": "p1"}, TypeError, "targets must be None or a dict .*'p1'"),
    "no targets": ({"targets": {}}, TypeError, r"targets must be None or a dict .* got \{\}"),
    "one end": ({"targets": {"p1": 0.3}}, TypeError, r"targets\['p1'\] must be None or a pair"),
    "text": ({"targets": {"p1": ("a", 1)}}, TypeError, r"targets\['p1'\] must be .*'a'"),
    "NaN": ({"targets": {"p1": (0.1, np.nan)}}, ValueError, r"targets\['p1'\] must .*nan"),
    "turned range": ({"targets": {"p1": (0.6, 0.4)}}, ValueError, "must have low <= high, got"),
    "unknown target": ({"targets": {"p7": None}}, ValueError, r"must be one of \[.*'p1'.*got 'p7'"),
    "unknown selection": ({"selection": "best"}, ValueError, "selection must be one of .*'best'"),
    "too few candidates": (
        UNCERTAIN | {"n_candidates": 4},
        ValueError,
        "n_candidates must be >= 5, got 4",
    ),
    "no deviations": (
        UNCERTAIN | {"regressor": make_pipeline(VolumeFraction(), Ridge())},
        ValueError,
        "regressor must have a predict that takes return_std .*Ridge",
    ),
    "no deviations of scaled targets": (
        UNCERTAIN | {"regressor": SCALED},
        ValueError,
        "regressor must have a predict that takes return_std .*TransformedTargetRegressor",
    ),
    "one member": (UNCERTAIN | {"regressor": Untold()}, ValueError, "n_members must be >= 2"),
    "targets of a field": (
        {"generator": FIELD, "targets": {"p1": (0.2, 1.01)}},
        ValueError,
        r"targets\['p1'\] must lie in \[0, 1\], got \(0.2, 1.01\)",
    ),
    "low end": (
        {"generator": FIELD, "targets": {"p1": (-1, 0.5)}},
        ValueError,
        r"targets\['p1'\] must lie in \[0, 1\], got \(-1, 0.5\)",
    ),
    "several components": (
        {"generator": FIELD, "targets": {"p2": None}},
        ValueError,
        r"targets must have one component.*got 'p2' with \d",
    ),
    "columns": (
        {"labeler": Labels(np.zeros((8, 2)))},
        ValueError,
        "labeler must give as many columns as y has, 1, got 2",
    ),
    "no labels": (
        {"labeler": Labels()},
        ValueError,
        r"labeler must give one row for each image, shape \(8, n_outputs\), got None",
    ),
    "too few labels": (
        {"labeler": Labels(np.zeros((3, 1)))},
        ValueError,
        r"labeler must give one row .*shape \(8, n_outputs\), got shape \(3, 1\)",
    ),
    "phase without conductivity": (
        {"labeler": EffectiveConductivity(conductivity={0: 1.0})},
        ValueError,
        r"conductivity must have a value for each .* none for \[1\]",
    ),
    "parameter of a regressor inside": (
        {"regressor": make_pipeline(CNNRegressor(n_members=0))},
        ValueError,
        "n_members must be >= 1, got 0",
    ),
    "weights that nothing takes": (
        {
            "regressor": make_pipeline(VolumeFraction(), KNeighborsRegressor()),
            "synthetic_weight": 2,
        },
        ValueError,
        "regressor must take sample_weight",
    ),
    "memory without a seed": (
        {"memory": "nowhere", "random_state": None},
        ValueError,
        "random_state must be an integer with memory, .*got None",
    ),
    "gate and targets": ({"gate": True, "targets": {"p1": None}}, ValueError, "gate must be False"),
    "gate and choice": (UNCERTAIN | {"gate": True}, ValueError, "gate must be False .*on purpose"),
}


def test_refusals_before_the_generator_is_trained():
    X, y = data()
    for kind, (options, error, message) in BAD.items():
        model = augmented(**{"generator": NeverTrained()} | options)
        before = dict(vars(model))
        with case(kind):
            with pytest.raises(error, match=message):
                model.fit(X, y)
            assert vars(model) == before


def test_a_labeler_of_another_quantity_is_warned_of_before_the_generator_is_trained():
    X, y = data()
    p1 = fractions_of(X)
    both = {"labeler": Both(), "generator": NeverTrained()}
    message = r"labeler computes other targets than y: of 8 images column 0 by \d.*, column 1 by \d"
    with pytest.warns(DistributionWarning, match=message) as record, pytest.raises(AssertionError):
        augmented(**both).fit(X, np.column_stack([p1, y]))
    assert record[0].filename == __file__
    slightly = p1 + 0.05 * p1.std() * np.resize([1.0, -1.0], len(p1))
    with pytest.raises(AssertionError, match="was trained"):
        augmented(**both).fit(X, np.column_stack([y, slightly]))
    augmented(**both | {"n_synthetic": 0, "generator": Copies()}).fit(X, np.column_stack([p1, y]))


def test_the_first_fit_leaves_the_checkpoint_to_the_last(tmp_path):
    X, y = data()
    regressor = CNNRegressor.light(
        n_iter=2, widths=(4,), n_members=2, device="cpu", checkpoint=str(tmp_path / "checkpoint")
    )
    options = {"selection": "uncertainty", "n_synthetic": 4}
    kept = augmented(regressor=regressor, **options).fit(X, y)
    assert kept.regressor_.checkpoint == regressor.checkpoint
    assert (tmp_path / "checkpoint").exists()
    plain = augmented(regressor=clone(regressor).set_params(checkpoint=None), **options).fit(X, y)
    np.testing.assert_array_equal(kept.predict(X), plain.predict(X))


def test_refusals_of_what_a_trained_generator_tells():
    X, y = data()
    with pytest.raises(ValueError, match=r"sample of Copies takes, \[\], got 'p1'"):
        augmented(generator=Copies(), targets={"p1": (0, 1)}).fit(X, y)
    with pytest.raises(ValueError, match=r"of OwnTargets takes, \['length', 'p1'\], got 'p2'"):
        augmented(generator=OwnTargets(), targets={"p2": (0, 1)}).fit(X, y)
    with pytest.raises(ValueError, match=r"target without a range must be one of .*got 'length'"):
        augmented(generator=OwnTargets(), targets={"length": None}).fit(X, y)
    with pytest.raises(ValueError, match=r"targets must have one component.*got 'p2' with \d"):
        augmented(targets={"p2": (0, 1)}).fit(X, y)
    with pytest.raises(ValueError, match=r"finite standard deviations .*got NaN"):
        augmented(**UNCERTAIN | {"regressor": NoDoubts()}).fit(X, y)
