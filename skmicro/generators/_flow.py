"""Parts of generators that flow: channels and back, steps in time, arcs between noises."""

from itertools import pairwise

import numpy as np
import torch
from torch.utils.checkpoint import checkpoint

from .._random import torch_generator
from ..networks._blocks import probabilities

SHARPNESS = 2.0
EVIDENCE_SHARPNESS = 0.5
BENDING = 1.25
UNCERTAIN = 0.85
"""Time from which images of phases are followed back to noise."""


def n_flow_channels(encoder):
    """Return the channels of a flow: one for two phases, whose one-hot channels are redundant."""
    return 1 if encoder.n_channels == 2 else encoder.n_channels


def flow_end(channels):
    """Scale encoded images to [-1, 1], (n, C, *S) in [0, 1]; of two phases the last remains."""
    return 2.0 * (channels[:, 1:] if channels.shape[1] == 2 else channels) - 1.0


def flow_channels(x, encoder):
    """Turn what the flow ends in into channels that ``encoder`` decodes.

    Parameters
    ----------
    x : Tensor of shape (n, n_flow_channels, *spatial)
        End of the flow.
    encoder : PhaseEncoder or GreyEncoder
        Encoding of the images.

    Returns
    -------
    channels : Tensor of shape (n, n_channels, *spatial)
        Phase probabilities, which keep the order of the voxels also where the flow went
        beyond -1 or 1; grey levels, cut off there.
    """
    if encoder.phases is None:
        return ((x + 1.0) / 2.0).clamp(0.0, 1.0)
    return probabilities(SHARPNESS * (torch.cat([-x, x], dim=1) if encoder.n_channels == 2 else x))


def blurred(x):
    """Take phases back to the time at which they are not yet certain, with the same noise for all.

    Many noises flow into one image of phases, and the flow back from its end finds that of them
    which looks like the image itself. From a point in between it finds normal noise.

    Parameters
    ----------
    x : Tensor of shape (n, n_flow_channels, *spatial)
        Ends of the flow.

    Returns
    -------
    x : Tensor
        Points of lines to them at the time ``UNCERTAIN``.
    """
    rng = torch_generator(0)
    noise = torch.randn(x.shape[1:], generator=rng, dtype=x.dtype).to(x.device)
    return UNCERTAIN * x + (1.0 - UNCERTAIN) * noise


def labelled_channels(evidence):
    """Turn evidence of phases into channels that a :class:`PhaseEncoder` decodes.

    Parameters
    ----------
    evidence : Tensor of shape (n, n_flow_channels, *spatial)
        Half the log-odds of the phases.

    Returns
    -------
    channels : Tensor of shape (n, n_channels, *spatial)
        Phase probabilities, flatter than the odds say, so that no two voxels become equally
        certain by rounding and gradients do not vanish.
    """
    both = torch.cat([-evidence, evidence], dim=1) if evidence.shape[1] == 1 else evidence
    return probabilities(EVIDENCE_SHARPNESS * both)


def _euler(velocity, x, t, step):
    return x + step * velocity(x, t)


def _heun(velocity, x, t, step):
    slope = velocity(x, t)
    return x + step / 2 * (slope + velocity(x + step * slope, t + step))


def _midpoint(velocity, x, t, step):
    return x + step * velocity(x + step / 2 * velocity(x, t), t + step / 2)


METHODS = {"euler": _euler, "heun": _heun, "midpoint": _midpoint}


def time_grid(n_steps):
    """Return the times between steps from 0 to 1, t_k = (k / n)^1.25.

    The flow bends most where noise begins to order itself, so that early steps are shorter.

    Parameters
    ----------
    n_steps : int
        Number of steps.

    Returns
    -------
    times : list of float
        One more than there are steps.
    """
    return [(k / n_steps) ** BENDING for k in range(n_steps + 1)]


def integrate(velocity, x, times, method):
    """Integrate dx/dt = v(x, t).

    Gradients with respect to ``x`` are computed step by step from the states between the
    steps, so that their memory does not grow by what a network keeps in every step.

    Parameters
    ----------
    velocity : callable
        ``velocity(x, t) -> dx/dt``, with t a float.
    x : Tensor
        State at the first time.
    times : sequence of float
        Times between the steps, rising or falling.
    method : {"euler", "heun", "midpoint"}
        Order 1 with one velocity per step, or 2 with two.

    Returns
    -------
    x : Tensor
        State at the last time.
    """
    advance = METHODS[method]
    for t, end in pairwise(times):
        if x.requires_grad:
            x = checkpoint(
                advance, velocity, x, t, end - t, use_reentrant=False, preserve_rng_state=False
            )
        else:
            x = advance(velocity, x, t, end - t)
    return x


def arc(a, b, share):
    """Return points on the arc from ``a`` to ``b`` (spherical interpolation).

    The mean of two independent noises has half their variance and is no noise that a
    flow was trained to start from; points on the arc keep the length.

    Parameters
    ----------
    a, b : ndarray of shape (1, n)
        Ends.
    share : ndarray of shape (k, 1)
        Shares of the way; 0 and 1 give the ends exactly.

    Returns
    -------
    points : ndarray of shape (k, n)
        Points, of the type of ``a``.
    """
    share = share.astype(np.float64)
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    angle = np.arccos(np.clip(np.vdot(a, b) / max(lengths, 1e-30), -1.0, 1.0))
    if np.sin(angle) < 1e-6:
        return ((1.0 - share) * a + share * b).astype(a.dtype)
    weights = [np.sin(part * angle) / np.sin(angle) for part in (1.0 - share, share)]
    return (weights[0] * a + weights[1] * b).astype(a.dtype)
