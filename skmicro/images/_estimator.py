"""What all estimators share: images checked once, state that is plain NumPy."""

import inspect

from sklearn.base import BaseEstimator

from .. import persistence
from ..parameters import Parametrized, check_parameters, parameter
from ..registry import Persistent
from ..rules import optional, shape


class ImageEstimator(Persistent, Parametrized, BaseEstimator):
    """Base class of everything that is fitted on images.

    Attributes
    ----------
    image_shape_ : tuple of int
        Shape of one image.
    phases_ : ndarray of shape (n_phases,) or None
        Sorted labels seen in ``fit``; ``None`` for grey levels.
    n_features_in_ : int
        Voxels of one image.
    """

    image_shape: tuple | None = parameter(
        None, optional(shape()), "Shape of the image behind a flat row."
    )

    def save(self, path):
        """Write the estimator to a file without pickle; see :func:`skmicro.load`.

        Parameters
        ----------
        path : path-like
            Destination; an existing file is replaced at once when the new one is
            complete.

        Raises
        ------
        TypeError
            If a parameter is neither a plain value, an array nor an estimator.
        """
        for name, value in self.get_params(deep=False).items():
            parts = value if isinstance(value, (tuple, list)) else (value,)
            if any(map(inspect.isroutine, parts)) and name != "callbacks":
                raise TypeError(
                    f"Cannot save {name}, which holds functions, got {value!r}; pickle keeps them."
                )
        persistence.save(self, path)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.three_d_array = True
        return tags

    def _check_parameters(self):
        """Raise if a parameter is not allowed; add rules for several of them together."""
        check_parameters(self)

    def _persistent_state(self):
        return self.__getstate__()

    @classmethod
    def _from_persistent_state(cls, state):
        estimator = cls.__new__(cls)
        estimator.__setstate__(cls._renamed(state))
        return estimator


def wraps_around(estimator):
    """Tell whether the images of an estimator are periodic.

    Parameters
    ----------
    estimator : estimator instance
        What it decided when fitted (``periodic_``) counts, then its parameter ``periodic``.

    Returns
    -------
    periodic : bool
        True where the estimator has neither.
    """
    return getattr(estimator, "periodic_", getattr(estimator, "periodic", True))
