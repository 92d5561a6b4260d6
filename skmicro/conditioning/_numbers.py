"""Values of targets as numbers."""

import numpy as np
import torch


def target_numbers(name, value):
    """Return the value of a target as an array of float64.

    Raises TypeError if it is not numeric, ValueError if some of it is masked.
    """
    try:
        native = value.detach().cpu() if isinstance(value, torch.Tensor) else value
        numbers = np.asarray(native, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"target {name} must be numeric, got {value!r}.") from error
    if value is None or isinstance(value, (bool, str)):
        raise TypeError(f"target {name} must be numeric, got {value!r}.")
    if np.ma.is_masked(value):
        raise ValueError(f"target {name} must have no masked values, got {value!r}.")
    return numbers
