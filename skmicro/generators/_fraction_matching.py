r"""New images whose phase fractions vary as much as those of training images.

An adversarial training finds out which images there are better than how often. How much the
fractions vary from image to image is therefore measured after the training, and made up for. Let
f(u) be the fractions of the generated image as they depend on what latents say of the whole image
(u, standard normal). To first order, fractions vary along the row space of
:math:`J = \langle \partial f / \partial u \rangle` alone; with D its orthonormal basis, u becomes

.. math:: u' = u + (s - 1) D D^T u, \qquad
    \sum_i \operatorname{var} f_i(u') = \sum_i \operatorname{var} f_i^{data},
    \qquad 1/4 \le s \le 2,

so that latents across these directions are drawn as before. Where no s does so, 1/4, 1 or 2 is
the answer, whichever comes nearest. Of many training images some, chosen at random, stand for all.
"""

from itertools import pairwise

import numpy as np
import torch
from scipy.optimize import brentq

from .._random import normal_rows, numpy_generator

N_DRAWS = 1024
N_IMAGES = 256
SCALES = (0.25, 1.0, 2.0)
SCALE_TOLERANCE = 0.02
LEAST_SHARE = 1e-3


def fraction_directions(generator):
    """Return the directions of the latents of the whole image that change fractions.

    Parameters
    ----------
    generator : NetworkGenerator
        The trained generator, without conditions.

    Returns
    -------
    directions : ndarray of shape (n_directions, n_whole)
        Orthonormal rows: the basis D.
    """
    network, draws = generator.generator_, generator._tensor(_draws(generator))
    slopes = 0.0
    for latents in draws.split(generator._batch_size):
        whole = _gathered(network, latents).requires_grad_(True)
        moved = latents + _scattered(network, whole - whole.detach())
        fractions = network(moved, latents.new_empty(len(latents), 0)).flatten(2).mean(dim=2)
        parts = [
            torch.autograd.grad(fraction, whole, retain_graph=True)[0].sum(dim=0)
            for fraction in fractions.sum(dim=0)
        ]
        slopes = slopes + torch.stack(parts).double()
    _, sizes, directions = np.linalg.svd(slopes.cpu().numpy(), full_matrices=False)
    return directions[sizes > LEAST_SHARE * sizes[0]]


def matching_scale(generator, images):
    """Return the scale along the generator's directions with which fractions vary as in images.

    Parameters
    ----------
    generator : NetworkGenerator
        The trained generator, which stretches latents by its ``fraction_scale_``; scales are
        tried out there.
    images : ndarray of shape (n, *spatial)
        Training images, at least two.

    Returns
    -------
    scale : float
        From 1/4 to 2.
    """
    latents = _draws(generator)
    no_conditions = np.empty((N_DRAWS, 0), np.float32)
    some = numpy_generator(generator._seed, 6).permutation(len(images))[:N_IMAGES]
    wanted = _variance(generator.encoder_, images[some])

    def excess(scale):
        generator.fraction_scale_ = scale
        made = generator._decode(latents, no_conditions)
        return _variance(generator.encoder_, made) - wanted

    excesses = [excess(scale) for scale in SCALES]
    for ends, signs in zip(pairwise(SCALES), pairwise(np.sign(excesses)), strict=True):
        if signs[0] != signs[1]:
            return float(brentq(excess, *ends, xtol=SCALE_TOLERANCE))
    return SCALES[np.argmin(np.abs(excesses))]


def stretched(network, latents, directions, scale):
    """Scale latents along directions of what they say of the whole image.

    Parameters
    ----------
    network : torch.nn.Module
        The generator network.
    latents : Tensor of shape (n, n_latent)
        Latents.
    directions : Tensor of shape (n_directions, n_whole)
        Orthonormal rows.
    scale : float
        Factor; its reciprocal undoes it.

    Returns
    -------
    latents : Tensor of shape (n, n_latent)
        The latents u'.
    """
    whole = _gathered(network, latents)
    # Sums instead of matrix products, which would depend on the size of the batch.
    along = (whole.unsqueeze(1) * directions).sum(dim=2, keepdim=True) * directions
    return latents + _scattered(network, (scale - 1.0) * along.sum(dim=1))


def _draws(generator):
    return normal_rows(N_DRAWS, generator._n_latent(), numpy_generator(generator._seed, 5))


def _gathered(network, latents):
    """Return what latents say of the whole image, standard normal, (n, n_whole)."""
    return network.gathered(latents) if hasattr(network, "gathered") else latents.clone()


def _scattered(network, whole):
    """Return the latents that say this of the whole image and nothing else."""
    return network.scattered(whole) if hasattr(network, "gathered") else whole


def _variance(encoder, images):
    """Return the variance of the fractions, or of the mean grey level, from image to image."""
    rows = images.reshape(len(images), -1)
    phases = [rows] if encoder.phases is None else [rows == phase for phase in encoder.phases]
    return float(sum(phase.mean(axis=1, dtype=np.float64).var(ddof=1) for phase in phases))
