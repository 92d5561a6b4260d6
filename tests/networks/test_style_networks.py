"""Style networks: random filters, VGG files of the right and of wrong shapes, own modules."""

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional

from skmicro.losses import gram_matrices
from skmicro.networks import style_network
from skmicro.networks._style import N_FILTERS, grey_views
from skmicro.networks._vgg import CONVOLUTIONS, vgg_plan


def random_tensor(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def phases(n=2, n_phases=2, shape=(16, 16), seed=0):
    """One-hot images of random voxels."""
    labels = torch.randint(n_phases, (n, *shape), generator=torch.Generator().manual_seed(seed))
    return functional.one_hot(labels, n_phases).movedim(-1, 1).float()


def vgg_state(n_layers=4, depth=16):
    """State dict of the first convolutions of a VGG, with random values."""
    plan = [entry for entry in vgg_plan(depth) if entry[1] is not None][:n_layers]
    state = {}
    for k, (_, index, shape) in enumerate(plan):
        state[f"features.{index}.weight"] = 0.1 * random_tensor(*shape, seed=k)
        state[f"features.{index}.bias"] = random_tensor(shape[0], seed=50 + k)
    return state


class TorchvisionLike(nn.Module):
    """What torchvision's VGG-16 has before its classifier, to the end of the second block."""

    def __init__(self):
        super().__init__()
        layers, n_in = [], 3
        for block in ((64, 64), (128, 128)):
            for n_out in block:
                layers += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU()]
                n_in = n_out
            layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.load_state_dict(vgg_state())

    def forward(self, images):
        return self.features(images)


# Random filters


@pytest.mark.parametrize("shape", [(16, 16), (8, 16, 8), (1, 9), (7, 5), (3, 4, 2)])
def test_random_filters_see_every_shape(shape):
    network = style_network("random", None, shape)
    maps = network(phases(3, shape=shape))
    assert [tuple(x.shape[:2]) for x in maps] == [(3, N_FILTERS)] * 4
    for k, features in enumerate(maps):
        assert features.shape[2:] == tuple(-(-side // 2**k) for side in shape)
    assert not any(p.requires_grad for p in network.parameters())
    assert not network.training


def test_random_filters_are_the_same_everywhere_and_draw_from_no_global_state():
    state = torch.get_rng_state()
    first, second = (style_network("random", None, (8, 8))(phases(shape=(8, 8))) for _ in range(2))
    assert all(map(torch.equal, first, second))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("shape", [(16, 24), (16, 8, 8)])
def test_random_style_does_not_see_where_things_lie(shape):
    images = phases(shape=shape)
    moved = images.roll([8] * len(shape), tuple(range(2, images.ndim)))
    for periodic in (True, False):
        network = style_network("random", None, shape, periodic=periodic)
        own, other = (torch.cat([g.flatten() for g in gram_matrices(network(x))]) for x in
                      (images, moved))  # fmt: skip
        assert torch.allclose(own, other, rtol=1e-4) == periodic


def test_layers_choose_scales():
    images = phases()
    every = style_network("random", None, (16, 16))(images)
    some = style_network("random", ["scale2", "scale8"], (16, 16))(images)
    assert all(map(torch.equal, some, every[1::2]))


def test_random_filters_tell_textures_of_one_fraction_apart():
    stripes = torch.zeros(1, 2, 16, 16)
    stripes[:, 1, ::2] = 1.0
    blocks = torch.zeros(1, 2, 16, 16)
    blocks[:, 1, :8] = 1.0
    network = style_network("random", None, (16, 16), periodic=True)
    first, second, again = (
        gram_matrices(network(x))[0] for x in (stripes, blocks, stripes.roll(1, 2))
    )
    torch.testing.assert_close(first, again)
    assert (first - second).norm() > 0.3 * second.norm()


# What they see


def test_random_filters_see_volume_fractions():
    network = style_network("random", None, (16, 16), periodic=True)
    none = torch.stack([torch.ones(16, 16), torch.zeros(16, 16)])
    empty, full = (gram_matrices(network(image[None])) for image in (none, none.flip(0)))
    for without, solid in zip(empty, full, strict=True):
        assert without.abs().max() == 0
        assert solid.diagonal(dim1=1, dim2=2).max() > 1


def test_two_phases_are_the_image_of_the_second():
    images = phases()
    (view,) = grey_views(images)
    assert torch.equal(view, images[:, 1:])
    assert torch.equal(grey_views(view)[0], view)  # grey levels


def test_the_order_of_more_phases_means_nothing():
    images = phases(n_phases=3)
    maps = style_network("random", ["scale1"], (16, 16))(images)
    swapped = style_network("random", ["scale1"], (16, 16))(images[:, [2, 0, 1]])
    assert len(maps) == 3
    assert all(torch.equal(maps[old], swapped[new]) for new, old in enumerate([2, 0, 1]))


# VGG


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_vgg_from_a_file(tmp_path, suffix):
    state, path = vgg_state(), tmp_path / f"vgg16{suffix}"
    save_file(state, path) if suffix == ".safetensors" else torch.save(state, path)
    network = style_network(path, None, (16, 16))
    images = phases()
    grey = images[:, 1:].expand(-1, 3, -1, -1)

    def convolved(x, k):
        layer = (state[f"features.{k}.weight"], state[f"features.{k}.bias"])
        return functional.conv2d(x, *layer, padding=1).relu()

    first = convolved(grey, 0)
    pool = functional.max_pool2d(convolved(first, 2), 2)
    second = convolved(pool, 5)
    last = functional.max_pool2d(convolved(second, 7), 2)
    expected = [first, pool, second, last]
    assert [x.shape[1:] for x in expected] == [(64, 16, 16), (64, 8, 8), (128, 8, 8), (128, 4, 4)]
    for found, wanted in zip(network(images), expected, strict=True):
        torch.testing.assert_close(found, wanted)
    assert not any(p.requires_grad for p in network.parameters())


@pytest.mark.parametrize("depth", [16, 19])
def test_plans_are_those_of_torchvision(depth):
    """Indices of torchvision's configurations D and E: a rectifier follows each convolution."""
    index, names = 0, {}
    for name, known, shape in vgg_plan(depth):
        if known is None:
            index += 1
        else:
            assert known == index
            index += 2
        names[name] = shape
    assert index == {16: 31, 19: 37}[depth]
    assert sum(shape is not None for shape in names.values()) == sum(CONVOLUTIONS[depth])
    weights = sum(9 * s[0] * s[1] + s[0] for s in names.values() if s is not None)
    assert weights == {16: 14_714_688, 19: 20_024_384}[depth]


def test_both_depths_are_told_apart_by_their_keys(tmp_path):
    path = tmp_path / "vgg19.pth"
    torch.save(vgg_state(9, depth=19), path)  # to the first convolution of the fourth block
    (features,) = style_network(path, ["conv3_4"], (16, 16))(phases())
    assert features.shape == (2, 256, 4, 4)
    torch.save(vgg_state(8), path)
    with pytest.raises(ValueError, match=r"style_layers must be some of .*got 'conv3_4'"):
        style_network(path, ["conv3_4"], (16, 16))


def test_a_torchvision_model_is_its_state():
    model = TorchvisionLike()
    images = phases()
    by_name = style_network(model, None, (16, 16))(images)
    by_path = style_network(
        model, ["features.1", "features.4", "features.6", "features.9"], (16, 16)
    )(images)
    for first, second in zip(by_name, by_path, strict=True):
        torch.testing.assert_close(first, second)
    assert all(p.requires_grad for p in model.parameters())
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())


def missing():
    state = vgg_state()
    del state["features.5.weight"]
    return state


def without_bias():
    state = vgg_state()
    del state["features.2.bias"]
    return state


WRONG_STATES = {
    "missing weight": (missing, r"must have features\.5\.weight, which conv2_1 needs"),
    "missing bias": (without_bias, r"must have features\.2\.bias, which conv1_2 needs"),
    "nothing of a VGG": (lambda: {"conv1.weight": torch.zeros(2, 3)}, r"features\.0\.weight"),
    "wrong shape": (
        lambda: vgg_state() | {"features.0.weight": torch.zeros(64, 1, 3, 3)},
        r"features\.0\.weight of shape \(64, 3, 3, 3\), got \(64, 1, 3, 3\)",
    ),
    "wrong bias": (
        lambda: vgg_state() | {"features.5.bias": torch.zeros(64)},
        r"features\.5\.bias of shape \(128,\), got \(64,\)",
    ),
    "normalised": (
        lambda: vgg_state() | {"features.1.weight": torch.zeros(64)},
        r"without batch normalisation, got one with features\.1\.weight",
    ),
    "list": (lambda: [torch.zeros(2)], "file with a state dict, got .* list"),
    "nested": (lambda: {"state_dict": vgg_state(1)}, "file with a state dict, got .* dict"),
}


@pytest.mark.parametrize("kind", WRONG_STATES)
def test_wrong_states_are_refused(tmp_path, kind):
    make, message = WRONG_STATES[kind]
    torch.save(make(), tmp_path / "vgg.pth")
    with pytest.raises(ValueError, match=message):
        style_network(tmp_path / "vgg.pth", None, (16, 16))


@pytest.mark.parametrize("name", ["text.pth", "text.safetensors"])
def test_files_of_something_else_are_refused(tmp_path, name):
    (tmp_path / name).write_text("no weights")
    with pytest.raises(ValueError, match="style_network must name a file with a state dict"):
        style_network(tmp_path / name, None, (16, 16))


def test_code_in_a_file_is_not_run(tmp_path):
    torch.save(TorchvisionLike(), tmp_path / "model.pth")
    with pytest.raises(ValueError, match="style_network must name a file with a state dict"):
        style_network(tmp_path / "model.pth", None, (16, 16))


def test_refusals(tmp_path):
    path = tmp_path / "vgg.pth"
    torch.save(vgg_state(), path)
    with pytest.raises(FileNotFoundError, match="style_network must be an existing file, got"):
        style_network(tmp_path / "none.pth", None, (16, 16))
    with pytest.raises(ValueError, match=r"style_layers must be some of .*got 'conv9_1'"):
        style_network(path, ["conv1_1", "conv9_1"], (16, 16))
    with pytest.raises(ValueError, match=r"style_layers must be some of .*got 'conv1_1'"):
        style_network("random", ["conv1_1"], (16, 16))
    with pytest.raises(ValueError, match="pool2 needs sides of at least 4, got images of"):
        style_network(path, None, (3, 16))
    with pytest.raises(ValueError, match=r"got a VGG for \(8, 8, 8\)"):
        style_network(path, None, (8, 8, 8))


# Modules of one's own


def own_network():
    return nn.Sequential(
        nn.Conv3d(3, 4, 3), nn.Sequential(nn.BatchNorm3d(4), nn.ReLU()), nn.Flatten(),
    )  # fmt: skip


def test_layers_of_an_own_module():
    module = own_network()
    images = phases(shape=(6, 5, 4))
    normed, first = style_network(module, ["1.0", "0"], (6, 5, 4))(images)
    expected = module[0](images[:, 1:].expand(-1, 3, -1, -1, -1))
    torch.testing.assert_close(first, expected)
    # In evaluation mode, although the module itself is not.
    torch.testing.assert_close(normed, expected / (1 + 1e-5) ** 0.5)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (None, "style_layers must name layers of style_network, got None"),
        (["7"], r"style_layers must be some of \['0', '1', '1.0', '1.1', '2'\], got '7'"),
        (["0", "2"], r"feature maps \(n, channels, \*spatial\), got '2' with \(2, 96\)"),
    ],
)
def test_layers_that_are_none(layers, message):
    with pytest.raises(ValueError, match=message):
        style_network(own_network(), layers, (6, 5, 4))(phases(shape=(6, 5, 4)))
