"""Parts of flows: order of convergence, gradients and their memory, channels, arcs."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from skmicro.flows import (
    METHODS,
    arc,
    flow_channels,
    flow_end,
    integrate,
    n_flow_channels,
    time_grid,
)
from skmicro.images import GreyEncoder, PhaseEncoder

MEAN, VARIANCE = 0.5, 0.3


def velocity(x, t):
    """Of the flow from N(0, 1) to N(MEAN, VARIANCE)."""
    slope = (t * VARIANCE - (1 - t)) / ((1 - t) ** 2 + t**2 * VARIANCE)
    return MEAN + slope * (x - t * MEAN)


def uniform(n):
    return [k / n for k in range(n + 1)]


def noise(n=64):
    return torch.randn(n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def observed_orders(velocity, x, exact, method):
    reached = [integrate(velocity, x, uniform(n), method) for n in (16, 32, 64)]
    errors = [(end - exact).abs().max().item() for end in reached]
    return [np.log2(coarse / fine) for coarse, fine in pairwise(errors)]


ORDERS = pytest.mark.parametrize(("method", "order"), [("euler", 1), ("heun", 2), ("midpoint", 2)])


@ORDERS
def test_order_of_convergence_to_logistic_growth(method, order):
    x = noise().abs() + 0.1
    exact = x / (x + (1 - x) * np.exp(-1.0))
    orders = observed_orders(lambda x, t: x * (1 - x), x, exact, method)
    np.testing.assert_allclose(orders, order, atol=0.15)


@ORDERS
def test_order_of_convergence_to_the_gaussian(method, order):
    """The midpoint rule happens to be of third order for this flow."""
    x = noise()
    orders = observed_orders(velocity, x, MEAN + VARIANCE**0.5 * x, method)
    np.testing.assert_allclose(orders, 3 if method == "midpoint" else order, atol=0.15)


@ORDERS
def test_there_and_back(method, order):
    x = noise()
    errors = []
    for n in (16, 32, 64):
        there = integrate(velocity, x, uniform(n), method)
        errors.append((integrate(velocity, there, uniform(n)[::-1], method) - x).abs().max().item())
    for coarse, fine in pairwise(errors):
        assert np.log2(coarse / fine) > order - 0.2


@pytest.mark.parametrize("method", METHODS)
def test_each_method_is_exact_for_straight_lines_and_two_for_parabolas(method):
    x = noise(5)
    line = integrate(lambda x, t: torch.ones_like(x), x, uniform(2), method)
    torch.testing.assert_close(line, x + 1)
    bent = integrate(lambda x, t: torch.full_like(x, 2 * t), x, uniform(2), method)
    miss = {"euler": 0.5, "heun": 0.0, "midpoint": 0.0}[method]
    torch.testing.assert_close(bent, x + 1 - miss)


@pytest.mark.parametrize(("method", "n_calls"), [("euler", 1), ("heun", 2), ("midpoint", 2)])
def test_velocity_is_asked_at_times_between_start_and_stop(method, n_calls):
    times = []

    def seen(x, t):
        times.append(t)
        return x

    integrate(seen, noise(2), uniform(4)[::-1], method)
    assert len(times) == 4 * n_calls
    assert times[0] == 1.0
    assert min(times) >= 0.0
    inner = {"euler": 0.75, "heun": 0.75, "midpoint": 0.875}[method]
    assert times[1] == inner


@pytest.mark.parametrize("method", METHODS)
def test_gradient_passes_all_steps(method):
    x = noise(5).requires_grad_(True)
    bent = lambda x, t: torch.sin(2 * x + t)  # noqa: E731
    assert torch.autograd.gradcheck(lambda x: integrate(bent, x, uniform(3), method), x)


def test_memory_of_the_gradient_is_a_state_per_step():
    weights = torch.eye(8, dtype=torch.float64, requires_grad=True)

    def deep(x, t):
        for _ in range(50):
            x = torch.tanh(x @ weights)
        return x

    def kept(n_steps):
        sizes = []
        x = noise(8).view(1, 8).requires_grad_(True)
        with torch.autograd.graph.saved_tensors_hooks(
            lambda tensor: sizes.append(tensor.numel()) or tensor, lambda tensor: tensor
        ):
            integrate(deep, x, uniform(n_steps), "heun")
        return sum(sizes)

    assert kept(8) - kept(4) <= 4 * 8


def test_early_steps_are_shorter():
    times = np.asarray(time_grid(5))
    assert (times[0], times[-1]) == (0.0, 1.0)
    np.testing.assert_allclose(np.diff(np.log(times[1:])), 1.25 * np.diff(np.log(np.arange(1, 6))))
    assert (np.diff(times, 2) > 0).all()


@pytest.mark.parametrize("n_phases", [1, 2, 4])
def test_images_survive_the_way_to_the_flow_and_back(n_phases):
    encoder = PhaseEncoder(np.arange(n_phases) + 3, np.uint8)
    images = np.random.default_rng(0).integers(3, 3 + n_phases, (5, 6, 6))
    x = flow_end(encoder.encode(images))
    assert x.shape[1] == n_flow_channels(encoder) == (1 if n_phases == 2 else n_phases)
    channels = flow_channels(x, encoder)
    np.testing.assert_array_equal(encoder.decode(channels), images)
    if n_phases > 1:
        torch.testing.assert_close(channels.sum(dim=1), torch.ones(5, 6, 6))


def test_probabilities_keep_the_order_of_voxels_beyond_the_ends():
    encoder = PhaseEncoder(np.arange(2), np.uint8)
    x = torch.linspace(-3, 3, 25).view(1, 1, 5, 5)
    channels = flow_channels(x, encoder).clamp_min(1e-30).log()
    assert ((channels[:, 1] - channels[:, 0]).flatten().diff() > 0).all()


def test_grey_levels_are_linear_and_cut_off():
    encoder = GreyEncoder(2.0, 4.0, np.float64)
    levels = torch.tensor([-1.5, -1.0, 0.0, 0.5, 1.0, 2.0], dtype=torch.float64).view(1, 1, 2, 3)
    images = encoder.decode(flow_channels(levels, encoder))
    np.testing.assert_allclose(images.ravel(), [2, 2, 3, 3.5, 4, 4])


def test_arc_keeps_the_length_and_its_ends():
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, 1, 500)).astype(np.float32)
    b *= np.linalg.norm(a) / np.linalg.norm(b)
    share = np.linspace(0, 1, 7, dtype=np.float32)[:, None]
    points = arc(a, b, share)
    assert points.dtype == np.float32
    np.testing.assert_array_equal(points[[0, -1]], np.vstack([a, b]))
    np.testing.assert_allclose(np.linalg.norm(points, axis=1), np.linalg.norm(a), rtol=1e-5)
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    np.testing.assert_allclose(steps, steps[0], rtol=1e-4)


def test_arc_between_parallel_vectors_is_the_line():
    a = np.ones((1, 4), np.float32)
    share = np.array([[0.0], [0.25], [1.0]])
    np.testing.assert_allclose(arc(a, 3 * a, share)[:, 0], [1.0, 1.5, 3.0], rtol=1e-6)
