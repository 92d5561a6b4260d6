"""Networks of the 3-D WGAN: the paper's numbers of parameters, sizes, turns, borders."""

import numpy as np
import pytest
import torch
from torch import nn

from skmicro.images import point_symmetries, quarter_turns
from skmicro.networks import (
    build,
    constant_critic,
    equivariant_critic,
    growing_critic,
    mapped_generator,
)
from skmicro.networks._group_convolution import GroupConv
from skmicro.networks._mapped import DoublingTransposed

NOTHING = ([], [])
SIZES = [(1, 1), (1, 9), (7, 7), (33, 20), (4, 6, 5)]
CUBE = (32, 32, 32)
CRITICS = [growing_critic, constant_critic, equivariant_critic]


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def random_tensor(*shape, seed=0):
    return torch.randn(*shape, generator=rng(seed), dtype=torch.float64)


def made(factory, seed=0):
    return build(factory, rng(seed), dtype=torch.float64)


def n_parameters(factory):
    with torch.device("meta"):
        return sum(parameter.numel() for parameter in factory().parameters())


@pytest.mark.parametrize(
    ("width", "of_generator", "of_critic"),
    [
        (8, 274_633, 895_881),
        (16, 569_489, 3_579_537),
        (32, 1_616_161, 14_310_177),
        (64, 5_537_345, 57_224_769),
    ],
)
def test_numbers_of_parameters_of_the_paper(width, of_generator, of_critic):
    generator = n_parameters(lambda: mapped_generator(128, NOTHING, 1, CUBE, width=width))
    critic = n_parameters(lambda: growing_critic(1, CUBE, width=width))
    assert (generator, critic) == (of_generator, of_critic)


def test_numbers_of_parameters_of_the_scan_and_of_constant_channels():
    scan = (64, 64, 64)
    assert n_parameters(lambda: mapped_generator(128, NOTHING, 1, scan, width=64)) == 20_976_193
    assert n_parameters(lambda: growing_critic(1, scan, width=8)) == 3_584_649
    constant = n_parameters(lambda: constant_critic(1, CUBE, width=120))
    assert constant == pytest.approx(3.5e6, rel=0.02)


@pytest.mark.parametrize(("shape", "n_channels"), list(zip(SIZES, [1, 2, 3, 1, 2], strict=True)))
def test_any_size_and_probabilities(shape, n_channels):
    generator = made(lambda: mapped_generator(5, ([0.5], [[1.0]]), n_channels, shape, width=2))
    images = generator(random_tensor(3, 5), random_tensor(3, 1))
    assert images.shape == (3, n_channels, *shape)
    assert 0.0 <= images.min() < images.max() <= 1.0
    if n_channels > 1:
        torch.testing.assert_close(images.sum(dim=1), torch.ones(3, *shape).double())
    for make in CRITICS:
        assert made(lambda make=make: make(n_channels, shape, width=2))(images).shape == (3,)


def test_the_level_of_one_channel_is_a_hyperbolic_tangent():
    one = made(lambda: mapped_generator(5, NOTHING, 1, (8, 8), width=2))
    two = made(lambda: mapped_generator(5, NOTHING, 2, (8, 8), width=2))
    latents, nothing, logits = random_tensor(3, 5), torch.zeros(3, 0), []
    one.head.register_forward_hook(lambda module, inputs, output: logits.append(output))
    level = one(latents, nothing)
    torch.testing.assert_close(2.0 * level - 1.0, logits[0].tanh())
    torch.testing.assert_close(two(latents, nothing)[:, 1:], level)


def test_latents_enter_every_block_again():
    generator = made(lambda: mapped_generator(4, NOTHING, 1, (16, 16), width=2))
    block = generator.blocks[1]
    x, w = random_tensor(1, 4, 4, 4), random_tensor(1, *generator.start)
    with_w, without = block(x, w), block(x, torch.zeros_like(w))
    places = (with_w != without).any(dim=1)[0].nonzero().tolist()
    # w has two voxels along an axis, the block eight: it comes to lie four voxels apart.
    assert places == [[0, 0], [0, 4], [4, 0], [4, 4]]


def test_transposed_convolutions_wrap_around_the_borders():
    x = random_tensor(1, 3, 5, 6)
    periodic = made(lambda: DoublingTransposed(2, 3, 2, True))
    plain = made(lambda: DoublingTransposed(2, 3, 2, False))
    rolled = periodic(x.roll((2, 1), (2, 3)))
    torch.testing.assert_close(rolled, periodic(x).roll((4, 2), (2, 3)))
    same = nn.functional.conv_transpose2d(
        x, plain.layer.weight, plain.layer.bias, stride=2, padding=1, output_padding=1
    )
    torch.testing.assert_close(plain(x), same)
    assert not torch.allclose(plain(x), periodic(x))


@pytest.mark.representatives("True-shape0-4", "False-shape1-24")
@pytest.mark.parametrize(("shape", "n"), [((9, 9), 4), ((4, 4, 4), 24), ((5, 5, 6), 8)])
@pytest.mark.parametrize("periodic", [False, True])
def test_turned_images_have_the_same_score(shape, n, periodic):
    turns = quarter_turns(shape)
    assert len(turns) == n
    critic = made(lambda: equivariant_critic(2, shape, width=2, periodic=periodic))
    images = random_tensor(2, 2, *shape)
    scores = critic(images)
    for turn in turns:
        torch.testing.assert_close(critic(turn(images)), scores, rtol=0.0, atol=1e-14)
    mirrored = next(move for move in point_symmetries(shape) if move.mirrors)
    assert (critic(mirrored(images)) - scores).abs().max() > 1e-6
    other = made(lambda: growing_critic(2, shape, width=2, periodic=periodic))
    assert (other(turns[-1](images)) - other(images)).abs().max() > 1e-6


def test_group_convolutions_turn_with_their_input():
    turns = quarter_turns((4, 4, 4))
    layer = made(lambda: GroupConv(turns, 2, 3, 3, periodic=False))
    lifted = made(lambda: GroupConv(turns, 1, 2, 3, periodic=False, of_images=True))
    image = random_tensor(1, 1, 4, 4, 4)
    features = layer(lifted(image)).unflatten(1, (24, 3))
    turn = turns[7]
    moved = layer(lifted(turn(image))).unflatten(1, (24, 3))
    as_sets = [{tuple(np.round(v, 9)) for v in x.detach().flatten(2)[0].numpy()[:, :5]}
               for x in (turn(features.flatten(1, 2)).unflatten(1, (24, 3)), moved)]  # fmt: skip
    # The maps of the turned image are the turned maps, in another order.
    assert as_sets[0] == as_sets[1]


def test_weights_start_orthogonal():
    critic = made(lambda: growing_critic(1, (8, 8), width=4))
    generator = made(lambda: mapped_generator(8, NOTHING, 1, (8, 8), width=4))
    layers = [*critic.modules(), *generator.modules()]
    checked = [layer for layer in layers if hasattr(layer, "weight")]
    assert len(checked) > 20
    for layer in checked:
        rows = layer.weight.flatten(1)
        rows = rows if len(rows) <= rows.shape[1] else rows.T
        torch.testing.assert_close(rows @ rows.T, torch.eye(len(rows)).double(), atol=1e-6, rtol=0)
        assert not layer.bias.any()
