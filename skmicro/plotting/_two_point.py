"""Correlation curves of sets of images."""

from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_real, is_sequence
from ..descriptors import TwoPointCorrelation
from ._figures import all_or_nothing, axis_label, one_axes
from ._sets import (
    check_generator,
    check_real_images,
    check_sets,
    check_stack,
    describe,
    real_and_generated,
)

LABELS = {
    False: "two-point correlation $S_2$",
    "fraction": "two-point correlation $S_2 / p_1$",
    "autocovariance": "autocovariance $(S_2 - p_1^2) / (p_1 - p_1^2)$",
}
_TARGET = object()  # no label that a user can give


class TwoPointDisplay:
    """Two-point correlation against lag: mean and spread of sets of images.

    Parameters
    ----------
    lags : array-like of shape (n_lags,)
        Rising lags in pixels.
    curves : dict of str to array-like of shape (n, n_lags)
        The curve of every image, for each set by its label.
    target : array-like of shape (n_lags,) or None, default=None
        A curve that the images were to have.
    name : str, default="two-point correlation $S_2$"
        Label of the vertical axis.

    Attributes
    ----------
    figure_, ax_ : matplotlib.figure.Figure, matplotlib.axes.Axes
        The figure and its axes.
    lines_ : dict of str to matplotlib.lines.Line2D
        Mean curve of each set.
    bands_ : dict of str to matplotlib.collections.PolyCollection
        Range between the quantiles of each set, lag by lag; empty without quantiles.
    target_line_ : matplotlib.lines.Line2D or None
        The target.

    See Also
    --------
    skmicro.descriptors.TwoPointCorrelation : The curves.
    DescriptorDistributionDisplay : Distribution of the value at one lag.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.plotting import TwoPointDisplay
    >>> stripes = np.tile([0, 0, 1, 1], (1, 8, 2))
    >>> display = TwoPointDisplay.from_images({"stripes": stripes})
    >>> display.lines_["stripes"].get_ydata()[0]
    np.float32(0.5)
    """

    def __init__(
        self,
        lags: ArrayLike,
        curves: dict,
        *,
        target: ArrayLike | None = None,
        name: str = LABELS[False],
    ):
        self.lags = lags
        self.curves = curves
        self.target = target
        self.name = name

    @classmethod
    def from_images(
        cls,
        images: dict,
        *,
        target_images: ArrayLike | None = None,
        descriptor=None,
        ax=None,
        **plot_options,
    ) -> Self:
        """Compute the curves of sets of images and draw them.

        Parameters
        ----------
        images : dict of str to array-like of shape (n, *spatial)
            Any number of sets by their labels.
        target_images : array-like of shape (n, *spatial) or None, default=None
            Images whose mean curve is the target, often one.
        descriptor : BaseDescriptor or None, default=None
            Descriptor with rising lags in ``lags_``; ``None`` means
            ``TwoPointCorrelation()``.
        ax, **plot_options : any
            Options of :meth:`plot`.

        Returns
        -------
        display : TwoPointDisplay
            The display.

        Raises
        ------
        ValueError
            If a set is empty, or the descriptor's output is no curve over rising lags.
        """
        sets = check_sets(images, cls.__name__)
        if target_images is not None:
            shape = next(iter(sets.values())).shape[1:]
            sets = {
                **sets,
                _TARGET: check_stack(
                    "target_images", target_images, shape, refused_by=cls.__name__
                ),
            }
        descriptor = TwoPointCorrelation() if descriptor is None else descriptor
        fitted, curves = describe(descriptor, sets)
        lags = getattr(fitted, "lags_", np.zeros(0))
        if lags.ndim != 1 or len(lags) == 0 or (np.diff(lags) <= 0).any():
            raise ValueError(
                f"descriptor must have lags_ that rise (output='radial'), got {descriptor!r}."
            )
        target = curves.pop(_TARGET).mean(axis=0) if target_images is not None else None
        correlates = isinstance(fitted, TwoPointCorrelation)
        name = LABELS[fitted.normalized] if correlates else axis_label(fitted.name)
        return cls(lags, curves, target=target, name=name).plot(ax=ax, **plot_options)

    @classmethod
    def from_estimator(
        cls,
        generator,
        X,
        *,
        target_images=None,
        descriptor=None,
        n_samples=None,
        random_state=None,
        ax=None,
        **plot_options,
    ) -> Self:
        """Compare the curves of generated images with those of real ones.

        Parameters
        ----------
        generator, X : any
            As in :meth:`DescriptorDistributionDisplay.from_estimator`, with the same errors.
        target_images, descriptor : any
            As in :meth:`from_images`; the default descriptor wraps around where all images do.
        n_samples, random_state : any
            As in :meth:`DescriptorDistributionDisplay.from_estimator`.
        ax, **plot_options : any
            Options of :meth:`plot`.

        Returns
        -------
        display : TwoPointDisplay
            The display.
        """
        check_generator(generator)
        if target_images is not None:
            target_images = check_real_images(
                generator, target_images, cls.__name__, "target_images"
            )
        sets = real_and_generated(generator, X, n_samples, random_state, cls.__name__)
        options = {"target_images": target_images, "descriptor": descriptor, "ax": ax}
        return cls.from_images(sets, **options, **plot_options)

    @all_or_nothing
    def plot(self, *, ax=None, quantiles: tuple | None = (0.05, 0.95), **line_options) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw into; ``None`` makes a new figure.
        quantiles : tuple (low, high) of float or None, default=(0.05, 0.95)
            Ends of the band around the mean; ``None`` draws no band.
        **line_options : any
            Options of matplotlib's ``plot`` for the mean curves.

        Returns
        -------
        self : TwoPointDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If a set is empty, or the quantiles do not rise within [0, 1].
        """
        curves = {label: np.asarray(rows) for label, rows in self.curves.items()}
        if not curves or min(map(len, curves.values())) == 0:
            raise ValueError("curves must hold at least one curve for each set, got none.")
        if quantiles is not None:
            _check_quantiles(quantiles)
        self.ax_ = one_axes(ax)
        self.figure_ = self.ax_.figure
        self.lines_, self.bands_, self.target_line_ = {}, {}, None
        for k, (label, rows) in enumerate(curves.items()):
            options = {"color": f"C{k}", "label": str(label)} | line_options
            (self.lines_[label],) = self.ax_.plot(self.lags, rows.mean(axis=0), **options)
            if quantiles is not None:
                low, high = np.quantile(rows, quantiles, axis=0)
                style = {"color": self.lines_[label].get_color(), "alpha": 0.2, "linewidth": 0}
                self.bands_[label] = self.ax_.fill_between(self.lags, low, high, **style)
        if self.target is not None:
            style = {"color": "black", "linestyle": "--", "label": "target"}
            (self.target_line_,) = self.ax_.plot(self.lags, self.target, **style)
        self.ax_.set(xlabel="lag (pixels)", ylabel=self.name)
        self.ax_.legend(title=_band_title(quantiles))
        return self


def _check_quantiles(quantiles):
    if not is_sequence(quantiles) or len(quantiles) != 2:
        raise ValueError(f"quantiles must be a pair (low, high) or None, got {quantiles!r}.")
    for value in quantiles:
        check_real("quantiles", value, 0.0, 1.0)
    if quantiles[0] >= quantiles[1]:
        raise ValueError(f"quantiles must have low < high, got {quantiles!r}.")


def _band_title(quantiles):
    if quantiles is None:
        return "mean"
    low, high = (100 * value for value in quantiles)
    return f"mean; band: {low:g} to {high:g} %"
