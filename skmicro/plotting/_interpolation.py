"""Images along an interpolation, and their energy."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from ..descriptors import FreeEnergy, VolumeFraction
from ..images import wraps_around
from ._figures import (
    all_or_nothing,
    axis_label,
    check_axes,
    color_options,
    draw_image,
    phases_of,
    pyplot,
    visible_slices,
)
from ._sets import check_count, check_generator, check_stack, describe

CELL = 1.25  # inches
CURVE = 2.2


class InterpolationDisplay:
    """Images along a line of latents, with their volume fraction and free energy.

    The images stand in a row, volumes by their middle slice. Above each are the volume
    fraction p1 and the free energy f per voxel of the whole image; the course of the
    energy is drawn below (as in Figs. 4 and 5 of Singh et al. 2018, arXiv:1811.09669).

    Parameters
    ----------
    images : array-like of shape (n_steps, *spatial)
        Images from one end to the other.
    fractions : array-like of shape (n_steps,)
        Volume fraction of each image.
    energies : array-like of shape (n_steps,)
        Free energy per voxel of each image.
    phases : array-like of shape (n_phases,) or None, default=None
        Labels that the images may hold; ``None`` looks at their values.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure.
    axes_ : ndarray of matplotlib.axes.Axes, of shape (n_steps + 1,)
        Axes of the images, followed by that of the energy.
    images_ : list of matplotlib.image.AxesImage
        The images.
    line_ : matplotlib.lines.Line2D
        The energy.

    See Also
    --------
    skmicro.descriptors.FreeEnergy : The energy.
    SampleGridDisplay : Images without an order.
    TraversalDisplay : Images along single latents.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.plotting import InterpolationDisplay
    >>> images = np.triu(np.ones((8, 8), int)) * np.ones((3, 1, 1), int)
    >>> display = InterpolationDisplay.from_images(images)
    >>> len(display.axes_)
    4
    """

    def __init__(
        self,
        images: ArrayLike,
        fractions: ArrayLike,
        energies: ArrayLike,
        *,
        phases: ArrayLike | None = None,
    ):
        self.images = images
        self.fractions = fractions
        self.energies = energies
        self.phases = phases

    @classmethod
    def from_images(
        cls,
        images: ArrayLike,
        *,
        fraction: VolumeFraction | None = None,
        energy: FreeEnergy | None = None,
        phases=None,
        axes=None,
        **plot_options,
    ) -> Self:
        """Measure images and draw them in their order.

        Parameters
        ----------
        images : array-like of shape (n_steps, *spatial)
            Images from one end to the other.
        fraction : VolumeFraction or None, default=None
            Descriptor of the volume fraction; ``None`` means ``VolumeFraction()``.
        energy : FreeEnergy or None, default=None
            Descriptor of the energy; ``None`` means ``FreeEnergy()``.
        phases : any
            As of the class.
        axes, **plot_options : any
            Options of :meth:`plot`.

        Returns
        -------
        display : InterpolationDisplay
            The display.
        """
        sets = {"images": check_stack("images", images, refused_by=cls.__name__)}
        measured = [
            describe(descriptor, sets, phases)[1]["images"][:, 0]
            for descriptor in (fraction or VolumeFraction(), energy or FreeEnergy())
        ]
        return cls(sets["images"], *measured, phases=phases).plot(axes=axes, **plot_options)

    @classmethod
    def from_estimator(
        cls,
        generator,
        a: ArrayLike,
        b: ArrayLike,
        *,
        n_steps: int = 8,
        fraction=None,
        energy=None,
        axes=None,
        **plot_options,
    ) -> Self:
        """Interpolate between two images or latents and draw the images between.

        Parameters
        ----------
        generator : BaseGenerator
            Fitted generator.
        a, b : array-like
            Two images of the generator's shape, or two latent vectors.
        n_steps : int, default=8
            Number of images, the two ends included.
        fraction, energy : any
            As in :meth:`from_images`; an energy of ``None`` is periodic where the generator is.
        axes, **plot_options : any
            Options of :meth:`plot`.

        Returns
        -------
        display : InterpolationDisplay
            The display.

        Raises
        ------
        ValueError
            If ``a`` or ``b`` has another shape or other phases than those of ``fit``.
        TypeError
            If ``generator`` is no generator.
        """
        check_generator(generator)
        images = generator.interpolate(a, b, n_steps).reshape(-1, *generator.image_shape_)
        if energy is None:
            energy = FreeEnergy(periodic=wraps_around(generator))
        options = {"fraction": fraction, "energy": energy, "phases": generator.phases_}
        return cls.from_images(images, axes=axes, **options, **plot_options)

    @all_or_nothing
    def plot(self, *, axes: Sequence | None = None, cmap=None, **image_options) -> Self:
        """Draw images and energy.

        Parameters
        ----------
        axes : sequence of matplotlib.axes.Axes or None, default=None
            ``n_steps`` axes for the images and one for the energy; ``None`` makes a new
            figure.
        cmap : str, Colormap or None, default=None
            Colour map, as in :meth:`SampleGridDisplay.plot`.
        **image_options : any
            Options of matplotlib's ``imshow``.

        Returns
        -------
        self : InterpolationDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If images, fractions and energies are not equally many, or the number of axes
            is wrong.
        """
        images = check_stack("images", self.images, refused_by=type(self).__name__)
        n_steps = len(images)
        check_count("fractions", self.fractions, n_steps)
        check_count("energies", self.energies, n_steps)
        phases = phases_of(images) if self.phases is None else self.phases
        options = color_options(images, phases, cmap) | image_options
        self.axes_ = _row_above_curve(n_steps) if axes is None else check_axes(axes, n_steps + 1)
        self.figure_ = self.axes_[0].figure
        self.images_ = []
        shown = zip(self.axes_[:-1], visible_slices(images), strict=True)
        for (ax, image), fraction, value in zip(shown, self.fractions, self.energies, strict=True):
            self.images_.append(draw_image(ax, image, options))
            ax.set_title(f"$p_1$ = {fraction:.3f}\n$f$ = {value:.3g}", fontsize="small")
        self._draw_curve(self.axes_[-1], n_steps)
        return self

    def _draw_curve(self, ax, n_steps):
        steps = np.arange(1, n_steps + 1)
        (self.line_,) = ax.plot(steps, self.energies, marker="o", markersize=4)
        ax.set(xlabel="step of the interpolation", ylabel=axis_label("free_energy"))
        ax.set(xticks=steps, xlim=(0.5, n_steps + 0.5))


def _row_above_curve(n_steps):
    """Return axes of a new figure: ``n_steps`` in a row and one as wide as all below."""
    layout = [list(range(n_steps)), [n_steps] * n_steps]
    size = (max(4.0, CELL * n_steps + 0.6), CELL + 0.5 + CURVE)
    ratios = [CELL + 0.5, CURVE]
    options = {"figsize": size, "height_ratios": ratios, "layout": "constrained"}
    axes = pyplot().subplot_mosaic(layout, **options)[1]
    return np.array([axes[k] for k in range(n_steps + 1)], dtype=object)
