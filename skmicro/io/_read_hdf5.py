"""Reading of HDF5: arrays as h5py, DREAM.3D and MATLAB 7.3 store them."""

import math
from functools import partial

import numpy as np

from ._blocks import check_packed
from ._found import Found
from ._optional import import_optional

DREAM3D = "_SIMPL_GEOMETRY"
"""Group in which files of version 7 have the geometry of their cells."""


def read_hdf5(path, key, limit):
    """Return the array of a path within a file, or its only array of two to four axes."""
    with import_optional("h5py").File(path, "r") as file:
        dataset = _dataset(file, key)
        _check(file, dataset, limit)
        array = dataset[...]
        container = dataset.parent.parent
        if DREAM3D in container or "_SPACING" in container.attrs:
            return _of_dream3d(dataset, array, container)
    return Found(array)


def read_matlab_hdf5(path, key, limit):
    """Return a variable of a MATLAB file of version 7.3, with the axes in MATLAB's order."""
    with import_optional("h5py").File(path, "r") as file:
        dataset = _dataset(file, key)
        _check(file, dataset, limit)
        logical = dataset.attrs.get("MATLAB_class", b"") == b"logical"
        array = dataset[...].T
    return array.astype(bool) if logical else array


def _dataset(file, key):
    h5py = import_optional("h5py")
    if key is not None:
        if not isinstance(key, str) or not isinstance(file.get(key), h5py.Dataset):
            raise ValueError(f"key must be one of {_named(file)}, got {key!r}.")
        return file[key]
    names = _named(file)
    if len(names) != 1:
        raise ValueError(f"key must be one of {names}, got None.")
    return file[names[0]]


def _named(file):
    """Return the paths of arrays that can be images."""
    h5py, names = import_optional("h5py"), []

    def visit(name, item):
        numbers = isinstance(item, h5py.Dataset) and item.dtype.kind in "biuf"
        if numbers and 2 <= item.ndim <= 5 and item.size > 1 and max(item.shape[:-1]) > 1:
            names.append(name)

    file.visititems(visit)
    return names


def _check(file, dataset, limit):
    if dataset.external or dataset.is_virtual or dataset.file.filename != file.filename:
        raise ValueError(f"{dataset.name} has its values in other files.")
    if dataset.dtype.kind not in "biuf":
        raise ValueError(f"{dataset.name} must hold numbers, got dtype {dataset.dtype}.")
    limit.check(dataset.size * dataset.dtype.itemsize)
    if dataset.chunks is not None:
        _check_chunks(dataset, limit)


def _check_chunks(dataset, limit):
    """Raise ValueError if a chunk, which is unpacked as a whole, takes more than it may."""
    limit.check(math.prod(dataset.chunks) * dataset.dtype.itemsize)
    h5z, properties = import_optional("h5py").h5z, dataset.id.get_create_plist()
    filters = [properties.get_filter(k)[0] for k in range(properties.get_nfilters())]
    if filters.count(h5z.FILTER_DEFLATE) > 1:
        raise ValueError(f"{dataset.name} is compressed more than once.")
    if h5z.FILTER_DEFLATE not in filters:
        return

    def check(chunk):
        read = partial(dataset.id.read_direct_chunk, chunk.chunk_offset)
        check_packed(lambda: read()[1], chunk.size, "zlib", limit)

    dataset.id.chunk_iter(check)


def _of_dream3d(dataset, array, container):
    """Return an array of cells (z, y, x, components) with the place of its geometry.

    Files of version 7 have it in a group, those of version 8 (DREAM3D-NX) in attributes.
    """
    if array.ndim != 4 or array.shape[-1] != 1:
        raise ValueError(f"{dataset.name} has shape {array.shape}, needed is one number a cell.")
    if DREAM3D in container:
        geometry = container[DREAM3D]
        spacing, origin = geometry.get("SPACING"), geometry.get("ORIGIN")
    else:
        spacing, origin = (container.attrs.get(name) for name in ("_SPACING", "_ORIGIN"))
    steps, corner = (
        None if values is None else tuple(map(float, np.asarray(values)[::-1]))
        for values in (spacing, origin)
    )
    return Found(array[..., 0], steps, corner, volumetric=True)
