"""Reading of images and volumes."""

import math
import os
import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from .._checks import check_path
from ._memory import Limit, check_expansion
from ._optional import import_optional
from ._read_numpy import read_numpy
from ._read_tiff import read_tiff

TIFF = (".tif", ".tiff")
FOLDER_SUFFIXES = (*TIFF, ".png", ".bmp", ".jpg", ".jpeg", ".pgm", ".npy", ".npz")


def read_images(source, *, volume=False, key=None, max_expansion=100.0):
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
    max_expansion : float, default=100.0
        Bytes that images take for each byte of their file, at most: a small compressed file
        can ask for all memory. Images of up to 64 MiB are read in any case; ``numpy.inf`` reads
        all.

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
        (grey levels stored as equal RGB channels are accepted), if its images take more than
        ``max_expansion`` allows, if the shapes of two files differ, or no type of NumPy has the
        values of all. The message names the file.
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
    check_expansion(max_expansion)
    paths = _paths(source)
    stacks = [_as_stack(_read_file(path, key, max_expansion), path, volume) for path in paths]
    for path, stack in zip(paths, stacks, strict=True):
        if stack.shape[1:] != stacks[0].shape[1:]:
            raise ValueError(
                f"all files must hold images of one shape: {paths[0]} has "
                f"{stacks[0].shape[1:]}, {path} has {stack.shape[1:]}."
            )
    return stacks[0] if len(stacks) == 1 else _joined(np.concatenate, stacks, paths)


def _joined(join, arrays, names=None):
    """Return arrays as one, or raise ValueError if their common type changes values."""
    common = np.result_type(*arrays)
    if common.kind == "f":
        exact = 2 ** (np.finfo(common).nmant + 1)
        for k, array in enumerate(arrays):
            if array.dtype.kind in "iu" and (array.max() > exact or array.min() < -exact):
                kinds = sorted({str(array.dtype) for array in arrays})
                raise ValueError(
                    f"{names[k] if names else 'a page'} holds integers that change in {common}, "
                    f"the common type of {', '.join(kinds)}."
                )
    return join(arrays)


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


def _read_file(path, key, max_expansion):
    suffix, limit = path.suffix.lower(), Limit(path, max_expansion)
    try:
        if suffix in (".npy", ".npz"):
            array = read_numpy(path, key, limit)
        else:
            array = (_read_pages if suffix in TIFF else _read_picture)(path, limit)
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


def _read_pages(path, limit):
    arrays, axes = read_tiff(path, limit)
    if axes[-1] == "S":
        arrays = [_grey(array) for array in arrays]
    return arrays[0] if len(arrays) == 1 else _joined(np.stack, arrays)


def _read_picture(path, limit):
    imageio = import_optional("imageio.v3")
    with open(path, "rb") as file, imageio.imopen(file, "r", extension=path.suffix) as picture:
        header = picture.properties()
        limit.check(math.prod(header.shape) * header.dtype.itemsize)
        array = np.asarray(picture.read())
    return _grey(array) if array.ndim > 2 else array


def _grey(array):
    """Drop the channel axis of grey levels that are stored as colours."""
    channels = array[..., :3] if array.shape[-1] > 2 else array[..., :1]
    if (channels != channels[..., :1]).any():
        raise ValueError(f"a colour image of shape {array.shape}, needed is one channel.")
    return channels[..., 0]
