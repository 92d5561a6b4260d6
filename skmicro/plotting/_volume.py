"""Volumes: sections and surfaces."""

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_integer, check_real, check_sequence
from ..images import PhaseEncoder, check_image
from ._figures import (
    all_or_nothing,
    check_axes,
    check_labels,
    color_options,
    draw_image,
    grid_of_axes,
    phases_of,
)
from ._sets import check_generator, samples_of
from ._surface import box_edges, view_of, visible_faces

CELL = (2.6, 2.8)  # inches


class VolumeDisplay:
    """Three orthogonal sections of a volume, and the surface of one of its phases.

    The surface is that of the voxels of the phase, seen along parallel rays and lit as if it were
    smooth. The first axis of the volume points downwards, as it does in the sections, and the
    three faces of the volume that are seen are sections too: ``[0, :, :]`` above, ``[:, -1, :]`` in
    front and ``[:, :, 0]`` on the left. Of a volume with millions of voxels on the surface, draw a
    part.

    Parameters
    ----------
    volume : array-like of shape (D, H, W)
        Phase labels or grey levels.
    phases : array-like of shape (n_phases,) or None, default=None
        Labels that the volume may hold; ``None`` looks at its values.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure.
    axes_ : ndarray of matplotlib.axes.Axes, of shape (4,)
        Axes of the sections across each axis of the volume, and of the surface.
    sections_ : list of matplotlib.image.AxesImage
        The sections across each axis of the volume.
    surface_ : matplotlib.collections.PolyCollection
        The faces that may be seen.

    See Also
    --------
    skmicro.io.write_images : Write volumes for ParaView and other viewers.
    SampleGridDisplay : Middle slices of many volumes.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.plotting import VolumeDisplay
    >>> display = VolumeDisplay(np.ones((2, 3, 4), dtype=int)).plot()
    >>> [section.get_array().shape for section in display.sections_]
    [(3, 4), (2, 4), (2, 3)]
    >>> len(display.surface_.get_paths())
    26
    """

    def __init__(self, volume: ArrayLike, *, phases: ArrayLike | None = None):
        self.volume = volume
        self.phases = phases

    @classmethod
    def from_estimator(
        cls, generator, *, targets: dict | None = None, random_state=None, axes=None, **plot_options
    ) -> Self:
        """Generate a volume and draw it.

        Parameters
        ----------
        generator : BaseGenerator
            Fitted generator of volumes.
        targets : dict or None, default=None
            Targets by name, and other arguments of its ``sample``.
        random_state : None, int or RandomState, default=None
            Seed of the volume.
        axes, **plot_options : any
            Options of :meth:`plot`.

        Returns
        -------
        display : VolumeDisplay
            The display.

        Raises
        ------
        TypeError
            If ``generator`` is no generator, or ``targets`` is no dictionary.
        ValueError
            If the generator's images are not three-dimensional.
        """
        check_generator(generator)
        if not isinstance(targets, (Mapping, type(None))):
            raise TypeError(f"targets must be a dictionary of values by name, got {targets!r}.")
        if len(generator.image_shape_) != 3:
            raise ValueError(
                f"generator must generate volumes, got images of shape {generator.image_shape_}."
            )
        volume = samples_of(generator, 1, random_state, **(targets or {}))[0]
        return cls(volume, phases=generator.phases_).plot(axes=axes, **plot_options)

    @all_or_nothing
    def plot(
        self,
        *,
        axes: Sequence | None = None,
        position: Sequence | None = None,
        phase: int | None = None,
        level: float | None = None,
        view: tuple = (25.0, 35.0),
        color: str = "lightsteelblue",
        cmap=None,
        **image_options,
    ) -> Self:
        """Draw the sections and the surface.

        Parameters
        ----------
        axes : sequence of matplotlib.axes.Axes or None, default=None
            Four axes to draw into, two-dimensional ones; ``None`` makes a new figure.
        position : sequence of int or None, default=None
            Index of the voxel in which the sections meet; ``None`` is the middle.
        phase : int or None, default=None
            Label whose surface is drawn; ``None`` means the largest one.
        level : float or None, default=None
            Grey level above which the surface encloses; ``None`` means the middle between
            the lowest and the highest one.
        view : tuple (elevation, azimuth) of float, default=(25.0, 35.0)
            Where one looks from, in degrees: how far above the front, and how far to the left.
        color : color, default="lightsteelblue"
            Colour of the surface in full light.
        cmap : str, Colormap or None, default=None
            Colour map of the sections, as in :meth:`SampleGridDisplay.plot`.
        **image_options : any
            Options of matplotlib's ``imshow`` for the sections.

        Returns
        -------
        self : VolumeDisplay
            The display, drawn.

        Raises
        ------
        ValueError
            If the volume has no three axes or a label that is none of ``phases``, an option is out
            of range, or the number of axes is wrong.
        """
        volume, phases = self._content()
        position = _checked_position(position, volume.shape)
        solid, title = _solid(volume, phases, phase, level)
        view, color = _checked_view(view), _checked_color(color)
        if axes is None:
            self.axes_ = grid_of_axes(None, 1, 4, CELL).ravel()
        else:
            self.axes_ = check_axes(axes, 4)
        self.figure_ = self.axes_[0].figure
        options = color_options(volume, phases, cmap) | image_options
        self.sections_ = []
        for axis, (ax, index) in enumerate(zip(self.axes_, position, strict=False)):
            section = np.take(volume, index, axis=axis)
            self.sections_.append(draw_image(ax, section, options))
            place = ", ".join(str(index) if k == axis else ":" for k in range(3))
            ax.set_title(f"[{place}]", fontsize="medium")
        self.surface_ = _draw_surface(self.axes_[3], solid, view, color)
        self.axes_[3].set_title(title, fontsize="medium")
        return self

    def _content(self):
        stack = check_image("volume", self.volume, (3,), refused_by=type(self).__name__)[None]
        if not stack.size:
            raise ValueError(f"volume must have voxels, got shape {stack.shape[1:]}.")
        phases = phases_of(stack) if self.phases is None else np.asarray(self.phases)
        if phases is not None:
            check_labels("volume", stack, phases)
        return stack[0], phases


def _checked_position(position, shape):
    if position is None:
        return [side // 2 for side in shape]
    check_sequence("position", position)
    if len(position) != 3:
        raise ValueError(f"position must hold three integers, got {position!r}.")
    for axis, (index, side) in enumerate(zip(position, shape, strict=True)):
        check_integer(f"position[{axis}]", index, 0, below=side)
    return position


def _checked_view(view):
    check_sequence("view", view)
    if len(view) != 2:
        raise ValueError(f"view must be a pair (elevation, azimuth), got {view!r}.")
    check_real("view[0]", view[0], -90.0, 90.0)
    check_real("view[1]", view[1])
    return view_of(*view)


def _checked_color(color):
    from matplotlib.colors import is_color_like, to_rgb

    if not is_color_like(color):
        raise ValueError(f"color must be a colour of matplotlib, got {color!r}.")
    return np.array(to_rgb(color))


def _solid(volume, phases, phase, level):
    """Return the voxels that the surface encloses, and what they are called."""
    if phases is None:
        if phase is not None:
            raise ValueError(f"phase must be None for grey levels, got {phase!r}.")
        middle = (float(volume.min()) + float(volume.max())) / 2
        level = middle if level is None else level
        check_real("level", level)
        return volume > level, f"grey level > {level:.3g}"
    if level is not None:
        raise ValueError(f"level must be None for labels of phases, got {level!r}.")
    labels = np.asarray(phases).astype(volume.dtype)
    label = labels[PhaseEncoder(labels, volume.dtype).channel_of(phase)]
    return volume == label, f"phase {int(label)}"


def _draw_surface(ax, solid, view, color):
    """Draw the surface between the hidden and the visible edges of the volume."""
    from matplotlib.collections import LineCollection, PolyCollection

    corners, brightness = visible_faces(solid, view)
    colors = color * brightness[:, None]
    style = {"facecolors": colors, "edgecolors": colors, "linewidths": 0.1, "antialiaseds": False}
    edges, hidden = box_edges(solid.shape, view)
    for chosen, order in [(hidden, 0.5), (~hidden, 2.0)]:
        lines = LineCollection(edges[chosen], colors="0.4", linewidths=0.6, zorder=order)
        ax.add_collection(lines)
    surface = ax.add_collection(PolyCollection(corners, zorder=1.0, **style))
    ax.set(aspect="equal", xticks=[], yticks=[], frame_on=False)
    ax.autoscale_view()
    return surface
