"""Files without pickle: trees of plain values, as safetensors with a JSON header.

A *tree* is made of dictionaries with string keys, lists, tuples, strings, numbers,
``None``, arrays and tensors. Arrays become safetensors entries, everything else a
JSON text in the header, so reading a file from a stranger runs none of its content.
Estimators are trees as well: class name, constructor parameters, fitted attributes.
Which classes a file may hold is the matter of :mod:`skmicro.registry`.
"""

import json
import os
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ._checks import check_path
from ._files import atomic_path
from .exceptions import NotASavedFileError
from .registry import class_named

FORMAT_VERSION = 1


def write_tree(path, tree):
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
    """
    tensors = {}
    header = json.dumps(_pack(tree, tensors))
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={"skmicro": header, "version": str(FORMAT_VERSION)})


def read_tree(path):
    """Read what :func:`write_tree` wrote.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    tree : dict
        The values; arrays come back as arrays, tensors as tensors.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    NotASavedFileError
        If the file is damaged or was written by something else.
    """
    check_path("path", path)
    if not Path(path).is_file():
        raise FileNotFoundError(f"path must be an existing file, got {str(path)!r}.")
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise NotASavedFileError(f"{path} is not a file saved by skmicro: {error}.") from error
    if "skmicro" not in metadata:
        raise NotASavedFileError(f"{path} is not a file saved by skmicro: no header.")
    try:
        version = int(metadata["version"])
        if version > FORMAT_VERSION:
            raise NotASavedFileError(
                f"{path} has format version {version}, this skmicro reads up to {FORMAT_VERSION}."
            )
        return _unpack(json.loads(metadata["skmicro"]), tensors)
    except NotASavedFileError:
        raise
    except (LookupError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise NotASavedFileError(f"{path} is damaged: {error!r}.") from error


def load(path):
    """Load an estimator that ``estimator.save(path)`` wrote.

    Parameters
    ----------
    path : path-like
        The file.

    Returns
    -------
    estimator : estimator instance
        Fitted as it was saved; its networks are on a CUDA device if there is one and its
        ``device`` does not name the CPU.

    Raises
    ------
    TypeError
        If ``path`` is no path.
    FileNotFoundError
        If there is no such file.
    NotASavedFileError
        If the file is not a saved estimator, or its class is not known here.

    Examples
    --------
    >>> import skmicro
    >>> generator = skmicro.load("sandstone.skm")  # doctest: +SKIP
    """
    tree = read_tree(path)
    if not isinstance(tree, dict) or "estimator" not in tree:
        raise NotASavedFileError(f"{path} does not hold an estimator.")
    return tree["estimator"]


def save(estimator, path):
    """Write an estimator to a file that :func:`load` reads."""
    write_tree(path, {"estimator": estimator})


def _pack(value, tensors):
    """Replace arrays by references and structure by tagged JSON."""
    if isinstance(value, np.generic):
        return {"scalar": value.dtype.str, "value": value.item()}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (os.PathLike, torch.device)):
        return str(value)
    if isinstance(value, np.dtype):
        return {"dtype": value.str}
    if isinstance(value, np.ndarray) and value.dtype.kind in "OU":
        items = _pack(value.ravel().tolist(), tensors)
        return {"objects": items, "dtype": value.dtype.str, "shape": list(value.shape)}
    if isinstance(value, (np.ndarray, torch.Tensor)):
        key = f"{len(tensors):06d}"
        tensors[key] = _as_tensor(value).detach().cpu().clone().contiguous()
        return {"array" if isinstance(value, np.ndarray) else "tensor": key}
    if isinstance(value, (list, tuple)):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_pack(item, tensors) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[_pack(k, tensors), _pack(v, tensors)] for k, v in value.items()]}
    if hasattr(type(value), "_persistent_state"):
        state = value._persistent_state()
        kind = type(value)
        packed = {"object": kind.__name__, "state": _pack(state, tensors)}
        return packed | {"module": kind.__module__}
    raise TypeError(
        f"Cannot save {value!r}: it is neither a plain value, an array nor an object "
        "of this library."
    )


def _as_tensor(array):
    if isinstance(array, torch.Tensor):
        return array
    if array.dtype.kind not in "biuf" or array.dtype.itemsize > 8:
        raise TypeError(f"Cannot save an array of type {array.dtype}.")
    return torch.as_tensor(array.astype(array.dtype.newbyteorder("="), order="C"))


def _unpack(value, tensors):
    if not isinstance(value, dict):
        return value
    (tag, content), *rest = value.items()
    if tag == "object":
        state = _unpack(value["state"], tensors)
        return class_named(content, value.get("module"))._from_persistent_state(state)
    if tag == "scalar":
        return np.dtype(content).type(rest[0][1])
    if tag == "objects":
        items = np.empty(len(content["list"]), dtype=object)
        items[:] = _unpack(content, tensors)
        return items.astype(rest[0][1]).reshape(rest[1][1])
    readers = {
        "dtype": np.dtype,
        "array": lambda key: tensors[key].numpy(),
        "tensor": lambda key: tensors[key],
        "list": lambda items: [_unpack(item, tensors) for item in items],
        "tuple": lambda items: tuple(_unpack(item, tensors) for item in items),
        "dict": lambda items: {_unpack(k, tensors): _unpack(v, tensors) for k, v in items},
    }
    return readers[tag](content)
