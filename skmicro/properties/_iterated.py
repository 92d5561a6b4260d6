"""What properties share whose solver iterates until the error is small enough."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.exceptions import ConvergenceWarning

from .._arrays import resolve_device, resolve_precision
from .._rollback import unchanged_on_error
from .._warnings import warn_user
from ..images import check_images
from ._base import BaseProperty, listed


class IteratedProperty(BaseProperty):
    """Base class of properties with parameters ``rtol`` and ``max_iter``.

    Subclasses implement ``_iterations_of(shares)``, of images (n, n_phases, *spatial), and return
    errors as marks of ``_solve``.
    """

    def fit(self, X: ArrayLike, y=None) -> Self:
        """Learn shape and phases, and count the iterations that the first image takes.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Images.
        y : None
            Ignored, present for API consistency.

        Returns
        -------
        self : object
            The fitted estimator.
        """
        with unchanged_on_error(self):
            super().fit(X)
            first = self._shares_of(check_images(self, X, reset=False)[:1])
            self.n_iter_ = max(1, int(self._iterations_of(first)))
        return self

    def _shares_of(self, images):
        device, dtype = resolve_device(self.device), resolve_precision(self.precision)
        channels = self.encoder_.encode(images, device, dtype)
        return self._phase_shares(self.encoder_.physical(channels))

    def _warn_of(self, errors):
        missed = np.flatnonzero(~(errors <= self.rtol))
        if len(missed):
            named = listed(missed, lambda row: f"{row} (error {errors[row]:.1e})")
            warn_user(
                f"{type(self).__name__} did not reach rtol={self.rtol:g} within "
                f"max_iter={self.max_iter} for image {named}.",
                ConvergenceWarning,
            )
