"""Filling of damaged regions with a flow, without training for it.

Known voxels are put back on their line to the image in every step, so that the flow completes
what it finds there. A single pass leaves the two parts unreconciled, because what is
unknown was decided before the known voxels were clear of noise. So every step is repeated
from noise added anew (Lugmayr et al. 2022):

    x_t = (t / s) x_s + sqrt((1 - t)^2 - (t / s)^2 (1 - s)^2) e,    t < s,

has the distribution of the flow at t if x_s has that at s.
"""

import math
from itertools import pairwise

import numpy as np
import torch

from .. import _arrays
from .._random import torch_generator
from ._conditions import described
from ._flow import flow_channels, flow_end, integrate

N_STEPS = 12
N_ROUNDS = 8


def completed_flow(velocity, images, unknown, rng, method):
    """Fill the unknown voxels of images.

    Parameters
    ----------
    velocity : callable
        ``velocity(x, t) -> dx/dt``, with t a float.
    images : Tensor of shape (n, C, *spatial)
        Ends of the flow; what they hold at unknown voxels does not matter.
    unknown : Tensor of shape (n, 1, *spatial), bool
        Voxels to fill.
    rng : torch.Generator
        Source of noise (on the CPU).
    method : str
        As in :func:`integrate`.

    Returns
    -------
    x : Tensor of shape (n, C, *spatial)
        Ends of the flow whose known voxels are those of ``images``.
    """

    def noise():
        return torch.randn(images.shape, generator=rng, dtype=images.dtype).to(images.device)

    times = [k / N_STEPS for k in range(N_STEPS + 1)]
    x = noise()
    for t, s in pairwise(times):
        for k in range(N_ROUNDS):
            if k > 0:
                share = t / s
                spread = math.sqrt((1 - t) ** 2 - share**2 * (1 - s) ** 2)
                x = share * x + spread * noise()
            x = torch.where(unknown, x, (1 - t) * noise() + t * images)
            x = integrate(velocity, x, (t, s), method)
    return torch.where(unknown, x, images)


def inpainted(generator, images, unknown, given, seed):
    """Fill regions of images with a flow.

    Parameters
    ----------
    generator : FlowMatchingGenerator
        A fitted generator of images of this shape.
    images : ndarray of shape (n, *spatial)
        Images with the generator's phases or grey levels.
    unknown : ndarray of shape (n, *spatial), bool
        Voxels to fill.
    given : ndarray of shape (n, n_conditions)
        Conditions of the whole images; NaN where they are to be found.
    seed : int
        Seed of the noise.

    Returns
    -------
    filled : ndarray of shape (n, *spatial)
        The images; known voxels are those of ``images``.
    """
    table = generator.conditions_
    descriptors = table.for_shape(images.shape[1:])
    conditions = table.completed(given)
    filled = _filled(generator, images, unknown, conditions, seed)
    if descriptors is None or not np.isnan(given).any():
        return filled
    found = table.completed(described(descriptors, filled))
    conditions = np.where(np.isnan(given), found, given)
    return _filled(generator, images, unknown, conditions, seed)


def _filled(generator, images, unknown, conditions, seed):
    @torch.no_grad()
    def fill(index):
        channels = generator.encoder_.encode(images[index], generator._device, generator._dtype)
        x = completed_flow(
            generator._velocity_of(generator._tensor(conditions[index])),
            flow_end(channels),
            torch.as_tensor(unknown[index], device=generator._device).unsqueeze(1),
            torch_generator(seed, int(index[0])),
            generator.method,
        )
        return generator.encoder_.decode(flow_channels(x, generator.encoder_))

    filled = _arrays.map_batches(fill, len(images), generator._batch_size)
    return np.where(unknown, filled.astype(images.dtype, copy=False), images)


def check_mask(mask, shape):
    """Return a mask of voxels to fill for every image.

    Parameters
    ----------
    mask : array-like of bool
        Of the shape of the images, or of one of them.
    shape : tuple of int
        (n, *spatial).

    Returns
    -------
    mask : ndarray of shape (n, *spatial), bool
        One mask for each image.

    Raises
    ------
    TypeError
        If the mask is not boolean.
    ValueError
        If it has another shape.
    """
    mask = np.asarray(mask)
    if mask.dtype != bool:
        raise TypeError(f"mask must be boolean, got an array of type {mask.dtype}.")
    if mask.shape not in (shape, shape[1:]):
        raise ValueError(f"mask must have shape {shape} or {shape[1:]}, got {mask.shape}.")
    return np.broadcast_to(mask, shape)
