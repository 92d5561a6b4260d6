"""What generated images add to a regression."""

from collections.abc import Callable, Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.model_selection import check_cv, validation_curve

from .._checks import check_integer, check_n_jobs
from ..rules import estimator_with
from ._figures import all_or_nothing, legend_above, one_axes

PARAMETER = "n_synthetic"


class AugmentationCurveDisplay:
    """Test score of a regression against the number of generated training images.

    A line is the mean over the folds or repetitions, a band one standard deviation to either side
    (as in Fig. 8(b) of Cang et al. 2018). If 0 is among the numbers, a horizontal line marks the
    mean score without generated images.

    Parameters
    ----------
    n_synthetic : array-like of shape (n_sizes,)
        Rising numbers of generated images.
    scores : dict of str to array-like of shape (n_sizes, n_scores)
        Test scores at every number, in folds or repetitions, for each augmenter by its label.
    name : str, default="test $R^2$"
        Label of the vertical axis.

    Attributes
    ----------
    figure_, ax_ : matplotlib.figure.Figure, matplotlib.axes.Axes
        The figure and its axes.
    lines_ : dict of str to matplotlib.lines.Line2D
        Mean score of each augmenter.
    bands_ : dict of str to matplotlib.collections.PolyCollection
        One standard deviation about it.
    baseline_ : matplotlib.lines.Line2D or None
        Mean score without generated images, over all augmenters.

    See Also
    --------
    skmicro.regressors.AugmentedRegressor : The regression.
    sklearn.model_selection.LearningCurveDisplay : Scores against the number of real images.

    Examples
    --------
    >>> from skmicro.plotting import AugmentationCurveDisplay
    >>> scores = {"VAE": [[0.5, 0.7], [0.7, 0.8]], "copies": [[0.6, 0.6], [0.4, 0.6]]}
    >>> display = AugmentationCurveDisplay([0, 100], scores).plot()
    >>> display.lines_["VAE"].get_ydata().round(3).tolist()
    [0.6, 0.75]
    >>> round(float(display.baseline_.get_ydata()[0]), 3)
    0.6
    """

    def __init__(self, n_synthetic: ArrayLike, scores: dict, *, name: str = "test $R^2$"):
        self.n_synthetic = n_synthetic
        self.scores = scores
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        regressor,
        X: ArrayLike,
        y: ArrayLike,
        *,
        n_synthetic: Sequence = (0, 50, 100, 200),
        groups: ArrayLike | None = None,
        cv=None,
        scoring: str | Callable | None = None,
        n_jobs: int | None = None,
        ax=None,
        **plot_options,
    ) -> Self:
        """Cross-validate regressions with several numbers of generated images and draw them.

        Parameters
        ----------
        regressor : AugmentedRegressor, or dict of str to such
            Unfitted, one or several by the labels of their lines; they are cloned. A single one
            is labelled by its generator.
        X : array-like of shape (n, *spatial)
            Images.
        y : array-like of shape (n,) or (n, n_outputs)
            Targets.
        n_synthetic : sequence of int, default=(0, 50, 100, 200)
            Rising numbers of generated images.
        groups : array-like of shape (n,) or None, default=None
            Groups of the images, for a splitter that keeps them together.
        cv : int, splitter, iterable or None, default=None
            Folds, as in scikit-learn; ``None`` means five without shuffling. They are the same
            for all numbers and regressors.
        scoring : str, callable or None, default=None
            Score, as in scikit-learn; ``None`` means that of the regressor, R2.
        n_jobs : int or None, default=None
            Number of parallel fits, as in scikit-learn.
        ax, **plot_options : any
            Options of :meth:`plot`.

        Returns
        -------
        display : AugmentationCurveDisplay
            The display.

        Raises
        ------
        TypeError
            If a regressor has no parameter ``n_synthetic``.
        ValueError
            If the numbers are negative or do not increase.

        Notes
        -----
        Each number and fold needs its own fit. With ``memory`` and a ``random_state`` that is an
        integer, a regressor trains its generator once in a fold.
        """
        check_n_jobs("n_jobs", n_jobs)
        regressors = _checked_regressors(regressor)
        sizes = _checked_sizes(n_synthetic)
        folds = list(check_cv(cv).split(X, y, groups))
        options = {"cv": folds, "scoring": scoring, "n_jobs": n_jobs, "error_score": "raise"}
        varied = {"param_name": PARAMETER, "param_range": sizes}
        scores = {
            label: validation_curve(one, X, y, **varied, **options)[1]
            for label, one in regressors.items()
        }
        return cls(sizes, scores, name=_score_name(scoring)).plot(ax=ax, **plot_options)

    @all_or_nothing
    def plot(self, *, ax=None, **line_options) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw into; ``None`` makes a new figure.
        **line_options : any
            Options of matplotlib's ``plot`` for the mean scores.

        Returns
        -------
        self : AugmentationCurveDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If there are no scores, one is not finite, the numbers of images do not rise, or are not
            as many as the scores.
        """
        sizes = np.array(_checked_sizes(self.n_synthetic))
        scores = _checked_scores(self.scores, len(sizes))
        self.ax_ = one_axes(ax)
        self.figure_ = self.ax_.figure
        self.lines_, self.bands_, self.baseline_ = {}, {}, None
        for k, (label, rows) in enumerate(scores.items()):
            mean, spread = rows.mean(axis=1), rows.std(axis=1)
            options = {"color": f"C{k}", "marker": "o", "markersize": 4, "label": str(label)}
            (self.lines_[label],) = self.ax_.plot(sizes, mean, **(options | line_options))
            style = {"color": self.lines_[label].get_color(), "alpha": 0.15, "linewidth": 0}
            self.bands_[label] = self.ax_.fill_between(sizes, mean - spread, mean + spread, **style)
        if sizes[0] == 0:
            without = np.mean([rows[0].mean() for rows in scores.values()])
            style = {"color": "black", "linestyle": "--", "linewidth": 1}
            self.baseline_ = self.ax_.axhline(without, label="no generated images", **style)
        self.ax_.set(xlabel="generated images", ylabel=self.name)
        title = "mean; band: one standard deviation"
        legend_above(self.ax_, n_columns=3, title=title, title_fontsize="small")
        return self


def _checked_regressors(regressor):
    """Return regressors by their labels."""
    if not isinstance(regressor, dict):
        regressor = {_label(regressor): regressor}
    if not regressor:
        raise ValueError("regressor must hold at least one regressor, got none.")
    for one in regressor.values():
        estimator_with("fit", "get_params")("regressor", one)
        if PARAMETER not in one.get_params():
            raise TypeError(f"regressor must have a parameter {PARAMETER}, got {one!r}.")
    return regressor


def _label(regressor):
    return type(getattr(regressor, "generator", regressor)).__name__


def _checked_sizes(n_synthetic):
    sizes = np.asarray(n_synthetic).tolist()
    if not isinstance(sizes, list) or not sizes:
        raise ValueError(f"n_synthetic must hold at least one number, got {n_synthetic!r}.")
    for k, size in enumerate(sizes):
        check_integer(f"n_synthetic[{k}]", size, 0)
        if k and size <= sizes[k - 1]:
            raise ValueError(f"n_synthetic must increase, got {sizes}.")
    return sizes


def _checked_scores(scores, n_sizes):
    """Return scores (n_sizes, n_scores) by their labels."""
    if not isinstance(scores, dict) or not scores:
        raise ValueError(f"scores must be a dictionary of at least one array, got {scores!r}.")
    checked = {}
    for label, values in scores.items():
        rows = np.asarray(values, dtype=float)
        if rows.ndim != 2 or len(rows) != n_sizes or rows.size == 0:
            raise ValueError(
                f"scores[{label!r}] must have shape (n_sizes, n_scores) for {n_sizes} numbers of "
                f"images, got {rows.shape}."
            )
        if not np.isfinite(rows).all():
            raise ValueError(f"scores[{label!r}] must hold finite numbers, got NaN or infinity.")
        checked[label] = rows
    return checked


def _score_name(scoring):
    if scoring is None:
        return "test $R^2$"
    if not isinstance(scoring, str):
        return "test score"
    name = scoring.replace("_", " ")
    return "test " + (f"negative {name[4:]}" if name.startswith("neg ") else name)
