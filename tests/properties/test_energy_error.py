"""Errors of effective coefficients: bounded, reached, and what they cost."""

import numpy as np
import pytest
import torch
from cases import case
from scipy import ndimage
from sklearn.exceptions import ConvergenceWarning

from skmicro.properties import ElasticStiffness

RTOLS = (1e-2, 1e-4, 1e-6, 1e-8)


def blobs(shape):
    """Return one image of smooth structures that fill a half, (1, *shape)."""
    field = np.random.default_rng(0).normal(size=shape)
    field = ndimage.gaussian_filter(field, 1.0, mode="wrap")
    return (field > np.median(field)).astype(int)[None]


@pytest.mark.representatives("shape0-young1", "shape0-young3", "shape1-young0")
@pytest.mark.parametrize("young", [(1.0, 10.0), (100.0, 1.0), (1.0, 1e4), (0.0, 1.0), (1.0, 0.0)])
@pytest.mark.parametrize("shape", [(12, 12), (6, 6, 6)])
def test_errors_are_within_rtol(young, shape):
    image = blobs(shape)
    exact = ElasticStiffness(young=young, rtol=1e-14).fit(image)
    C = exact.matrices(exact.transform(image))[0]
    for rtol in (1e-2, 1e-4, 1e-8):  # the last is reached by iterations in single precision
        with case(rtol):
            estimator = exact.set_params(rtol=rtol)
            errors = estimator.matrices(estimator.transform(image))[0] - C
            allowed = np.sqrt(rtol * np.diag(C) + (2e-8 if min(young) == 0 else 0.0))
            assert (np.abs(errors) <= np.outer(allowed, allowed)).all()
            assert np.diag(errors).min() >= -1e-12 * C.max()  # energies come from above


def test_a_tighter_rtol_costs_more_iterations_and_one_too_loose_is_not_reached_by_chance():
    image = blobs((16, 16))
    counts = [ElasticStiffness(young=(1.0, 100.0), rtol=r).fit(image).n_iter_ for r in RTOLS]
    assert counts == sorted(set(counts))
    exact = ElasticStiffness(young=(1.0, 100.0), rtol=1e-14).fit_transform(image)[0, 0]
    for rtol, n_iter in zip(RTOLS, counts, strict=True):
        few = ElasticStiffness(young=(1.0, 100.0), rtol=rtol, max_iter=max(1, n_iter // 2))
        with pytest.warns(ConvergenceWarning):
            found = few.fit_transform(image)[0, 0]
        assert found - exact > rtol * exact


def test_gradients_err_by_the_square_root_of_rtol():
    shares = torch.tensor(np.stack([1 - blobs((8, 8)), blobs((8, 8))], 1) * 0.8 + 0.1)
    gradients = []
    for rtol in (1e-14, 1e-6):
        estimator = ElasticStiffness(young=(1.0, 10.0), rtol=rtol).fit(blobs((8, 8)))
        x = shares.clone().requires_grad_()
        estimator(x).sum().backward()
        gradients.append(x.grad)
    error = (gradients[1] - gradients[0]).norm() / gradients[0].norm()
    assert 0 < error < 1e-3
