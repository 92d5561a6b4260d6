"""A trained flow: noise to images in steps, and back."""

from dataclasses import dataclass

import numpy as np
import torch

from .. import _arrays
from ..conditioning import NetworkModel
from ..networks import in_windows, mean_phases
from ._channels import (
    UNCERTAIN,
    blurred,
    flow_channels,
    flow_end,
    labelled_channels,
    n_flow_channels,
    renoised,
    with_fractions_of,
)
from ._steps import arc, integrate, time_grid

BATCH_SIZE = 16


@dataclass(frozen=True, kw_only=True)
class FlowModel(NetworkModel):
    """A model whose network is the velocity of a flow, ``network(x, t, conditions)``.

    Attributes
    ----------
    encoder, image_shape, conditions, target_tol, flat, network : any
        As in :class:`NetworkModel`.
    n_steps : int
        Steps in time.
    method : {"midpoint", "heun", "euler"}
        Kind of step.
    guidance : float
        Factor of what conditions add to the velocity.
    restart_time : float or None
        Time to which an image of phases is taken back with new noise, to predict its phases again.
    """

    n_steps: int
    method: str
    guidance: float
    restart_time: float | None

    @property
    def batch_size(self):
        """Images that are made at once."""
        return min(BATCH_SIZE, super().batch_size)

    def generate(self, latents, conditions):
        """Return the channels of noise, (n, n_latent), (n, k) -> (n, C, *S)."""
        noise = latents.view(-1, n_flow_channels(self.encoder), *self.image_shape)
        if self.encoder.phases is None:
            velocity = self.answer(conditions)
            x = integrate(velocity, noise, time_grid(self.n_steps), self.method)
            return flow_channels(x, self.encoder)
        return labelled_channels(self.evidence(noise, conditions))

    def latents_of(self, images, conditions):
        """Return the noise (n, n_latent) to which the flow leads back from images."""

        @torch.no_grad()
        def invert(index):
            velocity = self.answer(self.tensor(conditions[index]))
            x = flow_end(self.encoder.encode(images[index], self.device, self.dtype))
            times = time_grid(self.n_steps)
            if self.encoder.phases is not None:
                x, times = blurred(x), [UNCERTAIN * t for t in times]
            return integrate(velocity, x, times[::-1], self.method).flatten(1).cpu().numpy()

        return _arrays.map_batches(invert, len(images), self.batch_size)

    def between(self, a, b, share):
        """Return points on the arc between two noises, their conditions on the line."""
        conditions = super().between(a[:, self.n_latent :], b[:, self.n_latent :], share)
        return np.hstack([arc(a[:, : self.n_latent], b[:, : self.n_latent], share), conditions])

    def answer(self, conditions, ask="__call__"):
        """Return what the network answers, a function of x and t, with these conditions."""
        guidance = self.guidance if conditions.shape[1] > 0 else 1.0

        def evaluated(x, t, given):
            return in_windows(self.network, x, x.new_full((len(x),), t), given, ask=ask)

        def guided(x, t):
            free = evaluated(x, t, torch.full_like(conditions, torch.nan))
            return free + guidance * (evaluated(x, t, conditions) - free)

        return guided if guidance != 1.0 else lambda x, t: evaluated(x, t, conditions)

    def evidence(self, noise: torch.Tensor, conditions: torch.Tensor) -> torch.Tensor:
        """Return the phases of the images that noise flows into.

        They are predicted in the middle of the last step, or at its beginning with Euler's
        method, which evaluates the network once per step. With a ``restart_time``, images are
        taken back to it with new noise and predicted again, at the same phase fractions (restart
        sampling, Xu et al. 2023, with one evaluation of the network).

        Parameters
        ----------
        noise : Tensor of shape (n, n_flow_channels, *image_shape)
            Where the flow begins.
        conditions : Tensor of shape (n, n_conditions)
            Conditions, NaN where none is given.

        Returns
        -------
        evidence : Tensor of shape (n, n_flow_channels, *image_shape)
            Half the log-odds of the phases.
        """
        velocity, times = self.answer(conditions), time_grid(self.n_steps)
        tell = self.answer(conditions, ask="evidence")
        x, t = integrate(velocity, noise, times[:-1], self.method), times[-2]
        if self.method != "euler":
            middle = (t + times[-1]) / 2
            x, t = integrate(velocity, x, (t, middle), "euler"), middle
        return self.restarted(tell(x, t), noise, conditions)

    def restarted(
        self, told: torch.Tensor, noise: torch.Tensor, conditions: torch.Tensor
    ) -> torch.Tensor:
        """Tell phases once more, from evidence of them and new noise, with a ``restart_time``.

        Parameters
        ----------
        told : Tensor of shape (n, n_flow_channels, *image_shape)
            Half the log-odds of the phases.
        noise : Tensor of shape (n, n_flow_channels, *image_shape)
            The noise that they were predicted from.
        conditions : Tensor of shape (n, n_conditions)
            Conditions, NaN where none is given.

        Returns
        -------
        evidence : Tensor of shape (n, n_flow_channels, *image_shape)
            Half the log-odds of the phases, with the same fractions.
        """
        time = self.restart_time
        if time is None:
            return told
        tell = self.answer(conditions, ask="evidence")
        return with_fractions_of(tell(renoised(mean_phases(told), noise, time), time), told)
