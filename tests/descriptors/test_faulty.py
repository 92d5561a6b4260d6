"""Descriptors of users that break a rule: one error, which names the class."""

import numpy as np
import pytest
import torch

from skmicro.descriptors import BaseDescriptor
from skmicro.generators import WGANGP, InvNetGenerator

TINY = {"n_iter": 1, "width": 4, "n_latent": 2, "batch_size": 4, "random_state": 0, "device": "cpu"}


class Faulty(BaseDescriptor):
    def __init__(self, image_shape=None):
        self.image_shape = image_shape

    def _describe(self, images):
        return images[:, -1].flatten(1).mean(dim=1, keepdim=True)

    def _feature_names(self):
        return [self.name]


class OneAxis(Faulty):
    name = "one_axis"

    def _describe(self, images):
        return super()._describe(images)[:, 0]


class NoTensor(Faulty):
    name = "no_tensor"

    def _describe(self, images):
        return super()._describe(images).detach().numpy()


class MoreNames(Faulty):
    name = "more_names"

    def _feature_names(self):
        return ["first", "second"]


class OneRow(Faulty):
    name = "one_row"

    def _describe(self, images):
        return super()._describe(images).mean(dim=0, keepdim=True)


class NotANumber(Faulty):
    name = "not_a_number"

    def _describe(self, images):
        return torch.log(super()._describe(images) - 1.0)


class NoNames(BaseDescriptor):
    name = "no_names"

    def __init__(self, image_shape=None):
        self.image_shape = image_shape

    def _describe(self, images):
        return images[:, -1].flatten(1).mean(dim=1, keepdim=True)


class NoFigures(NoNames):
    name = "no_features"
    _describe = BaseDescriptor._describe

    def _feature_names(self):
        return ["figure"]


FAULTS = [
    (OneAxis, ValueError, r"OneAxis\._describe must return .*, 1\).*got shape \(\d+,\)"),
    (NoTensor, ValueError, r"NoTensor\._describe must return a tensor.*got .*ndarray"),
    (MoreNames, ValueError, r"MoreNames\._describe must return .*, 2\).*got shape \(\d+, 1\)"),
    (OneRow, ValueError, r"OneRow\._describe must return .*got shape \(1, 1\)"),
    (NotANumber, ValueError, r"NotANumber\._describe must return finite numbers, got nan"),
    (NoNames, NotImplementedError, "NoNames must define _feature_names"),
    (NoFigures, NotImplementedError, "NoFigures must define _describe"),
]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).integers(0, 2, (6, 8, 8))


@pytest.fixture(scope="module")
def fitted(images):
    return WGANGP.light(**TINY).fit(images)


@pytest.mark.parametrize(("kind", "error", "message"), FAULTS)
def test_as_a_transformer(images, kind, error, message):
    descriptor = kind().fit(images)
    with pytest.raises(error, match=message):
        descriptor.transform(images)


@pytest.mark.parametrize("parameter", ["invariances", "moments"])
@pytest.mark.parametrize(("kind", "error", "message"), FAULTS)
def test_as_a_part_of_a_training(images, kind, error, message, parameter):
    generator = InvNetGenerator.light(**TINY).set_params(**{parameter: (kind(),)})
    with pytest.raises(error, match=message):
        generator.fit(images)
    assert not hasattr(generator, "conditions_")


@pytest.mark.parametrize(("kind", "error", "message"), FAULTS)
def test_as_a_target(fitted, kind, error, message):
    target = [0.3, 0.3] if kind is MoreNames else 0.3
    with pytest.raises(error, match=message):
        fitted.sample(2, random_state=0, **{kind.name: target})
