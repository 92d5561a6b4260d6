"""Losses against iterations."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from .._checks import check_choice, check_integer
from ._figures import all_or_nothing, grid_of_axes
from ._sets import check_generator

MEANINGS = {"projection0": ("invariances", "invariance"), "projection1": ("moments", "moments")}
"""By the number of a projection, the parameter that it serves and how its loss is called."""


class HistoryDisplay:
    """Losses of a training against its iterations.

    Parameters
    ----------
    history : dict of str to array-like of shape (n_iter,)
        Losses by name, an entry for each iteration.
    labels : dict of str to str or None, default=None
        Labels of the losses, by their names; others keep their names.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure.
    axes_ : ndarray of matplotlib.axes.Axes
        Its axes: one for each loss, or a single one.
    lines_ : dict of str to matplotlib.lines.Line2D
        The losses, smoothed where a window was given.
    raw_lines_ : dict of str to matplotlib.lines.Line2D
        The losses as they were, drawn faintly behind the smoothed ones; empty without
        smoothing.

    See Also
    --------
    TargetDisplay : Achieved values of a target.

    Notes
    -----
    The running mean at iteration t is that of the iterations ``t - window + 1, ..., t``;
    it begins at iteration ``window``. Iterations whose loss is NaN are omitted, such as those
    between two evaluations of :class:`.EarlyStopping`, whose ``"score"`` is not a loss.

    Examples
    --------
    >>> from skmicro.plotting import HistoryDisplay
    >>> display = HistoryDisplay({"critic": [4.0, 2.0, 1.0, 1.0]}).plot(window=2)
    >>> display.lines_["critic"].get_ydata().tolist()
    [3.0, 1.5, 1.0]
    """

    def __init__(self, history: dict, *, labels: dict | None = None):
        self.history = history
        self.labels = labels

    @classmethod
    def from_estimator(cls, generator, *, axes=None, **plot_options) -> Self:
        """Draw the losses of a fitted generator.

        Parameters
        ----------
        generator : BaseGenerator
            Fitted generator.
        axes, **plot_options : any
            Options of :meth:`plot`.

        Returns
        -------
        display : HistoryDisplay
            The display.

        Raises
        ------
        TypeError
            If ``generator`` is no generator or keeps no ``history_``.
        """
        check_generator(generator, ["fit"])
        if not hasattr(generator, "history_"):
            raise TypeError(
                f"generator must have a history_ of losses, got {type(generator).__name__}."
            )
        labels = {
            name: label
            for name, (parameter, label) in MEANINGS.items()
            if hasattr(generator, parameter)
        }
        return cls(generator.history_, labels=labels).plot(axes=axes, **plot_options)

    @all_or_nothing
    def plot(
        self,
        *,
        axes: Sequence | None = None,
        separate: bool = True,
        window: int = 1,
        **line_options,
    ) -> Self:
        """Draw the losses.

        Parameters
        ----------
        axes : sequence of matplotlib.axes.Axes or None, default=None
            As many axes as losses, or one if not ``separate``; ``None`` makes a new
            figure.
        separate : bool, default=True
            Give each loss axes of its own.
        window : int, default=1
            Iterations of the running mean; 1 draws the losses as they are.
        **line_options : any
            Options of matplotlib's ``plot``.

        Returns
        -------
        self : HistoryDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there is no loss, the window is longer than the training, or the number
            of axes is wrong.
        """
        losses = {name: np.asarray(values) for name, values in self.history.items()}
        n_iter = min((len(values) for values in losses.values()), default=0)
        if n_iter == 0:
            raise ValueError("history must hold losses of at least one iteration, got none.")
        check_choice("separate", separate, (True, False))
        check_integer("window", window, 1)
        if window > n_iter:
            raise ValueError(f"window must be <= the {n_iter} iterations, got {window}.")
        n_axes = len(losses) if separate else 1
        self.axes_ = grid_of_axes(axes, 1, n_axes, (3.4 if separate else 5.0, 3.0)).ravel()
        self.figure_ = self.axes_[0].figure
        self.lines_, self.raw_lines_ = {}, {}
        labels = [(self.labels or {}).get(name, name) for name in losses]
        for k, (name, values) in enumerate(losses.items()):
            options = {"color": f"C{k}", "label": labels[k]} | line_options
            self._draw_loss(self.axes_[k if separate else 0], name, values, window, options)
        for k, ax in enumerate(self.axes_):
            ax.set(xlabel="iteration", ylabel=f"{labels[k]} loss" if separate else "loss")
        if not separate:
            self.axes_[0].legend()
        return self

    def _draw_loss(self, ax, name, values, window, options):
        told = ~np.isnan(values)
        iterations, values = np.arange(1, len(values) + 1)[told], values[told]
        if window > 1:
            faint = options | {"alpha": 0.25, "label": None}
            (self.raw_lines_[name],) = ax.plot(iterations, values, **faint)
        smooth = np.convolve(values, np.full(window, 1 / window), mode="valid")
        (self.lines_[name],) = ax.plot(iterations[window - 1 :], smooth, **options)
