"""What stiffness and conductivity share: coefficients of a periodic cell by name."""

from collections import namedtuple
from numbers import Real

import numpy as np
import torch

from .._arrays import resolve_precision
from .._checks import check_real, check_sequence
from ..images import check_image
from ..parameters import parameter
from ..rules import anything, choice, integer
from ._cell import EffectiveColumns, unit_load
from ._finite_volumes import cells_on
from ._fourier import DERIVATIVES
from ._iterated import IteratedProperty
from ._tensors import TensorProperty

LocalFields = namedtuple("LocalFields", "gradient flux mean_flux n_iter residual")
LocalFields.__doc__ = r"""Local fields of one image.

Parameters
----------
gradient : ndarray of shape (n_components, \*spatial)
    Strain, or gradient of the temperature; of the image alone where borders are mirrored.
flux : ndarray of shape (n_components, \*spatial)
    Stress, or conductivity times gradient.
mean_flux : ndarray of shape (n_components,)
    Mean of the flux, over the image and its mirror images where borders are mirrored.
n_iter : int
    Iterations of the solver.
residual : float
    Norm of the unbalanced part of the flux over the norm of its mean.
"""

FIELD_RTOL = 1e-10
"""``rtol`` of local fields: their error is its square root."""

LEAST_RTOL = 4
"""Smallest ``rtol``, in units of the rounding error of a number."""


class EffectiveCoefficients(IteratedProperty, TensorProperty):
    """Base class of properties that are means of a flux under unit loads.

    Subclasses set ``_symbol``, the letter of a coefficient, and ``_everything``, the word for all
    outputs, which is their default; and implement ``_law(n_axes)``, ``_moduli(shares)``,
    ``_stiffnesses()``, a value for each phase, and ``_indices(n_axes)``, the numbers by which
    components go.

    Attributes
    ----------
    n_iter_ : int
        Iterations, at least 1, for the first image seen in ``fit`` under the last load.
    """

    discretization: str = parameter(
        "rotated",
        choice(*DERIVATIVES),
        "Discretisation of the gradient; see the Notes of :class:`ElasticStiffness`.",
    )
    outputs: str | tuple | None = parameter(
        None,
        anything("str or sequence of str"),
        """Names of coefficients; the default is the upper triangle of the matrix, row by
        row. Fewer outputs may need fewer loads.""",
    )
    spacing: float | tuple | None = parameter(
        None,
        anything("float, sequence of float or None"),
        "Side of a voxel along each axis; a number and ``None`` mean cubes.",
    )
    rtol: float = parameter(
        1e-6,
        anything("float"),
        """Largest error of a coefficient as a share of the coefficient (of the geometric mean of
        both diagonal ones, for those off the diagonal); bounded while iterating, or estimated
        where a phase is a void. Gradients with respect to phases have an error of about its square
        root. At least 4 rounding errors of ``precision``, 9e-16 or 5e-7.""",
    )
    max_iter: int = parameter(1000, integer(1), "Largest number of iterations of each load.")
    borders: str = parameter(
        "periodic",
        choice("periodic", "mirrored"),
        """Boundary conditions: the image repeated, or its mirror images, which suit
        images whose opposite borders do not match; see the Notes.""",
    )

    def _iterations_of(self, shares):
        cell = self._cell(self._surrounded(shares))
        last = len(cell.law.terms) - 1
        return cell.loaded(unit_load(last, last + 1), self.rtol, self.max_iter).n_iter[0]

    def _solve(self, shares):
        shares = self._surrounded(shares)
        n_axes = shares.ndim - 2
        pairs = self._pairs(n_axes)
        loads = sorted({load for pair in pairs for load in pair})
        coefficients, errors = EffectiveColumns.apply(
            self._moduli(shares) / self._unit(),
            self._cells_like(shares),
            loads,
            self.rtol,
            self.max_iter,
        )
        values = [coefficients[:, loads.index(i), loads.index(j)] for i, j in pairs]
        return self._unit() * torch.stack(values, dim=1), errors.amax(1)

    def _local_fields(self, image, refused_by, **load):
        images = check_image("image", image, refused_by=refused_by)[None]
        super().fit(images)
        cell = self._cell(self._surrounded(self._shares_of(images)))
        mean = _mean_load(*load.popitem(), len(cell.law.terms))
        solution = cell.loaded(mean, self.rtol, self.max_iter)
        self._warn_of(solution.error)
        unbalanced = cell.unbalanced(solution.x, mean)
        own = (slice(None), 0, *map(slice, images.shape[1:]))
        return LocalFields(
            cell.gradients(solution.x, mean)[own].cpu().numpy().copy(),
            self._unit() * cell.fluxes()[own].cpu().numpy(),
            self._unit() * np.where(cell.carried()[0], solution.functional[0], 0.0),
            int(solution.n_iter[0]),
            float(unbalanced[0]),
        )

    def _surrounded(self, shares):
        return mirrored(shares) if self.borders == "mirrored" else shares

    def _cell(self, shares):
        return self._cells_like(shares)(self._moduli(shares) / self._unit())

    def _cells_like(self, shares):
        """Return what makes cells of moduli for images like these."""
        shape = tuple(shares.shape[2:])
        law, sides = self._law(len(shape)), self._voxel_sides(len(shape))
        return cells_on(shape, sides, self.discretization, law, shares)

    def _voxel_sides(self, n_axes):
        spacing = 1.0 if self.spacing is None else self.spacing
        if isinstance(spacing, Real) and not isinstance(spacing, bool):
            spacing = (spacing,) * n_axes
        spacing = check_sequence("spacing", spacing)
        if len(spacing) != n_axes:
            raise ValueError(
                f"spacing must have a number for each of the {n_axes} axes, got {spacing!r}."
            )
        for side in spacing:
            check_real("spacing", side, 0.0, open_low=True)
        return spacing

    def _pairs(self, n_axes):
        """Return the pairs of components whose coefficients are the outputs."""
        indices = self._indices(n_axes)
        known = {
            f"{self._symbol}{first}{second}": (i, j)
            for i, first in enumerate(indices)
            for j, second in enumerate(indices)
        }
        if isinstance(self.outputs, str) and self.outputs == self._everything:
            return [pair for pair in known.values() if pair[0] <= pair[1]]
        outputs = [] if isinstance(self.outputs, str) else check_sequence("outputs", self.outputs)
        if not outputs:
            raise ValueError(
                f"outputs must be {self._everything!r} or a list of names, got {self.outputs!r}."
            )
        if len(set(outputs)) < len(outputs):
            raise ValueError(f"outputs must be distinct, got {self.outputs!r}.")
        unknown = [name for name in outputs if name not in known]
        if unknown:
            raise ValueError(
                f"outputs must be among {sorted(known)} for {n_axes}-D images, got {unknown[0]!r}."
            )
        return [known[name] for name in outputs]

    def _feature_names(self):
        n_axes = len(self.image_shape_)
        indices = self._indices(n_axes)
        return [f"{self._symbol}{indices[i]}{indices[j]}" for i, j in self._pairs(n_axes)]

    def _check_parameters(self):
        super()._check_parameters()
        least = LEAST_RTOL * torch.finfo(resolve_precision(self.precision)).eps
        check_real("rtol", self.rtol, least, 1.0, open_high=True)
        if hasattr(self, "encoder_"):
            self._voxel_sides(len(self.image_shape_))
            self._pairs(len(self.image_shape_))
            self._check_phases()

    def _unit(self):
        """Return the largest of the values, by which others are divided in computing."""
        return max(self._stiffnesses())

    def _refuse_voids(self, name, stiffness):
        """Raise where no phase resists, or where a void is beyond the discretisation."""
        if not max(stiffness) > 0:
            raise ValueError(f"{name} must be positive for one phase at least, got {stiffness}.")
        if min(stiffness) == 0 and self.discretization == "moulinec-suquet":
            raise ValueError(
                f"{name} must be positive with discretization={self.discretization!r}, got 0; "
                "'rotated' allows it."
            )


def mirrored(shares):
    """Return images (n, n_phases, *spatial) with their mirror images, twice as long on each axis.

    Axes of one voxel stay as they are.
    """
    for dim in range(2, shares.ndim):
        if shares.shape[dim] > 1:
            shares = torch.cat([shares, shares.flip(dim)], dim)
    return shares


def _mean_load(name, mean, n_loads):
    numbers = np.asarray(mean)
    numeric = numbers.dtype.kind in "biuf" and numbers.shape == (n_loads,)
    if not numeric or not np.isfinite(numbers).all():
        raise ValueError(f"{name} must hold {n_loads} finite numbers, got {mean!r}.")
    return numbers.tolist()
