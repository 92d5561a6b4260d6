"""Steps in time along a flow, and arcs between noises."""

from itertools import pairwise

import numpy as np
from torch.utils.checkpoint import checkpoint

BENDING = 1.25


def _euler(velocity, x, t, step):
    return x + step * velocity(x, t)


def _heun(velocity, x, t, step):
    slope = velocity(x, t)
    return x + step / 2 * (slope + velocity(x + step * slope, t + step))


def _midpoint(velocity, x, t, step):
    return x + step * velocity(x + step / 2 * velocity(x, t), t + step / 2)


METHODS = {"euler": _euler, "heun": _heun, "midpoint": _midpoint}


def time_grid(n_steps):
    """Return the n + 1 times between steps from 0 to 1, t_k = (k / n)^1.25.

    The flow bends most where noise begins to order itself, so that early steps are shorter.
    """
    return [(k / n_steps) ** BENDING for k in range(n_steps + 1)]


def integrate(velocity, x, times, method):
    """Integrate dx/dt = velocity(x, t) from the first to the last of rising or falling times.

    Methods are ``"euler"``, of order 1 with one velocity per step, and ``"heun"`` and
    ``"midpoint"``, of order 2 with two. Gradients with respect to ``x`` are computed step by step
    from the states between the steps, so that their memory does not grow by what a network keeps
    in every step.
    """
    advance = METHODS[method]
    for t, end in pairwise(times):
        if x.requires_grad:
            x = checkpoint(
                advance, velocity, x, t, end - t, use_reentrant=False, preserve_rng_state=False
            )
        else:
            x = advance(velocity, x, t, end - t)
    return x


def arc(a, b, share):
    """Return points (k, n) on the arc from ``a`` to ``b``, both (1, n) (spherical interpolation).

    The mean of two independent noises has half their variance and is no noise that a flow was
    trained to start from; points on the arc keep the length. Shares (k, 1) of 0 and 1 give the
    ends exactly.
    """
    share = share.astype(np.float64)
    lengths = np.linalg.norm(a) * np.linalg.norm(b)
    angle = np.arccos(np.clip(np.vdot(a, b) / max(lengths, 1e-30), -1.0, 1.0))
    if np.sin(angle) < 1e-6:
        return ((1.0 - share) * a + share * b).astype(a.dtype)
    weights = [np.sin(part * angle) / np.sin(angle) for part in (1.0 - share, share)]
    return (weights[0] * a + weights[1] * b).astype(a.dtype)
