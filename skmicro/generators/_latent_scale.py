r"""How widely latents are drawn: so that new images differ as much as training images do.

An adversarial training finds out which images there are better than how often. Here the scale s
of the latents is measured afterwards: with :math:`d(s)` the mean Euclidean distance between the
maps of the two-point correlations of two images G(s e), e standard normal, and :math:`d_0` that
of two training images, it solves

.. math:: d(s) = d_0, \qquad 1/2 \le s \le 2.

d is taken to grow with s: where it is too large at 1/2 or too small at 2, that end is the answer.
All s see the same e, so that d varies smoothly. The maps are those of every phase but the first,
up to lags of 32 voxels or half the shortest side, and their values at lag 0 are the volume
fractions. Of many training images some, chosen at random, stand for all.
"""

import numpy as np
import torch
from scipy.optimize import brentq

from .._random import normal_rows, numpy_generator
from ._conditions import correlations

N_DRAWS = 256
N_IMAGES = 256
MAX_LAG = 32
SCALES = (0.5, 2.0)
SCALE_TOLERANCE = 0.01


def matching_scale(generator, images):
    """Return the scale of latents with which images differ as training images do.

    Parameters
    ----------
    generator : NetworkGenerator
        The trained generator, without conditions, that does not scale latents yet.
    images : ndarray of shape (n, *spatial)
        Training images, at least two.

    Returns
    -------
    scale : float
        From 1/2 to 2.
    """
    rng = numpy_generator(generator._seed, 5)
    latents = normal_rows(N_DRAWS, generator._n_latent(), rng)
    no_conditions = np.empty((N_DRAWS, 0), np.float32)
    some = rng.permutation(len(images))[:N_IMAGES]
    wanted = _difference(generator, images[some])

    def excess(scale):
        return _difference(generator, generator._decode(scale * latents, no_conditions)) - wanted

    low, high = SCALES
    if excess(low) >= 0:
        return low
    if excess(high) <= 0:
        return high
    return float(brentq(excess, low, high, xtol=SCALE_TOLERANCE))


def _difference(generator, images):
    """Return the mean distance between the correlations of two images."""
    shape, periodic = generator.image_shape_, generator.conditions_.periodic
    settings = {"output": "map", "max_lag": min(MAX_LAG, min(shape) // 2)}
    images = images.reshape(-1, *shape)
    maps = correlations(images, generator.encoder_, periodic, **settings)
    return float(torch.pdist(torch.from_numpy(maps)).mean())
