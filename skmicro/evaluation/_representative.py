"""How large an image has to be, or how many are needed, for a number that is to be trusted."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, logit
from scipy.stats import t as student

from .._checks import check_choice, check_real
from ..conditioning import VOLUME_FRACTION
from ..descriptors import VolumeFraction, new_descriptor
from ..images import check_stack, encoder_for, extract_patches, resolve_periodic
from ._mean_variance import MeanVariance, mean_variance

LEAST_IMAGES, LEAST_SIDE = 8, 4
WINDOWS_PER_AXIS = {2: 4, 3: 3}
"""Windows into which images are cut along each axis where there are fewer of them."""


class RepresentativeVolume(NamedTuple):
    """Result of :func:`representative_volume`.

    Attributes
    ----------
    mean : float
        Estimate for the material: the mean of the images.
    low, high : float
        Ends of its confidence interval.
    relative_error : float
        Half the length of the interval over the mean; infinite if that is 0.
    n_voxels : float
        Total number of voxels needed for the requested relative error.
    n_images : int
        The same as a number of images of the present size; infinite if the mean is 0.
    side : int
        The same as the side of one square or cubic image; infinite if the mean is 0.
    degrees_of_freedom : float
        Accuracy of the interval itself: about the number of independent regions of the
        images; below about ten it is uncertain by half.
    """

    mean: float
    low: float
    high: float
    relative_error: float
    n_voxels: float
    n_images: int
    side: int
    degrees_of_freedom: float


def representative_volume(
    X: ArrayLike,
    descriptor="p1",
    *,
    relative_error: float = 0.05,
    confidence: float = 0.95,
    periodic: bool | None = None,
) -> "RepresentativeVolume":
    """Return the confidence interval of a statistic, and the image size needed for an accuracy.

    The variance of a volume fraction, or of a mean grey level, comes from the covariance of the
    images; one image is sufficient. The variance of any other number comes from its values for each
    image or, if there are fewer than eight images, for each window of them (of a quarter of the
    sides in two and a third in three dimensions).

    Parameters
    ----------
    X : array-like of shape (n, *spatial)
        Images of one material, independent of each other.
    descriptor : str or transformer, default="p1"
        A descriptor by name or an unfitted transformer of images with one column, such as
        ``VolumeFraction(phase=0)`` or ``ElasticStiffness(outputs=("C11",), ...)``.
    relative_error : float, default=0.05
        Half the length of the confidence interval relative to the mean, to be reached.
    confidence : float, default=0.95
        Confidence of the interval, between 0 and 1.
    periodic : bool or None, default=None
        Whether each image wraps around; ``None`` detects it from the images. It is used for volume
        fractions only; other descriptors have their own.

    Returns
    -------
    volume : RepresentativeVolume
        Mean, interval, and the required size.

    Raises
    ------
    TypeError
        If ``descriptor`` is neither a name nor a transformer.
    ValueError
        If the images are not allowed, are too small to be cut into windows, or the transformer
        has more than one column; if ``relative_error`` or ``confidence`` are out of range.

    Notes
    -----
    The covariance is summed up to the lag at which correlations vanish in their noise, with a
    correction for the mean of the images being their own. The interval of a volume fraction is
    symmetric in its log-odds, with quantiles of Student's t. Images must be larger than their
    structures: if correlations reach beyond a quarter of the side, the interval is too short.

    For other numbers the mean is that of images or windows of their size. If a number depends
    on the size, as stiffness does, it is the apparent one; also check its trend with the size.

    Images whose volume fraction was prescribed, as in some simulations, vary less than others of
    the same covariance, and their interval is too long.

    References
    ----------
    .. [1] C. Lantuejoul, "Ergodicity and integral range", J. Microsc. 161, 387-403, 1991.
    .. [2] T. Kanit et al., "Determination of the size of the representative volume element for
       random composites", Int. J. Solids Struct. 40, 3647-3679, 2003.
    .. [3] D. N. Politis, "Adaptive bandwidth choice", J. Nonparametr. Stat. 15, 517-533, 2003.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.evaluation import representative_volume
    >>> X, _ = make_cahn_hilliard(1, (128, 128), n_steps=100, random_state=0)
    >>> found = representative_volume(X[:, :96, :96], relative_error=0.02)
    >>> found.low < found.mean < found.high
    True
    """
    check_real("relative_error", relative_error, 0.0, open_low=True)
    check_real("confidence", confidence, 0.0, 1.0, open_low=True, open_high=True)
    check_choice("periodic", periodic, (None, True, False))
    images = check_stack("X", X, refused_by="representative_volume")
    transformer = _transformer(descriptor)
    if isinstance(transformer, VolumeFraction):
        found, is_share = _of_fraction(images, transformer, periodic)
    else:
        found, is_share = _of_values(images, transformer), False
    low, high = _interval(found, confidence, is_share)
    half = (high - low) / 2
    error = half / abs(found.mean) if found.mean != 0 else math.inf
    n_voxels = images.size * (error / relative_error) ** 2
    n_axes = sum(side > 1 for side in images.shape[1:])
    per_image = images[0].size
    finite = math.isfinite(n_voxels)
    return RepresentativeVolume(
        found.mean,
        low,
        high,
        error,
        n_voxels,
        max(1, math.ceil(n_voxels / per_image)) if finite else math.inf,
        max(1, math.ceil(n_voxels ** (1 / max(1, n_axes)))) if finite else math.inf,
        found.degrees_of_freedom,
    )


def _transformer(descriptor):
    if isinstance(descriptor, str):
        name = "p1" if descriptor == VOLUME_FRACTION else descriptor
        return new_descriptor(name, parameter="descriptor")
    if isinstance(descriptor, type) or not hasattr(descriptor, "fit_transform"):
        raise TypeError(
            "descriptor must be the name of a descriptor or a transformer of images, such as "
            f"VolumeFraction(phase=0), got {descriptor!r}."
        )
    return descriptor


def _of_fraction(images, descriptor, periodic):
    """Return the mean and its variance of the indicator of a phase, or of grey levels."""
    encoder = encoder_for(images)
    fields = images
    if encoder.phases is not None:
        fields = images == encoder.phases[encoder.channel_of(descriptor.phase)]
    found = mean_variance(fields, resolve_periodic(periodic, images))
    return found, encoder.phases is not None


def _of_values(images, transformer):
    """Return the mean of what a transformer says of images or windows, and its variance."""
    pieces = images
    if len(images) < LEAST_IMAGES:
        pieces = _windows(images)
    values = np.asarray(transformer.fit_transform(pieces), dtype=float)
    if values.ndim != 2 or values.shape[1] != 1:
        raise ValueError(
            f"descriptor must have one column, got {values.shape[1:]} of {transformer!r}."
        )
    n = len(values)
    return MeanVariance(float(values.mean()), float(values.var(ddof=1) / n), n - 1.0)


def _windows(images):
    """Return windows of images side by side; what remains at the ends is left out."""
    shape = images.shape[1:]
    n_windows = WINDOWS_PER_AXIS[sum(side > 1 for side in shape)]
    sides = tuple(side // n_windows if side > 1 else 1 for side in shape)
    if min(side for side, whole in zip(sides, shape, strict=True) if whole > 1) < LEAST_SIDE:
        raise ValueError(
            f"X must hold {LEAST_IMAGES} images or more, or images of {LEAST_SIDE * n_windows} "
            f"voxels or more along each axis, got {len(images)} of shape {shape}."
        )
    return extract_patches(images, sides, method="grid")


def _interval(found, confidence, is_share):
    """Return the ends of the confidence interval of a mean."""
    factor = student.ppf((1.0 + confidence) / 2.0, found.degrees_of_freedom)
    half = factor * math.sqrt(found.variance)
    if not is_share or found.variance == 0:
        return found.mean - half, found.mean + half
    odds = half / (found.mean * (1.0 - found.mean))
    return tuple(float(expit(logit(found.mean) + sign * odds)) for sign in (-1, 1))
