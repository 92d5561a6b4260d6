r"""New images whose phase fractions vary as much as those of training images.

An adversarial training finds out which images there are better than how often. How much the
fractions vary from image to image is therefore measured after the training, and made up for. Let
f(u) be the fractions of the generated image as they depend on what latents say of the whole image
(u, standard normal). To first order, fractions vary along the row space of
:math:`J = \langle \partial f / \partial u \rangle` alone; with D its orthonormal basis, u becomes

.. math:: u' = u + (s - 1) D D^T u, \qquad
    \sum_i \operatorname{var} f_i(u') = \sum_i \operatorname{var} f_i^{data},
    \qquad 1/4 \le s \le 4,

so that latents across these directions are drawn as before. Where no s does so, the end or 1 is
the answer, whichever comes nearer. Slopes are those of phase probabilities, averaged; s is found
with labelled images of the training's size.
"""

import functools

import numpy as np
import torch
from scipy.optimize import brentq

from .._arrays import map_batches
from .._random import normal_rows, numpy_generator
from .._warnings import warn_user
from ..exceptions import EstimateWarning

N_DRAWS = 1024
N_GRADIENTS = 256
LEAST_SCALE, LARGEST_SCALE = 0.25, 4.0
SCALE_TOLERANCE = 0.02
LEAST_SHARE = 1e-3


def fractions_of(encoder, images):
    """Return the fractions of the phases, in order, or the mean grey level, (n, n_channels)."""
    rows = images.reshape(len(images), -1)
    phases = [rows] if encoder.phases is None else [rows == phase for phase in encoder.phases]
    return np.stack([phase.mean(axis=1, dtype=np.float64) for phase in phases], axis=1)


def fraction_directions(model, draws):
    """Return the directions of the latents of the whole image that change fractions.

    Orthonormal rows (n_directions, n_whole), the basis D, of a model without conditions;
    ``draws`` are :func:`scaling_draws`.
    """
    network, slopes = model.network, 0.0
    for latents in draws[:N_GRADIENTS].split(model.batch_size):
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


def fraction_scale(model, draws, directions, variance):
    """Return the scale along directions with which the fractions of new images vary so much.

    It lies between 1/4 and 4. ``variance`` is the target sum of the variances of all fractions;
    where no scale leads there, an EstimateWarning says so. ``draws`` are :func:`scaling_draws`.
    """
    network, encoder = model.network, model.encoder
    directions = model.tensor(directions)

    def made(index, scale):
        latents = stretched(network, draws[index], directions, scale)
        with torch.no_grad():
            channels = network(latents, latents.new_empty(len(latents), 0))
        return fractions_of(encoder, encoder.decode(channels))

    @functools.cache
    def excess(scale):
        rows = map_batches(functools.partial(made, scale=scale), len(draws), model.batch_size)
        return rows.var(axis=0, ddof=1).sum() - variance

    if excess(1.0) == 0.0 or len(directions) == 0:
        return 1.0
    low, high = (LEAST_SCALE, 1.0) if excess(1.0) > 0.0 else (1.0, LARGEST_SCALE)
    if excess(low) <= 0.0 <= excess(high):
        return float(brentq(excess, low, high, rtol=SCALE_TOLERANCE))
    nearest = min((1.0, low, high), key=lambda scale: abs(excess(scale)))
    n_channels = encoder.n_channels
    deviations = np.sqrt(np.array([excess(nearest) + variance, variance]) / n_channels)
    warn_user(
        f"Phase fractions cannot be matched: fraction_scale_ is {nearest:g}, with which those of "
        f"new images have a standard deviation of {deviations[0]:.3g}, those of the training "
        f"images {deviations[1]:.3g} (root mean square over phases). A longer training may help.",
        EstimateWarning,
    )
    return nearest


def stretched(network, latents, directions, scale):
    """Return the latents u': scaled along directions of what they say of the whole image.

    The directions are orthonormal rows (n_directions, n_whole); the reciprocal scale undoes it.
    """
    whole = _gathered(network, latents)
    # Sums instead of matrix products, which would depend on the size of the batch.
    along = (whole.unsqueeze(1) * directions).sum(dim=2, keepdim=True) * directions
    return latents + _scattered(network, (scale - 1.0) * along.sum(dim=1))


def scaling_draws(model, seed):
    """Return the latents on which the scale is found."""
    return model.tensor(normal_rows(N_DRAWS, model.n_latent, numpy_generator(seed, 5)))


def _gathered(network, latents):
    """Return what latents say of the whole image, standard normal, (n, n_whole)."""
    return network.gathered(latents) if hasattr(network, "gathered") else latents.clone()


def _scattered(network, whole):
    """Return the latents that say this of the whole image and nothing else."""
    return network.scattered(whole) if hasattr(network, "gathered") else whole
