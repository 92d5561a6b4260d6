"""Voxel meshes, read again by meshio, have the voxels where they belong."""

from itertools import combinations

import meshio
import numpy as np
import pytest
from cases import case
from scipy import sparse

from skmicro.io import write_voxel_mesh

SPACING = {2: (0.5, 2.0), 3: (3.0, 0.5, 0.1)}
ORIGIN = {2: (-7.0, 1e-3), 3: (-1.0, 5.0, 1e-3)}
SHAPES = [(3, 4, 5), (1, 2, 20), (4, 5), (1, 1, 1), (2, 1)]


def some_labels(shape, labels=(0, 2, 7)):
    return np.random.default_rng(0).choice(labels, shape)


def mesh_of(path, image, **options):
    """The mesh as meshio reads it; it knows no plane strain, so that is read as plane stress."""
    write_voxel_mesh(path, image, **options)
    path.write_text(path.read_text().replace("TYPE=CPE4", "TYPE=CPS4"))
    return meshio.read(path)


@pytest.fixture(params=SHAPES, ids=str)
def image(request):
    return some_labels(request.param)


@pytest.fixture
def mesh(image, tmp_path):
    n_axes = image.ndim
    place = {"spacing": SPACING[n_axes], "origin": ORIGIN[n_axes]}
    return mesh_of(tmp_path / "mesh.inp", image, **place)


def test_nodes_are_the_corners_of_all_voxels(image, mesh):
    n_axes = image.ndim
    places = [
        start + length * np.arange(side + 1)
        for start, length, side in zip(ORIGIN[n_axes], SPACING[n_axes], image.shape, strict=True)
    ]
    corners = np.stack(np.meshgrid(*places, indexing="ij"), axis=-1).reshape(-1, n_axes)
    np.testing.assert_allclose(mesh.points, corners[:, ::-1], rtol=1e-12)


def test_elements_are_the_voxels_in_their_order(image, mesh):
    (cells,) = mesh.cells
    assert cells.type == {2: "quad", 3: "hexahedron"}[image.ndim]
    corners = mesh.points[cells.data]
    lengths = np.array(SPACING[image.ndim])
    centers = np.moveaxis(np.indices(image.shape), 0, -1).reshape(-1, image.ndim) + 0.5
    centers = np.array(ORIGIN[image.ndim]) + centers * lengths
    np.testing.assert_allclose(corners.mean(axis=1), centers[:, ::-1], atol=1e-12)
    low = centers[:, None, ::-1] - lengths[::-1] / 2
    steps = np.rint((corners - low) / lengths[::-1]).astype(int)
    reference = [(0, 0), (1, 0), (1, 1), (0, 1)]
    if image.ndim == 3:
        reference = [(*corner, z) for z in (0, 1) for corner in reference]
    np.testing.assert_array_equal(steps, np.broadcast_to(reference, steps.shape))


def test_jacobians_are_positive(image, mesh):
    corners = mesh.points[mesh.cells[0].data]
    neighbours = {2: (1, 3), 3: (1, 3, 4)}[image.ndim]
    edges = np.stack([corners[:, k] - corners[:, 0] for k in neighbours], axis=1)
    np.testing.assert_allclose(np.linalg.det(edges), np.prod(SPACING[image.ndim]), rtol=1e-9)


def test_every_voxel_is_once_in_the_set_of_its_phase(image, mesh):
    assert set(mesh.cell_sets) == {f"PHASE_{label}" for label in np.unique(image)}
    found = np.full(image.size, -1)
    for name, (members,) in mesh.cell_sets.items():
        assert (found[members] == -1).all()
        found[members] = int(name.removeprefix("PHASE_"))
    np.testing.assert_array_equal(found, image.ravel())


def periods(image):
    return np.multiply(image.shape, SPACING[image.ndim])[::-1]


def test_faces_match(image, mesh):
    for axis, name in enumerate("XYZ"[: image.ndim]):
        first, last = (mesh.points[mesh.point_sets[f"FACE_{name}{k}"]] for k in (0, 1))
        period = periods(image)[axis] * np.eye(image.ndim)[axis]
        np.testing.assert_allclose(last - first, np.broadcast_to(period, first.shape), atol=1e-12)
        for face, end in [(first, mesh.points[:, axis].min()), (last, mesh.points[:, axis].max())]:
            assert (face[:, axis] == end).all()
            assert len(face) == (mesh.points[:, axis] == end).sum()


def test_pairs_match_and_every_end_is_a_slave_once(image, mesh):
    axes = range(image.ndim)
    slaves, masters = [], []
    for named in (chosen for n in axes for chosen in combinations(axes, n + 1)):
        name = "".join("XYZ"[axis] for axis in named)
        pair = [mesh.point_sets[f"{role}_{name}"] for role in ("MASTER", "SLAVE")]
        master, slave = (mesh.points[nodes] for nodes in pair)
        period = [periods(image)[axis] * (axis in named) for axis in axes]
        np.testing.assert_allclose(slave - master, np.broadcast_to(period, slave.shape), atol=1e-12)
        # Abaqus sorts what is in a set.
        assert all((np.diff(nodes) > 0).all() for nodes in pair)
        masters.append(pair[0])
        slaves.append(pair[1])
    slaves = np.concatenate(slaves)
    at_an_end = (mesh.points == mesh.points.max(axis=0)).any(axis=1)
    np.testing.assert_array_equal(np.sort(slaves), np.flatnonzero(at_an_end))
    assert not np.isin(np.concatenate(masters), slaves).any()
    assert len(mesh.point_sets) == 2 * (image.ndim + 2**image.ndim - 1)


def test_nodes_and_elements_are_numbered_from_one_and_lines_short(tmp_path):
    write_voxel_mesh(
        tmp_path / "mesh.inp", some_labels((9, 9, 9)), spacing=1e-6 / 3, origin=(-1e-5 / 3,) * 3
    )
    lines = (tmp_path / "mesh.inp").read_text().splitlines()
    for keyword, n_rows in [("*NODE", 1000), ("*ELEMENT, TYPE=C3D8", 729)]:
        start = lines.index(keyword) + 1
        rows = [line.split(", ") for line in lines[start : start + n_rows]]
        assert [int(row[0]) for row in rows] == list(range(1, n_rows + 1))
        assert lines[start + n_rows].startswith("*")
        # Abaqus and CalculiX read 20 characters of a number.
        assert max(len(number) for row in rows for number in row) <= 20
    sets = lines[lines.index("*ELSET, ELSET=PHASE_0") :]
    assert max(line.count(",") for line in sets) == 15


def test_types_of_elements_and_labels(tmp_path):
    path = tmp_path / "mesh.INP"
    for image, names in [
        (np.eye(2), (None, "CPE4", "CPE4R", "CPS4", "CPS4R")),
        (np.eye(2)[None], (None, "C3D8", "C3D8I", "C3D8R")),
    ]:
        for name in names:
            write_voxel_mesh(path, image, element_type=name)
            with case(name):
                assert f"*ELEMENT, TYPE={name or names[1]}\n" in path.read_text()
    texts = []
    for dtype in ("bool", "uint8", ">i2", "int64", "float32"):
        write_voxel_mesh(path, some_labels((3, 4), (0, 1)).astype(dtype))
        texts.append(path.read_text())
    assert len(set(texts)) == 1
    write_voxel_mesh(path, np.arange(100).reshape(4, 25))
    assert path.read_text().count("*ELSET") == 100


def test_what_is_no_mesh_is_named(tmp_path):
    labels, path = some_labels((2, 3)), tmp_path / "mesh.inp"
    wrong = [
        ((tmp_path / "mesh.vti", labels), {}, r"path must end in \.inp, got .*mesh\.vti"),
        ((3, labels), {}, "path must be a path, got 3"),
        ((path, labels[0]), {}, "image must have shape"),
        ((path, labels[None, None]), {}, r"got \(1, 1, 2, 3\); image\[0\] is one of a stack"),
        ((path, None), {}, "image must hold numbers, got NoneType"),
        ((path, sparse.eye(3)), {}, "image must hold numbers, got dia_matrix"),
        ((path, labels[:0]), {}, r"image must have voxels, got shape \(0, 3\)"),
        ((path, labels + 0.5), {}, "image must hold labels, whole numbers .* 0.5 to"),
        ((path, labels - 1), {}, "image must hold labels, .* values from -1 to 6"),
        ((path, labels * np.nan), {}, "write_voxel_mesh does not support unknown voxels"),
        ((path, [["a"]]), {}, "image must hold numbers"),
        (
            (path, labels),
            {"element_type": "C3D8"},
            "element_type must be .* got 'C3D8'",
        ),
        ((path, labels[None]), {"element_type": "CPS4"}, "element_type must be .* got 'CPS4'"),
        ((path, labels), {"spacing": (1, 2, 3)}, "spacing must hold a number for each of 2 axes"),
        ((path, labels), {"spacing": 0}, r"spacing must lie in \(0, inf\), got 0"),
        ((path, labels), {"origin": (1, np.inf)}, "origin must lie in .* got inf"),
        ((tmp_path / "no" / "mesh.inp", labels), {}, "path must lie in an existing folder"),
    ]
    for arguments, options, message in wrong:
        error = pytest.raises((ValueError, TypeError, FileNotFoundError), match=message)
        with case(message), error:
            write_voxel_mesh(*arguments, **options)
    assert list(tmp_path.iterdir()) == []


def test_a_failing_write_leaves_the_old_mesh_and_nothing_else(tmp_path, monkeypatch):
    path = tmp_path / "mesh.inp"
    write_voxel_mesh(path, some_labels((2, 3)))
    before = path.read_bytes()

    def fail(*_args):
        raise OSError("disk full")

    monkeypatch.setattr("skmicro.io._voxel_mesh._node_sets", fail)
    with pytest.raises(OSError, match="disk full"):
        write_voxel_mesh(path, some_labels((4, 5, 6)))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]
