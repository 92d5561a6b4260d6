r"""Polycrystals: periodic power diagrams whose cells carry crystal orientations.

A power (Laguerre) diagram of seeds :math:`s_i` with weights :math:`w_i` gives the point
:math:`x` to the seed of least power :math:`|x - s_i|^2 - w_i`. Its cells are convex. Since

.. math:: |x - s_i|^2 - w_i + w_{\max} = |x - s_i|^2 + \big(0 - \sqrt{w_{\max} - w_i}\big)^2,

it is the search for the nearest among seeds that are lifted into one more dimension, which
is not periodic, and a k-d tree answers it exactly. Raising one weight by :math:`\delta`
moves the face between two seeds by :math:`\delta / (2 d_{ij})`. For a ball of radius
:math:`r` and volume :math:`V` among its like, :math:`d_{ij} = 2r`, this gives

.. math:: \partial V / \partial w = n V / (4 r^2)

in n dimensions: the slope by which the weights are led, from zero, to cells of prescribed
volumes. In the first of these steps the seeds also move to the centroids of their cells,
which spreads them and makes grains compact.
"""

import math

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike
from scipy.spatial import cKDTree

from .._checks import check_image_shape, check_integer, check_n_jobs, check_real, is_sequence
from .._random import draw_seed, numpy_generator
from ._colouring import colour_cells, neighbours, sufficient_colours

N_CENTRINGS = 4
N_WEIGHTINGS = 8
MAX_WEIGHTINGS = 60  # for small grains that large ones have swallowed
DAMPING = 0.6  # each cell's step ignores those of its neighbours: full steps oscillate
CONCENTRATION = 6.0
ORIENTATIONS = {2: 5, 3: 10}
MAX_ORIENTATIONS = 64  # as many labels as an image may have
VOXELS_PER_GRAIN = 4


def make_polycrystals(
    n_samples=100,
    shape=(128, 128),
    *,
    n_grains: int = 40,
    n_orientations: int | None = None,
    orientation_fractions: ArrayLike | None = None,
    anisotropy: float | tuple[float, ...] = 1.0,
    size_spread: float = 0.5,
    random_state=None,
    n_jobs: int | None = None,
):
    r"""Simulate polycrystals: convex grains, of which neighbours differ in orientation.

    Grains are the cells of a periodic power diagram [1]_ of random seeds, whose weights are
    set so that the grain volumes follow a lognormal law [2]_. Orientations are given to the
    grains so that no two grains which share a face have the same one, and so that the
    volume fractions of the orientations approximate the given ones. Opposite faces of an
    image match.

    Parameters
    ----------
    n_samples, shape : any
        As in :func:`make_cahn_hilliard`.
    n_grains : int, default=40
        Grains in each image, at most one for 4 voxels.
    n_orientations : int or None, default=None
        Number of orientations, at most 64. ``None`` means 5 in two dimensions and 10
        in three.
    orientation_fractions : array-like or None, default=None
        Volume fractions to come near, of shape (n_orientations,) for all images or
        (n_samples, n_orientations) for each; they sum to one. ``None``
        draws them for each image from a Dirichlet law with all parameters 6, of mean
        1 / n_orientations and, for 5 orientations, standard deviation 0.07.
    anisotropy : float or tuple of float, default=1.0
        Length of the grains along the last axis relative to the other axes, or relative
        lengths along all axes.
    size_spread : float, default=0.5
        Standard deviation of the grain volumes relative to their mean, from 0 to 1.
    random_state : any
        Source of seeds, sizes and orientations, as in :func:`make_cahn_hilliard`.
    n_jobs : int, default=None
        Number of images computed at the same time by joblib, in processes unless
        ``joblib.parallel_config`` says otherwise. None means 1. The images do not depend
        on it.

    Returns
    -------
    images : ndarray of shape (n_samples, \*shape), uint8
        Orientation of each voxel, from 0 to n_orientations - 1.
    fractions : ndarray of shape (n_samples, n_orientations), float64
        Measured volume fractions of the orientations.

    Raises
    ------
    ValueError
        If a parameter lies outside its range, or if no way was found to make neighbours
        differ with so few orientations.
    TypeError
        If a parameter is not of the type stated.

    Notes
    -----
    Different neighbours have priority, which limits the fractions: grains of one
    orientation never touch. Of 40 grains in the plane one orientation fills 0.33 on average
    at most, and two fill 0.30 each; of 60 grains in space one fills 0.17. Fractions out of
    reach are approached. With 40 grains and 5 orientations, even fractions were met to 0.004
    (with 200 grains to 0.0003) and drawn ones to 0.003 in half of the images.

    Periodic images in the plane are maps on a torus, which need 7 orientations at most. In
    each of 800 images of 10 to 40 grains 5 were enough, but 7 grains can all touch each
    other. In space, where a grain has about 14 neighbours, 8 orientations were enough in
    each of 30 images of 60 grains, and 10 leave room for the fractions.

    Grain volumes come to 5 to 10 % of the mean grain near those drawn from the lognormal
    law. Where grains are much smaller than 100 voxels, the smallest may vanish.

    References
    ----------
    .. [1] Aurenhammer, F. (1987). Power diagrams: properties, algorithms and applications.
       SIAM Journal on Computing 16, 78-96.
    .. [2] Bourne, D. P., Kok, P. J. J., Roper, S. M. and Spanjer, W. D. T. (2020). Laguerre
       tessellations and polycrystalline microstructures: a fast algorithm for generating
       grains of given volumes. Philosophical Magazine 100, 2677-2707.

    Examples
    --------
    >>> from skmicro.datasets import make_polycrystals
    >>> images, fractions = make_polycrystals(
    ...     2, (64, 64), orientation_fractions=[0.3, 0.25, 0.2, 0.15, 0.1], random_state=0
    ... )
    >>> images.shape, images.dtype
    ((2, 64, 64), dtype('uint8'))
    >>> bool(abs(fractions - [0.3, 0.25, 0.2, 0.15, 0.1]).max() < 0.02)
    True
    """
    check_integer("n_samples", n_samples, 1)
    shape = check_image_shape("shape", shape)
    check_integer("n_grains", n_grains, 1)
    if VOXELS_PER_GRAIN * n_grains > math.prod(shape):
        raise ValueError(
            f"n_grains must be <= {math.prod(shape) // VOXELS_PER_GRAIN} for images of shape "
            f"{shape}, got {n_grains}."
        )
    k = ORIENTATIONS[len(shape)] if n_orientations is None else n_orientations
    check_integer("n_orientations", k)
    check_real("n_orientations", k, 1, MAX_ORIENTATIONS)
    targets = _check_fractions(orientation_fractions, n_samples, k)
    stretch = _check_anisotropy(anisotropy, len(shape))
    check_real("size_spread", size_spread, 0, 1)

    check_n_jobs("n_jobs", n_jobs)
    seed = draw_seed(random_state)
    images = Parallel(n_jobs=n_jobs)(
        delayed(_simulate)(shape, n_grains, target, stretch, size_spread, seed, index)
        for index, target in enumerate(targets)
    )
    counts = [np.bincount(image.ravel(), minlength=k) for image in images]
    return np.stack(images), np.stack(counts) / math.prod(shape)


def _simulate(shape, n_grains, target, stretch, size_spread, seed, index):
    generator = numpy_generator(seed, index)
    volumes = generator.lognormal(sigma=math.sqrt(math.log1p(size_spread**2)), size=n_grains)
    volumes *= math.prod(shape) / volumes.sum()
    grains = tessellate(shape, volumes, stretch, generator)
    if np.isnan(target).any():
        target = generator.dirichlet(np.full(len(target), CONCENTRATION))
    touch = neighbours(grains, n_grains)
    sizes = np.bincount(grains.ravel(), minlength=n_grains)
    colours = colour_cells(touch, sizes, target * grains.size, generator)
    if colours is None:
        enough = sufficient_colours(touch, sizes, len(target) + 1, generator)
        raise ValueError(
            f"n_orientations must be larger for neighbouring grains to differ, got "
            f"{len(target)}: {enough} would be enough for image {index}."
        )
    return colours.astype(np.uint8)[grains]


def tessellate(shape, volumes, stretch, generator):
    """Return the grain of each voxel: volumes in voxels, (n_grains,), stretch of product one."""
    n_axes = len(shape)
    box = np.array(shape) / stretch
    points = np.indices(shape).reshape(n_axes, -1).T / stretch
    seeds = generator.random((len(volumes), n_axes)) * box
    unit_ball = math.pi ** (n_axes / 2) / math.gamma(n_axes / 2 + 1)
    squared_radii = (volumes / unit_ball) ** (2 / n_axes)
    weights = np.zeros(len(volumes))
    for step in range(MAX_WEIGHTINGS):
        grains = power_cells(points, seeds, weights, box)
        sizes = np.bincount(grains, minlength=len(seeds))
        if step >= N_WEIGHTINGS and sizes.all():
            break
        weights = weights + DAMPING * (volumes - sizes) * 4 * squared_radii / (n_axes * volumes)
        if step < N_CENTRINGS:
            seeds = centroids(points, grains, seeds, box)
    return grains.reshape(shape)


def power_cells(points, seeds, weights, box):
    """Return the index of the seed of least periodic power at each point."""
    lifted = np.column_stack([seeds, np.sqrt(weights.max() - weights)])
    tree = cKDTree(lifted, boxsize=[*box, 0])
    return tree.query(np.column_stack([points, np.zeros(len(points))]))[1]


def centroids(points, cells, seeds, box):
    """Return the centroid of each cell of a periodic box; empty cells stay at their seed."""
    offsets = (points - seeds[cells] + box / 2) % box - box / 2
    sums = [np.bincount(cells, axis, minlength=len(seeds)) for axis in offsets.T]
    sizes = np.maximum(np.bincount(cells, minlength=len(seeds)), 1)
    # Twice: a tiny negative number modulo the side is rounded to the side itself.
    return (seeds + np.stack(sums, axis=1) / sizes[:, None]) % box % box


def _check_fractions(fractions, n_samples, n_orientations):
    """Return targets of shape (n_samples, n_orientations), NaN where they are to be drawn."""
    full = (n_samples, n_orientations)
    if fractions is None:
        return np.full(full, np.nan)
    try:
        values = np.asarray(fractions, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"orientation_fractions must be an array of numbers, got {fractions!r}."
        ) from error
    if values.shape not in (full, full[1:]):
        raise ValueError(
            f"orientation_fractions must have shape ({n_orientations},) or {full}, "
            f"got {values.shape}."
        )
    sums = values.sum(axis=-1)
    if not (values >= 0).all() or not np.allclose(sums, 1, rtol=0, atol=1e-6):
        raise ValueError(f"orientation_fractions must be >= 0 and sum to 1, got {values.tolist()}.")
    return np.broadcast_to(values / sums[..., None], full)


def _check_anisotropy(anisotropy, n_axes):
    """Return the lengths of grains along the axes, scaled to product one."""
    along_last = [1.0] * (n_axes - 1) + [anisotropy]
    lengths = list(anisotropy) if is_sequence(anisotropy) else along_last
    if len(lengths) != n_axes:
        raise ValueError(f"anisotropy must hold one number for each axis, got {anisotropy!r}.")
    for length in lengths:
        check_real("anisotropy", length, 0, open_low=True)
    return np.array(lengths) / math.prod(lengths) ** (1 / n_axes)
