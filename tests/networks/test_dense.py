"""Dense networks know places: conditions reach each voxel by itself, critics see shifts."""

import pytest
import torch

from skmicro._random import torch_generator
from skmicro.losses import GradientPenalty
from skmicro.networks import (
    build,
    dense_critic,
    dense_generator,
    light_critic,
    light_generator,
    residual_critic,
)
from skmicro.networks._blocks import n_halvings

CRITICS = {"dense": dense_critic, "light": light_critic, "residual": residual_critic}
GENERATORS = {"dense": dense_generator, "light": light_generator}
SIZES = [(1, 9), (1, 1), (7, 7), (5, 12), (16, 16), (33, 20), (4, 6, 5)]


def random_tensor(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def filled(factory, seed=0):
    """A network in double precision whose zero-started layers have weights as well."""
    network = build(factory, torch.Generator().manual_seed(seed), dtype=torch.float64)
    rng = torch.Generator().manual_seed(seed + 1)
    for parameter in network.parameters():
        if not parameter.any():
            parameter.data.normal_(0.0, 0.1, generator=rng)
    return network.eval()


def a_generator(kind, shape, n_conditions=2, n_channels=2, periodic=False):
    spreads = torch.tensor([0.1, 2.0][:n_conditions])
    whitening = ([0.4, 3.0][:n_conditions], torch.diag(1 / spreads).tolist())
    make = GENERATORS[kind]
    return filled(lambda: make(3, whitening, n_channels, shape, width=4, periodic=periodic))


def a_critic(kind, shape, n_channels=2, periodic=False, n_attributes=0):
    return filled(
        lambda: CRITICS[kind](
            n_channels, shape, width=4, periodic=periodic, n_attributes=n_attributes
        )
    )


def slopes(images, x):
    """Slopes of all voxels with each number of an input: derivatives of those in reverse."""
    x.requires_grad_()
    shown = images()
    weights = torch.ones_like(shown, requires_grad=True)
    (gradient,) = torch.autograd.grad(shown, x, weights, create_graph=True)
    x.requires_grad_(False)
    return [
        torch.autograd.grad(number, weights, retain_graph=True)[0] for number in gradient.flatten()
    ]


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("periodic", [False, True])
def test_conditions_and_latents_reach_every_voxel(shape, periodic):
    generator = a_generator("dense", shape, periodic=periodic)
    latents, conditions = random_tensor(1, 3), torch.tensor([[0.45, 2.0]], dtype=torch.float64)
    images = generator(latents, conditions)
    assert images.shape == (1, 2, *shape)
    for of_input in (latents, conditions):
        for slope in slopes(lambda: generator(latents, conditions)[0, 1], of_input):
            assert slope.ne(0).all()


def test_conditions_say_where_something_is():
    """A condition can move mass from one side to the other at one phase fraction.

    In the light network it cannot: a shift of all latents shifts the images whatever the
    conditions are, so that the mean image over latents is the same in all coarse voxels.
    """

    def mean_difference(kind, n_latents):
        generator = a_generator(kind, (8, 8), periodic=True)
        latents = random_tensor(n_latents, generator.n_latent)
        ends = []
        for value in (0.2, 0.6):
            conditions = torch.tensor([[value, 3.0]], dtype=torch.float64).expand(n_latents, -1)
            with torch.no_grad():
                ends.append(generator(latents, conditions)[:, 1].mean(dim=0))
        change = ends[1] - ends[0]
        step = 2 ** n_halvings((8, 8))
        coarse = change.view(8 // step, step, 8 // step, step).mean(dim=(1, 3))
        return (coarse - coarse.mean()).abs().max()

    light = mean_difference("light", 4000)  # none but for chance
    assert light < 0.02
    assert mean_difference("dense", 500) > 5 * light


def test_conditions_enter_in_units_of_their_spread():
    plain, scaled = (
        filled(lambda w=whitening: dense_generator(3, w, 2, (8, 8), width=4))
        for whitening in (([0.0], [[1.0]]), ([5.0], [[4.0]]))
    )
    latents, standard = random_tensor(4, 3), random_tensor(4, 1, seed=1)
    with torch.no_grad():
        torch.testing.assert_close(scaled(latents, 5.0 + 0.25 * standard), plain(latents, standard))


@pytest.mark.parametrize("shape", [(16, 16), (16, 24), (8, 8, 8)])
def test_the_dense_critic_sees_shifts_that_the_light_one_does_not(shape):
    images = random_tensor(3, 2, *shape)
    moved = images.roll(2 ** n_halvings(shape), 2)
    light, dense = (a_critic(kind, shape, periodic=True) for kind in ("light", "dense"))
    torch.testing.assert_close(light(moved), light(images))
    difference = (dense(moved) - dense(images)).abs()
    assert difference.min() > 1e-3 * dense(images).abs().mean()


@pytest.mark.parametrize("kind", CRITICS)
@pytest.mark.parametrize("shape", [(8, 8), (5, 7), (4, 3, 5)])
def test_the_penalty_can_be_differentiated_twice(kind, shape):
    """Slopes of the gradient penalty by finite differences, in a random direction."""
    critic = a_critic(kind, shape)
    real, fake = random_tensor(2, 2, *shape, seed=3), random_tensor(2, 2, *shape, seed=4)

    def penalty():
        return GradientPenalty(10.0)(critic, real, fake, torch_generator(3))

    parameters = list(critic.parameters())
    gradients = torch.autograd.grad(penalty(), parameters, allow_unused=True)
    directions = [random_tensor(*p.shape, seed=10 + k) for k, p in enumerate(parameters)]
    slope = sum(
        (g * d).sum() for g, d in zip(gradients, directions, strict=True) if g is not None
    ).item()
    step, ends = 1e-6, []
    for sign in (-1.0, 2.0):
        for parameter, direction in zip(parameters, directions, strict=True):
            parameter.data.add_(sign * step * direction)
        ends.append(penalty().item())
    assert abs(slope) > 1e-3
    assert slope == pytest.approx((ends[1] - ends[0]) / (2 * step), rel=1e-4)


@pytest.mark.parametrize("kind", CRITICS)
@pytest.mark.parametrize("shape", [(1, 9), (16, 12), (4, 6, 5)])
def test_attributes_are_another_view_of_the_features_of_the_score(kind, shape):
    critic = a_critic(kind, shape, n_attributes=3)
    images = random_tensor(4, 2, *shape)
    attributes, scores = critic.attributes(images), critic(images)
    assert attributes.shape == (4, 3)
    critic.attribute_head.weight.data[1] = critic.head.weight.data[0]
    critic.attribute_head.bias.data[1] = critic.head.bias.data[0]
    torch.testing.assert_close(critic.attributes(images)[:, 1], scores)
    torch.testing.assert_close(critic.attributes(images)[:, ::2], attributes[:, ::2])
    torch.testing.assert_close(critic.attributes(images[2:3]), critic.attributes(images)[2:3])


@pytest.mark.parametrize("kind", CRITICS)
def test_the_attribute_head_changes_nothing_else(kind):
    plain, telling = (
        build(
            lambda n=n: CRITICS[kind](2, (8, 8), width=4, n_attributes=n),
            torch.Generator().manual_seed(0),
        )
        for n in (0, 2)
    )
    own, more = dict(plain.named_parameters()), dict(telling.named_parameters())
    assert set(more) - set(own) == {"attribute_head.weight", "attribute_head.bias"}
    for name, value in own.items():
        assert torch.equal(value, more[name])


def test_dense_networks_of_one_seed_are_the_same_on_a_torus():
    """Wrapping adds no weights; far from the borders of a constant map nothing changes."""
    images = random_tensor(2, 2, 16, 16)
    open_ends, torus = (a_critic("dense", (16, 16), periodic=p) for p in (False, True))
    for a, b in zip(open_ends.parameters(), torus.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.allclose(open_ends(images), torus(images))
    middle = torch.zeros_like(images)
    middle[:, :, 6:10, 6:10] = images[:, :, 6:10, 6:10]
    assert torch.equal(open_ends.stem(middle), torus.stem(middle))
