"""StyleVAE: what its losses do, where its style network comes from and where it is not needed."""

import pickle

import numpy as np
import pytest
import torch
from cases import case
from textures import blobs, cut_blobs
from torch import nn

import skmicro
from skmicro.generators import StyleVAE
from skmicro.losses import gram_matrices, style_loss
from skmicro.networks import pyramid_encoder, pyramid_generator, style_network

TINY = {
    "n_latent": 6,
    "architecture": "pyramid",
    "width": 8,
    "n_iter": 2,
    "batch_size": 8,
    "learning_rate": 6e-3,
    "random_state": 0,
    "device": "cpu",
}


def made(**settings):
    return StyleVAE(**(TINY | settings))


def own_style():
    """A module as a style network, of three channels as all of them."""
    return nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU())


def vgg_file(folder):
    """A file with the shapes of the first two convolutions of a VGG, and random values."""
    rng = torch.Generator().manual_seed(0)
    shapes = {0: (64, 3, 3, 3), 2: (64, 64, 3, 3)}
    state = {f"features.{k}.weight": torch.randn(s, generator=rng) for k, s in shapes.items()}
    state |= {f"features.{k}.bias": torch.zeros(s[0]) for k, s in shapes.items()}
    torch.save(state, folder / "vgg.pth")
    return folder / "vgg.pth"


def style_distance(first, second):
    """Style loss between images and others, row by row, as random filters see it."""
    network = style_network("random", None, first.shape[1:])
    maps = [network(torch.tensor(np.stack([1 - x, x], 1), dtype=torch.float32))
            for x in (first, second)]  # fmt: skip
    return style_loss(*map(gram_matrices, maps), [m[0, 0].numel() for m in maps[0]]).item()


def test_defaults_are_those_of_the_paper():
    parameters = StyleVAE().get_params()
    published = {"architecture": "plain", "width": 32, "n_latent": 16, "batch_size": 20}
    published |= {"n_iter": 200_000, "learning_rate": 1e-3, "decay_from": 1.0, "pairing": "own"}
    assert {name: parameters[name] for name in published} == published


@pytest.mark.slow
def test_reconstructions_have_the_style_of_their_images():
    X = blobs(low=0.3, high=0.7)
    distances = {}
    for weight in (0.0, 10.0):
        generator = made(n_iter=60, beta=4.0, style_weight=weight, collapse_weight=0.0).fit(X)
        distances[weight] = style_distance(X, generator.reconstruct(X))
    assert distances[10.0] < 0.8 * distances[0.0]


def test_losses_are_in_the_history_unless_they_have_no_weight():
    always = {"reconstruction", "divergence"}
    assert set(made().fit(blobs(8)).history_) == always | {"style", "collapse"}
    off = {"style_weight": 0.0, "collapse_weight": 0.0}
    assert set(made(**off).fit(blobs(8)).history_) == always


def test_each_weight_changes_the_training():
    X = blobs(16)
    weights = ("reconstruction_weight", "beta", "style_weight", "collapse_weight")
    plain = made().fit(X).history_
    for name in weights:
        changed = made(**{name: 100.0}).fit(X).history_
        with case(name):
            first, second = ({k: v[0] for k, v in h.items()} for h in (plain, changed))
            assert first == second  # weights are not in the history
            assert any(changed[k][1] != plain[k][1] for k in plain)
    assert any(made(pairing="random").fit(X).history_["style"] != plain["style"])


def test_reconstruction_of_two_phases_is_the_squared_error_of_one_channel():
    channels = torch.rand(3, 2, 4, 4, generator=torch.Generator().manual_seed(0)).softmax(dim=1)
    images = torch.eye(2)[torch.tensor([0, 1, 1])].view(3, 2, 1, 1).expand(3, 2, 4, 4)
    found = made().fit(blobs(8))._reconstruction()(channels, images)
    expected = (channels[:, 1] - images[:, 1]).square().sum(dim=(1, 2)).mean()
    torch.testing.assert_close(found, expected)


def test_a_file_needs_no_style_network(tmp_path):
    X, path = blobs(8), vgg_file(tmp_path)
    generator = made(style_network=path, style_layers=["conv1_1", "pool1"]).fit(X)
    generator.save(tmp_path / "model.skm")
    assert (tmp_path / "model.skm").stat().st_size < path.stat().st_size
    path.unlink()
    loaded = skmicro.load(tmp_path / "model.skm")
    assert loaded.style_network == str(path)
    np.testing.assert_array_equal(loaded.transform(X), generator.transform(X))
    np.testing.assert_array_equal(
        loaded.sample(3, random_state=0), generator.sample(3, random_state=0)
    )
    before = dict(vars(loaded))
    with pytest.raises(FileNotFoundError, match=r"style_network must be .*vgg\.pth"):
        loaded.partial_fit(X)
    assert vars(loaded) == before
    loaded.set_params(style_network="random", style_layers=None).partial_fit(X)
    assert loaded.n_iter_ == 4


def test_a_module_as_style_network(tmp_path):
    X, module = blobs(8), own_style()
    weights = [p.clone() for p in module.parameters()]
    generator = made(style_network=module, style_layers=("1",)).fit(X)
    assert generator.style_network is module
    assert all(map(torch.equal, module.parameters(), weights))
    assert all(p.requires_grad and p.grad is None for p in module.parameters())
    with pytest.raises(TypeError, match="Cannot save Sequential"):
        generator.save(tmp_path / "model.skm")
    assert list(tmp_path.iterdir()) == []
    copied = pickle.loads(pickle.dumps(generator))
    np.testing.assert_array_equal(copied.transform(X), generator.transform(X))


def test_networks_of_ones_own():
    calls = []

    def encoder(*inputs, **settings):
        calls.append(settings)
        return pyramid_encoder(*inputs, **settings)

    X = blobs(8)
    generator = made(architecture=(pyramid_generator, encoder)).fit(X)
    assert calls == [{"width": 8, "periodic": False}]
    np.testing.assert_array_equal(generator.sample(3, random_state=0),
                                  made().fit(X).sample(3, random_state=0))  # fmt: skip


def test_training_resumes_from_a_checkpoint(tmp_path):
    X, path = blobs(16), tmp_path / "training.skm"

    def stop(iteration, history):
        return iteration == 3

    whole = made(n_iter=6).fit(X)
    made(n_iter=6, checkpoint=path, checkpoint_every=1, callbacks=[stop]).fit(X)
    resumed = made(n_iter=6, checkpoint=path).fit(X)
    np.testing.assert_array_equal(resumed.transform(X), whole.transform(X))
    for name, losses in whole.history_.items():
        np.testing.assert_array_equal(resumed.history_[name], losses)


REFUSED = [
    ({"style_weight": -1.0}, ValueError, "style_weight must lie in .*got -1.0"),
    ({"collapse_weight": -1.0}, ValueError, "collapse_weight must lie in .*got -1.0"),
    ({"reconstruction_weight": "1"}, TypeError, "reconstruction_weight must be a number"),
    ({"pairing": "none"}, ValueError, "pairing must be one of .*got 'none'"),
    ({"style_network": "no.pth"}, FileNotFoundError, "style_network must be .*got 'no.pth'"),
    ({"style_network": 3}, TypeError, "style_network must be .*got 3"),
    (
        {"style_layers": "scale1"},
        TypeError,
        "style_layers must be a list, tuple or array",
    ),
    ({"style_layers": ()}, ValueError, "style_layers must hold one or more names .*got"),
    ({"style_layers": ["pool1"]}, ValueError, "style_layers must be some of .*got 'pool1'"),
    ({"architecture": "none"}, ValueError, "architecture must be one of .*got 'none'"),
    ({"style_network": own_style()}, ValueError, "style_layers must name layers"),
]


def test_refusals_leave_the_estimator_as_it_was():
    generator = made().fit(blobs(8))
    for settings, error, message in REFUSED:
        changed = pickle.loads(pickle.dumps(generator)).set_params(**settings)
        before = dict(vars(changed))
        for call in (changed.fit, changed.partial_fit):
            with case(settings), pytest.raises(error, match=message):
                call(blobs(8))
        if "architecture" not in settings:
            assert vars(changed) == before


@pytest.mark.representatives("32", "128")
@pytest.mark.parametrize("side", [32, 128, 256])
def test_sides_that_are_powers_of_two_are_learned(side):
    stripes = np.zeros((2, side, side), dtype=int)
    stripes[:, : side // 2] = 1
    generator = StyleVAE.light(n_iter=6, batch_size=2, random_state=0).fit(stripes)
    losses = generator.history_["reconstruction"]
    assert losses[-1] < 0.95 * losses[0]
    assert np.isfinite(generator.history_["style"]).all()
    assert generator.sample(1, random_state=0).shape == (1, side, side)


@pytest.mark.parametrize("pairing", ["own", "random"])
def test_three_phases(pairing):
    X = cut_blobs(9, (8, 8), n_phases=3)
    generator = made(pairing=pairing, n_iter=3).fit(X)
    assert set(np.unique(generator.sample(3, random_state=0))) <= {0, 1, 2}
    assert np.isfinite(generator.history_["style"]).all()
