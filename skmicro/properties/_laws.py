"""What moduli mean: the flux of a gradient, the stress of a strain.

A law knows the components of its gradient and the derivatives they consist of: ``terms`` holds,
for every component, pairs (unknown, axis), and ``axes`` the axes that its name has. It knows
nothing of grids or solvers.
"""

from itertools import combinations

import torch


class Conduction:
    """Flux of a gradient: one modulus, the conductivity."""

    def __init__(self, n_axes):
        self.n_unknowns = 1
        self.axes = [(axis,) for axis in range(n_axes)]
        self.terms = [[(0, axis)] for axis in range(n_axes)]

    def prepare(self, moduli):
        """Return the coefficients that :meth:`flux` multiplies with."""
        return moduli

    def flux(self, coefficients, e, room):
        """Turn gradients e (n_axes, n, *S) into fluxes."""
        e.mul_(coefficients)

    def power(self, e, other):
        """Return e . D_k other, (1, n, *S)."""
        return (e * other).sum(0, keepdim=True)

    def longitudinal(self, moduli):
        """Return the share of the longitudinal part that the preconditioner takes away, (n,)."""
        return torch.zeros(moduli.shape[1], dtype=moduli.dtype, device=moduli.device)

    def least_eigenvalue(self, moduli):
        """Return a lower bound of the eigenvalues of the preconditioned operator, (n,).

        Of images with voids it is the bound without them.
        """
        return _least_above_zero(moduli[0].double())


class Elasticity:
    """Stress of a strain in Voigt's order, shear strains as sums of both parts (engineering).

    Moduli are Lame's first parameter and the shear modulus.
    """

    def __init__(self, n_axes):
        self.n_unknowns = self.n_axes = n_axes
        shears = sorted(combinations(range(n_axes), 2), reverse=True)
        self.axes = [(axis, axis) for axis in range(n_axes)] + shears
        self.terms = [[(axis, axis)] for axis in range(n_axes)]
        self.terms += [[(i, j), (j, i)] for i, j in shears]

    def prepare(self, moduli):
        """Return lambda, 2 mu and mu."""
        return torch.stack([moduli[0], 2 * moduli[1], moduli[1]])

    def flux(self, coefficients, e, room):
        """Turn strains e (n_voigt, n, *S) into stresses."""
        first, twice, shear = coefficients
        torch.add(e[0], e[1], out=room)
        for normal in e[2 : self.n_axes]:
            room.add_(normal)
        room.mul_(first)
        for normal in e[: self.n_axes]:
            torch.addcmul(room, normal, twice, out=normal)
        for sheared in e[self.n_axes :]:
            sheared.mul_(shear)

    def power(self, e, other):
        """Return e . D_k other for both moduli, (2, n, *S)."""
        products = e * other
        normal, shear = products[: self.n_axes].sum(0), products[self.n_axes :].sum(0)
        traces = e[: self.n_axes].sum(0) * other[: self.n_axes].sum(0)
        return torch.stack([traces, 2 * normal + shear])

    def longitudinal(self, moduli):
        """Return (lambda + mu) / (lambda + 2 mu) of a medium between the extremes, (n,)."""
        flat = moduli.flatten(2)
        first, shear = (flat.amin(2) + flat.amax(2)) / 2
        stiff = first + 2 * shear
        return torch.where(stiff > 0, (first + shear) / stiff, 0.0)

    def least_eigenvalue(self, moduli):
        """Return a lower bound of the eigenvalues of the preconditioned operator, (n,).

        The preconditioner is the inverse operator of a medium with shear modulus 1, whose bulk
        modulus follows from the longitudinal part, and no voxel is softer than this share of it.
        Of images with voids it is the bound without them.
        """
        share, n_axes = self.longitudinal(moduli).double(), self.n_axes
        bulk = (2 * share - 1) / (1 - share) + 2 / n_axes
        first, shear = moduli.double()
        least = _least_above_zero(first + 2 * shear / n_axes) / bulk
        return torch.minimum(least, _least_above_zero(shear))


def _least_above_zero(moduli):
    """Return the least positive modulus of each image, (n,); 1 where there is none."""
    flat = moduli.flatten(1)
    least = torch.where(flat > 0, flat, torch.inf).amin(1)
    return torch.where(least < torch.inf, least, 1.0)
