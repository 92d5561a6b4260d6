"""The interval of a volume fraction from one image as ImageRep computes it, as a reference.

After A. Dahari et al., "Prediction of microstructural representativity from a single image", Adv.
Sci. 2025, equations 9 to 11, with the constants of its program: the two-point correlation S2 across
the borders, summed up to the distance r0 from which on it hardly changes, gives the volume of an
independent piece. The standard deviation that follows is taken for uncertain itself, by an amount
that its authors fitted to a library of images. Their comparison with the variance of patches, which
only steps in where both differ by a factor of three, is left out. For images of less than 200
voxels to a side they state no validity.
"""

from itertools import pairwise

import numpy as np
from scipy import optimize, stats
from scipy.fft import fftn, fftshift, ifftn

SHARE_CHANGED, SHARE_OF_VARIANCE = 0.03, 0.05
RINGS = 100
ERROR_OF_SPREAD = {2: (48.20175315, 0.4297919), 3: (444.803518, 0.436974444)}
"""Factor and exponent, by the number of axes, of the relative error of a standard deviation."""
N_SPREADS = 301
MOST_SPREADS = 6.0


def imagerep_interval(image, confidence=0.95):
    """Return the ends of the interval of the volume fraction of a material from one image."""
    fraction, n_axes = image.mean(), image.ndim
    spread = np.sqrt(_piece(image) / image.size * fraction * (1 - fraction))
    factor, exponent = ERROR_OF_SPREAD[n_axes]
    error = factor / image.size**exponent
    reach = min(0.9 / error, MOST_SPREADS)
    deviations = np.linspace(-reach, reach, N_SPREADS)
    spreads, weights = spread * (1 + error * deviations), stats.norm.pdf(deviations)

    def excess(half):
        return weights @ (stats.norm.sf(half / spreads)) / weights.sum() - (1 - confidence) / 2

    half = optimize.brentq(excess, 0.0, 20 * spreads[-1])
    return fraction - half, fraction + half


def _piece(image):
    """Return the volume of an independent piece of an image, at least that of a voxel."""
    fraction, shape = image.mean(), np.array(image.shape)
    reach = shape.min() // 2
    spectrum = np.square(np.abs(fftn(image.astype(float))))
    correlation = fftshift(ifftn(spectrum).real / image.size)
    near = tuple(slice(side // 2 - reach, side // 2 + reach + 1) for side in shape)
    correlation = np.pad(correlation, [(0, 1)] * image.ndim, mode="wrap")[near]
    lags = np.indices(correlation.shape) - reach
    distance = np.sqrt(np.square(lags).sum(axis=0))
    r0 = _range(correlation, fraction, distance)
    inside = distance < r0
    rim = (distance >= r0 - 10) & (distance <= r0)
    square = (correlation[rim].mean() + fraction**2) / 2
    overlap = np.prod(1 - np.abs(lags) / shape.reshape(-1, *[1] * image.ndim), axis=0)
    pairs = overlap[inside].sum()
    outer = image.size / (image.size - pairs)
    lost = outer * (inside.sum() - pairs) / image.size
    while lost > 1:
        lost /= 1.1
    piece = outer / (1 - lost) * (correlation[inside] - square).sum() / (fraction - square)
    return max(piece, 1.0)


def _range(correlation, fraction, distance):
    """Return the distance from which on the correlation is near its limit."""
    farthest = int(distance.max())
    small = farthest < 100 * np.sqrt(correlation.ndim)
    rings = np.linspace(0, farthest, RINGS) if small else np.arange(0, farthest, 100)
    change = SHARE_OF_VARIANCE * fraction * (1 - fraction)
    for low, high in pairwise(rings[1:]):
        ring = (distance >= low) & (distance < high)
        if ring.any() and np.mean(correlation[ring] - fraction**2 > change) < SHARE_CHANGED:
            return low
    return rings[1]
