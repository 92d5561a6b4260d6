"""Parameters that hold descriptors, by name or as objects."""

from inspect import signature

from .._checks import check_sequence
from ..descriptors import BaseDescriptor, descriptor_named
from ..rules import Rule
from ._base import BaseGenerator

RESERVED = {*signature(BaseGenerator.sample).parameters, "X", "mask"}


def descriptors(n_least=0):
    """Return the rule of what :func:`check_descriptors` checks."""

    def check(name, value):
        check_descriptors(name, value, n_least)

    return Rule("sequence of str or BaseDescriptor", check)


def check_descriptors(parameter, items, n_least=0):
    """Raise unless a parameter holds differentiable descriptors with different names.

    Raises TypeError if an item is neither a name nor a descriptor, ValueError if a name is
    unknown or occurs twice, a descriptor has no gradient, or there are too few.
    """
    names = []
    for item in check_sequence(parameter, items):
        if not isinstance(item, (str, BaseDescriptor)):
            raise TypeError(f"{parameter} must hold names or descriptors, got {item!r}.")
        descriptor = descriptor_named(item) if isinstance(item, str) else item
        if not descriptor.differentiable:
            raise ValueError(
                f"{parameter} must hold differentiable descriptors, got {descriptor.name!r}."
            )
        if descriptor.name is None or descriptor.name in RESERVED:
            raise ValueError(
                f"{parameter} must hold descriptors whose names are no arguments of sample or "
                f"inpaint, got {descriptor.name!r}."
            )
        names.append(descriptor.name)
    if len(set(names)) < len(names):
        raise ValueError(f"{parameter} must have different names, got {names}.")
    if len(names) < n_least:
        raise ValueError(f"{parameter} must name at least one descriptor, got none.")
