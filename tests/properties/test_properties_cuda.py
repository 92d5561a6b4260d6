"""The same on a CUDA device, where images are solved in batches."""

import numpy as np
import pytest
import torch
from cells import random_image

from skmicro.properties import EffectiveConductivity, ElasticStiffness, ThreePointParameters

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("cls", [EffectiveConductivity, ElasticStiffness, ThreePointParameters])
@pytest.mark.parametrize("shape", [(12, 9), (6, 5, 4)])
def test_cuda_agrees_with_the_cpu(cls, shape):
    images = np.concatenate([random_image(shape, seed=seed) for seed in range(20)])
    on_cuda, on_cpu = (
        cls(device=device).fit(images).transform(images) for device in ("cuda", "cpu")
    )
    np.testing.assert_allclose(on_cuda, on_cpu, rtol=1e-6, atol=1e-8)


def test_gradient_agrees_with_the_cpu():
    estimator = ElasticStiffness(outputs=["C11"]).fit(random_image((8, 8)))
    shares = torch.rand(2, 2, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    gradients = []
    for device in ("cpu", "cuda"):
        x = shares.to(device).requires_grad_(True)
        gradients.append(torch.autograd.grad(estimator(x).sum(), x)[0].cpu())
    torch.testing.assert_close(*gradients, atol=1e-6, rtol=1e-6)
