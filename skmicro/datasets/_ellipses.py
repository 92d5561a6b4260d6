r"""One ellipse in each image, anywhere and in any direction.

With the distances :math:`y` along the rows' axis and :math:`x` along the columns' from the
centre, and the direction :math:`(\sin\varphi, \cos\varphi)` of the semi-major axis :math:`a`,
an ellipse holds the voxels with :math:`R y^2 + M x y + C x^2 \le 1`, where

.. math::

    R = \frac{\sin^2\varphi}{a^2} + \frac{\cos^2\varphi}{b^2}, \quad
    C = \frac{\cos^2\varphi}{a^2} + \frac{\sin^2\varphi}{b^2}, \quad
    M = 2 \sin\varphi \cos\varphi \, \Big(\frac1{a^2} - \frac1{b^2}\Big),

and reaches :math:`\sqrt{a^2 \sin^2\varphi + b^2 \cos^2\varphi}` to either side along the first
axis and :math:`\sqrt{a^2 \cos^2\varphi + b^2 \sin^2\varphi}` along the second.
"""

import math

import numpy as np

from .._checks import check_image_shape, check_integer, check_range, check_real
from .._random import draw_seed
from ._drawing import MAX_REJECTED, along, draw_accepted, paint

COVERING_RADIUS = math.sqrt(0.5)  # a disc as large holds a voxel wherever its centre lies


def make_ellipses(
    n_samples: int = 100,
    shape: tuple = (32, 32),
    *,
    area_fraction: float | tuple = (0.012, 0.19),
    aspect_ratio: float | tuple = (1.0, 4.0),
    random_state=None,
):
    r"""Draw one ellipse in each image, wholly inside it.

    Five numbers describe an image completely, and they are returned: data to interpret
    the latents of a model. The defaults are the data of Zhang et al.
    2023 (arXiv:2303.03403).

    Parameters
    ----------
    n_samples : int, default=100
        Number of images.
    shape : tuple of 2 int, default=(32, 32)
        Pixels along each axis.
    area_fraction : float or tuple (low, high) of float, default=(0.012, 0.19)
        Area of the ellipse, :math:`\pi a b`, over that of the image.
    aspect_ratio : float or tuple (low, high) of float, default=(1.0, 4.0)
        Ratio a / b of the semi-axes, at least 1.
    random_state : any
        Source of the ellipses, as in :func:`make_cahn_hilliard`.

    Returns
    -------
    images : ndarray of shape (n_samples, \*shape), uint8
        1 in the ellipse, 0 around it.
    parameters : ndarray of shape (n_samples, 5), float64
        Semi-axes a >= b in pixels, index of the centre along the rows' and the columns' axis
        (not rounded), and the angle :math:`\varphi` in [0, pi) between the major axis,
        which points along :math:`(\sin\varphi, \cos\varphi)` in indices of rows and columns,
        and the horizontal. Angles grow clockwise where the first row is shown on top.

    Raises
    ------
    ValueError
        If a parameter lies outside its range, if an ellipse could be too thin to hold a
        pixel (b below :math:`1 / \sqrt 2`), or if none of about a million random ones fitted.
    TypeError
        If a parameter is not of the type stated.

    See Also
    --------
    make_circles : Several circles in each image, in two and three dimensions.

    Notes
    -----
    Area, aspect ratio and angle are independent and uniform in their ranges, on condition
    that such an ellipse fits into the image. Its centre is then uniform among the points
    from which it reaches beyond no side; the image extends by half a pixel around the outer
    pixels' centres. With the default ranges every ellipse fits into a square image, so that
    the condition changes nothing: the longest semi-axis is 0.492 of a side.

    Pixels belong to the ellipse if their centres do. Their number differs from
    :math:`\pi a b` by what the lattice does to the outline, and not in one direction: the
    mean over many images is that of the areas.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.datasets import make_ellipses
    >>> images, parameters = make_ellipses(1000, random_state=0)
    >>> images.shape, parameters.shape
    ((1000, 32, 32), (1000, 5))
    >>> a, b, row, column, angle = parameters.T
    >>> bool(abs(images.sum(axis=(1, 2)) - np.pi * a * b).max() < 8)
    True
    """
    check_integer("n_samples", n_samples, 1)
    shape = check_image_shape("shape", shape, (2,))
    fractions = check_range("area_fraction", area_fraction, _check_fraction)
    ratios = check_range("aspect_ratio", aspect_ratio, _check_ratio)
    _check_holds_a_pixel(fractions[0], ratios[1], shape)
    seed = draw_seed(random_state)

    def draw(generator, n_candidates):
        return _fitting(generator.random((n_candidates, 5)), fractions, ratios, shape)

    refusal = (
        f"area_fraction must be smaller or aspect_ratio nearer to 1: of {MAX_REJECTED} ellipses "
        f"with area_fraction={area_fraction!r} and aspect_ratio={aspect_ratio!r}, none fitted "
        f"into shape={shape}."
    )
    parameters = draw_accepted(n_samples, draw, seed, refusal)
    return paint(parameters[:, None], [ellipses], shape), parameters


def _fitting(uniform, fractions, ratios, shape):
    """Turn rows of five numbers from [0, 1) into ellipses and return those that fit."""
    area = math.prod(shape) * (fractions[0] + (fractions[1] - fractions[0]) * uniform[:, 0])
    ratio = ratios[0] + (ratios[1] - ratios[0]) * uniform[:, 1]
    major = np.sqrt(area * ratio / math.pi)
    minor = major / ratio
    angle = math.pi * uniform[:, 2]
    reach = extents(major, minor, angle)
    room = np.array(shape) - 2 * reach
    center = reach - 0.5 + room * uniform[:, 3:]
    drawn = np.column_stack([major, minor, center, angle])
    return drawn[(room >= 0).all(axis=1)]


def extents(major, minor, angle):
    """Return how far ellipses reach from their centres along both axes, of shape (n, 2)."""
    sine, cosine = np.sin(angle), np.cos(angle)
    rows = np.hypot(major * sine, minor * cosine)
    return np.column_stack([rows, np.hypot(major * cosine, minor * sine)])


def ellipses(parameters, shape):
    """Return which pixels lie in ellipses (a, b, \\*centre, angle), of shape (n, \\*shape)."""
    major, minor, *center, angle = parameters.T
    rows, columns = (
        along(axis, np.arange(side) - center[axis][:, None], 2) for axis, side in enumerate(shape)
    )
    sine, cosine = np.sin(angle), np.cos(angle)
    squared_row = np.square(sine / major) + np.square(cosine / minor)
    squared_column = np.square(cosine / major) + np.square(sine / minor)
    mixed = 2 * sine * cosine * (major**-2 - minor**-2)
    squared_row, squared_column, mixed = (
        factor[:, None, None] for factor in (squared_row, squared_column, mixed)
    )
    # Only three operations run over all pixels.
    form = mixed * rows + squared_column * columns
    form *= columns
    return form <= 1 - squared_row * np.square(rows)


def _check_fraction(name, value):
    check_real(name, value, 0, 1, open_low=True, open_high=True)


def _check_ratio(name, value):
    check_real(name, value, 1)


def _check_holds_a_pixel(fraction, ratio, shape):
    least = math.pi * ratio * COVERING_RADIUS**2 / math.prod(shape)
    if least >= 1:
        raise ValueError(
            f"aspect_ratio must be < {ratio / least:.6g} in shape={shape}, for every ellipse to "
            f"hold a pixel, got {ratio:g}."
        )
    if fraction < least:
        raise ValueError(
            f"area_fraction must be >= {math.ceil(least * 1e5) / 1e5:.5f} for aspect ratios up to "
            f"{ratio:g} in shape={shape}, for every ellipse to hold a pixel, got {fraction}."
        )
