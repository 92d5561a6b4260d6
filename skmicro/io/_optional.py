"""Packages that only some formats need."""

import importlib


def import_optional(name):
    """Return a module, or raise ImportError that says what to install."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        raise ImportError(f"{package} is needed: pip install skmicro[images]") from error
