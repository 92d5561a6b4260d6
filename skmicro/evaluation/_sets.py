"""The sets of images that a report compares, checked and drawn."""

from typing import NamedTuple

import numpy as np

from .. import _random
from .._checks import check_integer
from ..images import check_stack, encoder_for

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
    """Return the sets to compare and the checked training images, from what evaluate takes."""
    shape = getattr(generator, "image_shape_", None)
    training = check_stack("X_train", X_train, shape, MIN_IMAGES)
    reference = check_stack("X_test", X_test, training.shape[1:], MIN_IMAGES)
    if hasattr(generator, "encoder_"):
        generator.encoder_.check(training, "X_train")
        generator.encoder_.check(reference, "X_test")
    encoder = encoder_for(training)
    encoder.check(reference, "X_test", "of X_train")
    samples = _generated_images(generator, training, reference, n_samples, targets, seed)
    encoder.check(samples, "generated images", "of X_train")
    part = _random_part(training, len(samples), _random.numpy_generator(seed, PART))
    return ThreeSets(samples, part, reference), training


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
        return check_stack("generated images", images, shape, MIN_IMAGES)
    if targets is not None:
        raise ValueError(f"targets must be None for images at hand, got {targets!r}.")
    images = check_stack("generator", generator, shape, MIN_IMAGES)
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
