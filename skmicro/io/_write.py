"""Writing of images and volumes."""

from pathlib import Path

import numpy as np

from .._checks import check_path
from .._files import PlainFile, atomic_folder, atomic_path
from ._integers import as_unsigned
from ._optional import import_optional
from ._tiff import write_tiff
from ._vti import write_vti

PLACED = {".tif": write_tiff, ".tiff": write_tiff, ".vti": write_vti}


def write_images(path, images, *, volume=False, spacing=None, origin=None):
    """Write images or volumes; the suffix of the path chooses the format.

    Parameters
    ----------
    path : path-like
        ``.npy``: the array. ``.tif``, ``.tiff``: one page per image or slice. ``.png``: a
        single image. ``.vti``: a single volume (or image) as cell data of VTK image data.
        No suffix: a new or empty folder, with one PNG per image. An existing file is
        replaced, at once and only when the new one is complete.
    images : array-like of shape (n, H, W), (n, D, H, W) or (H, W)
        Numbers or booleans. PNG takes integers from 0 to 65535 and booleans.
    volume : bool, default=False
        Whether three axes are those of one volume (D, H, W).
    spacing : float or sequence of float, default=None
        Edge lengths of a voxel along the axes of an image, in their order; only for
        ``.vti`` and TIFF. The default is 1.
    origin : sequence of float, default=None
        Corner of the first voxel along the axes of an image, in their order; only for
        ``.vti`` and TIFF. The default is 0.

    Raises
    ------
    ValueError
        If the format is unknown or cannot hold these images.
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
        If TIFF or PNG is written without the extra ``images``.

    Notes
    -----
    In the coordinates of a file, x runs along the last axis of an image, z along the first of a
    volume.

    TIFF as such has no coordinates; with ``spacing`` or ``origin`` it is written in the convention
    of ImageJ, which `tifffile` and Fiji read. That has integers from 0 to 65535, as which booleans
    and integers are stored, and single precision; its images have two voxels along each axis at
    least, with lengths from 1e-9 to 1e9. The origin is stored as the voxel index of the point zero,
    ``-origin / spacing``.
    """
    check_path("path", path)
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in {**_WRITERS, **PLACED}:
        raise ValueError(
            f"path must end in .npy, .tif, .tiff, .png or .vti, or name a folder, got {path}."
        )
    for name, value in [("spacing", spacing), ("origin", origin)]:
        if value is not None and suffix not in PLACED:
            raise ValueError(
                f"{name} must be None for files other than {', '.join(PLACED)}, got {value!r}."
            )
    kind = type(images).__name__
    images = np.asarray(images)
    if images.dtype.kind not in "biuf" or images.ndim not in (2, 3, 4) or not images.size:
        got = f"shape {images.shape} and dtype {images.dtype}" if images.ndim else kind
        raise ValueError(f"images must be numbers of shape (n, H, W) or (n, D, H, W), got {got}.")
    if images.ndim == 2 or (images.ndim == 3 and volume):
        images = images[None]
    if suffix in PLACED:
        PLACED[suffix](path, images, spacing, origin)
    else:
        _WRITERS[suffix](path, images)


def _write_npy(path, images):
    with atomic_path(path) as temporary, PlainFile(temporary) as file:
        np.save(file, images, allow_pickle=False)


def _write_png(path, images):
    if len(images) > 1:
        raise ValueError(f"a .png file holds one image, got {len(images)}; name a folder instead.")
    imageio = import_optional("imageio.v3")
    image = _as_png(images)[0]
    with atomic_path(path) as temporary:
        temporary.write_bytes(imageio.imwrite("<bytes>", image, extension=".png"))


def _write_folder(path, images):
    imageio = import_optional("imageio.v3")
    images = _as_png(images)
    digits = len(str(len(images) - 1))
    with atomic_folder(path) as folder:
        for index, image in enumerate(images):
            picture = imageio.imwrite("<bytes>", image, extension=".png")
            (folder / f"image_{index:0{digits}d}.png").write_bytes(picture)


def _as_png(images):
    if images.ndim != 3:
        raise ValueError(
            f"PNG holds 2-D images, got volumes of shape {images.shape[1:]}; "
            "use .tif, .npy or .vti."
        )
    return as_unsigned(images, "PNG", ".tif or .npy")


_WRITERS = {"": _write_folder, ".npy": _write_npy, ".png": _write_png}
