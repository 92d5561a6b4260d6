r"""How widely latents are drawn: so that new images differ as much as training images do.

An adversarial training finds out which images there are better than how often. Here the scale s
of the latents is measured afterwards: with :math:`d(s)` the mean Euclidean distance between the
maps of the two-point correlations of two images G(s e), e standard normal, and :math:`d_0` that
of two training images, it solves

.. math:: d(s) = d_0, \qquad 1/2 \le s \le 2,

or is the end of this range that comes nearest. Volume fractions are the values of the maps at lag
0. All s see the same e, so that d varies smoothly. Of many training images some, chosen at random,
stand for all.
"""

import numpy as np
import torch
from scipy.optimize import brentq

from .._random import normal_rows, numpy_generator
from ._conditions import correlations

N_DRAWS = 256
N_IMAGES = 256
SCALES = (0.5, 2.0)
TOLERANCE = 0.01
MAX_LAG = 32


def matching_scale(generator, images):
    """Return the scale of latents with which images differ as training images do.

    Parameters
    ----------
    generator : NetworkGenerator
        The trained generator, without conditions.
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
    wanted = _difference(generator, rng.permutation(images)[:N_IMAGES])

    def excess(scale):
        made = generator._decode((scale * latents).astype(latents.dtype), no_conditions)
        return _difference(generator, made.reshape(N_DRAWS, *generator.image_shape_)) - wanted

    low, high = SCALES
    if excess(low) >= 0:
        return low
    if excess(high) <= 0:
        return high
    return float(brentq(excess, low, high, xtol=TOLERANCE))


def _difference(generator, images):
    """Return the mean distance between the correlations of two images."""
    periodic = generator.conditions_.periodic
    max_lag = min(MAX_LAG, min(generator.image_shape_) // 2)
    maps = correlations(images, generator.encoder_, periodic, output="map", max_lag=max_lag)
    return float(torch.pdist(torch.from_numpy(maps)).mean())
