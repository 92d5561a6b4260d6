"""Tensors as targets: they turn with the images, and are predicted between their bounds."""

import numpy as np
import pytest
import torch
from cases import case
from sklearn.base import clone

import skmicro
from skmicro.exceptions import EstimateWarning
from skmicro.images import Symmetries
from skmicro.properties import EffectiveConductivity, ElasticStiffness
from skmicro.regressors import CNNRegressor
from skmicro.regressors._samples import checked_samples
from skmicro.training.regression import moved_with_numbers

EVERYTHING = ("translation", "reflection", "rotation")
STIFFNESS = ElasticStiffness(young=(1.0, 5.0), poisson=(0.2, 0.4), device="cpu", rtol=1e-10)
CONDUCTIVITY = EffectiveConductivity(conductivity=(1.0, 5.0), device="cpu", rtol=1e-10)
SMALL = {"widths": (4, 4), "batch_size": 8, "device": "cpu", "random_state": 0, "periodic": True}


def images_of(n, shape=(6, 6), seed=0):
    rng = np.random.default_rng(seed)
    return (rng.random((n, *shape)) < rng.uniform(0.2, 0.8, (n, *[1] * len(shape)))).astype(int)


def tensors_of(estimator, X):
    """Return coefficients somewhere between the bounds of each image, without a solution."""
    estimator.fit(X[:1] * 0 + np.arange(X[0].size).reshape(X[0].shape) % 2)
    lower, upper = estimator.bounds(estimator.encoder_.encode(X, dtype=torch.float64))
    share = np.random.default_rng(2).uniform(0.2, 0.8, (len(X), 1, 1))
    return estimator.components(lower + share * (upper - lower))


def turned_batch(regressor, X, y):
    """Return images and targets of a batch that the training has moved."""
    encoder, targets = regressor.encoder_, regressor._targets
    batches = regressor._batches(
        checked_samples(regressor, X, y, None, None),
        regressor.network_,
    )
    batch = moved_with_numbers(
        next(batches),
        torch.Generator().manual_seed(1),
        symmetries=Symmetries(EVERYTHING, n_groups=8),
        turned=targets.turned,
    )
    images = encoder.decode(batch.images)
    return images, targets.decode(batch.conditions[:, :-1].numpy(), images)


@pytest.mark.representatives("estimator0-shape0")
@pytest.mark.parametrize(
    ("estimator", "shape"), [(STIFFNESS, (6, 6)), (CONDUCTIVITY, (5, 5)), (CONDUCTIVITY, (3, 3, 3))]
)
def test_training_sees_moved_images_with_the_tensors_that_they_have(estimator, shape):
    X = images_of(8, shape)
    y = estimator.fit_transform(X)
    settings = SMALL | {"precision": "float64", "validation_fraction": 0.0, "n_iter": 1}
    for output in ("free", "bounded"):
        regressor = CNNRegressor(target=estimator, output=output, augment=EVERYTHING, **settings)
        images, turned = turned_batch(regressor.fit(X, y), X, y)
        expected = estimator.transform(images)
        with case(output):
            assert not np.allclose(np.sort(expected[:, 0]), np.sort(y[:, 0]), rtol=1e-3)
            np.testing.assert_allclose(turned, expected, atol=1e-4 * y.max())


def test_a_batch_is_moved_in_groups_and_weights_stay():
    X = images_of(8)
    y = tensors_of(STIFFNESS, X)
    regressor = CNNRegressor(target="stiffness", n_iter=1, validation_fraction=0.0, **SMALL)
    regressor.fit(X, y)
    samples = checked_samples(regressor, X, y, np.arange(1, 9), None)
    before = next(regressor._batches(samples, regressor.network_))
    moved = moved_with_numbers(
        before,
        torch.Generator().manual_seed(0),
        symmetries=Symmetries(EVERYTHING, n_groups=8),
        turned=regressor._targets.turned,
    )
    assert torch.equal(moved.conditions[:, -1], before.conditions[:, -1])
    assert len(before.conditions[:, -1].unique()) == 8
    assert torch.equal(moved.images.mean(dim=(2, 3)), before.images.mean(dim=(2, 3)))
    changed = (moved.images != before.images).flatten(1).any(dim=1)
    assert changed.sum() >= 6


def test_augmentation_without_a_target_keeps_the_numbers():
    X = images_of(16)
    y = X[:, 0, 0]
    settings = SMALL | {"validation_fraction": 0.0, "n_iter": 2}
    regressor = CNNRegressor(augment=EVERYTHING, **settings).fit(X, y)
    plain = CNNRegressor(**settings).fit(X, y)
    assert not np.array_equal(regressor.predict(X), plain.predict(X))
    numbers = torch.rand(3, 1, generator=torch.Generator().manual_seed(0))
    assert torch.equal(regressor._targets.turned(numbers, ((1, 0), (True, False), (0, 0))), numbers)


def test_the_trend_has_the_symmetries_of_the_material():
    X = images_of(60, (12, 12))
    y = tensors_of(CONDUCTIVITY, X) + np.array([2.0, 1.0, 0.0])
    half = X[:1] * 0
    half[0, ::2] = 1
    for augment, same, zero in (((), 0, 0), (("reflection",), 0, 1), (("rotation",), 1, 0)):
        settings = SMALL | {"n_iter": 1, "augment": augment}
        regressor = CNNRegressor(target="conductivity", **settings).fit(X, y)
        k11, k12, k22 = regressor._targets.trend(half)[0]
        assert bool(abs(k11 - k22) < 1e-9) == same
        assert bool(abs(k12) < 1e-9) == zero


def test_images_that_are_not_periodic_are_not_rolled():
    X = images_of(16)
    y = X[:, 0, 0]
    settings = SMALL | {"periodic": False, "n_iter": 2, "validation_fraction": 0.0}
    rolled = CNNRegressor(augment=("translation",), **settings).fit(X, y)
    np.testing.assert_array_equal(rolled.predict(X), CNNRegressor(**settings).fit(X, y).predict(X))


def hostile_images(shape, n=40):
    """Return noise, uniform images, layers of either phase and single voxels."""
    rng = np.random.default_rng(1)
    images = rng.integers(0, 2, (n, *shape))
    images[:2] = np.arange(2).reshape(2, *[1] * len(shape))
    images[2] = np.arange(shape[-1]) % 2
    images[3] = 1 - images[2].swapaxes(-1, -2)
    images[4:6] = np.arange(2).reshape(2, *[1] * len(shape))
    images[4:6, 0, 0] = 1 - images[4:6, 0, 0]
    return images


@pytest.mark.parametrize("estimator", [STIFFNESS, CONDUCTIVITY])
def test_bounded_predictions_never_leave_their_bounds(estimator):
    for shape in ((6, 6), (4, 4, 4)):
        X = images_of(12, shape)
        y = tensors_of(estimator, X)
        regressor = CNNRegressor(target=estimator, output="bounded", n_iter=2, **SMALL)
        regressor.fit(X, y)
        images = np.concatenate([hostile_images(shape), 1 - X])
        lower, upper = estimator.bounds(estimator.encoder_.encode(images, dtype=torch.float64))
        for scale in (1.0, 1e3, -1e3):
            # Networks that tell anything, far outside of what they were trained on.
            regressor.network_.head.weight.mul_(scale)
            C = estimator.matrices(regressor.predict(images))
            with case(shape, scale):
                np.testing.assert_array_equal(C, C.transpose(0, 2, 1))
                assert np.linalg.eigvalsh(C).min() > 0
                assert np.linalg.eigvalsh(C - lower).min() > -1e-13 * upper.max()
                assert np.linalg.eigvalsh(upper - C).min() > -1e-13 * upper.max()
                np.testing.assert_allclose(C[:2], upper[:2])
                assert np.ptp(C[6:, 0, 0]) > 0.1


def test_voids_and_phases_that_are_alike_in_one_way():
    X = images_of(12)
    for estimator in (
        ElasticStiffness(young=(0.0, 5.0), device="cpu"),
        ElasticStiffness(young=(2.6, 2.2), poisson=(0.3, 0.1), device="cpu"),  # one shear modulus
        EffectiveConductivity(conductivity=(0.0, 5.0), device="cpu"),
        EffectiveConductivity(conductivity=(5.0, 5.0), device="cpu"),
    ):
        y = tensors_of(estimator, X)
        regressor = CNNRegressor(target=estimator, output="bounded", n_iter=1, **SMALL).fit(X, y)
        C = estimator.matrices(regressor.predict(X[X.mean(axis=(1, 2)) > 0]))
        with case(estimator):
            assert np.linalg.eigvalsh(C).min() > 0
            targets = regressor._targets
            back = targets._targets(targets._numbers(y, X), X)
            scale = np.abs(y).max()
            np.testing.assert_allclose(back, y, atol=2e-3 * scale)


def test_targets_in_another_unit_give_predictions_in_that_unit():
    X = images_of(12)
    told = {}
    for unit in (1.0, 1e9):
        estimator = ElasticStiffness(young=(unit, 5 * unit), poisson=(0.2, 0.4), device="cpu")
        regressor = CNNRegressor(target=estimator, output="bounded", n_iter=3, **SMALL)
        told[unit] = regressor.fit(X, tensors_of(estimator, X)).predict(X)
    np.testing.assert_allclose(told[1e9], 1e9 * told[1.0], rtol=1e-4, atol=1e5)


def test_bounded_predictions_by_batches_files_and_sizes(tmp_path):
    X = images_of(70, (8, 8))
    y = tensors_of(STIFFNESS, X[:12])
    regressor = CNNRegressor(target=STIFFNESS, output="bounded", n_iter=2, **SMALL)
    regressor.fit(X[:12], y)
    whole = regressor.predict(X)
    np.testing.assert_array_equal(regressor.predict(X[[66, 3]]), whole[[66, 3]])
    regressor.save(tmp_path / "regressor.skm")
    loaded = skmicro.load(tmp_path / "regressor.skm")
    np.testing.assert_array_equal(loaded.predict(X), whole)
    assert loaded.target.young == (1.0, 5.0)
    regressor.set_params(target__young=(3.0, 4.0))  # a fitted regressor keeps what it knows
    np.testing.assert_array_equal(regressor.predict(X), whole)
    np.testing.assert_allclose(
        regressor.predict(np.tile(X, (1, 2, 3))), whole, rtol=1e-5, atol=1e-6
    )


def test_grey_levels_are_shares_of_the_second_phase():
    X = np.random.default_rng(0).random((12, 6, 6))
    y = CONDUCTIVITY.fit(X).components(np.eye(2) * (1 + 3 * X.mean(axis=(1, 2)))[:, None, None])
    regressor = CNNRegressor(target=CONDUCTIVITY, output="bounded", n_iter=2, **SMALL).fit(X, y)
    share = X.mean(axis=(1, 2))
    told = regressor.predict(X)
    assert (told[:, 0] < share * 5 + (1 - share)).all()
    assert (told[:, 0] > 1 / (share / 5 + (1 - share))).all()


def test_targets_outside_the_bounds_are_reported():
    X = images_of(20)
    y = tensors_of(CONDUCTIVITY, X)
    regressor = CNNRegressor(target=CONDUCTIVITY, output="bounded", n_iter=1, **SMALL)
    others = clone(CONDUCTIVITY).set_params(conductivity=(1e3, 1e4))
    for wrong, target in ((10 * y, CONDUCTIVITY), (-y, CONDUCTIVITY), (y, others)):
        refused = clone(regressor).set_params(target=target)
        with pytest.raises(ValueError, match=r"y must lie between the bounds .* images outside"):
            refused.fit(X, wrong)
    y[3] *= 3
    regressor.set_params(validation_fraction=0.0)
    with pytest.warns(EstimateWarning, match="got 1 of 20 images outside"):
        regressor.fit(X, y)


def test_components_that_are_always_zero():
    X = np.repeat(images_of(20, (6,))[:, :, None], 6, axis=2)
    y = 1e-6 * EffectiveConductivity(conductivity=(1.0, 5.0), rtol=1e-13).fit_transform(X)
    y[:, 1] = 0.0
    unit = EffectiveConductivity(conductivity=(1e-6, 5e-6))
    for target, largest in ((unit, 5e-6), (None, 0.0)):
        regressor = CNNRegressor(target=target, n_iter=2, **SMALL).fit(X, y)
        assert np.abs(regressor.predict(X)[:, 1]).max() <= largest


def test_fit_refuses():
    X = images_of(8)
    y = tensors_of(STIFFNESS, X)
    cases = [
        ({"target": "strength"}, r"target must be None, one of \['conductivity', 'stiffness'\]"),
        ({"output": "bounded"}, r"target must be an ElasticStiffness or .*got None"),
        ({"output": "bounded", "target": "stiffness"}, "which knows the phases.* got 'stiffness'"),
        ({"target": "conductivity"}, "y must have 3 columns, .*'conductivity', got 6"),
        ({"augment": ("shear",)}, r"augment\[0\] must be one of"),
        ({"target": ElasticStiffness(young=(1.0,))}, "young must have a value for each"),
    ]
    for parameters, message in cases:
        with case(parameters), pytest.raises(ValueError, match=message):
            CNNRegressor(n_iter=1, **SMALL | parameters).fit(X, y)
    part = ElasticStiffness(outputs=("C11", "C12"))
    for parameters, message in (
        ({"augment": ("rotation",)}, "outputs must hold all coefficients that turns"),
        ({"output": "bounded"}, "outputs must hold all coefficients, got"),
    ):
        with case(parameters), pytest.raises(ValueError, match=message):
            CNNRegressor(n_iter=1, target=part, **SMALL | parameters).fit(X, y[:, :2])
    CNNRegressor(n_iter=1, target=part, augment=("reflection",), **SMALL).fit(X, y[:, :2])
