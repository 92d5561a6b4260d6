"""The sets of images that a report compares, checked and drawn."""

from typing import NamedTuple

import numpy as np
import torch

from .. import _random
from .._validation import check_integer
from ..encoding import encoder_for

MIN_IMAGES = 6
"""One more than the neighbours that density and coverage look at."""

SAMPLES, PART = 1, 2
"""Streams of the seed; :meth:`BaseGenerator.sample` draws its latents from stream 0."""


class ThreeSets(NamedTuple):
    """Generated images, real images in their place, and what both are compared with."""

    samples: np.ndarray
    part: np.ndarray
    reference: np.ndarray

    def map(self, function):
        """Return the same function of each set."""
        return ThreeSets(*map(function, self))


def gather(generator, X_train, X_test, n_samples, targets, seed):
    """Return the sets to compare and the checked training images.

    Parameters
    ----------
    generator, X_train, X_test, n_samples, targets : any
        As :func:`skmicro.evaluation.evaluate` takes them.
    seed : int
        Seed of the samples and of the part of the training images.

    Returns
    -------
    sets : ThreeSets
        As many generated as real images, and the test images.
    training : ndarray of shape (n_train, *spatial)
        Training images.
    """
    training = _images("X_train", X_train, getattr(generator, "image_shape_", None))
    reference = _images("X_test", X_test, training.shape[1:])
    encoder = encoder_for(training)
    encoder.check(reference, "X_test")
    samples = _generated_images(generator, training, reference, n_samples, targets, seed)
    encoder.check(samples, "generated images")
    part = _random_part(training, len(samples), _random.numpy_generator(seed, PART))
    return ThreeSets(samples, part, reference), training


def _images(name, X, shape):
    """Images as (n, *spatial), flat rows being cut to a known shape."""
    images = X.detach().cpu().numpy() if isinstance(X, torch.Tensor) else np.asarray(X)
    if not np.issubdtype(images.dtype, np.number) and images.dtype != bool:
        raise TypeError(f"{name} must hold numbers, got an array of type {images.dtype}.")
    if images.ndim == 2 and shape is not None and images.shape[1] == np.prod(shape):
        images = images.reshape(len(images), *shape)
    if images.ndim not in (3, 4):
        raise ValueError(f"{name} must have shape (n, *spatial), got {images.shape}.")
    if shape is not None and images.shape[1:] != tuple(shape):
        raise ValueError(f"{name} must hold images of shape {shape}, got {images.shape[1:]}.")
    if len(images) < MIN_IMAGES:
        raise ValueError(f"{name} must hold at least {MIN_IMAGES} images, got {len(images)}.")
    if not np.isfinite(images).all():
        raise ValueError(f"{name} must hold finite numbers, got NaN or infinity.")
    return images


def _generated_images(generator, training, reference, n_samples, targets, seed):
    shape = training.shape[1:]
    rng = _random.numpy_generator(seed, SAMPLES)
    sampled = hasattr(generator, "sample")
    if isinstance(generator, type) or (hasattr(generator, "fit") and not sampled):
        raise TypeError(
            f"generator must have a method sample or be an array of images, got {generator!r}."
        )
    if sampled:
        n_samples = _number_of_samples(n_samples, len(training), len(reference))
        images = generator.sample(n_samples, random_state=rng, **(targets or {}))
        return _images("generated images", images, shape)
    if targets is not None:
        raise ValueError(f"targets must be None for images at hand, got {targets!r}.")
    images = _images("generator", generator, shape)
    n_samples = _number_of_samples(n_samples, min(len(training), len(images)), len(reference))
    return _random_part(images, n_samples, rng)


def _number_of_samples(n_samples, largest, default):
    if n_samples is None:
        return min(largest, default)
    check_integer("n_samples", n_samples, MIN_IMAGES)
    if n_samples > largest:
        raise ValueError(
            f"n_samples must be <= {largest}, the images there are to draw from, got {n_samples}."
        )
    return int(n_samples)


def _random_part(images, n, rng):
    return images[np.sort(rng.choice(len(images), n, replace=False))]
