"""Which phases there are: stated once, for all estimators, or told from images with a doubt."""

import pickle

import numpy as np
import pytest
from cases import case
from sklearn.base import clone

import skmicro
from skmicro.descriptors import PhaseFractions, TwoPointCorrelation, VolumeFraction
from skmicro.exceptions import LabelWarning
from skmicro.generators import (
    WGANGP,
    FlowMatchingGenerator,
    MarkovRandomField,
)
from skmicro.properties import EffectiveConductivity
from skmicro.regressors import CNNRegressor
from skmicro.utils import all_estimators

ONES = np.ones((1, 4, 4), np.uint8)
STACK = np.stack([ONES[0], 2 * ONES[0], ONES[0] + np.eye(4, dtype=np.uint8)])
TINY = {"n_iter": 1, "width": 4, "n_latent": 2, "batch_size": 2, "random_state": 0, "device": "cpu"}


def test_a_piece_without_a_phase_has_the_fraction_that_the_stack_says():
    """Labels 1 and 2 of which an image holds 1 only: p1, of phase 2, is 0 and not 1."""
    stacked = VolumeFraction().fit(STACK).transform(ONES)
    assert stacked[0, 0] == 0
    assert VolumeFraction(phases=(1, 2)).fit_transform(ONES)[0, 0] == 0
    with pytest.warns(LabelWarning, match=r"label 1 only.*phases=\(0, 1\) says|label 2 only"):
        assert VolumeFraction().fit_transform(2 * ONES)[0, 0] == 1
    fractions = PhaseFractions(phases=[3, 1, 2]).fit(ONES)
    assert fractions.get_feature_names_out().tolist() == [f"phase_fractions_{k}" for k in (1, 2, 3)]
    np.testing.assert_array_equal(fractions.transform(STACK)[2], [0.75, 0.25, 0])
    curve = TwoPointCorrelation(phases=(1, 2), phase=1, periodic=True).fit_transform(ONES)
    np.testing.assert_allclose(curve, 1)


def test_guesses_of_one_phase_are_told_and_others_are_not():
    for images in (ONES, 0 * ONES, ONES.astype(bool), STACK, STACK / 4):
        with case(images[0, 0, 0], images.dtype):
            VolumeFraction().fit(images)
    with pytest.warns(LabelWarning, match="X has the label 7 only"):
        VolumeFraction().fit(7.0 * ONES)


def test_every_estimator_of_images_takes_phases():
    without = {
        name for name, kind in all_estimators() if "phases" not in kind().get_params(deep=False)
    }
    assert without == {"AugmentedRegressor"}


@pytest.mark.filterwarnings("ignore::skmicro.exceptions.ExtrapolationWarning")
def test_generators_and_regressors_know_the_phases_stated(tmp_path):
    X = np.concatenate([STACK, STACK])
    for generator in (
        WGANGP.light(phases=(1, 2, 5), **TINY),
        MarkovRandomField(phases=(1, 2, 5)),
    ):
        with case(generator):
            fitted = generator.fit(X)
            assert fitted.phases_.tolist() == [1, 2, 5]
            fitted.save(tmp_path / "model.skm")
            for same in (skmicro.load(tmp_path / "model.skm"), pickle.loads(pickle.dumps(fitted))):
                assert same.phases == (1, 2, 5)
                np.testing.assert_array_equal(
                    same.sample(2, random_state=0), fitted.sample(2, random_state=0)
                )
    images = fitted.sample(2, phase_fractions=[0.5, 0.25, 0.25], exact=True, random_state=0)
    assert (np.count_nonzero(images == 5, axis=(1, 2)) == 4).all()
    small = {"n_iter": 1, "widths": (4, 4), "validation_fraction": 0.0}
    regressor = CNNRegressor(phases=(1, 2, 5), random_state=0, **small)
    regressor.fit(X, np.arange(6.0))
    assert regressor.predict(5 * ONES).shape == (1,)
    with pytest.raises(ValueError, match=r"must hold only the phases \[1, 2, 5\]"):
        regressor.predict(3 * ONES)


def test_properties_of_a_piece_have_a_value_for_each_phase():
    solver = EffectiveConductivity(conductivity={1: 2.0, 2: 5.0}, phases=(1, 2), outputs=["k11"])
    np.testing.assert_allclose(solver.fit_transform(ONES), 2)
    np.testing.assert_allclose(clone(solver).fit_transform(2 * ONES), 5)


def test_many_ids_are_refused_as_a_guess_and_taken_where_they_are_stated():
    ids = np.arange(100).reshape(1, 10, 10)
    with pytest.raises(ValueError, match=r"at most 64 distinct labels, got 100.*phases=\(1, 2, "):
        PhaseFractions().fit(ids)
    shares = PhaseFractions(phases=tuple(range(100))).fit_transform(np.repeat(ids, 3, axis=0))
    np.testing.assert_allclose(shares, 0.01)
    assert VolumeFraction(phases=tuple(range(100)), phase=42).fit_transform(ids) == 0.01


@pytest.mark.parametrize(
    ("phases", "images", "error", "message"),
    [
        ((), ONES, ValueError, "phases must hold at least one integer"),
        ((1, 1), ONES, ValueError, r"phases must hold each label once, got \(1, 1\)"),
        ((1, 2.5), ONES, TypeError, r"phases\[1\] must be an integer"),
        ("12", ONES, TypeError, "phases must be a list, tuple or array of one axis"),
        ((0, 2), ONES, ValueError, r"X must hold only the phases \[0, 2\] that phases states, got"),
        ((-1, 1), ONES, ValueError, r"phases must be labels of type uint8, got \(-1, 1\)"),
        ((0, 1), ONES / 3, ValueError, r"X must hold only the phases \[0(.0)?, 1(.0)?\]"),
    ],
)
def test_phases_that_cannot_be(phases, images, error, message):
    with pytest.raises(error, match=message):
        VolumeFraction(phases=phases).fit(images)


def test_a_condition_with_other_phases_than_the_images_is_refused():

    condition = VolumeFraction(phases=(0, 1, 2))
    generator = FlowMatchingGenerator.light(conditions=(condition,), n_iter=1)
    with pytest.raises(ValueError, match=r"phases must be those of the images, \[0 1\], got"):
        generator.fit(np.random.default_rng(0).integers(0, 2, (4, 8, 8)))
