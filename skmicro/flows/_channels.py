"""Channels of a flow: encoded images to where it ends, and back."""

import torch

from .._random import torch_generator
from ..networks import probabilities

SHARPNESS = 2.0
EVIDENCE_SHARPNESS = 0.5
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


def labelled_channels(evidence):
    """Turn evidence of phases, half their log-odds, into channels that a PhaseEncoder decodes.

    The probabilities are flatter than the odds say, so that no two voxels become equally certain
    by rounding and gradients do not vanish.
    """
    both = torch.cat([-evidence, evidence], dim=1) if evidence.shape[1] == 1 else evidence
    return probabilities(EVIDENCE_SHARPNESS * both)
