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
TELLING, CERTAIN = 1.0, 1.25
"""In sums of the scatters of far and near jumps: what far jumps exceed near ones by where an axis
tells, and jumps across the border the largest inner ones where it contradicts."""
N_LINES, N_VOXELS = 1024, 2**16
"""Maximum number of lines compared per axis, or of voxels if these give more lines."""
GOLDEN = (5**0.5 - 1) / 2


def resolve_periodic(periodic: bool | None, images: np.ndarray) -> bool:
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


def looks_periodic(images: np.ndarray) -> bool:
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


def borders_match(images: np.ndarray) -> bool | None:
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
    - does not match, if its jump is nearer to the far one, far exceeds near by the sum of the
      scatters, and the jump exceeds the largest one between two neighbouring layers by 1.25 times
      that sum. The largest one must be nearer to the near one: where a layer inside jumps as far,
      such as at a wall, so may the border of a periodic image.

    Images match if no axis leans to the far side and one matches at least; they do not match if
    one axis does not. Images of one phase, and independent voxels, contain no information,
    nor does an axis along which nothing changes. Large stacks are compared along evenly spread
    lines, those with unknown voxels along the lines without any.
    """
    axes = [axis for axis in range(1, images.ndim) if images.shape[axis] >= LEAST_SIDE]
    with np.errstate(over="ignore", invalid="ignore"):  # of levels that are refused elsewhere
        leanings = [_leaning(images, axis) for axis in axes]
    if -np.inf in leanings:
        return False
    if leanings and min(leanings) >= 0 and max(leanings) >= TELLING:
        return True
    return None


def _leaning(images, axis):
    """Return how far far and near jumps lie apart in their scatter; negative for a far border.

    Minus infinity if the border does not match.
    """
    lines = _lines(images, axis)
    side = len(lines)
    if not lines.size:
        return 0.0
    gaps = sorted({max(1, round(share * side)) for share in FAR})
    border = _layers([_jumps(lines[-1:], lines[:1])])[0]
    inner = [_jumps(lines[1:], lines[:-1])]
    near, near_scatter = _mean_and_scatter(inner)
    far, far_scatter = _mean_and_scatter([_jumps(lines[gap:], lines[:-gap]) for gap in gaps])
    if not far > near:
        return 0.0
    scatter = max(near_scatter + far_scatter, np.finfo(float).tiny)
    apart = (far - near) / scatter
    if abs(border - near) < abs(border - far):
        return apart
    largest = _layers(inner).max()
    stands_out = border > largest + CERTAIN * scatter and largest - near < far - largest
    return -np.inf if apart >= TELLING and stands_out else -apart


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


def _layers(jumps):
    """Return the mean of each layer of jumps, some (n_layers, n_lines)."""
    if jumps[0].dtype == bool:
        return np.concatenate([np.count_nonzero(j, axis=1) for j in jumps]) / jumps[0].shape[1]
    return np.concatenate([j.mean(axis=1) for j in jumps])


def _mean_and_scatter(jumps):
    """Return the mean of jumps, some (n_layers, n_lines), and its scatter from layer to layer."""
    layers = _layers(jumps)
    mean = square = layers.mean()
    if jumps[0].dtype != bool:
        square = np.concatenate(jumps).var() + mean**2
    of_layers = layers.std(ddof=1) if len(layers) > 1 else 0.0
    of_lines = np.sqrt(max(0.0, square - mean**2) / jumps[0].shape[1])
    return float(mean), max(float(of_layers), float(of_lines))
