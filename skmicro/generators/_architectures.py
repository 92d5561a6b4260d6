"""Networks by name, or by functions of the user that make them."""

from .._checks import check_choice
from ..rules import Rule


def architecture(known, *players):
    """Return the rule of a parameter that says what networks are made by.

    ``known`` has functions that make the ``players``, in their order, by the name of an
    architecture. The rule allows the names, and as many callables as there are networks.
    """
    names = ", ".join(f'"{name}"' for name in known)

    def check(name, value):
        if not isinstance(value, (tuple, list)):
            check_choice(name, value, known)
        elif len(value) != len(players) or not all(map(callable, value)):
            raise ValueError(
                f"{name} must be one of {sorted(known)} or functions that make "
                f"{' and '.join(players)}, got {value!r}."
            )

    return Rule(f"{{{names}}} or tuple of callable", check)


def makers(value, known):
    """Return the functions that make the networks of an architecture."""
    return known[value] if isinstance(value, str) else value
