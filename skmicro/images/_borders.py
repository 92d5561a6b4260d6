"""Detection of periodic images.

Across the border of a periodic image voxels differ as often as neighbours inside it do, those
of any other image as often as voxels far from each other. Three answers are possible: borders
match, they do not, or the images are too few, too small or too rough to tell.
"""

import numpy as np

from .._checks import check_choice
from .._warnings import warn_user
from ..exceptions import BorderWarning

LEAST_SIDE = 4  # of an axis on which half an image is farther than a neighbour
FAR = (0.5, 0.382, 0.309)  # of a side; regular patterns do not repeat at all of them
TELLING, CERTAIN = 1.0, 2.0
"""Difference of far and near jumps over the sum of their scatter, to wrap and to contradict."""
N_LINES, N_VOXELS = 1024, 2**16
"""Maximum number of lines compared per axis, or of voxels if these give more lines."""
GOLDEN = (5**0.5 - 1) / 2


def resolve_periodic(periodic, images):
    """Return whether images wrap around: as given, or as detected.

    Parameters
    ----------
    periodic : bool or None
        What the user says; ``None`` leaves it to the images, see :func:`looks_periodic`.
    images : ndarray of shape (n, *spatial)
        Phase labels or grey levels.

    Returns
    -------
    periodic : bool
        The answer.

    Raises
    ------
    ValueError
        If ``periodic`` is none of these.

    Warns
    -----
    BorderWarning
        If ``periodic`` is True and opposite borders of the images do not match.
    """
    check_choice("periodic", periodic, (None, True, False))
    if periodic is None:
        return looks_periodic(images)
    if periodic and borders_match(images) is False:
        warn_user(
            "periodic=True wraps around images whose opposite borders do not match; "
            "periodic=None detects it from the images.",
            BorderWarning,
        )
    return bool(periodic)


def looks_periodic(images):
    """Tell whether opposite borders of images match, on all axes.

    Parameters
    ----------
    images : ndarray of shape (n, *spatial)
        Phase labels (integers, which differ or do not) or grey levels.

    Returns
    -------
    periodic : bool
        Whether they match for certain; False as well if images do not determine it.

    See Also
    --------
    borders_match : The rule.
    """
    return borders_match(images) is True


def borders_match(images):
    """Return whether opposite borders of images match, if the images determine it.

    Parameters
    ----------
    images : ndarray of shape (n, *spatial)
        Phase labels (integers, which differ or do not) or grey levels.

    Returns
    -------
    match : bool or None
        ``None`` if it cannot be determined.

    Notes
    -----
    Compared is, along each axis of at least four voxels, the mean jump across the border with
    the mean jump between neighbours (near) and between voxels a third to a half of the side
    apart (far). Both have a scatter: the standard deviation over the layers of the images, at
    least the standard error of one layer. The border

    - matches, if its jump is nearer to the near one, and far exceeds near by the sum of the
      scatters;
    - does not match, if its jump is nearer to the far one, and far exceeds near by twice that.

    Images match if no axis leans to the far side and one matches at least; they do not match if
    one axis does not. Images of one phase, and independent voxels, contain no information,
    nor does an axis along which nothing changes. Large stacks are compared along evenly spread
    lines, those with unknown voxels along the lines without any.
    """
    axes = [axis for axis in range(1, images.ndim) if images.shape[axis] >= LEAST_SIDE]
    with np.errstate(over="ignore", invalid="ignore"):  # of levels that are refused elsewhere
        leanings = [_leaning(images, axis) for axis in axes]
    if any(leaning <= -CERTAIN for leaning in leanings):
        return False
    if leanings and min(leanings) >= 0 and max(leanings) >= TELLING:
        return True
    return None


def _leaning(images, axis):
    """Return how far far and near jumps lie apart in their scatter; negative for a far border."""
    lines = _lines(images, axis)
    side = len(lines)
    if not lines.size:
        return 0.0
    gaps = sorted({max(1, round(share * side)) for share in FAR})
    border, _ = _mean_and_scatter([_jumps(lines[-1:], lines[:1])])
    near, near_scatter = _mean_and_scatter([_jumps(lines[1:], lines[:-1])])
    far, far_scatter = _mean_and_scatter([_jumps(lines[gap:], lines[:-gap]) for gap in gaps])
    if not far > near:
        return 0.0
    apart = (far - near) / max(near_scatter + far_scatter, np.finfo(float).tiny)
    return apart if abs(border - near) < abs(border - far) else -apart


def _lines(images, axis):
    """Return lines along an axis, (side, n_lines): all, or some that lie evenly spread.

    Lines with unknown voxels are left out.
    """
    side = images.shape[axis]
    ends = np.moveaxis(images, axis, -1)
    n_lines = images.size // side
    n_most = max(N_LINES, N_VOXELS // side)
    if n_lines <= n_most:
        lines = ends.reshape(-1, side)
    else:
        chosen = np.unique((np.arange(n_most) * GOLDEN % 1 * n_lines).astype(np.int64))
        lines = ends[np.unravel_index(chosen, ends.shape[:-1])]
    if np.ma.is_masked(lines):
        lines = lines.data[~np.ma.getmaskarray(lines).any(axis=1)]
    return np.ascontiguousarray(lines.T)


def _jumps(a, b):
    return np.abs(a.astype(float) - b) if a.dtype.kind == "f" else a != b


def _mean_and_scatter(jumps):
    """Return the mean of jumps, some (n_layers, n_lines), and its scatter from layer to layer."""
    n_lines = jumps[0].shape[1]
    if jumps[0].dtype == bool:
        layers = np.concatenate([np.count_nonzero(j, axis=1) for j in jumps]) / n_lines
        mean = square = layers.mean()
    else:
        layers = np.concatenate([j.mean(axis=1) for j in jumps])
        mean, square = layers.mean(), np.concatenate(jumps).var() + layers.mean() ** 2
    of_layers = layers.std(ddof=1) if len(layers) > 1 else 0.0
    of_lines = np.sqrt(max(0.0, square - mean**2) / n_lines)
    return float(mean), max(float(of_layers), float(of_lines))
