"""The training loop: the only loop over iterations in the library.

A *step* does the updates of one iteration and returns its losses: it is called as
``step(batches, progress)`` with the share of the training done. The loop owns the
iteration count, the history, the progress bar, callbacks, the guard against losses
that are not finite, checkpoints and interruption.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
import torch
from tqdm.auto import tqdm

from .._forks import about_to_compute
from .._threads import usable_threads
from .._typing import PathLike
from .._warnings import warn_user
from ..exceptions import DivergenceError, TrainingInterruptedWarning
from .checkpoint import read_checkpoint, write_checkpoint
from .distributed import check_agreement, ended_elsewhere, from_first, is_first
from .interruption import interrupted_afterwards
from .pace import Pace

FLUSH_EVERY = 50
CHECKPOINTS = 20
RAREST_CHECKPOINT = 1000


class History:
    """Losses of all iterations, kept on the device until somebody looks."""

    def __init__(self):
        self._flushed = {}
        self._recent = []
        self.n_iter = 0

    def append(self, losses):
        """Add the losses of one iteration (0-d tensors by name)."""
        self._recent.append(losses)
        self.n_iter += 1

    def flush(self):
        """Move recent losses to NumPy and raise DivergenceError if one is not finite."""
        if not self._recent:
            return
        start = self.n_iter - len(self._recent)
        for name in self._recent[0]:
            values = torch.stack([losses[name].detach() for losses in self._recent])
            values = values.float().cpu().numpy()
            if not np.isfinite(values).all():
                first = start + int(np.argmin(np.isfinite(values)))
                penalised = "penalty" in self._recent[0]
                raise DivergenceError(
                    f"Training diverged: the {name} loss was not finite at iteration {first + 1}. "
                    "Try a smaller learning_rate"
                    + (", a larger gradient_penalty" if penalised else "")
                    + " or precision='float64'."
                )
            self._flushed.setdefault(name, []).append(values)
        self._recent = []

    def last(self):
        """Return the most recent losses as floats."""
        if self._recent:
            return {name: float(value) for name, value in self._recent[-1].items()}
        return {name: float(parts[-1][-1]) for name, parts in self._flushed.items()}

    def as_arrays(self):
        """Return one float32 array per loss, an entry per iteration."""
        self.flush()
        return {name: np.concatenate(parts) for name, parts in self._flushed.items()}

    def restore(self, arrays, n_iter):
        """Take up a history that :meth:`as_arrays` returned."""
        self._flushed = {name: [array] for name, array in arrays.items()}
        self.n_iter = n_iter


def run(
    step,
    batches,
    n_iter: int,
    *,
    callbacks: Sequence = (),
    finished: Callable | None = None,
    verbose: int = 0,
    checkpoint: PathLike | None = None,
    checkpoint_every: int | None = None,
    fingerprint: dict | None = None,
    name: str = "a network",
) -> "History":
    """Run a training step ``n_iter`` times.

    Parameters
    ----------
    step : TrainingStep
        Does the updates of one iteration.
    batches : ImageBatches
        Source of training batches.
    n_iter : int
        Number of iterations, those of a resumed checkpoint included.
    callbacks : sequence of callable, default=()
        Each is called as ``callback(iteration, history)`` after an iteration; a true
        answer ends the training. A training that is resumed goes on nevertheless.
    finished : callable or None, default=None
        ``finished() -> bool``, whether more iterations would be of no use: asked after each one,
        and before the first one, so that such a training is not resumed.
    verbose : int, default=0
        Show a progress bar when positive.
    checkpoint : path-like or None, default=None
        Where to write the state of the training; resumed from when it exists.
    checkpoint_every : int or None, default=None
        Iterations between two checkpoints; another is written when the training ends, or is
        ended by a callback or by Ctrl-C. ``None`` means a twentieth of ``n_iter``, at most
        1000.
    fingerprint : dict or None, default=None
        What a checkpoint must agree on to be resumed.
    name : str, default="a network"
        What is trained, for the progress bar and warnings.

    Returns
    -------
    history : History
        Losses of every iteration.

    Raises
    ------
    DivergenceError
        If a loss is not finite.
    ValueError
        If the checkpoint belongs to another training.

    Warns
    -----
    LongTrainingWarning
        If the training is going to take more than an hour at the pace of its first iterations.
    """
    about_to_compute()
    history = History()
    check_agreement({"n_iter": n_iter} | (fingerprint or {}))
    if checkpoint is not None:
        read_checkpoint(checkpoint, step, batches, history, fingerprint)
    finished = finished or (lambda: False)
    stop, hidden, whole = finished(), not (verbose and is_first()), True
    checkpoint_every = checkpoint_every or min(max(n_iter // CHECKPOINTS, 1), RAREST_CHECKPOINT)
    keep = partial(write_checkpoint, checkpoint, step, batches, history, fingerprint)
    try:
        with (
            usable_threads(),
            _bar(name, n_iter, history, hidden) as bar,
        ):
            pace = Pace(name, n_iter)
            while history.n_iter < n_iter and not stop:
                with interrupted_afterwards():
                    whole = False
                    history.append(step(batches, history.n_iter / n_iter))
                    whole = True
                _show(history, bar)
                if is_first():
                    pace.look(history.n_iter)
                stop = _asked_to_stop(callbacks, history) or finished()
                ends = stop or history.n_iter == n_iter
                if checkpoint is not None and (ends or history.n_iter % checkpoint_every == 0):
                    keep()
    except RuntimeError as error:
        if ended_elsewhere(error):
            raise RuntimeError(
                f"Training ended after {history.n_iter} of {n_iter} iterations, because another of "
                "its processes has ended. A checkpoint goes on from where it was written last."
            ) from error
        raise
    except KeyboardInterrupt:
        # Networks in the middle of an iteration are no state to resume from.
        if checkpoint is not None and whole:
            keep()
        warn_user(
            f"Training was interrupted after {history.n_iter} of {n_iter} iterations; "
            "the estimator holds the state reached.",
            TrainingInterruptedWarning,
        )
    history.flush()
    return history


def _bar(name, n_iter, history, hidden):
    """Return the progress bar, which says what is trained and how much time is left."""
    return tqdm(desc=name, total=n_iter, initial=history.n_iter, disable=hidden, unit="it")


def _show(history, bar):
    """Let the progress bar go on, with the losses now and then."""
    if history.n_iter % FLUSH_EVERY == 0:
        history.flush()
        losses = {name: f"{value:.3g}" for name, value in history.last().items()}
        bar.set_postfix(losses, refresh=False)
    bar.update()


def _asked_to_stop(callbacks, history):
    """Call all callbacks after an iteration, and return whether one of them ends the training."""
    stop = any([bool(callback(history.n_iter, history)) for callback in callbacks])
    # They may look at a clock, which is another one in each process.
    return from_first(partial(bool, stop)) if callbacks else stop
