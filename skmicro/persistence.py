"""Files without pickle: trees of plain values, as safetensors with a JSON header.

A *tree* is made of dictionaries with string keys, lists, tuples, strings, numbers,
``None``, arrays and tensors. Arrays become safetensors entries, everything else a
JSON text in the header, so reading a file from a stranger runs none of its content.
Estimators are trees as well: class, constructor parameters, fitted attributes.
Which classes a file may hold, and what of them, is the matter of :mod:`skmicro.registry`.
A digest of text and arrays detects damage.
"""

import json
import os
from pathlib import Path

import numpy as np
import torch
from sklearn.base import BaseEstimator

from ._checks import check_path
from ._tensors import TYPES, digest_of, read_tensors, write_tensors
from ._typing import PathLike
from ._warnings import warn_user
from .exceptions import NotASavedFileError, OldFileWarning
from .registry import class_named, place_of

FORMAT_VERSION = 2
WITH_DIGEST = 2
"""First version whose files have a digest."""
LONG_TEXT_BYTES = np.dtype("U256").itemsize
"""Size of the entries of an array of texts, beyond which it is what the longest needs."""
MOST_TEXT_BYTES = 2**24
"""Size of an array of texts, beyond which its entries have the size that the longest needs."""
OF_DAMAGE = (
    LookupError,
    TypeError,
    ValueError,
    AttributeError,
    ArithmeticError,
    RuntimeError,
    SyntaxError,
)
"""What code raises that is given other values than those that were saved."""


def write_tree(path: PathLike, tree: dict):
    """Write a tree of plain values and arrays to one file, atomically.

    Parameters
    ----------
    path : path-like
        Destination.
    tree : dict
        The values.

    Raises
    ------
    TypeError
        If the tree holds something that is not a plain value, array or estimator, or
        ``path`` is no path.
    OSError
        If the file cannot be written; an old file stays.
    """
    tensors = {}
    try:
        text, version = json.dumps(_pack(tree, tensors)), str(FORMAT_VERSION)
    except RecursionError as error:
        raise TypeError("Cannot save values that hold themselves, or too many levels.") from error
    digest = digest_of(tensors, version, text)
    write_tensors(path, tensors, {"skmicro": text, "version": version, "digest": digest})


def read_tree(path: PathLike, *, verify: bool = True) -> dict:
    """Read what :func:`write_tree` wrote.

    Parameters
    ----------
    path : path-like
        The file.
    verify : bool, default=True
        Whether to compare the digest.

    Returns
    -------
    tree : dict
        The values; arrays come back as arrays, tensors as tensors, independent of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    NotASavedFileError
        If the file is damaged or was written by something else.

    Warns
    -----
    OldFileWarning
        If the file was written before files had a digest.
    """
    check_path("path", path)
    if not Path(path).is_file():
        raise FileNotFoundError(f"path must be an existing file, got {str(path)!r}.")
    try:
        tensors, metadata = read_tensors(path)
    except ValueError as error:
        raise NotASavedFileError(f"{path} is not a file saved by skmicro: {error}.") from error
    if "skmicro" not in metadata:
        raise NotASavedFileError(f"{path} is not a file saved by skmicro: no header.")
    try:
        has_digest = _check_metadata(metadata, tensors, verify)
        tree = _unpack(json.loads(metadata["skmicro"]), tensors)
    except NotASavedFileError as error:
        raise NotASavedFileError(f"{path}: {error}") from error
    except OF_DAMAGE as error:
        raise NotASavedFileError(f"{path} is damaged: {error!r}.") from error
    if not has_digest:
        warn_user(
            f"{path} was written before files had a digest, so damage cannot be "
            "detected; save it again.",
            OldFileWarning,
        )
    return tree


def load(path: PathLike, *, verify: bool = True):
    """Load an estimator that ``estimator.save(path)`` wrote.

    Parameters
    ----------
    path : path-like
        The file.
    verify : bool, default=True
        Whether to detect damage by comparing the digest of the file with its content.

    Returns
    -------
    estimator : estimator instance
        Fitted as it was saved, and independent of the file; its networks are on a CUDA device if
        there is one and its ``device`` does not name the CPU.

    Raises
    ------
    TypeError
        If ``path`` is no path.
    FileNotFoundError
        If there is no such file.
    NotASavedFileError
        If the file is damaged, is not a saved estimator, its class is not known here or would not
        have what the file says.

    Warns
    -----
    OldFileWarning
        If the file was written before files had a digest.

    Examples
    --------
    >>> import skmicro
    >>> generator = skmicro.load("sandstone.skm")  # doctest: +SKIP
    """
    tree = read_tree(path, verify=verify)
    estimator = tree.get("estimator") if isinstance(tree, dict) else None
    if not isinstance(estimator, BaseEstimator):
        raise NotASavedFileError(f"{path} does not hold an estimator.")
    return estimator


def save(estimator, path):
    """Write an estimator to a file that :func:`load` reads."""
    write_tree(path, {"estimator": estimator})


def _check_metadata(metadata, tensors, verify):
    """Raise unless a file has a known version and is intact; return whether it has a digest."""
    version = int(metadata["version"])
    if version > FORMAT_VERSION:
        raise NotASavedFileError(
            f"format version {version}, where this skmicro reads up to {FORMAT_VERSION}."
        )
    has_digest = version >= WITH_DIGEST or "digest" in metadata
    if has_digest and verify:
        found = digest_of(tensors, metadata["version"], metadata["skmicro"])
        if metadata["digest"] != found:
            raise NotASavedFileError("the file is damaged: it has another digest than its content.")
    return has_digest


def _pack(value, tensors):
    """Replace arrays by references and structure by tagged JSON."""
    if isinstance(value, np.str_):
        return {"scalar": "U", "value": str(value)}
    if isinstance(value, np.generic) and _is_plain(value.dtype):
        return {"scalar": value.dtype.str, "value": value.item()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (os.PathLike, torch.device)):
        return str(value)
    if isinstance(value, np.dtype) and _is_plain(value):
        return {"dtype": value.str}
    if isinstance(value, np.ndarray) and value.dtype.kind in "OU":
        items, dtype = value.ravel().tolist(), _text_type(value.dtype, value)
        return {"objects": _pack(items, tensors), "dtype": dtype.str, "shape": list(value.shape)}
    if isinstance(value, (np.ndarray, torch.Tensor)):
        key = f"{len(tensors):06d}"
        is_array = isinstance(value, np.ndarray)
        tensors[key] = _as_native(value) if is_array else _as_dense(value)
        return {"array" if is_array else "tensor": key}
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_pack(item, tensors) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[_pack(k, tensors), _pack(v, tensors)] for k, v in value.items()]}
    if hasattr(type(value), "_persistent_state"):
        state = value._persistent_state()
        kind = type(value)
        packed = {"object": kind.__qualname__, "state": _pack(state, tensors)}
        return packed | {"module": place_of(kind)}
    raise TypeError(
        f"Cannot save {value!r}: it is neither a plain value, an array nor an object "
        "of this library."
    )


def _as_native(array):
    if np.ma.isMaskedArray(array):
        raise TypeError("Cannot save a masked array; its data and its mask are arrays.")
    if array.dtype.kind not in "biuf" or not _is_plain(array.dtype):
        raise TypeError(f"Cannot save an array of type {array.dtype}.")
    # Not as ``ascontiguousarray``, which gives an array without axes one.
    return np.asarray(array).astype(array.dtype.newbyteorder("="), order="C", copy=False)


def _as_dense(tensor):
    if tensor.layout != torch.strided or tensor.dtype not in TYPES.values():
        raise TypeError(f"Cannot save a tensor of type {tensor.dtype} and {tensor.layout}.")
    return tensor.detach().cpu().contiguous()


def _is_plain(dtype):
    """Tell whether a type is one of numbers that files have, truth values or short text."""
    if dtype.kind == "U":
        return dtype.itemsize <= LONG_TEXT_BYTES
    return dtype.kind in "biuf" and dtype.itemsize <= 8


def _text_type(dtype, items):
    """Return the type of an array of texts or objects, which is no longer than its items ask for.

    So a file cannot ask for more memory than it is long.
    """
    short = dtype.itemsize <= LONG_TEXT_BYTES
    if dtype.kind == "O" or (short and dtype.itemsize * np.size(items) <= MOST_TEXT_BYTES):
        return dtype
    return np.dtype(f"U{max([1, *(len(item) for item in np.ravel(items))])}")


def _unpack(value, tensors):
    if not isinstance(value, dict):
        return value
    (tag, content), *rest = value.items()
    if tag == "object":
        known = class_named(content, value.get("module"))
        return known._from_persistent_state(_unpack(value["state"], tensors))
    if tag == "scalar":
        return _plain_type(content).type(rest[0][1])
    if tag == "objects":
        items = np.empty(len(content["list"]), dtype=object)
        items[:] = _unpack(content, tensors)
        return _of_type(items, np.dtype(str(rest[0][1]))).reshape(rest[1][1])
    readers = {
        "dtype": _plain_type,
        "array": lambda key: tensors[key].numpy(),
        "tensor": lambda key: tensors[key],
        "list": lambda items: [_unpack(item, tensors) for item in items],
        "tuple": lambda items: tuple(_unpack(item, tensors) for item in items),
        "dict": lambda items: {_unpack(k, tensors): _unpack(v, tensors) for k, v in items},
    }
    return readers[tag](content)


def _plain_type(name):
    dtype = np.dtype(str(name))
    if not _is_plain(dtype):
        raise NotASavedFileError(f"type {name!r} is none of numbers, truth values or short text.")
    return dtype


def _of_type(items, dtype):
    """Return texts or objects as an array of their type."""
    if dtype.kind not in "OU":
        raise NotASavedFileError(f"type {dtype.str!r} is none of texts.")
    if dtype.kind == "U" and not all(isinstance(item, str) for item in items):
        raise NotASavedFileError("an array of texts holds something else.")
    return items.astype(_text_type(dtype, items))
