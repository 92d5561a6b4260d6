r"""Simple shapes on a plain background, whose areas and positions are known.

A shape lies on the lattice of voxels: the ball of radius r around c holds the voxels x with
:math:`|x - c|^2 \le r^2`, the cube of side L those with
:math:`\max_a |x_a - c_a| \le (L - 1) / 2`, with c half-way between voxels where L is even.
The square of a radius has the side that is nearest to that of equal area,
:math:`L = [r \, \omega_n^{1/n}]`, with :math:`\omega_n` the volume of the unit ball.

All shapes of an image are drawn together, and the image is discarded if any two overlap.
"""

import math
from itertools import combinations

import numpy as np

from .._checks import check_image_shape, check_integer, check_real, is_sequence
from .._random import draw_seed
from ._drawing import MAX_REJECTED, along, draw_accepted, paint

RADIUS = (14, 32)
CENTER = (30, 96)
SIDE = 128  # of the images to which these ranges belong
MAX_CIRCLES = 63  # with the background as many labels as an image may have


def make_circles(
    n_samples=100,
    shape=(128, 128),
    *,
    radius: tuple | None = None,
    center: tuple | None = None,
    n_circles: int = 2,
    random_state=None,
):
    r"""Draw circles (in three dimensions: spheres) that do not overlap.

    Radii and centres are whole numbers of voxels, uniform in their ranges on condition that
    no two circles overlap. The defaults are the data of Joshi et al. 2020
    ("InvNet", AAAI).

    Parameters
    ----------
    n_samples, shape : any
        As in :func:`make_cahn_hilliard`.
    radius : tuple (low, high) of int or None, default=None
        Least and largest radius in voxels. ``None`` means (14, 32) on sides of 128
        voxels and in proportion to the shortest side on others.
    center : tuple (low, high) of int or None, default=None
        Least and largest index of a centre, the same for all axes. ``None`` means
        (30, 96) on sides of 128 voxels and in proportion on others, axis by axis.
    n_circles : int, default=2
        Circles in each image, at most 63.
    random_state : any
        Source of radii and centres, as in :func:`make_cahn_hilliard`.

    Returns
    -------
    images : ndarray of shape (n_samples, \*shape), uint8
        Label k in the k-th circle, from 1 on, and 0 in the background.
    parameters : ndarray of shape (n_samples, n_circles, 1 + n_axes), float64
        Radius of each circle, and the index of its centre along each axis.

    Raises
    ------
    ValueError
        If a parameter lies outside its range, or if of about two million circles, drawn for
        one image after the other, two always overlapped.
    TypeError
        If a parameter is not of the type stated.

    See Also
    --------
    make_circle_square : One circle and one square.

    Notes
    -----
    Two circles overlap unless their centres are farther apart than the sum of their radii.
    Circles that reach over the border are cut off there; with the default ranges on 128
    voxels this happens by two voxels at most.

    Examples
    --------
    >>> from skmicro.datasets import make_circles
    >>> images, parameters = make_circles(3, (64, 64), random_state=0)
    >>> images.shape, parameters.shape
    ((3, 64, 64), (3, 2, 3))
    >>> radius, *center = parameters[0, 0].astype(int)
    >>> int(images[0][tuple(center)])
    1
    """
    check_integer("n_samples", n_samples, 1)
    shape = check_image_shape("shape", shape)
    check_integer("n_circles", n_circles)
    check_real("n_circles", n_circles, 1, MAX_CIRCLES)
    ranges = _check_ranges(radius, center, shape)
    parameters = _draw_apart(n_samples, n_circles, ranges, _circles_apart, draw_seed(random_state))
    parts = [_balls] * n_circles
    return paint(parameters, parts, shape), parameters.astype(np.float64)


def make_circle_square(
    n_samples=100, shape=(128, 128), *, radius=None, center=None, random_state=None
):
    r"""Draw a circle and an upright square (a sphere and a cube) that do not overlap.

    The square has the size of a circle whose radius is drawn from the same range, so that
    neither shape is the larger one on average (Joshi et al. 2020, "InvNet", AAAI).

    Parameters
    ----------
    n_samples, shape, radius, center : any
        As in :func:`make_circles`; the square is as large as a circle of the radius drawn.
    random_state : any
        Source of sizes and centres, as in :func:`make_cahn_hilliard`.

    Returns
    -------
    images : ndarray of shape (n_samples, \*shape), uint8
        1 in the circle, 2 in the square, 0 in the background.
    parameters : ndarray of shape (n_samples, 2, 1 + n_axes), float64
        Area (volume) of the circle and of the square in voxels, and the index of their
        centres along each axis. Areas are those of the shapes on the lattice. The centre
        of a square with an even side lies half a voxel below the index that was drawn.

    Raises
    ------
    ValueError
        If a parameter lies outside its range, or if of about two million shapes, drawn for
        one image after the other, two always overlapped.
    TypeError
        If a parameter is not of the type stated.

    See Also
    --------
    make_circles : Circles only.

    Notes
    -----
    Shapes that reach over the border are cut off there, and show less than the area in
    ``parameters``; with the default ranges on 128 voxels this happens to circles, by two
    voxels at most.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.datasets import make_circle_square
    >>> images, parameters = make_circle_square(3, (64, 64), random_state=0)
    >>> bool((parameters[:, 1, 0] == (images == 2).sum(axis=(1, 2))).all())
    True
    """
    check_integer("n_samples", n_samples, 1)
    shape = check_image_shape("shape", shape)
    ranges = _check_ranges(radius, center, shape)
    drawn = _draw_apart(n_samples, 2, ranges, _circle_and_square_apart, draw_seed(random_state))
    parameters = drawn.astype(np.float64)
    parameters[:, 0, 0] = _ball_sizes(drawn[:, 0, 0], len(shape))
    sides = _sides(drawn[:, 1, 0], len(shape))
    parameters[:, 1, 0] = sides.astype(np.float64) ** len(shape)
    parameters[:, 1, 1:] -= (1 - sides % 2)[:, None] / 2
    return paint(drawn, [_balls, _cubes], shape), parameters


def _draw_apart(n_samples, n_objects, ranges, are_apart, seed):
    """Draw ``n_samples`` times objects (radius, \\*centre) all of which are apart."""
    lows, highs = ranges
    n_draws = 2 * MAX_REJECTED // max(2, n_objects)

    def draw(generator, n_candidates):
        size = (n_candidates, n_objects, len(lows))
        objects = generator.integers(lows, highs, size=size, dtype=np.int32, endpoint=True)
        return objects[are_apart(objects)]

    refusal = (
        f"radius must be smaller, center wider or the shapes fewer: in {n_draws} draws "
        f"of {n_objects} shapes with radius from {lows[0]} to {highs[0]} and centres "
        f"from {lows[1:].tolist()} to {highs[1:].tolist()}, two always overlapped."
    )
    return draw_accepted(n_samples, draw, seed, refusal, n_draws)


def _circles_apart(objects):
    apart = np.arange(len(objects))
    for i, j in combinations(range(objects.shape[1]), 2):
        if not len(apart):
            break
        first, second = objects[apart, i], objects[apart, j]
        squared_distance = np.square(first[:, 1:] - second[:, 1:]).sum(axis=1)
        apart = apart[squared_distance > np.square(first[:, 0] + second[:, 0])]
    return apart


def _circle_and_square_apart(objects):
    circle, square = objects[:, 0], objects[:, 1]
    low, high = _corners(square)
    nearest = np.clip(circle[:, 1:], low, high)
    return np.square(circle[:, 1:] - nearest).sum(axis=1) > np.square(circle[:, 0])


def _sides(radii, n_axes):
    """Return the sides of the squares (cubes) that are as large as circles (balls)."""
    unit_ball = math.pi ** (n_axes / 2) / math.gamma(n_axes / 2 + 1)
    return np.rint(radii * unit_ball ** (1 / n_axes)).astype(np.int32)


def _corners(squares):
    """Return the first and the last index of squares along each axis."""
    sides = _sides(squares[:, :1], squares.shape[1] - 1)
    low = squares[:, 1:] - sides // 2
    return low, low + sides - 1


def _ball_sizes(radii, n_axes):
    """Return how many voxels the balls hold."""
    sizes = {}
    for radius in np.unique(radii).tolist():
        squares = np.square(np.arange(-radius, radius + 1))
        distances = sum(np.meshgrid(*[squares] * n_axes, indexing="ij", sparse=True))
        sizes[radius] = np.count_nonzero(distances <= radius**2)
    return [sizes[radius] for radius in radii.tolist()]


def _balls(objects, shape):
    """Return which voxels lie in balls (radius, \\*centre), of shape (n, \\*shape)."""
    *rest, last = _squared_distances(objects, shape)
    limit = np.square(objects[:, 0]).reshape(-1, *[1] * len(shape))
    # Only the last comparison runs over all voxels.
    return last <= limit - sum(rest)


def _squared_distances(objects, shape):
    for axis, side in enumerate(shape):
        distances = np.arange(side, dtype=np.int32) - objects[:, 1 + axis, None]
        yield along(axis, np.square(distances), len(shape))


def _cubes(objects, shape):
    """Return which voxels lie in cubes, of shape (n, \\*shape)."""
    inside = True
    for axis, (low, high) in enumerate(zip(*(ends.T for ends in _corners(objects)), strict=True)):
        index = np.arange(shape[axis])
        within = (index >= low[:, None]) & (index <= high[:, None])
        inside = inside & along(axis, within, len(shape))
    return inside


def _check_ranges(radius, center, shape):
    """Return the least and the largest (radius, \\*centre) as two arrays."""
    radii = _check_range("radius", radius, RADIUS, min(shape), 1)
    centers = [_check_range("center", center, CENTER, side, 0) for side in shape]
    for side, (_, high) in zip(shape, centers, strict=True):
        if high >= side:
            raise ValueError(f"center must lie within shape={shape}, got {center!r}.")
    return np.array([radii, *centers]).T


def _check_range(name, value, usual, side, minimum):
    if value is None:
        return tuple(max(minimum, round(end * (side - 1) / (SIDE - 1))) for end in usual)
    if not is_sequence(value) or len(value) != 2:
        raise ValueError(f"{name} must be a range (low, high), got {value!r}.")
    for end in value:
        check_integer(name, end, minimum)
    if value[0] > value[1]:
        raise ValueError(f"{name} must have low <= high, got {value!r}.")
    return tuple(value)
