"""Processes that were forked after torch had used threads.

A forked process has the memory of the threads, and not the threads: torch would wait for them for
ever. What cannot be undone is noticed before it computes, and it computes with one thread.
"""

import os

import torch

from ._warnings import warn_user
from .exceptions import ForkWarning

_threads = {"used": False, "lost": False}


def about_to_compute():
    """Remember that torch uses threads; in a process that lost them, warn and use one.

    Seen are threads that the library used before the fork, not those of other programs.
    """
    if torch.get_num_threads() == 1:
        return
    if _threads["lost"]:
        torch.set_num_threads(1)
        warn_user(
            "this process was forked after torch had used threads, and computes with one thread; "
            "start processes by 'spawn' or 'forkserver', or by joblib (loky).",
            ForkWarning,
        )
    else:
        _threads["used"] = True


def _after_fork():
    _threads["lost"] = _threads["used"]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
