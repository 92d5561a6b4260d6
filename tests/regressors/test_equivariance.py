"""Predictions of turned images are the turned predictions."""

import numpy as np
import pytest
import torch
from cases import case

from skmicro.images import point_symmetries
from skmicro.properties import EffectiveConductivity, ElasticStiffness
from skmicro.regressors import CNNRegressor

SMALL = {"widths": (4, 4), "batch_size": 8, "n_iter": 2, "device": "cpu", "random_state": 0}
STIFFNESS = ElasticStiffness(young=(1.0, 5.0), poisson=(0.2, 0.4), device="cpu")
CONDUCTIVITY = EffectiveConductivity(conductivity=(1.0, 5.0), device="cpu")


def textures(estimator, shape, n=9):
    """Return noise and tensors between the bounds, all components different from zero."""
    rng = np.random.default_rng(0)
    X = rng.integers(0, 2, (n, *shape))
    estimator.fit(X)
    lower, upper = estimator.bounds(estimator.encoder_.encode(X, dtype=torch.float64))
    values, vectors = np.linalg.eigh(upper - lower)
    root = vectors * np.sqrt(values.clip(0))[:, None]
    turn = np.linalg.qr(rng.normal(size=lower.shape))[0]
    share = (turn * rng.uniform(0.2, 0.8, (n, 1, lower.shape[1]))) @ turn.transpose(0, 2, 1)
    return X, estimator.components(lower + root @ share @ root.transpose(0, 2, 1))


def moved_images(move, X):
    return move(torch.as_tensor(X)[:, None])[:, 0].numpy()


@pytest.mark.representatives("estimator0-shape0-8", "estimator3-shape3-48")
@pytest.mark.parametrize(
    ("estimator", "shape", "n_moves"),
    [
        (STIFFNESS, (7, 7), 8),
        (STIFFNESS, (4, 7), 4),
        (CONDUCTIVITY, (6, 6), 8),
        (STIFFNESS, (3, 3, 3), 48),
        (CONDUCTIVITY, (2, 3, 3), 16),
    ],
)
def test_predictions_turn_with_the_image(estimator, shape, n_moves):
    X, y = textures(estimator, shape)
    moves = point_symmetries(shape)
    assert len(moves) == n_moves
    for output, periodic in (("free", False), ("bounded", True))[len(shape) - 2 :]:
        settings = SMALL | {"target": estimator, "output": output, "periodic": periodic}
        settings |= {"precision": "float64", "n_members": 2}
        exact = CNNRegressor(equivariant=True, **settings).fit(X, y)
        plain = CNNRegressor(**settings).fit(X, y)
        mean, std = exact.predict(X, return_std=True)
        scale, worst = np.abs(mean).max(), 0.0
        for move in moves[1 :: max(1, n_moves // 3)]:
            Z = moved_images(move, X)
            told, spread = exact.predict(Z, return_std=True)
            with case(output, move):
                expected = estimator.turned(mean, *move[:2])
                np.testing.assert_allclose(told, expected, atol=1e-12 * scale)
                signless = np.abs(estimator.turned(std, *move[:2]))
                np.testing.assert_allclose(spread, signless, atol=1e-12 * scale)
            turned = estimator.turned(plain.predict(X), *move[:2])
            worst = max(worst, np.abs(plain.predict(Z) - turned).max())
        assert worst > 1e-4 * scale


def test_the_prediction_is_the_mean_over_turned_images():
    X, y = textures(CONDUCTIVITY, (5, 5))
    settings = SMALL | {"target": "conductivity", "precision": "float64"}
    exact = CNNRegressor(equivariant=True, **settings).fit(X, y)
    plain = CNNRegressor(**settings).fit(X, y)
    told = [
        CONDUCTIVITY.turned(plain.predict(moved_images(move, X)), *move.inverse[:2])
        for move in point_symmetries((5, 5))
    ]
    np.testing.assert_allclose(exact.predict(X), np.mean(told, axis=0), rtol=1e-12)
    np.testing.assert_array_equal(exact.history_["training"], plain.history_["training"])


def test_numbers_without_a_target_are_the_same_for_turned_images():
    X, y = textures(CONDUCTIVITY, (6, 6))
    exact = CNNRegressor(equivariant=True, precision="float64", **SMALL).fit(X, y[:, 0])
    told = exact.predict(X)
    for move in point_symmetries((6, 6)):
        np.testing.assert_allclose(exact.predict(moved_images(move, X)), told, rtol=1e-12)
    # Symmetries of other shapes are those of the image that is predicted.
    wide = np.tile(X, (1, 1, 2))
    np.testing.assert_allclose(exact.predict(wide[:, ::-1]), exact.predict(wide), rtol=1e-12)


def test_errors_of_images_set_apart_are_those_of_equivariant_predictions():
    X, y = textures(CONDUCTIVITY, (6, 6), n=20)
    settings = SMALL | {"target": "conductivity", "calibration_fraction": 0.5}
    exact = CNNRegressor(equivariant=True, **settings).fit(X, y)
    apart = exact.calibration_
    np.testing.assert_allclose(exact.residuals_, np.abs(exact.predict(X) - y)[apart], rtol=1e-12)
    exact.set_params(equivariant=False)  # a fitted regressor keeps what it knows
    np.testing.assert_array_equal(exact.predict(X[apart]), exact.predict(X)[apart])
    assert not np.allclose(CNNRegressor(**settings).fit(X, y).residuals_, exact.residuals_)


def test_fit_refuses_tensors_that_cannot_be_turned():
    X, y = textures(STIFFNESS, (6, 6))
    part = ElasticStiffness(outputs=("C11", "C12"))
    with pytest.raises(ValueError, match="outputs must hold all coefficients that turns"):
        CNNRegressor(target=part, equivariant=True, **SMALL).fit(X, y[:, :2])
