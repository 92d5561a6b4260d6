"""Augmentation by the symmetries a material has.

If the statistics of a material do not change under an operation, a moved image is as
good an image as the one at hand. Only real images are moved: a critic that saw moved
generated images could not tell whether the generator prefers one orientation. Rolls,
flips and exchanges of axes move voxels without changing them, so that gradients of any
order pass.
"""

import math
from itertools import combinations, permutations, product
from typing import NamedTuple

import torch

SYMMETRIES = ("translation", "reflection", "rotation")


class Move(NamedTuple):
    """An operation that moves voxels of images, axes first, then flips, then shifts.

    Attributes
    ----------
    order : tuple of int
        The axis that each axis of a moved image was, from 0.
    flips : tuple of bool
        Axes of the moved image that are reversed.
    shifts : tuple of int
        Voxels by which it is rolled along each axis.
    """

    order: tuple
    flips: tuple
    shifts: tuple

    def __call__(self, images):
        """Return moved images, (n, C, *S) -> (n, C, *S)."""
        axes = range(2, images.ndim)
        images = images.permute(0, 1, *(axis + 2 for axis in self.order))
        flipped = [axis for axis, flip in zip(axes, self.flips, strict=True) if flip]
        images = images.flip(flipped) if flipped else images
        return images.roll(self.shifts, tuple(axes)) if any(self.shifts) else images

    @property
    def mirrors(self):
        """Whether left and right are exchanged."""
        inversions = sum(a > b for a, b in combinations(self.order, 2))
        return (inversions + sum(self.flips)) % 2 == 1

    @property
    def inverse(self):
        """The operation that moves moved images back."""
        order = sorted(range(len(self.order)), key=self.order.__getitem__)
        flips = tuple(self.flips[axis] for axis in order)
        # A roll before a flip is the opposite roll after it.
        shifts = [self.shifts[axis] * (1 if self.flips[axis] else -1) for axis in order]
        return Move(tuple(order), flips, tuple(shifts))


def point_symmetries(shape: tuple[int, ...]) -> list:
    """Return the turns and flips that map images of a shape onto such.

    Parameters
    ----------
    shape : tuple of int
        Shape of the images.

    Returns
    -------
    moves : list of Move
        The eight of a square, the 48 of a cube, fewer where sides differ; the first leaves images
        as they are.
    """
    axes = range(len(shape))
    orders = [
        order for order in permutations(axes) if all(shape[order[k]] == shape[k] for k in axes)
    ]
    flips = list(product((False, True), repeat=len(shape)))
    return [Move(order, flip, (0,) * len(shape)) for order in orders for flip in flips]


def quarter_turns(shape):
    """Return those of :func:`point_symmetries` that turn images and do not mirror them."""
    return [move for move in point_symmetries(shape) if not move.mirrors]


class Symmetries:
    """Random operations out of the symmetries of a material.

    Parameters
    ----------
    names : sequence of {"translation", "reflection", "rotation"}
        ``"translation"``: periodic roll by whole voxels, another one for each of
        several groups of the batch; ``"reflection"``: flips along random axes;
        ``"rotation"``: exchange of axes of equal length (with reflections, all quarter
        turns).
    n_groups : int, default=4
        Groups of the batch with operations of their own.
    """

    def __init__(self, names, n_groups: int = 4):
        self.names = tuple(names)
        self.n_groups = n_groups

    def __call__(self, images, rng):
        """Return moved images, (n, C, *S) -> (n, C, *S)."""
        if not self.names:
            return images
        groups = self.moves(images, rng)
        return torch.cat([move(group) for group, move in groups])

    def moves(self, images: torch.Tensor, rng: torch.Generator) -> list:
        """Return the groups of a batch, each with the :class:`Move` that is drawn for it.

        Parameters
        ----------
        images : Tensor of shape (n, C, *spatial)
            The batch.
        rng : torch.Generator
            Source of the moves.

        Returns
        -------
        groups : list of (Tensor, Move)
            Its parts, in their order.
        """
        return [(group, self._drawn(group.shape, rng)) for group in images.chunk(self.n_groups)]

    def _drawn(self, shape, rng):
        n_axes = len(shape) - 2
        order, flips, shifts = tuple(range(n_axes)), (False,) * n_axes, (0,) * n_axes
        if "rotation" in self.names:
            order = tuple(axis - 2 for axis in _exchange(shape, rng))
        if "reflection" in self.names:
            chosen = torch.randint(2, (n_axes,), generator=rng).tolist()
            flips = tuple(bool(flip) for flip in chosen)
        if "translation" in self.names:
            shifts = tuple(_below(side, rng) for side in shape[2:])
        return Move(order, flips, shifts)


class NormalTranslations:
    """Periodic rolls by whole voxels, of every image by normal numbers of its own.

    For augmentation of real and generated images alike (Zhao et al. 2020): gradients of any
    order pass, so that a generator learns through it and does not have to imitate it.

    Parameters
    ----------
    spread : float, default=0.25
        Standard deviation of the shifts along an axis, in sides of the image.
    """

    def __init__(self, spread: float = 0.25):
        self.spread = spread

    def __call__(self, images, rng):
        """Return rolled images, (n, C, *S) -> (n, C, *S)."""
        shape = images.shape[2:]
        noise = torch.randn(len(images), len(shape), generator=rng)
        shifts = (noise * self.spread * torch.tensor(shape)).round().long().tolist()
        axes = tuple(range(1, images.ndim - 1))
        pairs = zip(images, shifts, strict=True)
        return torch.stack([image.roll(shift, axes) for image, shift in pairs])


def _exchange(shape, rng):
    """A random permutation of spatial axes that keeps the shape."""
    ndim = len(shape) - 2
    n_orders = math.factorial(ndim)
    for _ in range(n_orders):
        order = (torch.randperm(ndim, generator=rng) + 2).tolist()
        if all(shape[new] == shape[old] for old, new in enumerate(order, start=2)):
            return order
    return list(range(2, ndim + 2))


def _below(high, rng):
    return int(torch.randint(high, (1,), generator=rng))
