"""Strokes of fate: something happens at the n-th call of a function of the library."""

import sys
from contextlib import contextmanager
from pathlib import Path

import skmicro

FOLDER = str(Path(skmicro.__file__).parent)


@contextmanager
def at_call(n, stroke):
    """Call ``stroke`` when the n-th function of the library is entered; count the calls.

    The list yielded holds the number of calls so far.
    """
    calls = [0]

    def watch(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(FOLDER):
            calls[0] += 1
            if calls[0] == n:
                sys.setprofile(None)
                stroke()

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        yield calls
    finally:
        sys.setprofile(before)
