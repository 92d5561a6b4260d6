"""Channels of a flow: encoded images to where it ends, and back."""

import torch

from .._random import torch_generator
from ..networks import probabilities

SHARPNESS = 2.0
PLASTIC = 1.2207440846057596
"""Root of x^4 = x + 1: multiples of its powers stay apart on a torus of three dimensions."""
EVIDENCE_SHARPNESS = 0.5
N_SWEEPS = 4
N_LEVELS = 10
MOST_STEP = 2.0
LEAST_SHARE = 1e-6
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
    return time * x + (1.0 - time) * noise_from_afar(noise, 0)


def noise_from_afar(noise, k):
    """Return noise (n, C, *S) moved so far that it is new to every voxel.

    By half the sides for k = 0, and by others for further k, so that none of them meets another.
    """
    sides = noise.shape[2:]
    shares = [(0.5 + k * PLASTIC ** -(axis + 1)) % 1.0 for axis in range(len(sides))]
    moves = [int(share * side) for share, side in zip(shares, sides, strict=True)]
    return noise.roll(moves, dims=list(range(2, noise.ndim)))


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


def with_mean_fractions(evidence, fractions):
    """Move the levels of evidence so that the mean probabilities of phases are fractions (n, k).

    All phases at once, each by steps for the logarithm of its own fraction, Newton's for two.
    """
    both = evidence.shape[1] == 1
    channels = torch.cat([torch.zeros_like(evidence), evidence], dim=1) if both else evidence
    wanted = fractions.clamp(LEAST_SHARE, 1.0 - LEAST_SHARE)
    for _ in range(N_LEVELS):
        shares = probabilities(2.0 * channels).flatten(2)
        mean = shares.mean(dim=2).clamp(LEAST_SHARE, 1.0 - LEAST_SHARE)
        slope = (shares * (1.0 - shares)).mean(dim=2) / (mean * (1.0 - mean))
        step = (wanted / mean).log() / slope.clamp(min=LEAST_SHARE) / 2.0
        step = step.clamp(-MOST_STEP, MOST_STEP)
        channels = channels + step.view(*step.shape, *[1] * (evidence.ndim - 2))
    return channels[:, 1:] - channels[:, :1] if both else channels


def labelled_channels(evidence):
    """Turn evidence of phases, half their log-odds, into channels that a PhaseEncoder decodes.

    The probabilities are flatter than the odds say, so that no two voxels become equally certain
    by rounding and gradients do not vanish.
    """
    both = torch.cat([-evidence, evidence], dim=1) if evidence.shape[1] == 1 else evidence
    return probabilities(EVIDENCE_SHARPNESS * both)
