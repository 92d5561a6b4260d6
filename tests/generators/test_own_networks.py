"""Networks of the user's own are tried before the training, and refused by name and shape."""

import numpy as np
import pytest
import torch
from cases import case
from textures import blobs
from torch import nn

from skmicro.generators import ACGAN, DAVEGAN, GIN, WGANGP, ConditionalGAN, StyleVAE, VolumeWGAN
from skmicro.networks import (
    light_critic,
    light_generator,
    pyramid_encoder,
    pyramid_generator,
)

TINY = {"n_iter": 1, "batch_size": 2, "n_latent": 3, "width": 2, "random_state": 0, "device": "cpu"}


def never(iteration, history):
    raise AssertionError("The training has begun.")


class Reshaped(nn.Module):
    """A network whose answer is changed, or that lacks an attribute."""

    def __init__(self, network, change=lambda x: x, n_latent=None, names=("n_latent",)):
        super().__init__()
        self.network, self.change = network, change
        for name in names:
            if hasattr(network, name):
                setattr(self, name, n_latent or getattr(network, name))

    def forward(self, *inputs):
        return self.change(self.network(*inputs))


def reshaped(make, *args, **options):
    return lambda *inputs, **settings: Reshaped(make(*inputs, **settings), *args, **options)


def with_channels(make, n_channels):
    """Make networks as if images had another number of channels."""

    def made(*inputs, **settings):
        place = len(inputs) - 2  # (..., n_channels, shape)
        inputs = [n_channels if k == place else value for k, value in enumerate(inputs)]
        return make(*inputs, **settings)

    return made


GOOD = light_generator, light_critic
SHAPE = r"got \(2, 2, 6, 8\)"
REFUSED = [
    (WGANGP, 0, lambda *a, **k: [], TypeError, r"torch.nn.Module, got \[\]"),
    (WGANGP, 1, lambda *a, **k: 3, TypeError, r"torch.nn.Module, got 3"),
    (VolumeWGAN, 0, reshaped(light_generator, names=()), ValueError, "n_latent, .* got None"),
    (GIN, 0, reshaped(light_generator, n_latent=2.5), ValueError, "n_latent, .* got 2.5"),
    (VolumeWGAN, 0, with_channels(light_generator, 3), ValueError, r"\(2, 2, 8, 8\) .*2, 3, 8, 8"),
    (GIN, 0, with_channels(light_generator, 3), ValueError, r"channels of .*got \(2, 3, 8, 8\)"),
    (DAVEGAN, 0, reshaped(light_generator, lambda x: x[:, :, :6]), ValueError, SHAPE),
    (StyleVAE, 0, reshaped(pyramid_generator, lambda x: x[:, :, 2:]), ValueError, SHAPE),
    (WGANGP, 0, reshaped(light_generator, lambda x: (x, x)), ValueError, "channels .* got tuple"),
    (
        WGANGP,
        0,
        reshaped(light_generator, n_latent=5),
        ValueError,
        r"\(2, 5\) and .*, got Ru",
    ),
    (VolumeWGAN, 1, reshaped(light_critic, lambda x: x[:, None]), ValueError, r"scores .*\(2, 1\)"),
    (DAVEGAN, 1, reshaped(light_critic, lambda x: x.mean()), ValueError, r"\(2,\) .* got \(\)"),
    (VolumeWGAN, 1, with_channels(light_critic, 2), ValueError, r"\(2, 1, 8, 8\), got Runtime"),
    (ConditionalGAN, 1, with_channels(light_critic, 2), ValueError, r"\(2, 3, 8, 8\), got Runt"),
    (ACGAN, 1, reshaped(light_critic), ValueError, "a method attributes .* got AttributeError"),
    (StyleVAE, 1, reshaped(pyramid_encoder, lambda x: x[:, 1:]), ValueError, r"numbers .*\(2, 5\)"),
]


def test_networks_of_another_shape_are_refused_before_the_training():
    X = blobs(4, (8, 8))
    for number, (cls, k, make, error, message) in enumerate(REFUSED):
        with case(cls.__name__, k, number):
            good = (pyramid_generator, pyramid_encoder) if cls is StyleVAE else GOOD
            networks = [make if place == k else one for place, one in enumerate(good)]
            networks = networks[:1] if cls is GIN else networks
            generator = cls(**TINY).set_params(architecture=tuple(networks), callbacks=[never])
            before = dict(vars(generator))
            with pytest.raises(error, match=rf"architecture\[{k}\] must make a.*{message}"):
                generator.fit(X)
            assert vars(generator) == before


def test_a_trial_leaves_networks_as_they_were():
    """The same training by functions, which are tried, as by name, where nothing is."""
    X, before = blobs(4, (8, 8)), torch.get_rng_state()
    for cls in (WGANGP, ACGAN):
        with case(cls.__name__):
            named = cls(**TINY).set_params(architecture="light").fit(X)
            own = cls(**TINY).set_params(architecture=GOOD).fit(X)
            samples = [generator.sample(3, random_state=0) for generator in (own, named)]
            np.testing.assert_array_equal(*samples)
            for name, losses in named.history_.items():
                np.testing.assert_array_equal(own.history_[name], losses)
    assert torch.equal(torch.get_rng_state(), before)
