"""Predicted against true values."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import r2_score

from ..rules import estimator_with
from ._figures import all_or_nothing, check_axes, grid_of_axes
from ._sets import output_names

CELL = (3.3, 3.3)  # inches
MOST_COLUMNS = 3


class PredictionDisplay:
    """Predicted against true values, a panel for each output.

    Predictions without an error lie on the diagonal. Where intervals are given, they are drawn as
    bars, those that do not contain the true value in another colour. The title of each panel is R2
    and how many of the intervals contain the true value (their coverage).

    Parameters
    ----------
    y_true : array-like of shape (n,) or (n, n_outputs)
        True values.
    y_pred : array-like of the same shape
        Predicted values.
    intervals : array-like of shape (n, 2) or (n, n_outputs, 2), or None, default=None
        Lower and upper end of the interval of each prediction; infinite ends are drawn to the
        edge of the panel.
    names : sequence of str or None, default=None
        Names of the outputs, with their units.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure.
    axes_ : ndarray of matplotlib.axes.Axes, of shape (n_outputs,)
        A panel for each output.
    diagonals_ : list of matplotlib.lines.Line2D
        Where predicted equals true, for each output.
    points_ : list of matplotlib.collections.PathCollection
        Predictions of each output, without intervals all, otherwise those whose interval holds
        the true value.
    misses_ : list of matplotlib.collections.PathCollection
        The other predictions of each output; empty without intervals.
    bars_ : list of matplotlib.collections.LineCollection
        Intervals of each output; empty without intervals.
    r2_ : ndarray of shape (n_outputs,)
        R2 of each output, NaN for a single value.
    coverage_ : ndarray of shape (n_outputs,) or None
        Share of the intervals that hold the true value.

    See Also
    --------
    OcclusionDisplay : What in an image a prediction is owed to.
    AugmentationCurveDisplay : Scores against the number of generated images.
    sklearn.metrics.PredictionErrorDisplay : One output, also residuals.

    Examples
    --------
    >>> from skmicro.plotting import PredictionDisplay
    >>> intervals = [[0.5, 1.5], [1.0, 2.5], [3.1, 4.5]]
    >>> display = PredictionDisplay.from_predictions(
    ...     [1.0, 2.0, 3.0], [1.0, 1.5, 3.5], intervals=intervals
    ... )
    >>> display.axes_[0].get_title()
    '$R^2$ = 0.750, coverage 2 of 3'
    """

    def __init__(
        self, y_true: ArrayLike, y_pred: ArrayLike, *, intervals=None, names: Sequence | None = None
    ):
        self.y_true = y_true
        self.y_pred = y_pred
        self.intervals = intervals
        self.names = names

    @classmethod
    def from_predictions(
        cls, y_true, y_pred, *, intervals=None, names=None, axes=None, **plot_options
    ) -> Self:
        """Draw predictions at hand.

        Parameters
        ----------
        y_true, y_pred, intervals, names : any
            As of the class.
        axes, **plot_options : any
            Options of :meth:`plot`.

        Returns
        -------
        display : PredictionDisplay
            The display.
        """
        display = cls(y_true, y_pred, intervals=intervals, names=names)
        return display.plot(axes=axes, **plot_options)

    @classmethod
    def from_estimator(
        cls,
        regressor,
        X: ArrayLike,
        y: ArrayLike,
        *,
        coverage: float | None = None,
        names=None,
        axes=None,
        **plot_options,
    ) -> Self:
        """Predict the targets of images and draw them.

        Parameters
        ----------
        regressor : estimator instance
            Fitted regressor, of any kind.
        X : array-like of shape (n, *spatial)
            Images that the regressor was not fitted on.
        y : array-like of shape (n,) or (n, n_outputs)
            Their targets.
        coverage : float or None, default=None
            Share of the targets that intervals are to hold, for a regressor that has
            ``predict_interval(X, coverage)``; ``None`` draws no intervals.
        names : any
            As of the class.
        axes, **plot_options : any
            Options of :meth:`plot`.

        Returns
        -------
        display : PredictionDisplay
            The display.

        Raises
        ------
        TypeError
            If the regressor has no ``predict``, or none of intervals if they are requested.
        """
        estimator_with("predict")("regressor", regressor)
        intervals = None
        if coverage is not None:
            estimator_with("predict_interval")("regressor", regressor)
            intervals = regressor.predict_interval(X, coverage)
        display = cls(y, regressor.predict(X), intervals=intervals, names=names)
        return display.plot(axes=axes, **plot_options)

    @all_or_nothing
    def plot(self, *, axes: Sequence | None = None, **point_options) -> Self:
        """Draw the predictions.

        Parameters
        ----------
        axes : sequence of matplotlib.axes.Axes or None, default=None
            As many axes as outputs; ``None`` makes a new figure.
        **point_options : any
            Options of matplotlib's ``scatter``.

        Returns
        -------
        self : PredictionDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there is no value, a value is not finite, the shapes do not belong together, or the
            number of axes is wrong.
        """
        true, predicted = _checked_values(self.y_true, self.y_pred)
        ends = _checked_intervals(self.intervals, true)
        n_outputs = true.shape[1]
        names = output_names(self.names, n_outputs)
        self.axes_ = _panels(n_outputs) if axes is None else check_axes(axes, n_outputs)
        self.figure_ = self.axes_[0].figure
        self.r2_ = _r2(true, predicted)
        self.coverage_, held = None, np.ones(true.shape, dtype=bool)
        if ends is not None:
            held = (ends[..., 0] <= true) & (true <= ends[..., 1])
            self.coverage_ = held.mean(axis=0)
        self.points_, self.misses_, self.diagonals_, self.bars_ = [], [], [], []
        for k, ax in enumerate(self.axes_):
            own = None if ends is None else ends[:, k]
            self._draw_panel(ax, true[:, k], predicted[:, k], own, held[:, k], point_options)
            ax.set_title("\n".join(filter(None, [names[k], self._title(k)])), fontsize="medium")
        if not held.all():
            self.axes_[0].legend(loc="upper left", fontsize="small")
        return self

    def _draw_panel(self, ax, true, predicted, ends, held, options):
        style = {"s": 14, "alpha": 0.6, "linewidths": 0, "zorder": 3} | options
        points = ax.scatter(true[held], predicted[held], **({"color": "C0"} | style))
        self.points_.append(points)
        low, high = _limits(true, predicted, ends)
        line = {"color": "black", "linestyle": "--", "linewidth": 1}
        self.diagonals_ += ax.plot([low, high], [low, high], **line)
        if ends is not None:
            missed = {"color": "C3", "label": "true value missed"} | style
            self.misses_.append(ax.scatter(true[~held], predicted[~held], **missed))
            colors = np.where(held, "C0", "C3")
            bars = {"colors": colors, "linewidth": 1, "alpha": 0.4}
            self.bars_.append(ax.vlines(true, *ends.clip(low, high).T, **bars))
        ax.set(xlabel="true", ylabel="predicted", xlim=(low, high), ylim=(low, high))
        ax.set_aspect("equal")

    def _title(self, k):
        parts = [] if np.isnan(self.r2_[k]) else [f"$R^2$ = {self.r2_[k]:.3f}"]
        if self.coverage_ is not None:
            held = round(self.coverage_[k] * len(self.y_true))
            parts.append(f"coverage {held} of {len(self.y_true)}")
        return ", ".join(parts)


def _checked_values(y_true, y_pred):
    """Return true and predicted values, each (n, n_outputs)."""
    true, predicted = (np.asarray(values, dtype=float) for values in (y_true, y_pred))
    if true.ndim not in (1, 2) or true.size == 0:
        raise ValueError(
            f"y_true must have shape (n,) or (n, n_outputs), with one value at least, got "
            f"{true.shape}."
        )
    true = true.reshape(len(true), -1)
    if predicted.size != true.size or len(predicted) != len(true):
        raise ValueError(
            f"y_pred must have as many values as y_true, {true.shape}, got {predicted.shape}."
        )
    for name, values in {"y_true": true, "y_pred": predicted}.items():
        if not np.isfinite(values).all():
            raise ValueError(f"{name} must hold finite numbers, got NaN or infinity.")
    return true, predicted.reshape(true.shape)


def _checked_intervals(intervals, true):
    """Return lower and upper ends (n, n_outputs, 2), or None."""
    if intervals is None:
        return None
    ends = np.asarray(intervals, dtype=float)
    if ends.size != 2 * true.size or ends.shape[0] != len(true) or ends.shape[-1] != 2:
        raise ValueError(
            f"intervals must have shape (n, 2) or (n, n_outputs, 2) for values of shape "
            f"{true.shape}, got {ends.shape}."
        )
    ends = ends.reshape(*true.shape, 2)
    if not (ends[..., 0] <= ends[..., 1]).all():
        raise ValueError("intervals must have lower <= upper ends, got others.")
    return ends


def _r2(true, predicted):
    if len(true) < 2:
        return np.full(true.shape[1], np.nan)
    return r2_score(true, predicted, multioutput="raw_values")


def _limits(true, predicted, ends):
    """Return the ends of both axes of a panel, with all finite values between them."""
    values = np.concatenate([true, predicted, [] if ends is None else ends.ravel()])
    values = values[np.isfinite(values)]
    margin = 0.05 * np.ptp(values) or 0.1 * abs(values[0]) or 1.0
    return values.min() - margin, values.max() + margin


def _panels(n_outputs):
    """Return axes of a new figure, in rows, without those that no output needs."""
    n_columns = min(n_outputs, MOST_COLUMNS)
    n_rows = -(-n_outputs // n_columns)
    axes = grid_of_axes(None, n_rows, n_columns, CELL).ravel()
    for spare in axes[n_outputs:]:
        spare.remove()
    return axes[:n_outputs]
