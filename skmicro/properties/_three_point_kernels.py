r"""Three-point parameters of fields on periodic grids, by spherical harmonics of their modes.

A parameter of degree l weighs the triangles of S3 with cos(l theta) or the Legendre polynomial
P_l(cos theta) and with 1 / (r s)^d. By the addition theorem the weight is a sum of products,
each with one factor for either side of the triangle, so that the integral over triangles is
a sum of squares of convolutions. The transform of Y_lm(x / r) / r^d is proportional to
Y_lm(k / k): with I' = I - <I>,

    f_m = IFFT[Y_lm(k / k) FFT(I')],    zeta_l = <I sum_m f_m^2> / <I'^2>,

the harmonics being scaled so that sum_m Y_lm^2 = 1 and <sum_m f_m^2> = <I'^2>.

*Modes without a direction.* Harmonics that are odd along an axis have no real value at
frequency pi of an even side. What is lost there of <I'^2> is spread evenly over the phases.

*Plane sections.* In a plane section of an isotropic three-dimensional material the weight
P_l(cos theta) sin(theta) is a series in cos(n theta), n = 2, 4, ..., whose terms are planar
parameters of degree n: zeta_l in three dimensions is a weighted sum of them.
"""

import math
from functools import lru_cache

import torch

N_SECTION_ORDERS = 16
SMALL_GRID = 2**12  # Voxels of an image whose harmonics are transformed together.
_COSINES_OF_LEGENDRE = {2: {0: 1 / 4, 2: 3 / 4}, 4: {0: 9 / 64, 2: 20 / 64, 4: 35 / 64}}
PREFACTOR = {2: 9 / 2, 4: 225 / 8}
"""Of the integrals over radii and cosines in three dimensions, times 1 / (p1 p2)."""


def three_point_parameters(field, dimension, spacing=None):
    """Return zeta and eta of fields (n, *spatial), 0 for those that are the same everywhere.

    Dimension 3 for two axes means plane sections; voxels are cubes unless ``spacing`` gives
    the ratios of their sides.
    """
    if dimension == 3 and field.ndim == 3:
        planar = angular_parameters(field, section_orders(), spacing)
        weights = field.new_tensor([section_weights(2), section_weights(4)])
        second, fourth = (planar @ weights.T).unbind(1)
    else:
        second, fourth = angular_parameters(field, (2, 4), spacing).unbind(1)
    return second, combined(second, fourth, dimension)


def combined(second, fourth, dimension):
    """Return eta from the parameters of degree 2 and 4."""
    return fourth if dimension == 2 else (5 * second + 16 * fourth) / 21


def angular_parameters(field, degrees, spacing=None):
    """Return the parameter of each degree, (n, n_degrees)."""
    dims, shape = tuple(range(1 - field.ndim, 0)), tuple(field.shape[1:])
    fraction = field.mean(dims)
    centred = field - fraction.view(-1, *[1] * len(dims))
    variance = centred.square().mean(dims)
    # Written so that NaN counts as varying, and stays NaN.
    varies = ~(variance <= (8 * torch.finfo(field.dtype).eps * fraction).square())
    divisor = torch.where(varies, variance, 1.0)
    modes = torch.fft.rfftn(centred, dim=dims)

    def parameters(strength):
        kept = (field * strength).mean(dims)
        lost = variance - strength.mean(dims)
        return torch.where(varies, kept + fraction * lost, 0.0) / divisor

    if math.prod(shape) <= SMALL_GRID:
        weights, n_each = _all_harmonics(shape, tuple(degrees), field.dtype, field.device, spacing)
        squares = torch.fft.irfftn(weights.unsqueeze(1) * modes, s=shape, dim=dims).square()
        return parameters(torch.stack([part.sum(0) for part in squares.split(n_each)])).T
    directions, found = mode_directions(shape, spacing), []
    for degree in degrees:
        strength = torch.zeros_like(field)
        for harmonic in harmonics(directions, degree):
            weights = harmonic.to(field)
            strength = strength + torch.fft.irfftn(weights * modes, s=shape, dim=dims).square()
        found.append(parameters(strength))
    return torch.stack(found, dim=1)


@lru_cache(maxsize=8)
@torch.inference_mode(False)
def _all_harmonics(shape, degrees, dtype, device, spacing):
    """Return the harmonics of several degrees, (n, *half), and how many each of them has."""
    directions = mode_directions(shape, spacing)
    found = [torch.stack(list(harmonics(directions, degree))) for degree in degrees]
    return torch.cat(found).to(dtype=dtype, device=device), [len(some) for some in found]


def harmonics(directions, degree):
    """Yield the harmonics of one degree, (*half,), at the stored half of the modes of a grid.

    ``directions`` are :func:`mode_directions`; the degree is even, in three dimensions 2 or 4.
    The squares sum to 1 where all components of k have a sign.
    """
    units, paired = directions
    if len(units) == 2:
        angle = degree * torch.atan2(units[1], units[0])
        yield angle.cos()
        yield paired[0] * paired[1] * angle.sin()
        return
    x2, y2, z2 = units.square().unbind()
    x, y, z = (unit * pair for unit, pair in zip(units, paired, strict=True))
    # Odd powers vanish at frequency pi along their axis, even ones do not.
    if degree == 2:
        yield (3 * z2 - 1) / 2
        yield math.sqrt(3) / 2 * (x2 - y2)
        for product in (x * y, y * z, x * z):
            yield math.sqrt(3) * product
        return
    yield (35 * z2**2 - 30 * z2 + 3) / 8
    yield math.sqrt(5) / 4 * (x2 - y2) * (7 * z2 - 1)
    yield math.sqrt(5) / 2 * x * y * (7 * z2 - 1)
    yield math.sqrt(10) / 4 * x * z * (7 * z2 - 3)
    yield math.sqrt(10) / 4 * y * z * (7 * z2 - 3)
    yield math.sqrt(70) / 4 * x * z * (x2 - 3 * y2)
    yield math.sqrt(70) / 4 * y * z * (3 * x2 - y2)
    yield math.sqrt(35) / 8 * (x2**2 - 6 * x2 * y2 + y2**2)
    yield math.sqrt(35) / 2 * x * y * (x2 - y2)


def section_orders():
    """Return the degrees of the planar parameters that plane sections are made of."""
    return range(2, 2 * N_SECTION_ORDERS + 1, 2)


@lru_cache(maxsize=8)
def section_integrals(degree):
    """Return the integrals of P_l(cos t) sin(t) cos(n t) from 0 to pi, n = 2, 4, ..."""

    def of_sine(m):
        return 2 / (1 - m**2)

    return [
        sum(
            c * (of_sine(n - j) + of_sine(n + j)) / 2
            for j, c in _COSINES_OF_LEGENDRE[degree].items()
        )
        for n in section_orders()
    ]


def section_weights(degree):
    """Return the weights of planar parameters in a parameter of three dimensions, of degree 2 or 4.

    One for each of :func:`section_orders`, scaled to sum to 1, as the whole series does.
    """
    pairs = zip(section_orders(), section_integrals(degree), strict=True)
    series = [2 * PREFACTOR[degree] * integral / n**2 for n, integral in pairs]
    return [term / sum(series) for term in series]


def mode_directions(shape, spacing=None):
    """Return unit vectors (n_axes, *half) of modes, and where components have a sign.

    ``spacing`` has the sides of a voxel; None means cubes.
    """
    frequencies = [torch.fft.fftfreq(side, dtype=torch.float64) for side in shape[:-1]]
    frequencies.append(torch.fft.rfftfreq(shape[-1], dtype=torch.float64))
    vectors = torch.stack(torch.meshgrid(*frequencies, indexing="ij"))
    paired = vectors.abs() < 0.5
    if spacing is not None and len(set(spacing)) > 1:
        vectors = vectors / vectors.new_tensor(spacing).view(-1, *[1] * len(shape))
    lengths = vectors.square().sum(0).sqrt()
    return vectors / torch.where(lengths > 0, lengths, 1.0), paired
