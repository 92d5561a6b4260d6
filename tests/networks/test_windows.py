"""A network over overlapping windows against the same network over the whole image."""

import math
from itertools import pairwise, product

import pytest
import torch
from cases import case
from torch import nn
from torch.nn import functional

from skmicro.networks import build, flow_unet, in_windows
from skmicro.networks._windows import _flat_places, _product, _tent, _windows

SHAPES = pytest.mark.parametrize("shape", [(40, 40), (97, 23), (21, 33, 18)])
BOTH = pytest.mark.parametrize("periodic", [False, True])
GRIDS = pytest.mark.parametrize("coarseness", [1, 4])


class Local(nn.Module):
    """An answer from a function of the voxels near by; remembers the shapes it was asked for."""

    def __init__(self, answer, image_shape, periodic, coarseness=4, asked=None):
        super().__init__()
        self.answer = answer
        self.image_shape = image_shape
        self.periodic = periodic
        self.coarseness = coarseness
        self.asked = [] if asked is None else asked

    def resized(self, image_shape, periodic):
        return Local(self.answer, image_shape, periodic, self.coarseness, self.asked)

    def forward(self, x, t, conditions):
        assert tuple(x.shape[2:]) == tuple(self.image_shape)
        self.asked.append(tuple(x.shape[2:]))
        return self.answer(x, self.periodic) * t.view(-1, *[1] * (x.ndim - 1)) + conditions.sum()


def cubed(x, periodic):
    return x**3 - x


def neighbours(x, periodic):
    """Mean over 3 voxels along each axis; beyond borders that do not match, zeros."""
    for axis in range(2, x.ndim):
        ends = [x.narrow(axis, x.shape[axis] - 1, 1), x.narrow(axis, 0, 1)]
        first, last = ends if periodic else [torch.zeros_like(end) for end in ends]
        wide = torch.cat([first, x, last], dim=axis)
        x = sum(wide.narrow(axis, k, x.shape[axis]) for k in range(3)) / 3
    return x


def inputs(shape, n=2, n_channels=3):
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(n, n_channels, *shape, generator=rng, dtype=torch.float64)
    return x, torch.rand(n, generator=rng, dtype=torch.float64), x.new_full((n, 1), 0.25)


def on_grid(periodic, coarseness):
    return Local(cubed, (), periodic, coarseness)


def limits(shape):
    return {"max_voxels": 12 ** len(shape) + 1, "overlap": 4}  # 1 for the rounding of the root


@GRIDS
@BOTH
@SHAPES
def test_pointwise_network_gives_the_same_in_windows(shape, periodic, coarseness):
    network = Local(cubed, shape, periodic, coarseness)
    expected = network(*inputs(shape))
    network.asked.clear()
    torch.testing.assert_close(in_windows(network, *inputs(shape), **limits(shape)), expected)
    assert len(network.asked) > 2 ** (len(shape) - 1)


@GRIDS
@BOTH
@SHAPES
def test_windows_keep_to_the_bound_of_voxels(shape, periodic, coarseness):
    """But for what lies between the beginning of a window and that of a coarse voxel."""
    network = Local(cubed, shape, periodic, coarseness)
    in_windows(network, *inputs(shape), **limits(shape))
    assert max(max(sides) for sides in network.asked) <= 12 + coarseness - 1


@GRIDS
@BOTH
@pytest.mark.parametrize("max_voxels", [1, 7, 63])
@pytest.mark.parametrize("shape", [(8, 8), (30, 21), (3, 40), (9, 8, 10)])
def test_windows_are_twice_as_long_as_they_overlap_at_least(
    shape, max_voxels, periodic, coarseness
):
    network = Local(cubed, shape, periodic, coarseness)
    expected = network(*inputs(shape))
    network.asked.clear()
    answer = in_windows(network, *inputs(shape), max_voxels=max_voxels, overlap=4)
    torch.testing.assert_close(answer, expected)
    assert max(max(sides) for sides in network.asked) <= 8 + coarseness - 1
    assert len(network.asked) <= math.prod(math.ceil(n / 4) for n in shape)


@BOTH
def test_images_within_the_bound_are_not_cut(periodic):
    network = Local(neighbours, (12, 12), periodic)
    x, t, conditions = inputs((12, 12))
    answer = in_windows(network, x, t, conditions, max_voxels=144, overlap=4)
    assert network.asked == [(12, 12)]
    assert torch.equal(answer, network(x, t, conditions))


def blended_error(shape, network):
    x, t, conditions = inputs(shape)
    whole = network(x, t, conditions)
    return in_windows(network, x, t, conditions, **limits(shape)) - whole, whole


@GRIDS
@BOTH
@SHAPES
def test_local_network_differs_where_windows_end_and_little_there(shape, periodic, coarseness):
    """A window lacks neighbours in its outermost voxels alone, whose weight is the least."""
    network = Local(neighbours, shape, periodic, coarseness)
    error, whole = blended_error(shape, network)
    assert 0 < error.abs().mean() < 0.2 * whole.abs().mean()
    wrong = (error.abs() > 1e-12).any(dim=(0, 1))
    for axis, n in enumerate(shape):
        ends = [
            place % n
            for window in _windows(n, 12, 4, network)
            for place in (window[0].item(), window[-1].item())
            if periodic or place not in (0, n - 1)
        ]
        inner = torch.ones(n, dtype=torch.bool)
        inner[ends] = False
        wrong = wrong.index_select(axis, inner.nonzero().flatten())
    assert not wrong.any()


@SHAPES
def test_seam_of_periodic_images_is_no_border(shape):
    """The ends see each other, as they do not in an image that is not periodic."""
    x, t, conditions = inputs(shape)
    whole = Local(neighbours, shape, True)(x, t, conditions)
    errors = [
        (in_windows(network, x, t, conditions, **limits(shape)) - whole)[:, :, 0].abs().mean()
        for network in (Local(neighbours, shape, periodic) for periodic in (True, False))
    ]
    assert errors[0] < 0.5 * errors[1]


def test_translations_by_the_distance_of_windows_are_kept():
    """Four windows of the torus, eight voxels apart, change places."""
    shape = (32, 32)
    network = Local(neighbours, shape, True)
    x, t, conditions = inputs(shape)
    settings = limits(shape)
    moved = in_windows(network, x.roll((8, 16), (2, 3)), t, conditions, **settings)
    rolled = in_windows(network, x, t, conditions, **settings).roll((8, 16), (2, 3))
    torch.testing.assert_close(moved, rolled)


@GRIDS
@BOTH
def test_windows_cover_an_axis_and_neighbours_share_the_overlap(periodic, coarseness):
    network = on_grid(periodic, coarseness)
    for n, overlap in product([*range(1, 40), 100], [1, 4, 6]):
        with case(n, overlap):
            check_windows(_windows(n, 12, overlap, network), n, 12, overlap, network)


def check_windows(windows, n, side, overlap, network):
    periodic, coarseness = network.periodic, network.coarseness
    lengths = [len(window) for window in windows]
    assert max(lengths) - min(lengths) < coarseness
    assert max(lengths) <= side + coarseness - 1
    assert all(window[0] % coarseness == 0 for window in windows)
    assert all((window.diff() == 1).all() for window in windows)
    covered = torch.cat(windows)
    assert set((covered % n).tolist()) == set(range(n))
    if not periodic:
        assert (covered.min(), covered.max()) == (0, n - 1)
    for window, following in pairwise([*windows, windows[0] + n] if periodic else windows):
        assert window[-1] - following[0] + 1 >= overlap
    fewer = len(windows) - 1
    if not periodic and fewer:
        assert side + (fewer - 1) * (side - overlap) < n


@GRIDS
@BOTH
def test_weights_are_positive_and_cover_every_voxel(periodic, coarseness):
    shape = (29, 17)
    axes = [_windows(n, 12, 4, on_grid(periodic, coarseness)) for n in shape]
    total = torch.zeros(math.prod(shape))
    for rows in axes[0]:
        for columns in axes[1]:
            weight = _product([_tent(len(rows), 4), _tent(len(columns), 4)])
            assert weight.min() > 0
            total.index_add_(0, _flat_places((rows, columns), shape, "cpu"), weight.flatten())
    assert total.min() > 0
    one = Local(lambda x, periodic: torch.ones_like(x), shape, periodic, coarseness)
    x = torch.zeros(1, 1, *shape, dtype=torch.float64)
    answer = in_windows(one, x, x.new_ones(1), x.new_zeros(1, 0), max_voxels=144, overlap=4)
    torch.testing.assert_close(answer, torch.ones_like(answer))


def test_tent_rises_over_the_overlap():
    torch.testing.assert_close(
        4 * _tent(10, 4), torch.tensor([1.0, 2.0, 3.0, 4.0, 4.0, 4.0, 4.0, 3.0, 2.0, 1.0])
    )


@pytest.mark.parametrize("shape", [(3, 5), (3, 3, 4)])
def test_flat_places_read_the_wrapped_image(shape):
    x = torch.arange(math.prod(shape)).view(shape)
    window = tuple(torch.arange(1, n + 3) for n in shape)
    expected = functional.pad(
        x[None, None].double(), [k for _ in shape for k in (0, 3)], mode="circular"
    )[(0, 0, *(slice(1, None) for _ in shape))]
    assert torch.equal(x.flatten()[_flat_places(window, shape, "cpu")], expected.long().flatten())


def test_gradient_passes_windows():
    shape = (14, 10)
    network = Local(cubed, shape, False)
    x = torch.rand(1, 1, *shape, dtype=torch.float64, requires_grad=True)
    t, conditions = x.new_ones(1), x.new_zeros(1, 0)
    answer = in_windows(network, x, t, conditions, max_voxels=64, overlap=2)
    (gradient,) = torch.autograd.grad(answer.sum(), x)
    torch.testing.assert_close(gradient, (3 * x**2 - 1).detach())


class TwoAnswers(torch.nn.Module):
    """Another method has another answer."""

    coarseness, periodic = 1, True

    def forward(self, x, t, conditions):
        return x

    def evidence(self, x, t, conditions):
        return 3.0 * x

    def resized(self, image_shape, periodic):
        return self


@pytest.mark.parametrize("max_voxels", [2**10, 64])
def test_another_method_may_be_asked(max_voxels):
    given = inputs((20, 16), n_channels=1)
    answer = in_windows(TwoAnswers(), *given, max_voxels=max_voxels, overlap=2, ask="evidence")
    torch.testing.assert_close(answer, 3.0 * given[0])


def u_net(shape, periodic):
    rng = torch.Generator().manual_seed(0)
    network = build(
        lambda: flow_unet([([0.5], [[4.0]])], 1, shape, width=4, periodic=periodic), rng,
        dtype=torch.float64,
    ).eval().requires_grad_(False)  # fmt: skip
    for weights in network.parameters():
        weights.add_(0.05 * torch.randn(weights.shape, generator=rng, dtype=torch.float64))
    return network


class OffGrid:
    """A network that does not tell of its coarse voxels."""

    coarseness = 1

    def __init__(self, network):
        self.network, self.periodic, self.resized = network, network.periodic, network.resized


def share_missed(network, whole, given, **settings):
    parts = in_windows(network, *given, **settings)
    return ((parts - whole).square().mean() / whole.var()).item()


@BOTH
def test_u_net_in_windows_is_nearly_the_whole(periodic):
    """The normalisation sees a window instead of the image, and borders where none are."""
    shape = (96, 64)
    network, given = u_net(shape, periodic), inputs(shape, n_channels=1)
    missed = share_missed(network, network(*given), given, max_voxels=64**2, overlap=16)
    assert 0 < missed < 0.02


@pytest.mark.representatives("shape0-True", "shape1-False")
@pytest.mark.parametrize(
    ("shape", "periodic"), [((104, 72), True), ((104, 72), False), ((101, 77), False)]
)
def test_windows_start_where_the_coarse_voxels_of_the_whole_do(shape, periodic):
    """Others are answered as if the image were moved by less than a coarse voxel."""
    network, given = u_net(shape, periodic), inputs(shape, n_channels=1)
    whole, settings = network(*given), {"max_voxels": 40**2, "overlap": 16}
    missed = share_missed(network, whole, given, **settings)
    assert 0 < missed < 0.02
    assert share_missed(OffGrid(network), whole, given, **settings) > 10 * missed
