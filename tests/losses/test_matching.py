"""Objectives of flow matching against closed forms: Gaussian data, independent voxels."""

import math

import pytest
import torch

from skmicro.losses.matching import LEAST_REST, labelling_loss, matching_loss

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
    t = torch.sigmoid(torch.randn(400_000, generator=torch.Generator().manual_seed(2)).double())
    expected = (VARIANCE / ((1 - t) ** 2 + t**2 * VARIANCE)).mean().item()
    assert loss_of(exact_velocity) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_loss_does_not_depend_on_the_default_type_of_torch(dtype):
    stack, usual = images(50).to(dtype), torch.get_default_dtype()
    losses, times = [], []

    def velocity(x, t, conditions):
        times.append(t)
        return x * t.view(-1, 1, 1, 1)

    try:
        for default in (torch.float32, torch.float64):
            torch.set_default_dtype(default)
            rng = torch.Generator().manual_seed(1)
            losses.append(matching_loss(velocity, stack, stack.new_zeros(50, 0), rng))
    finally:
        torch.set_default_dtype(usual)
    assert torch.equal(*losses)
    assert torch.equal(*times)
    assert losses[0].dtype == times[0].dtype == dtype


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


def test_lines_are_straight_with_normal_noise_and_logit_normal_times():
    """All images are 3: what the velocity sees at t is 3 t + (1 - t) x_0."""
    seen = []

    def velocity(x, t, conditions):
        seen.append((x, t))
        return (3.0 - x) / (1.0 - t).view(-1, 1, 1, 1)  # x_1 - x_0, exactly

    stack = torch.full((100_000, 1, 1, 2), 3.0, dtype=torch.float64)
    rng = torch.Generator().manual_seed(3)
    assert matching_loss(velocity, stack, stack[:, :0, 0, 0], rng).item() < 1e-20
    ((x, t),) = seen
    noise = ((x - 3 * t.view(-1, 1, 1, 1)) / (1 - t).view(-1, 1, 1, 1)).flatten(1)
    assert noise.mean().item() == pytest.approx(0.0, abs=0.01)
    torch.testing.assert_close(
        torch.cov(noise.T), torch.eye(2, dtype=torch.float64), atol=0.02, rtol=0
    )
    normal = torch.distributions.Normal(0.0, 1.0)
    for bound in (0.01, 0.1, 0.5, 0.8):
        expected = normal.cdf(torch.logit(torch.tensor(bound))).item()
        assert (t < bound).double().mean().item() == pytest.approx(expected, abs=5e-3)


SHARES = {1: (0.3, 0.7), 3: (0.2, 0.5, 0.3)}  # of the phases, by channels of the flow


def labels(n_channels, n=200_000):
    """Images of independent voxels, coded as 1 and -1."""
    rng = torch.Generator().manual_seed(0)
    shares = torch.tensor(SHARES[n_channels], dtype=torch.float64)
    drawn = torch.multinomial(shares, n, replacement=True, generator=rng).view(n, 1, 1)
    if n_channels == 1:
        return 2.0 * drawn.unsqueeze(1).double() - 1.0
    return torch.stack([2.0 * (drawn == phase) - 1.0 for phase in range(3)], dim=1).double()


def posterior(x, t):
    """Log-probabilities of the phases of a noisy voxel by Bayes' rule, (n, n_phases, *S)."""
    n_channels, t = x.shape[1], t.view(-1, *[1] * (x.ndim - 1))
    codes = [[-1.0], [1.0]] if n_channels == 1 else (2.0 * torch.eye(3) - 1.0).tolist()
    found = []
    for code, share in zip(codes, SHARES[n_channels], strict=True):
        gap = x - t * x.new_tensor(code).view(1, -1, *[1] * (x.ndim - 2))
        found.append(-(gap**2).sum(1) / (2 * (1 - t[:, 0]) ** 2) + math.log(share))
    return torch.stack(found, dim=1).log_softmax(dim=1)


def exact_evidence(x, t, conditions=None):
    found = posterior(x, t)
    return (found[:, 1:] - found[:, :1]) / 2 if x.shape[1] == 1 else found / 2


def labelling_loss_of(evidence, n_channels):
    stack = labels(n_channels)
    rng = torch.Generator().manual_seed(1)
    return labelling_loss(evidence, stack, stack.new_zeros(len(stack), 0), rng).item()


@pytest.mark.representatives("0.4-1", "-0.3-3")
@pytest.mark.parametrize("n_channels", [1, 3])
@pytest.mark.parametrize("change", [0.4, -0.3])
def test_any_other_evidence_costs_its_weighted_divergence(n_channels, change):
    divergences = []

    def other(x, t, conditions):
        evidence = exact_evidence(x, t)
        moved = evidence + change * torch.sin(2 * x[:, :1]) * (1 if n_channels == 1 else x)
        true = posterior(x, t)
        said = 2 * (torch.cat([-moved, moved], 1) / 2 if n_channels == 1 else moved)
        weight = 1 / (1 - t).clamp(min=LEAST_REST).view(-1, 1, 1) ** 2
        surprise = (true.exp() * (true - said.log_softmax(1))).sum(1)
        divergences.append((weight * surprise).mean().item())
        return moved

    excess = labelling_loss_of(other, n_channels) - labelling_loss_of(exact_evidence, n_channels)
    assert excess == pytest.approx(divergences[0], rel=0.1)
    assert excess > 0.01
