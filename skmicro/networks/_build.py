"""Construction and initialisation of networks without the global random state.

Modules are made on the ``meta`` device, where nothing is drawn, and then filled from
an explicit generator on the CPU, so that a seed means the same weights everywhere.
Convolutions are Kaiming-uniform (He et al. 2015), layers marked ``linear_gain`` are
Xavier-uniform (Glorot & Bengio 2010), times the ``start_scale`` of layers that have one; those
marked ``orthogonal`` are that (Saxe et al. 2014). Biases are zero, norms the identity.
"""

import math

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd
from torch.overrides import TorchFunctionMode


class _Unfilled(TorchFunctionMode):
    """Skip the initialisation that layers of PyTorch come with, which is slow without data."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if getattr(function, "__module__", None) == "torch.nn.init":
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return function(*args, **kwargs)


def build(factory, rng, device="cpu", dtype=torch.float32):
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
