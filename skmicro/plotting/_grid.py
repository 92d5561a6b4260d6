"""Drawing of images in rows and columns."""

from collections.abc import Sequence
from typing import Self

import numpy as np

from ._figures import (
    all_or_nothing,
    color_options,
    draw_image,
    grid_of_axes,
    phases_of,
    visible_slices,
)

CELL = 1.3  # inches
COLORBAR = 1.0


class GridDisplay:
    """Base class of displays of a grid of images.

    A subclass has ``phases`` and a method ``_content`` that returns the images of each row, the
    labels of the rows and those of the columns.
    """

    @all_or_nothing
    def plot(
        self, *, axes: Sequence | None = None, cmap=None, colorbar: bool = False, **image_options
    ) -> Self:
        """Draw the images.

        Parameters
        ----------
        axes : sequence of matplotlib.axes.Axes or None, default=None
            Axes to draw into, as many as rows times columns, row by row; ``None`` makes
            a new figure.
        cmap : str, Colormap or None, default=None
            Colour map, of which phases take colours at equal distances; ``None`` means
            ``"gray"``, and ``"viridis"`` for three phases and more.
        colorbar : bool, default=False
            Add a colour bar of the phases or grey levels.
        **image_options : any
            Options of matplotlib's ``imshow``.

        Returns
        -------
        self : object
            The display, drawn.

        Raises
        ------
        ValueError
            If there is no image, rows or columns are not as many as the numbers that belong
            to them, or the number of axes is wrong.
        """
        rows, row_labels, column_labels = self._content()
        voxels = np.concatenate([row.ravel() for row in rows])[None]
        phases = phases_of(voxels) if self.phases is None else self.phases
        options = color_options(voxels, phases, cmap) | image_options
        n_columns = max(map(len, rows))
        height, width = visible_slices(rows[0]).shape[1:]
        cell_width = CELL + (COLORBAR / n_columns if colorbar else 0.0)
        cell = (cell_width, CELL * np.clip(height / width, 0.25, 4.0))
        self.axes_ = grid_of_axes(axes, len(rows), n_columns, cell)
        self.figure_ = self.axes_[0, 0].figure
        self.images_ = [
            _draw_row(line, visible_slices(row), options)
            for line, row in zip(self.axes_, rows, strict=True)
        ]
        for ax, label in zip(self.axes_[:, 0], row_labels or [], strict=False):
            ax.set_ylabel(label)
        for ax, label in zip(self.axes_[0], column_labels or [], strict=False):
            ax.set_title(label, fontsize="medium")
        self.colorbar_ = self._draw_colorbar(phases) if colorbar else None
        return self

    def _draw_colorbar(self, phases):
        name = "grey level" if phases is None else "phase"
        ticks = None if phases is None else phases
        return self.figure_.colorbar(
            self.images_[0][0], ax=self.axes_.ravel().tolist(), label=name, ticks=ticks
        )


def _draw_row(axes, images, options):
    pairs = zip(axes[: len(images)], images, strict=True)
    artists = [draw_image(ax, image, options) for ax, image in pairs]
    for ax in axes[len(images) :]:
        ax.set_axis_off()
    return artists
