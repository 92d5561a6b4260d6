"""Parts of flows: order of convergence, gradients and their memory, channels, arcs."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from skmicro.encoding import GreyEncoder, PhaseEncoder
from skmicro.generators._flow import (
    METHODS,
    arc,
    flow_channels,
    flow_end,
    integrate,
    n_flow_channels,
)

MEAN, VARIANCE = 0.5, 0.3


def velocity(x, t):
    """Of the flow from N(0, 1) to N(MEAN, VARIANCE)."""
    slope = (t * VARIANCE - (1 - t)) / ((1 - t) ** 2 + t**2 * VARIANCE)
    return MEAN + slope * (x - t * MEAN)


def noise(n=64):
    return torch.randn(n, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("heun", 2)])
def test_order_of_convergence_to_the_gaussian(method, order):
    x = noise()
    exact = MEAN + VARIANCE**0.5 * x
    steps = (16, 32, 64)
    errors = [
        (integrate(velocity, x, 0.0, 1.0, n, method) - exact).abs().max().item() for n in steps
    ]
    for coarse, fine in pairwise(errors):
        assert np.log2(coarse / fine) == pytest.approx(order, abs=0.15)


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("heun", 2)])
def test_there_and_back(method, order):
    x = noise()
    errors = []
    for n in (16, 32, 64):
        there = integrate(velocity, x, 0.0, 1.0, n, method)
        errors.append((integrate(velocity, there, 1.0, 0.0, n, method) - x).abs().max().item())
    for coarse, fine in pairwise(errors):
        assert np.log2(coarse / fine) > order - 0.2


@pytest.mark.parametrize("method", METHODS)
def test_gradient_passes_all_steps(method):
    x = noise(5).requires_grad_(True)
    bent = lambda x, t: torch.sin(2 * x + t)  # noqa: E731
    assert torch.autograd.gradcheck(lambda x: integrate(bent, x, 0.0, 1.0, 3, method), x)


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
            integrate(deep, x, 0.0, 1.0, n_steps, "heun")
        return sum(sizes)

    assert kept(8) - kept(4) <= 4 * 8


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
