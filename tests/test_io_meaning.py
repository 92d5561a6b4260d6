"""Files that can be read in two ways are refused with the call that is right."""

import io
import sys

import numpy as np
import pytest
import tifffile
from cases import case
from field_files import IMAGE, VOLUME
from PIL import Image

from skmicro import read_images, write_images


def test_planes_stored_as_channels_name_the_cure(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", VOLUME, imagej=True)
    with pytest.raises(ValueError, match=r"axes CYX; .* say axes='NYX' or axes='ZYX'"):
        read_images(tmp_path / "a.tif")
    assert read_images(tmp_path / "a.tif", axes="ZYX").shape == (1, 4, 5, 7)
    assert read_images(tmp_path / "a.tif", axes="NYX").shape == (4, 5, 7)


def test_axes_put_arrays_in_order(tmp_path):
    np.save(tmp_path / "a.npy", VOLUME)
    for axes, expected in [
        ("ZYX", VOLUME[None]),
        ("XYZ", VOLUME.T[None]),
        ("yxn", np.moveaxis(VOLUME, -1, 0)),
        ("NXY", VOLUME.transpose(0, 2, 1)),
    ]:
        with case(axes):
            np.testing.assert_array_equal(read_images(tmp_path / "a.npy", axes=axes), expected)
    for axes, message in [
        ("YX", "axes must name the 3 axes of .*a.npy"),
        ("NZY", "axes must be some of the letters N, Z, Y and X once, got 'NZY'"),
        ("YYX", "axes must be some of the letters"),
        (3, "axes must be some of the letters"),
    ]:
        with case(axes), pytest.raises(ValueError, match=message):
            read_images(tmp_path / "a.npy", axes=axes)
    with pytest.raises(ValueError, match=r"volume must be None or False for axes='NYX'"):
        read_images(tmp_path / "a.npy", axes="NYX", volume=True)


def test_a_folder_of_slices_is_a_volume_if_that_is_said(tmp_path):
    write_images(tmp_path / "slices", VOLUME)
    np.testing.assert_array_equal(read_images(tmp_path / "slices", volume=True), VOLUME[None])
    np.testing.assert_array_equal(read_images(tmp_path / "slices"), VOLUME)


def test_images_of_several_sizes_are_a_list(tmp_path):
    write_images(tmp_path / "a.png", IMAGE)
    write_images(tmp_path / "b.png", IMAGE[:3])
    with pytest.raises(ValueError, match=r"b\.png has \(3, 7\); as_list=True"):
        read_images(tmp_path)
    images = read_images(tmp_path, as_list=True)
    assert [image.shape for image in images] == [(5, 7), (3, 7)]
    np.testing.assert_array_equal(images[1], IMAGE[:3])


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_alpha_that_varies_is_refused(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    for n_grey in (1, 3):
        alpha = np.full((5, 7, 1), 9, np.uint8)
        for varies in (False, True):
            alpha[2, 3] -= varies
            picture = np.concatenate([*[IMAGE[..., None]] * n_grey, alpha], axis=-1)
            Image.fromarray(picture).save(path)
            if varies:
                with pytest.raises(ValueError, match=r"cannot read .* transparency \(alpha\) var"):
                    read_images(path)
            else:
                np.testing.assert_array_equal(read_images(path)[0], IMAGE)


def test_palettes_that_are_in_part_transparent_are_refused(tmp_path):
    picture = Image.fromarray(IMAGE % 3).convert("P")
    picture.putpalette([0, 0, 0, 9, 9, 9, 200, 200, 200])
    picture.save(tmp_path / "a.png", transparency=1)
    with pytest.raises(ValueError, match=r"transparency \(alpha\) varies"):
        read_images(tmp_path / "a.png")


def test_unlike_pages_name_the_cure(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(IMAGE, contiguous=False)
        file.write(IMAGE[:3], contiguous=False)
    with pytest.raises(ValueError, match=r"pages must have one shape, .*; key=0 takes the first"):
        read_images(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_images(tmp_path / "a.tif", key=1)[0], IMAGE[:3])
    with pytest.raises(ValueError, match=r"key must be one of 0 to 1, got 2"):
        read_images(tmp_path / "a.tif", key=2)


def test_formats_that_are_not_supported_are_named(tmp_path):
    for name, message in [
        ("a.nii", r"a\.nii: files \.nii are not supported, or it is damaged; the package nibabel"),
        ("a.czi", r"a\.czi: files \.czi are not supported.*czifile"),
        ("a.foo", r"a\.foo: files \.foo are not supported, or it is damaged\."),
    ]:
        (tmp_path / name).write_bytes(b"whatever")
        with case(name), pytest.raises(ValueError, match=message):
            read_images(tmp_path / name)


def test_the_extra_of_files_is_named(tmp_path, monkeypatch):
    for name, module in (("a.h5", "h5py"), ("a.nrrd", "nrrd")):
        (tmp_path / name).write_bytes(b"whatever")
        monkeypatch.setitem(sys.modules, module, None)
        with case(name), pytest.raises(ImportError, match=r"pip install skmicro\[files\]"):
            read_images(tmp_path / name)


def test_tiff_that_needs_imagecodecs_says_so(tmp_path, monkeypatch):
    values = (IMAGE.astype(np.float32) / 7).astype(np.float64)
    tifffile.imwrite(tmp_path / "a.tif", values, compression="deflate")
    content = (tmp_path / "a.tif").read_bytes()
    tag = (259).to_bytes(2, "little") + (3).to_bytes(2, "little") + (1).to_bytes(4, "little")
    at = content.index(tag) + len(tag)
    jpeg_2000 = content[:at] + (34712).to_bytes(2, "little") + content[at + 2 :]
    (tmp_path / "a.tif").write_bytes(jpeg_2000)
    monkeypatch.setattr("skmicro.io._read_tiff.find_spec", lambda name: None)
    with pytest.raises(
        ImportError, match=r"TIFF of 64 bits compressed by .*pip install imagecodecs"
    ):
        read_images(tmp_path / "a.tif")


def test_raw_files_need_shape_and_type(tmp_path):
    VOLUME.tofile(tmp_path / "a.raw")
    with pytest.raises(ValueError, match=r"a\.raw: files without header need shape and dtype"):
        read_images(tmp_path / "a.raw")
    with pytest.raises(ValueError, match=r"shape \(4, 5, 8\) of uint8 takes 160 bytes, it has 140"):
        read_images(tmp_path / "a.raw", shape=(4, 5, 8), dtype="uint8")
    write_images(tmp_path / "b.raw", VOLUME)
    again = read_images(tmp_path / "b.raw", shape=(4, 5, 7), dtype="uint8")
    np.testing.assert_array_equal(again, VOLUME)


def test_greymaps_that_are_not_what_they_say(tmp_path):
    for text, message in [
        (b"P5 2 2 3\n\0\1\2", "2 x 2 voxels, it has 3"),
        (b"P5 2 2 3\n\0\1\2\4", "values from 0 to 3, it has others"),
        (b"P2 2 2 3\n0 1 2 -1\n", "values from 0 to 3, it has others"),
        (b"P5 2 2 70000\n\0\1\2\4", "largest value is 70000"),
        (b"P5 two", "header is none of PGM"),
    ]:
        (tmp_path / "a.pgm").write_bytes(text)
        with case(text), pytest.raises(ValueError, match=f"a.pgm: .*{message}"):
            read_images(tmp_path / "a.pgm")


def test_grey_levels_written_by_pillow_as_png_of_16_bits(tmp_path):
    image = IMAGE.astype(np.uint16) * 200
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    (tmp_path / "a.png").write_bytes(file.getvalue())
    np.testing.assert_array_equal(read_images(tmp_path / "a.png")[0], image)


def test_ome_files_of_which_a_part_is_missing(tmp_path):
    """tifffile fills what is missing with zeros."""
    one, other = "urn:uuid:11111111-1111-1111-1111-111111111111", "urn:uuid:2" + "2" * 35
    text = (
        f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{one}">'
        '<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint8" SizeX="7" '
        'SizeY="5" SizeZ="2" SizeC="1" SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>'
        f'<TiffData FirstZ="0" IFD="0"><UUID FileName="a.ome.tif">{one}</UUID></TiffData>'
        f'<TiffData FirstZ="1" IFD="0"><UUID FileName="b.ome.tif">{other}</UUID></TiffData>'
        "</Pixels></Image></OME>"
    )
    for name, image in (("b.ome.tif", IMAGE + 1), ("a.ome.tif", IMAGE)):
        tifffile.imwrite(tmp_path / name, image, description=text, metadata=None)
    np.testing.assert_array_equal(read_images(tmp_path / "a.ome.tif"), [IMAGE, IMAGE + 1])
    (tmp_path / "b.ome.tif").unlink()
    with pytest.raises(ValueError, match=r"a\.ome\.tif: some of its pages lie in other files"):
        read_images(tmp_path / "a.ome.tif")
