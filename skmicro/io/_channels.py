"""One channel out of colours: grey levels, or the indices of a palette."""

import numpy as np

from ..images import distinct_values


def one_channel(array):
    """Drop the channels (last axis) of grey levels that are stored as colours."""
    n_colours = 3 if array.shape[-1] > 2 else 1
    channels, alpha = array[..., :n_colours], array[..., n_colours:]
    if (channels != channels[..., :1]).any():
        raise ValueError(f"a colour image of shape {array.shape}, needed is one channel.")
    if alpha.size and (alpha != alpha.flat[0]).any():
        raise ValueError(
            "an image whose transparency (alpha) varies, so that its grey levels depend on what "
            "lies behind; save it without alpha."
        )
    return channels[..., 0]


def from_palette(indices, colours):
    """Return the grey levels of a palette, or the indices themselves if it has colours.

    Parameters
    ----------
    indices : ndarray of unsigned integers
        The image.
    colours : ndarray of shape (n, 3) or (n, 4), uint8
        Colours, and alpha, of the indices.

    Returns
    -------
    image : ndarray of uint8
        Palettes of grey are meant to be seen as such; colours distinguish labels.
    """
    used = distinct_values(indices[None])
    if used[-1] >= len(colours):
        raise ValueError(f"its palette has {len(colours)} colours, the image has {used[-1]}.")
    own = colours[used]
    if colours.shape[1] > 3 and (own[:, 3] != own[0, 3]).any():
        raise ValueError("an image whose palette has transparency (alpha) that varies.")
    if (own[:, :3] == own[:, :1]).all():
        return np.ascontiguousarray(colours[:, 0])[indices]
    return indices
