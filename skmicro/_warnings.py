"""Warnings that point at the line of the user."""

import sys
import warnings
from contextlib import contextmanager
from contextvars import ContextVar

NOTED = ContextVar("NOTED", default=())
"""Lists to which categories of warnings are added."""


def warn_user(message, category):
    """Warn at the line that called the library, however many of its functions lie between."""
    for noted in NOTED.get():
        noted.append(category)
    frame, level = sys._getframe(1), 2
    while frame is not None and _package(frame) in ("skmicro", "sklearn", "joblib"):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


@contextmanager
def noted_warnings():
    """Note the categories of the library's warnings in the block, which are issued all the same.

    Other than recording with ``warnings.catch_warnings``, this changes no state that threads share.
    """
    noted = []
    token = NOTED.set((*NOTED.get(), noted))
    try:
        yield noted
    finally:
        NOTED.reset(token)


def _package(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]
