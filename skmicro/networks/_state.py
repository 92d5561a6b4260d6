"""Networks of an estimator as plain NumPy, and back.

A pickle or file holds the weights as arrays by name; the modules are built anew by the
estimator's own factories, so that no torch object and no code travels with them.
"""

import numpy as np
import torch

from .._arrays import resolve_device, resolve_precision
from .._random import torch_generator
from ._build import build

WEIGHTS = "_weights"


def new_networks(estimator):
    """Build the networks of an estimator with weights drawn from its seed.

    Parameters
    ----------
    estimator : estimator instance
        Has ``device``, ``precision``, a ``_seed``, and factories of networks by name in
        ``_networks()``.

    Returns
    -------
    networks : dict of str to torch.nn.Module
        The networks by name.
    """
    device = resolve_device(estimator.device)
    dtype = resolve_precision(estimator.precision)
    return {
        name: build(factory, torch_generator(estimator._seed, 1, k), device, dtype)
        for k, (name, factory) in enumerate(estimator._networks().items())
    }


def without_networks(state, names):
    """Return a state whose networks ``<name>_`` are replaced by their weights.

    Parameters
    ----------
    state : dict
        Attributes of an estimator.
    names : list of str
        Names of the networks among them.

    Returns
    -------
    state : dict
        The same with arrays by network and parameter in one more entry, where there are networks.
    """
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


def rebuilt_networks(estimator, weights):
    """Build the networks of an estimator, which has its plain attributes back.

    Parameters
    ----------
    estimator : estimator instance
        As in :func:`new_networks`, with the factories in ``_kept_networks()``.
    weights : dict of str to dict
        Saved weights by network and parameter.

    Returns
    -------
    networks : dict of str to torch.nn.Module
        Networks by attribute ``<name>_``, in evaluation mode, on a CUDA device if there is one and
        the ``device`` of the estimator does not name the CPU.
    """
    wants_cuda = str(estimator.device) != "cpu" and torch.cuda.is_available()
    factories = estimator._kept_networks() if weights else {}
    networks = {}
    for name, arrays in weights.items():
        double = any(value.dtype == np.float64 for value in arrays.values())
        dtype = torch.float64 if double else torch.float32
        module = build(factories[name], torch.Generator(), dtype=dtype)
        module.load_state_dict({key: torch.tensor(value) for key, value in arrays.items()})
        module.to("cuda" if wants_cuda else "cpu").requires_grad_(False).eval()
        networks[f"{name}_"] = module
    return networks
