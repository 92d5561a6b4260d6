"""Reading of PNG, BMP, JPEG, PGM and what else Pillow reads."""

import re

import numpy as np

from ._blocks import check_block, native
from ._channels import from_palette, one_channel
from ._found import Found
from ._optional import import_optional

GREYMAP = re.compile(
    rb"P([25])((?:\s+|#[^\n]*\n)+)(\d+)((?:\s+|#[^\n]*\n)+)(\d+)((?:\s+|#[^\n]*\n)+)(\d+)\s"
)
FORMATS = {"1": bool, "L": np.uint8, "P": np.uint8, "I": np.int32, "F": np.float32}


def read_picture(path, limit):
    """Return one image, or those of a file that has several."""
    if path.suffix.lower() in (".pgm", ".pnm"):
        content = path.read_bytes()
        if content[:2] in (b"P2", b"P5"):
            return Found(_greymap(content, limit))
    pillow = import_optional("PIL.Image")
    with open(path, "rb") as file:
        try:
            picture = pillow.open(file)
        except pillow.UnidentifiedImageError:
            raise ValueError(unknown_format(path)) from None
        with picture:
            if picture.format == "EPS":
                raise ValueError("it is EPS, a program, which is not run.")
            arrays = []
            for frame in range(getattr(picture, "n_frames", 1)):
                picture.seek(frame)
                _check_size(picture, frame + 1, limit)
                arrays.append(image_of(picture))
    return Found(arrays[0] if len(arrays) == 1 else np.stack(arrays))


def image_of(picture):
    """Return the one channel of an image of Pillow."""
    if picture.mode in ("P", "PA"):
        if "transparency" in picture.info or picture.mode == "PA":
            colours = np.asarray(picture.convert("RGBA"))
            if (colours[..., 3] != colours[0, 0, 3]).any():
                one_channel(colours[..., [0, 0, 0, 3]])
        indices = np.asarray(picture if picture.mode == "P" else picture.getchannel("P"))
        palette = picture.getpalette("RGB")
        return from_palette(indices, np.array(palette, np.uint8).reshape(-1, 3))
    array = np.asarray(picture)
    if array.dtype.kind not in "buif":
        raise ValueError(f"it has pixels of the mode {picture.mode}.")
    return native(one_channel(array) if array.ndim > 2 else array)


def _check_size(picture, n_frames, limit):
    n_channels = len(picture.getbands())
    itemsize = 4 if picture.mode in ("I", "F") else 2 if picture.mode.startswith("I;16") else 1
    limit.check(n_frames * n_channels * itemsize * picture.width * picture.height)


def _greymap(content, limit):
    """Return a PGM with the values that it has; Pillow stretches them to 255 or 65535."""
    header = GREYMAP.match(content)
    if header is None:
        raise ValueError("its header is none of PGM.")
    kind, width, height, largest = (int(header.group(k)) for k in (1, 3, 5, 7))
    if not 0 < largest < 65536:
        raise ValueError(f"its largest value is {largest}, not one from 1 to 65535.")
    dtype = np.dtype(np.uint8 if largest < 256 else np.uint16)
    n_bytes = check_block(dtype, (height, width), limit)
    if kind == 2:
        values = np.array(re.sub(rb"#[^\n]*", b"", content[header.end() :]).split(), np.int64)
    else:
        body = content[header.end() : header.end() + n_bytes]
        values = np.frombuffer(body, dtype.newbyteorder(">"), len(body) // dtype.itemsize)
    if len(values) != height * width:
        raise ValueError(f"its header says {height} x {width} voxels, it has {len(values)}.")
    if values.min() < 0 or values.max() > largest:
        raise ValueError(f"its header says values from 0 to {largest}, it has others.")
    return values.reshape(height, width).astype(dtype)


READ_BY = {
    ".nii": "nibabel", ".gz": "nibabel", ".czi": "czifile", ".lif": "readlif", ".nd2": "nd2",
    ".dm3": "ncempy", ".dm4": "ncempy", ".ser": "ncempy", ".mrc": "mrcfile", ".ang": "orix",
    ".ctf": "orix", ".dcm": "pydicom", ".vtu": "meshio", ".inp": "meshio", ".msh": "meshio",
    ".xdmf": "meshio", ".svs": "tifffile", ".txm": "dxchange", ".xrm": "dxchange",
}  # fmt: skip


def unknown_format(path):
    """Return what to say of a file that no reader knows."""
    suffix = path.suffix.lower()
    other = READ_BY.get(suffix)
    hint = f"; the package {other} reads such files, as arrays" if other else ""
    return f"files {suffix or 'without suffix'} are not supported, or it is damaged{hint}."
