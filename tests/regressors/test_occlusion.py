"""Where a regressor looks."""

import numpy as np
import pytest
import torch
from cases import case
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from textures import blobs

from skmicro.descriptors import PhaseFractions, SpecificSurface, VolumeFraction
from skmicro.regressors import CNNRegressor, occlusion_map


class Corner:
    """Predicts the mean of the first voxels along each axis, and nothing has to be fitted."""

    def __init__(self, side, power=1):
        self.side = side
        self.power = power

    def predict(self, X):
        first = (slice(None), *[slice(0, self.side)] * (X.ndim - 1))
        return X[first].reshape(len(X), -1).astype(float).mean(axis=1) ** self.power


def linear(X, y):
    return make_pipeline(VolumeFraction(), LinearRegression()).fit(X, y)


def test_the_mean_of_a_corner_shows_that_corner():
    rng = np.random.default_rng(0)
    for shape in [(9, 12), (6, 9, 6)]:
        image = rng.integers(0, 2, shape)
        corner = (slice(0, 3),) * len(shape)
        image[corner] = 1
        with case(shape):
            effects = occlusion_map(Corner(3), image, window=3, stride=3)
            assert effects.shape == shape
            # All of the corner is replaced by 1 with probability p1, and by 0 otherwise.
            assert_allclose(effects[corner], 1 - image.mean())
            effects[corner] = 0
            assert_array_equal(effects, 0)
            voxels = occlusion_map(Corner(3), image, window=1)
            assert_allclose(voxels[corner], (1 - image.mean()) / 3 ** len(shape))
            assert np.count_nonzero(voxels) == 3 ** len(shape)


def test_a_prediction_linear_in_the_fraction_is_mapped_as_the_fraction():
    X = blobs(12, (16, 12))
    model = linear(X, 3.0 + 5.0 * X.mean(axis=(1, 2)))
    image = X[3]
    p1 = image.mean()
    voxels = occlusion_map(model, image, window=1)
    assert_allclose(voxels, 5.0 * (image - p1) / image.size, atol=1e-6)
    blocks = image.reshape(4, 4, 3, 4).mean(axis=(1, 3))
    expected = 5.0 * 16 / image.size * (blocks - p1).repeat(4, axis=0).repeat(4, axis=1)
    assert_allclose(occlusion_map(model, image, window=4, stride=4), expected, atol=1e-6)


def test_a_voxel_has_the_mean_of_the_windows_that_it_lies_in():
    image = np.array([[1, 0, 1, 0, 1]] * 5)
    single = occlusion_map(Corner(1), image, window=3, stride=1, fill=0)
    counts = np.array([1, 2, 3, 2, 1])
    expected = np.zeros((5, 5))
    expected[:3, :3] = 1 / np.outer(counts, counts)[:3, :3]
    assert_allclose(single, expected)
    # The last window ends at the border, where it overlaps the one before.
    effects = occlusion_map(Corner(5), image, window=3, stride=3, fill=0)
    corners = [[image[a : a + 3, b : b + 3].sum() / 25 for b in (0, 2)] for a in (0, 2)]
    assert_allclose(effects[[0, 0, 4, 4], [0, 4, 0, 4]], np.ravel(corners))
    assert_allclose(effects[2, 2], np.mean(corners))


def test_every_phase_is_filled_in_and_weighs_by_its_fraction():
    image = np.full((4, 4), 2, dtype=np.uint8)
    image[0], image[1] = 5, 9
    square = Corner(1, power=2)
    expected = 25 - (0.5 * 4 + 0.25 * 25 + 0.25 * 81)
    assert_allclose(occlusion_map(square, image, window=1)[0, 0], expected)
    assert_allclose(occlusion_map(square, image, window=1, fill=9)[0, 0], 25 - 81)
    X = blobs(12, n_phases=3)
    fractions = PhaseFractions().fit(X)
    weights = np.array([[1.0, 0.0], [2.0, 1.0], [3.0, 5.0]])
    model = make_pipeline(PhaseFractions(), LinearRegression())
    model.fit(X, fractions.transform(X) @ weights)
    effects = occlusion_map(model, X[4], window=1)
    own = fractions.transform(X[4:5])[0] @ weights
    expected = (weights[X[4]] - own) / X[4].size
    assert_allclose(effects, np.moveaxis(expected, -1, 0), atol=1e-6)


def test_grey_levels_are_replaced_by_their_mean():
    image = np.random.default_rng(0).random((8, 8))
    effects = occlusion_map(Corner(2), image, window=2, stride=2)
    assert_allclose(effects[:2, :2], image[:2, :2].mean() - image.mean())
    assert_array_equal(effects[2:], 0)


def test_an_image_of_one_phase_owes_nothing_to_any_part():
    ones = np.ones((8, 8), dtype=int)
    assert_array_equal(occlusion_map(Corner(2), ones), 0)
    assert_array_equal(occlusion_map(Corner(8), ones, fill=1), 0)


def test_networks_pipelines_and_tensors_are_looked_into_alike():
    X = blobs(12)
    y = SpecificSurface().fit_transform(X)
    network = CNNRegressor.light(n_iter=2, random_state=0).fit(X, y)
    pipeline = make_pipeline(SpecificSurface(), LinearRegression()).fit(X, y)
    for model in (network, pipeline):
        effects = occlusion_map(model, X[0], window=6, stride=6)
        assert effects.shape == (1, 12, 12)
        changed = np.repeat(X[:1], 2, axis=0)
        changed[:, 6:, :6] = np.array([0, 1])[:, None, None]
        p1 = X[0].mean()
        expected = model.predict(X[:1])[0] - [1 - p1, p1] @ model.predict(changed)
        assert_allclose(effects[0, 6:, :6], np.broadcast_to(expected, (6, 6)), atol=1e-6)
    again = occlusion_map(network, torch.as_tensor(X[0]), window=6, stride=6)
    assert_array_equal(again, occlusion_map(network, X[0].tolist(), window=6, stride=6))


def test_what_is_not_allowed():
    image = np.eye(4, dtype=int)
    cases = [
        ((3, image), {}, TypeError, r"regressor must be an estimator with predict, got 3"),
        ((Corner(1), image[None, None]), {}, ValueError, r"\(H, W\) or \(D, H, W\), got \(1, 1, "),
        ((Corner(1), image[0]), {}, ValueError, r"got \(4,\)"),
        ((Corner(1), image * np.nan), {}, ValueError, "does not support unknown voxels"),
        ((Corner(1), image), {"window": 0}, ValueError, "window must be >= 1, got 0"),
        ((Corner(1), image), {"window": 5}, ValueError, "window must be < 5, got 5"),
        (
            (Corner(1), image),
            {"window": 2, "stride": 3},
            ValueError,
            "stride must be <= window, 2",
        ),
        ((Corner(1), image[:, :0]), {}, ValueError, r"image must have voxels, got shape \(4, 0\)"),
        ((Corner(1), image), {"stride": 1.0}, TypeError, "stride must be an integer"),
        ((Corner(1), image), {"fill": 0.5}, ValueError, "fill must be a label of type int64"),
        ((Corner(1), image), {"fill": "1"}, TypeError, "fill must be a number"),
    ]
    for arguments, options, error, message in cases:
        with case(message), pytest.raises(error, match=message):
            occlusion_map(*arguments, **options)
    with pytest.raises(ValueError, match=r"phases \[0, 1\] seen in fit, got \[7\]"):
        occlusion_map(CNNRegressor.light(n_iter=1).fit(blobs(4), range(4)), blobs(1)[0], fill=7)

    class Wrong(Corner):
        def predict(self, X):
            return np.zeros(3)

    with pytest.raises(ValueError, match=r"regressor must predict an array of shape \(1,\)"):
        occlusion_map(Wrong(1), image)
