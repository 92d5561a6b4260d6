"""Networks: any size, the papers' widths, exact adjoints, symmetries, weights from a seed."""

import math
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from skmicro._random import torch_generator
from skmicro.networks import (
    build,
    conv,
    light_critic,
    light_generator,
    residual_critic,
    residual_generator,
)
from skmicro.networks._blocks import (
    HalvingConv,
    RowLinear,
    circular_pad,
    coarse_shape,
    depth_to_space,
    double,
    halve,
    n_halvings,
    probabilities,
)

GENERATORS = {"residual": residual_generator, "light": light_generator}
CRITICS = {"residual": residual_critic, "light": light_critic}
SIZES = [(1, 9), (9, 1), (1, 1), (7, 7), (5, 12), (16, 16), (33, 20), (4, 6, 5), (1, 3, 9)]
every_generator = pytest.mark.parametrize("kind", GENERATORS)
every_critic = pytest.mark.parametrize("kind", CRITICS)


def random_tensor(*shape, seed=0, dtype=torch.float32):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def filled(factory, seed=0, **options):
    """Return a network whose zero-started layers have weights as well."""
    network = build(factory, torch.Generator().manual_seed(seed), **options)
    rng = torch.Generator().manual_seed(seed + 1)
    for parameter in network.parameters():
        if not parameter.any():
            parameter.data.normal_(0.0, 0.1, generator=rng)
    return network.eval()


def a_generator(kind, shape, n_channels=2, n_conditions=1, **options):
    whitening = ([0.5] * n_conditions, (10.0 * torch.eye(n_conditions)).tolist())
    periodic = options.pop("periodic", False)
    return filled(
        lambda: GENERATORS[kind](3, whitening, n_channels, shape, width=4, periodic=periodic),
        **options,
    )


def a_critic(kind, shape, n_channels=2, periodic=False, **options):
    return filled(lambda: CRITICS[kind](n_channels, shape, width=4, periodic=periodic), **options)


def on_paper(factory):
    with torch.device("meta"):
        return factory()


def n_weights(module):
    return sum(parameter.numel() for parameter in module.parameters())


@every_generator
@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize("n_channels", [1, 3])
def test_generators_make_probabilities_of_any_size(kind, shape, n_channels):
    generator = a_generator(kind, shape, n_channels)
    with torch.no_grad():
        images = generator(random_tensor(2, generator.n_latent), torch.full((2, 1), 0.4))
    assert images.shape == (2, n_channels, *shape)
    assert images.min() >= 0
    assert images.max() <= 1
    if n_channels > 1:
        torch.testing.assert_close(images.sum(dim=1), torch.ones(2, *shape))


@every_generator
def test_generators_use_latents_and_conditions(kind):
    generator = a_generator(kind, (16, 16))
    latents = random_tensor(2, generator.n_latent)
    images = generator(latents, torch.full((2, 1), 0.4))
    assert not torch.equal(images[0], images[1])
    assert not torch.equal(images, generator(latents, torch.full((2, 1), 0.6)))


@pytest.mark.parametrize("kind", [kind for kind in GENERATORS if kind != "residual"])
def test_generators_see_whitened_conditions(kind):
    raw, plain = a_generator(kind, (8, 8)), a_generator(kind, (8, 8))
    (head,) = (module for module in plain.modules() if hasattr(module, "whitening"))
    head.whitening = ([0.0], [[1.0]])
    latents, conditions = random_tensor(2, raw.n_latent), torch.tensor([[0.4], [0.7]])
    torch.testing.assert_close(raw(latents, conditions), plain(latents, 10.0 * (conditions - 0.5)))


@every_generator
def test_generators_without_conditions(kind):
    generator = a_generator(kind, (6, 7), n_conditions=0)
    images = generator(random_tensor(2, generator.n_latent), torch.zeros(2, 0))
    assert images.shape == (2, 2, 6, 7)


@every_critic
@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("shape", SIZES)
def test_critics_give_one_score_to_images_of_any_size(kind, periodic, shape):
    critic = a_critic(kind, shape, periodic=periodic)
    images = random_tensor(3, 2, *shape).requires_grad_(True)
    scores = critic(images)
    assert scores.shape == (3,)
    (slope,) = torch.autograd.grad(scores.sum(), images)
    assert slope.ne(0).flatten(1).any(dim=1).all()


@every_critic
@pytest.mark.parametrize("shape", [(16, 12), (5, 6, 7)])
def test_a_score_does_not_depend_on_the_other_images(kind, shape):
    critic = a_critic(kind, shape, dtype=torch.float64).train()
    images = random_tensor(6, 2, *shape, dtype=torch.float64).requires_grad_(True)
    scores = critic(images)
    (slope,) = torch.autograd.grad(scores[2], images)
    others = torch.arange(6) != 2
    assert slope[others].eq(0).all()
    assert slope[2].ne(0).any()
    alone = torch.cat([critic(image[None]) for image in images])
    torch.testing.assert_close(scores, alone, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("shape", "axis"), [((16, 16), 0), ((16, 24), 0), ((16, 24), 1), ((1, 16), 1), ((8, 8, 4), 2)]
)
def test_the_periodic_light_critic_does_not_see_rolls_by_its_coarsest_voxels(shape, axis):
    critic = a_critic("light", shape, periodic=True, dtype=torch.float64)
    images = random_tensor(2, 2, *shape, dtype=torch.float64)
    step = 2 ** n_halvings(shape)
    scores = critic(images)
    torch.testing.assert_close(critic(images.roll(step, axis + 2)), scores, rtol=1e-9, atol=1e-12)
    nudged = critic(images.roll(1, axis + 2))
    assert not torch.allclose(nudged, scores, rtol=1e-6, atol=1e-9)


def test_widths_of_the_papers_at_64():
    generator = on_paper(lambda: residual_generator(128, ([], []), 2, (64, 64)))
    critic = on_paper(lambda: residual_critic(2, (64, 64)))
    ups = [block for block in generator.body if hasattr(block, "shortcut")]
    widths = [block.shortcut.layer.out_channels for block in ups]
    assert [ups[0].shortcut.layer.in_channels, *widths] == [512, 512, 256, 128, 64]
    widths = [block.shortcut.layer.out_channels for block in critic.blocks]
    assert [critic.stem.layer.out_channels, *widths] == [64, 128, 256, 512, 512]
    assert generator.start == (512, 4, 4)
    assert critic.head.in_features == 512 * 4 * 4


@pytest.mark.parametrize("n_conditions", [0, 1, 33])
def test_parameters_of_the_papers_generator(n_conditions):
    whitening = ([0.0] * n_conditions, torch.eye(n_conditions).tolist())
    generator = on_paper(lambda: residual_generator(128, whitening, 2, (64, 64)))
    stem = (128 + n_conditions + 1) * 512 * 16
    total = stem
    for a, b in [(512, 512), (512, 256), (256, 128), (128, 64)]:
        total += (a + 1) * b + (9 * a + 1) * b + (9 * b + 1) * b + 2 * a + 2 * b
    total += 2 * 64 + (9 * 64 + 1) * 2
    assert n_weights(generator) == total


def test_parameters_of_the_papers_critic():
    critic = on_paper(lambda: residual_critic(2, (64, 64)))
    total = (9 * 2 + 1) * 64 + 512 * 16 + 1
    for a, b in [(64, 128), (128, 256), (256, 512), (512, 512)]:
        total += (a + 1) * b + (9 * a + 1) * a + (9 * a + 1) * b + 4 * a
    assert n_weights(critic) == total


@pytest.mark.parametrize("side", [128, 256])
def test_larger_images_add_blocks_of_the_same_widths(side):
    generator = on_paper(lambda: residual_generator(128, ([], []), 2, (side, side)))
    critic = on_paper(lambda: residual_critic(2, (side, side)))
    n_extra = int(math.log2(side // 64))
    ups = [b.shortcut.layer.out_channels for b in generator.body if hasattr(b, "shortcut")]
    downs = [b.shortcut.layer.out_channels for b in critic.blocks]
    assert ups == [512, 256, 128, 64] + [64] * n_extra
    assert downs == [128, 256, 512, 512] + [512] * n_extra
    assert generator.start == (512, 4, 4)


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize("critic", [residual_critic, light_critic])
def test_periodic_networks_have_the_same_weights(critic, periodic):
    networks = [on_paper(lambda p=p: critic(2, (32, 32), periodic=p)) for p in (False, periodic)]
    shapes = [{k: v.shape for k, v in network.state_dict().items()} for network in networks]
    assert shapes[0] == shapes[1]


def test_depth_to_space_is_the_pixel_shuffle_of_torch():
    features = random_tensor(2, 5 * 4, 4, 3)
    assert torch.equal(depth_to_space(features), functional.pixel_shuffle(features, 2))


def test_depth_to_space_in_three_dimensions():
    features = random_tensor(2, 3 * 8, 2, 3, 4)
    fine = depth_to_space(features)
    assert fine.shape == (2, 3, 4, 6, 8)
    for i, j, k in np.ndindex(2, 2, 2):
        part = features[:, 4 * i + 2 * j + k :: 8]
        assert torch.equal(fine[:, :, i::2, j::2, k::2], part)


@pytest.mark.parametrize("shape", [(6, 4), (5, 4), (1, 7), (3, 5, 2)])
def test_halving_averages_what_is_there(shape):
    images = random_tensor(2, 3, *shape, dtype=torch.float64)
    coarse = halve(images)
    assert coarse.shape[2:] == tuple(-(-side // 2) for side in shape)
    for index in np.ndindex(*coarse.shape[2:]):
        block = images[(..., *(slice(2 * i, 2 * i + 2) for i in index))]
        expected = block.flatten(2).mean(dim=2)
        torch.testing.assert_close(coarse[(..., *index)], expected)


@pytest.mark.parametrize("shape", [(3, 4), (1, 2), (2, 3, 2)])
def test_halving_undoes_doubling(shape):
    images = random_tensor(2, 3, *shape)
    fine = double(images)
    assert fine.shape[2:] == tuple(2 * side for side in shape)
    torch.testing.assert_close(halve(fine), images)


@pytest.mark.representatives("shape1", "shape2")
@pytest.mark.parametrize("shape", [(4, 5), (1, 6), (1, 1), (2, 1, 4)])
def test_circular_pad_is_that_of_torch_with_all_its_derivatives(shape):
    images = random_tensor(2, 2, *shape, dtype=torch.float64).requires_grad_(True)
    expected = functional.pad(images, [1, 1] * len(shape), mode="circular")
    assert torch.equal(circular_pad(images), expected)
    weights = random_tensor(*expected.shape, seed=1, dtype=torch.float64)
    slopes = [
        torch.autograd.grad((weights * padded**3).sum(), images)[0]
        for padded in (circular_pad(images), expected)
    ]
    torch.testing.assert_close(*slopes)
    assert torch.autograd.gradcheck(circular_pad, images)
    assert torch.autograd.gradgradcheck(lambda x: circular_pad(x).square(), images)


@pytest.mark.parametrize("ndim", [2, 3])
def test_periodic_convolution_moves_with_the_image(ndim):
    layer = build(lambda: conv(ndim, 2, 3, periodic=True), torch.Generator(), dtype=torch.float64)
    images = random_tensor(2, 2, *[4, 5, 6][:ndim], dtype=torch.float64)
    moved = layer(images.roll((1, 2), (2, 3)))
    torch.testing.assert_close(moved, layer(images).roll((1, 2), (2, 3)))


@pytest.mark.parametrize("shape", [(6, 4), (7, 1), (5, 4, 3)])
@pytest.mark.parametrize("periodic", [False, True])
def test_strided_convolutions_round_sizes_up(shape, periodic):
    with torch.no_grad():
        layer = HalvingConv(len(shape), 2, 3, periodic)
        out = layer(random_tensor(1, 2, *shape))
    assert out.shape == (1, 3, *(-(-side // 2) for side in shape))


@pytest.mark.parametrize("shape", [(4, 4), (5, 1), (64, 64), (65, 20), (3, 100, 7)])
def test_coarsest_grids_cover_the_image_with_at_most_four_voxels_a_side(shape):
    n = n_halvings(shape)
    coarse = coarse_shape(shape, n)
    assert max(coarse) <= 4
    assert n == 1 or max(coarse_shape(shape, n - 1)) > 4
    assert all(c * 2**n >= side for c, side in zip(coarse, shape, strict=True))


def test_probabilities():
    logits = random_tensor(2, 3, 4, 4)
    torch.testing.assert_close(probabilities(logits), functional.softmax(logits, 1))
    torch.testing.assert_close(probabilities(logits[:, :1]), torch.sigmoid(logits[:, :1]))


@every_generator
def test_a_seed_means_the_same_weights(kind):
    def weights(seed):
        factory = lambda: GENERATORS[kind](3, ([0.5], [[10.0]]), 2, (8, 8), width=4)  # noqa: E731
        return nn.utils.parameters_to_vector(build(factory, torch_generator(seed)).parameters())

    before = torch.get_rng_state()
    assert torch.equal(weights(0), weights(0))
    assert not torch.equal(weights(0), weights(1))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_seed_means_the_same_weights_in_both_precisions():
    single, double_ = (
        build(lambda: nn.Linear(5, 7), torch_generator(0), dtype=dtype)
        for dtype in (torch.float32, torch.float64)
    )
    assert torch.equal(single.weight.double(), double_.weight)


@pytest.mark.parametrize(
    ("factory", "bound"),
    [
        (lambda: conv(2, 16, 32), math.sqrt(6 / (16 * 9))),
        (lambda: conv(3, 8, 32), math.sqrt(6 / (8 * 27))),
        (lambda: conv(2, 16, 32, 4, stride=2), math.sqrt(6 / (16 * 16))),
        (lambda: conv(2, 16, 32, linear_gain=True), math.sqrt(6 / ((16 + 32) * 9))),
        (lambda: conv(2, 64, 64, 1, linear_gain=True), math.sqrt(6 / 128)),
        (lambda: nn.Linear(100, 50), math.sqrt(6 / 150)),
    ],
    ids=["Kaiming 2-D", "Kaiming 3-D", "Kaiming strided", "Xavier 2-D", "Xavier 1x1", "linear"],
)
def test_weights_are_uniform_within_the_bounds_of_the_papers(factory, bound):
    network = build(factory, torch_generator(0))
    layer = getattr(network, "layer", network)
    assert bound * 0.99 < layer.weight.abs().max() <= bound
    torch.testing.assert_close(layer.weight.std().item(), bound / math.sqrt(3), rtol=0.05, atol=0)
    assert layer.bias.eq(0).all()


def test_a_layer_without_a_rule_is_refused():
    with pytest.raises(TypeError, match="No rule to initialise a PReLU"):
        build(nn.PReLU, torch_generator(0))


def test_norms_start_as_the_identity():
    network = build(
        lambda: nn.Sequential(nn.BatchNorm2d(3), nn.GroupNorm(1, 3)), torch_generator(0)
    )
    for layer in network:
        assert layer.weight.eq(1).all()
        assert layer.bias.eq(0).all()
    assert network[0].running_mean.eq(0).all()
    assert network[0].running_var.eq(1).all()


@pytest.mark.parametrize(("n_in", "n_out"), [(1, 1), (9, 37), (128, 64)])
def test_rows_of_a_linear_layer_do_not_depend_on_their_place(n_in, n_out):
    layer = build(lambda: RowLinear(n_in, n_out), torch_generator(0)).eval()
    x = random_tensor(65, n_in).requires_grad_(True)
    weights = random_tensor(65, n_out, seed=1)
    rows = layer(x)
    (slope,) = torch.autograd.grad((weights * rows).sum(), x)
    for chosen in ([0], [64], [3, 2], list(range(17, 40)), list(range(64, -1, -1))):
        part = x.detach()[chosen].requires_grad_(True)
        result = layer(part)
        (part_slope,) = torch.autograd.grad((weights[chosen] * result).sum(), part)
        assert torch.equal(result, rows[chosen])
        assert torch.equal(part_slope, slope[chosen])


@pytest.mark.parametrize("n_axes", [2, 3])
@pytest.mark.parametrize(("n_in", "n_out"), [(4, 4), (3, 5), (16, 32)])
def test_mixed_channels_do_not_depend_on_the_number_of_images(n_axes, n_in, n_out):
    layer = build(lambda: conv(n_axes, n_in, n_out, 1), torch_generator(0))
    x = random_tensor(16, n_in, *(7, 5, 3)[:n_axes])
    learning = layer(x)
    layer.eval()
    whole, slope = value_and_slope(layer, x)
    torch.testing.assert_close(whole, learning)
    for chosen in ([0], [3, 2], list(range(4, 12))):
        part, part_slope = value_and_slope(layer, x[chosen])
        assert torch.equal(part, whole[chosen])
        assert torch.equal(part_slope, slope[chosen])


def value_and_slope(layer, x):
    """Return what a layer makes of images, and the gradient of its squares."""
    x = x.detach().requires_grad_(True)
    result = layer(x)
    return result, torch.autograd.grad(result.square().sum(), x)[0]


def test_row_linear_is_linear_in_both_modes():
    layer = build(lambda: RowLinear(9, 5), torch_generator(0), dtype=torch.float64)
    layer.bias.data.fill_(0.3)
    x = random_tensor(4, 9, dtype=torch.float64)
    expected = x @ layer.weight.T + layer.bias
    torch.testing.assert_close(layer.train()(x), expected)
    torch.testing.assert_close(layer.eval()(x), expected)


@every_generator
@pytest.mark.parametrize("shape", [(16, 12), (5, 6, 7)])
def test_generated_images_do_not_depend_on_their_place_in_the_batch(kind, shape):
    generator = a_generator(kind, shape)
    latents = random_tensor(16, generator.n_latent)
    conditions = torch.rand(16, 1, generator=torch.Generator().manual_seed(2))
    order = torch.randperm(16, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        images = generator(latents, conditions)
        again = generator(latents[order], conditions[order])
    assert torch.equal(again, images[order])


@pytest.mark.parametrize("shape", [(16, 16), (8, 8, 8)])
def test_the_periodic_light_generator_moves_with_its_latents(shape):
    generator = a_generator("light", shape, periodic=True, dtype=torch.float64)
    latents = random_tensor(2, generator.n_latent, dtype=torch.float64)
    conditions = torch.full((2, 1), 0.5, dtype=torch.float64)
    maps = latents.view(2, *generator.start)
    moved = maps.roll(1, 2).reshape(2, -1)
    step = shape[0] // generator.start[1]
    with torch.no_grad():
        images, others = generator(latents, conditions), generator(moved, conditions)
    torch.testing.assert_close(others, images.roll(step, 2))


def test_the_fine_critic_tells_images_apart_whose_blocks_have_equal_means():
    board = torch.zeros(1, 2, 16, 16, dtype=torch.float64)
    board[:, 0, ::2, ::2] = board[:, 0, 1::2, 1::2] = 1.0
    board[:, 1] = 1.0 - board[:, 0]
    moved = board.roll(1, 2)
    scores = {}
    for fine in (False, True):
        network = partial(light_critic, 2, (16, 16), width=4, fine=fine)
        critic = build(network, torch_generator(0), dtype=torch.float64)
        scores[fine] = torch.cat([critic(board), critic(moved)]).detach()
    assert scores[False][0] == scores[False][1]
    assert abs(scores[True][0] - scores[True][1]) > 1e-3


@pytest.mark.parametrize("fine", [False, True])
def test_latents_of_the_whole_image_act_everywhere(fine):
    def network():
        options = {"width": 4, "periodic": True, "n_global": 5, "fine": fine}
        return light_generator(3, ([], []), 2, (16, 16), **options)

    generator = build(network, torch_generator(0), dtype=torch.float64)
    assert generator.n_latent == 5 + 3 * 4 * 4
    assert generator.resized((32, 16), True).n_latent == 5 + 3 * 8 * 4
    latents = random_tensor(2, generator.n_latent, dtype=torch.float64).requires_grad_()
    whole, local = latents[:, :5], latents[:, 5:].view(2, *generator.start)
    moved = torch.hstack([whole, local.roll(1, 2).flatten(1)])
    none = torch.zeros(2, 0, dtype=torch.float64)
    images = generator(latents, none)
    torch.testing.assert_close(generator(moved, none), images.roll(4, 2))
    places = images[0, 1, ::5, ::5].flatten()
    slopes = [torch.autograd.grad(p, latents, retain_graph=True)[0][0, :5] for p in places]
    assert (torch.stack(slopes) != 0).all()
