r"""Conduction between voxels that share a face: finite volumes, a network of resistors.

The potential u is one number for each voxel. The gradient along axis j is the difference of two
neighbours over their distance, e_j(x) = E_j + (u(x + 1_j) - u(x)) / h_j, and belongs to the face
between them, whose conductivity is that of both halves in series, the harmonic mean of the two
voxels. The flux through a face with an insulator on one side is zero.

As in :mod:`._cell`, conjugate gradients are preconditioned by the operator of a uniform medium,
for which one transform forth and one back is enough.
"""

import copy
import math
from functools import cached_property, partial

import numpy as np
import torch

from ._cell import PeriodicCell
from ._fourier import voxel_modes

FINITE_VOLUMES = "finite-volume"


def cells_on(shape, spacing, discretization, law, like):
    """Return what makes cells of moduli: ``cell_of(moduli)``, of the type of a tensor ``like``."""
    if discretization == FINITE_VOLUMES:
        return partial(FaceCell, law=law, grid=FaceGrid(shape, spacing, like.dtype, like.device))
    modes = voxel_modes(shape, spacing, discretization, like.dtype, like.device)
    return partial(PeriodicCell, law=law, modes=modes)


class FaceGrid:
    """A periodic grid of voxels, with the inverse of its Laplacian in Fourier space.

    ``spacing`` is the side of a voxel along each axis.
    """

    def __init__(self, shape, spacing, dtype, device):
        self.shape = tuple(shape)
        self.half = (*self.shape[:-1], self.shape[-1] // 2 + 1)
        self.dims = tuple(range(-len(shape), 0))
        self.spacing = tuple(map(float, spacing))
        squares = torch.zeros(self.half, dtype=torch.float64)
        for axis, (side, length) in enumerate(zip(self.shape, self.spacing, strict=True)):
            q = 2 * math.pi * torch.fft.fftfreq(side, dtype=torch.float64)[: self.half[axis]]
            square = (2 * (q / 2).sin() / length).square()
            squares += square.view([-1 if other == axis else 1 for other in range(len(shape))])
        squares[(0,) * len(shape)] = torch.inf
        self.inverse = (1.0 / squares).to(dtype=dtype, device=device)

    @cached_property
    def single(self):
        """The same grid in single precision."""
        grid = copy.copy(self)
        grid.inverse = self.inverse.float()
        return grid


class FaceCell(PeriodicCell):
    """The same system with unknowns u of voxels and gradients of faces, for conduction."""

    joins_corners = False

    def __init__(self, moduli, law, grid):
        super().__init__(moduli, law, grid)
        self._shape_of_unknowns = moduli.shape
        neighbours = [moduli[0].roll(-1, dim) for dim in grid.dims]
        self.coefficients = torch.stack([in_series(moduli[0], other) for other in neighbours])

    def precondition(self, r, out):
        """Solve the uniform medium of conductivity 1."""
        modes = torch.view_as_complex(self._modes[:1])
        torch.fft.rfftn(r, dim=self.modes.dims, out=modes)
        self._modes[:1].mul_(self.modes.inverse.unsqueeze(-1))
        torch.fft.irfftn(modes, s=self.modes.shape, dim=self.modes.dims, out=out)

    def inner(self, a, b):
        """Return the means of products over voxels, (n,)."""
        return (a * b).flatten(2).double().sum((0, 2)).cpu().numpy() / self.n_voxels

    def unbalanced(self, x, mean):
        """Return the norm of the flux that :math:`x` leaves unbalanced over that of the mean."""
        functional, residual = self._balance(x, mean)
        z = torch.empty_like(residual)
        self.precondition(residual, z)
        norm = np.linalg.norm(functional, axis=1).clip(min=np.finfo(float).tiny)
        return np.sqrt(self.inner(residual, z).clip(min=0)) / norm

    def power(self, e, other):
        """Return the derivatives with respect to voxels, each of which has two faces an axis."""
        conductivity, total = self._moduli[0], torch.zeros_like(self._moduli)
        for dim, product in zip(self.modes.dims, e * other, strict=True):
            following = conductivity.roll(-1, dim)
            sums = (conductivity + following).square()
            weights = torch.where(sums > 0, 2 * product / sums, 0.0)
            total[0] += weights * following.square()
            total[0] += (weights * conductivity.square()).roll(1, dim)
        return total

    def _gradient(self, u):
        for e, dim, length in self._axes():
            torch.sub(u[0].roll(-1, dim), u[0], out=e).div_(length)

    def _divergence(self, out):
        self.law.flux(self.coefficients, self.e, self._room)
        out.zero_()
        for flux, dim, length in self._axes():
            out[0].add_(flux.roll(1, dim).sub_(flux), alpha=1 / length)
        return self.e.flatten(2).double().mean(2).T.cpu().numpy()

    def _axes(self):
        return zip(self.e, self.modes.dims, self.modes.spacing, strict=True)


def in_series(first, second):
    """Return the conductivity of two halves one after the other, 0 beside an insulator."""
    return torch.where(first * second > 0, 2 / (1 / first + 1 / second), 0.0)
