"""Early warning of trainings that will take hours."""

from time import perf_counter

from .._warnings import warn_user
from ..exceptions import LongTrainingWarning

LONG = 3600.0  # seconds
MEASURED = 10.0  # seconds to look at the pace for, after the first iteration, which starts slowly
FEWEST = 3  # iterations


class Pace:
    """Warns once where a training of ``n_iter`` iterations is going to take more than an hour."""

    def __init__(self, name, n_iter):
        self._name, self._n_iter = name, n_iter
        self._first = self._start = None
        self._told = False

    def look(self, n_done):
        """Look at the clock after ``n_done`` of the iterations, and warn if there is reason to."""
        if self._told:
            return
        now = perf_counter()
        if self._start is None:
            self._first, self._start = n_done, now
        passed, n_measured = now - self._start, n_done - self._first
        if passed < MEASURED or n_measured < FEWEST:
            return
        self._told = True
        seconds = passed / n_measured
        n_left = self._n_iter - n_done
        if seconds * n_left > LONG:
            warn_user(
                f"Training {self._name} for another {n_left} iterations takes "
                f"{seconds * n_left / 3600:.1f} hours, at {seconds:.2g} seconds each. Fewer "
                "iterations (n_iter), smaller images and the settings of light() take less time. "
                "Ctrl-C ends the training and keeps what has been learned.",
                LongTrainingWarning,
            )
