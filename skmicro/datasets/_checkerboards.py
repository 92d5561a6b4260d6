"""Checkerboards: two phases in periodic order, of which all statistics are known."""

import numpy as np

from .._checks import check_image_shape, check_integer, is_sequence
from .._random import draw_seed, numpy_generator
from ._drawing import along, paint


def make_checkerboards(
    n_samples=100, shape=(64, 64), *, cell: int | tuple[int, ...] = 8, random_state=None
):
    r"""Draw periodic checkerboards that differ by translations.

    Ordered images that are random only in their position, one of the structures on which Zhang et
    al. 2023 (arXiv:2303.03403) train with few images. Opposite faces of an image match.

    Parameters
    ----------
    n_samples, shape : any
        As in :func:`make_cahn_hilliard`.
    cell : int or tuple of int, default=8
        Sides of a cell in voxels, one for all axes or one for each. An even number of cells
        must fill each side of an image.
    random_state : any
        Source of the translations, as in :func:`make_cahn_hilliard`.

    Returns
    -------
    images : ndarray of shape (n_samples, \*shape), uint8
        Phase labels 0 and 1, each in one half of the voxels.
    translations : ndarray of shape (n_samples, n_axes), int64
        Voxels by which each image was rolled from the board whose first cell begins at index
        0 and has label 0, uniform from 0 to ``2 * cell - 1`` along each axis.

    Raises
    ------
    ValueError
        If a parameter lies outside its range, or if the cells do not fill each side in an even
        number.
    TypeError
        If a parameter is not of the type stated.

    See Also
    --------
    make_polycrystals : Cells without order.

    Notes
    -----
    A board with :math:`n` axes is the product of :math:`n` square waves of values +1 and -1,
    so that its two-point correlation, of either phase, is

    .. math:: S_2(r) = \tfrac14 \Big(1 + \prod_{a=1}^n t(r_a / c_a)\Big),

    with :math:`c_a` the cells' sides and :math:`t` the triangular wave of period 2 that falls
    from 1 at 0 to -1 at 1.

    All boards of an image's size and cell have the same :math:`S_2`. Identical images, as in
    tiles cut from one board at multiples of its period, are copies of one of them.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.datasets import make_checkerboards
    >>> images, translations = make_checkerboards(3, (4, 8), cell=2, random_state=0)
    >>> np.roll(images[0], -translations[0], axis=(0, 1))
    array([[0, 0, 1, 1, 0, 0, 1, 1],
           [0, 0, 1, 1, 0, 0, 1, 1],
           [1, 1, 0, 0, 1, 1, 0, 0],
           [1, 1, 0, 0, 1, 1, 0, 0]], dtype=uint8)
    """
    check_integer("n_samples", n_samples, 1)
    shape = check_image_shape("shape", shape)
    cells = _check_cell(cell, shape)
    periods = 2 * np.array(cells)
    generator = numpy_generator(draw_seed(random_state))
    translations = generator.integers(periods, size=(n_samples, len(shape)))

    def boards(shifts, shape):
        odd = False
        for axis, side in enumerate(shape):
            index = (np.arange(side) - shifts[:, axis, None]) // cells[axis]
            odd = odd ^ along(axis, index % 2 == 1, len(shape))
        return odd

    return paint(translations[:, None], [boards], shape), translations


def _check_cell(cell, shape):
    """Return the sides of a cell along all axes."""
    cells = cell if is_sequence(cell) else [cell] * len(shape)
    if len(cells) != len(shape):
        raise ValueError(
            f"cell must be an integer or hold one for each of {len(shape)} axes, got {cell!r}."
        )
    for size in cells:
        check_integer("cell", size, 1)
    if any(side % (2 * size) for side, size in zip(shape, cells, strict=True)):
        raise ValueError(
            f"cell must divide each side of shape={shape} into an even number of cells, "
            f"got {cell!r}."
        )
    return [int(size) for size in cells]
