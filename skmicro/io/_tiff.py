"""TIFF: plain, or in the convention of ImageJ or OME where voxels have a place in space."""

from fractions import Fraction

import numpy as np

from .._files import PlainFile, atomic_path
from ._integers import as_unsigned, in_smallest_type
from ._optional import import_optional
from ._placement import check_origin, check_spacing

# Resolutions are fractions of integers of 32 bits.
LENGTHS = (1e-9, 1e9)
OME_UNITS = {"um": "µm"}


def write_tiff(path, images, place, key=None):
    """Write one page for each image or slice."""
    tifffile = import_optional("tifffile")
    if path.name.lower().endswith((".ome.tif", ".ome.tiff")):
        options = _of_ome(images, place)
    else:
        options = {} if place.is_empty else _of_imagej(images, place)
    images = in_smallest_type(options.pop("images", images))
    images = images.astype(images.dtype.newbyteorder("="), copy=False)
    pages = iter(images.reshape(-1, *images.shape[-2:]))
    options |= {"shape": images.shape, "dtype": images.dtype}
    with atomic_path(path) as temporary, PlainFile(temporary) as file:
        tifffile.imwrite(file, pages, photometric="minisblack", **options)


def _of_ome(images, place):
    """Return options of ``tifffile.imwrite``: lengths and unit, and the place of the planes."""
    n_axes = images.ndim - 1
    metadata = {"axes": "TZYX" if n_axes == 3 else "TYX"}
    unit = OME_UNITS.get(place.unit, place.unit or "µm")
    if place.spacing is not None:
        lengths = check_spacing(place.spacing, n_axes)[::-1]
        for axis, length in zip("XYZ", lengths, strict=False):
            metadata |= {f"PhysicalSize{axis}": length, f"PhysicalSize{axis}Unit": unit}
    if place.origin is not None:
        corner = check_origin(place.origin, n_axes)[::-1]
        n_planes = images.shape[0] * (images.shape[1] if n_axes == 3 else 1)
        metadata["Plane"] = {}
        for axis, value in zip("XYZ", corner, strict=False):
            metadata["Plane"][f"Position{axis}"] = [value] * n_planes
            metadata["Plane"][f"Position{axis}Unit"] = [unit] * n_planes
    return {"ome": True, "metadata": metadata}


def _of_imagej(images, place):
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
    lengths = check_spacing(place.spacing, n_axes, *LENGTHS)[::-1]
    corner = check_origin(place.origin, n_axes)[::-1]
    metadata = {"axes": "TZYX" if n_axes == 3 else "TYX"}
    if n_axes == 3:
        metadata["spacing"] = lengths[2]
    if place.unit is not None:
        metadata["unit"] = place.unit
    if place.origin is not None:
        zero = [0.0 - start / length for start, length in zip(corner, lengths, strict=True)]
        metadata |= {f"{axis}origin": value for axis, value in zip("xyz", zero, strict=False)}
    return {
        "images": _as_imagej(images),
        "imagej": True,
        "resolution": (_per_unit(lengths[0]), _per_unit(lengths[1])),
        "resolutionunit": "NONE",
        "metadata": metadata,
    }


def _per_unit(length):
    """Return voxels per unit as a quotient of 32-bit integers, the nearest there is.

    tifffile rounds a number itself, before 2026.2.20 by 7 % for a nanometre in metres.
    """
    exact, largest = 1 / Fraction(length), 2**32 - 1
    nearest = exact.limit_denominator(min(largest, int(largest / exact)))
    return nearest.numerator, nearest.denominator


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
