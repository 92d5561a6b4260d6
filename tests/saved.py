"""What tests of files share: a small model to save, places of trees to alter, peaks of memory."""

import gc
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from skmicro.generators import WGANGP

IMAGES = np.eye(8, dtype=int)[None].repeat(4, axis=0)
TINY = {"n_iter": 2, "n_critic": 1, "batch_size": 3, "width": 4, "n_latent": 2, "device": "cpu"}


def fitted(**settings):
    """Return a generator that was trained for a moment."""
    return WGANGP.light(**TINY | {"random_state": 0} | settings).fit(IMAGES)


def places_in(tree):
    """Return all places of a tree of dictionaries and lists: the node, and the key in it."""
    places = []
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
        places.append((tree, key))
        if isinstance(value, (dict, list)):
            places += places_in(value)
    return places


def memory(name):
    """Return a line of what Linux says of the memory of this process, in bytes."""
    (line,) = [line for line in Path("/proc/self/status").read_text().splitlines() if name in line]
    return int(line.split()[1]) * 1024


@contextmanager
def peak():
    """Note the most memory that the block has had beyond what there was before, in a list."""
    if sys.platform != "linux":
        pytest.skip("the peak is measured on Linux")
    gc.collect()
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError as error:
        pytest.skip(f"the peak cannot be set back here: {error}")
    before, found = memory("VmRSS"), []
    yield found
    found.append(memory("VmHWM") - before)
