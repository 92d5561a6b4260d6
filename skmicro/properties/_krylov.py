"""Conjugate gradients for the systems of several images, each of which stops by itself."""

from collections import namedtuple

import torch

Solution = namedtuple("Solution", "x functional n_iter residual")


def conjugate_gradients(system, right, functional, tol, max_iter):
    """Solve A x = b for positive semi-definite A, from x = 0, for n systems at once.

    Of a system, ``apply(p, out) -> functionals`` writes A p and returns a linear functional of p,
    (n, n_functionals); ``precondition(r, out)`` writes an approximate solution of A z = r;
    ``inner(a, b)`` returns the inner products (n,); ``scale(functional)`` what residuals are
    compared with. A system is solved when the norm of its residual is at most ``tol`` times its
    scale. The right-hand sides b, (k, n, ...), are overwritten by residuals; ``functional`` is
    that of x = 0.
    The solution has, beside ``x`` and its ``functional``, the iterations ``n_iter`` and the
    ``residual`` over its scale for each system.
    """
    x, residual = torch.zeros_like(right), right
    z, image = torch.empty_like(right), torch.empty_like(right)
    system.precondition(residual, z)
    p, square = z.clone(), system.inner(residual, z)
    n_iter = torch.zeros(len(square), dtype=torch.long, device=right.device)
    for iteration in range(max_iter + 1):
        relative = system.inner(residual, residual).sqrt() / system.scale(functional)
        active = relative > tol
        if iteration == max_iter or not active.any():
            break
        slope = system.apply(p, image)
        curvature = system.inner(p, image)
        step = torch.where(active & (curvature > 0), square / curvature, 0.0)
        functional = functional + step.unsqueeze(1) * slope
        _add(x, step, p)
        _add(residual, -step, image)
        system.precondition(residual, z)
        before, square = square, system.inner(residual, z)
        momentum = torch.where(active & (before > 0), square / before, 0.0)
        _scale_and_add(p, momentum, z)
        n_iter += active
    return Solution(x, functional, n_iter, relative)


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
    return factors.to(x.dtype).view(-1, *[1] * (x.ndim - 2))
