"""What the classifier learns from: voxels, and what is known around them when they are drawn.

Where an image begins and ends, part of a window is not known. The material is taken to be
homogeneous: any voxel with a whole window around it serves as an example for any place of an
image, of which it gets the pattern of known and unknown voxels. So the first voxels of an image
are learned from many examples, also where there is only one image.
"""

import numpy as np
import torch

from ._classifiers import with_a_column
from ._order import CausalOrder

CHUNK = 2**13


def training_windows(images, encoder, states, radii, *, periodic, closing, n_most, rng):
    """Return features (m, n_features) and states (m,) of voxels of the images.

    Parameters
    ----------
    images : ndarray of shape (n, *spatial)
        The images.
    encoder : PhaseEncoder or GreyEncoder
        Their encoding.
    states : PhaseStates or GreyStates
        What voxels can be.
    radii : tuple of int
        Radii of the window.
    periodic : bool
        Whether the window wraps around; otherwise only voxels inside serve as examples.
    closing : bool
        Whether places are those that see the beginning of a periodic image across its end, or
        those of images that are not periodic.
    n_most : int
        Examples to take if there are more.
    rng : Generator
        Source of the examples and their places.

    Returns
    -------
    features : ndarray of shape (m, n_features), float32
        What is known around the voxels.
    labels : ndarray of shape (m,), int
        Their states.
    """
    shape = images.shape[1:]
    order = CausalOrder(radii, shape, periodic)
    inside = [
        np.arange(side) if periodic else np.arange(r, side - r)
        for r, side in zip(radii, shape, strict=True)
    ]
    voxels = np.ravel_multi_index(np.meshgrid(*inside, indexing="ij"), shape).ravel()
    n_all = len(images) * len(voxels)
    chosen = np.arange(n_all) if n_all <= n_most else rng.choice(n_all, n_most, replace=False)
    patterns = CausalOrder(radii, shape, closing)
    places = patterns.closing_voxels if closing else np.arange(order.n_voxels)
    flat, table = images.reshape(len(images), -1), states.table
    n_features = len(order.offsets) * table.shape[1]
    features = np.empty((len(chosen), n_features), np.float32)
    labels = np.empty(len(chosen), np.int64)
    for start in range(0, len(chosen), CHUNK):
        part = slice(start, start + CHUNK)
        image, voxel = chosen[part] // len(voxels), voxels[chosen[part] % len(voxels)]
        known = patterns.known(rng.choice(places, len(voxel)))
        around = flat[image[:, None], np.where(known, order.windows(voxel), voxel[:, None])]
        seen = np.where(known, _states_of(around, encoder, states), states.n_states)
        features[part] = table[seen].reshape(len(voxel), -1)
        labels[part] = _states_of(flat[image, voxel][:, None], encoder, states)[:, 0]
    return with_a_column(features), labels


def _states_of(values, encoder, states):
    """Return the states of values of voxels (m, k)."""
    return states.split(encoder.encode(values, dtype=torch.float64).numpy())[0]
