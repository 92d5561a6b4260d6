"""Reading of TIFF: all pages or none."""

import math
import struct

from ._optional import import_optional

BIG = 43
"""Version of files with offsets of 64 bits."""


def read_tiff(path, limit):
    """Return the arrays of a file, one for each series of pages, and the axes of all."""
    with import_optional("tifffile").TiffFile(path) as file:
        n_pages = _count_pages(file)
        if len(file.pages) != n_pages:
            raise ValueError(f"{n_pages - len(file.pages)} of {n_pages} pages are damaged.")
        shapes = {series.shape for series in file.series}
        if len(shapes) > 1:
            raise ValueError(f"pages must have one shape, got {sorted(shapes)}.")
        axes = file.series[0].axes
        if "C" in axes or "S" in axes[:-1]:
            raise ValueError(f"images must have one channel, got axes {axes}.")
        limit.check(sum(series.nbytes for series in file.series))
        for series in file.series:
            page = series.keyframe
            limit.check(math.prod(page.chunks) * page.dtype.itemsize)
        return [series.asarray() for series in file.series], axes


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
