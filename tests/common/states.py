"""What the batteries look at besides estimators: global random states, and what pickles name."""

import io
import pickletools
import random

import numpy as np
import torch


def global_random_states():
    """Return the global states of NumPy, torch and Python, to be compared."""
    _, words, *place = np.random.get_state()  # noqa: NPY002
    return torch.get_rng_state().numpy().tobytes(), words.tobytes(), place, random.getstate()


def packages_named_in(text):
    """Return the packages that a pickle names."""
    named = [
        str(argument)
        for opcode, argument, _ in pickletools.genops(io.BytesIO(text))
        if opcode.name in {"GLOBAL", "SHORT_BINUNICODE", "BINUNICODE"}
    ]
    return {name.split(".")[0] for name in named}
