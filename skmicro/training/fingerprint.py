"""What a training is of, in texts that can be compared: parameters and data."""

import hashlib
import re
from numbers import Integral

import numpy as np

from ..images import blocks_of, known_voxels
from ..parameters import RUNNING, SAMPLING, parameters_of

ADDRESS = re.compile(r" at 0x[0-9a-f]+")  # of objects in memory: another in every process


def fingerprint(estimator, **data: np.ndarray) -> dict:
    """Return what a checkpoint must agree on: class, parameters and data.

    Parameters
    ----------
    estimator : estimator instance
        The estimator in training.
    **data : ndarray
        What it is trained on, images and what is known of them, by the names that errors say.

    Returns
    -------
    settings : dict of str to str
        A text for each parameter that must not change, and digests of the data.
    """
    free = parameters_of(estimator, RUNNING, SAMPLING)
    parameters = {k: v for k, v in estimator.get_params().items() if k not in free}
    settings = {"class": type(estimator).__name__} | {
        k: parameter_summary(v) for k, v in parameters.items()
    }
    if isinstance(estimator.random_state, Integral):
        settings["random_state"] = int(estimator.random_state)
    return settings | {name: digest(array) for name, array in data.items()}


def parameter_summary(value) -> str:
    """Return a text that is the same for equal values of a parameter.

    Parameters
    ----------
    value : any
        The value.

    Returns
    -------
    text : str
        Of functions, what they are called.
    """
    if isinstance(value, np.ndarray) and value.ndim == 1:
        value = value.tolist()
    if isinstance(value, np.ndarray):
        return digest(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list):
        value = tuple(value)
    return ADDRESS.sub("", repr(value))


def digest(array):
    """Return a text that differs where arrays do; they are read in blocks."""
    found = hashlib.sha256()
    for block in blocks_of(np.atleast_1d(array) if np.ndim(array) < 2 else array):
        found.update(np.ascontiguousarray(block))
    known = known_voxels(array)
    if known is not None:
        found.update(np.packbits(known))
    return found.hexdigest()
