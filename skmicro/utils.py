"""Finding the library's estimators and saying what is installed."""

import importlib
import inspect
import platform
import sys

from .images import ImageEstimator
from .registry import public_modules

ABSTRACT = {
    "EncodingEstimator",
    "ImageEstimator",
    "NetworkEstimator",
    "NetworkGenerator",
    "PhaseDescriptor",
    "SpacedDescriptor",
    "SpatialDescriptor",
}


def all_estimators() -> list:
    """Return the public estimator classes, found by walking the package.

    Returns
    -------
    estimators : list of (str, type)
        Name and class, sorted by name.

    Examples
    --------
    >>> from skmicro.utils import all_estimators
    >>> [name for name, cls in all_estimators() if name.startswith("W")]
    ['WGANGP']
    """
    found = {}
    for module in public_modules():
        for name in getattr(module, "__all__", ()):
            value = getattr(module, name)
            is_estimator = inspect.isclass(value) and issubclass(value, ImageEstimator)
            if is_estimator and name not in ABSTRACT and not name.startswith("Base"):
                found[name] = value
    return sorted(found.items())


def all_generators() -> list:
    """Return the public generator classes.

    Returns
    -------
    generators : list of (str, type)
        Name and class, sorted by name.
    """
    from .generators import BaseGenerator

    return [item for item in all_estimators() if issubclass(item[1], BaseGenerator)]


def show_versions():
    """Print the versions that a bug report should name."""
    names = ("skmicro", "torch", "sklearn", "numpy", "scipy", "joblib", "safetensors", "tqdm")
    print(f"python: {sys.version.split()[0]} ({platform.platform()})")
    for name in names:
        print(f"{name}: {importlib.import_module(name).__version__}")
