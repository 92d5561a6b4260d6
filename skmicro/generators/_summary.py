"""What a training is of, in texts that can be compared: parameters and data."""

import hashlib
import re
from numbers import Integral

import numpy as np

from ..parameters import RUNNING, SAMPLING, parameters_of

ADDRESS = re.compile(r" at 0x[0-9a-f]+")  # of objects in memory: another in every process


def fingerprint(generator, images, rows):
    """Return what a checkpoint must agree on: class, parameters and data."""
    free = parameters_of(generator, RUNNING, SAMPLING)
    parameters = {k: v for k, v in generator.get_params().items() if k not in free}
    settings = {"class": type(generator).__name__} | {
        k: parameter_summary(v) for k, v in parameters.items()
    }
    if isinstance(generator.random_state, Integral):
        settings["random_state"] = int(generator.random_state)
    return settings | {"data": _digest(images), "conditions": _digest(rows)}


def parameter_summary(value):
    """Return a text that is the same for equal values of a parameter, and functions of one name."""
    if isinstance(value, np.ndarray):
        return _digest(value)
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, list):
        value = tuple(value)
    return ADDRESS.sub("", repr(value))


def _digest(images):
    return hashlib.sha256(np.ascontiguousarray(images)).hexdigest()
