"""Reading of TIFF: all pages or none."""

import math
import struct
from functools import partial
from importlib.util import find_spec

import numpy as np

from ._blocks import check_packed
from ._channels import from_palette, one_channel
from ._found import Found
from ._optional import import_optional
from ._place_in_tiff import place_of

BIG = 43
"""Version of files with offsets of 64 bits."""
BY_TIFFFILE = {1, 8, 32773, 32946, 34925}
"""Compressions that tifffile decodes by itself: none, deflate, packbits, LZMA."""
PACKINGS = {8: "zlib", 32946: "zlib", 34925: "lzma"}
"""Those of them that make many bytes of few."""


def read_tiff(path, key, limit):
    """Return the images of a file; ``key`` is the number of a series of pages."""
    tifffile = import_optional("tifffile")
    with tifffile.TiffFile(path) as file:
        n_pages = _count_pages(file)
        if len(file.pages) != n_pages:
            raise ValueError(f"{n_pages - len(file.pages)} of {n_pages} pages are damaged.")
        chosen = _chosen(file, key)
        limit.check(sum(series.nbytes for series in chosen))
        for series in chosen:
            page = series.keyframe
            limit.check(math.prod(page.chunks) * page.dtype.itemsize)
            for one in series.pages:
                _check_segments(file.filehandle, one, limit)
        if file.is_ome and any(page is None for series in chosen for page in series.pages):
            raise ValueError("some of its pages lie in other files, which are not there.")
        arrays = [_array(file, series, path) for series in chosen]
        axes = chosen[0].axes.removesuffix("S")
        spacing, origin, unit = place_of(file, axes)
    if len(arrays) > 1:
        array = joined(np.stack, arrays)
        spacing, origin = ((None, *values) if values else None for values in (spacing, origin))
    else:
        array = arrays[0]
    doubt = None
    if "C" in axes or "S" in axes:
        planes = axes.replace("C", "N").replace("S", "N")
        doubt = f"images must have one channel, got axes {axes}"
        if len(axes) == 3:
            doubt += f"; if its planes are images or slices, say axes={planes!r} or axes='ZYX'"
        doubt += "."
    return Found(array, spacing, origin, unit, doubt=doubt)


def joined(join, arrays, names=None):
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


def _chosen(file, key):
    """Return the series of pages to read: not thumbnails, nor the coarse levels of pyramids."""
    if key is not None:
        if key not in range(len(file.series)):
            raise ValueError(f"key must be one of 0 to {len(file.series) - 1}, got {key!r}.")
        return [file.series[key]]
    full = [series for series in file.series if not series.keyframe.is_reduced] or file.series
    shapes = {series.shape for series in full}
    if len(shapes) > 1:
        raise ValueError(
            f"pages must have one shape, got {sorted(shapes)}; key=0 takes the first of these."
        )
    if len({series.axes for series in full}) > 1:
        raise ValueError("pages must be of one kind; key=0 takes the first.")
    return list(full)


def _array(file, series, path):
    page = series.keyframe
    by_pillow = page.compression not in BY_TIFFFILE and find_spec("imagecodecs") is None
    array = _through_pillow(series, path) if by_pillow else series.asarray()
    meant = file.is_imagej or (page.software or "").startswith("tifffile")
    if page.photometric.name == "MINISWHITE" and not meant:
        array = _inverted(array)
    elif page.photometric.name == "PALETTE" and not file.is_imagej:
        array = from_palette(array, (page.colormap >> 8).astype(np.uint8).T)
    return one_channel(array) if series.axes[-1] == "S" else array


def _check_segments(handle, page, limit):
    """Raise ValueError if a strip or tile of a page unpacks to more than it may."""
    packing = PACKINGS.get(getattr(page, "compression", None))
    if packing is None:
        return

    def read(offset, n_bytes):
        handle.seek(offset)
        return handle.read(n_bytes)

    for place in zip(page.dataoffsets, page.databytecounts, strict=True):
        check_packed(partial(read, *place), place[1], packing, limit)


def _inverted(array):
    """Return grey levels of which 0 is white as such of which 0 is black.

    Those of tifffile and ImageJ are left alone: both write the numbers that they are given, and
    say with this tag how to show them.
    """
    if array.dtype == bool:
        return ~array
    if array.dtype.kind == "u":
        return np.iinfo(array.dtype).max - array
    return array


def _through_pillow(series, path):
    """Return the pages of a series as Pillow decodes them, where tifffile needs imagecodecs."""
    page, pillow = series.keyframe, import_optional("PIL.Image")
    if page.bitspersample not in (1, 8, 16, 32):
        raise ImportError(_needs_imagecodecs(page))
    planes = []
    with pillow.open(path) as picture:
        for one in series.pages:
            try:
                picture.seek(one.index)
                plane = np.asarray(picture)
            except (OSError, ValueError, KeyError, SyntaxError) as error:
                if "decoder" in str(error) and "not available" in str(error):
                    raise ImportError(_needs_imagecodecs(page)) from error
                raise
            if plane.shape != one.shape or plane.dtype.itemsize != page.dtype.itemsize:
                raise ImportError(_needs_imagecodecs(page))
            if page.photometric.name == "MINISWHITE" and plane.dtype.itemsize == 1:
                plane = _inverted(plane)  # back to the numbers of the file
            planes.append(plane.view(page.dtype))
    return np.stack(planes).reshape(series.shape)


def _needs_imagecodecs(page):
    return (
        f"imagecodecs is needed for TIFF of {page.bitspersample} bits compressed by "
        f"{page.compression.name}: pip install imagecodecs"
    )


def _count_pages(file):
    """Follow the links from page to page, and raise ValueError unless they come to an end.

    tifffile ends at a damaged link as if there were no more pages.
    """
    tiff, handle, seen = file.tiff, file.filehandle, set()
    place = 8 if tiff.version == BIG else 4
    while True:
        try:
            offset = _number(handle, place, tiff.offsetformat, tiff.offsetsize)
            if offset == 0:
                return len(seen)
            if offset in seen:
                raise ValueError(f"the link to page {len(seen)} leads back.")
            seen.add(offset)
            n_tags = _number(handle, offset, tiff.tagnoformat, tiff.tagnosize)
        except struct.error as error:
            raise ValueError(f"the link to page {len(seen)} leads out of the file.") from error
        place = offset + tiff.tagnosize + n_tags * tiff.tagsize


def _number(handle, place, layout, size):
    handle.seek(place)
    return struct.unpack(layout, handle.read(size))[0]
