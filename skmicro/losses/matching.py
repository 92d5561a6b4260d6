"""Flow matching: what a network has to learn so that noise flows into images.

A noise x_0 ~ N(0, 1) and an image x_1 are joined by a straight line,

    x_t = (1 - t) x_0 + t x_1,
    v(x, t) = E[x_1 - x_0 | x_t = x] = (E[x_1 | x_t = x] - x) / (1 - t),

and flowing along v from t = 0 to 1, noise becomes data (Lipman et al. 2023, Liu et al. 2023). So it
is enough to know the mean image behind a noisy one. Two objectives have it at their minimum:

- regression of the velocity, for grey levels,

      L = E |v(x_t, t, r) - (x_1 - x_0)|^2 ;

- classification of every voxel, for phases: the mean is made of the probabilities of the phases,
  and these minimise the cross-entropy (Eijkelboom et al. 2024)

      L = E [ - log p(x_1 | x_t, t, r) / (1 - t)^2 ] ,

  where the weight is the one that the regression gives to errors of the mean image.

Times are logit-normal, t = sigmoid(N(m, 1)), so that those at which images take their shape are
seen most (Esser et al. 2024). That is the middle for images, m = 0. A voxel of a volume has more
neighbours that tell about it through the noise, and volumes take theirs earlier, m = -log 2.5.
"""

import math
from collections.abc import Callable

import torch
from torch.nn import functional

MEAN_LOGIT = {2: 0.0, 3: -math.log(2.5)}
LEAST_REST = 0.02
"""Smallest 1 - t that a weight is computed from."""


def matching_loss(
    velocity: Callable, images: torch.Tensor, conditions: torch.Tensor, rng: torch.Generator
) -> torch.Tensor:
    """Return the mean squared error of a velocity on lines from new noise to images.

    Parameters
    ----------
    velocity : callable
        ``velocity(x, t, conditions)``, of the shape of ``x``.
    images : Tensor of shape (n, C, *spatial)
        Ends of the lines, scaled to about [-1, 1].
    conditions : Tensor of shape (n, n_conditions)
        Their conditions.
    rng : torch.Generator
        Source of noise and times (on the CPU).

    Returns
    -------
    loss : Tensor of shape ()
        Mean over images and voxels.
    """
    x, t, noise, _ = _on_lines(images, rng)
    return (velocity(x, t, conditions) - (images - noise)).square().mean()


def labelling_loss(evidence: Callable, images: torch.Tensor, conditions, rng) -> torch.Tensor:
    """Return the weighted cross-entropy of the phases of noisy images.

    Parameters
    ----------
    evidence : callable
        ``evidence(x, t, conditions)`` of the shape of ``x``: half the log-odds of the phases.
    images : Tensor of shape (n, C, *spatial)
        Ends of the lines: 1 where a voxel has the phase and -1 elsewhere; one channel codes
        two phases.
    conditions, rng : any
        As in :func:`matching_loss`.

    Returns
    -------
    loss : Tensor of shape ()
        Mean over images and voxels.
    """
    x, t, _, rest = _on_lines(images, rng)
    surprise = phase_surprise(evidence(x, t, conditions), images)
    return (surprise / rest.clamp(min=LEAST_REST).square()).mean()


def phase_surprise(evidence, images):
    """Return - log p of the phases of images, (n, 1, *spatial).

    ``evidence`` (n, C, *spatial) is half the log-odds of the phases, ``images`` are as in
    :func:`labelling_loss`.
    """
    odds = 2.0 * evidence
    if images.shape[1] == 1:
        return functional.softplus(-odds * images)
    return -(odds.log_softmax(dim=1) * (images > 0)).sum(dim=1, keepdim=True)


def _on_lines(images, rng):
    """Return points of lines from new noise to images, their times, the noise and 1 - t."""
    noise = torch.randn(images.shape, generator=rng, dtype=images.dtype).to(images.device)
    logits = torch.randn(len(images), generator=rng, dtype=images.dtype)
    t = (logits + MEAN_LOGIT[images.ndim - 2]).sigmoid().to(images)
    share = t.view(-1, *[1] * (images.ndim - 1))
    return (1.0 - share) * noise + share * images, t, noise, 1.0 - share
