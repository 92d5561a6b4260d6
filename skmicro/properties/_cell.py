r"""Periodic cells under unit loads: stiffness and conductivity of a voxel image.

With a mean gradient E (a strain, or the gradient of a temperature), the local one is
e = E + grad u with u periodic, the flux (stress) is s = c(x) e, and div s = 0. Per mode, with
the direction n of :mod:`._fourier` and an unknown v = \|s\| u,

    A v = b,     A = n . c (n v),     b = - n . c E,

the products being convolutions that are computed in real space between two transforms. A is
positive and, preconditioned by the same operator of a uniform medium, has a condition number of
at most the contrast: conjugate gradients on the Lippmann-Schwinger equation (Zeman et al. 2010,
Brisard & Dormieux 2010). The effective coefficients are the means of s for unit loads.

Local coefficients depend on moduli m_k(x) linearly, c = sum_k m_k D_k. Since the problem is
self-adjoint, its gradient needs no further solution:

    d c_eff[I, J] / d m_k(x) = e_I(x) . D_k e_J(x) / (number of voxels).
"""

import torch
from torch.autograd.function import once_differentiable

from ._krylov import Solution, conjugate_gradients

ROUNDING = 32
"""Rounding errors of the local flux that a residual of zero may consist of."""
CACHED_VOXELS = 2**16
"""Up to how many voxels all components are transformed at once: they fit into the caches."""


def unit_load(load, n_loads):
    """Return the mean gradient with one component 1 and no other."""
    return [float(k == load) for k in range(n_loads)]


class EffectiveColumns(torch.autograd.Function):
    """Columns of the effective coefficients, differentiable with respect to the local moduli."""

    @staticmethod
    def forward(ctx, moduli, law, modes, loads, tol, max_iter):
        """Return columns (n, n_loads, n_columns), residuals and iterations, (n, n_columns)."""
        cell = PeriodicCell(moduli, law, modes)
        n_loads = len(law.terms)
        solutions = [cell.loaded(unit_load(load, n_loads), tol, max_iter) for load in loads]
        ctx.problem = law, modes, loads
        ctx.save_for_backward(moduli, *[s.x for s in solutions if ctx.needs_input_grad[0]])
        columns = torch.stack([s.functional for s in solutions], dim=2).to(moduli.dtype)
        found = [
            torch.stack([getattr(s, name) for s in solutions], 1) for name in ("residual", "n_iter")
        ]
        ctx.mark_non_differentiable(*found)
        return columns, *found

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient, *_):
        """Return the gradient with respect to the moduli."""
        law, modes, loads = ctx.problem
        moduli, *solutions = ctx.saved_tensors
        cell, n_loads = PeriodicCell(moduli, law, modes), len(law.terms)
        local = {
            load: cell.gradients(x, unit_load(load, n_loads)).clone()
            for load, x in zip(loads, solutions, strict=True)
        }
        total = torch.zeros_like(moduli)
        for column, load in enumerate(loads):
            for row, other in local.items():
                weight = gradient[:, row, column].view(-1, *[1] * (moduli.ndim - 2))
                total += weight * law.power(other, local[load])
        return total / cell.n_voxels, *[None] * 5


class PeriodicCell:
    """The system A v = b of images under unit loads, with room for its solution.

    Local moduli have shape (n_moduli, n, *spatial) and mean what the law of :mod:`._laws` says.
    """

    def __init__(self, moduli, law, modes):
        self.law = law
        self.modes = modes
        self.n_images = moduli.shape[1]
        self.coefficients = law.prepare(moduli)
        self.n_voxels = moduli[0, 0].numel()
        beside = (-1, *[1] * (1 + len(modes.half)))
        self.longitudinal = law.longitudinal(moduli).view(beside)
        self.e = moduli.new_empty(len(law.terms), *moduli.shape[1:])
        self._room = torch.empty_like(self.e[0])
        n_together = len(law.terms) if moduli[0].numel() <= CACHED_VOXELS else 1
        self._modes = moduli.new_empty(n_together, self.n_images, *modes.half, 2)
        least, largest = moduli[-1].flatten(1).aminmax(dim=1)
        self._has_voids = least == 0
        self._rounding = ROUNDING * torch.finfo(moduli.dtype).eps * (largest / least).double()
        self._least = None

    def loaded(self, mean, tol, max_iter):
        """Return the :class:`Solution` with a mean gradient; its functional is the mean flux."""
        # The residual that conjugate gradients update drifts away from that of the solution. Where
        # rounding may matter the latter is computed, and if it is too large they start again.
        residual = self.e.new_empty(self.law.n_unknowns, *self._modes.shape[1:])
        for e, value in zip(self.e, mean, strict=True):
            e.fill_(value)
        functional = self._divergence(residual)
        rounding = ROUNDING * torch.finfo(self.e.dtype).eps / tol
        self._least = self._has_voids * rounding * self._rms_flux()
        accurate = bool((self._rounding < tol / 100).all())
        x = torch.zeros_like(residual)
        n_iter = torch.zeros(self.n_images, dtype=torch.long, device=x.device)
        before = torch.full_like(self._least, torch.inf)
        while True:
            relative = self.inner(residual, residual).sqrt() / self.scale(functional)
            again = (relative > tol) & (relative < before / 2) & (n_iter < max_iter)
            if not again.any():
                return Solution(x, functional, n_iter, relative)
            residual[:, ~again] = 0.0
            n_left = max_iter - int(n_iter[again].max())
            step = conjugate_gradients(self, residual.neg_(), functional, tol, n_left)
            x.add_(step.x)
            n_iter += step.n_iter
            if accurate:
                return Solution(x, step.functional, n_iter, step.residual)
            before = relative
            self.gradients(x, mean)
            functional = self._divergence(residual)

    def gradients(self, x, mean):
        """Return local gradients or strains (n_loads, n, *S) of a solution with their mean."""
        self._gradient(x)
        for e, value in zip(self.e, mean, strict=True):
            e.add_(value)
        return self.e

    def fluxes(self):
        """Return local fluxes or stresses (n_loads, n, *S) of the gradients found last."""
        self.law.flux(self.coefficients, self.e, self._room)
        return self.e

    def apply(self, p, out):
        """Write A p and return the mean flux of p, (n, n_loads)."""
        self._gradient(p)
        return self._divergence(out)

    def precondition(self, r, out):
        """Apply the inverse of A of a uniform medium, up to a factor."""
        if self.law.n_unknowns == 1:
            out.copy_(r)
            return
        rising, falling, along = self.modes.rising, self.modes.falling, self._modes[0]
        torch.mul(r[0], rising[0], out=along)
        for component, direction in zip(r[1:], rising[1:], strict=True):
            along.addcmul_(component, direction)
        along.mul_(-self.longitudinal)
        for component, direction, result in zip(r, falling, out, strict=True):
            torch.addcmul(component, along, direction, out=result)

    def inner(self, a, b):
        """Return inner products, such that a mode counts as a field of this mean square."""
        return self.modes.inner(a, b) / self.n_voxels**2

    def scale(self, functional):
        """Return the norm of the mean flux, which voids can reduce to zero."""
        norm = torch.linalg.vector_norm(functional, dim=1)
        return torch.maximum(norm, self._least).clamp(min=torch.finfo(norm.dtype).tiny)

    def _rms_flux(self):
        return self.e.square().flatten(2).mean(2).sum(0).sqrt().double()

    def _parts(self):
        """Yield the components that are transformed together, as slices."""
        n_together = len(self._modes)
        for start in range(0, len(self.law.terms), n_together):
            yield slice(start, start + n_together)

    def _gradient(self, v):
        n = self.modes.rising
        for part in self._parts():
            for modes, terms in zip(self._modes, self.law.terms[part], strict=True):
                (unknown, axis), *others = terms
                torch.mul(v[unknown], n[axis], out=modes)
                for unknown, axis in others:
                    modes.addcmul_(v[unknown], n[axis])
            self.modes.to_field(self._modes, self.e[part])

    def _divergence(self, out):
        """Write n . c e, and return the mean of c e, (n, n_loads)."""
        n = self.modes.falling
        self.law.flux(self.coefficients, self.e, self._room)
        means, written = [], set()
        for part in self._parts():
            self.modes.to_modes(self.e[part], self._modes)
            means.append(self._modes.flatten(2)[..., 0].double() / self.n_voxels)
            for modes, terms in zip(self._modes, self.law.terms[part], strict=True):
                for unknown, axis in terms:
                    if unknown in written:
                        out[unknown].addcmul_(modes, n[axis])
                    else:
                        torch.mul(modes, n[axis], out=out[unknown])
                        written.add(unknown)
        return torch.cat(means).T
