"""Descriptors by name."""

from ..base import BaseDescriptor


def descriptor_named(name):
    """Return the descriptor class of a name.

    Parameters
    ----------
    name : str
        A descriptor's ``name``, e.g. ``"p1"``; classes that users derived from
        BaseDescriptor count as well, unless the library has the name.

    Returns
    -------
    descriptor : type
        The class.

    Raises
    ------
    ValueError
        If no descriptor has this name.

    Examples
    --------
    >>> from skmicro.descriptors import descriptor_named
    >>> descriptor_named("p1").__name__
    'VolumeFraction'
    """
    named = {}
    for known in BaseDescriptor._family():
        if known.name is not None:
            named.setdefault(known.name, known)
    if name not in named:
        raise ValueError(f"target or invariance must be one of {sorted(named)}, got {name!r}.")
    return named[name]
