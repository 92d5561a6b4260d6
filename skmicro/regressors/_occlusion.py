"""Where a regressor looks: what is lost of a prediction where a part of the image is replaced."""

from itertools import product

import numpy as np
from numpy.typing import ArrayLike

from .. import _arrays
from .._checks import check_integer, check_real
from ..images import check_stack, encoder_for, n_axes
from ..rules import estimator_with

WINDOWS_ALONG_SIDE = 8
"""Windows of the default size that the shortest side has room for."""


def occlusion_map(
    regressor,
    image: ArrayLike,
    *,
    window: int | None = None,
    stride: int | None = None,
    fill: float | None = None,
) -> np.ndarray:
    r"""Tell how much of a prediction is owed to each part of an image.

    A square window (a cube in a volume) is replaced by what the image holds on average, at one
    position after the other. What the prediction falls by is the effect of what was there [1]_.

    Parameters
    ----------
    regressor : estimator instance
        Fitted regressor of images, of any kind: only its ``predict`` is called.
    image : array-like or Tensor of shape (H, W) or (D, H, W)
        Image: phase labels (integers) or grey levels.
    window : int or None, default=None
        Side of the window in voxels; ``None`` means an eighth of the shortest side.
    stride : int or None, default=None
        Voxels from one position of the window to the next, at most ``window``; ``None`` means
        half of it. The last window of a row ends at the border.
    fill : number or None, default=None
        Label or grey level that windows are filled with; ``None`` for the average of the image,
        see the notes.

    Returns
    -------
    effects : ndarray of shape (\*spatial) or (n_outputs, \*spatial)
        Prediction for the image less that for the image with a window replaced, the mean over
        all windows that a voxel lies in; positive where the prediction is the higher for what is
        there. In the unit of the prediction.

    Raises
    ------
    TypeError
        If the regressor has no ``predict``, or something is not a number.
    ValueError
        If the image, the window, the stride or the fill is not allowed.

    Notes
    -----
    Regressors take no labels but those of their training, so that there is none for "nothing
    known". A window of labels is filled with each phase of the image in turn, and the mean of the
    predictions is taken with the fractions of the phases as weights. This keeps the fractions of
    the image on average: where a prediction is linear in them, ``a + b p1``, an effect is b times
    the share of the window in the image times what p1 in the window exceeds that of the image by.
    Exchanged phases would compare p1 in the window with one half, whatever the image, and of three
    phases there is no exchange. A window of grey levels is filled with the mean of the image.

    What is filled in has straight borders that no image of the training had. Look at windows of
    several sizes before you believe in a detail. The effects do not add up to the prediction.

    References
    ----------
    .. [1] M. D. Zeiler, R. Fergus, "Visualizing and understanding convolutional networks", ECCV
       2014, Sec. 4.2.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skmicro.descriptors import VolumeFraction
    >>> from skmicro.regressors import occlusion_map
    >>> images = np.array([[[0, 0], [0, 1]], [[0, 1], [1, 1]]])
    >>> model = make_pipeline(VolumeFraction(), LinearRegression()).fit(images, [1.0, 2.0])
    >>> occlusion_map(model, images[1], window=1).round(3)
    array([[-0.375,  0.125],
           [ 0.125,  0.125]])
    """
    estimator_with("predict")("regressor", regressor)
    image = _checked_image(image)
    window, stride = _checked_window(window, stride, image.shape)
    values, weights = _fills(image, fill)
    own = _predicted(regressor, image[None])
    starts = [_starts(side, window, stride) for side in image.shape]
    places = [tuple(slice(k, k + window) for k in corner) for corner in product(*starts)]

    def replaced(index):
        stack = np.repeat(image[None], len(index), axis=0)
        for row, number in zip(stack, index, strict=True):
            place, filling = divmod(int(number), len(values))
            row[places[place]] = values[filling]
        return _predicted(regressor, stack)

    batch_size = _arrays.inference_batch_size(image.shape)
    told = _arrays.map_batches(replaced, len(places) * len(values), batch_size)
    told = told.reshape(len(places), len(values), -1)
    losses = own.reshape(1, -1) - np.einsum("pvo,v->po", told, weights)
    effects = _mean_over_windows(losses, places, image.shape)
    return effects[0] if own.ndim == 1 else effects


def _checked_image(image):
    if n_axes(image) not in (2, 3):
        raise ValueError(
            f"image must have shape (H, W) or (D, H, W), got {tuple(np.shape(image))}."
        )
    if min(np.shape(image)) == 0:
        raise ValueError(f"image must have voxels, got shape {tuple(np.shape(image))}.")
    stack = image if hasattr(image, "ndim") else np.asarray(image)
    return check_stack("image", stack[None], refused_by="occlusion_map")[0]


def _checked_window(window, stride, shape):
    """Return side and stride of the windows."""
    if window is None:
        window = max(1, min(shape) // WINDOWS_ALONG_SIDE)
    check_integer("window", window, 1, below=min(shape) + 1)
    if stride is None:
        stride = max(1, window // 2)
    check_integer("stride", stride, 1)
    if stride > window:
        raise ValueError(f"stride must be <= window, {window}, got {stride}.")
    return int(window), int(stride)


def _fills(image, fill):
    """Return the values that a window is filled with in turn, and their weights."""
    if fill is not None:
        check_real("fill", fill)
        value = np.array([fill]).astype(image.dtype)
        if value[0] != fill and encoder_for(image[None]).phases is not None:
            raise ValueError(f"fill must be a label of type {image.dtype}, got {fill!r}.")
        return value, np.ones(1)
    if encoder_for(image[None]).phases is None:
        return np.array([image.mean()], dtype=image.dtype), np.ones(1)
    values, counts = np.unique(image, return_counts=True)
    return values, counts / image.size


def _starts(side, window, stride):
    """Return where windows start along an axis; together they cover it."""
    return sorted({*range(0, side - window, stride), side - window})


def _predicted(regressor, images):
    """Return predictions, (n,) or (n, n_outputs)."""
    told = np.asarray(regressor.predict(images), dtype=np.float64)
    if told.ndim not in (1, 2) or len(told) != len(images):
        raise ValueError(
            f"regressor must predict an array of shape ({len(images)},) or ({len(images)}, "
            f"n_outputs), got {told.shape}."
        )
    return told


def _mean_over_windows(losses, places, shape):
    """Return the mean (n_outputs, *shape) over the windows that each voxel lies in."""
    total = np.zeros((losses.shape[1], *shape))
    n_windows = np.zeros(shape)
    for place, loss in zip(places, losses, strict=True):
        total[(slice(None), *place)] += loss.reshape(-1, *[1] * len(shape))
        n_windows[place] += 1
    return total / n_windows
