"""What simulators have in common: fractions, drawing the shapes that fit, and painting them.

Candidates come in blocks from numbered streams, and images are the accepted ones in their
order, so that the first images do not depend on how many follow.
"""

import math
from itertools import count

import numpy as np
from joblib import Parallel, delayed

from .._checks import check_integer, check_n_jobs
from .._random import draw_seed, numpy_generator

GOLDEN_RATIO = (math.sqrt(5) - 1) / 2
CANDIDATES_PER_BLOCK = 2**13
MAX_REJECTED = 2**20
VOXELS_PER_BATCH = 2**18


def draw_by_fraction(simulate, n_samples, fractions, random_state, n_jobs):
    """Return images of ``simulate(fraction, generator)`` and their measured fractions of 1."""
    check_integer("n_samples", n_samples, 1)
    check_n_jobs("n_jobs", n_jobs)
    seed = draw_seed(random_state)
    images = Parallel(n_jobs=n_jobs)(
        delayed(_draw_one)(simulate, fraction, seed, index)
        for index, fraction in enumerate(even_sequence(n_samples, *fractions, seed).tolist())
    )
    images = np.stack(images)
    return images, measured_fractions(images)


def _draw_one(simulate, fraction, seed, index):
    return simulate(fraction, numpy_generator(seed, 1, index))


def even_sequence(n, low, high, seed):
    """Return n numbers, uniform between two, whose every prefix covers the range evenly."""
    offset = numpy_generator(seed, 0).random()
    return low + (high - low) * ((offset + GOLDEN_RATIO * np.arange(n)) % 1)


def measured_fractions(images):
    """Return the share of voxels with label 1 in images of labels 0 and 1."""
    return images.mean(axis=tuple(range(1, images.ndim)), dtype=np.float64)


def draw_accepted(n_samples, draw, seed, refusal, most=MAX_REJECTED):
    """Return ``n_samples`` rows of those that ``draw(generator, n)`` keeps of n candidates.

    Raises ValueError(refusal) when ``most`` in a row were not kept.
    """
    found, missing, rejected = [], n_samples, 0
    for block in count():
        found.append(draw(numpy_generator(seed, block), CANDIDATES_PER_BLOCK)[:missing])
        missing -= len(found[-1])
        if not missing:
            return np.concatenate(found)
        rejected = 0 if len(found[-1]) else rejected + CANDIDATES_PER_BLOCK
        if rejected >= most:
            raise ValueError(refusal)


def paint(objects, parts, shape):
    """Return images of objects, whose column k is label k + 1 in ``parts[k](objects, shape)``."""
    images = np.zeros((len(objects), *shape), dtype=np.uint8)
    size = max(1, VOXELS_PER_BATCH // math.prod(shape))
    for start in range(0, len(objects), size):
        batch = slice(start, start + size)
        for label, part in enumerate(parts, 1):
            inside = part(objects[batch, label - 1], shape).view(np.uint8)
            images[batch] += np.multiply(inside, label, out=inside, dtype=np.uint8)
    return images


def along(axis, values, n_axes):
    """Bring values of shape (n, side) to n_axes + 1 axes, of which only one is long."""
    return np.expand_dims(values, [1 + other for other in range(n_axes) if other != axis])
