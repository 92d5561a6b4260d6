"""Which files are meant."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

from .._checks import check_path

TIFF = (".tif", ".tiff")
PICTURES = (".png", ".bmp", ".jpg", ".jpeg", ".pgm", ".pbm")
VOLUMES = (".vti", ".vtk", ".mha", ".mhd", ".nrrd", ".nhdr", ".h5", ".hdf5", ".dream3d", ".mat")
FOLDER_SUFFIXES = (*TIFF, *PICTURES, ".npy", ".npz", *VOLUMES)


def paths_of(source):
    """Return the files that a source names, those of a folder in natural order."""
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
