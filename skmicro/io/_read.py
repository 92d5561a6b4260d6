"""Reading of images and volumes."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from .._typing import PathLike
from ._arrange import arranged
from ._memory import Limit, check_expansion
from ._paths import TIFF, paths_of
from ._read_hdf5 import read_hdf5
from ._read_matlab import read_matlab
from ._read_metaimage import read_metaimage
from ._read_nrrd import read_nrrd
from ._read_numpy import read_numpy
from ._read_picture import read_picture
from ._read_raw import read_raw
from ._read_tiff import joined, read_tiff
from ._read_vti import read_vti
from ._read_vtk import read_vtk

WITH_KEY = {
    ".npy": read_numpy, ".npz": read_numpy, ".vti": read_vti, ".vtk": read_vtk, ".mat": read_matlab,
    **dict.fromkeys((".h5", ".hdf5", ".hdf", ".dream3d", ".h5ebsd"), read_hdf5),
    **dict.fromkeys(TIFF, read_tiff),
}  # fmt: skip
HEADED = {".mha": read_metaimage, ".mhd": read_metaimage, ".nrrd": read_nrrd, ".nhdr": read_nrrd}
RAW = (".raw", ".bin")


def read_images(
    source: PathLike | Sequence,
    *,
    volume: bool | None = None,
    axes: str | None = None,
    key: str | int | None = None,
    shape: tuple[int, ...] | None = None,
    dtype=None,
    as_list: bool = False,
    return_place: bool = False,
    max_expansion: float = 100.0,
):
    """Read images or volumes from files into one array.

    Parameters
    ----------
    source : path-like or sequence of path-like
        A file, a folder, or several files. Of a folder, all files with the suffix of a
        known image format are read, in natural order of their names (``image_2`` before
        ``image_10``).
    volume : bool, default=None
        Whether a file with three axes (a multi-page TIFF, an array) is one volume rather
        than a stack of images, and several files with an image each are the slices of one. ``None``
        means so for VTI, VTK, MetaImage, NRRD and DREAM.3D, which have axes of space.
    axes : str, default=None
        What the axes of each file are, in the order in which its array has them: ``"N"`` for
        images, ``"Z"``, ``"Y"`` and ``"X"``. ``"NYX"`` is a stack of images, ``"ZYX"`` a volume,
        ``"XYZ"`` a volume that begins with x. The default is what the file says, and the order
        N, Z, Y, X. Needed for TIFF whose planes are stored as channels, and for MATLAB arrays of
        three axes.
    key : str or int, default=None
        Name of the array to take from NPZ, VTI, VTK, HDF5 and MATLAB files, a path within HDF5;
        number of the series of pages of a TIFF. Needed where there are several.
    shape : tuple of int, default=None
        Sides of the array in a file without header (``.raw``, ``.bin``), slowest axis first.
    dtype : data-type, default=None
        Its type, such as ``"uint8"``, or ``">u2"`` where the most significant byte is first.
    as_list : bool, default=False
        Whether to return a list with an array for each image, which may have several sizes.
    return_place : bool, default=False
        Whether to return the size and the place of the voxels as well.
    max_expansion : float, default=100.0
        Bytes that images take for each byte of their file, at most: a small compressed file
        can ask for all memory. Images of up to 64 MiB are read in any case; ``numpy.inf`` reads
        all.

    Returns
    -------
    images : ndarray of shape (n, H, W) or (n, D, H, W), or list of ndarray
        The images of all files, one after the other, with the values of the files.
    place : dict
        ``"spacing"``: edge lengths of a voxel along the axes of an image, in their order.
        ``"origin"``: corner of the first voxel, in the same way. ``"unit"``: unit of both, such as
        ``"um"``. None for what the files do not say. :func:`.write_images` takes them as
        keywords. Only with ``return_place=True``.

    Raises
    ------
    FileNotFoundError
        If a file does not exist, or a folder holds no image.
    ValueError
        If a file cannot be read or holds something other than images with one channel
        (grey levels stored as equal RGB channels are accepted), if its images take more than
        ``max_expansion`` allows, if the shapes of two files differ, no type of NumPy has the
        values of all, or their voxels have several sizes. The message names the file.
    TypeError
        If ``source`` is neither a path nor a sequence of paths.
    ImportError
        If a TIFF, PNG or other picture is read without the extra ``images``, NRRD or HDF5 without
        the extra ``files``.

    Notes
    -----
    Values are those of the file, and those that its writer meant: grey levels of a TIFF in which 0
    is white are turned around, those of a PGM are not stretched, a palette of greys gives grey
    levels and one of colours the indices that it colours.

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
    paths = paths_of(source)
    read = partial(_read_file, key=key, shape=shape, dtype=dtype, max_expansion=max_expansion)
    stacks, places = [], []
    for path, found in _slices_joined([(path, read(path)) for path in paths], volume, axes):
        stack, place = arranged(found, path, volume, axes)
        stacks.append(stack)
        places.append(place)
    if as_list:
        images = [image for stack in stacks for image in stack]
    else:
        _check_shapes(stacks, paths)
        images = stacks[0] if len(stacks) == 1 else joined(np.concatenate, stacks, paths)
    return (images, _common(places, paths)) if return_place else images


def _slices_joined(found, volume, axes):
    """Return files and what they hold, several files of a slice each as one volume."""
    flat = all(item.array.ndim == 2 for _, item in found)
    if not (volume and axes is None and flat and len(found) > 1):
        return found
    paths, slices = zip(*found, strict=True)
    _check_shapes([item.array[None] for item in slices], paths)
    first = slices[0]
    first.array = joined(np.stack, [item.array for item in slices], paths)
    first.spacing, first.origin = (
        values and (None, *values) for values in (first.spacing, first.origin)
    )
    return [(paths[0], first)]


def _check_shapes(stacks, paths):
    for path, stack in zip(paths, stacks, strict=False):
        if stack.shape[1:] != stacks[0].shape[1:]:
            raise ValueError(
                f"all files must hold images of one shape: {paths[0]} has "
                f"{stacks[0].shape[1:]}, {path} has {stack.shape[1:]}; as_list=True returns a list "
                "of images of several sizes, which extract_patches takes."
            )


def _common(places, paths):
    for path, place in zip(paths, places, strict=False):
        for name in ("spacing", "unit"):
            if place[name] != places[0][name]:
                raise ValueError(
                    f"all files must have voxels of one size: {paths[0]} has {name} "
                    f"{places[0][name]}, {path} has {place[name]}."
                )
    origins = {place["origin"] for place in places}
    return places[0] | {"origin": origins.pop() if len(origins) == 1 else None}


def _read_file(path, *, key, shape, dtype, max_expansion):
    suffix = path.suffix.lower()
    try:
        if suffix in RAW:
            found = read_raw(path, shape, dtype, Limit(path, max_expansion))
        elif suffix in WITH_KEY:
            found = WITH_KEY[suffix](path, key, Limit(path, max_expansion))
        elif suffix in HEADED:
            found = HEADED[suffix](path, max_expansion)
        else:
            found = read_picture(path, Limit(path, max_expansion))
    except (ImportError, MemoryError):
        raise
    except Exception as error:  # the readers raise errors of any type on damaged files
        raise ValueError(f"cannot read {path}: {error}") from error
    array = found.array
    if array.dtype.kind not in "biuf" or not array.size:
        raise ValueError(
            f"{path} must hold numbers, got shape {array.shape} and dtype {array.dtype}."
        )
    return found
