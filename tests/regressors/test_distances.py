"""Distances between the targets of two sets of images."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from textures import blobs

from skmicro.descriptors import SpecificSurface, VolumeFraction
from skmicro.generators import GaussianRandomField
from skmicro.regressors import AugmentedRegressor, target_distances


def test_distances_are_in_deviations_of_the_real_values():
    real = np.random.default_rng(0).normal(size=(400, 2)) * [1.0, 10.0]
    distances, baseline = target_distances(real + 1.0, real, random_state=0)
    assert_allclose(distances, 1 / real.std(axis=0))
    assert_array_equal(baseline, target_distances(real, real, random_state=0)[1])
    assert (baseline != target_distances(real, real, random_state=1)[1]).all()
    assert_allclose(target_distances(real, real)[0], 0)
    # Halves of more values are nearer to each other.
    assert (target_distances(real, real[:40], random_state=0)[1] > 1.5 * baseline).all()
    column = target_distances(real[:, 0] + 1, real[:, 0])[0]
    assert_allclose(column, distances[:1])


def test_distances_do_not_depend_on_units_but_those_of_a_constant():
    real = np.random.default_rng(0).normal(size=40)
    expected = target_distances(real + 1.0, real, random_state=0)
    for scale in (1e-300, 1e-9, 1e300):
        scaled = target_distances(scale * (real + 1.0), scale * real, random_state=0)
        assert_allclose(scaled, expected, rtol=1e-9, err_msg=f"{scale}")
    # The mean of three times 0.1 is not 0.1.
    distances, baseline = target_distances([0.6], [0.1] * 3)
    assert_allclose(distances, 0.5)
    assert baseline == 0


@pytest.mark.filterwarnings("ignore::skmicro.exceptions.DistributionWarning")
def test_they_are_those_that_an_augmented_regressor_looks_at():
    X = blobs(20)
    y = SpecificSurface().fit_transform(X)[:, 0]
    model = AugmentedRegressor(
        generator=GaussianRandomField(),
        regressor=make_pipeline(VolumeFraction(), Ridge()),
        labeler=SpecificSurface(),
        n_synthetic=10,
        random_state=4,
    ).fit(X, y)
    _, baseline = target_distances(y, y, random_state=4)
    assert_array_equal(baseline, model.baseline_)


def test_what_is_not_allowed():
    with pytest.raises(ValueError, match="values must have as many columns as real, 2, got 1"):
        target_distances([1.0, 2.0], np.ones((3, 2)))
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        target_distances([1.0, 2.0], [1.0])
    with pytest.raises(ValueError, match="real contains NaN"):
        target_distances([1.0, 2.0], [1.0, np.nan])
