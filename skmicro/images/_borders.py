"""Whether images wrap around, told from the images.

Across the border of a periodic image voxels differ as often as neighbours inside it do, those
of any other image as often as voxels far from each other.
"""

import numpy as np

from .._arrays import parts_of

LEAST_SIDE = 4  # of an axis on which half an image is farther than a neighbour


def looks_periodic(images):
    """Tell whether opposite borders of images match, on all axes.

    Parameters
    ----------
    images : ndarray of shape (n, *spatial)
        Phase labels (integers, which differ or do not) or grey levels.

    Returns
    -------
    periodic : bool
        Whether the mean jump across every border is nearer to that between neighbours than to
        that between voxels half an image apart. Axes of fewer than four voxels do not tell;
        images with no other axis are not.
    """
    telling = [axis for axis in range(1, images.ndim) if images.shape[axis] >= LEAST_SIDE]
    return bool(telling) and all(_matches(images, axis) for axis in telling)


def _matches(images, axis):
    jumps = np.zeros(3)
    for part in parts_of(len(images), images.shape[1:]):
        layers = np.moveaxis(images[part], axis, 0)
        middle = len(layers) // 2
        border = _jump(layers[-1], layers[0])
        near = _jump(layers[:-1], layers[1:])
        far = _jump(layers[:-middle], layers[middle:])
        jumps += (part.stop - part.start) * np.array([border, near, far])
    border, near, far = jumps
    return bool(abs(border - near) < abs(border - far))


def _jump(a, b):
    if a.dtype.kind == "f":
        return float(np.abs(a - b).mean())
    return float((a != b).mean())
