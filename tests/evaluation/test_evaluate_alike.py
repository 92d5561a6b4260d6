"""evaluate: images without variation, many that are the same, and axes of one voxel."""

import numpy as np
import pytest

from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import EulerNumber, SpecificSurface, VolumeFraction
from skmicro.evaluation import evaluate

FAST = {
    "descriptors": [VolumeFraction(), SpecificSurface()],
    "n_bootstrap": 20,
    "random_state": 0,
}


@pytest.fixture(scope="module")
def images():
    X, _ = make_cahn_hilliard(60, (16, 16), n_steps=100, random_state=0)
    return np.split(X, 3)


@pytest.mark.filterwarnings("ignore:.*overlap with:UserWarning")
def test_images_with_the_same_features_are_no_difference():
    rng = np.random.default_rng(0)
    checks = np.indices((8, 8)).sum(axis=0) % 2
    for _ in range(3):
        X = rng.integers(0, 2, (60, 8, 8))
        X[rng.random(60) < 0.7] = checks
        options = FAST | {"descriptors": [EulerNumber()]}
        report = evaluate(X[:20], X[20:40], X[40:], **options)
        assert report["density"].p_value > 0.05


def test_real_images_without_variation(images):
    samples, X_train, X_test = images
    nothing = np.zeros_like(X_test)
    nothing[0] = X_train[0]
    for pair in ((nothing, nothing), (X_train, nothing * 0), (nothing * 0, X_test)):
        report = evaluate(samples, *pair, **FAST)
        numbers = [value for row in report.metrics for value in row[1:7]]
        assert np.isfinite(numbers).all()
        assert np.abs(numbers).max() < 1e6
    report = evaluate(samples, X_train * 0, X_test * 0, **FAST)
    assert "p1 adjusted difference" not in [row.name for row in report.metrics]
    assert report.p_value < 0.05


def test_test_images_that_are_one_image_have_no_unit_of_their_own(images):
    samples, X_train, X_test = images
    with pytest.warns(UserWarning, match="overlap with"):
        report = evaluate(samples, X_train, np.repeat(X_test[:1], 20, axis=0), **FAST)
    assert "specific_surface adjusted difference" not in [row.name for row in report.metrics]
    assert max(abs(row.value) for row in report.metrics) < 1e3


def test_axes_of_one_voxel_have_no_surface():
    sets = np.random.default_rng(0).integers(0, 2, (3, 12, 1, 16))
    report = evaluate(*sets, **FAST)
    assert "surface anisotropy" not in [row.name for row in report.metrics]
