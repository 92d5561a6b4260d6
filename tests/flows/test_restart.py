"""Phases of generated images are told once more, from new noise."""

import numpy as np
import pytest
import torch
from textures import blobs
from tiny_flows import TINY, randomised

from skmicro.datasets import make_cahn_hilliard
from skmicro.descriptors import SpecificSurface
from skmicro.flows import renoised, with_fractions_of
from skmicro.generators import FlowMatchingGenerator


def evidence_of(n_channels, seed, n=3):
    rng = torch.Generator().manual_seed(seed)
    levels = torch.linspace(-1.0, 1.5, n_channels).view(-1, 1, 1)
    return torch.randn(n, n_channels, 24, 20, generator=rng) + levels


def counts(evidence):
    if evidence.shape[1] == 1:
        return (evidence > 0).sum(dim=(1, 2, 3))
    return torch.stack([row.flatten().bincount(minlength=3) for row in evidence.argmax(dim=1)])


def test_two_phases_get_exactly_the_fractions_of_other_evidence():
    told, before = evidence_of(1, 0), evidence_of(1, 1)
    before[0], before[1] = -1.0, 1.0  # one phase alone
    moved = with_fractions_of(told, before)
    assert counts(moved).tolist() == [0, 480, counts(before)[2]]
    assert counts(told).tolist() != counts(before).tolist()
    steps = (moved - told).flatten(1)
    torch.testing.assert_close(steps, steps[:, :1].expand_as(steps))


def test_three_phases_get_nearly_the_fractions_of_other_evidence():
    told, before = evidence_of(3, 0), evidence_of(3, 1).flip(1)
    assert (counts(told) - counts(before)).abs().max() > 100
    assert (counts(with_fractions_of(told, before)) - counts(before)).abs().max() <= 5


@pytest.mark.parametrize("shape", [(8, 6), (4, 6, 8)])
def test_new_noise_is_that_of_the_far_side(shape):
    rng = np.random.default_rng(0)
    x, noise = (torch.tensor(rng.standard_normal((2, 1, *shape))) for _ in range(2))
    far = (0, 0, *(side // 2 for side in shape))
    mixed = renoised(x, noise, 0.25)
    assert torch.isclose(
        mixed[0, 0][(0,) * len(shape)], 0.25 * x[0, 0].flatten()[0] + 0.75 * noise[far]
    )
    torch.testing.assert_close(renoised(x, noise, 1.0), x)


@pytest.mark.parametrize("n_phases", [2, 3])
def test_a_restart_keeps_fractions_and_makes_images_of_any_number_and_size(n_phases):
    generator = randomised(blobs(n_phases=n_phases), target_tol=np.inf)
    told = generator.sample(5, shape=(20, 12), random_state=0)
    few = generator.sample(2, shape=(20, 12), random_state=0)
    np.testing.assert_array_equal(few, told[:2])
    plain = generator.set_params(restart_time=None).sample(5, shape=(20, 12), random_state=0)
    assert (told != plain).any()
    for phase in range(n_phases):
        shares = [(images == phase).mean(axis=(1, 2)) for images in (told, plain)]
        np.testing.assert_allclose(*shares, atol=0 if n_phases == 2 else 0.01)


def test_one_evaluation_more():
    evaluations = []
    generator = randomised(target_tol=np.inf)
    generator.generator_.register_forward_hook(lambda *_: evaluations.append("velocity"))
    told = type(generator.generator_).evidence

    def evidence(network, *given):
        evaluations.append("evidence")
        return told(network, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(generator.generator_), "evidence", evidence)
        counted = []
        for time in (None, 0.5):
            evaluations.clear()
            generator.set_params(restart_time=time).sample(1, random_state=0)
            counted.append(evaluations.count("evidence"))
    assert counted[1] == counted[0] + 1


def test_grey_levels_have_no_restart():
    X = np.random.default_rng(0).random((6, 8, 8)).astype(np.float32)
    generator = randomised(X)
    again = generator.sample(2, random_state=0)
    generator.set_params(restart_time=None)
    np.testing.assert_array_equal(generator.sample(2, random_state=0), again)


def alone(images):
    """Return the share of voxels of another phase than all their neighbours."""
    neighbours = [np.roll(images, step, axis) for step in (1, -1) for axis in (1, 2)]
    return np.logical_and.reduce([images != other for other in neighbours]).mean()


@pytest.mark.slow
def test_single_voxels_that_were_told_wrong_go():
    X, _ = make_cahn_hilliard(64, (16, 16), random_state=0)
    settings = {"n_iter": 60, "width": 8, "batch_size": 16, "learning_rate": 4e-3}
    generator = FlowMatchingGenerator(**TINY | settings | {"periodic": True, "conditions": ()})
    generator.fit(X)
    surface = SpecificSurface(periodic=True).fit(X)
    plain, told = (
        generator.set_params(restart_time=time).sample(64, random_state=0) for time in (None, 0.4)
    )
    assert alone(X) == 0
    assert alone(told) < 0.7 * alone(plain)
    real, before, after = (surface.transform(images).mean() for images in (X, plain, told))
    assert real < after < before
