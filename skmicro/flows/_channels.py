"""Channels of a flow: encoded images to where it ends, and back."""

import torch

from .._random import torch_generator
from ..networks import probabilities

SHARPNESS = 2.0
EVIDENCE_SHARPNESS = 0.5
N_SWEEPS = 4
UNCERTAIN = 0.85
"""Time from which images of phases are followed back to noise."""


def n_flow_channels(encoder):
    """Return the channels of a flow: one for two phases, whose one-hot channels are redundant."""
    return 1 if encoder.n_channels == 2 else encoder.n_channels


def flow_end(channels):
    """Scale encoded images to [-1, 1], (n, C, *S) in [0, 1]; of two phases the last remains."""
    return 2.0 * (channels[:, 1:] if channels.shape[1] == 2 else channels) - 1.0


def flow_channels(x, encoder):
    """Turn what the flow ends in into channels (n, n_channels, *spatial) that ``encoder`` decodes.

    Phase probabilities keep the order of the voxels also where the flow went beyond -1 or 1; grey
    levels are cut off there.
    """
    if encoder.phases is None:
        return ((x + 1.0) / 2.0).clamp(0.0, 1.0)
    return probabilities(SHARPNESS * (torch.cat([-x, x], dim=1) if encoder.n_channels == 2 else x))


def blurred(x):
    """Take phases back to the time at which they are not yet certain, with the same noise for all.

    Many noises flow into one image of phases, and the flow back from its end finds that of them
    which looks like the image itself. From a point in between, here that of the line to the end
    at the time ``UNCERTAIN``, it finds normal noise.
    """
    rng = torch_generator(0)
    noise = torch.randn(x.shape[1:], generator=rng, dtype=x.dtype).to(x.device)
    return UNCERTAIN * x + (1.0 - UNCERTAIN) * noise


def renoised(x, noise, time):
    """Take images back to a time of the flow, with noise that had no part in them.

    It is the noise they began with, moved by half the sides of the images: what was decided at a
    voxel depends on the noise near it, not on that of the far side.
    """
    axes = range(2, x.ndim)
    far = noise.roll([x.shape[axis] // 2 for axis in axes], dims=list(axes))
    return time * x + (1.0 - time) * far


def with_fractions_of(evidence, before):
    """Move the levels of evidence so that phases get the fractions that other evidence gives them.

    The most probable phase of a voxel at a time of much noise is the more frequent one too often,
    by which details of the rarer one are lost. With three phases or more, whose levels depend on
    each other, fractions are met nearly.
    """
    n_channels = evidence.shape[1]
    if n_channels == 1:
        return evidence - _level(evidence, before > 0)
    labels = before.argmax(dim=1, keepdim=True)
    channels = list(evidence.split(1, dim=1))
    for k in list(range(n_channels)) * N_SWEEPS:
        others = torch.cat(channels[:k] + channels[k + 1 :], dim=1).amax(dim=1, keepdim=True)
        channels[k] = channels[k] - _level(channels[k] - others, labels == k)
    return torch.cat(channels, dim=1)


def _level(margins, chosen):
    """Return the levels (n, 1, ...) above which as many voxels are as are chosen in each image."""
    ordered = margins.detach().flatten(1).sort(dim=1, descending=True).values
    ordered = torch.cat([ordered[:, :1] + 1.0, ordered, ordered[:, -1:] - 1.0], dim=1)
    count = chosen.flatten(1).sum(dim=1, keepdim=True)
    level = (ordered.gather(1, count) + ordered.gather(1, count + 1)) / 2
    return level.view(-1, *[1] * (margins.ndim - 1))


def labelled_channels(evidence):
    """Turn evidence of phases, half their log-odds, into channels that a PhaseEncoder decodes.

    The probabilities are flatter than the odds say, so that no two voxels become equally certain
    by rounding and gradients do not vanish.
    """
    both = torch.cat([-evidence, evidence], dim=1) if evidence.shape[1] == 1 else evidence
    return probabilities(EVIDENCE_SHARPNESS * both)
