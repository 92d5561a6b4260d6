"""Threads of torch: no more of them than there are processors to use.

torch takes as many as the machine has processors. A container that may use two of sixty-four by
its quota would compute with sixty-four threads, which wait for each other most of the time.
"""

import os
from contextlib import contextmanager
from functools import cache

import joblib
import torch

SETTINGS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
_at_import = torch.get_num_threads()

n_usable = cache(joblib.cpu_count)
"""Processors that this process may use, by its affinity and the quota of its container."""


@contextmanager
def usable_threads():
    """Compute with no more threads than processors, unless the user has set how many."""
    before = torch.get_num_threads()
    chosen = before != _at_import or any(name in os.environ for name in SETTINGS)
    if chosen or before <= n_usable():
        yield
        return
    torch.set_num_threads(n_usable())
    try:
        yield
    finally:
        torch.set_num_threads(before)
