"""Construction and initialisation of networks without the global random state.

Modules are made on the ``meta`` device, where nothing is drawn, and then filled from
an explicit generator on the CPU, so that a seed means the same weights everywhere.
Convolutions are Kaiming-uniform (He et al. 2015), layers marked ``linear_gain`` are
Xavier-uniform (Glorot & Bengio 2010), times the ``start_scale`` of layers that have one; those
marked ``orthogonal`` are that (Saxe et al. 2014). Biases are zero, norms the identity.
"""

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.overrides import TorchFunctionMode

FLOATS = {torch.float32, torch.float64}
CALLS_PER_WEIGHT = 200
"""Calls of functions of PyTorch, for each array of weights, that no factory of networks needs."""


class _Unfilled(TorchFunctionMode):
    """Skip the initialisation that layers of PyTorch come with, which is slow without data.

    After ``most_calls`` of its functions it raises ValueError.
    """

    def __init__(self, most_calls=math.inf):
        super().__init__()
        self.calls_left = most_calls

    def __torch_function__(self, function, types, args=(), kwargs=None):
        self.calls_left -= 1
        if self.calls_left < 0:
            raise ValueError("the networks have more layers than there are weights.")
        kwargs = kwargs or {}
        if getattr(function, "__module__", None) == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return function(*args, **kwargs)


def build(
    factory: Callable,
    rng: torch.Generator,
    device: torch.device = "cpu",
    dtype: torch.dtype = torch.float32,
) -> torch.nn.Module:
    """Make a network and fill its weights from ``rng``.

    Parameters
    ----------
    factory : callable
        Returns the module; called on the ``meta`` device.
    rng : torch.Generator
        Source of the weights (on the CPU).
    device : torch.device, default="cpu"
        Where the network goes.
    dtype : torch.dtype, default=torch.float32
        Precision of its weights.

    Returns
    -------
    network : torch.nn.Module
        The initialised network.
    """
    with torch.device("meta"), _Unfilled():
        network = factory()
    network = _allocated(network)
    for layer in network.modules():
        _initialise(layer, rng)
    if torch.device(device).type == "cpu" and dtype == torch.float32:
        return network
    return network.to(device=device, dtype=dtype)


def built_of(factory, weights):
    """Make a network of weights, which are not copied.

    Parameters
    ----------
    factory : callable
        Returns the module; called on the ``meta`` device, and stopped when it has asked for many
        times more layers than there are weights.
    weights : dict of str to Tensor
        What ``state_dict`` of such a network returned.

    Returns
    -------
    network : torch.nn.Module
        The network.

    Raises
    ------
    ValueError
        If a weight is missing, is none of the network, or has another shape or kind of numbers.
    """
    with torch.device("meta"), _Unfilled(CALLS_PER_WEIGHT * (len(weights) + 1)):
        network = factory()
    wanted = network.state_dict()
    strange = set(wanted) ^ set(weights)
    if strange:
        raise ValueError(f"weights {min(strange)!r} are not those of the network.")
    floats = {w.dtype for w in weights.values() if w.is_floating_point()}
    for name, value in wanted.items():
        given = weights[name]
        both_float = value.is_floating_point() and given.is_floating_point()
        alike = given.dtype == value.dtype or (both_float and len(floats) == 1)
        if given.shape != value.shape or not (alike and floats <= FLOATS):
            raise ValueError(
                f"weights {name!r} must have shape {tuple(value.shape)} and type {value.dtype}, "
                f"got {tuple(given.shape)} and {given.dtype}."
            )
    network.load_state_dict(weights, assign=True)
    return network


def _allocated(network):
    """Give a network on the ``meta`` device memory; faster than its own ``to_empty``."""
    for layer in network.modules():
        for name, value in list(layer.named_parameters(recurse=False, remove_duplicate=False)):
            memory = torch.empty(value.shape, dtype=value.dtype)
            setattr(layer, name, nn.Parameter(memory, value.requires_grad))
        for name, value in list(layer.named_buffers(recurse=False, remove_duplicate=False)):
            setattr(layer, name, torch.empty(value.shape, dtype=value.dtype))
    return network


@torch.no_grad()
def _initialise(layer, rng):
    if isinstance(layer, (_ConvNd, nn.Linear)):
        fan_in = layer.weight[0].numel()
        fan_out = layer.weight.shape[0] * layer.weight[0, 0].numel()
        if getattr(layer, "linear_gain", isinstance(layer, nn.Linear)):
            bound = math.sqrt(6.0 / (fan_in + fan_out))
        else:
            bound = math.sqrt(6.0 / fan_in)
        if getattr(layer, "orthogonal", False):
            nn.init.orthogonal_(layer.weight, generator=rng)
        else:
            layer.weight.uniform_(-bound, bound, generator=rng)
        layer.weight.mul_(getattr(layer, "start_scale", 1.0))
        if layer.bias is not None:
            layer.bias.zero_()
    elif isinstance(layer, (_BatchNorm, nn.GroupNorm)):
        if layer.affine:
            layer.weight.fill_(1.0)
            layer.bias.zero_()
        if isinstance(layer, _BatchNorm):
            layer.reset_running_stats()
    elif list(layer.parameters(recurse=False)) or list(layer.buffers(recurse=False)):
        raise TypeError(f"No rule to initialise a {type(layer).__name__}.")
