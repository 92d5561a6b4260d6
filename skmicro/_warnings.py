"""Warnings that point at the line of the user."""

import sys
import warnings


def warn_user(message, category):
    """Warn at the line that called the library, however many of its functions lie between."""
    frame, level = sys._getframe(1), 2
    while frame is not None and _package(frame) in ("skmicro", "sklearn"):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)


def _package(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]
