"""What all estimators made of networks share: how they train, and their state without torch."""

from numbers import Integral
from types import SimpleNamespace
from typing import ClassVar

import numpy as np

from .._checks import check_sequence, is_sequence
from ..exceptions import NotASavedFileError
from ..images import EncodingEstimator
from ..networks import (
    WEIGHTS,
    check_finite,
    new_networks,
    rebuilt_networks,
    without_networks,
)
from ..parameters import MODEL, RUNNING, check_parameters, parameter, parameters_of
from ..rules import (
    callables,
    device,
    instance_of,
    integer,
    optional,
    path,
    precision,
    real,
    verbosity,
)

OF_A_RUN = {"_skl_callbacks", "_parent_callback_ctx"}
PLAIN = (bool, int, float, str, tuple, np.generic)


class NetworkEstimator(EncodingEstimator):
    """Base class of estimators made of networks, which are trained.

    Subclasses define their networks in ``_networks()``, and call :func:`run` in ``fit``.

    Attributes
    ----------
    history_ : dict of str to ndarray
        Losses of every iteration.
    n_iter_ : int
        Iterations trained.
    """

    n_iter: int = parameter(100_000, integer(1), "Iterations of training.", RUNNING)
    batch_size: int = parameter(32, integer(2), "Images per step.")
    learning_rate: float = parameter(1e-4, real(0.0, open_low=True), "Rate of Adam.")
    decay_from: float = parameter(
        1.0,
        real(0.0, 1.0),
        "Share of the training after which learning rates fall linearly to zero.",
    )
    device: object = parameter(
        "auto", device(), '``"auto"`` uses a CUDA device if there is one.', RUNNING
    )
    precision: str = parameter(
        "auto", precision(), 'Floating-point type; ``"auto"`` is single precision.', MODEL
    )
    callbacks: object = parameter(
        None,
        callables(),
        """Each is called as ``callback(iteration, history)`` after an iteration; a true return
        value ends the training. Or an :class:`.EarlyStopping`, which restores the best weights.""",
        RUNNING,
    )
    checkpoint: object = parameter(
        None,
        path(),
        "File for the state of the training, which ``fit`` resumes from.",
        RUNNING,
    )
    checkpoint_every: int | None = parameter(
        None,
        optional(integer(1)),
        """Iterations between two checkpoints; ``None`` means a twentieth of ``n_iter``, at
        most 1000. Another one is written when the training ends, also by Ctrl-C.""",
        RUNNING,
    )
    verbose: int = parameter(0, verbosity(), "Show a progress bar when positive.", RUNNING)

    _light: ClassVar = {}
    _kept: ClassVar = ("_fitted_with", "_seed", WEIGHTS)
    _left_behind: ClassVar = ("callbacks", "checkpoint")
    _fitted: ClassVar = ("_fitted_with", "_seed", "history_", "n_iter_")
    _values: ClassVar = {"n_iter_": integer(0), "history_": instance_of(dict)}
    _optional_networks: ClassVar = ()
    """Names of networks that a fitted estimator may lack."""

    @classmethod
    def light(cls, **overrides):
        """Return an instance with settings that train in minutes on two CPU cores.

        Parameters
        ----------
        **overrides : any
            Parameters that replace those of the preset.

        Returns
        -------
        estimator : object
            An ordinary, unfitted estimator of this class.
        """
        return cls(**(cls._light | overrides))

    def _networks(self):
        """Return factories of the networks, by name."""
        raise NotImplementedError

    def _kept_networks(self):
        """Return factories of the networks that files hold, where the estimator has them."""
        return self._networks()

    def _new_networks(self, untrained=()):
        """Return new networks, and set the fitted attributes as they are before the training."""
        self._fitted_with = plain_values(parameters_of(self, MODEL))
        self._set({"n_iter_": 0, "history_": {}} | dict(untrained))
        return new_networks(self)

    def _set(self, attributes):
        for name, value in attributes.items():
            setattr(self, name, value)

    @property
    def _made(self):
        """Parameters as the networks were made with, whatever was set since."""
        return SimpleNamespace(**(self.get_params(deep=False) | vars(self).get("_fitted_with", {})))

    @classmethod
    def _renamed(cls, state):
        state = super()._renamed(state)
        noted = {"_fitted_with"} & set(state)
        return state | {name: super(NetworkEstimator, cls)._renamed(state[name]) for name in noted}

    def _persistent_state(self):
        """State for a file: callbacks, checkpoint and random generators stay behind."""
        state = super()._persistent_state()
        state = {k: v for k, v in state.items() if k not in OF_A_RUN}
        check_finite(state.get(WEIGHTS, {}))
        seeded = self.random_state is None or isinstance(self.random_state, Integral)
        return state if seeded else state | {"random_state": None}

    @classmethod
    def _strangers(cls, state):
        return [name for name in super()._strangers(state) if name not in OF_A_RUN]

    @classmethod
    def _known(cls, state):
        return {k: v for k, v in super()._known(state).items() if k not in OF_A_RUN}

    @classmethod
    def _from_persistent_state(cls, state):
        weights = state.get(WEIGHTS, {})
        check_finite(weights)
        state = {key: value for key, value in state.items() if key != WEIGHTS}
        estimator = super()._from_persistent_state(state)
        # The arrays are those of the file and nobody else's, and become the weights.
        estimator._set(rebuilt_networks(estimator, weights, copied=False))
        if hasattr(estimator, "n_iter_"):
            needed = set(estimator._kept_networks()) - set(cls._optional_networks)
            if needed - set(weights):
                raise NotASavedFileError(f"it has no network {min(needed - set(weights))!r}.")
        return estimator

    def _check_kept(self):
        super()._check_kept()
        made_with = vars(self).get("_fitted_with", {})
        strange = set(made_with) - set(parameters_of(self, MODEL))
        if strange:
            raise ValueError(f"networks are not made with a parameter {min(strange)!r}.")
        twin = object.__new__(type(self))
        vars(twin).update(vars(self) | made_with)
        check_parameters(twin, MODEL)

    def __getstate__(self):
        begun = hasattr(self, "n_iter_")
        names = [k for k in self._kept_networks() if hasattr(self, f"{k}_")] if begun else []
        return without_networks(super().__getstate__(), names)

    def __setstate__(self, state):
        super().__setstate__({key: value for key, value in state.items() if key != WEIGHTS})
        self._set(rebuilt_networks(self, state.get(WEIGHTS, {})))


def plain_values(parameters):
    """Return the parameters that are plain values or functions, which networks are made with."""
    values = {
        k: tuple(check_sequence(k, v)) if is_sequence(v) else v for k, v in parameters.items()
    }
    return {k: v for k, v in values.items() if isinstance(v, PLAIN) or callable(v)}
