"""Short straight fibres with a law of their directions and of their lengths."""

import math
from functools import partial

from numpy.typing import ArrayLike

from .._checks import check_image_shape, check_range, check_real
from ._capsules import cover
from ._drawing import draw_by_fraction
from ._orientations import check_tensor, draw_directions, gaussian_factor
from ._spheres import ball_volume, check_fraction, check_holds_one

FIBERS_PER_BLOCK = 64


def make_fibers(
    n_samples=100,
    shape=(64, 64, 64),
    *,
    length: float = 24.0,
    length_spread: float = 0.3,
    diameter: float = 4.0,
    orientation_tensor: ArrayLike | None = None,
    volume_fraction: float | tuple = 0.2,
    random_state=None,
    n_jobs=None,
):
    r"""Draw short straight fibres with round ends at random in a periodic box.

    Positions are uniform, and fibres may overlap: they imitate composites such as
    wood-plastic, whose fibres touch in the voxels of a scan, and do not model a packing. Opposite
    faces of an image match.

    Parameters
    ----------
    n_samples : any
        As in :func:`make_cahn_hilliard`.
    shape : tuple of 2 or 3 int, default=(64, 64, 64)
        Voxels along each axis.
    length : float, default=24.0
        Mean length of the axis of a fibre in voxels, between the centres of its round ends;
        from tip to tip a fibre is longer by one diameter. It may exceed the sides.
    length_spread : float, default=0.3
        Standard deviation of the lengths relative to their mean, from 0 to 1. They follow a
        lognormal law.
    diameter : float, default=4.0
        Diameter in voxels, below half of the shortest side, and at least :math:`\sqrt n` in n
        dimensions.
    orientation_tensor : array-like or None, default=None
        Second-order orientation tensor, the mean of :math:`p \otimes p` over the directions
        :math:`p` of the fibres, of shape (n_axes, n_axes), or its diagonal, of shape
        (n_axes,); symmetric with eigenvalues >= 0 that sum to one. ``None`` means
        directions that are uniform.
    volume_fraction : float or tuple (low, high) of float, default=0.2
        Share of the voxels in fibres, which takes the number of fibres that comes nearest to it.
        Of a range, the images take values that cover it uniformly and evenly.
    random_state : any
        Source of positions, lengths and directions, as in :func:`make_cahn_hilliard`.
    n_jobs : any
        As in :func:`make_polycrystals`.

    Returns
    -------
    images : ndarray of shape (n_samples, \*shape), uint8
        1 in the fibres, 0 around them.
    p1 : ndarray of shape (n_samples,), float64
        Measured fraction of phase 1 of each image, in voxels.

    Raises
    ------
    ValueError
        If a parameter lies outside its range.
    TypeError
        If a parameter is not of the type stated.

    See Also
    --------
    make_spheres : Spheres, apart or overlapping.

    Notes
    -----
    Of the laws with a given tensor, directions follow the angular central Gaussian one [1]_:
    that of a normal random vector scaled to length one. A uniform flow makes it of directions
    that were uniform if fibres do not interact, by Jeffery's equation [2]_. The tensor is that
    of the law; the mean over N fibres scatters around it by about :math:`0.3 / \sqrt N`.

    References
    ----------
    .. [1] Tyler, D. E. (1987). Statistical analysis for the angular central Gaussian
       distribution on the sphere. Biometrika 74, 579-589.
    .. [2] Montgomery-Smith, S., He, W., Jack, D. A. and Smith, D. E. (2011). Exact tensor
       closures for the three-dimensional Jeffery's equation. Journal of Fluid Mechanics 680,
       321-335.

    Examples
    --------
    >>> from skmicro.datasets import make_fibers
    >>> images, p1 = make_fibers(
    ...     2, (32, 32, 32), length=16, orientation_tensor=(0.1, 0.2, 0.7), random_state=0
    ... )
    >>> images.shape, images.dtype
    ((2, 32, 32, 32), dtype('uint8'))
    >>> bool(abs(p1 - 0.2).max() < 0.01)
    True
    """
    shape = check_image_shape("shape", shape)
    check_real("length", length, 0, open_low=True)
    check_real("length_spread", length_spread, 0, 1)
    _check_diameter(diameter, shape)
    factor = gaussian_factor(check_tensor("orientation_tensor", orientation_tensor, len(shape)))
    fractions = check_range("volume_fraction", volume_fraction, check_fraction)
    section = ball_volume(diameter / 2, len(shape) - 1)
    ends = ball_volume(diameter / 2, len(shape))
    longest = (2 * math.prod(shape) - ends) / section
    if length >= longest:
        raise ValueError(
            f"length must be < {longest:g} for fibres of diameter={diameter} in shape={shape}, one "
            f"of which has twice the volume of the image then, got {length}."
        )
    half = (section * length + ends) / 2 / math.prod(shape)
    check_holds_one(fractions[0], half, "a fibre of mean length", shape)
    simulate = partial(_simulate, shape, length, length_spread, diameter / 2, factor)
    return draw_by_fraction(simulate, n_samples, fractions, random_state, n_jobs)


def _simulate(shape, length, spread, radius, factor, fraction, generator):
    def fibers():
        while True:
            centers = generator.random((FIBERS_PER_BLOCK, len(shape))) * shape
            halves = draw_lengths(FIBERS_PER_BLOCK, length, spread, generator) / 2
            directions = draw_directions(FIBERS_PER_BLOCK, factor, generator)
            for center, half_axis in zip(centers, halves[:, None] * directions, strict=True):
                yield center, half_axis, radius

    return cover(shape, fraction, fibers())


def draw_lengths(n, mean, spread, generator):
    """Draw lognormal lengths; ``spread`` is their standard deviation over their mean."""
    variance = math.log1p(spread**2)
    return mean * generator.lognormal(-variance / 2, math.sqrt(variance), n)


def _check_diameter(diameter, shape):
    check_real("diameter", diameter)
    least, bound = math.sqrt(len(shape)), min(shape) / 2
    if diameter < least:
        raise ValueError(
            f"diameter must be >= {least:.6g} for every fibre to hold a voxel, got {diameter}."
        )
    if diameter >= bound:
        raise ValueError(
            f"diameter must be < {bound:g}, half of the shortest side of shape={shape}, "
            f"got {diameter}."
        )
