"""Images and volumes in files: TIFF, PNG, NumPy and, for ParaView, VTK image data.

In memory a set of images is one array of shape (n, H, W) or (n, D, H, W). A file with
three axes can mean n images or one volume; ``volume=True`` says the latter. Files are
read without executing any of their content, and written beside their destination and
moved into place when complete.
"""

import base64
import importlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ._checks import check_path, check_real
from ._files import atomic_path

TIFF = (".tif", ".tiff")
FOLDER_SUFFIXES = (*TIFF, ".png", ".bmp", ".jpg", ".jpeg", ".pgm", ".npy", ".npz")
VTK_TYPES = {"u": "UInt", "i": "Int", "f": "Float"}


def read_images(source, *, volume=False, key=None):
    """Read images or volumes from files into one array.

    Parameters
    ----------
    source : path-like or sequence of path-like
        A file, a folder, or several files. Of a folder, all files with the suffix of a
        known image format are read, in natural order of their names (``image_2`` before
        ``image_10``).
    volume : bool, default=False
        Whether a file with three axes (a multi-page TIFF, an array) is one volume rather
        than a stack of images.
    key : str, default=None
        Name of the array to take from NPZ files; needed where they hold several.

    Returns
    -------
    images : ndarray of shape (n, H, W) or (n, D, H, W)
        The images of all files, one after the other, with the values of the files.

    Raises
    ------
    FileNotFoundError
        If a file does not exist, or a folder holds no image.
    ValueError
        If a file cannot be read or holds something other than images with one channel
        (grey levels stored as equal RGB channels are accepted), or if the shapes of two
        files differ. The message names the file.
    TypeError
        If ``source`` is neither a path nor a sequence of paths.
    ImportError
        If a TIFF, PNG or other image file is read without the extra ``images``.

    Notes
    -----
    A folder of slices is read as a stack of n images; ``read_images(folder)[None]`` is the
    volume.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from skmicro.io import read_images, write_images
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_images(f"{folder}/stack.npy", np.zeros((3, 8, 8), dtype=np.uint8))
    ...     read_images(folder).shape
    (3, 8, 8)
    """
    paths = _paths(source)
    stacks = [_as_stack(_read_file(path, key), path, volume) for path in paths]
    for path, stack in zip(paths, stacks, strict=True):
        if stack.shape[1:] != stacks[0].shape[1:]:
            raise ValueError(
                f"all files must hold images of one shape: {paths[0]} has "
                f"{stacks[0].shape[1:]}, {path} has {stack.shape[1:]}."
            )
    return stacks[0] if len(stacks) == 1 else np.concatenate(stacks)


def write_images(path, images, *, volume=False, spacing=None):
    """Write images or volumes; the suffix of the path chooses the format.

    Parameters
    ----------
    path : path-like
        ``.npy``: the array. ``.tif``, ``.tiff``: one page per image or slice. ``.png``: a
        single image. ``.vti``: a single volume (or image) as cell data of VTK image data.
        No suffix: a new or empty folder, with one PNG per image. An existing file is
        replaced, at once and only when the new one is complete.
    images : array-like of shape (n, H, W), (n, D, H, W) or (H, W)
        Numbers or booleans. PNG takes integers from 0 to 65535 and booleans.
    volume : bool, default=False
        Whether three axes are those of one volume (D, H, W).
    spacing : float or sequence of float, default=None
        Edge lengths of a voxel along the axes of an image, in their order; only for
        ``.vti``. The default is 1.

    Raises
    ------
    ValueError
        If the format is unknown or cannot hold these images.
    TypeError
        If ``path`` is no path.
    FileNotFoundError
        If the folder that shall hold the file does not exist.
    FileExistsError
        If the path has no suffix and is neither new nor an empty folder.
    ImportError
        If TIFF or PNG is written without the extra ``images``.
    """
    check_path("path", path)
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in _WRITERS:
        raise ValueError(
            f"path must end in .npy, .tif, .tiff, .png or .vti, or name a folder, got {path}."
        )
    if spacing is not None and suffix != ".vti":
        raise ValueError(f"spacing must be None for files other than .vti, got {spacing!r}.")
    images = np.asarray(images)
    if images.dtype.kind not in "biuf" or images.ndim not in (2, 3, 4) or not images.size:
        raise ValueError(
            "images must be numbers of shape (n, H, W) or (n, D, H, W), "
            f"got shape {images.shape} and dtype {images.dtype}."
        )
    if images.ndim == 2 or (images.ndim == 3 and volume):
        images = images[None]
    if suffix == ".vti":
        _write_vti(path, images, spacing)
    else:
        _WRITERS[suffix](path, images)


def _paths(source):
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


def _read_file(path, key):
    suffix = path.suffix.lower()
    try:
        if suffix in (".npy", ".npz"):
            array = _read_numpy(path, key)
        else:
            array = _read_tiff(path) if suffix in TIFF else _read_picture(path)
    except (ImportError, MemoryError):
        raise
    except Exception as error:  # the readers raise errors of any type on damaged files
        raise ValueError(f"cannot read {path}: {error}") from error
    if array.dtype.kind not in "biuf" or not array.size:
        raise ValueError(
            f"{path} must hold numbers, got shape {array.shape} and dtype {array.dtype}."
        )
    return array


def _as_stack(array, path, volume):
    if array.ndim == 4 or (array.ndim == 3 and not volume):
        return array
    if array.ndim == (3 if volume else 2):
        return array[None]
    wanted = "a volume (3 axes, or 4 for several)" if volume else "images (2, 3 or 4 axes)"
    raise ValueError(f"{path} must hold {wanted}, got shape {array.shape}.")


def _read_numpy(path, key):
    with open(path, "rb") as file:
        content = np.load(file, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return content
        if key is None and len(content.files) == 1:
            key = content.files[0]
        if key not in content.files:
            raise ValueError(f"key must be one of {content.files}, got {key!r}.")
        return content[key]


def _read_tiff(path):
    with _import_optional("tifffile").TiffFile(path) as file:
        shapes = {series.shape for series in file.series}
        if len(shapes) > 1:
            raise ValueError(f"pages must have one shape, got {sorted(shapes)}.")
        axes = file.series[0].axes
        if "C" in axes or "S" in axes[:-1]:
            raise ValueError(f"images must have one channel, got axes {axes}.")
        arrays = [series.asarray() for series in file.series]
    if axes[-1] == "S":
        arrays = [_grey(array) for array in arrays]
    return arrays[0] if len(arrays) == 1 else np.stack(arrays)


def _read_picture(path):
    imageio = _import_optional("imageio.v3")
    with open(path, "rb") as file:
        array = imageio.imread(file, extension=path.suffix)
    return _grey(array) if array.ndim > 2 else array


def _grey(array):
    """Drop the channel axis of grey levels that are stored as colours."""
    channels = array[..., :3] if array.shape[-1] > 2 else array[..., :1]
    if (channels != channels[..., :1]).any():
        raise ValueError(f"a colour image of shape {array.shape}, needed is one channel.")
    return channels[..., 0]


def _write_npy(path, images):
    with atomic_path(path) as temporary, open(temporary, "wb") as file:
        np.save(file, images, allow_pickle=False)


def _write_tiff(path, images):
    tifffile = _import_optional("tifffile")
    with atomic_path(path) as temporary:
        tifffile.imwrite(temporary, images, photometric="minisblack")


def _write_png(path, images):
    if len(images) > 1:
        raise ValueError(f"a .png file holds one image, got {len(images)}; name a folder instead.")
    imageio = _import_optional("imageio.v3")
    image = _as_png(images)[0]
    with atomic_path(path) as temporary:
        imageio.imwrite(temporary, image, extension=".png")


def _write_folder(path, images):
    imageio = _import_optional("imageio.v3")
    images = _as_png(images)
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(f"path must be a new or empty folder, got {path}.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"path must lie in an existing folder, got {path}.")
    holder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        folder = holder / path.name
        folder.mkdir()
        digits = len(str(len(images) - 1))
        for index, image in enumerate(images):
            imageio.imwrite(folder / f"image_{index:0{digits}d}.png", image)
        if path.exists():
            path.rmdir()
        os.replace(folder, path)
    finally:
        shutil.rmtree(holder)


def _as_png(images):
    if images.ndim != 3:
        raise ValueError(f"PNG holds 2-D images, got shape {images.shape}; use .tif, .npy or .vti.")
    if images.dtype in (np.bool_, np.uint8, np.uint16):
        return images
    if images.dtype.kind == "f" or images.min() < 0 or images.max() > 65535:
        raise ValueError(
            "PNG holds integers from 0 to 65535, got dtype "
            f"{images.dtype} from {images.min()} to {images.max()}; use .tif or .npy."
        )
    return images.astype(np.uint8 if images.max() < 256 else np.uint16)


def _write_vti(path, images, spacing):
    if len(images) > 1:
        hint = "; volume=True makes one volume of three axes" if images.ndim == 3 else ""
        raise ValueError(f"a .vti file holds one volume, got {len(images)}{hint}.")
    array = images[0]
    lengths = [1.0 if spacing is None else spacing] * array.ndim
    if np.ndim(spacing) == 1 and len(spacing) == array.ndim:
        lengths = [float(length) for length in spacing]
    for length in lengths:
        check_real("spacing", length, 0, open_low=True)
    stored = {"?": np.uint8, "e": np.float32, "g": np.float64}.get(array.dtype.char, array.dtype)
    array = array.astype(np.dtype(stored).newbyteorder("<"), copy=False)
    kind = f"{VTK_TYPES[array.dtype.kind]}{8 * array.itemsize}"
    # VTK counts x first; the last axis of the array is x.
    sides = [*array.shape[::-1], 1][:3]
    steps = " ".join(repr(float(length)) for length in [*lengths[::-1], 1.0][:3])
    extent = " ".join(f"0 {side}" for side in sides)
    head = (
        '<?xml version="1.0"?>\n<VTKFile type="ImageData" version="1.0" '
        'byte_order="LittleEndian" header_type="UInt64">\n'
        f'<ImageData WholeExtent="{extent}" Origin="0 0 0" Spacing="{steps}">\n'
        f'<Piece Extent="{extent}">\n<PointData/>\n<CellData Scalars="image">\n'
        f'<DataArray type="{kind}" Name="image" format="binary">\n'
    )
    tail = "\n</DataArray>\n</CellData>\n</Piece>\n</ImageData>\n</VTKFile>\n"
    content = np.uint64(array.nbytes).astype("<u8").tobytes() + array.tobytes()
    with atomic_path(path) as temporary:
        temporary.write_bytes(head.encode() + base64.b64encode(content) + tail.encode())


def _import_optional(name):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise ImportError(f"{package} is needed: pip install skmicro[images]") from error


_WRITERS = {
    "": _write_folder,
    ".npy": _write_npy,
    ".png": _write_png,
    ".tif": _write_tiff,
    ".tiff": _write_tiff,
    ".vti": _write_vti,
}
