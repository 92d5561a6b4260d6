"""Estimators small enough for a test suite, and images to fit them on."""

import pickle
from functools import cache

import numpy as np
import pytest
from sklearn.base import MetaEstimatorMixin, is_regressor

from skmicro import descriptors
from skmicro.generators import (
    VAE,
    WGANGP,
    FlowMatchingGenerator,
    GaussianRandomField,
    NetworkGenerator,
    StyleVAE,
    VolumeWGAN,
)
from skmicro.properties import Permeability, StrongContrastDiffusivity
from skmicro.utils import all_estimators, all_generators

# What phases of any label are made of.
VALUES = {label: 1.0 + label % 7 for label in range(-300, 301)}
TINY = {
    "young": VALUES,
    "poisson": {label: 0.1 + 0.05 * (label % 5) for label in VALUES},
    "conductivity": VALUES,
    "n_iter": 2,
    "batch_size": 4,
    "n_latent": 3,
    "width": 4,
    "widths": (4, 4),
    "n_critic": 1,
    "n_projection": 1,
    "average_decay": 0.0,
    "rtol": 1e-2,
    "random_state": 0,
    "device": "cpu",
}

# Networks without normalisation make images that are all alike until they have learned something.
NORMALISED = {StyleVAE: {"architecture": "pyramid"}, VolumeWGAN: {"architecture": "light"}}


def tiny(cls, **overrides):
    """Return an instance of a public estimator that fits in a blink."""
    names = cls._get_param_names()
    settings = {name: value for name, value in TINY.items() if name in names}
    return cls(**(settings | overrides))


def varied(cls, **overrides):
    """Return an instance as :func:`tiny`, whose images differ before it has learned much."""
    return tiny(cls, **(NORMALISED.get(cls, {}) | overrides))


def phase_images(n=6, shape=(8, 6), n_phases=2, seed=0, dtype=np.uint8):
    """Return blobs of several phases, every phase present in every image."""
    rng = np.random.default_rng(seed)
    noise = rng.random((n, *shape))
    for axis in range(1, noise.ndim):
        noise = noise + np.roll(noise, 1, axis)
    ranks = noise.reshape(n, -1).argsort(axis=1).argsort(axis=1).reshape(noise.shape)
    share = rng.uniform(0.7, 1.3, (n,) + (1,) * len(shape))
    scaled = np.clip(share * ranks / ranks[0].size, 0, 0.999)
    return (scaled * n_phases).astype(dtype)


def fitted(cls):
    """Return a copy of the one tiny estimator that was fitted to ``phase_images()``.

    Regressors learn the :func:`targets_of` these images.
    """
    return pickle.loads(_pickled(cls))


@cache
def _pickled(cls):
    X = phase_images()
    return pickle.dumps(tiny(cls).fit(X, targets_of(X)) if cls in REGRESSORS else tiny(cls).fit(X))


def targets_of(images):
    """Return two numbers for each image."""
    rows = np.asarray(images, dtype=float).reshape(len(images), -1)
    return np.stack([rows.mean(axis=1), 10 * np.abs(np.diff(rows, axis=1)).mean(axis=1)], axis=1)


# Those that stand for themselves, and not for a regressor that they are given.
REGRESSORS = [
    cls
    for _, cls in all_estimators()
    if is_regressor(cls()) and not issubclass(cls, MetaEstimatorMixin)
]
# Those that learn from images alone.
ESTIMATORS = [cls for _, cls in all_estimators() if not is_regressor(cls())]
GENERATORS = [cls for _, cls in all_generators()]
NETWORKS = [cls for cls in GENERATORS if issubclass(cls, NetworkGenerator)]
TRANSFORMERS = [cls for cls in ESTIMATORS if hasattr(cls, "transform")]

# Those of which the default run asks what all estimators promise: one generator of each kind, one
# property found by a solver and one by a formula, all descriptors and regressors.
KINDS = {WGANGP, FlowMatchingGenerator, GaussianRandomField, VAE, Permeability}
KINDS |= {StrongContrastDiffusivity, *REGRESSORS}
KINDS |= {cls for cls in ESTIMATORS if cls.__name__ in descriptors.__all__}
of_each_kind = pytest.mark.representatives(*sorted(cls.__name__ for cls in KINDS))
