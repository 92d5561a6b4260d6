"""Networks of an estimator as plain NumPy, and back.

A pickle or file holds the weights as arrays by name; the modules are built anew by the
estimator's own factories, so that no torch object and no code travels with them.
"""

import numpy as np
import torch

from .._arrays import resolve_device, resolve_precision
from .._random import torch_generator
from ._build import build, built_of

WEIGHTS = "_weights"


def new_networks(estimator) -> dict:
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


def without_networks(state: dict, names: list) -> dict:
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


def check_finite(weights: dict):
    """Raise ValueError unless all weights are finite.

    Parameters
    ----------
    weights : dict of str to dict
        Weights by network and parameter.
    """
    for name, arrays in weights.items():
        for key, value in arrays.items():
            if not np.isfinite(value).all():
                raise ValueError(f"weights {key!r} of the network {name!r} must be finite.")


def rebuilt_networks(estimator, weights: dict, copied: bool = True) -> dict:
    """Build the networks of an estimator, which has its plain attributes back.

    Parameters
    ----------
    estimator : estimator instance
        As in :func:`new_networks`, with the factories in ``_kept_networks()``.
    weights : dict of str to dict
        Saved weights by network and parameter.
    copied : bool, default=True
        Whether the weights are copied; else the networks take them over.

    Returns
    -------
    networks : dict of str to torch.nn.Module
        Networks by attribute ``<name>_``, in evaluation mode, on a CUDA device if there is one and
        the ``device`` of the estimator does not name the CPU.

    Raises
    ------
    ValueError
        If the networks of the estimator are not those that the weights are of. Nothing of their
        size is asked for before that is known.
    """
    wants_cuda = str(estimator.device) != "cpu" and torch.cuda.is_available()
    factories = estimator._kept_networks() if weights else {}
    networks = {}
    for name, arrays in weights.items():
        as_tensor = torch.tensor if copied else torch.from_numpy
        module = built_of(factories[name], {key: as_tensor(v) for key, v in arrays.items()})
        module.to("cuda" if wants_cuda else "cpu").requires_grad_(False).eval()
        networks[f"{name}_"] = module
    return networks
