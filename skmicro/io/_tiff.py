"""TIFF: plain, or in the convention of ImageJ where voxels have a place in space."""

import numpy as np

from .._files import PlainFile, atomic_path
from ._integers import as_unsigned
from ._optional import import_optional
from ._placement import check_origin, check_spacing

# Resolutions are fractions of integers of 32 bits.
LENGTHS = (1e-9, 1e9)


def write_tiff(path, images, spacing, origin):
    """Write one page for each image or slice."""
    tifffile = import_optional("tifffile")
    options = {} if spacing is None and origin is None else _placed(images, spacing, origin)
    images = options.pop("images", images)
    images = images.astype(images.dtype.newbyteorder("="), copy=False)
    pages = iter(images.reshape(-1, *images.shape[-2:]))
    options |= {"shape": images.shape, "dtype": images.dtype}
    with atomic_path(path) as temporary, PlainFile(temporary) as file:
        tifffile.imwrite(file, pages, photometric="minisblack", **options)


def _placed(images, spacing, origin):
    """Return options of ``tifffile.imwrite``, and the images in a type that ImageJ has.

    ImageJ has the lengths in x and y as resolutions, that in z as ``spacing``, and the voxel
    indices of the point zero as ``xorigin``, ``yorigin`` and ``zorigin``.
    """
    if min(images.shape[1:]) < 2:
        raise ValueError(
            "images must have two voxels along each axis for TIFF with spacing or origin, "
            f"got images of shape {images.shape[1:]}."
        )
    n_axes = images.ndim - 1
    lengths = check_spacing(spacing, n_axes, *LENGTHS)[::-1]
    corner = check_origin(origin, n_axes)[::-1]
    metadata = {"axes": "TZYX" if n_axes == 3 else "TYX"}
    if n_axes == 3:
        metadata["spacing"] = lengths[2]
    if origin is not None:
        zero = [0.0 - start / length for start, length in zip(corner, lengths, strict=True)]
        metadata |= {f"{axis}origin": value for axis, value in zip("xyz", zero, strict=False)}
    return {
        "images": _as_imagej(images),
        "imagej": True,
        "resolution": (1.0 / lengths[0], 1.0 / lengths[1]),
        "resolutionunit": "NONE",
        "metadata": metadata,
    }


def _as_imagej(images):
    """Return the same values in one of the types that ImageJ has."""
    if images.dtype.kind != "f":
        images = as_unsigned(
            images, "TIFF with spacing or origin", "one .vti for each volume, or .npy without them"
        )
        return images.astype(np.uint8) if images.dtype == bool else images
    single = images.astype(np.float32)
    if not np.array_equal(single, images, equal_nan=True):
        raise ValueError(
            "images must be float32 for TIFF with spacing or origin, "
            f"got dtype {images.dtype}; convert them, or use .vti."
        )
    return single
