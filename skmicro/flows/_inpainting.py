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
from ..conditioning import described
from ..images import check_stack, n_axes, separated
from ._channels import flow_channels, flow_end
from ._steps import integrate

N_STEPS = 12
N_ROUNDS = 8


def completed_flow(velocity, images, unknown, rng, method):
    """Return ends of the flow (n, C, *spatial) whose known voxels are those of ``images``.

    ``velocity(x, t) -> dx/dt`` takes t as a float; what images hold where the mask ``unknown``
    (n, 1, *spatial) is true does not matter; ``rng`` is a source on the CPU; ``method`` is that
    of :func:`integrate`.
    """

    def noise():
        return torch.randn(images.shape, generator=rng, dtype=images.dtype).to(images.device)

    times = [k / N_STEPS for k in range(N_STEPS + 1)]
    x = noise()
    for t, s in pairwise(times):
        for k in range(N_ROUNDS if t > 0 else 1):
            if k > 0:
                share = t / s
                spread = math.sqrt((1 - t) ** 2 - share**2 * (1 - s) ** 2)
                x = share * x + spread * noise()
            x = torch.where(unknown, x, (1 - t) * noise() + t * images)
            x = integrate(velocity, x, (t, s), method)
    return torch.where(unknown, x, images)


def inpainted(model, images, unknown, given, seed):
    """Return images (n, *spatial) whose unknown voxels a :class:`FlowModel` has filled.

    The mask ``unknown`` is of their shape, ``given`` (n, n_conditions) has the conditions of the
    whole images, NaN where they are to be found.
    """
    table = model.conditions
    if not unknown.any():
        return images
    filled = _filled(model, images, unknown, table.completed(given), seed)
    found = described(table.for_shape(images.shape[1:]), filled)
    found = np.where(np.isnan(given), found, given)
    if np.isnan(found[np.isnan(given)]).all():
        return filled
    return _filled(model, images, unknown, table.completed(found), seed)


def _filled(model, images, unknown, conditions, seed):
    @torch.no_grad()
    def fill(index):
        channels = model.encoder.encode(images[index], model.device, model.dtype)
        x = completed_flow(
            model.answer(model.tensor(conditions[index])),
            flow_end(channels),
            torch.as_tensor(unknown[index], device=model.device).unsqueeze(1),
            torch_generator(seed, int(index[0])),
            model.method,
        )
        return model.encoder.decode(flow_channels(x, model.encoder))

    return np.where(unknown, _arrays.map_batches(fill, len(images), model.batch_size), images)


def damaged_images(model, X, mask=None):
    """Return checked images with regions to fill, (n, *spatial), and one mask for each.

    ``X`` may hold anything where the mask, of its shape or that of one image, is true; the images
    returned have an allowed value there. Without a mask the regions are the unknown voxels of
    ``X``, masked or NaN. Raises TypeError if the mask is not boolean or the images do not hold
    numbers, ValueError if the mask has another shape, there is nothing to fill, or known voxels
    hold what was not seen in ``fit``.
    """
    encoder, flat = model.encoder, n_axes(X) == 2
    values, masked = separated(X.detach().cpu().numpy() if isinstance(X, torch.Tensor) else X)
    images = np.array(values)
    unknown = _unknown_of(images, masked) if mask is None else np.asarray(mask)
    if unknown.dtype != bool:
        raise TypeError(f"mask must be boolean, got an array of type {unknown.dtype}.")
    read = (len(images), *model.image_shape) if flat else images.shape
    if unknown.shape not in (images.shape, images.shape[1:], read, read[1:]):
        raise ValueError(f"mask must have shape {read} or {read[1:]}, got {unknown.shape}.")
    unknown = np.broadcast_to(unknown.reshape(-1, *images.shape[1:]), images.shape)
    left = np.count_nonzero(_unknown_voxels(images, masked) & ~unknown)
    if left:
        raise ValueError(
            f"mask must be true where voxels of X are masked or NaN, got False for {left}."
        )
    if images.dtype.kind in "biuf":
        allowed = encoder.low if encoder.phases is None else encoder.phases[0]
        images = images.astype(np.result_type(images, encoder.dtype), copy=False)
        images[unknown] = allowed
    images = check_stack("X", images, model.image_shape if flat else None)
    encoder.check(images)
    return images, unknown.reshape(images.shape)


def _unknown_voxels(images, masked):
    """Return where images are masked or NaN."""
    unknown = np.isnan(images) if images.dtype.kind == "f" else np.zeros(images.shape, bool)
    return unknown if masked is None else unknown | masked


def _unknown_of(images, masked):
    """Return where images are masked or NaN; ValueError if nowhere."""
    unknown = _unknown_voxels(images, masked)
    if not unknown.any():
        raise ValueError(
            "mask must mark the region to fill if no voxel of X is masked or NaN, got None."
        )
    return unknown
