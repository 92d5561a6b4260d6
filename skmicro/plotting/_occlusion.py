"""Where a regressor looks."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from ..images import check_image
from ..regressors import occlusion_map
from ._figures import (
    all_or_nothing,
    check_axes,
    check_labels,
    color_options,
    draw_image,
    grid_of_axes,
    phases_of,
    visible_slices,
)
from ._sets import output_names

CELL = (3.1, 2.6)  # inches
LABEL = "effect on the prediction"


class OcclusionDisplay:
    """An image with maps of the effect of each region on the predictions.

    There is a map for each output of the regressor. Colours are symmetric about zero: red where
    the region increases the prediction, blue where it decreases it. Lines are the
    borders of the phases. Volumes are drawn by the slice in the middle of their first axis.

    Parameters
    ----------
    image : array-like of shape (H, W) or (D, H, W)
        Image.
    effects : array-like of the shape of the image, or of shape (n_outputs, *spatial)
        Effect of each voxel on the outputs, as of :func:`~skmicro.regressors.occlusion_map`.
    names : sequence of str or None, default=None
        Names of the outputs, with their units.
    phases : array-like of shape (n_phases,) or None, default=None
        Labels that the image may hold; ``None`` looks at its values.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure.
    axes_ : ndarray of matplotlib.axes.Axes, of shape (n_outputs + 1,)
        Axes of the image, followed by those of the maps.
    image_ : matplotlib.image.AxesImage
        The image.
    maps_ : list of matplotlib.image.AxesImage
        The map of each output.
    colorbars_ : list of matplotlib.colorbar.Colorbar
        The colour bar of each map.

    See Also
    --------
    skmicro.regressors.occlusion_map : The effects, and what they mean.
    PredictionDisplay : Accuracy of the predictions.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from skmicro.descriptors import VolumeFraction
    >>> from skmicro.plotting import OcclusionDisplay
    >>> images = np.array([[[0, 0], [0, 1]], [[0, 1], [1, 1]]])
    >>> model = make_pipeline(VolumeFraction(), LinearRegression()).fit(images, [1.0, 2.0])
    >>> display = OcclusionDisplay.from_estimator(model, images[1], window=1)
    >>> display.maps_[0].get_array().data.round(3).tolist()
    [[-0.375, 0.125], [0.125, 0.125]]
    """

    def __init__(
        self,
        image: ArrayLike,
        effects,
        *,
        names: Sequence | None = None,
        phases: ArrayLike | None = None,
    ):
        self.image = image
        self.effects = effects
        self.names = names
        self.phases = phases

    @classmethod
    def from_estimator(
        cls,
        regressor,
        image: ArrayLike,
        *,
        window=None,
        stride=None,
        fill=None,
        names=None,
        axes=None,
        **plot_options,
    ) -> Self:
        """Occlude regions of an image and draw the change of the predictions.

        Parameters
        ----------
        regressor : estimator instance
            Fitted regressor of images, of any kind.
        image : array-like of shape (H, W) or (D, H, W)
            Image.
        window, stride, fill : any
            As in :func:`~skmicro.regressors.occlusion_map`, with the same errors.
        names : any
            As of the class.
        axes, **plot_options : any
            Options of :meth:`plot`.

        Returns
        -------
        display : OcclusionDisplay
            The display.
        """
        effects = occlusion_map(regressor, image, window=window, stride=stride, fill=fill)
        phases = getattr(regressor, "phases_", None)
        return cls(image, effects, names=names, phases=phases).plot(axes=axes, **plot_options)

    @all_or_nothing
    def plot(self, *, axes: Sequence | None = None, cmap=None, **image_options) -> Self:
        """Draw the image and the maps.

        Parameters
        ----------
        axes : sequence of matplotlib.axes.Axes or None, default=None
            Axes to draw into, one more than outputs; ``None`` makes a new figure.
        cmap : str, Colormap or None, default=None
            Colour map of the effects; ``None`` means ``"RdBu_r"``.
        **image_options : any
            Options of matplotlib's ``imshow``, for the image and the maps.

        Returns
        -------
        self : OcclusionDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the image has a label that is none of ``phases``, the effects have another shape
            than the image, names are not as many as outputs, or the number of axes is wrong.
        """
        stack = check_image("image", self.image, refused_by=type(self).__name__)[None]
        effects = np.asarray(self.effects, dtype=float)
        if effects.shape[-stack[0].ndim :] != stack.shape[1:] or effects.ndim > stack.ndim:
            raise ValueError(
                f"effects must have shape {stack.shape[1:]} or (n_outputs, *{stack.shape[1:]}), "
                f"as the image has, got {effects.shape}."
            )
        if not np.isfinite(effects).all():
            raise ValueError("effects must hold finite numbers, got NaN or infinity.")
        effects = effects.reshape(-1, *stack.shape[1:])
        names = output_names(self.names, len(effects))
        phases = phases_of(stack) if self.phases is None else self.phases
        if phases is not None:
            check_labels("image", stack, phases)
        image, maps = visible_slices(stack)[0], visible_slices(effects)
        n_axes = len(maps) + 1
        if axes is None:
            self.axes_ = grid_of_axes(None, 1, n_axes, _cell(image.shape)).ravel()
        else:
            self.axes_ = check_axes(axes, n_axes)
        self.figure_ = self.axes_[0].figure
        self.image_ = draw_image(self.axes_[0], image, color_options(stack, phases) | image_options)
        self.axes_[0].set_title("image", fontsize="medium")
        self.maps_, self.colorbars_ = [], []
        for ax, effect, name in zip(self.axes_[1:], maps, names, strict=True):
            self._draw_map(ax, effect, {"cmap": cmap or "RdBu_r"} | image_options)
            _draw_borders(ax, image, phases)
            ax.set_title(name, fontsize="medium")
        return self

    def _draw_map(self, ax, effect, options):
        largest = np.abs(effect).max() or 1.0
        self.maps_.append(draw_image(ax, effect, {"vmin": -largest, "vmax": largest} | options))
        beside = ax.inset_axes([1.03, 0.0, 0.05, 1.0])
        bar = self.figure_.colorbar(self.maps_[-1], cax=beside, label=LABEL)
        bar.formatter.set_powerlimits((-3, 3))
        self.colorbars_.append(bar)


def _draw_borders(ax, image, phases):
    """Draw lines between the phases; grey levels have none."""
    if phases is None or min(image.shape) < 2:
        return
    labels = np.searchsorted(np.asarray(phases), image)
    levels = np.arange(labels.min(), labels.max()) + 0.5
    if len(levels):
        ax.contour(labels, levels, colors="black", linewidths=0.5, alpha=0.6)


def _cell(shape):
    """Return the size of one cell of a new figure."""
    height = CELL[1] * np.clip(shape[0] / shape[1], 0.3, 3.0)
    return CELL[0], height
