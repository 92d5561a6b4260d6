"""Files give back what was written, and bad files are named."""

import base64
import builtins
import errno
import os
import sys
import xml.etree.ElementTree as ElementTree
from contextlib import ExitStack, contextmanager
from unittest.mock import Mock

import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile
from cases import case
from scipy import sparse

from skmicro.io import read_images, write_images, write_voxel_mesh

DTYPES = ["bool", "uint8", "uint16", "int32", "int64", "float32", "float64"]


def some_images(shape, dtype="uint8", seed=0):
    values = np.random.default_rng(seed).integers(0, 200, shape)
    return values % 2 == 1 if dtype == "bool" else values.astype(dtype)


def assert_same(actual, expected):
    np.testing.assert_array_equal(actual, expected)
    assert actual.dtype == expected.dtype


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("suffix", [".npy", ".tif", ".TIFF"])
@pytest.mark.parametrize("shape", [(3, 6, 7), (1, 6, 7), (4, 5, 3), (2, 3, 6, 7), (1, 3, 6, 7)])
def test_round_trip_of_stacks(tmp_path, suffix, dtype, shape):
    images = some_images(shape, dtype)
    write_images(tmp_path / f"stack{suffix}", images)
    wide = suffix != ".npy" and dtype.startswith("int")  # up to 200, for which a byte is enough
    assert_same(
        read_images(tmp_path / f"stack{suffix}"), images.astype("uint8") if wide else images
    )


@pytest.mark.parametrize("suffix", [".npy", ".tif"])
def test_round_trip_of_a_volume(tmp_path, suffix):
    volume = some_images((4, 6, 7))
    write_images(tmp_path / f"volume{suffix}", volume, volume=True)
    assert_same(read_images(tmp_path / f"volume{suffix}", volume=True), volume[None])


@pytest.mark.parametrize("suffix", [".npy", ".tif"])
def test_three_axes_are_a_stack_or_a_volume(tmp_path, suffix):
    array = some_images((4, 6, 7))
    write_images(tmp_path / f"a{suffix}", array)
    assert read_images(tmp_path / f"a{suffix}").shape == (4, 6, 7)
    assert read_images(tmp_path / f"a{suffix}", volume=True).shape == (1, 4, 6, 7)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "uint16"])
def test_round_trip_of_pictures(tmp_path, dtype):
    images = some_images((12, 6, 7), dtype)
    write_images(tmp_path / "folder", images)
    assert len(list((tmp_path / "folder").iterdir())) == 12
    assert_same(read_images(tmp_path / "folder"), images)
    write_images(tmp_path / "one.png", images[0])
    assert_same(read_images(tmp_path / "one.png"), images[:1])


def test_integers_that_fit_go_into_png(tmp_path):
    for top, dtype in [(255, np.uint8), (256, np.uint16)]:
        image = np.array([[0, top]])
        write_images(tmp_path / "one.png", image)
        assert_same(read_images(tmp_path / "one.png"), image[None].astype(dtype))


@pytest.mark.parametrize("bad", [0.5, -1, 65536])
def test_png_refuses_what_it_cannot_hold(tmp_path, bad):
    with pytest.raises(ValueError, match="PNG holds integers from 0 to 65535"):
        write_images(tmp_path / "one.png", np.array([[0, bad]]))
    with pytest.raises(ValueError, match="PNG holds 2-D images"):
        write_images(tmp_path / "folder", np.zeros((2, 3, 4, 5), dtype=np.uint8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".tif", ".npy", ".png", ".vti"])
def test_masked_voxels_are_not_written_as_known_ones(tmp_path, suffix):
    images = np.ma.masked_array(np.zeros((1, 4, 4), int), np.eye(4)[None])
    with pytest.raises(
        ValueError, match=r"not support masked voxels, got 4 in images: images.filled\(value\)"
    ):
        write_images(tmp_path / f"images{suffix}", images)
    write_images(tmp_path / f"whole{suffix}", np.ma.masked_array(images.data))


def test_npz_with_one_array_or_a_key(tmp_path):
    a, b = some_images((2, 6, 7)), some_images((2, 6, 7), "float64")
    np.savez(tmp_path / "one.npz", a)
    np.savez_compressed(tmp_path / "two.npz", a=a, b=b)
    assert_same(read_images(tmp_path / "one.npz"), a)
    assert_same(read_images(tmp_path / "two.npz", key="b"), b)
    with pytest.raises(ValueError, match=r"two\.npz: key must be one of \['a', 'b'\], got None"):
        read_images(tmp_path / "two.npz")
    with pytest.raises(ValueError, match="got 'c'"):
        read_images(tmp_path / "two.npz", key="c")


def test_several_files_follow_each_other_in_the_order_given(tmp_path):
    images = some_images((5, 6, 7))
    write_images(tmp_path / "b.npy", images[:2])
    write_images(tmp_path / "a.tif", images[2:4])
    write_images(tmp_path / "c.png", images[4])
    names = ["b.npy", "a.tif", "c.png"]
    assert_same(read_images([tmp_path / name for name in names]), images)
    assert_same(read_images(str(tmp_path)), images[[2, 3, 0, 1, 4]])


def test_folders_are_read_in_natural_order_and_other_files_left_alone(tmp_path):
    images = some_images((12, 4, 4))
    for index, image in enumerate(images):
        imageio.imwrite(tmp_path / f"slice_{index}.png", image)
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".slice_0.png").write_bytes(b"no image either")
    assert_same(read_images(tmp_path), images)


def test_tiff_pages_written_one_by_one_and_by_imagej(tmp_path):
    images = some_images((3, 6, 7))
    with tifffile.TiffWriter(tmp_path / "pages.tif") as file:
        for image in images:
            file.write(image, contiguous=False)
    assert_same(read_images(tmp_path / "pages.tif"), images)
    tifffile.imwrite(tmp_path / "j.tif", images, imagej=True, metadata={"axes": "ZYX"})
    assert_same(read_images(tmp_path / "j.tif", volume=True), images[None])
    with tifffile.TiffWriter(tmp_path / "mixed.tif") as file:
        file.write(images[0], contiguous=False)
        file.write(images[0, :3])
    with pytest.raises(ValueError, match=r"mixed\.tif: pages must have one shape"):
        read_images(tmp_path / "mixed.tif")


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("channels", [3, 4])
def test_colour_is_refused_unless_it_is_grey(tmp_path, suffix, channels):
    path = tmp_path / f"colour{suffix}"
    colours = some_images((6, 7, channels))
    grey = np.repeat(some_images((6, 7, 1)), channels, axis=-1)
    grey[..., 3:] = 255
    for values in (grey, colours):
        if suffix == ".tif":
            tifffile.imwrite(path, values, photometric="rgb")
        else:
            imageio.imwrite(path, values)
        if values is grey:
            assert_same(read_images(path), grey[None, ..., 0])
    with pytest.raises(ValueError, match=rf"colour{suffix}: a colour image of shape \(6, 7"):
        read_images(path)


def test_tiff_channels_are_refused(tmp_path):
    tifffile.imwrite(
        tmp_path / "c.tif", some_images((2, 6, 7)), imagej=True, metadata={"axes": "CYX"}
    )
    with pytest.raises(ValueError, match=r"c\.tif: images must have one channel, got axes CYX"):
        read_images(tmp_path / "c.tif")


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.tif", "a.png", "a.bmp", "a.unknown"])
@pytest.mark.parametrize("content", [b"", b"neither an image nor an array", b"II*\0garbage"])
def test_damaged_files_are_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"cannot read .*{name}: "):
        read_images(tmp_path / name)


@pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.tif", "a.png"])
def test_files_cut_short_are_named(tmp_path, name):
    path = tmp_path / name
    image = some_images((1, 64, 64))
    if name == "a.npz":
        np.savez(path, image)
    else:
        write_images(path, image)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=f"cannot read .*{name}: "):
        read_images(path)


class Trap:
    def __reduce__(self):
        return exec, ("import builtins; builtins.skmicro_trap_was_sprung = True",)


@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_pickles_are_refused_and_not_run(tmp_path, name):
    array = np.array([[Trap()]], dtype=object)
    if name == "a.npy":
        np.save(tmp_path / name, array, allow_pickle=True)
    else:
        np.savez(tmp_path / name, array, allow_pickle=True)
    with pytest.raises(ValueError, match=f"cannot read .*{name}: .*allow_pickle"):
        read_images(tmp_path / name)
    assert not hasattr(builtins, "skmicro_trap_was_sprung")


def test_arrays_that_are_no_images_are_named(tmp_path):
    for array in [np.array([["a"]]), np.ones((2, 2)) * 1j, np.empty((0, 4, 4))]:
        np.save(tmp_path / "a.npy", array)
        with pytest.raises(ValueError, match=r"a\.npy must hold numbers"):
            read_images(tmp_path / "a.npy")
    for array in [np.zeros(4), np.zeros((1, 1, 1, 1, 1))]:
        np.save(tmp_path / "a.npy", array)
        with pytest.raises(ValueError, match=r"a\.npy must hold images"):
            read_images(tmp_path / "a.npy")
    np.save(tmp_path / "a.npy", np.zeros((4, 4)))
    with pytest.raises(ValueError, match=r"a\.npy must hold a volume .*got shape \(4, 4\)"):
        read_images(tmp_path / "a.npy", volume=True)


def test_what_is_no_path_is_named():
    with pytest.raises(TypeError, match=r"^source must be a path or a sequence of paths, got 3"):
        read_images(3)
    with pytest.raises(TypeError, match=r"^source must be a path, got 3"):
        read_images(["a.npy", 3])
    with pytest.raises(TypeError, match=r"^path must be a path, got 3"):
        write_images(3, np.zeros((1, 4, 4)))


def test_missing_files_empty_folders_and_different_shapes_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no\.png"):
        read_images(tmp_path / "no.png")
    with pytest.raises(FileNotFoundError, match=f"got folder {tmp_path}"):
        read_images(tmp_path)
    with pytest.raises(ValueError, match="at least one file"):
        read_images([])
    np.save(tmp_path / "a.npy", np.zeros((2, 4, 4)))
    np.save(tmp_path / "b.npy", np.zeros((2, 4, 5)))
    with pytest.raises(ValueError, match=r"a\.npy has \(4, 4\), .*b\.npy has \(4, 5\)"):
        read_images(tmp_path)


def parse_vti(path):
    root = ElementTree.parse(path).getroot()
    assert root.attrib["byte_order"] == "LittleEndian"
    assert root.attrib["header_type"] == "UInt64"
    grid = root.find("ImageData")
    data = grid.find("Piece/CellData/DataArray")
    assert grid.find("Piece").attrib["Extent"] == grid.attrib["WholeExtent"]
    extent = [int(number) for number in grid.attrib["WholeExtent"].split()]
    content = base64.b64decode(data.text.strip())
    assert int.from_bytes(content[:8], "little") == len(content) - 8
    dtype = np.dtype(data.attrib["type"].lower()).newbyteorder("<")
    sides = np.subtract(extent[1::2], extent[::2])
    place = [[float(n) for n in grid.attrib[name].split()] for name in ("Spacing", "Origin")]
    return np.frombuffer(content[8:], dtype).reshape(sides, order="F"), *place


@pytest.mark.parametrize("dtype", [*DTYPES, "float16", ">f4", ">i2"])
def test_vti_has_the_last_axis_as_x(tmp_path, dtype):
    volume = some_images((3, 4, 5), dtype)
    place = {"spacing": (3.0, 0.5, 0.1), "origin": (-1.0, 1e-7, 2)}
    write_images(tmp_path / "v.vti", volume, volume=True, **place)
    values, spacing, origin = parse_vti(tmp_path / "v.vti")
    np.testing.assert_array_equal(values.transpose(), volume)
    assert spacing == [0.1, 0.5, 3.0]
    assert origin == [2.0, 1e-7, -1.0]
    write_images(tmp_path / "v.vti", volume[None], spacing=2)
    assert parse_vti(tmp_path / "v.vti")[1:] == ([2.0, 2.0, 2.0], [0.0, 0.0, 0.0])


def test_vti_of_an_image(tmp_path):
    image = some_images((4, 5))
    write_images(tmp_path / "v.vti", image, spacing=(2, 3), origin=np.array([4, 5]))
    values, spacing, origin = parse_vti(tmp_path / "v.vti")
    np.testing.assert_array_equal(values[:, :, 0].transpose(), image)
    assert spacing == [3.0, 2.0, 1.0]
    assert origin == [5.0, 4.0, 0.0]


def place_in_tiff(path):
    """Lengths along x, y, z and the coordinates of the corner, as ImageJ computes them."""
    with tifffile.TiffFile(path) as file:
        assert file.is_imagej
        tags, metadata = file.pages[0].tags, file.imagej_metadata
        assert tags["ResolutionUnit"].value == tifffile.RESUNIT.NONE
        fractions = [tags[name].value for name in ("XResolution", "YResolution")]
    spacing = [lower / upper for upper, lower in fractions] + [metadata.get("spacing", 1.0)]
    zero = [metadata.get(f"{axis}origin", 0.0) for axis in "xyz"]
    return spacing, [-index * length for index, length in zip(zero, spacing, strict=True)]


@pytest.mark.parametrize("shape", [(5, 6, 7), (3, 4, 3), (1, 5, 6, 4), (3, 5, 6, 7)])
@pytest.mark.parametrize("dtype", [*DTYPES[:6], ">u2", "float16"])
def test_tiff_has_spacing_and_origin(tmp_path, shape, dtype):
    volumes = some_images(shape, dtype)
    spacing, origin = (3.0, 0.7, 1e-7), (-1.0, 0.0, 2e-6)
    write_images(tmp_path / "v.tif", volumes, volume=True, spacing=spacing, origin=origin)
    again = read_images(tmp_path / "v.tif", volume=True)
    np.testing.assert_array_equal(again, volumes if len(shape) == 4 else volumes[None])
    found_spacing, found_origin = place_in_tiff(tmp_path / "v.tif")
    np.testing.assert_allclose(found_spacing, spacing[::-1], rtol=1e-9)
    np.testing.assert_allclose(found_origin, origin[::-1], rtol=1e-9)


def test_tiff_of_images_has_spacing(tmp_path):
    for images in (some_images((4, 6, 7)), some_images((1, 6, 7))):
        write_images(tmp_path / "v.tif", images, spacing=(2, 0.5))
        assert_same(read_images(tmp_path / "v.tif"), images)
        assert place_in_tiff(tmp_path / "v.tif") == ([0.5, 2.0, 1.0], [0.0, 0.0, 0.0])
    write_images(tmp_path / "v.tif", images, origin=(3, 4))
    assert place_in_tiff(tmp_path / "v.tif") == ([1.0, 1.0, 1.0], [4.0, 3.0, 0.0])


def test_lengths_in_tiff_are_exact_to_nine_digits(tmp_path):
    for length in (1e-9, 1.2345678e-9, 7.3e-7, 1 / 3, np.pi, 12345.678, 1.2345678e8, 1e9):
        write_images(tmp_path / "v.tif", some_images((2, 2)), spacing=length)
        found = place_in_tiff(tmp_path / "v.tif")[0][:2]
        with case(length):
            np.testing.assert_allclose(found, length, rtol=1e-9)


def test_tiff_refuses_what_imagej_cannot_hold(tmp_path):
    wrong = [
        (some_images((3, 4, 5)).astype(float) + 0.1, 1.0, "images must be float32 for TIFF"),
        (some_images((3, 4, 5)).astype(int) - 300, 1.0, "TIFF with spacing or origin holds int"),
        (
            some_images((3, 4, 5)).astype(int) + 70000,
            1.0,
            r"to 65535, .*; use one \.vti .* or \.npy",
        ),
        (
            some_images((3, 1, 5)),
            1.0,
            r"two voxels along .* got images of shape \(3, 1, 5\)",
        ),
        (some_images((3, 4, 5)), 1e-10, r"spacing must lie in \[1e-09, 1e\+09\], got 1e-10"),
        (some_images((3, 4, 5)), 1e10, r"spacing must lie in \[1e-09, 1e\+09\], got 1"),
    ]
    for images, spacing, message in wrong:
        with case(message), pytest.raises(ValueError, match=message):
            write_images(tmp_path / "v.tif", images, volume=True, spacing=spacing)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".vti", ".tif"])
def test_bad_places_are_named(tmp_path, suffix):
    for spacing in (0, -1.0, (1, 1), (1, 1, 0), (1, 1, np.inf), "ab", True, [[1, 1, 1]]):
        with case(spacing):
            with pytest.raises((ValueError, TypeError), match="spacing must"):
                write_images(
                    tmp_path / f"v{suffix}", some_images((3, 4, 5)), volume=True, spacing=spacing
                )
            with pytest.raises(ValueError, match="spacing must be None for files other than"):
                write_images(tmp_path / "v.npy", some_images((3, 4, 5)), spacing=spacing)
    for origin in (0, (1, 1), (0, 0, np.nan), ("a", 0, 0)):
        with case(origin):
            with pytest.raises((ValueError, TypeError), match="origin must"):
                write_images(
                    tmp_path / f"v{suffix}", some_images((3, 4, 5)), volume=True, origin=origin
                )
            with pytest.raises(ValueError, match="origin must be None for files other than"):
                write_images(tmp_path / "v.png", some_images((3, 4)), origin=origin)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "images", "message"),
    [
        ("a.jpg", np.zeros((2, 4, 4)), r"path must end in .*got .*a\.jpg"),
        ("a.npy", np.zeros(4), r"images must be numbers .*got shape \(4,\)"),
        ("a.npy", np.zeros((0, 4, 4)), r"images must be numbers .*got shape \(0, 4, 4\)"),
        ("a.npy", None, r"images must be numbers of shape .*, got NoneType\."),
        ("a.vti", sparse.eye(3), r"images must be numbers of shape .*, got dia_matrix\."),
        ("a.npy", np.array([["a"]]), "images must be numbers .*dtype <U1"),
        ("a.png", np.zeros((2, 4, 4), dtype=np.uint8), r"\.png file holds one image, got 2"),
        ("a.vti", np.zeros((2, 4, 4)), r"\.vti file holds one volume, got 2; volume=True"),
        ("a.vti", np.zeros((2, 4, 4, 4)), r"\.vti file holds one volume, got 2\."),
    ],
)
def test_what_a_format_cannot_hold_is_named(tmp_path, name, images, message):
    with pytest.raises(ValueError, match=message):
        write_images(tmp_path / name, images)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a.npy", "a.tif", "a.png", "a.vti"])
def test_a_folder_is_not_replaced_by_a_file(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(IsADirectoryError, match=f"path must name a file, got folder.*{name}"):
        write_images(tmp_path / name, some_images((1, 4, 4)))
    assert [item.name for item in tmp_path.rglob("*")] == [name]


@pytest.mark.parametrize("name", ["a.npy", "a.tif", "a.png", "a.vti", "a"])
def test_the_folder_must_exist(tmp_path, name):
    with pytest.raises(FileNotFoundError, match=r"existing folder, got .*missing"):
        write_images(tmp_path / "missing" / name, some_images((1, 4, 4)))


@contextmanager
def files_end_at(n_bytes):
    """Let files become no longer than this, which is what a full disk looks like to a writer."""
    resource = pytest.importorskip("resource", reason="limits of files are those of POSIX")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("name", ["a.npy", "a.tif", "placed.tif", "a.png", "a.vti", "a.inp"])
def test_a_failing_write_leaves_the_old_file_and_nothing_else(tmp_path, name):
    def write(images):
        if name == "a.inp":
            return write_voxel_mesh(path, images[0])
        return write_images(path, images, spacing=2.0 if name == "placed.tif" else None)

    path = tmp_path / name
    old, new = some_images((1, 4, 5)), some_images((1, 90, 90), seed=1)
    write(old)
    before = path.read_bytes()
    for error in (None, errno.ENOSPC):
        with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
            if error:  # as where the disk is found to be full at the end
                patch.setattr(os, "fsync", Mock(side_effect=OSError(error, os.strerror(error))))
            else:
                stack.enter_context(files_end_at(4096))
            with pytest.raises(OSError, match=f"'{path}'") as caught:
                write(new)
        assert caught.value.errno == (error or errno.EFBIG)
        assert caught.value.filename == str(path)
        assert path.read_bytes() == before
        assert [item.name for item in tmp_path.iterdir()] == [name]
    write(new)
    assert path.read_bytes() != before


@pytest.mark.parametrize("exists", [False, True])
def test_a_failing_folder_leaves_nothing(tmp_path, exists):
    folder = tmp_path / "folder"
    if exists:
        folder.mkdir()
    images = some_images((5, 50, 50))
    images[:2] = 0  # these two are short
    with files_end_at(1000), pytest.raises(OSError, match=f"'{folder}'") as caught:
        write_images(folder, images)
    assert caught.value.errno == errno.EFBIG
    assert [item.name for item in tmp_path.rglob("*")] == ["folder"] * exists
    write_images(folder, images)
    assert_same(read_images(folder), images)


def test_a_folder_with_content_is_left_alone(tmp_path):
    write_images(tmp_path / "folder", some_images((2, 4, 4)))
    with pytest.raises(FileExistsError, match=r"new or empty folder, got .*folder"):
        write_images(tmp_path / "folder", some_images((3, 4, 4)))
    assert_same(read_images(tmp_path / "folder"), some_images((2, 4, 4)))


@pytest.mark.parametrize(("name", "module"), [("a.tif", "tifffile"), ("a.png", "PIL.Image")])
def test_the_missing_extra_is_named(tmp_path, monkeypatch, name, module):
    write_images(tmp_path / name, some_images((4, 5)))
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=r"pip install skmicro\[images\]"):
        read_images(tmp_path / name)
    with pytest.raises(ImportError, match=r"pip install skmicro\[images\]"):
        write_images(tmp_path / f"new_{name}", some_images((4, 5)))
    write_images(tmp_path / "a.npy", some_images((4, 5)))
    assert read_images(tmp_path / "a.npy").shape == (1, 4, 5)
