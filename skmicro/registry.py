"""Classes by name: those that a file may hold, and what it may say of them.

A class is looked up by its module and name among those of this library and those already imported;
no file can have anything else imported. The module of a class of this library is the room that it
is in, so that it may move inside it.
"""

import importlib
import keyword
import pkgutil
import sys
from itertools import takewhile
from typing import ClassVar

from ._version import __version__
from ._warnings import warn_user
from .exceptions import NotASavedFileError, OldFileWarning


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
    _former_places: ClassVar = ()
    """What older files call this class: its module and name, joined by a dot. Not inherited."""
    _removed: ClassVar = {}
    """Parameters that only older files have, and the only value that still holds."""
    _implied: ClassVar = {}
    """Parameters that older files lack, and the values that hold there instead of the defaults."""
    _kept: ClassVar = ()
    """Names of the attributes that files keep, beside those of the bases."""
    _values: ClassVar = {}
    """Rules of the values that attributes from files have to keep, beside those of the bases."""

    def _persistent_state(self):
        return vars(self)

    @classmethod
    def _family(cls):
        """Return this class and all that derive from it, those of this library first."""
        found, waiting = {}, [cls]
        while waiting:
            known = waiting.pop()
            found[known] = None
            waiting.extend(known.__subclasses__())
        return sorted(found, key=lambda known: not _is_ours(known.__module__))

    @classmethod
    def _from_persistent_state(cls, state):
        instance = cls.__new__(cls)
        vars(instance).update(cls._known(cls._renamed(state)))
        missing = [name for name in cls._all_kept() if not hasattr(instance, name)]
        if missing:
            raise NotASavedFileError(f"a {cls.__name__} must have the attribute {missing[0]!r}.")
        instance._check_values()
        instance._check_agreement()
        return instance

    def _check_agreement(self):
        """Raise ValueError or TypeError unless the attributes agree with each other."""

    def _check_values(self):
        """Raise unless every attribute that has a rule keeps it."""
        for base in type(self).__mro__:
            for name, rule in vars(base).get("_values", {}).items():
                if name not in vars(self):
                    continue
                try:
                    rule(name, vars(self)[name])
                except (TypeError, ValueError) as error:
                    kind = type(self).__name__
                    raise NotASavedFileError(f"a {kind} is not allowed: {error}") from error

    @classmethod
    def _all_kept(cls):
        """Return the names of ``_kept`` of this class and its bases."""
        return {name for base in cls.__mro__ for name in vars(base).get("_kept", ())}

    @classmethod
    def _known(cls, state):
        """Return a state, or raise if it has an attribute that this class does not keep."""
        strange = set(state) - cls._all_kept()
        if strange:
            raise NotASavedFileError(
                f"a {cls.__name__} has no attribute {min(map(str, strange))!r} to be kept in files."
            )
        return state

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


def is_fitted_attribute(kind: type, name: str) -> bool:
    """Tell whether a name is one of a fitted attribute: it ends in ``_`` and hides nothing.

    Parameters
    ----------
    kind : type
        The class of the estimator, whose methods and properties it must not hide.
    name : str
        The name.

    Returns
    -------
    is_fitted : bool
        True of ``phases_``, false of ``_phases_`` and of what is no name.
    """
    is_name = name.isidentifier() and not keyword.iskeyword(name)
    return is_name and name[0] != "_" and name[-1] == "_" and not hasattr(kind, name)


def place_of(kind: type) -> str:
    """Return where files say that a class is.

    Parameters
    ----------
    kind : type
        The class.

    Returns
    -------
    module : str
        Its module; of a class of this library the public module that it is in.
    """
    return _public(kind.__module__)


def class_named(name: str, module: str | None) -> type:
    """Return the class of a module and name, which files may hold.

    Parameters
    ----------
    name : str
        Its qualified name.
    module : str or None
        Where it was defined. Files of early revisions do not say so, which is taken for this
        library, with a warning.

    Returns
    -------
    known : type
        The class.

    Raises
    ------
    NotASavedFileError
        If no such class is known.
    """
    place = None if module is None else _public(str(module))
    for make_known in (list, public_modules):
        make_known()
        found = [known for known in Persistent._family() if _is_called(known, name, place)]
        if found:
            break
    else:
        where = "" if module is None else f" of module {module}"
        hint = f": {module}" if module else ", which the file does not name"
        raise NotASavedFileError(
            f"The file holds a {name}{where}, which is no class known here; import its module "
            f"first{hint}."
        )
    if module is None:
        warn_user(
            f"The file holds a {name} of no module, taken for that of {place_of(found[0])}.",
            OldFileWarning,
        )
    # A class that was defined twice, in a notebook, is the one that its module has now.
    now = vars(sys.modules.get(found[-1].__module__, object)).get(name)
    return now if now in found else found[-1]


def _is_called(known, name, place):
    """Tell whether a file means a class by a name and a place, or by a name alone."""
    if place is None:
        return known.__name__ == name and _is_ours(known.__module__)
    # The name of a class inside a function was kept without that of the function at first.
    here = place_of(known) == place and name in (known.__qualname__, known.__name__)
    return here or f"{place}.{name}" in vars(known).get("_former_places", ())


def _is_ours(module):
    return module.split(".")[0] == __package__


def _public(module):
    """Return a module, of this library the public one that it lies in."""
    if not _is_ours(module):
        return module
    return ".".join(takewhile(lambda part: not part.startswith("_"), module.split(".")))
