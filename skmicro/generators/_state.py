"""Networks of a generator as plain NumPy, and back.

A pickle or file holds the weights as arrays by name; the modules are built anew by the
estimator's own factories, so that no torch object and no code travels with them.
"""

import numpy as np
import torch

from .._arrays import resolve_device, resolve_precision
from .._random import torch_generator
from ..networks import build

WEIGHTS = "_weights"
PLAIN = (bool, int, float, str, tuple, np.generic)


def new_networks(generator):
    """Build the networks of a generator with weights drawn from its seed."""
    device = resolve_device(generator.device)
    dtype = resolve_precision(generator.precision)
    return {
        name: build(factory, torch_generator(generator._seed, 1, k), device, dtype)
        for k, (name, factory) in enumerate(generator._networks().items())
    }


def without_networks(state, names):
    """Return a state whose networks ``<name>_`` are replaced by their weights."""
    state = dict(state)
    if names:
        state[WEIGHTS] = {
            name: {
                key: value.cpu().numpy()
                for key, value in state.pop(f"{name}_").state_dict().items()
            }
            for name in names
        }
    return state


def plain_values(parameters):
    """Return the parameters that are plain values or functions, which networks are made with."""
    return {k: v for k, v in parameters.items() if isinstance(v, PLAIN) or callable(v)}


def rebuilt_networks(generator, weights):
    """Build the networks of a generator, which has its plain attributes back, around saved weights.

    Weights are arrays by network and parameter. Networks, by attribute ``<name>_``, are in
    evaluation mode, on a CUDA device if there is one and the generator's ``device`` does not name
    the CPU.
    """
    wants_cuda = str(generator.device) != "cpu" and torch.cuda.is_available()
    factories = generator._networks() if weights else {}
    networks = {}
    for name, arrays in weights.items():
        double = any(value.dtype == np.float64 for value in arrays.values())
        dtype = torch.float64 if double else torch.float32
        module = build(factories[name], torch.Generator(), dtype=dtype)
        module.load_state_dict({key: torch.tensor(value) for key, value in arrays.items()})
        module.to("cuda" if wants_cuda else "cpu").requires_grad_(False).eval()
        networks[f"{name}_"] = module
    return networks
