"""Level-cut Gaussian random fields: fractions and two-point correlation, nothing else.

Nothing is trained: the spectrum of the field is computed from the correlation of the
images. What these images lack against real ones is what two-point statistics do not say.
"""

import numpy as np
import torch
from scipy.fft import next_fast_len
from scipy.special import ndtr

from .. import _arrays
from .._validation import check_choice
from ._base import BaseGenerator
from ._field_correlation import FieldCorrelation, field_conditions
from ._level_cut import (
    centred_autocovariance,
    phase_levels,
    phase_table,
    sampled_table,
    simplex_axes,
)
from ._offsets import exact_offsets
from ._targets import apportion

MAX_KNOTS = 8
IMAGES_PER_KNOT = 64
SOFTNESS = 0.1
FIELD_VALUES = np.linspace(-4.5, 4.5, 257)
QUANTILE_VOXELS = 2**20
INVERSE_ROUNDS = 30
WIENER_NOISE = 1e-2
MARGIN = 0.02


class GaussianRandomField(BaseGenerator):
    r"""Gaussian random fields cut at levels, with the two-point correlation of the images.

    A stationary Gaussian field is cut so that the image has its phase fractions to half a
    voxel (of three phases or more: to one), and its correlation is chosen such that the cut
    has the two-point correlation of the training images, at every lag vector [1]_, [2]_. It
    is the reference to compare a trained generator with: it knows the fractions and the
    two-point correlation, at once, and nothing else.

    Parameters
    ----------
    periodic : bool, default=True
        Whether training images wrap around, and opposite borders of samples match.
        Otherwise correlations are measured inside the borders, and samples are cut out of
        a larger torus.
    target_tol : float, default=0.01
        Root mean square error of a target that counts as met.
    image_shape : tuple of int or None, default=None
        Shape of the image behind a flat row.
    random_state : None, int or RandomState, default=None
        Has no effect, as nothing is drawn in ``fit``.

    Attributes
    ----------
    image_shape_ : tuple of int
        Shape of one image.
    phases_ : ndarray or None
        Sorted labels; ``None`` for grey levels.
    n_features_in_ : int
        Voxels of one image.
    conditions_ : FieldCorrelation
        Conditions p1, phase_fractions and p2 (none for grey levels), and the spectra.

    See Also
    --------
    InvNetGenerator : Learns what the two-point correlation does not say.

    Notes
    -----
    The latents are white noise, one number for each voxel of the torus and each field;
    multiplied by the root of the spectrum in Fourier space they become the field. Two
    phases need one field :math:`g`, whose correlation :math:`\rho` follows from

    .. math::

        S_2(r) = p^2 + \frac{1}{2 \pi} \int_0^{\rho(r)}
        \exp\left(-\frac{t^2}{1 + u}\right) \frac{du}{\sqrt{1 - u^2}} ,
        \quad t = \Phi^{-1}(1 - p).

    :math:`C` phases take :math:`C - 1` fields of one common correlation, and the largest
    of :math:`C` combinations with equal angles between them wins: no phase lies between
    two others. Inverted is the probability of meeting the same phase at both ends of
    a lag, so that the sum of the phases' correlations is right, not each of them. Grey levels
    are a monotone function of one field, that of the levels' pooled distribution; their
    mean and p2 are searched for like any other target.

    Not every correlation is that of a cut Gaussian field. Negative parts of the spectrum
    are cut off, and a few rounds of correction reduce what this costs.

    Correlations are averaged in up to 8 groups of images of neighbouring p1, at least 64
    images each, and interpolated between them. A radial ``p2`` target replaces the
    radial part of the correlation and leaves its anisotropy. Beyond the lags measured (half
    of each side) larger samples are taken to be uncorrelated, as far as the spectrum allows.

    On 1024 images of spinodal decomposition, 64 x 64, the mean S2 of samples with p1 from 0.3
    to 0.7 is 0.3 to 1.3 % off that of the images of the same p1 (two halves of these images
    differ by 0.4 to 1.6 %).

    :meth:`transform` is an exact inverse up to rounding: it finds a field that is typical
    of the spectrum and lies on the right side of its levels at every voxel.

    References
    ----------
    .. [1] J. A. Quiblier, "A new three-dimensional modeling technique for studying porous
       media", J. Colloid Interface Sci. 98, 84-102, 1984.
    .. [2] A. P. Roberts, "Statistical reconstruction of three-dimensional porous media from
       two-dimensional images", Phys. Rev. E 56, 3203-3212, 1997.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.generators import GaussianRandomField
    >>> X, p1 = make_cahn_hilliard(32, (32, 32), random_state=0)
    >>> generator = GaussianRandomField().fit(X)
    >>> images = generator.sample(3, p1=0.5, random_state=0)
    >>> images.mean(axis=(1, 2))
    array([0.5, 0.5, 0.5])
    >>> generator.sample(2, shape=(64, 48), random_state=0).shape
    (2, 64, 48)
    """

    _min_images = 1
    _homogeneous = True

    def __init__(self, *, periodic=True, target_tol=0.01, image_shape=None, random_state=None):
        self.periodic = periodic
        self.target_tol = target_tol
        self.image_shape = image_shape
        self.random_state = random_state

    def _latents_of(self, images, conditions):
        def invert(index):
            channels = self.encoder_.encode(images[index], dtype=self._dtype)
            return self._consistent_latents(channels, conditions[index]).numpy()

        return _arrays.map_batches(invert, len(images), self._batch_size)

    def _check_parameters(self):
        super()._check_parameters()
        check_choice("periodic", self.periodic, (True, False))

    def _condition_descriptors(self):
        return [] if self.encoder_.phases is None else field_conditions(self.periodic)

    def _learn(self, images, rows, task):
        grey = self.phases_ is None
        self._levels = self._grey_levels(images) if grey else np.zeros(0)
        order = np.arange(len(images)) if grey else np.argsort(rows[:, 0], kind="stable")
        n_knots = 1 if grey else int(np.clip(len(images) // IMAGES_PER_KNOT, 1, MAX_KNOTS))
        knots, maps, tables = [], [], []
        for group in np.array_split(order, n_knots):
            fractions = rows[group, 1 : 1 + self.encoder_.n_channels].mean(axis=0, dtype=float)
            p1 = 0.0 if grey else fractions[-1]
            if knots and p1 - knots[-1] < 1e-6:
                continue
            knots.append(p1)
            maps.append(self._autocovariance(images, np.sort(group)))
            tables.append(self._table(fractions))
        self.conditions_ = FieldCorrelation(
            self.conditions_,
            self.encoder_,
            np.array(knots),
            np.stack(maps),
            tables,
            self.image_shape_ if self.periodic else None,
            self.target_tol,
        ).on(self.image_shape_, self.periodic)

    def _grey_levels(self, images):
        step = max(1, images.size // QUANTILE_VOXELS)
        voxels = images.reshape(-1)[::step].astype(np.float64)[None]
        levels = self.encoder_.encode(voxels, dtype=torch.float64).numpy()
        return np.quantile(levels, ndtr(FIELD_VALUES))

    def _grey_mean(self):
        return float((self._levels[1:] + self._levels[:-1]) / 2 @ np.diff(ndtr(FIELD_VALUES)))

    def _table(self, fractions):
        if self.phases_ is not None:
            return phase_table(fractions)
        return sampled_table(lambda z: self._grey(torch.from_numpy(z)).numpy(), 1)

    def _autocovariance(self, images, group):
        """Mean autocovariance of a group of images, summed as spectra batch by batch."""
        shape, dims = self.image_shape_, tuple(range(2, 2 + len(self.image_shape_)))
        sizes = shape
        if not self.periodic:
            sizes = tuple(next_fast_len(side + side // 2, real=True) for side in shape)
        power = 0.0
        for start in range(0, len(group), self._batch_size):
            chosen = images[group[start : start + self._batch_size]]
            channels = self.encoder_.encode(chosen, dtype=self._dtype)
            centre = channels.mean(dim=dims, keepdim=True)
            if self.phases_ is None:
                centre = self._grey_mean()
            spectrum = torch.fft.rfftn(channels - centre, s=sizes, dim=dims)
            power = power + spectrum.abs().square().sum(dim=(0, 1)).numpy()
        return centred_autocovariance(power, sizes, shape, self.periodic)

    @property
    def _dtype(self):
        return torch.float64

    @property
    def _n_fields(self):
        return max(1, self.encoder_.n_channels - 1)

    def _n_latent(self):
        return self._n_fields * int(np.prod(self.conditions_.torus))

    def _generate(self, latents, conditions):
        torus = self.conditions_.torus
        noise = latents.reshape(len(latents), self._n_fields, *torus)
        fields = self._coloured(noise, self._amplitudes(conditions))
        fields = fields[(..., *map(slice, self.image_shape_))]
        if self.phases_ is None:
            return self._grey(fields)
        scores = _combined(self._axes, fields)
        with torch.no_grad():
            offsets = exact_offsets(scores.flatten(2), self._counts(conditions))
        scores = scores + offsets.reshape(*offsets.shape, *[1] * len(torus))
        return torch.softmax(scores / SOFTNESS, dim=1)

    @property
    def _axes(self):
        n_phases = self.encoder_.n_channels
        return torch.from_numpy(simplex_axes(n_phases) if n_phases > 1 else np.ones((1, 1)))

    def _amplitudes(self, conditions):
        """Roots of the spectra, (n, 1, *half_spectrum)."""
        rows = np.asarray(conditions, dtype=np.float32)
        distinct, place = np.unique(rows, axis=0, return_inverse=True)
        roots = np.sqrt(np.stack([self.conditions_.spectrum(row) for row in distinct]))
        return torch.from_numpy(roots)[place.ravel(), None]

    def _coloured(self, noise, factors):
        dims = tuple(range(2, noise.ndim))
        spectrum = torch.fft.rfftn(noise, dim=dims) * factors
        return torch.fft.irfftn(spectrum, s=self.conditions_.torus, dim=dims)

    def _counts(self, conditions):
        """Voxels of each phase, the last one to half a voxel."""
        n_voxels = int(np.prod(self.image_shape_))
        fractions = conditions[:, 1 : 1 + self.encoder_.n_channels].numpy()
        counts = np.empty(fractions.shape, dtype=np.int64)
        for row, shares in zip(counts, fractions, strict=True):
            row[-1] = int(np.floor(shares[-1] * n_voxels + 0.5)) if len(row) > 1 else n_voxels
            others = shares[:-1] / max(shares[:-1].sum(), 1e-30)
            row[:-1] = apportion(others, n_voxels - row[-1])
        return torch.from_numpy(counts)

    def _grey(self, fields):
        """Grey levels of field values, interpolated between quantiles of the training images."""
        levels = torch.from_numpy(self._levels)
        step = FIELD_VALUES[1] - FIELD_VALUES[0]
        position = ((fields - FIELD_VALUES[0]) / step).clamp(0, len(levels) - 1)
        low = position.detach().long().clamp(max=len(levels) - 2)
        return torch.lerp(levels[low], levels[low + 1], position - low)

    def _consistent_latents(self, channels, conditions):
        """Latents whose field is cut to these channels, near what the spectrum expects.

        Smoothing by the spectrum and putting voxels back on their side of the levels take
        turns, as in projections onto convex sets; the last word has the image.
        """
        amplitudes = self._amplitudes(conditions)
        power = amplitudes.square()
        put_right = self._projection(channels, conditions)
        fields = put_right(
            channels.new_zeros(len(channels), self._n_fields, *self.conditions_.torus)
        )
        for _ in range(INVERSE_ROUNDS):
            fields = put_right(self._coloured(fields, power / (power + WIENER_NOISE)))
        inverse = torch.where(amplitudes > 0, 1 / amplitudes.clamp_min(1e-30), 0.0)
        return self._coloured(fields, inverse).flatten(1)

    def _projection(self, channels, conditions):
        """Return the function that puts fields on the side of the levels they belong to."""
        window = (..., *map(slice, self.image_shape_))
        if self.phases_ is None:
            inside = torch.from_numpy(np.interp(channels.numpy(), self._levels, FIELD_VALUES))

            def put_right(fields):
                fields[window] = inside
                return fields

            return put_right
        axes, own = self._axes, channels > 0.5
        fractions = np.asarray(conditions[:, 1 : 1 + self.encoder_.n_channels])
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


def _combined(matrix, fields):
    """Linear combinations over the channel axis, in an order that no batch changes."""
    parts = [
        sum(weight * field for weight, field in zip(row, fields.unbind(1), strict=True))
        for row in matrix.tolist()
    ]
    return torch.stack(parts, dim=1)
