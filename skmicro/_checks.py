"""Rules for plain values: each check names the parameter, the rule and the value it got."""

import math
import os
from numbers import Integral, Real

import numpy as np


def check_image_shape(name, shape, n_axes=(2, 3)):
    """Return the sides of an image as a tuple of int, or raise.

    ValueError if their number is not among ``n_axes``, or one is below 1; TypeError if one is not
    an integer.
    """
    sides = tuple(shape) if is_sequence(shape) else ()
    if len(sides) not in n_axes:
        allowed = " or ".join(map(str, n_axes))
        raise ValueError(f"{name} must hold {allowed} integers, got {shape!r}.")
    for axis, side in enumerate(sides):
        check_integer(f"{name}[{axis}]", side, 1)
    return tuple(int(side) for side in sides)


def check_integer(name, value, minimum=None, *, below=None):
    """Raise unless ``value`` is an integer, at least ``minimum`` and less than ``below``."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer, got {value!r}.")
    if minimum is not None and value < minimum:
        raise ValueError(f"{name} must be >= {minimum}, got {value}.")
    if below is not None and value >= below:
        raise ValueError(f"{name} must be < {below}, got {value}.")


def check_n_jobs(name, value):
    """Raise unless ``value`` is None or an integer other than 0, as joblib takes it."""
    if value is None:
        return
    check_integer(name, value)
    if value == 0:
        raise ValueError(f"{name} must be None or an integer other than 0, got 0.")


def check_real(
    name, value, low=-np.inf, high=np.inf, *, open_low=False, open_high=False, finite=True
):
    """Raise unless ``value`` is a number between the bounds, ends included or not."""
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r}.")
    below = value <= low if open_low else value < low
    above = value >= high if open_high else value > high
    if math.isnan(value) or (finite and math.isinf(value)) or below or above:
        left = "(" if open_low or np.isinf(low) else "["
        right = ")" if open_high or (finite and np.isinf(high)) else "]"
        raise ValueError(f"{name} must lie in {left}{low:g}, {high:g}{right}, got {value}.")


def check_range(name, value, check):
    """Return a number or a range (low, high) as two floats; ``check(name, end)`` checks both."""
    ends = value if is_sequence(value) else (value, value)
    if len(ends) != 2:
        raise ValueError(f"{name} must be a number or a range (low, high), got {value!r}.")
    for end in ends:
        check(name, end)
    if ends[0] > ends[1]:
        raise ValueError(f"{name} must have low <= high, got {value!r}.")
    return float(ends[0]), float(ends[1])


def check_choice(name, value, choices):
    """Raise unless ``value`` is one of ``choices``."""
    if not isinstance(value, (str, bool, np.bool_, type(None))) or value not in choices:
        raise ValueError(f"{name} must be one of {sorted(choices, key=str)}, got {value!r}.")


def is_sequence(value):
    """Tell whether ``value`` is a list, a tuple or an array of one axis."""
    return isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim == 1)


def check_sequence(name, value):
    """Return the items of a list, a tuple or an array of one axis as a list, or raise TypeError."""
    if not is_sequence(value):
        raise TypeError(f"{name} must be a list, tuple or array of one axis, got {value!r}.")
    return value.tolist() if isinstance(value, np.ndarray) else list(value)


def check_choices(name, values, choices):
    """Raise unless ``values`` are a sequence of some of ``choices``."""
    for k, value in enumerate(check_sequence(name, values)):
        check_choice(f"{name}[{k}]", value, choices)


def check_betas(value):
    """Raise unless ``betas`` are two numbers in [0, 1)."""
    betas = check_sequence("betas", value)
    if len(betas) != 2:
        raise ValueError(f"betas must be two numbers, got {value!r}.")
    for k, beta in enumerate(betas):
        check_real(f"betas[{k}]", beta, 0.0, 1.0, open_high=True)


def check_callables(name, value):
    """Raise unless ``value`` is None or a list or tuple of callables, or what makes such."""
    if value is None:
        return
    if not isinstance(value, (list, tuple)):
        raise TypeError(f"{name} must be a list or tuple, got {value!r}.")
    for item in value:
        if not callable(item) and not hasattr(item, "watch"):
            raise TypeError(f"{name} must hold callables, got {item!r}.")


def check_path(name, value):
    """Raise unless ``value`` is a path."""
    if not isinstance(value, (str, os.PathLike)):
        raise TypeError(f"{name} must be a path, got {value!r}.")


def check_file_path(name, value):
    """Raise unless ``value`` is None or a path in a folder that can be written to."""
    if value is None:
        return
    check_path(name, value)
    path = os.path.abspath(value)
    folder = os.path.dirname(path)
    if os.path.isdir(path) or not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise ValueError(
            f"{name} must name a file in an existing folder that can be written to, got {value!r}."
        )
