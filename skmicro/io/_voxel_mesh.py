"""Voxel meshes for Abaqus and CalculiX."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_choice, check_path
from .._files import atomic_path
from .._typing import PathLike
from ..images import check_image, distinct_values
from ._placement import check_origin, check_spacing

ELEMENT_TYPES = {2: ("CPE4", "CPE4R", "CPS4", "CPS4R"), 3: ("C3D8", "C3D8I", "C3D8R")}
SET_WIDTH = 16
BLOCK = 2**14


def write_voxel_mesh(
    path: PathLike,
    image: ArrayLike,
    *,
    element_type: Literal["C3D8", "C3D8I", "C3D8R", "CPE4", "CPE4R", "CPS4", "CPS4R"] | None = None,
    spacing: float | Sequence | None = None,
    origin: Sequence | None = None,
):
    """Write phases as a finite element mesh that has one element for each voxel.

    Parameters
    ----------
    path : path-like
        File ``.inp`` of Abaqus and CalculiX. An existing one is replaced, at once and only when
        the new one is complete.
    image : array-like of shape (D, H, W) or (H, W)
        Labels of phases, not negative.
    element_type : {"C3D8", "C3D8I", "C3D8R", "CPE4", "CPE4R", "CPS4", "CPS4R"}, default=None
        Type of the elements, hexahedra of volumes and quadrilaterals of two-dimensional images.
        ``None`` means ``"C3D8"`` and ``"CPE4"``, which is plane strain.
    spacing : float or sequence of float, default=None
        Edge lengths of a voxel along the axes of the image, in their order. The default is 1.
    origin : sequence of float, default=None
        Corner of the first voxel along the axes of the image, in their order. The default is 0.

    Raises
    ------
    ValueError
        If the image does not hold labels, or the type is none of its dimension.
    TypeError
        If ``path`` is no path, or the image does not hold numbers.
    OSError
        If the file cannot be written, as on a full disk; it has ``errno`` and the path.
    FileNotFoundError
        If the folder that shall hold the file does not exist.

    Notes
    -----
    In the mesh, x runs along the last axis of the image, y along the one before, z along the first
    of a volume, as in the other files. Component 11 of :mod:`skmicro.properties`, where axis 1 is
    the first one, is component 33 of the mesh of a volume and component 22 of that of a
    two-dimensional image.

    Elements are numbered from 1 in the order of ``image.ravel()``, and the voxels of a phase are
    the element set ``PHASE_<label>``. Materials, sections and steps are left to the user.

    The nodes of opposite faces are the node sets ``FACE_X0`` and ``FACE_X1``, and so on for the
    other axes. For periodic conditions there are pairs of sets, ``MASTER_X`` and ``SLAVE_X``, for
    x, y, z, xy, xz, yz and xyz. The slave is one period from its master along each of the axes
    named: ``SLAVE_X`` is the face at the end of x without its edges at the end of y and z,
    ``SLAVE_XY`` an edge, ``SLAVE_XYZ`` a corner. So each node at the end of an axis is a slave just
    once, and no master is a slave. All sets are in rising order of nodes, in which the two of a
    pair match. Add a node for each axis whose displacement is the mean strain times the period
    along that axis; then ``u(slave) - u(master)`` is the sum of the displacements of the nodes of
    the axes named.

    Examples
    --------
    >>> import numpy as np, pathlib, tempfile
    >>> from skmicro.io import write_voxel_mesh
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_voxel_mesh(f"{folder}/mesh.inp", np.array([[0, 1, 1]]), spacing=0.5)
    ...     text = pathlib.Path(folder, "mesh.inp").read_text()
    >>> print(text[text.index("*ELEMENT") : text.index("*NSET")])
    *ELEMENT, TYPE=CPE4
    1, 1, 2, 6, 5
    2, 2, 3, 7, 6
    3, 3, 4, 8, 7
    *ELSET, ELSET=PHASE_0
    1
    *ELSET, ELSET=PHASE_1
    2, 3
    """
    check_path("path", path)
    if Path(path).suffix.lower() != ".inp":
        raise ValueError(f"path must end in .inp, got {path}.")
    labels = _labels(image)
    n_axes = labels.ndim
    if element_type is None:
        element_type = ELEMENT_TYPES[n_axes][0]
    check_choice("element_type", element_type, ELEMENT_TYPES[n_axes])
    lengths, corner = check_spacing(spacing, n_axes), check_origin(origin, n_axes)
    with atomic_path(path) as temporary, open(temporary, "w", newline="\n") as file:
        sides = " x ".join(map(str, labels.shape[::-1]))
        file.write(f"*HEADING\nVoxel mesh of {sides} elements along {', '.join('xyz'[:n_axes])}\n")
        _write_nodes(file, labels.shape, lengths, corner)
        file.write(f"*ELEMENT, TYPE={element_type}\n")
        _write_elements(file, labels.shape)
        for label in np.unique(labels):
            voxels = np.flatnonzero(labels == label)
            _write_set(file, f"*ELSET, ELSET=PHASE_{int(label)}", voxels)
        for name, nodes in _node_sets(labels.shape):
            _write_set(file, f"*NSET, NSET={name}", nodes)


def _labels(image):
    labels = check_image("image", image, refused_by="write_voxel_mesh")
    if not labels.size:
        raise ValueError(f"image must have voxels, got shape {labels.shape}.")
    values = distinct_values(labels[None])
    if (values < 0).any() or (values != np.floor(values)).any():
        raise ValueError(
            "image must hold labels, whole numbers that are not negative, "
            f"got values from {values[0]} to {values[-1]}."
        )
    return labels


def _write_nodes(file, shape, lengths, corner):
    """Write nodes with their coordinates, x first; Abaqus has 20 characters for a number."""
    places = [
        start + length * np.arange(side + 1)
        for side, length, start in zip(shape, lengths, corner, strict=True)
    ]
    file.write("*NODE\n")
    layer = np.stack([grid.ravel() for grid in np.meshgrid(*places[1:], indexing="ij")], axis=1)
    row = "%d" + ", %.13g" * len(shape) + "\n"
    for k, place in enumerate(places[0]):
        numbers = np.arange(len(layer)) + (1 + k * len(layer))
        _write_rows(file, row, [numbers, *layer.T[::-1], np.full(len(layer), place)])


def _write_elements(file, shape):
    """Write the corners of each voxel: counterclockwise in the x-y plane, then the same above."""
    grid = tuple(side + 1 for side in shape)
    strides = np.array([np.prod(grid[axis + 1 :], dtype=int) for axis in range(len(grid))])
    corners = np.array([(0, 0), (0, 1), (1, 1), (1, 0)])
    if len(shape) == 3:
        corners = np.concatenate([np.insert(corners, 0, height, axis=1) for height in (0, 1)])
    steps = corners @ strides
    first = sum(
        np.arange(side).reshape(-1, *[1] * (len(shape) - 2 - axis)) * strides[axis + 1]
        for axis, side in enumerate(shape[1:])
    ).ravel()
    row = ", ".join(["%d"] * (1 + len(steps))) + "\n"
    for k in range(shape[0]):
        numbers = np.arange(len(first)) + (1 + k * len(first))
        nodes = first + (1 + k * strides[0])
        _write_rows(file, row, [numbers, *(nodes + step for step in steps)])


def _node_sets(shape):
    """Yield names and node indices from 0, those of matching sets in matching order."""
    grid = np.arange(np.prod([side + 1 for side in shape])).reshape([side + 1 for side in shape])
    names = "XYZ"[: len(shape)]
    axis_of = dict(zip(names, range(len(shape))[::-1], strict=True))
    for name in names:
        for k, end in enumerate((0, -1)):
            yield f"FACE_{name}{k}", np.take(grid, end, axis=axis_of[name]).ravel()
    for n_named in range(1, len(shape) + 1):
        for named in combinations(names, n_named):
            for role, end in [("MASTER", 0), ("SLAVE", -1)]:
                place = [slice(0, -1)] * len(shape)
                for name in named:
                    place[axis_of[name]] = end
                yield f"{role}_{''.join(named)}", grid[tuple(place)].ravel()


def _write_set(file, keyword, indices):
    file.write(f"{keyword}\n")
    numbers = indices + 1
    n_full = len(numbers) // SET_WIDTH * SET_WIDTH
    row = ", ".join(["%d"] * SET_WIDTH) + "\n"
    _write_rows(file, row, numbers[:n_full].reshape(-1, SET_WIDTH).T)
    if n_full < len(numbers):
        file.write(", ".join(map(str, numbers[n_full:])) + "\n")


def _write_rows(file, row, columns):
    """Write a table by the format of a row, a block of rows at a time."""
    for start in range(0, len(columns[0]), BLOCK):
        block = np.stack([column[start : start + BLOCK] for column in columns], axis=1)
        file.write(row * len(block) % tuple(block.ravel().tolist()))
