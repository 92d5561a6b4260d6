"""After training, the level of the logits alone learns the invariances."""

import numpy as np
import pytest
import torch

from skmicro.datasets import make_cahn_hilliard
from skmicro.generators import InvNetGenerator

TARGETS = (0.35, 0.5, 0.65)


@pytest.fixture(scope="module")
def pair():
    X, _ = make_cahn_hilliard(48, (16, 16), n_steps=200, random_state=0)
    settings = {"n_iter": 20, "width": 4, "n_latent": 4, "periodic": True, "random_state": 0}
    settings["target_tol"] = np.inf
    return [InvNetGenerator.light(n_level_steps=steps, **settings).fit(X) for steps in (0, 80)]


@pytest.mark.slow
def test_it_removes_bias_in_the_volume_fraction(pair):
    errors = [
        [abs(g.sample(200, p1=target, random_state=1).mean() - target) for target in TARGETS]
        for g in pair
    ]
    assert max(errors[1]) < 0.5 * max(errors[0])
    assert np.mean(errors[1]) < 0.02


def test_it_changes_nothing_but_the_level(pair):
    before, after = (g.generator_.state_dict() for g in pair)
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"level", "direct"}
    np.testing.assert_array_equal(pair[0].history_["critic"], pair[1].history_["critic"])
