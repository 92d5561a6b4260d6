"""Level-cut Gaussian random fields: fractions and two-point correlation, nothing else.

Nothing is trained: the spectrum of the field is computed from the correlation of the
images. What these images lack against real ones is what two-point statistics do not say.
"""

from typing import ClassVar

import numpy as np
import torch
from scipy.fft import next_fast_len
from scipy.special import ndtr

from .._arrays import inference_batch_size
from ..images import known_voxels, wraps_around
from ..parameters import MODEL, RUNNING, parameter
from ..random_fields import (
    FIELD_VALUES,
    FieldCorrelation,
    FieldModel,
    centred_autocovariance,
    field_conditions,
    grey_levels,
    phase_table,
    sampled_table,
)
from ..rules import array_of, boolean, instance_of, optional, random_state
from ._base import BaseGenerator

MAX_KNOTS = 8
IMAGES_PER_KNOT = 64
QUANTILE_VOXELS = 2**20


class GaussianRandomField(BaseGenerator):
    r"""Gaussian random fields cut at levels, with the two-point correlation of the images.

    A stationary Gaussian field is cut so that the image has its phase fractions to half a
    voxel (of three phases or more: to one), and its correlation is chosen such that the cut
    has the two-point correlation of the training images, at every lag vector [1]_, [2]_. It
    is a baseline for trained generators: it reproduces phase fractions and two-point
    correlation without training, and nothing else.

    Attributes
    ----------
    conditions_ : FieldCorrelation
        Conditions p1, phase_fractions and p2 (none for grey levels), and the spectra.
    periodic_ : bool
        Whether the training images were treated as periodic.

    See Also
    --------
    InvNetGenerator : Learns more than the two-point correlation.

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

    Not every correlation can be reproduced by a cut Gaussian field. Negative parts of the spectrum
    are cut off, and a few rounds of correction reduce the resulting error.

    Correlations are averaged in up to 8 groups of images of neighbouring p1, at least 64
    images each, and interpolated between them. A radial ``p2`` target replaces the
    radial part of the correlation and leaves its anisotropy. Beyond the lags measured (half
    of each side) larger samples are taken to be uncorrelated, as far as the spectrum allows.

    On 1024 images of spinodal decomposition, 64 x 64, the mean S2 of samples with p1 from 0.3
    to 0.7 is 0.3 to 1.3 % off that of the images of the same p1 (two halves of these images
    differ by 0.4 to 1.6 %).

    :meth:`transform` is an exact inverse up to rounding: it finds a field that is typical
    of the spectrum and lies on the right side of its levels at every voxel.

    *Unknown voxels*, masked or NaN: fractions and grey levels are computed on the known voxels,
    correlations on pairs of known voxels, and :meth:`transform` leaves the field free at unknown
    voxels. Samples contain none.

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

    takes_unknown = True
    _kept: ClassVar = ("_levels",)
    _fitted: ClassVar = ("_levels",)
    _values: ClassVar = {"conditions_": instance_of(FieldCorrelation)}
    _min_images = 1

    periodic: bool | None = parameter(
        None,
        optional(boolean()),
        """Whether training images wrap around, and opposite borders of samples match. Otherwise
        correlations are measured inside the borders, and samples are cut out of a larger torus.
        ``None`` detects it from the images; see ``periodic_``.""",
        MODEL,
    )
    random_state: object = parameter(
        None,
        random_state(),
        "Has no effect, as nothing is drawn in ``fit``.",
        RUNNING,
    )

    _conditions_class = FieldCorrelation

    def _model(self):
        return FieldModel(levels=self._levels, **self._shared_parts())

    def _check_agreement(self):
        super()._check_agreement()
        if not hasattr(self, "conditions_"):
            return
        torus = self.conditions_.torus
        sides = zip(self.image_shape_, torus, strict=True)
        if any(side > largest for side, largest in sides):
            raise ValueError(f"image_shape_ must lie in the torus {torus}.")
        if self.phases_ is None:
            array_of("f")("_levels", self._levels)
        elif len(self._levels):
            raise ValueError("_levels must be empty for phases.")

    def _condition_descriptors(self):
        return [] if self.encoder_.phases is None else field_conditions(wraps_around(self))

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
        self.conditions_ = self.conditions_.learned(
            self.encoder_,
            np.array(knots),
            np.stack(maps),
            tables,
            self.image_shape_ if wraps_around(self) else None,
            self.target_tol,
            self.image_shape_,
            wraps_around(self),
        )

    def _grey_levels(self, images):
        step = max(1, images.size // QUANTILE_VOXELS)
        voxels = images.reshape(-1)[::step]
        voxels = voxels.compressed() if np.ma.is_masked(voxels) else np.asarray(voxels)
        voxels = voxels.astype(np.float64)[None]
        levels = self.encoder_.encode(voxels, dtype=torch.float64).numpy()
        return np.quantile(levels, ndtr(FIELD_VALUES))

    def _grey_mean(self):
        return float((self._levels[1:] + self._levels[:-1]) / 2 @ np.diff(ndtr(FIELD_VALUES)))

    def _table(self, fractions):
        if self.phases_ is not None:
            return phase_table(fractions)
        return sampled_table(lambda z: grey_levels(self._levels, torch.from_numpy(z)).numpy(), 1)

    def _autocovariance(self, images, group):
        """Mean autocovariance of a group of images, summed as spectra batch by batch."""
        shape, dims = self.image_shape_, tuple(range(2, 2 + len(self.image_shape_)))
        sizes = shape
        if not wraps_around(self):
            sizes = tuple(next_fast_len(side + side // 2, real=True) for side in shape)
        known = known_voxels(images)
        power = known_power = 0.0
        batch_size = inference_batch_size(shape)
        for start in range(0, len(group), batch_size):
            chosen = group[start : start + batch_size]
            channels = self.encoder_.encode(images[chosen], dtype=FieldModel.dtype)
            told = None if known is None else torch.from_numpy(known[chosen]).to(channels)[:, None]
            centre = self._grey_mean() if self.phases_ is None else _means(channels, told, dims)
            deviations = channels - centre
            if told is not None:
                deviations = deviations * told
                known_power = known_power + _summed_power(told, sizes)
            power = power + _summed_power(deviations, sizes)
        known_power = None if known is None else known_power
        return centred_autocovariance(power, sizes, shape, wraps_around(self), known_power)


def _means(channels, told, dims):
    if told is None:
        return channels.mean(dim=dims, keepdim=True)
    return (channels * told).sum(dims, keepdim=True) / told.sum(dims, keepdim=True)


def _summed_power(fields, sizes):
    """Return the power spectra of fields (n, C, *spatial), summed over images and channels."""
    spectrum = torch.fft.rfftn(fields, s=sizes, dim=tuple(range(2, fields.ndim)))
    return spectrum.abs().square().sum(dim=(0, 1)).numpy()
