"""Surfaces of phases as the faces of their voxels, seen from one side."""

from itertools import product

import numpy as np
from scipy.ndimage import gaussian_filter

# To the right, upwards and towards the beholder: the light comes from above and the left.
LIGHT = np.array([-0.3, 0.5, 0.8]) / np.linalg.norm([-0.3, 0.5, 0.8])
AMBIENT = 0.35
SMOOTHING = 1.0  # voxels


def view_of(elevation, azimuth):
    """Return unit vectors to the right, upwards and towards the beholder, along array axes.

    At zero degrees the picture is laid out as the sections across the second axis are: the first
    axis points downwards, the third one to the right. The beholder rises to see the section at the
    beginning of the first axis, and turns to see that at the beginning of the third one.
    """
    rise, turn = np.deg2rad([elevation, azimuth])
    right = np.array([0.0, np.sin(turn), np.cos(turn)])
    level = np.array([0.0, np.cos(turn), -np.sin(turn)])
    down = np.array([1.0, 0.0, 0.0])
    upwards = -np.cos(rise) * down - np.sin(rise) * level
    return np.stack([right, upwards, np.cos(rise) * level - np.sin(rise) * down])


def visible_faces(solid, view):
    """Return the faces of a solid that may be seen, the farthest first.

    Parameters
    ----------
    solid : ndarray of shape (D, H, W), bool
        Voxels of the solid.
    view : ndarray of shape (3, 3)
        As of :func:`view_of`.

    Returns
    -------
    corners : ndarray of shape (n_faces, 4, 2)
        Corners in the plane of the picture.
    brightness : ndarray of shape (n_faces,)
        Light that the faces return, from 0 to 1.

    Notes
    -----
    A ray crosses voxels in falling order of their distance, so that no face of a voxel hides one of
    a nearer voxel. A face inside the volume has the normal of the smoothed solid, one on the
    border that of the border.
    """
    smooth = gaussian_filter(solid.astype(np.float32), SMOOTHING, mode="nearest")
    slopes = [
        np.gradient(smooth, axis=axis) if side > 1 else np.zeros_like(smooth)
        for axis, side in enumerate(solid.shape)
    ]
    corners, brightness, depth = [], [], []
    for axis in range(3):
        sign = 1 if view[2, axis] > 0 else -1
        voxels = np.argwhere(solid & ~_shifted(solid, axis, sign))
        normals = -np.stack([slope[tuple(voxels.T)] for slope in slopes], axis=1)
        own = sign * np.eye(3)[axis]
        at_border = voxels[:, axis] == (solid.shape[axis] - 1 if sign > 0 else 0)
        normals[at_border | ~normals.any(axis=1)] = own
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        corners.append((voxels[:, None] + _face(axis, sign)) @ view[:2].T)
        brightness.append(AMBIENT + (1 - AMBIENT) * np.clip(normals @ view.T @ LIGHT, 0, 1))
        depth.append(voxels @ view[2])
    order = np.argsort(np.concatenate(depth), kind="stable")
    return np.concatenate(corners)[order], np.concatenate(brightness)[order]


def box_edges(shape, view):
    """Return the edges of a box, (12, 2, 2), and which of them are hidden behind it."""
    ends = np.array(list(product((0, 1), repeat=3)))
    pairs = [(a, b) for a in ends for b in ends if (b - a).sum() == 1 and (b >= a).all()]
    far = np.where(view[2] > 0, 0, 1)
    hidden = np.array([(a == far).all() or (b == far).all() for a, b in pairs])
    return np.array(pairs) * np.array(shape) @ view[:2].T, hidden


def _shifted(solid, axis, sign):
    """Return what is next to each voxel along an axis, False beyond the border."""
    neighbour = np.zeros_like(solid)
    lower, upper = [slice(None)] * 3, [slice(None)] * 3
    lower[axis], upper[axis] = slice(0, -1), slice(1, None)
    to, of = (lower, upper) if sign > 0 else (upper, lower)
    neighbour[tuple(to)] = solid[tuple(of)]
    return neighbour


def _face(axis, sign):
    """Return the corners of one face of a voxel, (4, 3), in the order of its outline."""
    square = [(0, 0), (0, 1), (1, 1), (1, 0)]
    return np.insert(np.array(square), axis, int(sign > 0), axis=1)
