"""A field with a spectrum, cut at levels: white noise to images, and back."""

from dataclasses import dataclass

import numpy as np
import torch

from .. import _arrays
from ..conditioning import Model, apportion
from ..images import known_voxels
from ._level_cut import phase_levels, simplex_axes
from ._offsets import exact_offsets

SOFTNESS = 0.1
FIELD_VALUES = np.linspace(-4.5, 4.5, 257)
INVERSE_ROUNDS = 30
INVERSE_VOXELS = 2**12
WIENER_NOISE = 1e-2
MARGIN = 0.02


@dataclass(frozen=True, kw_only=True)
class FieldModel(Model):
    """A model whose images are cut out of Gaussian fields.

    Attributes
    ----------
    encoder, image_shape, conditions, target_tol, flat : any
        As in :class:`Model`; the conditions are a :class:`FieldCorrelation`.
    levels : ndarray of shape (n_levels,)
        Grey levels at ``FIELD_VALUES``; empty for phases.
    """

    levels: np.ndarray

    homogeneous = True
    dtype = torch.float64

    def latents_of(self, images, conditions):
        """Return white noise (n, n_latent) whose field is cut to what is known of the images."""
        known = known_voxels(images)

        def invert(index):
            channels = self.encoder.encode(images[index], dtype=self.dtype)
            free = None if known is None else torch.from_numpy(~known[index]).unsqueeze(1)
            return self._consistent_latents(channels, conditions[index], free).numpy()

        # Small batches: the last one is filled up, and one image is not to cost as much as many.
        batch_size = max(1, min(self.batch_size, INVERSE_VOXELS // int(np.prod(self.image_shape))))
        return _arrays.map_batches(invert, len(images), batch_size)

    @property
    def n_fields(self):
        """Independent fields: one less than there are phases, one for grey levels."""
        return max(1, self.encoder.n_channels - 1)

    @property
    def n_latent(self):
        """Standard normal numbers that an image is made of."""
        return self.n_fields * int(np.prod(self.conditions.torus))

    def generate(self, latents, conditions):
        """Return the channels of white noise, (n, n_latent), (n, k) -> (n, C, *S)."""
        torus = self.conditions.torus
        noise = latents.reshape(len(latents), self.n_fields, *torus)
        fields = self._coloured(noise, self._amplitudes(conditions))
        fields = fields[(..., *map(slice, self.image_shape))]
        if self.encoder.phases is None:
            return grey_levels(self.levels, fields)
        scores = _combined(self._axes, fields)
        with torch.no_grad():
            offsets = exact_offsets(scores.flatten(2), self._counts(conditions))
        scores = scores + offsets.reshape(*offsets.shape, *[1] * len(torus))
        return torch.softmax(scores / SOFTNESS, dim=1)

    @property
    def _axes(self):
        n_phases = self.encoder.n_channels
        return torch.from_numpy(simplex_axes(n_phases) if n_phases > 1 else np.ones((1, 1)))

    def _amplitudes(self, conditions):
        """Roots of the spectra, (n, 1, *half_spectrum)."""
        rows = np.asarray(conditions, dtype=np.float32)
        distinct, place = np.unique(rows, axis=0, return_inverse=True)
        roots = np.sqrt(np.stack([self.conditions.spectrum(row) for row in distinct]))
        return torch.from_numpy(roots)[place.ravel(), None]

    def _coloured(self, noise, factors):
        dims = tuple(range(2, noise.ndim))
        spectrum = torch.fft.rfftn(noise, dim=dims) * factors
        return torch.fft.irfftn(spectrum, s=self.conditions.torus, dim=dims)

    def _counts(self, conditions):
        """Voxels of each phase, the last one to half a voxel."""
        n_voxels = int(np.prod(self.image_shape))
        fractions = conditions[:, 1 : 1 + self.encoder.n_channels].numpy()
        counts = np.empty(fractions.shape, dtype=np.int64)
        for row, shares in zip(counts, fractions, strict=True):
            row[-1] = int(np.floor(shares[-1] * n_voxels + 0.5)) if len(row) > 1 else n_voxels
            others = shares[:-1] / max(shares[:-1].sum(), 1e-30)
            row[:-1] = apportion(others, n_voxels - row[-1])
        return torch.from_numpy(counts)

    def _consistent_latents(self, channels, conditions, free=None):
        """Latents whose field is cut to these channels, but for voxels that are ``free``.

        It is near what the spectrum expects.

        Smoothing by the spectrum and putting voxels back on their side of the levels take
        turns, as in projections onto convex sets; the last word has the image.
        """
        amplitudes = self._amplitudes(conditions)
        power = amplitudes.square()
        put_right = self._constraint(channels, conditions, free)
        fields = put_right(channels.new_zeros(len(channels), self.n_fields, *self.conditions.torus))
        for _ in range(INVERSE_ROUNDS):
            fields = put_right(self._coloured(fields, power / (power + WIENER_NOISE)))
        inverse = torch.where(amplitudes > 0, 1 / amplitudes.clamp_min(1e-30), 0.0)
        return self._coloured(fields, inverse).flatten(1)

    def _constraint(self, channels, conditions, free):
        """Return the function that puts fields on the side of the levels they belong to."""
        window = (..., *map(slice, self.image_shape))
        if self.encoder.phases is None:
            inside = torch.from_numpy(np.interp(channels.numpy(), self.levels, FIELD_VALUES))

            def put_right(fields):
                fields[window] = (
                    inside if free is None else torch.where(free, fields[window], inside)
                )
                return fields

            return put_right
        axes, own = self._axes, channels > 0.5
        own = own if free is None else own | free
        fractions = np.asarray(conditions[:, 1 : 1 + self.encoder.n_channels])
        distinct, place = np.unique(fractions, axis=0, return_inverse=True)
        levels = torch.from_numpy(np.stack([phase_levels(row) for row in distinct]))
        levels = levels[place.ravel()].reshape(*fractions.shape, *[1] * (channels.ndim - 2))

        def put_right(fields):
            scores = _combined(axes, fields[window]) + levels
            best = scores.masked_fill(own, -torch.inf).amax(dim=1, keepdim=True)
            scores = torch.where(own, torch.maximum(scores, best + MARGIN), scores)
            fields[window] = _combined(axes.T, scores - levels)
            return fields

        return put_right


def grey_levels(levels, fields):
    """Grey levels of field values, interpolated between quantiles of the training images."""
    levels = torch.from_numpy(levels)
    step = FIELD_VALUES[1] - FIELD_VALUES[0]
    position = ((fields - FIELD_VALUES[0]) / step).clamp(0, len(levels) - 1)
    low = position.detach().long().clamp(max=len(levels) - 2)
    return torch.lerp(levels[low], levels[low + 1], position - low)


def _combined(matrix, fields):
    """Linear combinations over the channel axis, in an order that no batch changes."""
    parts = [
        sum(weight * field for weight, field in zip(row, fields.unbind(1), strict=True))
        for row in matrix.tolist()
    ]
    return torch.stack(parts, dim=1)
