"""Distillation: what a student has to learn to do a flow's work in one evaluation.

A flow takes a noise to one image and no other. So there is nothing to average over in

    L = E_z [ - log p(X(z) | z, r) ] ,

where X(z) are the phases that the flow makes of the noise z and p those that the student predicts
straight from it: unlike the first step of a flow, which sees the mean of all images that a noise
might belong to, a student that is good enough has sharp phases (Luhman & Luhman 2021).
"""

from collections.abc import Callable

import torch

from .matching import phase_surprise


def distillation_loss(
    evidence: Callable, noise: torch.Tensor, ends: torch.Tensor, conditions: torch.Tensor
) -> torch.Tensor:
    """Return the cross-entropy of the phases that a flow has made of a noise.

    Parameters
    ----------
    evidence : callable
        ``evidence(noise, conditions)`` of the shape of the noise: half the log-odds of the phases.
    noise : Tensor of shape (n, C, *spatial)
        Where the flow began.
    ends : Tensor of shape (n, C, *spatial)
        Where it ended: 1 where a voxel has the phase and -1 elsewhere; one channel codes two
        phases.
    conditions : Tensor of shape (n, n_conditions)
        The conditions that it had.

    Returns
    -------
    loss : Tensor of shape ()
        Mean over images and voxels.
    """
    return phase_surprise(evidence(noise, conditions), ends).mean()
