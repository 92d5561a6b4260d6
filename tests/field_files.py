"""Files as the programs of the field write them, and what their writers meant.

Each case writes one file with a program other than this library, and says with which arguments it
is read and what comes back. ``benchmarks/file_formats.py`` prints them as a table.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

SIDES = (4, 5, 7)
VOLUME = (np.arange(140).reshape(SIDES) * 37 % 251).astype(np.uint8)
LABELS = (VOLUME % 3).astype(np.int32)
IMAGE = VOLUME[1]
MASK = IMAGE > 100
SPACING = (3.0, 2.0, 0.5)
CORNER = (10.0, 20.0, 30.0)
CENTRE = tuple(c + s / 2 for c, s in zip(CORNER, SPACING, strict=True))


@dataclass(frozen=True)
class Case:
    """One file.

    Attributes
    ----------
    name : str
        Program and format.
    needs : str
        The module that writes it.
    file : str
        Name of the file.
    write : callable
        ``write(module, path)``.
    images : ndarray
        What its writer meant, as images or volumes.
    read : dict
        Arguments of ``read_images``.
    place : dict
        Spacing, origin and unit that the file has.
    """

    name: str
    needs: str
    file: str
    write: Callable
    images: np.ndarray
    read: dict = field(default_factory=dict)
    place: dict = field(default_factory=dict)


CASES = []
PLACED = {"spacing": SPACING, "origin": CORNER}


def case_of(name, needs, file, images, read=None, place=None):
    """Return a decorator that makes a case of a function."""

    def decorated(write):
        CASES.append(Case(name, needs, file, write, images, read or {}, place or {}))
        return write

    return decorated


def _pillow_tiff(name, array, compression, meant=None, **options):
    @case_of(f"Pillow TIFF {name}", "PIL.Image", "a.tif", (array if meant is None else meant)[None])
    def write(pillow, path):
        pillow.fromarray(array).save(path, compression=compression, **options)


for _compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "zstd"):
    _pillow_tiff(f"uint8, {_compression}", IMAGE, _compression)
    _pillow_tiff(f"uint16, {_compression}", IMAGE.astype(np.uint16) * 200, _compression)
    _pillow_tiff(f"1 bit, {_compression}", MASK, _compression)
for _compression in ("group3", "group4"):
    _pillow_tiff(f"1 bit, CCITT {_compression}", MASK, _compression)
_pillow_tiff("float32, LZW", IMAGE.astype(np.float32) / 7, "tiff_lzw")
_pillow_tiff("int32, LZW", IMAGE.astype(np.int32) - 90, "tiff_lzw")
_pillow_tiff("1 bit, 0 is white", MASK, "raw", tiffinfo={262: 0})
_pillow_tiff("1 bit, CCITT, 0 is white", MASK, "group4", tiffinfo={262: 0})
_pillow_tiff("uint8, 0 is white", IMAGE, "raw", tiffinfo={262: 0})
_pillow_tiff("uint8, LZW, 0 is white", IMAGE, "tiff_lzw", tiffinfo={262: 0})
FLAT = np.full((16, 24), 77, np.uint8)  # JPEG keeps it
_pillow_tiff("uint8, JPEG", FLAT, "jpeg", quality=95)


@case_of("tifffile TIFF 1 bit, 0 is white", "tifffile", "a.tif", MASK[None])
def _(tifffile, path):
    tifffile.imwrite(path, MASK, photometric="miniswhite")


@case_of("tifffile TIFF LZW, predictor", "imagecodecs", "a.tif", VOLUME)
def _(imagecodecs, path):
    tifffile = importlib.import_module("tifffile")
    tifffile.imwrite(path, VOLUME, photometric="minisblack", compression="lzw", predictor=True)


@case_of("tifffile TIFF uint32, LZW", "imagecodecs", "a.tif", VOLUME.astype(np.uint32) * 10**7)
def _(imagecodecs, path):
    tifffile = importlib.import_module("tifffile")
    values = VOLUME.astype(np.uint32) * 10**7
    tifffile.imwrite(path, values, photometric="minisblack", compression="lzw")


@case_of("tifffile TIFF of 4 images, taken for RGBA", "tifffile", "a.tif", VOLUME, {"axes": "NYX"})
def _(tifffile, path):
    tifffile.imwrite(path, VOLUME, photometric="rgb", planarconfig="separate")


@case_of("Pillow TIFF of pages", "PIL.Image", "a.tif", VOLUME)
def _(pillow, path):
    first, *others = (pillow.fromarray(page) for page in VOLUME)
    first.save(path, save_all=True, append_images=others, compression="tiff_lzw")


@case_of("tifffile TIFF with a thumbnail", "tifffile", "a.tif", IMAGE[None])
def _(tifffile, path):
    with tifffile.TiffWriter(path) as file:
        file.write(IMAGE)
        file.write(IMAGE[::2, ::2], subfiletype=1)


@case_of("tifffile pyramid in pages", "tifffile", "a.tif", IMAGE[None])
def _(tifffile, path):
    with tifffile.TiffWriter(path) as file:
        file.write(IMAGE, metadata=None)
        for step in (2, 4):
            file.write(np.ascontiguousarray(IMAGE[::step, ::step]), subfiletype=1, metadata=None)


@case_of("tifffile pyramid in SubIFDs, OME", "tifffile", "a.ome.tif", IMAGE[None])
def _(tifffile, path):
    with tifffile.TiffWriter(path, ome=True) as file:
        file.write(IMAGE, subifds=2, metadata={"axes": "YX"})
        for step in (2, 4):
            file.write(np.ascontiguousarray(IMAGE[::step, ::step]), subfiletype=1)


@case_of("tifffile ImageJ, no axes", "tifffile", "a.tif", VOLUME, {"axes": "NYX"})
def _(tifffile, path):
    tifffile.imwrite(path, VOLUME, imagej=True)


@case_of("tifffile OME, no axes", "tifffile", "a.ome.tif", VOLUME[None], {"axes": "ZYX"})
def _(tifffile, path):
    tifffile.imwrite(path, VOLUME)


@case_of(
    "tifffile ImageJ with lengths", "tifffile", "a.tif", VOLUME[None], {"volume": True},
    {"spacing": SPACING, "unit": "um"},
)  # fmt: skip
def _(tifffile, path):
    tifffile.imwrite(
        path, VOLUME, imagej=True, resolution=(1 / SPACING[2], 1 / SPACING[1]),
        metadata={"axes": "ZYX", "spacing": SPACING[0], "unit": "micron"},
    )  # fmt: skip


@case_of(
    "tifffile OME with lengths", "tifffile", "a.ome.tif", VOLUME[None], {"volume": True},
    {"spacing": SPACING, "unit": "um"},
)  # fmt: skip
def _(tifffile, path):
    lengths = dict(zip(("PhysicalSizeZ", "PhysicalSizeY", "PhysicalSizeX"), SPACING, strict=True))
    tifffile.imwrite(path, VOLUME, metadata={"axes": "ZYX"} | lengths)


GREYS = [k for level in range(256) for k in (255 - level,) * 3]
COLOURS = [(k * m) % 256 for k in range(256) for m in (37, 91, 153)]
PALETTE_LABELS = (IMAGE % 5).astype(np.uint8)


def _with_palette(array, palette):
    def write(pillow, path):
        picture = pillow.fromarray(array).convert("L")
        picture.putpalette(palette)
        picture.save(path)

    return write


for _suffix in ("png", "tif"):
    case_of(f"Pillow palette of colours, {_suffix}", "PIL.Image", f"a.{_suffix}",
            PALETTE_LABELS[None])(_with_palette(PALETTE_LABELS, COLOURS))  # fmt: skip
    case_of(f"Pillow palette of greys, {_suffix}", "PIL.Image", f"a.{_suffix}",
            255 - IMAGE[None])(_with_palette(IMAGE, GREYS))  # fmt: skip


@case_of("imageio PNG of RGB greys", "imageio.v3", "a.png", IMAGE[None])
def _(imageio, path):
    imageio.imwrite(path, np.repeat(IMAGE[..., None], 3, axis=-1))


def _text_case(name, file, text, images):
    case_of(f"text {name}", "numpy", file, images)(lambda _, path: path.write_bytes(text))


GREYMAP = np.array([[0, 1], [2, 3]], np.uint8)
_text_case("PGM, maxval 3", "a.pgm", b"P5\n# by hand\n2 2\n3\n\0\1\2\3", GREYMAP[None])
_text_case("PGM in ASCII, maxval 3", "a.pgm", b"P2 2 2 3\n0 1\n2 3\n", GREYMAP[None])
_text_case(
    "PGM of 12 bits", "a.pgm", b"P5 2 1 4095 \x0f\xff\0\1", np.array([[[4095, 1]]], np.uint16)
)


def _vtk_grid(vtk, cells, array=VOLUME, name="phase"):
    from vtk.util.numpy_support import numpy_to_vtk

    grid = vtk.vtkImageData()
    sides = np.array(array.shape[::-1])
    grid.SetDimensions(*(sides + 1 if cells else sides))
    grid.SetSpacing(*SPACING[::-1])
    grid.SetOrigin(*(CORNER if cells else CENTRE)[::-1])
    values = numpy_to_vtk(array.ravel(), deep=True)
    values.SetName(name)
    (grid.GetCellData() if cells else grid.GetPointData()).AddArray(values)
    return grid


def _vti(mode, compressor, cells):
    kind = "cells" if cells else "points"

    @case_of(f"VTK VTI {mode}, {compressor}, {kind}", "vtk", "a.vti", VOLUME[None], place=PLACED)
    def write(vtk, path):
        writer = vtk.vtkXMLImageDataWriter()
        writer.SetFileName(str(path))
        writer.SetInputData(_vtk_grid(vtk, cells))
        if mode == "ascii":
            writer.SetDataModeToAscii()
        elif mode == "binary":
            writer.SetDataModeToBinary()
        else:
            writer.SetDataModeToAppended()
            writer.SetEncodeAppendedData(mode == "appended base64")
        if compressor == "zlib":
            writer.SetCompressorTypeToZLib()
            writer.SetBlockSize(2**12)  # of which a volume takes several
        else:
            writer.SetCompressorTypeToNone()
        writer.Write()


for _mode in ("ascii", "binary", "appended raw", "appended base64"):
    for _compressor in ("none", "zlib"):
        _vti(_mode, _compressor, _mode != "binary")

LARGE = (np.arange(30 * 40 * 50).reshape(30, 40, 50) * 37 % 251).astype(np.uint16)


@case_of("VTK VTI of several blocks", "vtk", "a.vti", LARGE[None])
def _(vtk, path):
    writer = vtk.vtkXMLImageDataWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(_vtk_grid(vtk, True, LARGE))
    writer.SetBlockSize(2**12)
    writer.Write()


@case_of("PyVista VTI", "pyvista", "a.vti", VOLUME[None], place=PLACED)
def _(pyvista, path):
    grid = pyvista.ImageData(
        dimensions=np.array(SIDES[::-1]) + 1, spacing=SPACING[::-1], origin=CORNER[::-1]
    )
    grid.cell_data["phase"] = VOLUME.ravel()
    grid.save(path)


@case_of("DAMASK VTI", "damask", "a.vti", LABELS[None], {"key": "material"}, PLACED)
def _(damask, path):
    size = np.array(SIDES[::-1]) * SPACING[::-1]
    damask.GeomGrid(LABELS.T, size=size, origin=np.array(CORNER[::-1])).save(path)


@case_of("pyevtk VTI", "pyevtk.hl", "a.vti", VOLUME[None], place=PLACED)
def _(pyevtk, path):
    pyevtk.imageToVTK(
        str(path.with_suffix("")), origin=CORNER[::-1], spacing=SPACING[::-1],
        cellData={"phase": np.asfortranarray(VOLUME.T)},
    )  # fmt: skip


for _mode in ("ascii", "binary"):
    for _cells in (True, False):
        _kind = "cells" if _cells else "points"

        @case_of(f"VTK legacy {_mode}, {_kind}", "vtk", "a.vtk", VOLUME[None], place=PLACED)
        def _(vtk, path, binary=_mode == "binary", cells=_cells):
            writer = vtk.vtkStructuredPointsWriter()
            writer.SetFileName(str(path))
            writer.SetInputData(_vtk_grid(vtk, cells))
            (writer.SetFileTypeToBinary if binary else writer.SetFileTypeToASCII)()
            writer.Write()


@case_of("VTK MetaImage", "vtk", "a.mha", VOLUME[None], place=PLACED)
def _(vtk, path):
    writer = vtk.vtkMetaImageWriter()
    writer.SetFileName(str(path))
    grid = _vtk_grid(vtk, False)
    grid.GetPointData().SetActiveScalars("phase")
    writer.SetInputData(grid)
    writer.Write()


def _itk(file, compressed, array=VOLUME):
    name = f"ITK {file[2:]}{', compressed' if compressed else ''}, {array.dtype}"
    read = {"axes": "ZYX"} if file.endswith("tif") else {}

    @case_of(name, "SimpleITK", file, array[None], read, PLACED if not read else {})
    def write(itk, path):
        image = itk.GetImageFromArray(array)
        image.SetSpacing(SPACING[::-1])
        image.SetOrigin(CENTRE[::-1])
        itk.WriteImage(image, str(path), compressed)


for _file in ("a.mha", "a.mhd", "a.nrrd", "a.nhdr"):
    for _compressed in (False, True):
        _itk(_file, _compressed)
_itk("a.mha", False, LABELS.astype(np.int64))
_itk("a.mha", False, VOLUME.astype(np.float64) / 7)
_itk("a.nrrd", True, LABELS.astype(np.int16))
_itk("a.vtk", False)
_itk("a.tif", True)


@case_of("ITK NRRD of one slice", "SimpleITK", "a.nrrd", VOLUME[:1], place={})
def _(itk, path):
    itk.WriteImage(itk.GetImageFromArray(VOLUME[:1]), str(path))


for _encoding in ("raw", "gzip", "bzip2", "ascii"):

    @case_of(
        f"pynrrd NRRD {_encoding}", "nrrd", "a.nrrd", VOLUME[None],
        place=PLACED | {"unit": "um"},
    )  # fmt: skip
    def _(nrrd, path, encoding=_encoding):
        header = {
            "encoding": encoding, "space dimension": 3, "space origin": CENTRE[::-1],
            "space directions": np.diag(SPACING[::-1]), "space units": ["um"] * 3,
        }  # fmt: skip
        nrrd.write(str(path), VOLUME, header, index_order="C")


@case_of("pynrrd NRRD by spacings", "nrrd", "a.nrrd", VOLUME[None], place={"spacing": SPACING})
def _(nrrd, path):
    nrrd.write(str(path), VOLUME.T, {"spacings": SPACING[::-1]}, index_order="F")


@case_of("h5py HDF5", "h5py", "a.h5", VOLUME)
def _(h5py, path):
    with h5py.File(path, "w") as file:
        file.create_dataset("scan/images", data=VOLUME, compression="gzip")
        file["scan/names"] = ["a", "b"]


@case_of("h5py HDF5, x first", "h5py", "a.h5", VOLUME[None], {"key": "b", "axes": "XYZ"})
def _(h5py, path):
    with h5py.File(path, "w") as file:
        file["a"], file["b"] = VOLUME, VOLUME.T


DREAM3D = {"7.0": "DataContainers/ImageDataContainer", "8.0": "DataStructure/ImageDataContainer"}


def _dream3d(version):
    @case_of(
        f"DREAM.3D layout, version {version}", "h5py", "a.dream3d", LABELS[None],
        {"key": f"{DREAM3D[version]}/CellData/FeatureIds"}, PLACED,
    )  # fmt: skip
    def write(h5py, path):
        with h5py.File(path, "w") as file:
            file.attrs["FileVersion"] = np.bytes_(version)
            cells = file.create_group(f"{DREAM3D[version]}/CellData")
            cells.attrs["TupleDimensions"] = np.array(SIDES[::-1], np.uint64)
            for name, n, kind in (("FeatureIds", 1, np.int32), ("EulerAngles", 3, np.float32)):
                data = cells.create_dataset(name, data=np.zeros((*SIDES, n), kind))
                data.attrs["ComponentDimensions"] = np.array([n], np.uint64)
                data.attrs["TupleDimensions"] = np.array(SIDES[::-1], np.uint64)
            cells["FeatureIds"][..., 0] = LABELS
            geometry = {
                "DIMENSIONS": np.array(SIDES[::-1], np.int64),
                "SPACING": np.array(SPACING[::-1], np.float32),
                "ORIGIN": np.array(CORNER[::-1], np.float32),
            }
            if version == "7.0":
                group = file.create_group(f"{DREAM3D[version]}/_SIMPL_GEOMETRY")
                for name, values in geometry.items():
                    group[name] = values
            else:
                for name, values in geometry.items():
                    file[DREAM3D[version]].attrs[f"_{name}"] = values


_dream3d("7.0")
_dream3d("8.0")


@case_of("SciPy MATLAB 5, slices last", "scipy.io", "a.mat", VOLUME[None], {"axes": "YXZ"})
def _(scipy_io, path):
    scipy_io.savemat(path, {"V": np.moveaxis(VOLUME, 0, -1), "name": "scan", "step": 0.5})


@case_of("SciPy MATLAB 5, an image", "scipy.io", "a.mat", MASK[None])
def _(scipy_io, path):
    scipy_io.savemat(path, {"mask": MASK}, do_compression=True)


@case_of("MATLAB 7.3 layout", "h5py", "a.mat", VOLUME[None], {"axes": "YXZ"})
def _(h5py, path):
    with h5py.File(path, "w", userblock_size=512) as file:
        data = file.create_dataset("V", data=np.moveaxis(VOLUME, 0, -1).T)
        data.attrs["MATLAB_class"] = np.bytes_("uint8")


@case_of("NumPy NPY, Fortran order", "numpy", "a.npy", VOLUME)
def _(numpy, path):
    numpy.save(path, numpy.asfortranarray(VOLUME))


@case_of(
    "raw, most significant byte first", "numpy", "a.raw", VOLUME[None].astype(np.uint16) * 200,
    {"shape": SIDES, "dtype": ">u2", "volume": True},
)  # fmt: skip
def _(numpy, path):
    (VOLUME.astype(">u2") * 200).astype(">u2").tofile(path)
