"""What constructor parameters may be: a rule checks a value and says its kind in words.

Each function here returns a :class:`Rule` for use in :func:`skmicro.parameters.parameter`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from . import _arrays, _checks, _random


@dataclass(frozen=True)
class Rule:
    """A rule for the values of a parameter.

    Attributes
    ----------
    kind : str
        What values are, as docstrings write it, such as ``"int or None"``.
    check : callable
        ``check(name, value)`` raises where the value is not allowed.
    """

    kind: str
    check: Callable

    def __call__(self, name, value):
        """Raise if a value is not allowed; errors call it ``name``."""
        self.check(name, value)


def anything(kind):
    """Return the rule of a parameter that is checked elsewhere, where more is known."""
    return Rule(kind, lambda name, value: None)


def label():
    """Return the rule of one phase; whether the images have it is checked with them."""

    def check(name, value):
        if np.ndim(value) > 0:
            raise TypeError(f"{name} must be one label or None, got {value!r}.")

    return Rule("int or None", check)


def random_state():
    """Return the rule of what random numbers may be drawn from."""
    return Rule("None, int or RandomState", _random.check_random_state)


def estimator_with(*methods):
    """Return the rule of estimators that have methods of these names."""

    def check(name, value):
        missing = [method for method in methods if not callable(getattr(value, method, None))]
        if missing or isinstance(value, type):
            raise TypeError(
                f"{name} must be an estimator with {' and '.join(methods)}, got {value!r}."
            )

    return Rule("estimator instance", check)


def instance_of(*kinds):
    """Return the rule of objects of some classes, which files hold and no user passes in."""
    names = " or ".join(kind.__name__ for kind in kinds)

    def check(name, value):
        if not isinstance(value, kinds):
            raise TypeError(f"{name} must be a {names}, got {value!r:.80}.")

    return Rule(names, check)


def array_of(kinds, n_axes=1):
    """Return the rule of arrays of finite numbers of NumPy's ``kinds``, of any axes if ``None``."""

    def check(name, value):
        known = isinstance(value, np.ndarray) and value.dtype.kind in kinds and value.size > 0
        if not known or (n_axes is not None and value.ndim != n_axes):
            raise TypeError(f"{name} must be an array of numbers, got {value!r:.80}.")
        if not np.isfinite(value).all():
            raise ValueError(f"{name} must hold finite numbers, got NaN or infinity.")

    return Rule("ndarray", check)


def optional(rule):
    """Return a rule that allows ``None`` as well."""

    def check(name, value):
        if value is not None:
            rule(name, value)

    return Rule(f"{rule.kind} or None", check)


def integer(minimum=None, *, below=None):
    """Return the rule of integers, at least ``minimum`` and less than ``below``."""
    return Rule("int", partial(_checks.check_integer, minimum=minimum, below=below))


def real(low=float("-inf"), high=float("inf"), **bounds):
    """Return the rule of numbers between bounds; further arguments as in ``check_real``."""

    def check(name, value):
        _checks.check_real(name, value, low, high, **bounds)

    return Rule("float", check)


def choice(*choices):
    """Return the rule of values out of a few."""
    return Rule(f"{{{_listed(choices)}}}", partial(_checks.check_choice, choices=choices))


def boolean():
    """Return the rule of True and False."""
    return Rule("bool", partial(_checks.check_choice, choices=(True, False)))


def sequence_of(*choices):
    """Return the rule of sequences of some of a few values."""
    kind = f"sequence of {{{_listed(choices)}}}"
    return Rule(kind, partial(_checks.check_choices, choices=choices))


def integers(minimum=None):
    """Return the rule of sequences of integers, one at least, none below ``minimum``."""

    def check(name, value):
        items = _checks.check_sequence(name, value)
        if not items:
            raise ValueError(f"{name} must hold at least one integer, got {value!r}.")
        for k, item in enumerate(items):
            _checks.check_integer(f"{name}[{k}]", item, minimum=minimum)

    return Rule("sequence of int", check)


def labels():
    """Return the rule of sequences of distinct labels, one at least."""

    def check(name, value):
        integers().check(name, value)
        if len(set(value)) < len(value):
            raise ValueError(f"{name} must hold each label once, got {value!r}.")

    return Rule("sequence of int", check)


def spacing():
    """Return the rule of distances of neighbouring voxels: one number, or one for each axis."""

    def check(name, value):
        single = np.ndim(value) == 0
        if not single and (np.ndim(value) != 1 or len(value) not in (2, 3)):
            raise ValueError(f"{name} must be a number or one for each axis, got {value!r}.")
        for item in (value,) if single else value:
            _checks.check_real(name, item, 0.0, open_low=True)

    return Rule("float or tuple of float", check)


def shape():
    """Return the rule of image shapes: the voxels along each of two or three axes."""
    return Rule("tuple of int", _checks.check_image_shape)


def path():
    """Return the rule of files that can be written to, or ``None``."""
    return Rule("path-like or None", _checks.check_file_path)


def callables():
    """Return the rule of lists and tuples of callables, or ``None``."""
    return Rule("sequence of callable or None", _checks.check_callables)


def verbosity():
    """Return the rule of what is either a flag or a level from 0."""

    def check(name, value):
        if not isinstance(value, bool):
            _checks.check_integer(name, value, minimum=0)

    return Rule("int", check)


def betas():
    """Return the rule of the two decay rates of Adam's moments."""
    return Rule("tuple of float", lambda name, value: _checks.check_betas(value))


def device():
    """Return the rule of devices of this machine, or ``"auto"``."""
    return Rule('{"auto"}, str or torch.device', lambda name, value: _arrays.resolve_device(value))


def precision():
    """Return the rule of floating-point types."""
    return Rule(
        '{"auto", "float32", "float64"}', lambda name, value: _arrays.resolve_precision(value)
    )


def _listed(choices):
    return ", ".join(f'"{item}"' if isinstance(item, str) else repr(item) for item in choices)
