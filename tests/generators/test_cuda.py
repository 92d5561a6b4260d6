"""The same on a CUDA device."""

import pickle

import numpy as np
import pytest
import torch

from skmicro.datasets import make_cahn_hilliard
from skmicro.generators import NetworkGenerator
from skmicro.utils import all_generators

pytestmark = pytest.mark.gpu
NETWORKS = [cls for _, cls in all_generators() if issubclass(cls, NetworkGenerator)]


@pytest.mark.parametrize("cls", NETWORKS)
def test_cuda_agrees_with_the_cpu(cls):
    X, _ = make_cahn_hilliard(32, (16, 16), n_steps=200, random_state=0)
    on_cuda = cls.light(n_iter=20, device="cuda", precision="float64", random_state=0).fit(X)
    on_cpu = cls.light(n_iter=20, device="cpu", precision="float64", random_state=0).fit(X)
    assert next(on_cuda.generator_.parameters()).device.type == "cuda"
    for name, losses in on_cpu.history_.items():
        np.testing.assert_allclose(on_cuda.history_[name], losses, rtol=1e-3, atol=1e-3)
    samples = on_cuda.sample(20, random_state=1)
    assert np.mean(samples != on_cpu.sample(20, random_state=1)) < 0.01
    back = pickle.loads(pickle.dumps(on_cuda))
    np.testing.assert_array_equal(back.sample(20, random_state=1), samples)


def test_tensors_stay_on_their_device():
    from skmicro.descriptors import TwoPointCorrelation

    X = torch.randint(2, (3, 16, 16), device="cuda", generator=torch.Generator("cuda"))
    features = TwoPointCorrelation().fit(X).transform(X)
    assert features.device.type == "cuda"
    expected = TwoPointCorrelation().fit(X.cpu()).transform(X.cpu())
    torch.testing.assert_close(features.cpu(), expected)
