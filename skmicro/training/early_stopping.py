"""Early stopping: the best weights by images that are not trained on."""

import copy
import math
from collections.abc import Callable, Sequence
from functools import partial
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_integer
from .._warnings import warn_user
from ..exceptions import TrainingInterruptedWarning
from .distributed import from_first
from .fingerprint import digest, parameter_summary
from .interruption import interrupted_afterwards

CURVE = "score"
"""What the history calls the metric."""


class EarlyStopping:
    """End the training of a generator when it does not come nearer to other images any more.

    One of its ``callbacks``. A metric is evaluated every so many iterations, and when the training
    ends. The generator gets the networks for which it was largest.

    Parameters
    ----------
    X_val : array-like of shape (n, *spatial) or (n, n_voxels)
        Images of the material, like those given to ``fit`` but none of them.
    metric : callable or None, default=None
        ``metric(generator, X_val) -> float`` of the generator as it would be if the training ended
        now: larger is better, as for the scorers of scikit-learn. ``None`` means the
        generator's own ``score(X_val)``.
    every : int, default=100
        Iterations between two evaluations.
    patience : int, default=5
        Evaluations in a row without a larger metric than before, after which the training ends.

    Raises
    ------
    TypeError
        If ``X_val`` is None, ``metric`` no function, or a number no integer.
    ValueError
        If ``X_val`` has no images in it, or ``every`` or ``patience`` is below 1. In ``fit``: if
        the images have another shape or other phases than the training images, or the metric is
        not a finite number; the generator is then left as it was before.

    See Also
    --------
    skmicro.evaluation.evaluate : The whole report, with the training images.

    Notes
    -----
    The curve is ``history_["score"]``, NaN in iterations without an evaluation; the networks are
    those after ``np.nanargmax(history_["score"]) + 1`` iterations, and ``n_iter_`` counts all of
    them. Where the estimator averages weights, averages are evaluated and kept. What follows the
    training, such as the level of ``InvNetGenerator``, is done once, for the networks kept.

    Evaluations draw from no random stream of the training, which is what it would be without them.
    A ``checkpoint`` has the curve and the best networks so far, so that a training that is resumed
    ends as one without interruption; a training that was stopped does not go on. Only ``patience``
    may be changed between. Each call of ``fit`` or ``partial_fit`` looks for its own best networks.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.generators import WGANGP
    >>> from skmicro.training import EarlyStopping
    >>> X, p1 = make_cahn_hilliard(24, (16, 16), n_steps=200, random_state=0)
    >>> stopping = EarlyStopping(X[16:], every=2, patience=3)
    >>> generator = WGANGP.light(n_iter=4, callbacks=[stopping], random_state=0).fit(X[:16])
    >>> int(np.nanargmax(generator.history_["score"])) + 1
    2
    """

    def __init__(
        self,
        X_val: ArrayLike,
        *,
        metric: Callable | None = None,
        every: int = 100,
        patience: int = 5,
    ):
        if X_val is None:
            raise TypeError("X_val must be images that are not trained on, got None.")
        if np.ndim(X_val) < 2:
            raise ValueError(
                "X_val must have shape (n, *spatial) or (n, n_voxels), got shape "
                f"{np.shape(X_val)}."
            )
        if metric is not None and not callable(metric):
            raise TypeError(f"metric must be None or callable, got {metric!r}.")
        check_integer("every", every, 1)
        check_integer("patience", patience, 1)
        self.X_val = X_val
        self.metric = metric
        self.every = every
        self.patience = patience

    def __repr__(self):
        shape = "x".join(map(str, np.shape(self.X_val)))
        settings = f"metric={self.metric!r}, every={self.every}, patience={self.patience}"
        return f"EarlyStopping(<{shape} images>, {settings})"

    @property
    def mark(self):
        """Text that identifies what is evaluated, and when."""
        X_val = digest(np.asarray(self.X_val))
        return f"{parameter_summary(self.metric)} every {self.every} of {X_val}"

    def measured(self, estimator):
        """Return the metric of a fitted estimator, the same on all processes."""
        metric = self.metric or (lambda fitted, X: fitted.score(X))
        value = from_first(partial(metric, estimator, self.X_val))
        if not isinstance(value, Real) or not math.isfinite(value):
            raise ValueError(
                f"metric must return a finite number, got {value!r} after {estimator.n_iter_} "
                "iterations."
            )
        return float(value)

    def watch(self, step, batches, fitted: Callable) -> "Watch":
        """Return what keeps the best state of one training.

        Parameters
        ----------
        step : TrainingStep
            The step of the training, whose state has it as well from now on.
        batches : ImageBatches
            Its batches.
        fitted : callable
            ``fitted(history)`` returns the estimator as it would be if the training ended now.

        Returns
        -------
        watch : Watch
            One of the callbacks of the training.
        """
        step.watch = Watch(self, step, batches, fitted)
        return step.watch


class Watch:
    """The curve of one training, and its best state so far."""

    def __init__(self, stopping, step, batches, fitted):
        self.stopping = stopping
        self.step = step
        self.batches = batches
        self.fitted = fitted
        self.iterations, self.values, self.best = [], [], None

    def __call__(self, iteration, history):
        """Evaluate after every so many iterations."""
        if iteration % self.stopping.every == 0:
            self.update(history)

    def update(self, history):
        """Evaluate what the training has reached, once, and keep it if it is best."""
        if history.n_iter == 0 or history.n_iter in self.iterations[-1:]:
            return
        with interrupted_afterwards():
            # In the precision of the history, whose first maximum is then what was kept.
            value = np.float32(self.stopping.measured(self.fitted(history)))
            if not self.values or value > max(self.values):
                self.best = copy.deepcopy(self._state())
            self.iterations.append(history.n_iter)
            self.values.append(value)

    def finished(self):
        """Tell whether so many evaluations have not been better than one before."""
        since = len(self.values) - 1 - int(np.argmax(self.values)) if self.values else 0
        return since >= self.stopping.patience

    def curves(self, history):
        """Evaluate the end of a training, and return what its history gets by name.

        It is the metric by iteration, (n_iter,) float32; NaN where it was not evaluated.
        """
        try:
            self.update(history)
        except KeyboardInterrupt:
            warn_user(
                "Training was interrupted in its last evaluation; the generator holds the best "
                "state of those that were evaluated.",
                TrainingInterruptedWarning,
            )
        curve = np.full(history.n_iter, np.nan, np.float32)
        curve[np.array(self.iterations, int) - 1] = self.values
        return {CURVE: curve}

    def restore(self):
        """Take the step and its batches back to the best state."""
        if self.best is None:
            return
        for name, module in self.step.modules.items():
            module.load_state_dict(self.best["modules"][name])
        self.step.rng.set_state(self.best["rng"])
        self.batches.load_state_dict(self.best["batches"])

    def state_dict(self):
        """Return curve and best state as a tree of tensors, arrays and None."""
        iterations, values = np.array(self.iterations, np.int64), np.array(self.values, np.float32)
        return {"iterations": iterations, "values": values, "best": self.best}

    def load_state_dict(self, state):
        """Take up a state that :meth:`state_dict` returned, or raise ValueError."""
        iterations, values, best = state["iterations"], state["values"], state["best"]
        whole = iterations.dtype == np.int64 and iterations.ndim == 1
        whole = whole and iterations.shape == values.shape and bool(np.isfinite(values).all())
        if not whole or bool((np.diff(iterations, prepend=0) < 1).any()):
            raise ValueError("the evaluations are not those of one training")
        if (best is None) != (len(values) == 0):
            raise ValueError("the best networks are not those of the evaluations")
        for name, module in self.step.modules.items() if best is not None else ():
            _check_fits(name, best["modules"][name], module.state_dict())
        self.iterations, self.values = iterations.tolist(), list(values.astype(np.float32))
        self.best = best

    def _state(self):
        modules = {name: dict(m.state_dict()) for name, m in self.step.modules.items()}
        rng, batches = self.step.rng.get_state(), self.batches.state_dict()
        return {"modules": modules, "rng": rng, "batches": batches}


def _check_fits(name, weights, wanted):
    """Raise ValueError unless weights are finite and of the expected shapes."""
    if weights.keys() != wanted.keys():
        raise ValueError(f"the best network {name!r} has other weights")
    for key, value in weights.items():
        if value.shape != wanted[key].shape or not value.isfinite().all():
            raise ValueError(f"weights {key!r} of the best network {name!r} do not fit")


def without_stopping(callbacks: Sequence | None):
    """Take the EarlyStopping out of callbacks.

    Parameters
    ----------
    callbacks : sequence of callable or None
        The callbacks of an estimator.

    Returns
    -------
    others : list of callable
        Those that are called after each iteration.
    stopping : EarlyStopping or None
        The one that is not.

    Raises
    ------
    ValueError
        If there are several of these.
    """
    found = [callback for callback in callbacks or () if isinstance(callback, EarlyStopping)]
    if len(found) > 1:
        raise ValueError(f"callbacks must hold at most one EarlyStopping, got {len(found)}.")
    others = [callback for callback in callbacks or () if callback not in found]
    return others, found[0] if found else None
