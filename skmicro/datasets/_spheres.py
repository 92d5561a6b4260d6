"""Spheres at random in a periodic box, apart or overlapping."""

import math
from functools import partial

import numpy as np

from .._checks import check_choice, check_image_shape, check_range, check_real
from ._capsules import cover, mark
from ._drawing import draw_by_fraction
from ._packing import pack

SPHERES_PER_IMAGE = 1000  # drawn, in all attempts, before an image is given up


def make_spheres(
    n_samples=100,
    shape=(32, 32, 32),
    *,
    radius: float | tuple = 4.0,
    volume_fraction: float | tuple = 0.2,
    overlap: bool = False,
    random_state=None,
    n_jobs=None,
):
    r"""Draw spheres (in two dimensions: discs) at random in a periodic box.

    Spheres that do not overlap are placed by random sequential addition [1]_: each takes a
    position that is uniform among those where it overlaps none before it. Spheres that may
    overlap form a Boolean model. Radius, fraction and shape of the spheres in Henkes and
    Wessels 2022 [2]_ are the defaults; theirs overlap. Opposite faces of an image match.

    Parameters
    ----------
    n_samples, shape : any
        As in :func:`make_cahn_hilliard`.
    radius : float or tuple (low, high) of float, default=4.0
        Radius in voxels, below half of the shortest side, and large enough for a sphere to hold
        a voxel wherever it lies: at least :math:`\sqrt n / 2` in n dimensions. Of a range,
        the spheres take values that are uniform and independent.
    volume_fraction : float or tuple (low, high) of float, default=0.2
        Share of the spheres in the image, which takes the number of spheres that comes nearest
        to it. Apart, they count with their exact volumes, and the fraction lies within half of
        the last sphere's volume. Overlapping, they count with the voxels that they add. Of a
        range, the images take values that cover it uniformly and evenly.
    overlap : bool, default=False
        Whether spheres may overlap.
    random_state : any
        Source of radii and centres, as in :func:`make_cahn_hilliard`.
    n_jobs : any
        As in :func:`make_polycrystals`.

    Returns
    -------
    images : ndarray of shape (n_samples, \*shape), uint8
        1 in the spheres, 0 around them.
    p1 : ndarray of shape (n_samples,), float64
        Measured fraction of phase 1 of each image, in voxels.

    Raises
    ------
    ValueError
        If a parameter lies outside its range, or if no room was found for all spheres.
    TypeError
        If a parameter is not of the type stated.

    See Also
    --------
    make_circles : A few labelled circles or spheres, of which all parameters are returned.
    make_fibers : Short straight fibres.

    Notes
    -----
    A voxel belongs to a sphere if its centre does. Centres of spheres are not rounded, so that
    the mean number of voxels of a sphere is its volume. Spheres that do not overlap share no
    voxel, but voxels of two of them may be neighbours.

    Equal spheres that are added at random fill 0.384 of space at most, and discs 0.547 of the
    plane. An attempt that ends before is repeated with new spheres; up to 0.35 this is rare in
    images that hold dozens of spheres. Of several radii the largest come first, which
    makes higher fractions possible.

    The Boolean model of equal spheres of volume :math:`v` has

    .. math:: S_2(r) = 1 - 2 (1 - p) + (1 - p)^{(2 v - u(r)) / v},

    with :math:`u(r)` the volume that two spheres at distance :math:`r` share. That is for
    a Poisson number of spheres of intensity :math:`-\ln(1 - p) / v`. Here the fraction
    :math:`p` is prescribed in each image, which lowers :math:`S_2` at large :math:`r` by the
    variance that it would have in images of this size.

    References
    ----------
    .. [1] Widom, B. (1966). Random sequential addition of hard spheres to a volume. The Journal
       of Chemical Physics 44, 3888-3894.
    .. [2] Henkes, A. and Wessels, H. (2022). Three-dimensional microstructure generation using
       generative adversarial neural networks in the context of continuum micromechanics.
       Computer Methods in Applied Mechanics and Engineering 400, 115497.

    Examples
    --------
    >>> from skmicro.datasets import make_spheres
    >>> images, p1 = make_spheres(3, random_state=0)
    >>> images.shape, images.dtype
    ((3, 32, 32, 32), dtype('uint8'))
    >>> bool(abs(p1 - 0.2).max() < 0.005)
    True
    """
    shape = check_image_shape("shape", shape)
    radii = check_range("radius", radius, partial(_check_radius, shape=shape))
    check_choice("overlap", overlap, (True, False))
    fractions = check_range("volume_fraction", volume_fraction, check_fraction)
    half = ball_volume(radii[1], len(shape)) / 2 / math.prod(shape)
    check_holds_one(fractions[0], half, f"a sphere of radius {radii[1]:g}", shape)
    simulate = partial(_overlapping if overlap else _apart, shape, radii)
    return draw_by_fraction(simulate, n_samples, fractions, random_state, n_jobs)


def ball_volume(radius, n_axes):
    """Return the volume of balls."""
    return math.pi ** (n_axes / 2) / math.gamma(n_axes / 2 + 1) * radius**n_axes


def check_fraction(name, value):
    """Raise unless a volume fraction lies between 0 and 1."""
    check_real(name, value, 0, 1, open_low=True, open_high=True)


def check_holds_one(fraction, half, what, shape):
    """Raise if a fraction is nearer to 0 than to that of one body, twice ``half``."""
    if fraction < half:
        raise ValueError(
            f"volume_fraction must be >= {math.ceil(half * 1e5) / 1e5:.5f} for an image to hold "
            f"{what} in shape={shape}, got {fraction:g}."
        )


def _overlapping(shape, radii, fraction, generator):
    point = np.zeros(len(shape))

    def balls():
        while True:
            yield generator.random(len(shape)) * shape, point, generator.uniform(*radii)

    return cover(shape, fraction, balls())


def _apart(shape, radii, fraction, generator):
    voxels = np.zeros(math.prod(shape), dtype=np.uint8)
    chosen, centers = _place(shape, radii, fraction, generator)
    for center, radius in zip(centers, chosen, strict=True):
        mark(voxels, shape, center, np.zeros(len(shape)), radius)
    return voxels.reshape(shape)


def _place(shape, radii, fraction, generator):
    """Return radii and centres of spheres apart, or raise if there is no room for all."""
    n_drawn = most = 0
    while n_drawn < SPHERES_PER_IMAGE:
        chosen = _draw_radii(radii, fraction * math.prod(shape), len(shape), generator)
        centers = pack(chosen, shape, generator)
        if len(centers) == len(chosen):
            return chosen, centers
        n_drawn += len(chosen)
        most = max(most, ball_volume(chosen[: len(centers)], len(shape)).sum() / math.prod(shape))
    raise ValueError(
        f"volume_fraction must be smaller for spheres of radius {radii[0]:g} to {radii[1]:g} that "
        f"do not overlap in shape={shape}, got {fraction:g}: there was room for {most:.3f} at most."
    )


def _draw_radii(radii, volume, n_axes, generator):
    """Draw radii until their volumes come nearest to one that is given; in falling order."""
    enough = math.ceil(volume / ball_volume(radii[0], n_axes)) + 1
    drawn = generator.uniform(*radii, size=enough)
    missing = np.abs(volume - np.cumsum(ball_volume(drawn, n_axes)))
    return np.sort(drawn[: missing.argmin() + 1])[::-1]


def _check_radius(name, value, shape):
    check_real(name, value)
    least, bound = math.sqrt(len(shape)) / 2, min(shape) / 2
    if value < least:
        raise ValueError(
            f"{name} must be >= {least:.6g} for every sphere to hold a voxel, got {value}."
        )
    if value >= bound:
        raise ValueError(
            f"{name} must be < {bound:g}, half of the shortest side of shape={shape}, got {value}."
        )
