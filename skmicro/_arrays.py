"""Where arrays live: devices, precision, batches, and the way back to the caller's kind."""

import numpy as np
import torch

from ._forks import about_to_compute
from ._threads import usable_threads

_PRECISIONS = {"auto": torch.float32, "float32": torch.float32, "float64": torch.float64}

BATCH_VOXELS = 2**16
"""Voxels that an inference batch holds by default: fills the caches, not the memory."""

PART_VOXELS = 2**20
"""Voxels of whole images for which intermediate results are kept at once."""


def named_device(device):
    """Return the ``torch.device`` of a name, of this machine or another, or raise ValueError."""
    try:
        return torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise ValueError(
            f"device must be 'auto' or a torch device such as 'cpu' or 'cuda', got {device!r}."
        ) from error


def resolve_device(device):
    """Return the ``torch.device`` of a ``device`` parameter.

    ``"auto"`` is the first CUDA device if there is one, else the CPU. Raises ValueError if the
    device is unknown or not available.
    """
    if isinstance(device, str) and device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    resolved = named_device(device)
    n_cuda = torch.cuda.device_count() if torch.cuda.is_available() else 0
    known = resolved.type == "cpu" or (resolved.type == "cuda" and (resolved.index or 0) < n_cuda)
    if not known:
        raise ValueError(
            f"device must be the CPU or a CUDA device of this machine, got {device!r}."
        )
    return resolved


def resolve_precision(precision):
    """Return the floating-point type of a ``precision`` parameter.

    ``"auto"`` is single precision. Raises ValueError for anything but ``"auto"``, ``"float32"``
    and ``"float64"``.
    """
    if not isinstance(precision, str) or precision not in _PRECISIONS:
        raise ValueError(f"precision must be one of {sorted(_PRECISIONS)}, got {precision!r}.")
    return _PRECISIONS[precision]


def multiplies_bfloat16(device):
    """Tell whether a device multiplies numbers of type bfloat16 faster than single precision."""
    if device.type == "cuda":
        return torch.cuda.is_bf16_supported(including_emulation=False)
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()
    # Intel's gain nothing by vectors of them (AVX-512), only by matrices (AMX).
    names = {"amx_bf16", "sve_bf16"}
    if "Intel" not in capabilities.get("cpu_name", ""):
        names.add("avx512_bf16")
    return any(capabilities.get(name, False) for name in names)


def inference_batch_size(image_shape):
    """Return how many images of a shape are processed at once outside training."""
    return max(1, min(64, BATCH_VOXELS // int(np.prod(image_shape))))


def padded_batches(n_rows, batch_size):
    """Yield index arrays of length ``batch_size`` and how many of each, from the front, count.

    The last batch is filled up with its own last row, so that every batch has the same shape and
    a row's result cannot depend on how many rows came with it.
    """
    for start in range(0, n_rows, batch_size):
        index = np.minimum(np.arange(start, start + batch_size), n_rows - 1)
        yield index, min(batch_size, n_rows - start)


def map_batches(function, n_rows, batch_size):
    """Apply a function to padded index batches and join its tensors or arrays, a row per index."""
    about_to_compute()
    batches = padded_batches(n_rows, batch_size)
    with usable_threads():
        return joined((function(index)[:n_valid] for index, n_valid in batches), n_rows)


def joined(parts, n_rows):
    """Return one tensor or array of ``n_rows`` rows, into which parts are written as they come.

    Parts that waited for the last one would lie between the large arrays they were computed from,
    and keep the freed memory of these from going back: memory grew with the number of rows.
    """
    whole, start = None, 0
    for part in parts:
        if whole is None:
            whole = _empty_like(part, n_rows)
        whole[start : start + len(part)] = part
        start += len(part)
    return whole


def _empty_like(part, n_rows):
    if isinstance(part, torch.Tensor):
        return part.new_empty(n_rows, *part.shape[1:])
    return np.empty((n_rows, *part.shape[1:]), part.dtype)


def parts_of(n_rows, image_shape):
    """Yield slices of rows, whole images of together about 2^20 voxels; of no rows an empty one."""
    step = max(1, PART_VOXELS // int(np.prod(image_shape)))
    for start in range(0, max(1, n_rows), step):
        yield slice(start, min(start + step, n_rows))
