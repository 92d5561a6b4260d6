"""Classes by name: those that a file may hold.

A class is looked up among those of this library and those already imported; no file can have
anything else imported.
"""

import importlib
import pkgutil
from typing import ClassVar

from ._version import __version__
from .exceptions import NotASavedFileError


def public_modules():
    """Import all public modules of the library and return them."""
    package = importlib.import_module(__package__)
    names = [module.name for module in pkgutil.walk_packages(package.__path__, "skmicro.")]
    return [
        importlib.import_module(name)
        for name in names
        if not any(part.startswith("_") for part in name.split("."))
    ]


class Persistent:
    """An object that :func:`write_tree` can hold.

    The default writes the attributes; subclasses with attributes that are not plain
    values replace both methods.
    """

    _former_names: ClassVar = {}
    """Names that attributes have in older files, and those that they have now."""
    _removed: ClassVar = {}
    """Parameters that only older files have, and the only value that still holds."""

    def _persistent_state(self):
        return vars(self)

    @classmethod
    def _family(cls):
        """Return this class and all that derive from it, those of this library first."""
        found, waiting = [], [cls]
        while waiting:
            known = waiting.pop()
            found.append(known)
            waiting.extend(known.__subclasses__())
        return sorted(found, key=lambda known: known.__module__.split(".")[0] != "skmicro")

    @classmethod
    def _from_persistent_state(cls, state):
        instance = cls.__new__(cls)
        for name, value in cls._renamed(state).items():
            setattr(instance, name, value)
        return instance

    @classmethod
    def _renamed(cls, state):
        """Return a state in which attributes have the names that they have now."""
        for name, value in state.items():
            if name in cls._removed and value != cls._removed[name]:
                raise NotASavedFileError(
                    f"The file holds a {cls.__name__} with {name}={value!r}, a parameter that "
                    f"skmicro {__version__} does not have; only {cls._removed[name]!r} still holds."
                )
        state = {name: value for name, value in state.items() if name not in cls._removed}
        return {cls._former_names.get(name, name): value for name, value in state.items()}


def class_named(name, module):
    """Return the class of a name that files may hold.

    Parameters
    ----------
    name : str
        Its name; classes of this library come first.
    module : str or None
        Where it was defined, for the error.

    Returns
    -------
    known : type
        The class.

    Raises
    ------
    NotASavedFileError
        If no class of this name is known.
    """
    for make_known in (list, public_modules):
        make_known()
        for known in Persistent._family():
            if known.__name__ == name:
                return known
    raise NotASavedFileError(
        f"The file holds a {name}, which is no class known here; import its module first"
        + (f": {module}." if module else ".")
    )
