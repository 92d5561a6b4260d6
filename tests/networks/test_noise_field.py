"""The generator from a field of noise: sizes of the paper, noise, reach of every number."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from skmicro.networks import build, field_generator
from skmicro.networks._blocks import LARGE_LAYER, RowLinear, in_registers

NO_CONDITIONS = ([], [])


def made(shape, n_fields=1, n_channels=2, width=8, dtype=torch.float64, seed=0):
    return build(
        lambda: field_generator(n_fields, NO_CONDITIONS, n_channels, shape, width=width),
        torch.Generator().manual_seed(seed), dtype=dtype,
    ).eval()  # fmt: skip


def noise(generator, n=2, seed=0, dtype=torch.float64):
    rng = torch.Generator().manual_seed(seed)
    return torch.randn(n, generator.n_latent, generator=rng, dtype=dtype)


def nothing(n, dtype=torch.float64):
    return torch.zeros(n, 0, dtype=dtype)


def test_layers_of_the_paper_at_64():
    with torch.device("meta"):
        generator = field_generator(1, NO_CONDITIONS, 2, (64, 64))
    assert generator.n_latent == 64 * 64
    assert (generator.linear.in_features, generator.linear.out_features) == (16384, 16384)
    assert generator.map == (128, 128)
    convolutions = [
        generator.block1.conv, generator.block2.conv, generator.spread, generator.block3.conv,
    ]  # fmt: skip
    filters = [(c.layer.in_channels, c.layer.out_channels) for c in convolutions]
    assert filters == [(1, 32), (32, 16), (16, 4 * 16), (1, 32)]
    assert [c.layer.kernel_size for c in convolutions[:2]] == [(4, 4), (4, 4)]


def test_noise_is_uniform():
    generator = made((32, 32), n_fields=4)
    seen = []
    generator.block1.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    latents = noise(generator, n=4)
    with torch.no_grad():
        generator(latents, nothing(4))
    values = seen[0].numpy()
    assert values.shape == (4, 4, 32, 32)
    assert np.abs(values).max() < 1.0
    assert stats.kstest(values.ravel(), "uniform", args=(-1.0, 2.0)).pvalue > 0.01
    expected = [math.erf(z / math.sqrt(2.0)) for z in latents[3, :50].tolist()]
    np.testing.assert_allclose(values[3, 0].ravel()[:50], expected, rtol=1e-12)


@pytest.mark.parametrize(("shape", "n_fields"), [((8, 8), 1), ((7, 10), 2), ((4, 5, 4), 1)])
def test_every_voxel_depends_on_every_noise_number(shape, n_fields):
    generator = made(shape, n_fields, width=16)
    generator.requires_grad_(False)
    slope = torch.autograd.functional.jacobian(
        lambda z: generator(z, nothing(1))[0, -1].flatten(), noise(generator, 1), vectorize=True
    )
    assert slope.shape == (math.prod(shape), 1, n_fields * math.prod(shape))
    assert slope.ne(0).all()


def test_distant_noise_matters_as_much_as_near_noise():
    """The linear layer has no notion of distance."""
    generator = made((16, 16), width=16)
    z = noise(generator, 1).requires_grad_(True)
    (slope,) = torch.autograd.grad(generator(z, nothing(1))[0, 1, 0, 0], z)
    size = slope.abs().view(16, 16)
    assert size[12:, 12:].mean() > 0.3 * size[:4, :4].mean()


@pytest.mark.parametrize("n", [1, 63, 64, 65, 200])
@pytest.mark.parametrize("function", [torch.erf, torch.sigmoid])
def test_elementwise_functions_do_not_depend_on_the_place(function, n):
    x = torch.randn(200, generator=torch.Generator().manual_seed(0))[:n]
    results = in_registers(function, x)
    torch.testing.assert_close(results, function(x))
    alone = torch.cat([in_registers(function, value.view(1)) for value in x])
    assert torch.equal(alone, results)
    table = in_registers(function, x.view(-1, 1).expand(-1, 3))
    assert torch.equal(table, results[:, None].expand(-1, 3))


def test_elementwise_functions_keep_their_derivative():
    x = torch.randn(3, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda t: in_registers(torch.erf, t), x.requires_grad_(True))


@pytest.mark.parametrize(("n_in", "n_out"), [(1025, 1033), (972, 5184), (129, 8192)])
def test_rows_of_a_large_linear_layer_do_not_depend_on_their_place(n_in, n_out):
    assert n_in * n_out > LARGE_LAYER
    layer = build(lambda: RowLinear(n_in, n_out), torch.Generator().manual_seed(0)).eval()
    layer.bias.data.fill_(0.25)
    x = torch.randn(33, n_in, generator=torch.Generator().manual_seed(1)).requires_grad_(True)
    rows = layer(x)
    torch.testing.assert_close(rows, torch.nn.functional.linear(x, layer.weight, layer.bias))
    (slope,) = torch.autograd.grad(rows.square().sum(), x)
    for chosen in ([32], [5, 4], list(range(32, -1, -1))):
        part = x.detach()[chosen].requires_grad_(True)
        result = layer(part)
        (part_slope,) = torch.autograd.grad(result.square().sum(), part)
        assert torch.equal(result, rows[chosen])
        assert torch.equal(part_slope, slope[chosen])


@pytest.mark.parametrize("shape", [(16, 16), (5, 6, 7)])
def test_images_do_not_depend_on_their_place_in_the_batch(shape):
    generator = made(shape, dtype=torch.float32)
    latents = noise(generator, 7, dtype=torch.float32)
    with torch.no_grad():
        images = generator(latents, nothing(7, torch.float32))
        again = generator(latents.flip(0), nothing(7, torch.float32)).flip(0)
        alone = generator(latents[3:4], nothing(1, torch.float32))
    assert torch.equal(again, images)
    torch.testing.assert_close(alone, images[3:4])


@pytest.mark.parametrize("shape", [(1, 9), (1, 1), (7, 7), (13, 4), (3, 5, 2)])
@pytest.mark.parametrize("n_channels", [1, 3])
def test_probabilities_of_any_size(shape, n_channels):
    generator = made(shape, n_channels=n_channels)
    with torch.no_grad():
        images = generator(noise(generator), nothing(2))
    assert images.shape == (2, n_channels, *shape)
    assert images.gt(0).all()
    assert images.lt(1).all()
    if n_channels > 1:
        torch.testing.assert_close(images.sum(dim=1), torch.ones(2, *shape, dtype=torch.float64))
    assert not torch.allclose(images[0], images[1])
