"""Images in, checked once: ``(n, *spatial)`` arrays or flat rows with ``image_shape``.

This is the only file that talks to scikit-learn's validation helpers. The images
keep their type (a stack of bytes is not blown up to floats); the estimator learns
``n_features_in_`` (voxels per image) and, in ``fit``, ``image_shape_``.
"""

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.utils.validation import _check_feature_names_in, check_array, validate_data

from .._checks import check_image_shape
from .._warnings import warn_user
from ..exceptions import ImageShapeWarning
from ._large import blocks_of, is_chunked
from ._unknown import marked, refusal, separated

COLOURS = (3, 4)
SOMETHING = "The function"
"""What refuses unknown voxels where it is not named."""
LEAST_OF_PICTURES = 16
"""Voxels along two axes from which on arrays look like pictures."""


def check_images(
    estimator,
    X: ArrayLike,
    *,
    reset: bool,
    min_samples: int = 1,
    any_size: bool = False,
    takes_unknown: bool | None = None,
) -> np.ndarray | np.ma.MaskedArray:
    """Check images and bring them to the shape ``(n_samples, *image_shape)``.

    Parameters
    ----------
    estimator : estimator instance
        Has an ``image_shape`` parameter; receives ``n_features_in_``,
        ``image_shape_`` and ``feature_names_in_`` when ``reset``.
    X : array-like or Tensor
        Images of shape (n, H, W) or (n, D, H, W), or flat rows (n, n_voxels).
    reset : bool
        Learn the shape (in ``fit``) or compare with the one learned.
    min_samples : int, default=1
        Least number of images.
    any_size : bool, default=False
        Without ``reset``, allow images, not flat rows, whose sides are others than in ``fit``.
    takes_unknown : bool or None, default=None
        Whether voxels may be masked or NaN; ``None`` means what the estimator says of itself.

    Returns
    -------
    images : ndarray or MaskedArray of shape (n_samples, *image_shape)
        The same values in the same type; a masked array only where there are unknown voxels.

    Raises
    ------
    ValueError
        If the values are not finite numbers, or unknown where the estimator has no use for that,
        the images are too few, or their shape is not allowed.
    TypeError
        If ``X`` is sparse or holds objects that are not numbers.
    """
    array, mask = separated(X)
    array = _checked(estimator, _as_array(array), reset, min_samples, any_size)
    takes_unknown = estimator.takes_unknown if takes_unknown is None else takes_unknown
    return marked(array, mask, None if takes_unknown else type(estimator).__name__)


def _checked(estimator, array, reset, min_samples, any_size):
    """Return checked images, in which NaN is allowed."""
    if n_axes(array) > 2:
        array = check_array(
            array,
            dtype="numeric",
            ensure_all_finite="allow-nan",
            allow_nd=True,
            estimator=estimator,
            input_name="X",
        )
        if array.ndim > 4:
            raise ValueError(
                "X must have shape (n, H, W), (n, D, H, W) or (n, n_voxels), "
                f"got an array of shape {array.shape}."
            )
        if 0 in array.shape:
            raise ValueError(f"X must hold images of at least one voxel, got shape {array.shape}.")
        _check_not_colour(array.shape)
        if not reset and array.shape == estimator.image_shape_:
            raise _one_image(array.shape)
        if any_size and not reset and array.ndim == 1 + len(estimator.image_shape_):
            return _numbers(array)
        _check_shape(estimator, array.shape[1:], reset)
        validate_data(estimator, array.reshape(len(array), -1), reset=reset, skip_check_array=True)
    else:
        _check_more_than_one(estimator, array, reset)
        _check_not_one_image(estimator, array, reset)
        settings = {"dtype": "numeric", "ensure_all_finite": "allow-nan"}
        array = validate_data(estimator, array, reset=reset, **settings)
    if len(array) < min_samples:
        raise ValueError(
            f"X has {len(array)} sample{'s' * (len(array) > 1)} while a minimum of {min_samples} "
            f"is required by {type(estimator).__name__}; skmicro.extract_patches cuts one image "
            "into many."
        )
    shape = _image_shape(estimator, _numbers(array), reset)
    if reset:
        estimator.image_shape_ = shape
    return array.reshape(len(array), *shape)


def _numbers(array):
    if array.dtype.kind not in "biuf":
        raise TypeError(f"X must hold numbers, got an array of type {array.dtype}.")
    return array


def check_stack(
    name: str,
    images: ArrayLike,
    image_shape: tuple[int, ...] | None = None,
    n_least: int = 1,
    *,
    refused_by: str = SOMETHING,
) -> np.ndarray:
    """Return images that belong to no estimator as an array of shape (n, *spatial).

    Parameters
    ----------
    name : str
        What errors call the images.
    images : array-like or Tensor of shape (n, *spatial)
        Images; flat rows (n, n_voxels) where ``image_shape`` says how to read them.
    image_shape : tuple of int or None, default=None
        Shape that every image must have.
    n_least : int, default=1
        Least number of images.
    refused_by : str, default="The function"
        What the error of unknown voxels, masked or NaN, says that it does not support them.

    Returns
    -------
    stack : ndarray of shape (n, *spatial)
        The same values in the same type.

    Raises
    ------
    TypeError
        If the images do not hold real numbers.
    ValueError
        If the values are unknown or not finite, the images are too few, or their shape is not
        allowed.
    """
    stack = real_numbers(name, images, refused_by)
    if image_shape is not None and stack.shape[1:] == (int(np.prod(image_shape)),):
        stack = stack.reshape(-1, *image_shape)
    if stack.ndim not in (3, 4):
        hint = f": pass {name}[None] for one image" if stack.ndim == 2 else ""
        raise ValueError(f"{name} must have shape (n, *spatial), got {stack.shape}{hint}.")
    _check_not_colour(stack.shape)
    if len(stack) < n_least:
        least = "one image" if n_least == 1 else f"{n_least} images"
        raise ValueError(f"{name} must hold at least {least}, got {len(stack) or 'none'}.")
    if image_shape is not None and stack.shape[1:] != tuple(image_shape):
        raise ValueError(
            f"{name} must hold images of shape {tuple(image_shape)}, got {stack.shape[1:]}."
        )
    return finite(name, stack, refused_by)


def check_image(
    name: str,
    image: ArrayLike,
    n_axes: tuple[int, ...] = (2, 3),
    *,
    refused_by: str = SOMETHING,
) -> np.ndarray:
    r"""Return one image that belongs to no estimator as an array of shape (\*spatial).

    Parameters
    ----------
    name : str
        What errors call the image.
    image : array-like or Tensor of shape (\*spatial)
        The image.
    n_axes : tuple of int, default=(2, 3)
        How many axes it may have.
    refused_by : str, default="The function"
        What the error of unknown voxels, masked or NaN, says that it does not support them.

    Returns
    -------
    image : ndarray of shape (\*spatial)
        The same values in the same type.

    Raises
    ------
    TypeError
        If the image does not hold real numbers.
    ValueError
        If the values are unknown or not finite, or the number of axes is another.
    """
    image = real_numbers(name, image, refused_by)
    if image.ndim not in n_axes:
        shapes = " or ".join("(H, W)" if n == 2 else "(D, H, W)" for n in n_axes)
        hint = f"; {name}[0] is one of a stack" if image.ndim == max(n_axes) + 1 else ""
        raise ValueError(f"{name} must have shape {shapes}, got {image.shape}{hint}.")
    return finite(name, image, refused_by)


def real_numbers(name, values, refused_by=SOMETHING):
    """Return the values as an array, or raise TypeError unless they are real numbers.

    Arrays in chunks stay as they are. Raises ValueError for masked values.
    """
    if is_chunked(values) and np.dtype(values.dtype).kind in "biuf":
        return values
    values, mask = separated(values)
    if mask is not None:
        raise refusal(refused_by, name, np.count_nonzero(mask))
    array = np.asarray(values.detach().cpu() if isinstance(values, torch.Tensor) else values)
    if array.dtype.kind not in "biuf":
        single = array.dtype == object and array.ndim == 0  # None, or a sparse matrix
        got = type(values).__name__ if single else f"an array of type {array.dtype}"
        raise TypeError(f"{name} must hold numbers, got {got}.")
    return array


def finite(name, array, refused_by=SOMETHING):
    """Return an array, or raise ValueError unless its values are finite."""
    if array.dtype.kind == "f" and not all(np.isfinite(part).all() for part in blocks_of(array)):
        n_unknown = sum(np.count_nonzero(np.isnan(part)) for part in blocks_of(array))
        if n_unknown:
            raise refusal(refused_by, name, n_unknown)
        raise ValueError(f"{name} must hold finite numbers, got infinity.")
    return array


def is_flat(X):
    """Tell whether ``X`` came as flat rows, the layout that answers have to keep."""
    return n_axes(X) == 2


def n_axes(X):
    """Return the number of axes of any array-like."""
    if isinstance(X, (list, tuple)) and any(map(is_chunked, X)):
        return 1 + len(X[0].shape)
    return X.ndim if hasattr(X, "ndim") else np.asarray(X).ndim


def _as_array(X):
    if isinstance(X, torch.Tensor):
        native = X.float() if X.dtype == torch.bfloat16 else X
        return native.detach().cpu().numpy()
    if isinstance(X, (list, tuple)):
        try:
            return np.asarray(X)
        except ValueError as error:
            shapes = sorted({np.shape(x) for x in X}) if _depth_is_regular(X) else "ragged rows"
            raise ValueError(
                f"X must hold images of one common shape, got shapes {shapes}."
            ) from error
    return X


def _check_more_than_one(estimator, array, reset):
    shape = getattr(array, "shape", ())
    if reset or len(shape) != 2 or shape[1] == estimator.n_features_in_:
        return
    if shape == estimator.image_shape_:
        raise _one_image(shape)


def _one_image(shape):
    return ValueError(
        f"X must hold images (n, *{shape}), got one image of shape {shape}: pass X[None]."
    )


def _check_not_colour(shape):
    """Raise ValueError if images of three axes look like colours of images of two."""
    if len(shape) == 4 and shape[-1] in COLOURS and min(shape[1:3]) >= LEAST_OF_PICTURES:
        raise ValueError(
            f"X must hold images of one channel, got shape {shape}, as colours have: pass "
            "X[..., 0] if the channels are equal, X.mean(axis=-1) for grey levels, or "
            "skmicro.read_images, which reads such files."
        )


def _check_not_one_image(estimator, array, reset):
    """Raise ValueError if flat rows of labels look like one image."""
    shape = getattr(array, "shape", ())
    if not reset or estimator.image_shape is not None or len(shape) != 2:
        return
    if np.asarray(array).dtype.kind in "biu" and min(shape) >= LEAST_OF_PICTURES:
        raise ValueError(
            f"X must hold images (n, H, W), got one array of shape {shape} that looks like an "
            "image: pass X[None] for one image, skmicro.extract_patches(X, (h, w)) for many of its "
            "parts, or image_shape for flat rows."
        )


def _depth_is_regular(images):
    try:
        return all(np.shape(image) is not None for image in images)
    except ValueError:
        return False


def _check_shape(estimator, shape, reset):
    if not reset and shape != estimator.image_shape_:
        raise ValueError(
            f"X must hold images of shape {estimator.image_shape_}, as "
            f"{type(estimator).__name__} saw in fit, got {shape}."
        )
    wanted = estimator.image_shape
    if reset and wanted is not None and shape != check_image_shape("image_shape", wanted):
        raise ValueError(f"X must hold images of image_shape={tuple(wanted)}, got {shape}.")


def _image_shape(estimator, array, reset):
    if array.ndim > 2:
        return array.shape[1:]
    if not reset:
        return estimator.image_shape_
    n_voxels = array.shape[1]
    if estimator.image_shape is None:
        warn_user(
            f"X has flat rows and image_shape is None: every row is read as a 1 x {n_voxels} "
            "image. Pass image_shape, or images of shape (n, H, W), X[None] for one of them.",
            ImageShapeWarning,
        )
        return (1, n_voxels)
    shape = check_image_shape("image_shape", estimator.image_shape)
    if int(np.prod(shape)) != n_voxels:
        raise ValueError(
            f"image_shape must have as many voxels as the rows of X ({n_voxels}), got {shape}."
        )
    return shape


def check_latents(estimator, Z, n_columns, name="Z"):
    """Return latents (n_samples, n_columns) of an estimator as float32, or raise.

    ValueError if the shape is wrong or a value is not finite; errors call them ``name``.
    """
    Z = _as_array(Z)
    shape = getattr(Z, "shape", ())
    if len(shape) != 2:
        raise ValueError(f"{name} must have shape (n, {n_columns}), got {shape}.")
    if np.ma.is_masked(Z):
        raise ValueError(f"{name} must have no masked values, got {np.ma.count_masked(Z)}.")
    Z = check_array(Z, dtype="numeric", estimator=estimator, input_name=name)
    if Z.shape[1] != n_columns:
        raise ValueError(
            f"{name} must have {n_columns} columns for this {type(estimator).__name__}, "
            f"got {Z.shape[1]}."
        )
    largest = np.abs(Z).max()
    if largest > np.finfo(np.float32).max:
        raise ValueError(f"{name} must hold numbers in single precision, got {largest:g}.")
    return Z.astype(np.float32)


def check_feature_names(estimator, input_features):
    """Check ``input_features`` of ``get_feature_names_out`` as scikit-learn does."""
    _check_feature_names_in(estimator, input_features, generate_names=False)
