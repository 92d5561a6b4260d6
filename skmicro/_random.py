"""Explicit randomness: every draw comes from a generator that somebody passed in.

``random_state`` is what scikit-learn users know: ``None`` (fresh entropy), an
integer, or a ``numpy.random.RandomState``; ``numpy.random.Generator`` works as
well. It is turned into one 64-bit seed, and the seed into the generators a
computation needs. No global seed is set or consumed.

NumPy takes no notice of trailing zeros, so that the streams (k,) and (k, 0) of a seed are
one: no computation uses streams that differ in these alone.

Latent noise is drawn by NumPy on the CPU, row after row from one stream, so that
the first rows do not depend on how many follow and a seed means the same latents
on every device.
"""

from numbers import Integral

import numpy as np
import torch
from sklearn.base import clone

RANDOM_STATES = (np.random.RandomState, np.random.Generator)


def check_random_state(name, random_state):
    """Raise if a value is no ``random_state``; errors call it ``name``."""
    if random_state is None or isinstance(random_state, RANDOM_STATES):
        return
    if not isinstance(random_state, Integral):
        raise TypeError(
            f"{name} must be None, an int, a numpy RandomState or a numpy Generator, "
            f"got {random_state!r}."
        )
    if random_state < 0:
        raise ValueError(f"{name} must be >= 0, got {random_state}.")


def draw_seed(random_state=None):
    """Turn a ``random_state`` into one integer seed, non-negative and below 2**63.

    ``None`` takes fresh entropy from the operating system; an integer is the seed itself; a
    RandomState or Generator of NumPy is advanced by one draw. Raises ValueError if an integer is
    negative, TypeError for anything else.
    """
    check_random_state("random_state", random_state)
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1, np.uint64)[0] >> np.uint64(1))
    if isinstance(random_state, Integral):
        return int(random_state)
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(2**31 - 1))
    return int(random_state.integers(2**63 - 1))


def numpy_generator(seed, *stream):
    """Return the NumPy generator of one named stream of a seed."""
    return np.random.default_rng([seed, *stream])


def torch_generator(seed, *stream):
    """Return a CPU ``torch.Generator`` for one stream of a seed."""
    state = np.random.SeedSequence([seed, *stream]).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(state >> np.uint64(1)))


def seeded(estimator, rng):
    """Return a clone whose open seeds, its own and those of its parts, are drawn from ``rng``."""
    estimator = clone(estimator)
    for name, value in sorted(estimator.get_params(deep=True).items()):
        if name.split("__")[-1] == "random_state" and value is None:
            estimator.set_params(**{name: int(rng.integers(2**31 - 1))})
    return estimator


def normal_rows(n_rows, n_columns, generator):
    """Draw standard normal rows, float32; the first rows do not depend on ``n_rows``."""
    return generator.standard_normal((n_rows, n_columns)).astype(np.float32)
