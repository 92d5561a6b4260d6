"""Figures, axes and images: matplotlib helpers of the displays besides drawing."""

from functools import wraps

import numpy as np

from .._rollback import unchanged_on_error
from ..images import encoder_for

AXIS_LABELS = {
    "p1": "volume fraction $p_1$",
    "phase_fractions": "volume fraction",
    "specific_surface": "specific surface (1/pixel)",
    "free_energy": "free energy per voxel $f$",
}
SYMBOLS = {"p1": "$p_1$", "p2": "$S_2$", "specific_surface": "$s$", "free_energy": "$f$"}


def pyplot():
    """Return ``matplotlib.pyplot``, or raise ImportError that says what to install."""
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError(
            "plotting needs matplotlib; install it with: pip install skmicro[plot]"
        ) from error
    return plt


def all_or_nothing(plot):
    """Wrap a method that draws: an error leaves no new figure and no changed attribute."""

    @wraps(plot)
    def drawn(display, *args, **options):
        figures = pyplot().get_fignums()
        try:
            with unchanged_on_error(display):
                return plot(display, *args, **options)
        except BaseException:
            for number in set(pyplot().get_fignums()) - set(figures):
                pyplot().close(number)
            raise

    return drawn


def one_axes(ax, size=(5.0, 3.6)):
    """Return ``ax``, or the axes of a new figure where it is None."""
    if ax is not None:
        return ax
    return pyplot().subplots(figsize=size, layout="constrained")[1]


def grid_of_axes(axes, n_rows, n_columns, cell):
    """Return axes of shape (n_rows, n_columns), given ones or those of a new figure."""
    if axes is None:
        size = (n_columns * cell[0], n_rows * cell[1])
        options = {"figsize": size, "squeeze": False, "layout": "constrained"}
        return pyplot().subplots(n_rows, n_columns, **options)[1]
    return check_axes(axes, n_rows * n_columns).reshape(n_rows, n_columns)


def check_axes(axes, n_axes):
    """Return given axes as a flat array of ``n_axes`` of them, or raise."""
    axes = np.asarray(axes, dtype=object).ravel()
    if axes.size != n_axes:
        raise ValueError(f"axes must hold {n_axes} axes for this display, got {axes.size}.")
    for ax in axes:
        if not hasattr(ax, "get_figure"):
            raise TypeError(f"axes must hold axes of matplotlib, got {ax!r}.")
    return axes


def axis_label(name):
    """Return the axis label of a descriptor, with its unit, by its name."""
    return AXIS_LABELS.get(name, name)


def symbol(name):
    """Return the short sign of a descriptor for titles."""
    return SYMBOLS.get(name, name)


def visible_slices(images):
    """Return the images of a stack as they are drawn: volumes as middle slices."""
    return images if images.ndim == 3 else images[:, images.shape[1] // 2]


def phases_of(images):
    """Return the labels of images, or None where their values are grey levels."""
    return encoder_for(images.astype(np.float64)).phases


def check_labels(name, images, phases):
    """Raise ValueError if images have a label that is none of ``phases``."""
    others = np.setdiff1d(images, phases)
    if others.size:
        raise ValueError(
            f"{name} must hold labels of phases, {np.asarray(phases).tolist()}, got "
            f"{others[:3].tolist()}."
        )


def color_options(images, phases, cmap=None):
    """Return options of ``imshow``: one colour for each phase, or for each grey level if None."""
    from matplotlib import colormaps
    from matplotlib.colors import BoundaryNorm

    if phases is None:
        return {"cmap": cmap or "gray", "vmin": images.min(), "vmax": images.max()}
    labels = np.asarray(phases, dtype=float)
    borders = [labels[0] - 0.5, *(labels[1:] + labels[:-1]) / 2, labels[-1] + 0.5]
    colors = colormaps.get_cmap(cmap or ("gray" if len(labels) <= 2 else "viridis"))
    return {"cmap": colors.resampled(len(labels)), "norm": BoundaryNorm(borders, len(labels))}


def draw_image(ax, image, options):
    """Draw one two-dimensional image without ticks and return the artist."""
    artist = ax.imshow(image, **({"interpolation": "nearest"} | options))
    ax.set(xticks=[], yticks=[])
    return artist


def legend_above(ax, n_columns=1, **options):
    """Add a legend above the axes, of at most ``n_columns``, and no wider than they are."""
    place = {"loc": "lower center", "bbox_to_anchor": (0.5, 1.0), "frameon": False}
    for ncols in range(n_columns, 0, -1):
        legend = ax.legend(fontsize="small", ncols=ncols, **place, **options)
        if legend.get_window_extent().width <= ax.bbox.width:
            break
