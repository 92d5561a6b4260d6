"""Descriptors by name."""

import re
from collections.abc import Iterable
from difflib import get_close_matches

from sklearn.base import clone

from ._base import BaseDescriptor

USUAL = {
    "p1": "porosity volumefraction vf phi fraction phasefraction solidfraction density p0",
    "p2": "s2 twopoint correlation correlationfunction autocorrelation covariance variogram",
    "specific_surface": "surface surfacearea specificsurfacearea ssa sv interface",
    "lineal_path": "linealpathfunction l",
    "chord_length": "chord chords",
    "two_point_cluster": "c2 cluster",
    "euler_number": "euler eulercharacteristic chi",
    "persistent_homology": "persistence persistencediagram persistenceimage betticurve",
    "betti": "bettinumber holes loops handles tunnels cavities genus",
    "tortuosity_factor": "tortuosity",
    "conductivity": "diffusivity thermalconductivity",
    "stiffness": "elasticity",
}
"""Names that are usual for what has another one here, without underscores."""


def descriptor_named(name: str, parameter: str | None = None, own: Iterable = ()) -> type:
    """Return the descriptor class of a name.

    Parameters
    ----------
    name : str
        A descriptor's ``name``, e.g. ``"p1"``; classes that users derived from
        BaseDescriptor count as well, unless the library has the name.
    parameter : str or None, default=None
        What errors call the name; ``None`` means a target or an invariance, which
        only differentiable descriptors can be.
    own : iterable of str, default=()
        Other names that errors list, those of process variables.

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
    named = _all_named()
    if name not in named:
        usable = {known for known in named if parameter or named[known].differentiable}
        wanted = parameter or "target or invariance"
        raise ValueError(
            f"{wanted} must be one of {sorted(usable | set(own))}, got {name!r}."
            + near_name(name, own, usable)
        )
    return named[name]


def near_name(name, own=(), among=None):
    """Return the question that leads from a wrong name to the right one; "" without such a one.

    Of the names ``own`` and those of descriptors, all of them or some, ``among``.
    """
    same = {_plain(known): known for known in own}
    for known, kind in _all_named().items():
        if among is None or known in among:
            usual = USUAL.get(known, "").split()
            same |= dict.fromkeys([*usual, _plain(kind.__name__), _plain(known)], known)
    (near, *_) = get_close_matches(_plain(str(name)), same, n=1, cutoff=0.75) or [None]
    if near is None:
        return ""
    further = ""
    if same[near] == "p1":
        further = " Targets take volume_fraction={phase: 0.3} as well."
    return f" Did you mean {same[near]!r}?{further}"


def _all_named():
    named = {}
    for known in BaseDescriptor._family():
        if known.name is not None:
            named.setdefault(known.name, known)
    return named


def _plain(name):
    return re.sub("[^a-z0-9]", "", name.lower())


def new_descriptor(
    item: str | BaseDescriptor, periodic: bool | None = None, parameter=None, own=()
) -> BaseDescriptor:
    """Return an unfitted descriptor of a name, or a copy of a descriptor.

    Parameters
    ----------
    item : str or BaseDescriptor
        A name means default parameters, except for ``periodic``; a descriptor is used
        as it is.
    periodic : bool or None, default=None
        Whether the images that a name is meant for wrap around; ``None`` leaves it to ``fit``.
    parameter, own : any
        As in :func:`descriptor_named`.

    Returns
    -------
    descriptor : BaseDescriptor
        A new object.

    Raises
    ------
    ValueError
        If no descriptor has this name.
    """
    if not isinstance(item, str):
        return clone(item)
    descriptor = descriptor_named(item, parameter, own)()
    borders = {"periodic": periodic} if "periodic" in descriptor.get_params() else {}
    return descriptor.set_params(**borders)


def bound_like(descriptor, image_shape):
    """Return a copy of a fitted descriptor for images of another shape.

    Parameters
    ----------
    descriptor : BaseDescriptor
        A fitted descriptor.
    image_shape : tuple of int
        Shape of the images.

    Returns
    -------
    descriptor : BaseDescriptor
        A new object, with the phases and the borders of the other.
    """
    periodic = getattr(descriptor, "periodic_", None)
    return clone(descriptor)._bind(descriptor.encoder_, image_shape, periodic)


def with_borders(transformer, periodic):
    """Say whether images wrap around, where a transformer leaves it open.

    Parameters
    ----------
    transformer : object
        A transformer of any kind.
    periodic : bool
        Whether they do.

    Returns
    -------
    transformer : object
        The same object.
    """
    parameters = transformer.get_params() if hasattr(transformer, "get_params") else {}
    is_open = "periodic" in parameters and parameters["periodic"] is None
    return transformer.set_params(periodic=periodic) if is_open else transformer
