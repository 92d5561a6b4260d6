"""Packages that only some formats need."""

import importlib

EXTRAS = {"h5py": "files", "nrrd": "files"}


def import_optional(name):
    """Return a module, or raise ImportError that says what to install."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        extra = EXTRAS.get(package, "images")
        raise ImportError(f"{package} is needed: pip install skmicro[{extra}]") from error
