"""Writing of images and volumes."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.io import savemat

from .._checks import check_path
from .._files import PlainFile, atomic_folder, atomic_path
from .._typing import PathLike
from ..images import separated
from ._headed import write_metaimage, write_nrrd, write_raw, write_vtk
from ._integers import as_unsigned
from ._optional import import_optional
from ._placement import Place
from ._tiff import write_tiff
from ._units import check_unit
from ._vti import write_vti

PLACED = {
    ".tif": write_tiff, ".tiff": write_tiff, ".vti": write_vti, ".vtk": write_vtk,
    ".mha": write_metaimage, ".mhd": write_metaimage, ".nrrd": write_nrrd,
}  # fmt: skip
NAMED = (".vti", ".npz", ".h5", ".hdf5", ".mat")


def write_images(
    path: PathLike,
    images,
    *,
    volume: bool = False,
    spacing: float | Sequence | None = None,
    origin: Sequence | None = None,
    unit: str | None = None,
    key: str | None = None,
):
    """Write images or volumes; the suffix of the path chooses the format.

    Parameters
    ----------
    path : path-like
        ``.npy``, ``.npz``, ``.h5``, ``.hdf5``: the array. ``.mat``: the array with the images, or
        slices, last, as MATLAB has them. ``.raw``: its numbers alone, little-endian. ``.tif``,
        ``.tiff``: one page per image or slice, and ``.ome.tif`` with the metadata of OME. ``.png``:
        a single image. ``.vti``, ``.vtk`` (legacy), ``.mha``, ``.mhd`` with a file ``.raw`` of the
        same name beside it, ``.nrrd``: a single volume (or image), for VTK, ITK and others. No
        suffix: a new or empty folder, with one PNG per image. An existing file is replaced, at once
        and only when the new one is complete.
    images : array-like of shape (n, H, W), (n, D, H, W) or (H, W)
        Numbers or booleans. PNG takes integers from 0 to 65535 and booleans. Integers of 32 and 64
        bits are stored in the smallest type that has them, other than in ``.npy``, ``.npz``,
        HDF5, ``.mat`` and ``.raw``.
    volume : bool, default=False
        Whether three axes are those of one volume (D, H, W).
    spacing : float or sequence of float, default=None
        Edge lengths of a voxel along the axes of an image, in their order; only for
        TIFF, ``.vti``, ``.vtk``, ``.mha``, ``.mhd`` and ``.nrrd``. The default is 1.
    origin : sequence of float, default=None
        Corner of the first voxel along the axes of an image, in their order; only for
        the same. The default is 0.
    unit : str, default=None
        Unit of both, such as ``"um"``; only for the same without ``.vtk``. MetaImage has ``"um"``,
        ``"mm"`` and ``"cm"``.
    key : str, default=None
        Name of the array in ``.vti``, ``.npz``, HDF5 and ``.mat``. The default is ``"image"`` in
        the first, ``"images"`` in the others. ``"material"`` is the name that DAMASK loads, and is
        stored as integers with a sign and of 32 bits, which it asks for.

    Raises
    ------
    ValueError
        If the format is unknown or cannot hold these images, or voxels are masked.
    TypeError
        If ``path`` is no path.
    FileNotFoundError
        If the folder that shall hold the file does not exist.
    OSError
        If the file cannot be written, as on a full disk; it has ``errno`` and the path. An old file
        stays.
    FileExistsError
        If the path has no suffix and is neither new nor an empty folder.
    ImportError
        If TIFF or PNG is written without the extra ``images``, HDF5 without the extra ``files``.

    Notes
    -----
    In the coordinates of a file, x runs along the last axis of an image, z along the first of a
    volume.

    TIFF as such has no coordinates; with ``spacing`` or ``origin`` it is written in the convention
    of ImageJ, which `tifffile` and Fiji read. That has integers from 0 to 65535, as which booleans
    and integers are stored, and single precision; its images have two voxels along each axis at
    least, with lengths from 1e-9 to 1e9. The origin is stored as the voxel index of the point zero,
    ``-origin / spacing``. MetaImage and NRRD have the centre of the first voxel in place of its
    corner.
    """
    check_path("path", path)
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in {**_WRITERS, **PLACED}:
        raise ValueError(
            f"path must end in one of {', '.join(filter(None, {**_WRITERS, **PLACED}))}, or name "
            f"a folder, got {path}."
        )
    for name, value in [("spacing", spacing), ("origin", origin), ("unit", unit)]:
        if value is not None and suffix not in PLACED:
            raise ValueError(
                f"{name} must be None for files other than {', '.join(PLACED)}, got {value!r}."
            )
    if key is not None and (suffix not in NAMED or not isinstance(key, str) or not key):
        raise ValueError(f"key must be a name for {', '.join(NAMED)}, else None, got {key!r}.")
    place = Place(spacing, origin, check_unit(unit))
    kind = type(images).__name__
    images, unknown = separated(images)
    if unknown is not None:
        raise ValueError(
            f"write_images does not support masked voxels, got {np.count_nonzero(unknown)} in "
            "images: images.filled(value) gives them a value, and NaN is one in an array of floats."
        )
    images = np.asarray(images)
    if images.dtype.kind not in "biuf" or images.ndim not in (2, 3, 4) or not images.size:
        got = f"shape {images.shape} and dtype {images.dtype}" if images.ndim else kind
        raise ValueError(f"images must be numbers of shape (n, H, W) or (n, D, H, W), got {got}.")
    if images.ndim == 2 or (images.ndim == 3 and volume):
        images = images[None]
    if suffix in PLACED:
        PLACED[suffix](path, images, place, key)
    else:
        _WRITERS[suffix](path, images, key=key or "images")


def _write_npy(path, images, key):
    with atomic_path(path) as temporary, PlainFile(temporary) as file:
        np.save(file, images, allow_pickle=False)


def _write_npz(path, images, key):
    with atomic_path(path) as temporary, PlainFile(temporary) as file:
        np.savez(file, **{key: images})


def _write_hdf5(path, images, key):
    h5py = import_optional("h5py")
    with atomic_path(path) as temporary, PlainFile(temporary) as file, h5py.File(file, "w") as tree:
        tree.create_dataset(key, data=images)


def _write_matlab(path, images, key):
    with atomic_path(path) as temporary, PlainFile(temporary) as file:
        last = np.moveaxis(images, 0, -1) if images.ndim == 3 else images.transpose(2, 3, 1, 0)
        savemat(file, {key: last.squeeze(-1) if last.ndim == 4 and len(images) == 1 else last})


def _write_png(path, images, key):
    if len(images) > 1:
        raise ValueError(f"a .png file holds one image, got {len(images)}; name a folder instead.")
    pillow = import_optional("PIL.Image")
    image = _as_png(images)[0]
    with atomic_path(path) as temporary:
        temporary.write_bytes(_png(pillow, image))


def _write_folder(path, images, key):
    pillow = import_optional("PIL.Image")
    images = _as_png(images)
    digits = len(str(len(images) - 1))
    with atomic_folder(path) as folder:
        for index, image in enumerate(images):
            (folder / f"image_{index:0{digits}d}.png").write_bytes(_png(pillow, image))


def _png(pillow, image):
    content = io.BytesIO()
    pillow.fromarray(np.ascontiguousarray(image)).save(content, "PNG")
    return content.getvalue()


def _as_png(images):
    if images.ndim != 3:
        raise ValueError(
            f"PNG holds 2-D images, got volumes of shape {images.shape[1:]}; "
            "use .tif, .npy or .vti."
        )
    return as_unsigned(images, "PNG", ".tif or .npy")


_WRITERS = {
    "": _write_folder,
    ".npy": _write_npy,
    ".npz": _write_npz,
    ".png": _write_png,
    ".h5": _write_hdf5,
    ".hdf5": _write_hdf5,
    ".mat": _write_matlab,
    ".raw": write_raw,
}
