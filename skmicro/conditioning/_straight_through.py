"""Finished images of a search, as functions of latents and conditions: straight-through gradients.

An image has a label for every voxel, of which there is no gradient. That of the probabilities of
phases takes its place (Bengio et al. 2013). Where fractions of phases are met by the threshold
between them, the threshold moves with the probabilities, which to first order takes from the
changes of a phase what they have in common, weighted by how near voxels are to the threshold.
"""

import torch

from ..descriptors import PhaseFractions
from ._fractions import fraction_target, levelled
from ._targets import Target


def level_of(targets, table):
    """Return the phase fraction that images are to meet by their threshold, or None.

    That of the targets, or else that which the network is fed and which has no values: it may
    move, and images follow it as training images do.
    """
    own = [Target(descriptor.name, descriptor, None) for descriptor in table.descriptors]
    return fraction_target(targets) or fraction_target(own)


def fractions_for(level, conditions, table, index):
    """Return the fractions that images of conditions (n, n_conditions) are to have, a Tensor."""
    if level.values is not None:
        return conditions.new_tensor(level.values[index])
    fractions = conditions[:, table.places[level.name]]
    if isinstance(level.descriptor, PhaseFractions):
        return fractions / fractions.sum(dim=1, keepdim=True)
    return fractions


def finished(channels, encoder, level=None, fractions=None):
    """Return one-hot images, differentiably straight through.

    Parameters
    ----------
    channels : Tensor of shape (n, C, *spatial)
        Phase probabilities.
    encoder : PhaseEncoder
        Encoding of the images.
    level : Target or None, default=None
        The phase fraction that is met by the threshold.
    fractions : Tensor of shape (n, n_components) or None, default=None
        Its values.

    Returns
    -------
    images : Tensor of shape (n, C, *spatial)
        What :meth:`Model.decode` makes labels of.
    """
    if level is None:
        return encoder.measured(channels)
    told = channels.detach()
    met = level._replace(values=fractions.detach().cpu().numpy())
    labels = levelled(told, met, range(len(told)), encoder, 0.0)
    images = encoder.encode(labels, told.device, told.dtype)
    dims = tuple(range(2, told.ndim))
    near, change = told * (1.0 - told), channels - told
    share = near / near.sum(dim=dims, keepdim=True).clamp_min(1e-30)
    gained = _gained(level, fractions, images, encoder).view(*told.shape[:2], *[1] * len(dims))
    return images + change + share * (gained - change.sum(dim=dims, keepdim=True))


def _gained(level, fractions, images, encoder):
    """Return the voxels (n, C) that phases gain as fractions change: none, with a gradient."""
    n_voxels = images[0, 0].numel()
    change = n_voxels * (fractions - fractions.detach())
    if isinstance(level.descriptor, PhaseFractions):
        return change
    channel = encoder.channel_of(level.descriptor.phase)
    others = images.flatten(2).mean(dim=2)
    others[:, channel] = 0.0
    others = others / others.sum(dim=1, keepdim=True).clamp_min(1.0 / n_voxels)
    of_phase = torch.zeros_like(others)
    of_phase[:, channel] = 1.0
    return (of_phase - others) * change
