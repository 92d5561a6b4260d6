"""Losses of autoencoders against torch.distributions and against sums by hand."""

import math

import pytest
import torch
from torch.distributions import Categorical, Normal, kl_divergence

from skmicro.losses import (
    augmented_divergence,
    cross_entropy,
    drawn_latents,
    normal_divergence,
    squared_error,
    variational,
)


def random_tensor(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def test_divergence_is_that_of_torch():
    mean, log_variance, prior_mean, prior_log_variance = (
        random_tensor(5, 3, seed=k) for k in range(4)
    )
    ours = normal_divergence(mean, log_variance, prior_mean, prior_log_variance)
    posterior = Normal(mean, (0.5 * log_variance).exp())
    prior = Normal(prior_mean, (0.5 * prior_log_variance).exp())
    torch.testing.assert_close(ours, kl_divergence(posterior, prior).sum(dim=1).mean())


def test_standard_prior_is_the_special_case():
    mean, log_variance = random_tensor(5, 3), random_tensor(5, 3, seed=1)
    special = -0.5 * (1 + log_variance - log_variance.exp() - mean**2)
    torch.testing.assert_close(normal_divergence(mean, log_variance), special.sum(dim=1).mean())
    assert normal_divergence(torch.zeros(2, 4), torch.zeros(2, 4)) == 0


def test_gradient_of_the_divergence_by_finite_differences():
    arguments = [random_tensor(2, 3, seed=k).requires_grad_(True) for k in range(4)]
    assert torch.autograd.gradcheck(normal_divergence, arguments)


def test_drawn_latents_have_mean_and_deviation():
    mean = torch.tensor([[1.0, -2.0]]).expand(50_000, 2)
    log_variance = torch.tensor([[0.0, math.log(9.0)]]).expand(50_000, 2)
    latents = drawn_latents(mean, log_variance, torch.Generator().manual_seed(0))
    torch.testing.assert_close(latents.mean(dim=0), mean[0], atol=0.06, rtol=0)
    torch.testing.assert_close(latents.std(dim=0), torch.tensor([1.0, 3.0]), atol=0.05, rtol=0)


def test_drawn_latents_pass_gradients_to_both():
    mean, log_variance = (random_tensor(2, 3, seed=k).requires_grad_(True) for k in range(2))

    def draw(mean, log_variance):
        return drawn_latents(mean, log_variance, torch.Generator().manual_seed(0))

    assert torch.autograd.gradcheck(draw, [mean, log_variance])


@pytest.mark.parametrize("n_phases", [2, 3])
def test_cross_entropy_is_a_likelihood(n_phases):
    probabilities = random_tensor(4, n_phases, 3, 5).softmax(dim=1)
    labels = torch.randint(n_phases, (4, 3, 5), generator=torch.Generator().manual_seed(0))
    one_hot = torch.nn.functional.one_hot(labels, n_phases).movedim(-1, 1).double()
    likelihood = Categorical(probabilities.movedim(1, -1)).log_prob(labels)
    torch.testing.assert_close(
        cross_entropy(probabilities, one_hot), -likelihood.sum(dim=(1, 2)).mean()
    )
    assert cross_entropy(one_hot, one_hot) == 0
    assert math.isfinite(cross_entropy(one_hot.roll(1, 1), one_hot))


def test_squared_error_is_the_likelihood_of_variance_one_half():
    channels, images = random_tensor(4, 1, 3, 5), random_tensor(4, 1, 3, 5, seed=1)
    likelihood = Normal(channels, math.sqrt(0.5)).log_prob(images).sum(dim=(1, 2, 3))
    constant = 15 * 0.5 * math.log(math.pi)
    torch.testing.assert_close(squared_error(channels, images), -likelihood.mean() - constant)


def test_expected_gradient_of_the_augmented_divergence_is_that_of_a_standard_prior():
    mean = torch.tensor([[0.7, -1.5]], dtype=torch.float64).requires_grad_(True)
    log_variance = torch.tensor([[-1.0, 0.4]], dtype=torch.float64).requires_grad_(True)
    many = [x.expand(200_000, 2) for x in (mean, log_variance)]
    augmented_divergence(*many, torch.Generator().manual_seed(0)).backward()
    found = torch.cat([mean.grad, log_variance.grad])
    mean.grad = log_variance.grad = None
    normal_divergence(mean, log_variance).backward()
    torch.testing.assert_close(
        found, torch.cat([mean.grad, log_variance.grad]), atol=0.01, rtol=0.01
    )


def test_augmented_divergence_is_random_finite_and_differentiable():
    mean, log_variance = (random_tensor(4, 3, seed=k).requires_grad_(True) for k in range(2))

    def augmented(mean, log_variance, seed=0):
        return augmented_divergence(mean, log_variance, torch.Generator().manual_seed(seed))

    assert torch.autograd.gradcheck(augmented, [mean, log_variance])
    assert augmented(mean, log_variance) != augmented(mean, log_variance, seed=1)
    # Of random priors, so that not even the standard normal distribution is without divergence.
    assert augmented(torch.zeros(9, 3), torch.zeros(9, 3)) > 0


def test_prior_and_posterior_share_their_augmentation(monkeypatch):
    seen = []
    monkeypatch.setattr(variational, "normal_divergence", lambda *args: seen.append(args))
    mean, log_variance = random_tensor(2000, 3), random_tensor(2000, 3, seed=1)
    augmented_divergence(mean, log_variance, torch.Generator().manual_seed(0))
    (posterior_mean, posterior_log, prior_mean, prior_log) = seen[0]
    shift, log_scale = posterior_mean - mean, posterior_log - log_variance
    assert shift.min() > 0
    assert shift.max() <= 1
    u = 0.5 * (-log_scale).exp()
    assert u.min() > 0
    assert u.max() <= 1
    for share in (shift, u):
        torch.testing.assert_close(share.mean(), torch.tensor(0.5).double(), atol=0.01, rtol=0)
    deviations = (0.5 * (prior_log - log_scale)).exp()
    assert deviations.min() > 0
    assert 0.09 < deviations.std() < 0.12
    assert abs((prior_mean - shift).mean()) < 0.01
    assert 0.095 < (prior_mean - shift).std() < 0.105
