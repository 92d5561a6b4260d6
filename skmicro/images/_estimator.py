"""What all estimators share: images checked once, state that is plain NumPy."""

import inspect
import math
from typing import ClassVar

import numpy as np
from sklearn.base import BaseEstimator

from .. import persistence
from .._arrays import named_device
from .._typing import PathLike
from ..exceptions import NotASavedFileError
from ..parameters import MODEL, Parametrized, check_parameters, parameter
from ..registry import Persistent, is_fitted_attribute
from ..rules import boolean, instance_of, integer, labels, optional, shape
from ._doubts import warn_of_one_phase
from ._encoding import GreyEncoder, PhaseEncoder, encoder_for


class ImageEstimator(Persistent, Parametrized, BaseEstimator):
    """Base class of everything that is fitted on images.

    Attributes
    ----------
    image_shape_ : tuple of int
        Shape of one image.
    phases_ : ndarray of shape (n_phases,) or None
        Sorted labels, those stated or seen in ``fit``; ``None`` for grey levels.
    n_features_in_ : int
        Voxels of one image.
    """

    image_shape: tuple | None = parameter(
        None, optional(shape()), "Shape of the image behind a flat row."
    )

    takes_unknown = False
    """Whether images may have unknown voxels, masked or NaN, in ``fit`` and after it."""

    _kept: ClassVar = ("_sklearn_output_config",)
    _values: ClassVar = {
        "image_shape_": shape(),
        "n_features_in_": integer(1),
        "periodic_": boolean(),
        "encoder_": instance_of(PhaseEncoder, GreyEncoder),
    }
    _fitted: ClassVar = ("image_shape_", "n_features_in_")
    """Names of attributes that a fitted estimator has, beside those of the bases."""
    _left_behind: ClassVar = ()
    """Parameters of this class that are ``None`` in files, whatever they are or a file says."""

    def save(self, path: PathLike):
        """Write the estimator to a file without pickle; see :func:`skmicro.load`.

        Parameters
        ----------
        path : path-like
            Destination; an existing file is replaced at once when the new one is
            complete.

        Raises
        ------
        TypeError
            If a parameter is neither a plain value, an array nor an estimator, or an attribute is
            neither a parameter, a fitted attribute (``name_``) nor named in ``_kept``.
        ValueError
            If a parameter is not allowed.
        OSError
            If the file cannot be written; an old file stays.
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
        tags.input_tags.allow_nan = self.takes_unknown
        return tags

    def _check_parameters(self):
        """Raise if a parameter is not allowed; add rules for several of them together."""
        check_parameters(self)

    def _persistent_state(self):
        strange = self._strangers(vars(self))
        if strange:
            raise TypeError(
                f"Cannot save {strange[0]} of {self!r}: files keep parameters, fitted attributes, "
                "and what the class names in _kept."
            )
        self._check_kept()
        return self.__getstate__() | self._left_out()

    @classmethod
    def _from_persistent_state(cls, state):
        estimator = cls.__new__(cls)
        estimator.__setstate__(cls._known(cls._renamed(state)))
        try:
            estimator._check_kept()
        except (TypeError, ValueError) as error:
            raise NotASavedFileError(f"a {cls.__name__} is not allowed: {error}") from error
        estimator._check_values()
        estimator._check_agreement()
        return estimator

    def _check_agreement(self):
        """Raise unless what the images were is said alike by all fitted attributes that say it."""
        known = vars(self)
        needed = {name for base in type(self).__mro__ for name in vars(base).get("_fitted", ())}
        missing = sorted(needed - set(known))
        if missing and len(missing) < len(needed):
            raise NotASavedFileError(f"a fitted {type(self).__name__} has {missing[0]}.")
        if {"image_shape_", "n_features_in_"} <= set(known):
            n_voxels = math.prod(self.image_shape_)
            if self.n_features_in_ != n_voxels:
                raise NotASavedFileError(
                    f"n_features_in_ must be {n_voxels} for images of shape {self.image_shape_}, "
                    f"got {self.n_features_in_}."
                )
        coded = {"encoder_", "phases_"} <= set(known)
        if coded and not np.array_equal(self.phases_, self.encoder_.phases):
            raise NotASavedFileError(
                f"phases_ must be those of the encoder, {self.encoder_.phases}, got {self.phases_}."
            )

    @classmethod
    def _known(cls, state):
        """Return a state with all parameters, or raise if it has what the class does not know."""
        strange = cls._strangers(state)
        if strange:
            raise NotASavedFileError(
                f"a {cls.__name__} has no attribute {strange[0]!r} to be kept in files."
            )
        parameters = inspect.signature(cls).parameters
        # Files of earlier revisions lack parameters that came later.
        complete = {k: p.default for k, p in parameters.items() if p.default is not p.empty}
        complete |= cls._implied | state
        missing = [name for name in parameters if name not in complete]
        if missing:
            raise NotASavedFileError(f"a {cls.__name__} must have the parameter {missing[0]!r}.")
        return complete | cls._left_out()

    @classmethod
    def _strangers(cls, state):
        """Return the names in a state that are none of a parameter or of a fitted attribute."""
        own = cls._all_kept() | set(inspect.signature(cls).parameters)
        return [name for name in state if name not in own and not is_fitted_attribute(cls, name)]

    @classmethod
    def _left_out(cls):
        """Return ``None`` for the parameters that files do not keep."""
        left = {name for base in cls.__mro__ for name in vars(base).get("_left_behind", ())}
        return dict.fromkeys(left & set(inspect.signature(cls).parameters))

    def _check_kept(self):
        """Raise if a parameter is not allowed, on the machine that it is meant for."""
        twin = object.__new__(type(self))  # without networks, which a copy would build
        vars(twin).update(vars(self) | self._left_out())
        if getattr(self, "device", "auto") != "auto":
            named_device(self.device)
            twin.device = "auto"
        twin._check_kept_parameters()

    def _check_kept_parameters(self):
        """Raise if a parameter is not allowed; those of ``fit`` together may have changed since."""
        check_parameters(self)


class EncodingEstimator(ImageEstimator):
    """Base class of estimators that take images for phases, or for grey levels."""

    _fitted: ClassVar = ("encoder_", "phases_")

    phases: tuple | None = parameter(
        None,
        optional(labels()),
        """Labels that images can have, also those that the images in ``fit`` lack, and more than
        64 if they are stated. ``None`` takes those of the images in ``fit``, and both of 0 and 1
        where there are no others; of other floats than whole numbers, grey levels.""",
        MODEL,
    )

    def _encoder_for(self, images):
        encoder = encoder_for(images, self.phases)
        if self.phases is None and encoder.phases is not None:
            warn_of_one_phase(encoder.phases)
        return encoder


def wraps_around(estimator) -> bool | None:
    """Tell whether the images of an estimator are periodic.

    Parameters
    ----------
    estimator : estimator instance
        What it decided when fitted (``periodic_``) counts, then its parameter ``periodic``.

    Returns
    -------
    periodic : bool or None
        True where the estimator has neither; ``None`` if ``fit`` is to detect it.
    """
    return getattr(estimator, "periodic_", getattr(estimator, "periodic", True))
