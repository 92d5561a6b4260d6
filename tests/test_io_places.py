"""Formats with voxels in space come back as they were written, and other programs read them so."""

import numpy as np
import pytest
from cases import case
from field_files import SPACING, VOLUME

from skmicro import read_images, write_images

ORIGIN = (10.0, 20.0, 30.0)
FORMATS = ["a.vti", "a.mha", "a.mhd", "a.nrrd", "a.tif", "a.ome.tif"]
OTHERS = ["a.npz", "a.h5", "a.mat"]


def written(path, images, **options):
    if path.suffix in (".nrrd", ".h5"):
        name = {".nrrd": "nrrd", ".h5": "h5py"}[path.suffix]
        pytest.importorskip(name, reason=f"{name} reads files {path.suffix}")
    write_images(path, images, **options)
    return path


@pytest.mark.parametrize("name", FORMATS)
def test_places_come_back(tmp_path, name):
    for dtype in ("bool", "uint8", "uint16", "float32"):
        for unit in (None, "um", "mm"):
            with case(dtype, unit):
                images = (VOLUME % 2 if dtype == "bool" else VOLUME).astype(dtype)
                place = {"spacing": SPACING, "origin": ORIGIN, "unit": unit}
                path = written(tmp_path / name, images, volume=True, **place)
                again, found = read_images(path, volume=True, return_place=True)
                np.testing.assert_array_equal(again, images[None])
                if unit is None and name == "a.ome.tif":
                    place["unit"] = "um"  # the unit of OME where none is said
                assert found.pop("unit") == place.pop("unit")
                assert {k: pytest.approx(v) for k, v in place.items()} == found
                write_images(path, again[0], volume=True, **found)


@pytest.mark.parametrize("name", FORMATS)
def test_places_of_images_come_back(tmp_path, name):
    path = written(tmp_path / name, VOLUME[0], spacing=(2.0, 0.5), origin=(3.0, 4.0), unit="mm")
    again, place = read_images(path, return_place=True)
    np.testing.assert_array_equal(again, VOLUME[:1])
    assert place["spacing"] == pytest.approx((2.0, 0.5))
    assert place["origin"] == pytest.approx((3.0, 4.0))
    assert place["unit"] == "mm"


def test_without_a_place_nothing_is_said(tmp_path):
    for name in ("a.tif", "a.npy", "a.png"):
        write_images(tmp_path / name, VOLUME[0])
        _, place = read_images(tmp_path / name, return_place=True)
        assert place == {"spacing": None, "origin": None, "unit": None}


def test_files_with_several_voxel_sizes_are_refused(tmp_path):
    paths = [tmp_path / "a.tif", tmp_path / "b.tif"]
    for path, step in zip(paths, (1.5, 2.0), strict=True):
        write_images(path, VOLUME, spacing=step)
    assert read_images(paths).shape == (8, 5, 7)
    with pytest.raises(ValueError, match=r"one size: .*a\.tif has spacing \(1\.5, 1\.5\), .*b\.t"):
        read_images(paths, return_place=True)


@pytest.mark.parametrize("name", ["a.vti", "a.vtk", "a.mha", "a.mhd", "a.nrrd"])
def test_three_axes_of_space_are_a_volume_unless_said_otherwise(tmp_path, name):
    path = written(tmp_path / name, VOLUME, volume=True)
    assert read_images(path).shape == (1, 4, 5, 7)
    assert read_images(path, volume=False).shape == (4, 5, 7)
    assert read_images(path, axes="NYX").shape == (4, 5, 7)


@pytest.mark.parametrize("name", OTHERS)
def test_arrays_with_a_name(tmp_path, name):
    path = written(tmp_path / name, VOLUME, key="scan")
    axes = "YXN" if name == "a.mat" else None
    np.testing.assert_array_equal(read_images(path, key="scan", axes=axes), VOLUME)
    with pytest.raises(ValueError, match=rf"{name}: key must be one of \['scan'\], got 'other'"):
        read_images(path, key="other")
    for images, axes in ((VOLUME[None], "YXZ"), (np.stack([VOLUME, VOLUME + 1]), "YXZN")):
        write_images(path, images, key="scan")
        again = read_images(path, axes=axes if name == "a.mat" else None)
        np.testing.assert_array_equal(again, images)


def test_matlab_arrays_of_three_axes_need_their_names(tmp_path):
    write_images(tmp_path / "a.mat", VOLUME)
    with pytest.raises(ValueError, match=r"a\.mat: its array has shape \(5, 7, 4\), .*axes='YXN'"):
        read_images(tmp_path / "a.mat")


def test_integers_are_stored_in_the_smallest_type(tmp_path):
    cases = [((0, 1), "uint8"), ((0, 256), "uint16"), ((0, 70000), "uint32"), ((-1, 1), "int8"),
             ((-1, 200), "int16"), ((-1, 2**40), "int64")]  # fmt: skip
    for (low, high), dtype in cases:
        image = np.array([[low, high], [high, low]])
        for name in ("a.tif", "a.vti", "a.mha"):
            with case(low, high, name):
                write_images(tmp_path / name, image)
                again = read_images(tmp_path / name)
                assert again.dtype == dtype
                np.testing.assert_array_equal(again.reshape(2, 2), image)


def test_damask_loads_grains(tmp_path):
    labels = VOLUME.astype(np.int64) % 100
    write_images(tmp_path / "a.vti", labels, volume=True, key="material", spacing=SPACING)
    assert read_images(tmp_path / "a.vti").dtype == np.int32
    damask = pytest.importorskip("damask", reason="DAMASK loads the file of this test")
    grid = damask.GeomGrid.load(tmp_path / "a.vti")
    np.testing.assert_array_equal(grid.material.T, labels)
    np.testing.assert_allclose(grid.size / grid.cells, SPACING[::-1])


@pytest.mark.parametrize("name", ["a.mha", "a.nrrd", "a.vti", "a.tif"])
def test_vtk_and_itk_read_what_is_written(tmp_path, name):
    place = {"spacing": SPACING, "origin": ORIGIN, "unit": "um"}
    write_images(tmp_path / name, VOLUME, volume=True, **place)
    centre = np.array(ORIGIN) + np.array(SPACING) / 2
    if name == "a.vti":
        pyvista = pytest.importorskip("pyvista", reason="PyVista reads the file of this test")
        grid = pyvista.read(tmp_path / name)
        values = grid.cell_data["image"].reshape(VOLUME.shape)
        spacing, corner = grid.spacing, np.array(grid.origin)
        assert list(grid.field_data["unit"]) == ["um"]
        np.testing.assert_allclose(corner, ORIGIN[::-1])
    else:
        itk = pytest.importorskip("SimpleITK", reason="ITK reads the file of this test")
        image = itk.ReadImage(str(tmp_path / name))
        values, spacing = itk.GetArrayFromImage(image), image.GetSpacing()
        if name != "a.tif":  # of which ITK reads no place of slices
            np.testing.assert_allclose(image.GetOrigin(), centre[::-1])
            np.testing.assert_allclose(spacing, SPACING[::-1])
    np.testing.assert_array_equal(values.reshape(VOLUME.shape), VOLUME)


@pytest.mark.parametrize("dtype", ["bool", "u1", "i1", "u2", "i2", "i4", "i8", "f2", "f4", "f8"])
def test_legacy_vtk_comes_back_and_meshio_reads_it(tmp_path, dtype):
    volume = (VOLUME % 2 if dtype == "bool" else VOLUME.astype(int) - 100).astype(dtype)
    if dtype in ("i4", "i8"):
        volume *= 1 << (8 * volume.itemsize - 9)
    write_images(tmp_path / "a.vtk", volume, volume=True, spacing=SPACING, origin=ORIGIN)
    again, place = read_images(tmp_path / "a.vtk", return_place=True)
    np.testing.assert_array_equal(again, volume[None])
    assert place == {"spacing": SPACING, "origin": ORIGIN, "unit": None}
    if dtype == "i8":  # which meshio does not know in files of this version
        return
    meshio = pytest.importorskip("meshio", reason="meshio reads the file of this test")
    mesh = meshio.read(tmp_path / "a.vtk")
    values = mesh.cell_data["image"][0].reshape(volume.shape)
    np.testing.assert_array_equal(values, volume)
    centres = mesh.points[mesh.cells[0].data].mean(axis=1).reshape(*volume.shape, 3)
    for corner in ((0, 0, 0), (3, 4, 6), (2, 0, 5)):
        expected = np.array(ORIGIN) + (np.array(corner) + 0.5) * SPACING
        np.testing.assert_allclose(centres[corner], expected[::-1])


def test_images_in_legacy_vtk_are_one_voxel_thick(tmp_path):
    write_images(tmp_path / "a.vtk", VOLUME[0], spacing=(2.0, 0.5), origin=(3.0, 4.0))
    again, place = read_images(tmp_path / "a.vtk", volume=False, return_place=True)
    np.testing.assert_array_equal(again, VOLUME[:1])
    assert place == {"spacing": (2.0, 0.5), "origin": (3.0, 4.0), "unit": None}
    text = (tmp_path / "a.vtk").read_bytes().split(b"LOOKUP_TABLE")[0].decode().splitlines()
    assert text == [
        "# vtk DataFile Version 3.0", "skmicro", "BINARY", "DATASET STRUCTURED_POINTS",
        "DIMENSIONS 8 6 2", "ORIGIN 4.0 3.0 0.0", "SPACING 0.5 2.0 1.0", "CELL_DATA 35",
        "SCALARS image unsigned_char 1",
    ]  # fmt: skip


def test_metaimage_in_two_files(tmp_path):
    numbers = VOLUME.astype(np.uint16) + 300
    place = {"spacing": SPACING, "origin": ORIGIN, "unit": "um"}
    write_images(tmp_path / "scan.mhd", numbers, volume=True, **place)
    assert {path.name for path in tmp_path.iterdir()} == {"scan.mhd", "scan.raw"}
    fields = dict(line.split(" = ") for line in (tmp_path / "scan.mhd").read_text().splitlines())
    assert fields == {
        "ObjectType": "Image", "NDims": "3", "BinaryData": "True", "CompressedData": "False",
        "BinaryDataByteOrderMSB": "False", "Offset": "30.25 21.0 11.5", "DimSize": "7 5 4",
        "ElementSpacing": "0.5 2.0 3.0", "DistanceUnits": "um", "ElementType": "MET_USHORT",
        "ElementDataFile": "scan.raw",
    }  # fmt: skip
    raw = np.fromfile(tmp_path / "scan.raw", "<u2").reshape(VOLUME.shape)
    np.testing.assert_array_equal(raw, numbers)
    for name in ("two words.mhd", "50%.mhd"):
        with pytest.raises(ValueError, match=r"^path must have no spaces and no %"):
            write_images(tmp_path / name, numbers, volume=True)
    with pytest.raises(ValueError, match=r"a \.mhd file holds one volume, got 4; volume=True"):
        write_images(tmp_path / "stack.mhd", numbers)
    assert len(list(tmp_path.iterdir())) == 2


def test_what_a_format_cannot_say_is_refused(tmp_path):
    for name, options, message in [
        ("a.mha", {"unit": "nm"}, r"unit must be one of \('um', 'mm', 'cm'\) or None for \.mha"),
        ("a.vtk", {"unit": "um"}, r"unit must be None for \.vtk"),
        ("a.npy", {"unit": "um"}, "unit must be None for files other than"),
        ("a.tif", {"unit": 3}, "unit must be a text"),
        ("a.tif", {"key": "x"}, r"key must be a name for \.vti, .*, else None, got 'x'"),
        ("a.vti", {"key": 3}, r"key must be a name for \.vti, .* got 3"),
    ]:
        with case(name, options), pytest.raises((TypeError, ValueError), match=message):
            write_images(tmp_path / name, VOLUME, volume=True, **options)
    assert list(tmp_path.iterdir()) == []
