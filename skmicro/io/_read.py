"""Reading of images and volumes."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from .._checks import check_path
from ._optional import import_optional

TIFF = (".tif", ".tiff")
FOLDER_SUFFIXES = (*TIFF, ".png", ".bmp", ".jpg", ".jpeg", ".pgm", ".npy", ".npz")


def read_images(source, *, volume=False, key=None):
    """Read images or volumes from files into one array.

    Parameters
    ----------
    source : path-like or sequence of path-like
        A file, a folder, or several files. Of a folder, all files with the suffix of a
        known image format are read, in natural order of their names (``image_2`` before
        ``image_10``).
    volume : bool, default=False
        Whether a file with three axes (a multi-page TIFF, an array) is one volume rather
        than a stack of images.
    key : str, default=None
        Name of the array to take from NPZ files; needed where they hold several.

    Returns
    -------
    images : ndarray of shape (n, H, W) or (n, D, H, W)
        The images of all files, one after the other, with the values of the files.

    Raises
    ------
    FileNotFoundError
        If a file does not exist, or a folder holds no image.
    ValueError
        If a file cannot be read or holds something other than images with one channel
        (grey levels stored as equal RGB channels are accepted), or if the shapes of two
        files differ. The message names the file.
    TypeError
        If ``source`` is neither a path nor a sequence of paths.
    ImportError
        If a TIFF, PNG or other image file is read without the extra ``images``.

    Notes
    -----
    A folder of slices is read as a stack of n images; ``read_images(folder)[None]`` is the
    volume.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from skmicro.io import read_images, write_images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_images(f"{folder}/stack.npy", np.zeros((3, 8, 8), dtype=np.uint8))
    ...     read_images(folder).shape
    (3, 8, 8)
    """
    paths = _paths(source)
    stacks = [_as_stack(_read_file(path, key), path, volume) for path in paths]
    for path, stack in zip(paths, stacks, strict=True):
        if stack.shape[1:] != stacks[0].shape[1:]:
            raise ValueError(
                f"all files must hold images of one shape: {paths[0]} has "
                f"{stacks[0].shape[1:]}, {path} has {stack.shape[1:]}."
            )
    return stacks[0] if len(stacks) == 1 else np.concatenate(stacks)


def _paths(source):
    if not isinstance(source, (str, os.PathLike)):
        if not isinstance(source, Iterable):
            raise TypeError(f"source must be a path or a sequence of paths, got {source!r}.")
        paths = [_path(item) for item in source]
        if not paths:
            raise ValueError("source must name at least one file, got an empty sequence.")
    elif Path(source).is_dir():
        known = (p for p in Path(source).iterdir() if p.suffix.lower() in FOLDER_SUFFIXES)
        paths = sorted((p for p in known if p.name[0] != "."), key=_natural_order)
        if not paths:
            raise FileNotFoundError(
                f"source must hold images ({', '.join(FOLDER_SUFFIXES)}), got folder {source}."
            )
    else:
        paths = [Path(source)]
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(f"source must name existing files, got {path}.")
    return paths


def _path(item):
    check_path("source", item)
    return Path(item)


def _natural_order(path):
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", path.name)]


def _read_file(path, key):
    suffix = path.suffix.lower()
    try:
        if suffix in (".npy", ".npz"):
            array = _read_numpy(path, key)
        else:
            array = _read_tiff(path) if suffix in TIFF else _read_picture(path)
    except (ImportError, MemoryError):
        raise
    except Exception as error:  # the readers raise errors of any type on damaged files
        raise ValueError(f"cannot read {path}: {error}") from error
    if array.dtype.kind not in "biuf" or not array.size:
        raise ValueError(
            f"{path} must hold numbers, got shape {array.shape} and dtype {array.dtype}."
        )
    return array


def _as_stack(array, path, volume):
    if array.ndim == 4 or (array.ndim == 3 and not volume):
        return array
    if array.ndim == (3 if volume else 2):
        return array[None]
    wanted = "a volume (3 axes, or 4 for several)" if volume else "images (2, 3 or 4 axes)"
    raise ValueError(f"{path} must hold {wanted}, got shape {array.shape}.")


def _read_numpy(path, key):
    with open(path, "rb") as file:
        content = np.load(file, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return content
        if key is None and len(content.files) == 1:
            key = content.files[0]
        if key not in content.files:
            raise ValueError(f"key must be one of {content.files}, got {key!r}.")
        return content[key]


def _read_tiff(path):
    with import_optional("tifffile").TiffFile(path) as file:
        shapes = {series.shape for series in file.series}
        if len(shapes) > 1:
            raise ValueError(f"pages must have one shape, got {sorted(shapes)}.")
        axes = file.series[0].axes
        if "C" in axes or "S" in axes[:-1]:
            raise ValueError(f"images must have one channel, got axes {axes}.")
        arrays = [series.asarray() for series in file.series]
    if axes[-1] == "S":
        arrays = [_grey(array) for array in arrays]
    return arrays[0] if len(arrays) == 1 else np.stack(arrays)


def _read_picture(path):
    imageio = import_optional("imageio.v3")
    with open(path, "rb") as file:
        array = imageio.imread(file, extension=path.suffix)
    return _grey(array) if array.ndim > 2 else array


def _grey(array):
    """Drop the channel axis of grey levels that are stored as colours."""
    channels = array[..., :3] if array.shape[-1] > 2 else array[..., :1]
    if (channels != channels[..., :1]).any():
        raise ValueError(f"a colour image of shape {array.shape}, needed is one channel.")
    return channels[..., 0]
