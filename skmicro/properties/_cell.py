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

import numpy as np
import torch
from torch.autograd.function import once_differentiable

from ..descriptors import leads_around
from ._krylov import ROUNDING, Solution, conjugate_gradients

SOFTNESS_OF_VOIDS = 1e-3
"""Least eigenvalue of images with voids, as a share of that of the solid; a guess."""
LEAST_RTOL_OF_SINGLE = 1e-10
"""Below this error of the energy, iterations are in double precision from the start."""
ENERGY_OF_ROUNDING = 16
"""Square of the rounding error of the flux over the error of the energy that it causes."""
NOTHING = 1e-10
"""Coefficient beside voids that is rounding, as a share of that of the stiffest phase."""
CACHED_VOXELS = 2**16
"""Up to how many voxels all components are transformed at once: they fit into the caches."""


def unit_load(load, n_loads):
    """Return the mean gradient with one component 1 and no other."""
    return [float(k == load) for k in range(n_loads)]


class EffectiveColumns(torch.autograd.Function):
    """Rows and columns of the effective coefficients, differentiable in the local moduli.

    ``cell_of(moduli)`` makes the cell.
    """

    @staticmethod
    def forward(ctx, moduli, cell_of, loads, rtol, max_iter):
        """Return the coefficients of loads, (n, n_loads, n_loads), and errors (n, n_loads)."""
        cell = cell_of(moduli)
        n_loads, solutions = len(cell.law.terms), []
        found = np.zeros((cell.n_images, len(loads), len(loads)))
        carried = cell.carried()[:, loads]
        for column, load in enumerate(loads):
            # What nothing carries is not iterated, but for gradients.
            n_iter = max_iter if carried[:, column].any() or ctx.needs_input_grad[0] else 0
            solution = cell.loaded(unit_load(load, n_loads), rtol, n_iter)
            solutions.append(solution._replace(residual=None))
            for row, other in enumerate(solutions):
                missing = cell.inner(other.x, solution.residual)
                found[:, row, column] = solution.functional[:, loads[row]] - missing
                found[:, column, row] = found[:, row, column]
        # Nor does rounding: what a discretisation does not see, as cubes that touch at corners.
        carried &= (found.diagonal(0, 1, 2) > NOTHING) | ~cell.has_voids[:, None]
        found = np.where(carried[:, :, None] & carried[:, None], found, 0.0)
        ctx.problem = cell_of, loads
        ctx.save_for_backward(moduli, *[s.x for s in solutions if ctx.needs_input_grad[0]])
        errors = np.stack([solution.error for solution in solutions], axis=1)
        errors = moduli.new_tensor(np.where(carried, errors, 0.0))
        ctx.mark_non_differentiable(errors)
        return moduli.new_tensor(found), errors

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient, *_):
        """Return the gradient with respect to the moduli."""
        cell_of, loads = ctx.problem
        moduli, *solutions = ctx.saved_tensors
        cell = cell_of(moduli)
        n_loads = len(cell.law.terms)
        local = {
            load: cell.gradients(x, unit_load(load, n_loads)).clone()
            for load, x in zip(loads, solutions, strict=True)
        }
        total = torch.zeros_like(moduli)
        for column, load in enumerate(loads):
            for row, other in enumerate(loads):
                weight = gradient[:, row, column].view(-1, *[1] * (moduli.ndim - 2))
                total += weight * cell.power(local[other], local[load])
        return total / cell.n_voxels, *[None] * 4


class PeriodicCell:
    """The system A v = b of images under unit loads, with room for its solution.

    Local moduli have shape (n_moduli, n, *spatial) and mean what the law of :mod:`._laws` says.
    """

    joins_corners = True
    """Whether voxels that share no more than a corner are connected."""

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
        self._shape_of_unknowns = law.n_unknowns, self.n_images, *modes.half, 2
        least, largest = moduli[-1].flatten(1).aminmax(dim=1)
        self.has_voids = (least == 0).cpu().numpy()
        self.least = law.least_eigenvalue(moduli).cpu().numpy()
        self.least[self.has_voids] *= SOFTNESS_OF_VOIDS
        eps = torch.finfo(moduli.dtype).eps
        self._rounding = ROUNDING * eps * largest.double().cpu().numpy() / self.least
        self._moduli, self._single = moduli, None

    def loaded(self, mean, rtol, max_iter):
        """Return the :class:`Solution` with a mean gradient; its functional is the mean flux.

        Iterations are in single precision where rounding allows it. The flux, the residual and
        with them the energy are then computed from the solution with the precision of the cell;
        if rounding has spoiled the solution, iterations begin again from there.
        """
        x = self.e.new_zeros(self._shape_of_unknowns)
        functional, residual = self._balance(None, mean)
        within = self._iterating(rtol)
        within._set_scale(mean, functional, rtol)
        n_iter = np.zeros(self.n_images, dtype=int)
        again, before = n_iter == 0, torch.inf
        while True:
            n_left, right = max_iter - int(n_iter[again].max()), residual.to(within.e.dtype)
            step = conjugate_gradients(within, right, functional, rtol, n_left)
            x.add_(step.x)
            n_iter += step.n_iter
            if (
                within is self
                and (np.square(self._rounding) < rtol).all()
                and not self.has_voids.any()
            ):
                return step._replace(x=x, n_iter=n_iter)
            functional, residual = self._balance(x, mean)
            error = step.error * within._growth(step.residual, residual)
            again = (error > rtol) & (error < before / 4) & (n_iter < max_iter)
            if not again.any():
                return Solution(x, functional, n_iter, residual, error)
            residual[:, ~torch.from_numpy(again)], before = 0.0, error

    def _iterating(self, rtol):
        """Return this cell, or the same one in single precision where that is enough."""
        if self.e.dtype == torch.float32 or rtol < LEAST_RTOL_OF_SINGLE:
            return self
        if self._single is None:
            self._single = type(self)(self._moduli.float(), self.law, self.modes.single)
        return self._single if self._single._is_exact(ENERGY_OF_ROUNDING * rtol) else self

    def _is_exact(self, rtol):
        """Tell whether rounding of the flux has no more effect on the energy than this."""
        return bool((np.square(self._rounding) < rtol).all())

    def _set_scale(self, mean, functional, rtol):
        """Compare errors of the energy with the energy, which voids can reduce to rounding."""
        self._mean = np.asarray(mean)
        eps = torch.finfo(self.e.dtype).eps
        voids = self.has_voids * (ROUNDING * eps) ** 2 / (SOFTNESS_OF_VOIDS * rtol)
        self._least_energy = np.maximum(voids * (functional @ self._mean), np.finfo(float).tiny)

    def _balance(self, x, mean):
        """Return the mean flux and the residual of a solution; of zero without one."""
        residual = self.e.new_empty(self._shape_of_unknowns)
        if x is None:
            self._uniform(mean)
        else:
            self.gradients(x, mean)
        functional = self._divergence(residual)
        return functional, residual.neg_()

    def _growth(self, before, residual):
        """Return by how much more the squared norm of a residual is than it was taken for."""
        squares = []
        for r in (before, residual.to(before.dtype)):
            z = torch.empty_like(r)
            self.precondition(r, z)
            squares.append(self.inner(r, z))
        return np.divide(*squares[::-1], out=np.ones(self.n_images), where=squares[0] > 0)

    def gradients(self, x, mean):
        """Return local gradients or strains (n_loads, n, *S) of a solution with their mean."""
        self._gradient(x)
        for e, value in zip(self.e, mean, strict=True):
            e.add_(value)
        return self.e

    def _uniform(self, mean):
        for e, value in zip(self.e, mean, strict=True):
            e.fill_(value)

    def unbalanced(self, x, mean):
        """Return the norm of the residual of a solution over that of the mean flux, (n,)."""
        functional, residual = self._balance(x, mean)
        norm = np.linalg.norm(functional, axis=1).clip(min=np.finfo(float).tiny)
        return np.sqrt(self.inner(residual, residual)) / norm

    def power(self, e, other):
        """Return the derivatives of e . c other with respect to local moduli, as they are."""
        return self.law.power(e, other)

    def carried(self):
        """Tell which components of the mean flux can be other than zero, (n, n_loads) bool.

        Those along axes on which voxels that are no voids lead from one period to the next.
        """
        axes = np.ones((self.n_images, len(self.modes.shape)), dtype=bool)
        rows = np.flatnonzero(self.has_voids)
        if len(rows):
            solid = (self._moduli[-1] > 0).cpu().numpy()[rows]
            axes[rows] = leads_around(solid, self.joins_corners)
        return np.stack([axes[:, list(names)].all(axis=1) for names in self.law.axes], axis=1)

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
        return self.modes.inner(a, b).cpu().numpy() / self.n_voxels**2

    def energy(self, functional):
        """Return the product of mean gradient and flux, which voids can reduce to zero."""
        return np.maximum(functional @ self._mean, self._least_energy)

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
        return torch.cat(means).T.cpu().numpy()
