"""Coefficients as tensors: how they turn with an image, and between which bounds they lie."""

from collections.abc import Sequence

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from ._base import BaseProperty
from ._bounds import Bounds

N_FRACTIONS = 1001


class TensorProperty(BaseProperty):
    """Base class of properties whose features are components of a symmetric matrix.

    Subclasses implement ``_law(n_axes)`` and ``_moduli(shares)``, which say what a phase is, and
    ``_pairs(n_axes)``, the pairs of components that are the features.
    """

    def matrices(self, values: np.ndarray) -> np.ndarray:
        """Return coefficients as symmetric matrices.

        Parameters
        ----------
        values : ndarray of shape (n, n_features)
            Coefficients as :meth:`transform` returns them.

        Returns
        -------
        matrices : ndarray of shape (n, n_components, n_components)
            The matrix of each image; stiffnesses in Voigt's notation.

        Raises
        ------
        ValueError
            If ``outputs`` leave a coefficient out.
        """
        check_is_fitted(self)
        pairs = self._pairs(len(self.image_shape_))
        places = {frozenset(pair): place for place, pair in enumerate(pairs)}
        numbers = range(len(self._law(len(self.image_shape_)).terms))
        whole = [[places.get(frozenset((i, j))) for j in numbers] for i in numbers]
        if any(None in row for row in whole):
            raise ValueError(f"outputs must hold all coefficients, got {self.outputs!r}.")
        return values[:, whole]

    def components(self, matrices: np.ndarray) -> np.ndarray:
        """Return the coefficients that symmetric matrices have, the inverse of :meth:`matrices`.

        Parameters
        ----------
        matrices : ndarray of shape (n, n_components, n_components)
            Matrices.

        Returns
        -------
        values : ndarray of shape (n, n_features)
            Coefficients in the order of ``outputs``.
        """
        check_is_fitted(self)
        first, second = zip(*self._pairs(len(self.image_shape_)), strict=True)
        return matrices[:, list(first), list(second)]

    @torch.no_grad()
    def bounds(self, images: torch.Tensor) -> Bounds:
        """Return the bounds of Voigt and Reuss on the tensors of images.

        The differences of a tensor from its bounds have no negative eigenvalue.

        Parameters
        ----------
        images : Tensor of shape (n, n_channels, *spatial)
            Phase probabilities (one-hot of the sorted labels) or one grey channel, of any size.

        Returns
        -------
        bounds : Bounds
            ``lower``, the inverse of the mean of inverse tensors of the phases, and ``upper``,
            their mean, by the fractions of the phases in each image; each an ndarray of shape
            (n, n_components, n_components).
        """
        check_is_fitted(self)
        fractions = self._phase_shares(images).double().flatten(2).mean(dim=2).cpu().numpy()
        phases = self._phase_matrices(images.ndim - 2, fractions.shape[1])
        upper = np.einsum("np,pij->nij", fractions, phases)
        rigid = np.array([matrix.any() for matrix in phases])
        inverses = np.zeros_like(phases)
        inverses[rigid] = np.linalg.inv(phases[rigid])
        lower = np.zeros_like(upper)
        whole = fractions[:, ~rigid].sum(axis=1) == 0
        compliance = np.einsum("np,pij->nij", fractions[whole], inverses)
        lower[whole] = np.linalg.inv(compliance)
        return Bounds(lower, upper)

    def _feature_bounds(self):
        """Return bounds of Voigt and Reuss on each feature, for all fractions of the phases.

        Those off the diagonal are bounded by the geometric mean of both diagonal ones. The lower
        bound is sharp for two phases, which are there in all proportions, and 0 for more.
        """
        n_axes, n_phases = len(self.image_shape_), len(self._phase_labels())
        share = torch.linspace(0.0, 1.0, N_FRACTIONS, dtype=torch.float64)
        mixed = torch.stack([1.0 - share, share], dim=1)
        if n_phases != 2:
            mixed = torch.eye(n_phases, dtype=torch.float64)
        lower, upper = self.bounds(mixed.view(*mixed.shape, *[1] * n_axes))
        high = upper.diagonal(0, 1, 2).max(axis=0)
        low = lower.diagonal(0, 1, 2).min(axis=0) * (n_phases == 2)
        ends = []
        for i, j in self._pairs(n_axes):
            largest = (high[i] * high[j]) ** 0.5
            ends.append((low[i] if i == j else -largest, largest))
        return tuple(map(np.array, zip(*ends, strict=True)))

    def _phase_matrices(self, n_axes, n_phases):
        """Return the tensor of each phase, (n_phases, n_components, n_components)."""
        law = self._law(n_axes)
        shares = torch.eye(n_phases, dtype=torch.float64).view(n_phases, n_phases, *[1] * n_axes)
        coefficients = law.prepare(self._moduli(shares))
        columns = []
        for load in range(len(law.terms)):
            e = torch.zeros(len(law.terms), n_phases, *[1] * n_axes, dtype=torch.float64)
            e[load] = 1.0
            law.flux(coefficients, e, torch.empty_like(e[0]))
            columns.append(e.flatten(1))
        return torch.stack(columns, dim=0).permute(2, 1, 0).numpy()

    def turned(
        self, values: np.ndarray | torch.Tensor, order: Sequence, flips: Sequence
    ) -> np.ndarray | torch.Tensor:
        """Return coefficients of images whose axes were exchanged and reversed.

        Parameters
        ----------
        values : ndarray or Tensor of shape (n, n_features)
            Coefficients of the images as they were.
        order : sequence of int
            The axis that each axis of the new images was, from 0.
        flips : sequence of bool
            The axes of the new images that were then reversed.

        Returns
        -------
        turned : ndarray or Tensor of shape (n, n_features)
            Coefficients of the new images.

        Raises
        ------
        ValueError
            If these depend on a coefficient that is not among ``outputs``.

        Examples
        --------
        >>> import numpy as np
        >>> from skmicro.properties import EffectiveConductivity
        >>> k11, k12, k22 = 1.0, 0.1, 2.0
        >>> EffectiveConductivity().turned(np.array([[k11, k12, k22]]), (1, 0), (True, False))
        array([[ 2. , -0.1,  1. ]])
        """
        places, signs = self._turn(tuple(order), tuple(flips))
        tensor = isinstance(values, torch.Tensor)
        return values[:, places] * (values.new_tensor(signs) if tensor else np.array(signs))

    def _turn(self, order, flips):
        """Return the feature that each feature of turned images was, and its sign."""
        axes = self._law(len(order)).axes
        numbers = {frozenset(names): number for number, names in enumerate(axes)}
        source = [numbers[frozenset(order[axis] for axis in names)] for names in axes]
        sign = [(-1.0) ** sum(bool(flips[axis]) for axis in names) for names in axes]
        pairs = self._pairs(len(order))
        known = {frozenset(pair): place for place, pair in enumerate(pairs)}
        places = [known.get(frozenset((source[i], source[j]))) for i, j in pairs]
        if None in places:
            raise ValueError(
                "outputs must hold all coefficients that turns of the image exchange, got "
                f"{self.outputs!r}."
            )
        return places, [sign[i] * sign[j] for i, j in pairs]
