"""How a descriptor is distributed over sets of images."""

from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import gaussian_kde

from .._checks import check_choice, check_integer
from .._typing import Seed
from ..regressors import target_distances
from ._figures import all_or_nothing, axis_label, legend_above, one_axes
from ._sets import check_generator, check_sets, describe, real_and_generated

N_POINTS = 200
SEED = 0
"""Of the halves of a reference, so that a display is the same whenever it is drawn."""


class DescriptorDistributionDisplay:
    """Distribution of one feature of the microstructure over sets of images.

    Parameters
    ----------
    values : dict of str to array-like of shape (n,)
        The feature of every image, for each set by its label.
    name : str, default="value"
        Label of the axis, with the unit.

    Attributes
    ----------
    figure_, ax_ : matplotlib.figure.Figure, matplotlib.axes.Axes
        The figure and its axes.
    artists_ : dict of str to matplotlib.artist.Artist
        Steps of the histogram or line of the density of each set.
    distances_ : dict of str to float
        Wasserstein distance of each of the other sets to the reference, in standard deviations of
        the latter; empty without a reference.
    baseline_ : float or None
        The same between random halves of the reference, which no set is expected to beat.

    See Also
    --------
    TwoPointDisplay : Curves instead of one feature.
    skmicro.regressors.target_distances : The distances.

    Notes
    -----
    Histograms of all sets share their bins, and every histogram or density has area one,
    so that sets of unlike size can be compared (as in Fig. 3 of Singh et al. 2018,
    arXiv:1811.09669). The density is a sum of Gaussians on the values, of a width by Scott's rule.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.plotting import DescriptorDistributionDisplay
    >>> images = np.array([[[0, 0], [0, 1]], [[0, 1], [1, 1]], [[1, 1], [0, 1]]])
    >>> display = DescriptorDistributionDisplay.from_images({"all": images}, bins=2)
    >>> display.artists_["all"].get_data().values.round(3).tolist()
    [1.333, 2.667]
    """

    def __init__(self, values: dict, *, name: str = "value"):
        self.values = values
        self.name = name

    @classmethod
    def from_images(
        cls, images: dict, *, descriptor="p1", feature: int | str = 0, ax=None, **plot_options
    ) -> Self:
        """Describe sets of images and draw how the feature is distributed.

        Parameters
        ----------
        images : dict of str to array-like of shape (n, *spatial)
            Any number of sets by their labels.
        descriptor : str or BaseDescriptor, default="p1"
            Descriptor or property, such as :class:`~skmicro.properties.ElasticStiffness`, or the
            name of a descriptor.
        feature : int or str, default=0
            Which of the descriptor's features, by number or name (``"p2_r4"``).
        ax, **plot_options : any
            Options of :meth:`plot`.

        Returns
        -------
        display : DescriptorDistributionDisplay
            The display.

        Raises
        ------
        ValueError
            If a set is empty, or the descriptor has no such feature.
        """
        fitted, features = describe(descriptor, check_sets(images, cls.__name__))
        names = fitted.get_feature_names_out().tolist()
        column = _column(feature, names)
        values = {label: rows[:, column] for label, rows in features.items()}
        name = fitted.name if len(names) == 1 else names[column]
        return cls(values, name=axis_label(name)).plot(ax=ax, **plot_options)

    @classmethod
    def from_estimator(
        cls,
        generator,
        X: ArrayLike,
        *,
        descriptor="p1",
        feature=0,
        n_samples: int | None = None,
        random_state: Seed = None,
        ax=None,
        **plot_options,
    ) -> Self:
        """Compare generated images with real ones.

        Parameters
        ----------
        generator : BaseGenerator
            Fitted generator.
        X : array-like of shape (n, *spatial) or (n, n_voxels)
            Real images.
        descriptor, feature : any
            As in :meth:`from_images`.
        n_samples : int or None, default=None
            Images to generate; ``None`` means as many as real ones.
        random_state : None, int, RandomState or Generator, default=None
            Source of the latents.
        ax, **plot_options : any
            Options of :meth:`plot`.

        Returns
        -------
        display : DescriptorDistributionDisplay
            The display.

        Raises
        ------
        ValueError
            If the images have another shape or other phases than those of ``fit``.
        TypeError
            If ``generator`` is no generator.
        """
        check_generator(generator)
        sets = real_and_generated(generator, X, n_samples, random_state, cls.__name__)
        options = {"descriptor": descriptor, "feature": feature, "ax": ax}
        return cls.from_images(sets, **options, **plot_options)

    @all_or_nothing
    def plot(
        self,
        *,
        ax=None,
        kind: Literal["histogram", "density"] = "histogram",
        bins: int = 20,
        reference: str | None = None,
        **artist_options,
    ) -> Self:
        """Draw the distributions.

        Parameters
        ----------
        ax : matplotlib.axes.Axes or None, default=None
            Axes to draw into; ``None`` makes a new figure.
        kind : {"histogram", "density"}, default="histogram"
            Counts in bins, or a smooth density; both of area one.
        bins : int, default=20
            Bins of the histogram, between the least and the largest value of all sets.
        reference : str or None, default=None
            Label of the set that the others are compared with; the legend shows their distances,
            and that between halves of the set itself.
        **artist_options : any
            Options of matplotlib's ``stairs`` or ``plot``.

        Returns
        -------
        self : DescriptorDistributionDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If a set is empty, a value is not finite, a density is requested for a set of equal
            values, or there is no such reference, or only one value of it.
        """
        check_choice("kind", kind, _KINDS)
        check_integer("bins", bins, 1)
        values = {label: np.asarray(numbers, float) for label, numbers in self.values.items()}
        if not values or min(map(len, values.values())) == 0:
            raise ValueError("values must hold at least one number for each set, got none.")
        for label, numbers in values.items():
            if not np.isfinite(numbers).all():
                raise ValueError(
                    f"values[{label!r}] must hold finite numbers, got NaN or infinity."
                )
        curves = _KINDS[kind](values, bins)
        self.distances_, self.baseline_ = _distances(values, reference)
        self.ax_ = one_axes(ax)
        self.figure_ = self.ax_.figure
        draw = {"histogram": self._draw_steps, "density": self._draw_line}[kind]
        self.artists_ = {
            label: draw(*curve, {"color": f"C{k}", "label": self._text(label)} | artist_options)
            for k, (label, curve) in enumerate(curves.items())
        }
        self.ax_.set(xlabel=self.name, ylabel="probability density")
        self.ax_.set_ylim(bottom=0)
        self._draw_legend(reference)
        return self

    def _draw_legend(self, reference):
        if reference is None:
            self.ax_.legend()
            return
        title = f"Wasserstein distance to {reference}, in its standard deviations"
        legend_above(self.ax_, n_columns=3, title=title, title_fontsize="small")

    def _text(self, label):
        """Return what the legend says of a set."""
        if self.baseline_ is None:
            return str(label)
        if label in self.distances_:
            return f"{label}: {self.distances_[label]:.2g}"
        return f"{label}, its halves: {self.baseline_:.2g}"

    def _draw_steps(self, edges, heights, options):
        steps = self.ax_.stairs(heights, edges, fill=True, **({"alpha": 0.3} | options))
        outline = {"color": options["color"], "linewidth": 1.2}
        self.ax_.stairs(heights, edges, **outline)
        return steps

    def _draw_line(self, points, heights, options):
        (line,) = self.ax_.plot(points, heights, **options)
        self.ax_.fill_between(points, heights, color=options["color"], alpha=0.15, linewidth=0)
        return line


def _distances(values, reference):
    """Return the distances of the other sets to one, and that between its halves."""
    if reference is None:
        return {}, None
    if reference not in values:
        raise ValueError(f"reference must be one of {list(values)}, got {reference!r}.")
    if len(values[reference]) < 2:
        raise ValueError(
            f"reference must be a set of at least 2 values, got {reference!r} with "
            f"{len(values[reference])}."
        )
    pairs = {
        label: target_distances(numbers, values[reference], random_state=SEED)
        for label, numbers in values.items()
    }
    _, baseline = pairs.pop(reference)
    return {label: float(distance[0]) for label, (distance, _) in pairs.items()}, float(baseline[0])


def _histograms(values, bins):
    edges = np.histogram_bin_edges(np.concatenate(list(values.values())), bins)
    return {
        label: (edges, np.histogram(numbers, edges, density=True)[0])
        for label, numbers in values.items()
    }


def _densities(values, bins):
    curves = {}
    for label, numbers in values.items():
        if np.ptp(numbers) == 0:
            raise ValueError(
                f"kind='density' needs values that differ, got {len(numbers)} equal to "
                f"{numbers[0]:g} in the set {label!r}."
            )
        density = gaussian_kde(numbers)
        margin = 3 * np.sqrt(density.covariance[0, 0])
        points = np.linspace(numbers.min() - margin, numbers.max() + margin, N_POINTS)
        curves[label] = (points, density(points))
    return curves


_KINDS = {"histogram": _histograms, "density": _densities}


def _column(feature, names):
    if isinstance(feature, str):
        if feature not in names:
            raise ValueError(f"feature must be one of {names}, got {feature!r}.")
        return names.index(feature)
    check_integer("feature", feature, 0, below=len(names))
    return feature
