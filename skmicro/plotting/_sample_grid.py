"""Images in rows and columns."""

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_integer
from .._random import draw_seed, numpy_generator
from .._typing import Seed
from ._figures import symbol
from ._grid import GridDisplay
from ._sets import (
    check_generator,
    check_real_images,
    check_sets,
    check_stack,
    describe,
    measure_of,
    samples_of,
)


class SampleGridDisplay(GridDisplay):
    """A grid of images.

    Two-dimensional images are drawn as they are, volumes by the slice in the middle of
    their first axis. Phase labels get one colour each (black and white if there are two),
    grey levels the range from the darkest to the brightest voxel of all images.

    Parameters
    ----------
    rows : sequence of array-like of shape (n_columns, *spatial)
        The images of each row; short rows leave the columns at their end empty.
    row_labels : sequence of str or None, default=None
        What is written on the left of the rows.
    column_labels : sequence of str or None, default=None
        What is written above the columns.
    phases : array-like of shape (n_phases,) or None, default=None
        Labels that the images may hold; ``None`` looks at their values.

    Attributes
    ----------
    figure_ : matplotlib.figure.Figure
        The figure.
    axes_ : ndarray of matplotlib.axes.Axes, of shape (n_rows, n_columns)
        Its axes.
    images_ : list of list of matplotlib.image.AxesImage
        The images of each row.
    colorbar_ : matplotlib.colorbar.Colorbar or None
        The colour bar.

    See Also
    --------
    InterpolationDisplay : Images between two others.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.plotting import SampleGridDisplay
    >>> images = np.arange(12).reshape(3, 2, 2) % 3
    >>> display = SampleGridDisplay.from_images(images, n_columns=2)
    >>> display.axes_.shape
    (2, 2)
    """

    def __init__(
        self,
        rows: Sequence,
        *,
        row_labels: Sequence | None = None,
        column_labels: Sequence | None = None,
        phases: ArrayLike | None = None,
    ):
        self.rows = rows
        self.row_labels = row_labels
        self.column_labels = column_labels
        self.phases = phases

    @classmethod
    def from_images(
        cls, images, *, n_columns: int = 8, phases=None, axes=None, **plot_options
    ) -> Self:
        """Draw stacks of images.

        Parameters
        ----------
        images : array-like of shape (n, *spatial), or dict of str to such
            A stack, or several by their labels; each stack starts a row of its own and
            has its label on the left.
        n_columns : int, default=8
            Most images in a row.
        phases : any
            As of the class.
        axes, **plot_options : any
            Options of :meth:`plot`.

        Returns
        -------
        display : SampleGridDisplay
            The display.

        Raises
        ------
        ValueError
            If a stack is empty or has another shape.
        """
        check_integer("n_columns", n_columns, 1)
        sets = check_sets(images if isinstance(images, dict) else {"": images}, cls.__name__)
        rows, labels = [], []
        for label, stack in sets.items():
            parts = [stack[k : k + n_columns] for k in range(0, len(stack), n_columns)]
            rows += parts
            labels += [str(label)] * len(parts)
        display = cls(rows, row_labels=labels, phases=phases)
        return display.plot(axes=axes, **plot_options)

    @classmethod
    def from_estimator(
        cls,
        generator,
        X=None,
        *,
        n_rows: int = 3,
        n_columns: int = 8,
        n_real_rows: int = 1,
        targets: dict | None = None,
        exact: bool = False,
        random_state: Seed = None,
        axes=None,
        **plot_options,
    ) -> Self:
        """Draw generated images, below real ones where they are given.

        Parameters
        ----------
        generator : BaseGenerator
            Fitted generator.
        X : array-like of shape (n, *spatial) or (n, n_voxels), or None, default=None
            Real images to show above. Without targets they are drawn at random, with
            targets they are those nearest to the column's values.
        n_rows : int, default=3
            Rows of generated images.
        n_columns : int, default=8
            Columns; with targets there is one for each value instead.
        n_real_rows : int, default=1
            Rows of real images.
        targets : dict of str to sequence or None, default=None
            Values by name of the target, one for each column (a vector for a target of
            several components). All images of a row have the same latents as far as the
            generator takes targets as inputs.
        exact : bool, default=False
            Meet phase fractions exactly, as in the generator's ``sample``.
        random_state : None, int, RandomState or Generator, default=None
            Source of the latents and of the choice of real images.
        axes, **plot_options : any
            Options of :meth:`plot`.

        Returns
        -------
        display : SampleGridDisplay
            The display.

        Raises
        ------
        ValueError
            If targets do not have as many values as each other, or are not allowed in
            the generator's ``sample``, or the images have another shape or other phases
            than those of ``fit``.
        TypeError
            If ``generator`` is no generator, or ``targets`` no dictionary.
        """
        check_generator(generator)
        counts = {"n_rows": n_rows, "n_columns": n_columns, "n_real_rows": n_real_rows}
        for name, count in counts.items():
            check_integer(name, count, 1)
        seed = draw_seed(random_state)
        columns = _columns(targets)
        real = None if X is None else check_real_images(generator, X, cls.__name__)
        options = [{"exact": exact, **column} for column in columns]
        rows = _generated_rows(generator, n_rows, n_columns, options, seed)
        if real is not None:
            if columns:
                chosen = _nearest(real, columns, generator)
            else:
                chosen = _shuffled(len(real), n_columns, seed)
            rows = [real[index] for index in chosen[:n_real_rows]] + rows
        labels = ["real"] * (len(rows) - n_rows) + ["generated"] * n_rows
        titles = [_title(column) for column in columns] or None
        display = cls(rows, row_labels=labels, column_labels=titles, phases=generator.phases_)
        return display.plot(axes=axes, **plot_options)

    def _content(self):
        if len(self.rows) == 0:
            raise ValueError("rows must hold at least one row of images, got none.")
        refused_by = {"refused_by": type(self).__name__}
        rows = [check_stack(f"rows[{k}]", row, **refused_by) for k, row in enumerate(self.rows)]
        return rows, self.row_labels, self.column_labels


def _generated_rows(generator, n_rows, n_columns, columns, seed):
    """Return generated images (n_columns, *spatial) for each row, by options of the columns."""
    if columns:
        stacks = [samples_of(generator, n_rows, seed, **options) for options in columns]
        return list(np.stack(stacks, axis=1))
    samples = samples_of(generator, n_rows * n_columns, seed)
    return list(samples.reshape(n_rows, n_columns, *samples.shape[1:]))


def _columns(targets):
    """Return the targets of each column as dictionaries."""
    if not isinstance(targets, (Mapping, type(None))):
        raise TypeError(f"targets must be a dictionary of values by name, got {targets!r}.")
    if not targets:
        return []
    lengths = {name: len(np.atleast_1d(values)) for name, values in targets.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"targets must have as many values as each other, got {lengths}.")
    n_columns = next(iter(lengths.values()))
    if n_columns == 0:
        raise ValueError("targets must hold at least one value, got none.")
    return [
        {name: np.atleast_1d(values)[k] for name, values in targets.items()}
        for k in range(n_columns)
    ]


def _title(column):
    parts = []
    for name, value in column.items():
        numbers = ", ".join(f"{number:.3g}" for number in np.atleast_1d(value))
        parts.append(f"{symbol(name)} = {numbers}" if np.ndim(value) == 0 else numbers)
    return "\n".join(parts)


def _shuffled(n_images, n_columns, seed):
    """Return rows of indices, no image twice, as many full rows as there are images for."""
    order = numpy_generator(seed, 1).permutation(n_images)
    return [order[k : k + n_columns] for k in range(0, n_images, n_columns)]


def _nearest(images, columns, generator):
    """Return rows of indices of images, from the nearest to the targets of each column on."""
    distance = np.zeros((len(images), len(columns)))
    for name in columns[0]:
        measure = measure_of(generator, name)
        features = describe(measure, {name: images}, generator.phases_)[1][name]
        wanted = np.stack([np.atleast_1d(column[name]) for column in columns])
        if wanted.shape[1] != features.shape[1]:
            raise ValueError(
                f"targets[{name!r}] must have {features.shape[1]} components to choose real "
                f"images by, got {wanted.shape[1]}; leave X out."
            )
        squares = np.square(features[:, None] - wanted).mean(axis=2)
        distance += squares / max(features.var(), 1e-12)
    return np.argsort(distance, axis=0, kind="stable")
