"""What each latent does to an image: one latent varies along a row, the others stay."""

from collections.abc import Sequence
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_integer
from ._grid import GridDisplay
from ._sets import check_count, check_generator, check_sets


class TraversalDisplay(GridDisplay):
    """Images along single latents of a latent model, a row for each latent.

    In each row one latent takes the values above the columns, and the others stay as they
    are in the code of one image (as in Fig. 4 of Zhang et al. 2023, arXiv:2303.03403). A latent
    that the model makes no use of shows the same image all along its row. Volumes are drawn by
    their middle slice.

    Parameters
    ----------
    images : array-like of shape (n_latents, n_steps, *spatial)
        Images of each row, from the lowest to the highest value of its latent.
    values : array-like of shape (n_steps,)
        Values that the latent takes along a row.
    latents : sequence of int, of length n_latents
        Which latent varies in each row, from 0, as in the generator's ``traverse``.
    phases : array-like of shape (n_phases,) or None, default=None
        Labels that the images may hold; ``None`` looks at their values.

    Attributes
    ----------
    figure_, axes_, images_, colorbar_ : any
        As of :class:`SampleGridDisplay`. Rows are labelled by the latent, z_0 being the first,
        columns by its value.

    See Also
    --------
    InterpolationDisplay : Images between two others, all latents varying at once.
    SampleGridDisplay : Images without an order.

    Notes
    -----
    Values are those of the latent itself, in deviations of the prior, and not distances from
    the code of the image. The image's reconstruction is in a row only where its code is
    among the values.

    Examples
    --------
    >>> from skmicro.datasets import make_ellipses
    >>> from skmicro.generators import VAE
    >>> from skmicro.plotting import TraversalDisplay
    >>> X, _ = make_ellipses(16, (16, 16), area_fraction=0.2, random_state=0)
    >>> generator = VAE.light(n_latent=5, n_iter=3, random_state=0).fit(X)
    >>> display = TraversalDisplay.from_estimator(generator, X[0], latents=[0, 3], n_steps=5)
    >>> [ax.get_ylabel() for ax in display.axes_[:, 0]]
    ['$z_{0}$', '$z_{3}$']
    >>> [ax.get_title() for ax in display.axes_[0]]
    ['-3', '-1.5', '0', '1.5', '3']
    """

    def __init__(
        self, images: ArrayLike, values: ArrayLike, latents, *, phases: ArrayLike | None = None
    ):
        self.images = images
        self.values = values
        self.latents = latents
        self.phases = phases

    @classmethod
    def from_estimator(
        cls,
        generator,
        x: ArrayLike,
        *,
        latents: int | Sequence | None = None,
        span: float = 3.0,
        n_steps: int = 7,
        axes=None,
        **plot_options,
    ) -> Self:
        """Vary latents of an image one by one and draw the images they make.

        Parameters
        ----------
        generator : Autoencoder, VAE or DAVEGAN
            Fitted generator, which has a method ``traverse``.
        x : array-like
            An image of the generator's shape, or a latent vector.
        latents : int, sequence of int or None, default=None
            Which latents are varied, from 0, a row for each; ``None`` means all, of which
            there may be many.
        span : float, default=3.0
            Each latent runs from ``-span`` to ``span``, in deviations of the prior.
        n_steps : int, default=7
            Number of images in a row, the two ends included.
        axes, **plot_options : any
            Options of :meth:`plot`.

        Returns
        -------
        display : TraversalDisplay
            The display.

        Raises
        ------
        ValueError
            If there is no such latent, or ``x`` is neither an image nor a latent vector.
        TypeError
            If ``generator`` is no generator or has no method ``traverse``, or a latent is no
            integer.
        """
        check_generator(generator)
        if not hasattr(generator, "traverse"):
            raise TypeError(
                f"generator must have a method traverse, got {type(generator).__name__}."
            )
        indices = _indices(latents, generator.generator_.n_latent)
        rows = np.stack([generator.traverse(x, index, span, n_steps) for index in indices])
        images = rows.reshape(len(indices), n_steps, *generator.image_shape_)
        values = np.linspace(-span, span, n_steps)
        display = cls(images, values, indices, phases=generator.phases_)
        return display.plot(axes=axes, **plot_options)

    def _content(self):
        rows = list(check_sets(dict(enumerate(self.images)), type(self).__name__).values())
        check_count("latents", self.latents, len(rows))
        for row in rows:
            check_count("values", self.values, len(row))
        return rows, [f"$z_{{{index}}}$" for index in self.latents], _rounded(self.values)


def _indices(latents, n_latent):
    """Return the selected latents as a list of indices."""
    if latents is None:
        return list(range(n_latent))
    indices = list(latents) if np.iterable(latents) else [latents]
    if not indices:
        raise ValueError("latents must hold at least one index, got none.")
    for k, index in enumerate(indices):
        check_integer(f"latents[{k}]", index, 0, below=n_latent)
    return indices


def _rounded(values):
    """Return numbers as short texts, without the last digits that would spoil a zero."""
    return [f"{value:.3g}" for value in np.round(values, 9) + 0.0]
