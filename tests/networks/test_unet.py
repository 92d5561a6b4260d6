"""The U-Net of a flow: where it starts, what it sees of conditions, grids of any size."""

import math

import numpy as np
import pytest
import torch

from skmicro import _arrays
from skmicro.networks import _mixed, build, flow_unet
from skmicro.networks._blocks import depth_to_space, space_to_depth

SCALAR = ([0.4], [[5.0]])
CURVE = ([0.1, 0.2, 0.3], np.eye(3).tolist())


def network(whitenings=(), shape=(16, 8), *, n_channels=1, trained=True, **settings):
    """A small network in double precision; ``trained`` fills the layers that start at zero."""
    rng = torch.Generator().manual_seed(0)
    settings = {"width": 4, "periodic": True} | settings
    made = build(
        lambda: flow_unet(list(whitenings), n_channels, shape, **settings), rng, dtype=torch.float64
    )
    if trained:
        with torch.no_grad():
            for weights in made.parameters():
                weights.add_(0.2 * torch.randn(weights.shape, generator=rng, dtype=torch.float64))
    return made.eval().requires_grad_(False)


def inputs(n, made, n_conditions=0, seed=1):
    rng = torch.Generator().manual_seed(seed)
    like = {"generator": rng, "dtype": torch.float64}
    x = torch.randn(n, made.n_channels, *made.image_shape, **like)
    return x, torch.rand(n, **like), torch.rand(n, n_conditions, **like)


@pytest.mark.parametrize("shape", [(6, 4), (2, 4, 6)])
def test_space_to_depth_is_the_inverse_of_depth_to_space(shape):
    x = torch.arange(2 * 3 * np.prod(shape)).reshape(2, 3, *shape)
    cells = space_to_depth(x)
    assert torch.equal(depth_to_space(cells), x)
    corner = x[(slice(None), slice(None), *(slice(2) for _ in shape))].flatten(2)
    assert torch.equal(cells[(..., *(0 for _ in shape))].view(2, 3, -1), corner)


def test_untrained_velocity_is_zero():
    made = network([SCALAR, CURVE], trained=False)
    x, t, conditions = inputs(5, made, 4)
    conditions[0] = torch.nan
    assert not made(x, t, conditions).any()


def test_level_can_be_a_linear_function_of_a_condition():
    made = network([SCALAR], trained=False)
    made.embedding.direct[0].weight.fill_(0.4)  # the whitened p1 to the mean 2 p1 - 1
    made.embedding.direct[0].bias.fill_(-0.2)
    x, t, conditions = inputs(4, made, 1)
    expected = (2 * conditions - 1).view(-1, 1, 1, 1).expand_as(x)
    torch.testing.assert_close(made(x, t, conditions), expected)


def test_level_adds_to_the_pattern_and_depends_on_time_and_conditions_alone():
    made = network([SCALAR], n_channels=3)
    x, t, conditions = inputs(4, made, 1)
    pattern_of = lambda x: made(x, t, conditions) - levels(made, t, conditions)  # noqa: E731
    before = pattern_of(x)
    made.embedding.level.bias.add_(torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64))
    torch.testing.assert_close(pattern_of(x), before)
    shifted = levels(made, t, conditions) + 0 * x
    made.head.layer.weight.zero_()
    made.head.layer.bias.zero_()
    torch.testing.assert_close(made(x, t, conditions), shifted)
    assert (levels(made, t, conditions + 0.1) - levels(made, t, conditions)).abs().min() > 1e-3
    assert (levels(made, t + 0.1, conditions) - levels(made, t, conditions)).abs().min() > 1e-4


def levels(made, t, conditions):
    return made.embedding(t, conditions)[1].view(len(t), -1, 1, 1)


@pytest.mark.parametrize(
    ("shape", "coarse_width"), [((16, 8), None), ((8, 8, 8), None), ((32, 8), 6), ((16, 8, 8), 12)]
)
def test_rolled_input_gives_rolled_velocity(shape, coarse_width):
    made = network(shape=shape, coarse_width=coarse_width)
    x, t, conditions = inputs(2, made)
    shifts, axes = [made.coarseness, -made.coarseness, 0][: len(shape)], range(2, 2 + len(shape))
    moved = made(x.roll(shifts, tuple(axes)), t, conditions)
    torch.testing.assert_close(moved, made(x, t, conditions).roll(shifts, tuple(axes)))


@pytest.mark.parametrize("shape", [(32, 8), (16, 8, 8)])
def test_coarse_grids_are_twice_as_wide_if_nothing_else_is_said(shape):
    default, told = (network([SCALAR], shape, **s) for s in ({}, {"coarse_width": 8}))
    given = inputs(2, default, 1)
    assert torch.equal(default(*given), told(*given))
    pairs = zip(default.parameters(), told.parameters(), strict=True)
    assert all(torch.equal(mine, its) for mine, its in pairs)


@pytest.mark.parametrize("coarse_width", [None, 4, 12])
def test_channels_of_every_grid(coarse_width):
    made = network(shape=(32, 16), coarse_width=coarse_width)
    found = {}
    for block in (*made.descent, *made.ascent):
        block.register_forward_hook(
            lambda _, given, answer: found.update({tuple(answer.shape[2:]): answer.shape[1]})
        )
    made(*inputs(1, made))
    coarse = coarse_width or 8
    assert found == {(16, 8): 4, (8, 4): coarse, (4, 2): coarse}


def test_without_periodicity_rolling_is_no_symmetry():
    made = network(periodic=False)
    x, t, conditions = inputs(1, made)
    moved = made(x.roll(made.coarseness, 2), t, conditions)
    assert (moved - made(x, t, conditions).roll(made.coarseness, 2)).abs().max() > 1e-3


def test_condition_that_is_not_given_adds_nothing():
    made = network([SCALAR, CURVE])
    x, t, conditions = inputs(4, made, 4)
    given = made(x, t, conditions)
    without = conditions.clone()
    without[:, 1:] = torch.nan
    half = without.clone()
    half[:, 1:3] = conditions[:, 1:3]
    answer = made(x, t, without)
    assert (answer - given).abs().max() > 1e-3
    assert torch.equal(made(x, t, half), answer)
    for layer in (made.embedding.conditions[1][-1], made.embedding.direct[1]):
        for weights in layer.parameters():
            weights.zero_()
    torch.testing.assert_close(made(x, t, conditions), answer)


@pytest.mark.parametrize("shape", [(16, 8), (5, 7), (1, 9), (4, 6, 5)])
def test_rows_do_not_depend_on_each_other(shape):
    made = network([SCALAR, CURVE], shape).float()
    x, t, conditions = (tensor.float() for tensor in inputs(6, made, 4))
    conditions[1] = torch.nan
    order = torch.tensor([3, 1, 1, 5, 0, 2])
    expected = made(x, t, conditions)[order]
    assert torch.equal(made(x[order], t[order], conditions[order]), expected)


@pytest.mark.parametrize("periodic", [False, True])
def test_resized_network_is_the_one_built_for_that_size(periodic):
    made = network([SCALAR], (32, 8), periodic=not periodic)
    resized = made.resized((24, 16), periodic)
    built = network([SCALAR], (24, 16), periodic=periodic)
    x, t, conditions = inputs(2, built, 1)
    assert torch.equal(resized(x, t, conditions), built(x, t, conditions))
    assert resized.n_latent == 24 * 16
    assert made.image_shape == (32, 8)
    assert made.stem.wrap is (not periodic)
    pairs = zip(made.parameters(), resized.parameters(), strict=True)
    assert all(mine is its for mine, its in pairs)


def tiled(made, x, t, conditions):
    """The answer for as many images side by side as end where a coarse voxel does."""
    shape, step = x.shape[2:], made.coarseness
    repeats = [step // math.gcd(step, side) for side in shape]
    sides = tuple(n * side for n, side in zip(repeats, shape, strict=True))
    answer = made.resized(sides, True)(x.tile(1, 1, *repeats), t, conditions)
    return answer[(..., *(slice(side) for side in shape))]


def missed(answer, expected):
    return ((answer - expected).square().mean() / expected.var()).sqrt().item()


ODD = pytest.mark.parametrize(
    ("made_for", "shape"),
    [
        ((16, 8), (18, 18)),
        ((32, 32), (18, 18)),
        ((32, 32), (36, 36)),
        ((32, 32), (50, 50)),
        ((32, 32), (17, 40)),
        ((32, 32), (13, 9)),
        ((8, 8, 8), (9, 7, 10)),
    ],
)


@ODD
def test_periodic_images_of_odd_sizes_are_seen_across_their_borders(made_for, shape):
    """Nearly as in a periodic continuation, of which a coarse voxel is there."""
    made = network([SCALAR], made_for)
    x, t, conditions = inputs(2, made.resized(shape, True), 1)
    expected = tiled(made, x, t, conditions)
    wrapped, cut = (made.resized(shape, periodic)(x, t, conditions) for periodic in (True, False))
    for axis, side in enumerate(shape, start=2):
        for start in (0, side - 4):
            strip = [tensor.narrow(axis, start, 4) for tensor in (wrapped, cut, expected)]
            assert missed(strip[0], strip[2]) < 0.35
            if side % made.coarseness:
                assert missed(strip[0], strip[2]) < 0.5 * missed(strip[1], strip[2])


def test_what_lies_across_the_border_is_near():
    made = network(shape=(32, 32)).resized((50, 50), True)
    x, t, conditions = inputs(1, made)
    changed = x.clone()
    changed[:, :, -2:] += 1.0
    influence = (made(changed, t, conditions) - made(x, t, conditions)).abs()[0, 0].mean(dim=1)
    far = influence[20:28].max()  # what the normalisation sees of it
    assert influence[:4].min() > 3 * far
    assert influence[-4:].min() > 3 * far


@pytest.mark.parametrize("shape", [(32, 16), (24, 40), (8, 16, 24)])
def test_periodic_continuation_of_whole_coarse_voxels_is_exact(shape):
    made = network([SCALAR], (32, 32)[: len(shape)] if len(shape) == 2 else (8, 8, 8))
    x, t, conditions = inputs(2, made.resized(shape, True), 1)
    once = made.resized(shape, True)(x, t, conditions)
    twice = made.resized(tuple(2 * side for side in shape), True)
    for part in twice(x.tile(1, 1, *[2] * len(shape)), t, conditions).chunk(2, dim=2):
        torch.testing.assert_close(part[(..., *(slice(side) for side in shape))], once)


def test_rolls_by_coarse_voxels_are_kept_away_from_where_odd_sizes_close():
    made = network(shape=(16, 8)).resized((66, 16), True)
    x, t, conditions = inputs(2, made)
    moved = made(x.roll(8, 2), t, conditions).narrow(2, 24, 30)
    here = made(x, t, conditions).narrow(2, 16, 30)
    assert missed(moved, here) < 0.05
    askew = made(x.roll(9, 2), t, conditions).narrow(2, 25, 30)
    assert missed(askew, here) > 0.5


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("shape", [(18, 5), (1, 3), (2, 16)])
def test_any_size_has_an_answer(shape, periodic):
    made = network().resized(shape, periodic)
    x, t, conditions = inputs(2, made)
    answer = made(x, t, conditions)
    assert answer.shape == x.shape
    assert answer.isfinite().all()
    there_and_back = made.resized((16, 8), periodic).resized(shape, periodic)
    assert torch.equal(there_and_back(x, t, conditions), answer)


@pytest.mark.parametrize(
    ("capabilities", "faster"),
    [
        ({}, False),
        ({"cpu_name": "Intel Xeon", "avx512_bf16": True, "amx_bf16": False}, False),
        ({"cpu_name": "Intel Xeon", "avx512_bf16": True, "amx_bf16": True}, True),
        ({"cpu_name": "AMD EPYC", "avx512_bf16": True}, True),
        ({"cpu_name": "AMD EPYC", "avx512_bf16": False}, False),
        ({"sve_bf16": True}, True),
    ],
)
def test_bfloat16_is_for_processors_that_are_faster_with_it(monkeypatch, capabilities, faster):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)
    assert _arrays.multiplies_bfloat16(torch.device("cpu")) == faster


def test_bfloat16_rounds_the_pattern_and_nothing_else(monkeypatch):
    """As on a device that multiplies it; the level and double precision stay as they are."""
    monkeypatch.setattr(_mixed, "multiplies_bfloat16", lambda device: True)
    made = network([SCALAR])
    inputs_ = inputs(4, made, 1)
    exact = made(*inputs_)
    made.bfloat16 = True
    assert torch.equal(made(*inputs_), exact)
    made.float()
    single = [tensor.float() for tensor in inputs_]
    rounded = made(*single)
    assert rounded.dtype == torch.float32
    error = (rounded - exact).abs().max() / exact.std()
    assert 1e-5 < error < 0.1
    made.head.layer.weight.zero_()
    made.head.layer.bias.zero_()
    expected = levels(made, *single[1:]).expand_as(rounded)
    torch.testing.assert_close(made(*single), expected, rtol=0, atol=0)


@pytest.mark.parametrize("n_channels", [1, 3])
def test_new_network_of_phases_judges_every_voxel_by_itself(n_channels):
    """Bayes' rule for a voxel of phases that are equally frequent."""
    made = network(shape=(4, 6), n_channels=n_channels, trained=False, phases=True)
    x, _, none = inputs(5, made)
    t = torch.linspace(0.0, 0.7, 5, dtype=torch.float64)
    codes = [[-1.0], [1.0]] if n_channels == 1 else (2.0 * torch.eye(3) - 1.0).tolist()
    codes, share = torch.tensor(codes, dtype=torch.float64), t.view(-1, 1, 1, 1)
    gaps = torch.stack([(x - share * code.view(-1, 1, 1)).square().sum(1) for code in codes], 1)
    likelihood = (-gaps / (2 * (1 - share) ** 2)).softmax(1)
    mean = torch.einsum("nphw,pc->nchw", likelihood, codes)
    torch.testing.assert_close(made(x, t, none), (mean - x) / (1 - share), atol=1e-5, rtol=0)
    evidence = 2 * made.evidence(x, t, none)
    said = evidence if n_channels > 1 else torch.cat([-evidence, evidence], 1) / 2
    torch.testing.assert_close(said.softmax(1), likelihood, atol=1e-6, rtol=0)


@pytest.mark.parametrize("n_channels", [1, 3])
def test_flow_of_phases_ends_at_the_mean_image(n_channels):
    """The last step of Euler's method, x + (1 - t) v, lands on what the evidence says."""
    made = network([SCALAR], n_channels=n_channels, phases=True)
    x, t, r = inputs(3, made, 1)
    t = 0.9 * t
    landed = x + (1 - t).view(-1, 1, 1, 1) * made(x, t, r)
    evidence = made.evidence(x, t, r)
    mean = evidence.tanh() if n_channels == 1 else 2 * (2 * evidence).softmax(1) - 1
    torch.testing.assert_close(landed, mean, atol=1e-10, rtol=0)
