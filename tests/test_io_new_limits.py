"""Readers of volumes ask for no more memory than they may, and name files that are damaged."""

import io
import struct
import sys
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from cases import case
from field_files import CASES, VOLUME
from saved import peak
from scipy.io import savemat

from skmicro import read_images, write_images
from skmicro.io import _memory

SIDE, FREE = 300, 2**20


def compressed_vti(path):
    block = zlib.compress(bytes(SIDE**3), 9)
    head = struct.pack("<4Q", 1, SIDE**3, 0, len(block))
    text = (
        '<VTKFile type="ImageData" byte_order="LittleEndian" header_type="UInt64" '
        'compressor="vtkZLibDataCompressor"><ImageData WholeExtent="{0}"><Piece Extent="{0}">'
        '<CellData><DataArray type="UInt8" Name="a" format="appended" offset="0"/></CellData>'
        '</Piece></ImageData><AppendedData encoding="raw">_'
    ).format(f"0 {SIDE} 0 {SIDE} 0 {SIDE}")
    path.write_bytes(text.encode() + head + block + b"</AppendedData></VTKFile>")


def compressed_mha(path):
    text = (
        f"NDims = 3\nDimSize = {SIDE} {SIDE} {SIDE}\nCompressedData = True\n"
        "ElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    )
    path.write_bytes(text.encode() + zlib.compress(bytes(SIDE**3), 9))


def compressed_nrrd(path):
    nrrd = pytest.importorskip("nrrd", reason="pynrrd reads the file of this test")
    nrrd.write(str(path), np.zeros((SIDE,) * 3, np.uint8), {"encoding": "gzip"})


def empty_hdf5(path):
    h5py = pytest.importorskip("h5py", reason="h5py reads the file of this test")
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (SIDE,) * 3, np.uint8, chunks=True)


def compressed_mat(path):
    savemat(path, {"a": np.zeros((SIDE**2, SIDE), np.uint8)}, do_compression=True)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("a.vti", compressed_vti),
        ("a.mha", compressed_mha),
        ("a.nrrd", compressed_nrrd),
        ("a.h5", empty_hdf5),
        ("a.mat", compressed_mat),
    ],
)
def test_memory_is_bounded_by_the_size_of_the_file(tmp_path, monkeypatch, name, write):
    path = tmp_path / name
    write(path)
    monkeypatch.setattr(_memory, "FREE", FREE)
    assert 100 * path.stat().st_size < SIDE**3
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=rf"{name}: .*max_expansion=100 times"):
            read_images(path)
        # SciPy unpacks 128 KiB of a MATLAB file at once, whatever comes out of them.
        assert tracemalloc.get_traced_memory()[1] < (3 * SIDE**3 if name == "a.mat" else 5e6)
    finally:
        tracemalloc.stop()
    image = read_images(path, max_expansion=np.inf)
    assert image.size == SIDE**3
    assert not image.any()


@pytest.mark.parametrize("name", ["a.mha", "a.nrrd"])
def test_content_that_unpacks_to_more_than_the_header_says(tmp_path, name):
    packed = zlib.compress(bytes(SIDE**3), 9)
    if name == "a.mha":
        compressed_mha(tmp_path / name)
        text = (tmp_path / name).read_bytes().replace(b"300 300 300", b"3 3 3")
    else:
        pytest.importorskip("nrrd", reason="pynrrd reads the file of this test")
        head = b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 3 3 3\nencoding: gzip\n\n"
        text = head + packed
    (tmp_path / name).write_bytes(text)
    tracemalloc.start()
    try:
        assert read_images(tmp_path / name).shape == (1, 3, 3, 3)
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()


N_HIDDEN = 40 * 2**20


def long_header_npz(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        head = b"\x93NUMPY\x02\x00" + struct.pack("<I", N_HIDDEN)
        archive.writestr("a.npy", head + b" " * N_HIDDEN)


def packed_otherwise_npz(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as archive:
        archive.writestr("a.npy", np_bytes(np.zeros((1, 3, 3))) + bytes(N_HIDDEN))


def np_bytes(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def skipping_nrrd(path):
    pytest.importorskip("nrrd", reason="pynrrd reads the file of this test")
    head = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 3 3 3\nencoding: gzip\n"
    text = f"{head}byte skip: {N_HIDDEN}\n\n".encode()
    path.write_bytes(text + zlib.compress(bytes(N_HIDDEN + 27)))


def large_chunk_hdf5(path):
    h5py = pytest.importorskip("h5py", reason="h5py reads the file of this test")
    with h5py.File(path, "w") as file:
        settings = {"chunks": (N_HIDDEN // 4, 2, 2), "maxshape": (None,) * 3}
        file.create_dataset("a", (3, 3, 3), "u1", compression="gzip", **settings)[...] = 1


def swelling_chunk_hdf5(path):
    h5py = pytest.importorskip("h5py", reason="h5py reads the file of this test")
    with h5py.File(path, "w") as file:
        data = file.create_dataset("a", (3, 3, 3), "u1", chunks=(3, 3, 3), compression="gzip")
        data.id.write_direct_chunk((0, 0, 0), zlib.compress(bytes(N_HIDDEN)))


def long_name_mat(path):
    savemat(path, {"a" * 31: np.ones((3, 3))}, do_compression=False)
    content = path.read_bytes()
    head, body = content[:128], content[136:].replace(b"a" * 31 + b"\0", b"a" * N_HIDDEN)
    body = body.replace(struct.pack("<II", 1, 31), struct.pack("<II", 1, N_HIDDEN))
    packed = zlib.compress(struct.pack("<II", 14, len(body)) + body)
    path.write_bytes(head + struct.pack("<II", 15, len(packed)) + packed)


def swelling_strip_tiff(path):
    packed = zlib.compress(bytes(N_HIDDEN), 9)
    tags = {
        256: 16, 257: 16, 258: 8, 259: 8, 262: 1, 273: 134, 277: 1, 278: 16, 279: len(packed),
        339: 1,
    }  # fmt: skip
    entries = b"".join(struct.pack("<2H2I", tag, 4, 1, value) for tag, value in tags.items())
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4)
    path.write_bytes(head + packed)


HIDDEN = {
    "header.npz": (long_header_npz, "its header has .* bytes"),
    "bzip2.npz": (packed_otherwise_npz, "packed in another way"),
    "skip.nrrd": (skipping_nrrd, "max_expansion"),
    "chunk.h5": (large_chunk_hdf5, "max_expansion"),
    "packed.h5": (swelling_chunk_hdf5, "max_expansion"),
    "name.mat": (long_name_mat, "max_expansion"),
    "strip.tif": (swelling_strip_tiff, "max_expansion"),
}


@pytest.mark.skipif(sys.platform != "linux", reason="the peak is measured on Linux")
@pytest.mark.parametrize("name", HIDDEN)
def test_small_images_in_files_that_unpack_to_much_more(tmp_path, monkeypatch, name):
    """What libraries unpack beside the numbers."""
    write, message = HIDDEN[name]
    path = tmp_path / name
    write(path)
    assert 200 * path.stat().st_size < N_HIDDEN
    monkeypatch.setattr(_memory, "FREE", FREE)
    with peak() as found, pytest.raises(ValueError, match=rf"{name}: .*{message}"):
        read_images(path)
    assert found[0] < N_HIDDEN / 2


def test_programs_are_not_run(tmp_path):
    pytest.importorskip("PIL", reason="Pillow reads the file of this test")
    text = "%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"
    (tmp_path / "a.png").write_text(text)
    with pytest.raises(ValueError, match=r"a\.png: it is EPS, a program"):
        read_images(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.mhd", "a.nhdr"])
@pytest.mark.parametrize("other", ["../secret.raw", "/etc/hostname", "missing.raw"])
def test_headers_name_no_files_elsewhere(tmp_path, name, other):
    folder = tmp_path / "folder"
    folder.mkdir()
    (tmp_path / "secret.raw").write_bytes(bytes(8))
    if name == "a.mhd":
        text = f"NDims = 3\nDimSize = 2 2 2\nElementType = MET_UCHAR\nElementDataFile = {other}\n"
    else:
        pytest.importorskip("nrrd", reason="pynrrd reads the file of this test")
        text = "NRRD0004\ntype: uint8\ndimension: 3\nsizes: 2 2 2\nencoding: raw\n"
        text += f"data file: {other}\n"
    (folder / name).write_text(text)
    with pytest.raises(ValueError, match=rf"cannot read .*{name}: its numbers are in "):
        read_images(folder / name)


def test_hdf5_names_no_files_elsewhere(tmp_path):
    h5py = pytest.importorskip("h5py", reason="h5py reads the file of this test")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["a"] = VOLUME
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["b"] = h5py.ExternalLink("other.h5", "a")
        file["c"] = VOLUME
        space = h5py.VirtualLayout(VOLUME.shape, np.uint8)
        space[...] = h5py.VirtualSource("other.h5", "a", VOLUME.shape)
        file.create_virtual_dataset("d", space)
    for key in ("b", "d"):
        with pytest.raises(ValueError, match=r"a\.h5: .* has its values in other files"):
            read_images(tmp_path / "a.h5", key=key)
    assert read_images(tmp_path / "a.h5", key="c").shape == VOLUME.shape


def test_xml_defines_no_entities(tmp_path):
    write_images(tmp_path / "a.vti", VOLUME, volume=True)
    text = (tmp_path / "a.vti").read_text().replace("<VTKFile", "<!DOCTYPE a><VTKFile", 1)
    (tmp_path / "a.vti").write_text(text)
    with pytest.raises(ValueError, match=r"a\.vti: its XML defines entities"):
        read_images(tmp_path / "a.vti")


FORMATS = ("a.vti", "a.vtk", "a.mha", "a.mhd", "a.nrrd", "a.h5", "a.mat", "a.pgm", "a.tif", "a.png")


@pytest.mark.parametrize("name", FORMATS)
def test_damaged_files_are_named(tmp_path, name):
    """Bytes that change at random, and files cut short: read, or refused with the path."""
    chosen = [c for c in CASES if c.file == name and c.needs not in ("imagecodecs", "damask")]
    rng, n_refused = np.random.default_rng(0), 0
    for one in chosen[:: -(-len(chosen) // 2)]:
        module = pytest.importorskip(one.needs, reason=f"{one.needs} writes the file of this test")
        path = tmp_path / name
        one.write(module, path)
        content = path.read_bytes()
        for k in range(24):
            damaged = bytearray(content)
            if k < 6:
                damaged = damaged[: int(rng.integers(len(content)))]
            else:
                for at in rng.integers(min(len(content), 2000), size=3):
                    damaged[at] = rng.integers(256)
            path.write_bytes(damaged)
            with case(one.name, k):
                refused = None
                try:
                    read_images(path, **one.read)
                except ValueError as error:
                    refused = str(error)
                except ImportError:
                    pass  # a compression that needs another package, as far as the bytes tell
                n_refused += refused is not None
                assert refused is None or str(path) in refused
    assert n_refused > 0
