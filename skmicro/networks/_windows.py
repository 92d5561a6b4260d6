"""A network over images too large for memory: overlapping windows, blended.

With v_k the answer for window k, and w_k a weight that falls linearly to almost nothing
towards the borders of the window, the answer at a voxel is

    v = sum_k w_k v_k / sum_k w_k .
"""

import itertools
import math

import torch

WINDOW_VOXELS = 2**22
OVERLAP = 32


def in_windows(
    network: torch.nn.Module,
    x: torch.Tensor,
    t: torch.Tensor,
    conditions: torch.Tensor,
    max_voxels: int = WINDOW_VOXELS,
    overlap: int = OVERLAP,
    ask: str = "__call__",
) -> torch.Tensor:
    """Evaluate a network of images of any size, in windows if the images are large.

    Parameters
    ----------
    network : torch.nn.Module
        ``network(x, t, conditions)``, of the shape of ``x``; knows its ``periodic``,
        ``coarseness`` and ``resized(image_shape, periodic)``.
    x : Tensor of shape (n, C, *spatial)
        Images.
    t : Tensor of shape (n,)
        Times.
    conditions : Tensor of shape (n, n_conditions)
        Conditions, the same in all windows.
    max_voxels : int, default=2**22
        Voxels of the largest window, about; windows are at least twice as long as they
        overlap.
    overlap : int, default=32
        Voxels that neighbouring windows share along an axis.
    ask : str, default="__call__"
        Method of the network that answers.

    Returns
    -------
    answer : Tensor
        Of the shape of ``x``.
    """
    shape = x.shape[2:]
    if math.prod(shape) <= max_voxels:
        return getattr(network, ask)(x, t, conditions)
    side = max(int(max_voxels ** (1 / len(shape)) + 1e-6), 2 * overlap)
    axes = [_windows(n, side, overlap, network) for n in shape]
    answer, total = torch.zeros_like(x).flatten(2), x.new_zeros(math.prod(shape))
    for window in itertools.product(*axes):
        sides = [len(places) for places in window]
        voxels = _flat_places(window, shape, x.device)
        weight = _product([_tent(n, overlap).to(x) for n in sides])
        part = x.flatten(2)[:, :, voxels].unflatten(2, sides)
        part = getattr(network.resized(tuple(sides), False), ask)(part, t, conditions)
        answer.index_add_(2, voxels, (weight * part).flatten(2))
        total.index_add_(0, voxels, weight.flatten())
    return (answer / total).view_as(x)


def _windows(n, side, overlap, network):
    """Return the places of every window along an axis; beyond n they start again at 0.

    Windows start on the coarse grid of the network, as the whole image does.
    """
    step = network.coarseness
    if network.periodic:
        n_windows = math.ceil(n / (side - overlap))
        length = math.ceil(n / n_windows) + overlap
        bounds = [(k * n // n_windows, k * n // n_windows + length) for k in range(n_windows)]
    else:
        length = min(n, side)
        n_windows = max(1, math.ceil((n - overlap) / (side - overlap)))
        starts = [k * (n - length) // max(1, n_windows - 1) for k in range(n_windows)]
        bounds = [(start, start + length) for start in starts]
    return [torch.arange(start // step * step, end) for start, end in bounds]


def _flat_places(window, shape, device):
    """Return where the voxels of a window stand in a flat image."""
    strides = [math.prod(shape[axis + 1 :]) for axis in range(len(shape))]
    places = [p % n * s for p, n, s in zip(window, shape, strides, strict=True)]
    return sum(torch.meshgrid(*places, indexing="ij")).flatten().to(device)


def _tent(n, overlap):
    """Weights along an axis, which fall over the overlap."""
    distance = torch.minimum(torch.arange(n), torch.arange(n - 1, -1, -1)) + 1
    return (distance / overlap).clamp(max=1.0)


def _product(factors):
    return math.prod(
        factor.view(-1, *[1] * (len(factors) - 1 - axis)) for axis, factor in enumerate(factors)
    )
