"""Conjugate gradients for the systems of several images, each of which stops by itself.

The result is a quadratic functional of the solution, the energy <b, A^-1 b>, and conjugate
gradients find it with the error <e, A e>, e being the error of the solution: the square of a small
number. They stop by it, not by the residual.
"""

from collections import namedtuple

import numpy as np
import torch

Solution = namedtuple("Solution", "x functional n_iter residual error")

ROUNDING = 32
"""Rounding errors of a flux, or of the first residual, that a residual may consist of."""
LOWERED, LEAST_NODE = 10.0, 1e-30
"""Factor by which a node that is too high is lowered, and how far at most."""


def conjugate_gradients(system, right, functional, rtol, max_iter):
    """Solve A x = b for positive semi-definite A, from x = 0, for n systems at once.

    Of a system, ``apply(p, out) -> functionals`` writes A p and returns a linear functional of p,
    an array (n, n_functionals); ``precondition(r, out)`` writes an approximate solution of A z = r;
    ``inner(a, b)`` returns the inner products, an array (n,); ``energy(functional)`` what errors of
    the energy are compared with; ``least`` is a lower bound of the eigenvalues of the
    preconditioned A, (n,). A system is solved when the error of its energy is at most ``rtol`` of
    the energy; it also stops where rounding leaves nothing of the residual. The right-hand sides b,
    (k, n, ...), are overwritten by residuals; ``functional`` is that of x = 0.
    The solution has, beside ``x`` and its ``functional``, the iterations ``n_iter``, the
    ``residual``, and the ``error`` of the energy, as a share of it, for each system.
    """
    x, residual = torch.zeros_like(right), right
    z, image = torch.empty_like(right), torch.empty_like(right)
    system.precondition(residual, z)
    p, square = z.clone(), system.inner(residual, z)
    nothing = (ROUNDING * torch.finfo(right.dtype).eps) ** 2 * square
    error = EnergyError(system.least, square)
    n_iter = np.zeros(len(square), dtype=int)
    for iteration in range(max_iter + 1):
        relative = error.value / system.energy(functional)
        active = (relative > rtol) & (square > nothing)
        if iteration == max_iter or not active.any():
            break
        slope = system.apply(p, image)
        step = _ratio(active, square, system.inner(p, image))
        functional = functional + step[:, None] * slope
        _add(x, step, p)
        _add(residual, -step, image)
        system.precondition(residual, z)
        before, square = square, system.inner(residual, z)
        momentum = _ratio(active, square, before)
        _scale_and_add(p, momentum, z)
        error.advance(active, step, before, square)
        n_iter += active
    return Solution(x, functional, n_iter, residual, relative)


class EnergyError:
    """Error of the energy that conjugate gradients have found so far, ``value``, (n,).

    A step decreases the error by the product of its length and the squared norm of the residual
    (Hestenes & Stiefel 1952), and what the steps to come will add to that is bounded from above by
    Gauss-Radau quadrature with a node below the eigenvalues, for the price of a division
    (Meurant & Tichy 2013). If the iteration meets an eigenvalue below the node, as it may where the
    node is a guess, the node is moved and the quadrature done again.
    """

    def __init__(self, least, square):
        self.least = least.copy()
        self.weight = 1.0 / self.least
        self.steps = []
        self.value = self.weight * square

    def advance(self, active, step, before, square):
        """Take a step from a squared norm of the residual to the next one."""
        momentum = _ratio(active, square, before)
        while (below := active & (step >= self.weight) & (self.least > LEAST_NODE)).any():
            self.least[below] /= LOWERED
            self.weight = 1.0 / self.least
            for taken in self.steps:
                self.weight = self._next_weight(*taken)
        self.weight = self._next_weight(step, momentum)
        self.steps.append((step, momentum))
        self.value[active] = (self.weight * square)[active]

    def _next_weight(self, step, momentum):
        rest = self.weight - step
        return _ratio(rest > 0, rest, self.least * rest + momentum)


def _ratio(where, above, below):
    """Return quotients of arrays, 0 where they are not asked for or make no sense."""
    known = where & (below > 0)
    return np.divide(above, below, out=np.zeros(np.shape(below)), where=known)


def _add(x, factors, p):
    """x <- x + f p."""
    if len(factors) == 1:
        x.add_(p, alpha=factors.item())
    else:
        x.addcmul_(p, _beside(factors, x))


def _scale_and_add(p, factors, z):
    """p <- f p + z."""
    if len(factors) == 1:
        torch.add(z, p, alpha=factors.item(), out=p)
    else:
        p.mul_(_beside(factors, p)).add_(z)


def _beside(factors, x):
    factors = torch.as_tensor(factors, dtype=x.dtype, device=x.device)
    return factors.view(-1, *[1] * (x.ndim - 2))
