"""Volumes whose sections are images of a flow.

A volume of noise flows into a volume of phases. In every step the network, which knows images,
predicts the phases of all sections across all three axes, and three of them meet in a voxel. With
h_a the evidence of the other voxels of its section across the axis a, and o its own evidence
(half log-odds; see :mod:`skmicro.networks._unet`), its evidence is

    o + h_0 + h_1 + h_2 + level,

in which the voxel's own evidence counts once, and the level makes up for the fractions of phases,
which every h_a has in it: it is such that the mean phases of the volume have the fractions that
are asked for.

Steps from a time t to a later one s are stochastic (Song et al. 2021, Eq. 16): with m the mean
image, e = (x - t m) / (1 - t) the noise that is in x, and z new noise,

    x_s = s m + sqrt((1 - s)^2 - r^2) e + r z,
    r = (1 - s) sqrt(1 - (t (1 - s) / (s (1 - t)))^2) .

What sections have decided too early, each without the others, is forgotten by and by.

Sections that are fixed are shown to the network with the noise of a later time, so that those
around them know early what they have to continue.
"""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from ..conditioning import NORMAL, Model
from ..descriptors import PhaseFractions, VolumeFraction
from ..networks import mean_phases, own_evidence
from ._channels import (
    flow_end,
    labelled_channels,
    n_flow_channels,
    noise_from_afar,
    renoised,
    with_mean_fractions,
)
from ._steps import time_grid

N_STEPS = 16
AHEAD = 0.6
CERTAIN = 20.0
"""Evidence of known voxels, larger than any predicted by networks."""
GOLDEN = (math.sqrt(5.0) - 1.0) / 2.0


@dataclass(frozen=True, kw_only=True)
class SectionModel(Model):
    """A model of volumes that is made of models of their sections.

    Its conditions are the fraction of every phase, and process variables.

    Attributes
    ----------
    encoder, image_shape, conditions, target_tol, flat : any
        As in :class:`Model`, those of the volumes.
    planes : tuple of FlowModel
        Models of the sections across each axis; they share a network.
    restart_time : float or None
        As in :class:`FlowModel`.
    fixed : ndarray of shape image_shape
        The labels that all volumes have, NaN where they are free.
    margin : int
        Voxels beyond the volume along each axis. All volumes are made periodic, as sections tell
        less of the voxels at their borders than of others; what is beyond is cut off.
    """

    planes: tuple
    restart_time: float | None
    fixed: np.ndarray
    margin: int

    @property
    def device(self):
        """Where the network is."""
        return self.planes[0].device

    @property
    def dtype(self):
        """Type of its weights."""
        return self.planes[0].dtype

    @property
    def batch_size(self):
        """Volumes that are made at once: sections are many enough for a batch."""
        return 1

    @property
    def n_latent(self):
        """Standard normal numbers that a volume is made of."""
        return n_flow_channels(self.encoder) * math.prod(self._grid)

    @property
    def _grid(self):
        return tuple(side + self.margin for side in self.image_shape)

    def generate(self, latents, conditions):
        """Return the channels of noise, (n, n_latent), (n, k) -> (n, C, *S)."""
        noise = latents.view(-1, n_flow_channels(self.encoder), *self._grid)
        fractions = conditions[:, : self.encoder.n_channels]
        sections = [self._conditions_across(axis, conditions) for axis in range(3)]
        mean = (2.0 * fractions[:, -noise.shape[1] :, None, None, None] - 1.0).expand_as(noise)
        images, known = self._known(noise)

        def shown(x, t, k):
            late = t + AHEAD * (1.0 - t)
            return torch.where(known, late * images + (1.0 - late) * noise_from_afar(noise, k), x)

        x = noise
        for k, (t, s) in enumerate(pairwise(time_grid(N_STEPS))):
            told = self._evidence(shown(x, t, k + 1), t, mean, sections, fractions)
            mean = torch.where(known, images, mean_phases(told))
            x = _stepped(x, mean, t, s, noise_from_afar(noise, k + 1))
        time = self.restart_time
        if time is not None:
            x = shown(renoised(mean, noise, time), time, 0)
            told = self._evidence(x, time, mean, sections, fractions)
        told = torch.where(known, CERTAIN * images, told)
        return labelled_channels(told[(..., *(slice(side) for side in self.image_shape))])

    def _known(self, noise):
        """Return what volumes have where they are fixed, (1, C, *S), and where, (1, 1, *S)."""
        free = np.pad(np.isnan(self.fixed), (0, self.margin), constant_values=True)
        labels = np.full(free.shape, self.encoder.phases[0])
        labels[~free] = self.fixed[~np.isnan(self.fixed)]
        images = flow_end(self.encoder.encode(labels[None], self.device, self.dtype))
        return images, torch.as_tensor(~free, device=noise.device)[None, None]

    def _conditions_across(self, axis, conditions):
        """Return the conditions of the sections of volumes across an axis, (n * side, k).

        They are spread over the training images, of this axis if these have one; process
        variables are those of the volumes.
        """
        table, side = self.planes[axis].conditions, self._grid[axis]
        columns = table.places
        rows = table.rows
        if NORMAL in columns:
            rows = rows[(rows[:, columns[NORMAL]] == axis).ravel()]
        chosen = (np.arange(side) * GOLDEN % 1.0 * len(rows)).astype(int)
        rows = self.planes[axis].tensor(rows[chosen]).repeat(len(conditions), 1)
        for name, column in self.conditions.places.items():
            if name in columns:
                rows[:, columns[name]] = conditions[:, column].repeat_interleave(side, dim=0)
        return rows

    def _evidence(self, x, t, mean, sections, fractions):
        """Return the evidence of phases from all sections of noisy volumes; see above."""
        own = own_evidence(x, x.new_full((len(x),), t))
        told = own
        for axis, plane in enumerate(self.planes):
            rows = _with_fractions(sections[axis], plane.conditions, _across(mean, axis))
            size = plane.batch_size
            parts = zip(_across(x, axis).split(size), rows.split(size), strict=True)
            answers = [plane.answer(given, ask="evidence")(part, t) for part, given in parts]
            told = told + _along(torch.cat(answers), len(x), axis) - own
        return with_mean_fractions(told, fractions)


def _across(x, axis):
    """Return the sections (n * side, C, *plane) of volumes (n, C, *S) across an axis."""
    return x.movedim(2 + axis, 1).flatten(0, 1)


def _along(sections, n, axis):
    """Return the volumes (n, C, *S) that have these sections across an axis."""
    return sections.unflatten(0, (n, -1)).movedim(1, 2 + axis)


def _with_fractions(rows, table, mean):
    """Return conditions of sections with the fractions of phases that their mean images have."""
    shares = (1.0 + mean.flatten(2).mean(dim=2)) / 2.0
    if shares.shape[1] == 1:
        shares = torch.cat([1.0 - shares, shares], dim=1)
    rows, columns = rows.clone(), table.places
    for descriptor in table.descriptors:
        if isinstance(descriptor, PhaseFractions):
            rows[:, columns[descriptor.name]] = shares
        elif isinstance(descriptor, VolumeFraction):
            channel = descriptor.encoder_.channel_of(descriptor.phase)
            rows[:, columns[descriptor.name]] = shares[:, channel : channel + 1]
    return rows


def _stepped(x, mean, t, s, new_noise):
    noise = (x - t * mean) / (1.0 - t)
    kept = (t * (1.0 - s)) / (s * (1.0 - t))
    spread = (1.0 - s) * math.sqrt(1.0 - kept**2)
    return s * mean + (1.0 - s) * kept * noise + spread * new_noise
