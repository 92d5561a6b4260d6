"""The regression of flow matching against the closed form for Gaussian data."""

import pytest
import torch

from skmicro.losses.matching import UNIFORM_SHARE, matching_loss, random_times

MEAN, VARIANCE = 0.5, 0.3


def exact_velocity(x, t, conditions=None):
    """Mean of x_1 - x_0 given x_t = x, for x_1 ~ N(MEAN, VARIANCE) and x_0 ~ N(0, 1)."""
    t = t.view(-1, *[1] * (x.ndim - 1))
    slope = (t * VARIANCE - (1 - t)) / ((1 - t) ** 2 + t**2 * VARIANCE)
    return MEAN + slope * (x - t * MEAN)


def images(n=4000):
    draws = torch.randn(n, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    return MEAN + VARIANCE**0.5 * draws.double()


def loss_of(velocity):
    stack = images()
    rng = torch.Generator().manual_seed(1)
    return matching_loss(velocity, stack, stack.new_zeros(len(stack), 0), rng).item()


def test_loss_of_the_exact_velocity_is_the_conditional_variance():
    t = random_times(400_000, torch.Generator().manual_seed(2)).double()
    expected = (VARIANCE / ((1 - t) ** 2 + t**2 * VARIANCE)).mean().item()
    assert loss_of(exact_velocity) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(
    "change",
    [
        lambda x, t: 0.3 + 0 * x,
        lambda x, t: 0.3 * x,
        lambda x, t: 0.3 * torch.sin(3 * x) * t.view(-1, 1, 1, 1),
    ],
)
def test_any_other_velocity_costs_its_squared_distance(change):
    distances = []

    def other(x, t, conditions):
        distances.append(change(x, t).square().mean().item())
        return exact_velocity(x, t) + change(x, t)

    assert loss_of(other) - loss_of(exact_velocity) == pytest.approx(distances[0], rel=0.15)


def test_times_are_logit_normal_with_a_uniform_share():
    t = random_times(200_000, torch.Generator().manual_seed(3))
    normal = torch.distributions.Normal(0.0, 1.0)
    for bound in (0.01, 0.1, 0.5, 0.8):
        middle = normal.cdf(torch.logit(torch.tensor(bound))).item()
        expected = (1 - UNIFORM_SHARE) * middle + UNIFORM_SHARE * bound
        assert (t < bound).float().mean().item() == pytest.approx(expected, abs=3e-3)
