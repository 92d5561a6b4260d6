"""How the networks see conditions: centred, uncorrelated, of spread one."""

import numpy as np
import pytest
import torch

from skmicro.conditioning import ConditionTable
from skmicro.conditioning._whitening import AMPLIFICATION, whitening_of
from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import TwoPointCorrelation
from skmicro.images import encoder_for
from skmicro.networks import whitened


@pytest.fixture(scope="module")
def images():
    return make_cahn_hilliard(60, (16, 16), n_steps=150, random_state=0)[0]


def table_of(names, images):
    return ConditionTable(names, encoder_for(images), images.shape[1:]).extended(images)[0]


def correlated_rows(n_rows=500, n_columns=4, seed=0):
    rng = np.random.default_rng(seed)
    mixing = np.eye(n_columns) + 0.5 * rng.standard_normal((n_columns, n_columns))
    return 3.0 + rng.standard_normal((n_rows, n_columns)) @ mixing


def apply(rows, whitening):
    return whitened(torch.tensor(rows), whitening).numpy()


def test_whitened_columns_are_uncorrelated_and_of_spread_one():
    rows = correlated_rows()
    got = apply(rows, whitening_of(rows))
    np.testing.assert_allclose(got.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(got.T @ got / len(got), np.eye(4), atol=1e-10)


def test_whitening_changes_uncorrelated_columns_as_little_as_it_can():
    rows = np.random.default_rng(0).standard_normal((20_000, 3)) * [1.0, 10.0, 0.1]
    got = apply(rows, whitening_of(rows))
    np.testing.assert_allclose(got, (rows - rows.mean(0)) / rows.std(0), atol=0.1)


def test_whitening_does_not_depend_on_the_order_of_the_columns():
    rows, order = correlated_rows(), [2, 0, 3, 1]
    got = apply(rows[:, order], whitening_of(rows[:, order]))
    np.testing.assert_allclose(got, apply(rows, whitening_of(rows))[:, order], atol=1e-10)


def test_a_single_condition_is_divided_by_its_spread(images):
    table = table_of(["p1"], images)
    p1 = images.mean(axis=(1, 2))
    got = table.whitened(torch.tensor(table.rows))[:, 0]
    np.testing.assert_allclose(got, (p1 - p1.mean()) / p1.std(), rtol=1e-4, atol=1e-5)


def test_small_differences_between_curves_grow_but_not_without_limit(images):
    table = table_of(["p2"], images)
    curves = TwoPointCorrelation().fit_transform(images)
    standard = (curves - curves.mean(axis=0)) / curves.std(axis=0)
    variances, directions = np.linalg.eigh(np.corrcoef(curves.T))
    got = table.whitened(torch.tensor(table.rows, dtype=torch.float64)).numpy()
    spreads = (got @ directions).std(axis=0)
    kept = variances > 1.01 * AMPLIFICATION**-2
    assert 1 < kept.sum() < len(kept)
    np.testing.assert_allclose(spreads[kept], 1.0, rtol=1e-3)
    assert (spreads[~kept] < 1.01).all()
    assert (
        np.linalg.norm(got, axis=1).max() <= AMPLIFICATION * np.linalg.norm(standard, axis=1).max()
    )


def test_a_condition_that_never_changes_stays_finite():
    rows = np.hstack([correlated_rows(n_columns=1), np.full((500, 1), 0.3)])
    got = apply(rows, whitening_of(rows))
    np.testing.assert_allclose(got[:, 1], 0.0, atol=1e-9)
    np.testing.assert_allclose(got[:, 0].std(), 1.0)


def test_rows_are_whitened_by_themselves():
    rows = torch.tensor(correlated_rows(n_rows=9), dtype=torch.float32)
    whitening = whitening_of(rows.numpy())
    together = whitened(rows, whitening)
    for k in range(9):
        assert torch.equal(whitened(rows[k : k + 1], whitening)[0], together[k])
