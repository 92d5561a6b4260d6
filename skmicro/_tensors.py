"""Arrays in a file in the safetensors format, with a digest of all that it holds.

The format is a length of 8 bytes, a JSON header and the bytes of the arrays, one after the other
(https://huggingface.co/docs/safetensors). It is read without a map of the file, straight into the
arrays: what is read does not change with the file, and takes no more memory than its arrays.
"""

import hashlib
import json
import math
import os

import numpy as np
import torch

from ._files import atomic_path

LENGTH = 8
LONGEST_HEADER = 100_000_000
METADATA = "__metadata__"
TYPES = {
    "BOOL": torch.bool,
    "U8": torch.uint8,
    "U16": torch.uint16,
    "U32": torch.uint32,
    "U64": torch.uint64,
    "I8": torch.int8,
    "I16": torch.int16,
    "I32": torch.int32,
    "I64": torch.int64,
    "F16": torch.float16,
    "BF16": torch.bfloat16,
    "F32": torch.float32,
    "F64": torch.float64,
}
NAMES = {str(dtype).removeprefix("torch."): name for name, dtype in TYPES.items()}


def write_tensors(path, tensors, metadata):
    """Write arrays and texts by their names, atomically.

    Parameters
    ----------
    path : path-like
        Destination.
    tensors : dict of str to (ndarray or Tensor)
        C-contiguous arrays in the byte order of this machine, or tensors on the CPU.
    metadata : dict of str to str
        The texts.

    Raises
    ------
    OSError
        If the file cannot be written; an old file stays.
    """
    header, end = {METADATA: metadata}, 0
    for name, tensor in tensors.items():
        start, end = end, end + _bytes(tensor).nbytes
        dtype, shape = _described(tensor)
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % LENGTH)
    with atomic_path(path) as part, open(part, "wb") as file:
        file.write(len(text).to_bytes(LENGTH, "little") + text)
        for tensor in tensors.values():
            file.write(_bytes(tensor))


def read_tensors(path):
    """Read what :func:`write_tensors` wrote.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    tensors : dict of str to Tensor
        The arrays.
    metadata : dict of str to str
        The texts.

    Raises
    ------
    ValueError
        If the file is none of this format, or has been cut.
    """
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(LENGTH), "little")
        if size < LENGTH or length > min(size - LENGTH, LONGEST_HEADER):
            raise ValueError("its header is longer than the file")
        try:
            header = json.loads(file.read(length))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"its header is no JSON text ({error})") from error
        metadata = header.pop(METADATA, {}) if isinstance(header, dict) else None
        if not isinstance(metadata, dict):
            raise ValueError("its header is none of the safetensors format")
        places = _places(header, size - LENGTH - length)
        return {name: _read(file, *place) for name, place in places.items()}, metadata


def digest_of(tensors, *texts):
    """Return a digest of texts and arrays, their names, types and shapes: 64 hexadecimal digits.

    It detects accidental changes; it is not a signature.
    """
    found = hashlib.blake2b(digest_size=32)
    for text in texts:
        _update(found, text.encode())
    for name in sorted(tensors):
        _update(found, json.dumps([name, *_described(tensors[name])]).encode())
        _update(found, _bytes(tensors[name]))
    return found.hexdigest()


def _update(found, content):
    found.update(len(content).to_bytes(LENGTH, "little"))
    found.update(content)


def _places(header, n_bytes):
    """Return type, shape and size of the arrays in the order in which they lie in the file."""
    places, end = {}, 0
    try:
        entries = sorted(header.items(), key=lambda item: item[1]["data_offsets"])
        for name, entry in entries:
            dtype, shape = TYPES[entry["dtype"]], entry["shape"]
            if not all(type(side) is int and 0 <= side < 2**63 for side in shape):
                raise ValueError(f"array {name!r} has the shape {shape}")
            size = math.prod(shape) * dtype.itemsize
            if entry["data_offsets"] != [end, end + size]:
                raise ValueError(f"array {name!r} is not where it should be")
            places[name], end = (dtype, shape, size), end + size
    except (LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"its header is none of the safetensors format ({error!r})") from error
    if end != n_bytes:
        raise ValueError(f"it holds {n_bytes} bytes of arrays, and not {end}")
    return places


def _read(file, dtype, shape, size):
    tensor = torch.empty(shape, dtype=dtype)
    if size and file.readinto(_bytes(tensor)) != size:
        raise ValueError("it was cut while it was read")
    return tensor


def _described(tensor):
    return NAMES[str(tensor.dtype).removeprefix("torch.")], list(tensor.shape)


def _bytes(tensor):
    """Return the bytes of an array or tensor, which is not copied."""
    if isinstance(tensor, torch.Tensor):
        tensor = tensor.detach().reshape(-1).view(torch.uint8).numpy()
    return memoryview(tensor.reshape(-1).view(np.uint8))
