"""Mixed precision: what convolutions in bfloat16 change, and that nothing else is changed."""

import numpy as np
import pytest
import torch
from cases import case
from textures import blobs

from skmicro.generators import VolumeWGAN
from skmicro.losses import GradientPenalty
from skmicro.networks import (
    _mixed,
    build,
    constant_critic,
    equivariant_critic,
    growing_critic,
    light_critic,
    light_generator,
    mapped_generator,
    mixed_precision,
)

ROUNDING = 2.0**-9  # relative, of a number with eight significant bits
SOME = ROUNDING / 100, 20 * ROUNDING  # of what has gone through several layers
# Of slopes: rounding moves a share of the rectified values across zero, all of their slope with it.
OF_SLOPES = 3 * ROUNDING**0.5
CRITICS = [growing_critic, constant_critic, equivariant_critic, light_critic]
SETTINGS = {
    "n_latent": 6,
    "width": 4,
    "critic_width": 4,
    "n_iter": 2,
    "batch_size": 8,
    "learning_rate": 1e-3,
    "critic_learning_rate": 1e-3,
    "volume_fraction_penalty": 1.0,
    "random_state": 0,
    "device": "cpu",
}


@pytest.fixture
def native(monkeypatch):
    """As on a device that is faster with bfloat16."""
    monkeypatch.setattr(_mixed, "multiplies_bfloat16", lambda device: True)


def rng(seed):
    return torch.Generator().manual_seed(seed)


def random_tensor(*shape, seed):
    return torch.randn(*shape, generator=rng(seed), dtype=torch.float64)


def built(make):
    """A network in double, in single and in mixed precision, with the same weights."""
    exact, single, mixed = (build(make, rng(0), dtype=torch.float64) for _ in range(3))
    return exact, single.float(), mixed_precision(mixed.float())


def error(rounded, exact):
    return float(((rounded.double() - exact).norm() / exact.norm()).detach())


def penalty_and_slopes(critic, images):
    """The gradient penalty at images, and its derivatives by the weights: two backward passes."""
    penalty = GradientPenalty(10.0)(critic, images, images, rng(1))
    slopes = torch.autograd.grad(penalty, list(critic.parameters()), allow_unused=True)
    assert all(slope is None or slope.dtype == images.dtype for slope in slopes)
    parts = [slope.flatten() for slope in slopes if slope is not None]
    return penalty.detach(), torch.cat(parts)


def test_the_penalty_is_differentiated_through_the_rounding(native):
    for shape, periodic, critics in (((8, 8), True, CRITICS), ((4, 4, 4), False, CRITICS[:2])):
        images = random_tensor(4, 1, *shape, seed=2)
        for make in critics:
            with case(make.__name__, shape):
                networks = built(
                    lambda make=make, s=shape, p=periodic: make(1, s, width=4, periodic=p)
                )
                exact, single, mixed = networks
                expected = exact(images).detach(), *penalty_and_slopes(exact, images)
                limits = (single, 0.0, 1e-5, 1e-5), (mixed, *SOME, OF_SLOPES)
                for critic, least, most, of_slopes in limits:
                    scores = critic(images.float())
                    assert scores.dtype == torch.float32
                    found = scores.detach(), *penalty_and_slopes(critic, images.float())
                    errors = [error(a, b) for a, b in zip(found, expected, strict=True)]
                    assert least <= errors[0] < most, errors
                    assert errors[1] < most, errors
                    assert least <= errors[2] < of_slopes, errors
                # Double precision is what was asked for.
                assert torch.equal(mixed.double()(images), expected[0])


def test_generators_round_their_logits(native):
    nothing = torch.zeros(4, 0)
    for make in (mapped_generator, light_generator):
        with case(make.__name__):
            networks = built(lambda make=make: make(6, ([], []), 2, (4, 4), periodic=True))
            exact, single, mixed = (network.eval() for network in networks)
            latents = random_tensor(4, exact.n_latent, seed=3)
            expected = exact(latents, nothing.double())
            plain, rounded = (network(latents.float(), nothing) for network in (single, mixed))
            assert rounded.dtype == torch.float32
            torch.testing.assert_close(rounded.sum(dim=1), torch.ones(4, 4, 4))
            assert error(plain, expected) < 1e-5
            assert SOME[0] < error(rounded, expected) < SOME[1]


def trained(precision, **settings):
    generator = VolumeWGAN(precision=precision, **(SETTINGS | settings)).fit(blobs(8))
    return generator, weights(generator)


def weights(generator):
    networks = generator.generator_, generator.critic_
    return torch.cat([p.flatten() for network in networks for p in network.parameters()])


def test_a_training_in_mixed_precision(native):
    for architecture in ("growing", "light"):
        with case(architecture):
            single, plain = trained("float32", architecture=architecture)
            generator, rounded = trained("auto", architecture=architecture)
            assert rounded.dtype == torch.float32
            for name, losses in single.history_.items():
                # From the first update on, which magnifies roundings (30 on a processor with AMX).
                allowed = np.where(np.arange(len(losses)) == 0, 20, 40) * ROUNDING
                off = np.abs(generator.history_[name] - losses) / np.abs(losses).max()
                assert (off <= allowed).all(), (name, off)
            start = trained(
                "float32",
                architecture=architecture,
                n_iter=1,
                learning_rate=1e-9,
                critic_learning_rate=1e-9,
            )[1]
            # Nadam makes every weight move alike, also those whose slope is all rounding.
            moved, moved_plain = rounded - start, plain - start
            assert not torch.equal(rounded, plain)
            assert torch.cosine_similarity(moved, moved_plain, dim=0) > 0.9
            samples = generator.sample(5, random_state=0)
            assert set(np.unique(samples)) <= {0, 1}
            again, same = trained("auto", architecture=architecture)
            assert torch.equal(same, rounded)
            np.testing.assert_array_equal(again.sample(5, random_state=0), samples)
            np.testing.assert_array_equal(again.sample(2, random_state=0), samples[:2])


def test_single_precision_is_left_alone(native, monkeypatch):
    """Where it was asked for, and by "auto" on devices that gain nothing: the same bits."""
    asked, plain = trained("float32")
    monkeypatch.setattr(_mixed, "multiplies_bfloat16", lambda device: False)
    generator, same = trained("auto")
    assert torch.equal(plain, same)
    for name, losses in asked.history_.items():
        np.testing.assert_array_equal(generator.history_[name], losses)
    assert not generator.generator_(torch.zeros(1, 6), torch.zeros(1, 0)).isnan().any()


@pytest.mark.gpu
def test_a_training_in_mixed_precision_on_a_cuda_device():
    single, _ = trained("float32", device="cuda")
    generator, _ = trained("auto", device="cuda")
    for name, losses in single.history_.items():
        scale = np.abs(losses).max()
        np.testing.assert_allclose(
            generator.history_[name], losses, atol=20 * ROUNDING * scale, err_msg=name
        )
