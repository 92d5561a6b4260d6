"""Files of images ask for no more memory than they may, and are read whole or not at all."""

import io
import struct
import tracemalloc
import zipfile

import imageio.v3 as imageio
import numpy as np
import pytest
import tifffile
from cases import case

from skmicro.io import _memory, read_images

SIDE, FREE = 3000, 2**20  # an image of zeros takes 9 MB in memory and little in a file


@pytest.fixture(scope="module")
def empty_images(tmp_path_factory):
    """Paths of files of one large image without content, compressed in several ways."""
    folder = tmp_path_factory.mktemp("empty")
    image = np.zeros((SIDE, SIDE), np.uint8)
    tifffile.imwrite(folder / "a.tif", image, compression="zlib", rowsperstrip=SIDE)
    np.savez_compressed(folder / "a.npz", image)
    imageio.imwrite(folder / "a.png", image)
    return [folder / name for name in ("a.tif", "a.npz", "a.png")]


def test_memory_is_bounded_by_the_size_of_the_file_unless_the_user_says_more(
    empty_images, monkeypatch
):
    monkeypatch.setattr(_memory, "FREE", FREE)
    for path in empty_images:
        with case(path.name):
            assert max(FREE, 100 * path.stat().st_size) < SIDE**2
            tracemalloc.start()
            with pytest.raises(ValueError, match=rf"{path.name}: .*max_expansion=100 times"):
                read_images(path)
            assert tracemalloc.get_traced_memory()[1] < 1e6
            tracemalloc.stop()
            for high in (1e4, np.inf):
                image = read_images(path, max_expansion=high)
                assert image.shape == (1, SIDE, SIDE)
                assert not image.any()


def test_small_images_are_read_whatever_their_expansion(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", np.zeros((1, 500, 500)))
    assert read_images(tmp_path / "a.npz", max_expansion=1).shape == (1, 500, 500)


@pytest.mark.parametrize("value", [0.5, -1, "2", np.nan, None])
def test_max_expansion_is_checked(tmp_path, value):
    with pytest.raises((TypeError, ValueError), match="max_expansion must"):
        read_images(tmp_path, max_expansion=value)


def with_another_shape(array, shape):
    """An array as NPY, with a header that says another shape."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": array.dtype.str, "fortran_order": False, "shape": shape}
    )
    return file.getvalue() + array.tobytes()


def test_headers_of_numpy_that_claim_more_than_there_is(tmp_path):
    array = np.zeros((2, 8, 8), np.uint8)
    for shape in [(10**5, 10**5), (10**12, 10**12), (2, 8, 9)]:
        text = with_another_shape(array, shape)
        (tmp_path / "a.npy").write_bytes(text)
        with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
            archive.writestr("x.npy", text)
        for name in ("a.npy", "a.npz"):
            with case((shape, name)):
                tracemalloc.start()
                with pytest.raises(ValueError, match=rf"{name}: its header says .* it has 128"):
                    read_images(tmp_path / name)
                assert tracemalloc.get_traced_memory()[1] < 1e6
                tracemalloc.stop()


def test_texts_in_npz(tmp_path):
    path, image = tmp_path / "a.npz", np.ones((1, 4, 4))
    np.savez(path, image=image, title=np.array("an image"))
    with pytest.raises(ValueError, match=r"a\.npz must hold numbers, .* dtype <U8"):
        read_images(path, key="title")
    np.savez(path, image=image)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("readme.txt", "an image")
    np.testing.assert_array_equal(read_images(path), image)
    with pytest.raises(ValueError, match=r"a\.npz: key must be one of \['image'\], got 'readme.tx"):
        read_images(path, key="readme.txt")


@pytest.mark.parametrize("big", [False, True])
def test_damaged_links_between_pages(tmp_path, big):
    path, images = tmp_path / "a.tif", np.arange(5 * 6 * 7, dtype=np.uint8).reshape(5, 6, 7)
    with tifffile.TiffWriter(path, bigtiff=big) as file:
        for image in images:
            file.write(image, contiguous=False)
    with tifffile.TiffFile(path) as file:
        tiff, first = file.tiff, [page.offset for page in file.pages]
    np.testing.assert_array_equal(read_images(path), images)
    content = path.read_bytes()
    count = struct.unpack_from(tiff.tagnoformat, content, first[1])[0]
    link = first[1] + tiff.tagnosize + count * tiff.tagsize
    for target in (len(content) + 1, 2 ** (8 * tiff.offsetsize) - 1, first[0], first[1], 3):
        damaged = bytearray(content)
        struct.pack_into(tiff.offsetformat, damaged, link, target)
        path.write_bytes(damaged)
        with case(target), pytest.raises(ValueError, match=r"cannot read .*a\.tif"):
            read_images(path)


def test_types_that_have_no_common_one(tmp_path):
    large = 2**63 + 1
    np.save(tmp_path / "a.npy", np.array([[[large]]], np.uint64))
    np.save(tmp_path / "b.npy", np.array([[[1]]], np.int64))
    np.save(tmp_path / "c.npy", np.array([[[1]]], np.uint64))
    np.save(tmp_path / "d.npy", np.array([[[0.5]]]))
    with pytest.raises(ValueError, match=r"a\.npy holds integers that change in float64"):
        read_images([tmp_path / "b.npy", tmp_path / "a.npy"])
    with pytest.raises(ValueError, match=r"a\.npy holds integers .* type of float64, uint64"):
        read_images([tmp_path / "a.npy", tmp_path / "d.npy"])
    both = read_images([tmp_path / "a.npy", tmp_path / "c.npy"])
    assert both.dtype == np.uint64
    assert int(both[0, 0, 0]) == large
    assert read_images([tmp_path / "b.npy", tmp_path / "d.npy"])[:, 0, 0].tolist() == [1, 0.5]
