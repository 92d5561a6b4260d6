"""The sets of images that a report compares, checked and drawn."""

from functools import partial
from typing import NamedTuple

import numpy as np

from .. import _random
from .._checks import check_integer
from .._warnings import warn_user
from ..exceptions import OverlapWarning
from ..images import check_stack, encoder_for, patch_blocks
from ._draws import BLOCKS, PART, SAMPLES
from ._exchange import blocks_like
from ._overlaps import sharing

MIN_IMAGES = 6
"""One more than the neighbours that density and coverage look at."""

FEW_BLOCKS = 8
"""Blocks below which no p-value is small."""


_checked = partial(check_stack, refused_by="evaluate")


class ThreeSets(NamedTuple):
    """Generated images, real images in their place, and what both are compared with."""

    samples: np.ndarray
    part: np.ndarray
    reference: np.ndarray

    def map(self, function):
        """Return the same function of each set."""
        return ThreeSets(*map(function, self))


def gather(generator, X_train, X_test, n_samples, targets, positions, seed):
    """Return the sets to compare, their blocks, the training images, and remarks on them."""
    shape = getattr(generator, "image_shape_", None)
    training = _checked("X_train", X_train, shape, MIN_IMAGES)
    reference = _checked("X_test", X_test, training.shape[1:], MIN_IMAGES)
    if hasattr(generator, "encoder_"):
        generator.encoder_.check(training, "X_train")
        generator.encoder_.check(reference, "X_test")
    encoder = encoder_for(training)
    encoder.check(reference, "X_test", "of X_train")
    real_blocks, remarks = _blocks(positions, training, reference)
    for remark in remarks:
        warn_user(remark, OverlapWarning)
    samples = _generated_images(generator, training, reference, n_samples, targets, seed)
    encoder.check(samples, "generated images", "of X_train")
    rows = _random_rows(len(training), len(samples), _random.numpy_generator(seed, PART))
    rng = _random.numpy_generator(seed, BLOCKS)
    blocks = ThreeSets(
        blocks_like(len(samples), real_blocks[1], rng), real_blocks[0][rows], real_blocks[1]
    )
    return ThreeSets(samples, training[rows], reference), blocks, training, remarks


def _blocks(positions, training, reference):
    """Return the blocks of training and of test images, and what makes p-values doubtful.

    Each image is a block where they are independent.
    """
    if positions is None:
        return (np.arange(len(training)), np.arange(len(reference))), _overlaps(training, reference)
    found = blocks_of(positions, training, reference)
    counts = {
        name: len(np.unique(blocks))
        for name, blocks in zip(("X_train", "X_test"), found, strict=True)
    }
    remarks = [
        f"{name} has patches of {n_blocks} independent blocks of its scans; with fewer than "
        f"{FEW_BLOCKS} hardly any difference can be detected."
        for name, n_blocks in counts.items()
        if n_blocks < FEW_BLOCKS
    ]
    return found, remarks


def blocks_of(positions, training, reference):
    """Return the blocks of training and of test images at positions, which are checked."""
    if not isinstance(positions, (tuple, list)) or len(positions) != 2:
        raise TypeError(
            "positions must be a pair, those of X_train and those of X_test, got "
            f"{type(positions).__name__}."
        )
    found = []
    for k, (name, images) in enumerate((("X_train", training), ("X_test", reference))):
        blocks = patch_blocks(positions[k], images.shape[1:], f"positions[{k}]")
        if len(blocks) != len(images):
            raise ValueError(
                f"positions[{k}] must have a row for each of {len(images)} images of {name}, got "
                f"{len(blocks)}."
            )
        found.append(blocks)
    return found


def _overlaps(training, reference):
    remarks, shared = [], sharing(reference)
    if shared.any():
        remarks.append(
            f"{shared.sum()} of {len(shared)} images of X_test overlap with another one, as "
            "patches of one scan do. They are treated as independent: p-values are too small and "
            "intervals too short. Pass positions=(train, test) of extract_patches."
        )
    shared = sharing(reference, training)
    if shared.any():
        remarks.append(
            f"{shared.sum()} of {len(shared)} images of X_test overlap with a training "
            "image: a generator that copies training images seems right. Choose test images of "
            "other scans or regions, see skmicro.split_patches."
        )
    return remarks


def _generated_images(generator, training, reference, n_samples, targets, seed):
    shape = training.shape[1:]
    rng = _random.numpy_generator(seed, SAMPLES)
    sampled = hasattr(generator, "sample")
    unusable = isinstance(generator, (type, str, type(None)))
    if unusable or (hasattr(generator, "fit") and not sampled):
        raise TypeError(
            "generator must be a fitted generator, with a method sample, or an array of images, "
            f"got {generator!r}."
        )
    if sampled:
        n_samples = number_of_samples(n_samples, len(training), len(reference))
        images = generator.sample(n_samples, random_state=rng, **(targets or {}))
        return _checked("generated images", images, shape, MIN_IMAGES)
    if targets is not None:
        raise ValueError(f"targets must be None for images at hand, got {targets!r}.")
    images = _checked("generator", generator, shape, MIN_IMAGES)
    n_samples = number_of_samples(n_samples, min(len(training), len(images)), len(reference))
    return images[_random_rows(len(images), n_samples, rng)]


def number_of_samples(n_samples, largest, default):
    """Return the number of images to evaluate: ``n_samples``, validated, or the default."""
    if n_samples is None:
        return min(largest, default)
    check_integer("n_samples", n_samples, MIN_IMAGES)
    if n_samples > largest:
        raise ValueError(
            f"n_samples must be <= {largest}, the images there are to draw from, got {n_samples}."
        )
    return int(n_samples)


def _random_rows(n_rows, n, rng):
    return np.sort(rng.choice(n_rows, n, replace=False))
