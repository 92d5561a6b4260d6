"""Achieved against target values."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_integer
from .._random import draw_seed
from .._typing import Seed
from ._figures import all_or_nothing, axis_label, legend_above, one_axes
from ._sets import check_generator, describe, measure_of, samples_of

SMALLEST, LARGEST = 20.0, 500.0  # areas of bubbles in square points


class TargetDisplay:
    """Achieved values of generated images against their targets.

    A target of one component is drawn as bubbles: the mean over the images against the
    target value, with a size that shows the standard deviation, and the ideal
    diagonal (Fig. 5 of Joshi et al. 2020, "InvNet"). A target of several components is
    drawn in groups, one for each target vector: mean and standard deviation of every
    component, the target values as dashed lines (their Fig. 7).

    Parameters
    ----------
    wanted : array-like of shape (n_values,) or (n_values, n_components)
        Target values.
    achieved : array-like of shape (n_values, n_samples, n_components)
        Values of the images generated for each of them; the last axis may be left out
        for one component.
    name : str, default="value"
        What the axes call the target, with its unit.
    components : sequence of str or None, default=None
        What the legend calls the components.

    Attributes
    ----------
    figure_, ax_ : matplotlib.figure.Figure, matplotlib.axes.Axes
        The figure and its axes.
    bubbles_ : matplotlib.collections.PathCollection or None
        Means of a target of one component, the area growing linearly with the standard
        deviation.
    diagonal_ : matplotlib.lines.Line2D or None
        Where achieved and target values are equal, for a target of one component.
    points_ : list of matplotlib.container.ErrorbarContainer
        Means and standard deviations of each of several components.
    targets_ : list of matplotlib.collections.LineCollection
        Target values of each of several components.

    See Also
    --------
    SampleGridDisplay : The images themselves.

    Examples
    --------
    >>> from skmicro.plotting import TargetDisplay
    >>> display = TargetDisplay([0.3, 0.6], [[0.2, 0.4], [0.6, 0.7]], name="p1").plot()
    >>> display.bubbles_.get_offsets().data.round(2).tolist()
    [[0.3, 0.3], [0.6, 0.65]]
    """

    def __init__(
        self,
        wanted: ArrayLike,
        achieved: ArrayLike,
        *,
        name: str = "value",
        components: Sequence | None = None,
    ):
        self.wanted = wanted
        self.achieved = achieved
        self.name = name
        self.components = components

    @classmethod
    def from_estimator(
        cls,
        generator,
        target: str,
        values: ArrayLike,
        *,
        descriptor=None,
        n_samples: int = 100,
        exact: bool = False,
        random_state: Seed = None,
        ax=None,
        **plot_options,
    ) -> Self:
        """Generate images at every value of a target and measure what they achieve.

        Parameters
        ----------
        generator : BaseGenerator
            Fitted generator.
        target : str
            Name of the target, as in the generator's ``sample``.
        values : array-like of shape (n_values,) or (n_values, n_components)
            Target values to sample with.
        descriptor : BaseDescriptor or None, default=None
            Descriptor to measure with; ``None`` means that of the target's name with
            its default parameters, periodic where the generator is.
        n_samples : int, default=100
            Images for each value.
        exact : bool, default=False
            Meet phase fractions exactly, as in the generator's ``sample``.
        random_state : None, int, RandomState or Generator, default=None
            Source of the latents, the same for each value.
        ax, **plot_options : any
            Options of :meth:`plot`.

        Returns
        -------
        display : TargetDisplay
            The display.

        Raises
        ------
        ValueError
            If there is no value, or one is not allowed in the generator's ``sample``.
        TypeError
            If ``generator`` is no generator.
        """
        check_generator(generator)
        check_integer("n_samples", n_samples, 1)
        values = np.atleast_1d(values)
        if len(values) == 0:
            raise ValueError("values must hold at least one value, got none.")
        seed = draw_seed(random_state)
        stacks = {
            k: samples_of(generator, n_samples, seed, exact=exact, **{target: value})
            for k, value in enumerate(values)
        }
        measure = measure_of(generator, descriptor or target)
        fitted, features = describe(measure, stacks, generator.phases_)
        display = cls(
            values,
            np.stack(list(features.values())),
            name=axis_label(target),
            components=fitted.get_feature_names_out().tolist(),
        )
        return display.plot(ax=ax, **plot_options)

    @all_or_nothing
    def plot(self, *, ax=None, **point_options) -> Self:
        """Draw what was achieved.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw into; ``None`` makes a new figure.
        **point_options : any
            Options of matplotlib's ``scatter`` (one component) or ``errorbar``.

        Returns
        -------
        self : TargetDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If nothing was achieved, or the shapes do not belong together.
        """
        wanted = np.asarray(self.wanted, dtype=float)
        wanted = wanted[:, None] if wanted.ndim == 1 else wanted
        achieved = np.asarray(self.achieved, dtype=float)
        achieved = achieved[..., None] if achieved.ndim == 2 else achieved
        if achieved.size == 0:
            raise ValueError("achieved must hold at least one value, got none.")
        if achieved.ndim != 3 or achieved[:, 0].shape != wanted.shape:
            raise ValueError(
                f"achieved must have shape (n_values, n_samples, n_components) for wanted of "
                f"shape {wanted.shape}, got {np.shape(self.achieved)}."
            )
        draw = self._draw_bubbles if wanted.shape[1] == 1 else self._draw_groups
        self.ax_ = one_axes(ax, (4.6, 4.2) if wanted.shape[1] == 1 else (6.0, 3.8))
        self.figure_ = self.ax_.figure
        self.bubbles_, self.diagonal_, self.points_, self.targets_ = None, None, [], []
        draw(wanted, achieved.mean(axis=1), achieved.std(axis=1), point_options)
        return self

    def _draw_bubbles(self, wanted, mean, spread, options):
        wanted, mean, spread = wanted[:, 0], mean[:, 0], spread[:, 0]
        values = np.concatenate([wanted, mean])
        margin = 0.15 * np.ptp(values) or 0.1 * abs(values[0]) or 1.0
        ends = [values.min() - margin, values.max() + margin]
        area = SMALLEST + (LARGEST - SMALLEST) * spread / max(spread.max(), 1e-12)
        style = {"s": area, "alpha": 0.5, "edgecolors": "C0"} | options
        self.bubbles_ = self.ax_.scatter(wanted, mean, **style)
        line = {"color": "black", "linestyle": "--", "linewidth": 1, "label": "achieved = target"}
        (self.diagonal_,) = self.ax_.plot(ends, ends, **line)
        self.ax_.set(xlabel=f"target {self.name}", ylabel=f"achieved {self.name}")
        self.ax_.set(xlim=ends, ylim=ends)
        low, high = spread.min(), spread.max()
        sizes = f"{low:.2g}" if low == high else f"{low:.2g} to {high:.2g}"
        self.bubbles_.set_label(f"mean (size: standard deviation, {sizes})")
        legend_above(self.ax_, handles=[self.diagonal_, self.bubbles_], markerscale=0.5)

    def _draw_groups(self, wanted, mean, spread, options):
        n_values, n_components = wanted.shape
        names = self.components or [f"component {k}" for k in range(n_components)]
        step = 0.8 / n_components
        for k, name in enumerate(names):
            x = np.arange(n_values) + 1 + step * (k - (n_components - 1) / 2)
            style = {"fmt": "o", "color": f"C{k}", "capsize": 3, "label": str(name)} | options
            self.points_.append(self.ax_.errorbar(x, mean[:, k], spread[:, k], **style))
            ends = (x - 0.45 * step, x + 0.45 * step)
            dashes = {"colors": f"C{k}", "linestyles": "--", "linewidth": 1.2}
            self.targets_.append(self.ax_.hlines(wanted[:, k], *ends, **dashes))
        self.ax_.set(xlabel="target vector (its values: dashed)", ylabel=f"achieved {self.name}")
        self.ax_.set(xticks=np.arange(n_values) + 1, xlim=(0.5, n_values + 0.5))
        legend_above(self.ax_, n_columns=min(n_components, 4))
