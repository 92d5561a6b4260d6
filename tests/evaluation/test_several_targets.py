"""Reports for several targets: real images near each, the calibration, refusals."""

import json

import numpy as np
import pytest

from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import SpecificSurface, TwoPointCorrelation, VolumeFraction
from skmicro.evaluation import evaluate
from skmicro.exceptions import TargetWarning
from skmicro.generators import GaussianRandomField

FAST = {
    "descriptors": [VolumeFraction(), TwoPointCorrelation(), SpecificSurface()],
    "n_bootstrap": 20,
    "random_state": 0,
}
TARGETS = {"p1": [0.35, 0.5, 0.6]}


@pytest.fixture(scope="module")
def real():
    X, _ = make_cahn_hilliard(240, (16, 16), n_steps=100, random_state=0)
    return np.split(X, 2)


@pytest.fixture(scope="module")
def field(real):
    return GaussianRandomField(random_state=0).fit(real[0])


class Biased:
    """A generator whose images have 0.04 more of phase 1 than asked for."""

    def __init__(self, field):
        self.field = field
        self.image_shape_, self.encoder_ = field.image_shape_, field.encoder_
        self.periodic_ = field.periodic_

    def sample(self, n_samples, random_state=None, p1=None):
        return self.field.sample(n_samples, random_state=random_state, p1=np.add(p1, 0.04))


@pytest.mark.slow
def test_images_are_asked_for_the_values_of_real_ones_nearby(real, field):
    report = evaluate(field, *real, targets=TARGETS, **FAST)
    assert report.targets == [{"p1": 0.35}, {"p1": 0.5}, {"p1": 0.6}]
    assert [one.n_samples for one in report.reports] == [24, 24, 24]
    p1 = np.sort(real[1].mean(axis=(1, 2)))
    for one, row in zip(report.reports, report.calibration, strict=True):
        nearest = p1[np.argsort(np.abs(p1 - row.target))[:24]]
        assert row.asked == pytest.approx(nearest.mean(), abs=1e-3)
        assert abs(row.achieved - row.asked) < 0.005
        assert row.low <= row.achieved <= row.high
        assert one["p1 mean"].value == pytest.approx(row.achieved, abs=1e-6)
        assert one["p1 mean"].p_value > 0.5
    assert str(report).splitlines()[2].startswith("p1 = 0.35")
    assert report.settings["targets"] == "{'p1': [0.35, 0.5, 0.6]}"
    assert "targets={&#x27;p1&#x27;: [0.35, 0.5, 0.6]}" in report._page()
    assert json.loads(json.dumps(report.to_dict(), allow_nan=False))["targets"] == report.targets


def test_a_biased_generator_is_seen_in_the_calibration(real, field):
    report = evaluate(Biased(field), *real, targets=TARGETS, **FAST)
    for row in report.calibration:
        assert row.achieved - row.asked == pytest.approx(0.04, abs=0.006)
        assert row.low > row.asked
        assert row.error == pytest.approx(0.04, abs=0.01)


def test_results_repeat_and_positions_are_cut(real, field):
    places = np.column_stack([np.arange(120), np.zeros((120, 2), int)])
    options = FAST | {"targets": {"p1": [0.4, 0.6]}, "n_samples": 20}
    first, again = (
        evaluate(field, *real, positions=(kind(places), kind(places)), **options).to_dict()
        for kind in (np.asarray, np.ndarray.tolist)
    )
    assert first == again
    assert [one["n_samples"] for one in first["reports"]] == [20, 20]


def test_targets_far_from_the_images_are_said(real, field):
    options = FAST | {"targets": {"p1": [0.3]}, "n_samples": 110}
    with pytest.warns(TargetWarning, match=r"the 110 images of X_test nearest to p1 = 0\.3 have"):
        report = evaluate(field, *real, **options)
    assert report.calibration[0].asked > 0.4


def test_bad_input(real, field):
    for targets, error, message in (
        ({"p1": [0.4, 0.99]}, ValueError, r"targets of p1 must lie within those of X_test.*0\.99"),
        ({"p1": [0.4, np.nan]}, ValueError, "targets of p1 must be one or 2 finite numbers"),
        ({"p1": [0.4, 0.5], "s2": [1, 2, 3]}, ValueError, "targets of p1 must be one or 3"),
        ({"p1": [[0.4, 0.5]]}, ValueError, "targets of p1 must be numbers in a list"),
        ({"p2": [0.4, 0.5]}, ValueError, "of descriptors of one value, got p2 of"),
        ({"p7": [0.4, 0.5]}, ValueError, "targets must be one of"),
        ({"p1": [0.4, 0.4]}, ValueError, "targets must differ from each other"),
        ({"p1": []}, ValueError, r"targets of p1 must be numbers in a list, got \[\]"),
        ({"p1": ["a"]}, ValueError, "targets of p1 must be numbers in a list, got"),
        ({3: [0.4]}, TypeError, "targets must have names of descriptors as keys, got 3"),
        ({"p1": [0.4], "volume_fraction": [0.6]}, ValueError, "contain p1 under one name only"),
    ):
        with pytest.raises(error, match=message):
            evaluate(field, *real, targets=targets, **FAST)
    with pytest.raises(TypeError, match="targets in lists need a fitted generator"):
        evaluate(real[0], *real, targets=TARGETS, **FAST)
    places = np.zeros((120, 2), int)
    for options, error, message in (
        ({"positions": 3}, TypeError, "positions must be a pair"),
        ({"positions": (places[:5], places)}, ValueError, r"positions\[0\] must have a row"),
        ({"n_samples": 3}, ValueError, "n_samples must be >= 6, got 3"),
        ({"n_samples": 121}, ValueError, "n_samples must be <= 120"),
    ):
        with pytest.raises(error, match=message):
            evaluate(field, *real, targets=TARGETS, **FAST | options)
