"""Coefficients turn with the image, and lie between their bounds."""

from itertools import permutations, product

import numpy as np
import pytest
import torch
from cases import case

from skmicro.images import Move
from skmicro.properties import EffectiveConductivity, ElasticStiffness

PROPERTIES = [
    ElasticStiffness(young=(1.0, 20.0), poisson=(0.1, 0.35), rtol=1e-12, device="cpu"),
    ElasticStiffness(young=(1.0, 20.0), plane="stress", rtol=1e-12, device="cpu"),
    EffectiveConductivity(conductivity=(1.0, 30.0), rtol=1e-12, device="cpu"),
]


def random_images(n, shape, seed=0):
    """Return images without any symmetry."""
    return (np.random.default_rng(seed).random((n, *shape)) < 0.4).astype(np.uint8)


@pytest.mark.representatives("shape0-estimator0", "shape0-estimator1", "shape1-estimator2")
@pytest.mark.parametrize("estimator", PROPERTIES)
@pytest.mark.parametrize("shape", [(7, 7), (4, 4, 4)])
def test_coefficients_of_turned_images_are_turned_coefficients(estimator, shape):
    n_axes = len(shape)
    images = random_images(1, shape)
    moves = list(product(permutations(range(n_axes)), product([False, True], repeat=n_axes)))
    moves = moves if n_axes == 2 else moves[5::9]
    moved = [
        Move(order, flips, (2,) * n_axes)(torch.tensor(images).unsqueeze(1)).squeeze(1).numpy()
        for order, flips in moves
    ]
    values, *expected = estimator.fit(images).transform(np.concatenate([images, *moved]))
    for (order, flips), right in zip(moves, expected, strict=True):
        with case(order, flips):
            turned = estimator.turned(values[None], order, flips)
            np.testing.assert_allclose(turned[0], right, atol=1e-5 * values.max())
            again = estimator.turned(torch.tensor(values[None]), order, flips).numpy()
            np.testing.assert_array_equal(again, turned)
    assert np.ptp(expected, axis=0).max() > 1e-2 * values.max()


def test_turns_of_some_outputs():
    stiffness = ElasticStiffness(outputs=("C22", "C66", "C11"))
    np.testing.assert_array_equal(
        stiffness.turned(np.array([[2.0, 6.0, 1.0]]), (1, 0), (True, True)), [[1.0, 6.0, 2.0]]
    )
    with pytest.raises(ValueError, match=r"outputs must hold all .* exchange, got \('C11',\)"):
        ElasticStiffness(outputs=("C11",)).turned(np.ones((1, 1)), (1, 0), (False, False))


@pytest.mark.representatives("shape0-estimator1", "shape1-estimator0")
@pytest.mark.parametrize("estimator", PROPERTIES)
@pytest.mark.parametrize("shape", [(9, 8), (4, 5, 6)])
def test_coefficients_lie_between_their_bounds(estimator, shape):
    images = random_images(4, shape)
    images[0] = 1
    images[1] = np.arange(shape[-1]) % 2  # layers, which attain both bounds
    values = estimator.fit_transform(images)
    lower, upper = estimator.bounds(estimator.encoder_.encode(images))
    matrices = estimator.matrices(values)
    np.testing.assert_array_equal(matrices, matrices.transpose(0, 2, 1))
    np.testing.assert_array_equal(estimator.components(matrices), values)
    scale = upper.max()
    for gap in (matrices - lower, upper - matrices):
        least = np.linalg.eigvalsh(gap)
        assert least.min() > -1e-6 * scale
        np.testing.assert_allclose(gap[0], 0.0, atol=1e-6 * scale)
        np.testing.assert_allclose(least[1, 0], 0.0, atol=1e-5 * scale)
        assert least[2:].max() > 1e-2 * scale


def test_bounds_by_hand_and_of_voids():
    conductivity = EffectiveConductivity(conductivity=(0.0, 4.0, 1.0)).fit([[[0, 1, 2, 2]]])
    images = conductivity.encoder_.encode(np.array([[[0, 1], [2, 2]], [[1, 1], [1, 2]]]))
    lower, upper = conductivity.bounds(images)
    np.testing.assert_allclose(upper, [1.5 * np.eye(2), 3.25 * np.eye(2)])
    np.testing.assert_allclose(lower, [0 * np.eye(2), np.eye(2) / (0.75 / 4 + 0.25)])
    stiffness = ElasticStiffness(young=(2.0, 2.0), poisson=(0.25, 0.25)).fit([[[0, 1]]])
    lower, upper = stiffness.bounds(stiffness.encoder_.encode(np.array([[[0, 1]]])))
    lame, shear = 2 * 0.25 / (1.25 * 0.5), 2 / 2.5
    expected = np.array([[lame + 2 * shear, lame, 0], [lame, lame + 2 * shear, 0], [0, 0, shear]])
    np.testing.assert_allclose(lower[0], expected)
    np.testing.assert_allclose(upper[0], expected)
