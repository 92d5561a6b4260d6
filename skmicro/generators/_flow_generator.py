"""What generators that flow from noise to images have in common: sampling, and the way back.

A subclass learns the velocity ``generator_(x, t, conditions)``; see
:mod:`skmicro.generators._flow_matching`.
"""

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from .. import _arrays
from .._checks import check_choice, check_integer, check_real
from .._random import draw_seed
from ..conditioning import read_targets, warn_missed, warn_outside
from ..flows import (
    METHODS,
    UNCERTAIN,
    arc,
    blurred,
    damaged_images,
    flow_channels,
    flow_end,
    inpainted,
    integrate,
    labelled_channels,
    n_flow_channels,
    time_grid,
)
from ..networks import in_windows
from ._network import NetworkGenerator

BATCH_SIZE = 16


class FlowGenerator(NetworkGenerator):
    """Base class of generators whose network is the velocity of a flow.

    Their parameters ``n_steps``, ``method`` and ``guidance`` say how it is followed, their
    attribute ``p_drop_`` how often training went without conditions.
    """

    def inpaint(self, X, mask, *, random_state=None, periodic=None, **targets):
        """Fill regions of images; the rest stays as it is, voxel by voxel.

        Conditions that are not given are those of the images after a first filling, made
        with the conditions of an average training image.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Images of any size with the phases or grey levels seen in ``fit``; what they hold
            where the mask is true does not matter.
        mask : array-like of bool
            True where voxels are to be filled; of the shape of ``X`` or of one image.
        random_state : None, int, RandomState or Generator, default=None
            Source of noise: another seed is another filling.
        periodic : bool or None, default=None
            Whether opposite borders of the images match; ``None`` stands for ``periodic_``.
        **targets : float or array-like
            Conditions of the whole images by name, as in :meth:`sample`.

        Returns
        -------
        images : ndarray of the shape of ``X``
            The images, filled, in a type that holds the values of ``X`` and of the training
            images.

        Raises
        ------
        ValueError
            If the mask has another shape, a target is no condition, or the images have
            unseen phases.
        TypeError
            If the mask is not boolean.

        Warns
        -----
        ExtrapolationWarning
            If a target lies outside what the training images covered.
        TargetWarning
            If a target is missed by more than ``target_tol``.

        Notes
        -----
        Takes twelve steps of ``method``, each of them eight times, whatever ``n_steps`` says.
        """
        check_is_fitted(self)
        images, unknown = damaged_images(self, X, mask)
        maker = self._resized(images.shape[1:], periodic)
        table = maker.conditions_
        for name in targets:
            if name not in table.names:
                raise ValueError(f"targets must be conditions, {table.names}, got {name!r}.")
        wanted = read_targets(targets, table, self.encoder_, maker.image_shape_, len(images))
        for target in wanted:
            warn_outside(target, table.ranges)
        given = table.given(len(images), wanted)
        filled = inpainted(maker, images, unknown, given, draw_seed(random_state))
        warn_missed(filled, wanted, self.target_tol, maker.image_shape_)
        return filled.reshape(np.shape(X))

    def _check_sampling(self, p_drop, n_conditions):
        """Raise if a parameter of sampling is not allowed.

        Parameters
        ----------
        p_drop : float
            How often training goes without conditions.
        n_conditions : int
            Number of conditions.
        """
        check_integer("n_steps", self.n_steps, minimum=1)
        check_choice("method", self.method, METHODS)
        check_real("guidance", self.guidance)
        if self.guidance != 1.0 and p_drop == 0 and n_conditions > 0:
            raise ValueError(
                "guidance must be 1 where training with p_drop=0 never went without conditions, "
                f"got {self.guidance}."
            )

    def _latents_of(self, images, conditions):
        @torch.no_grad()
        def invert(index):
            velocity = self._answer(self._tensor(conditions[index]))
            x = flow_end(self.encoder_.encode(images[index], self._device, self._dtype))
            times = time_grid(self.n_steps)
            if self.encoder_.phases is not None:
                x, times = blurred(x), [UNCERTAIN * t for t in times]
            return integrate(velocity, x, times[::-1], self.method).flatten(1).cpu().numpy()

        return _arrays.map_batches(invert, len(images), self._batch_size)

    def _path(self, a, b, share):
        n_latent = self._n_latent()
        conditions = super()._path(a[:, n_latent:], b[:, n_latent:], share)
        return np.hstack([arc(a[:, :n_latent], b[:, :n_latent], share), conditions])

    @property
    def _batch_size(self):
        return min(BATCH_SIZE, super()._batch_size)

    def _generate(self, latents, conditions):
        noise = latents.view(-1, n_flow_channels(self.encoder_), *self.image_shape_)
        if self.encoder_.phases is None:
            velocity = self._answer(conditions)
            x = integrate(velocity, noise, time_grid(self.n_steps), self.method)
            return flow_channels(x, self.encoder_)
        return labelled_channels(self._evidence_behind(noise, conditions))

    def _evidence_behind(self, noise, conditions):
        """Follow the flow to the middle of its last step, and tell the phases from there.

        Euler's steps, which evaluate the network once, tell them at the beginning of the last.
        """
        velocity, times = self._answer(conditions), time_grid(self.n_steps)
        x, t = integrate(velocity, noise, times[:-1], self.method), times[-2]
        if self.method != "euler":
            middle = (t + times[-1]) / 2
            x, t = integrate(velocity, x, (t, middle), "euler"), middle
        return self._answer(conditions, ask="evidence")(x, t)

    def _answer(self, conditions, ask="__call__"):
        """Return what the network answers, a function of x and t, with these conditions."""
        self._check_sampling(self.p_drop_, conditions.shape[1])
        guidance = self.guidance if conditions.shape[1] > 0 else 1.0

        def evaluated(x, t, given):
            return in_windows(self.generator_, x, x.new_full((len(x),), t), given, ask=ask)

        def guided(x, t):
            free = evaluated(x, t, torch.full_like(conditions, torch.nan))
            return free + guidance * (evaluated(x, t, conditions) - free)

        return guided if guidance != 1.0 else lambda x, t: evaluated(x, t, conditions)
