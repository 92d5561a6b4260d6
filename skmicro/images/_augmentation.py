"""Augmentation by the symmetries a material has.

If the statistics of a material do not change under an operation, a moved image is as
good an image as the one at hand. Only real images are moved: a critic that saw moved
generated images could not tell whether the generator prefers one orientation. Rolls,
flips and exchanges of axes move voxels without changing them, so that gradients of any
order pass.
"""

import math

import torch

SYMMETRIES = ("translation", "reflection", "rotation")


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

    def __init__(self, names, n_groups=4):
        self.names = tuple(names)
        self.n_groups = n_groups

    def __call__(self, images, rng):
        """Return moved images, (n, C, *S) -> (n, C, *S)."""
        if not self.names:
            return images
        groups = images.chunk(self.n_groups)
        return torch.cat([self._move(group, rng) for group in groups])

    def _move(self, images, rng):
        axes = tuple(range(2, images.ndim))
        if "rotation" in self.names:
            images = images.permute(0, 1, *_exchange(images.shape, rng))
        if "reflection" in self.names:
            chosen = torch.randint(2, (len(axes),), generator=rng).tolist()
            images = images.flip([axis for axis, flip in zip(axes, chosen, strict=True) if flip])
        if "translation" in self.names:
            shifts = [_below(images.shape[axis], rng) for axis in axes]
            images = images.roll(shifts, axes)
        return images


class NormalTranslations:
    """Periodic rolls by whole voxels, of every image by normal numbers of its own.

    For augmentation of real and generated images alike (Zhao et al. 2020): gradients of any
    order pass, so that a generator learns through it and does not have to imitate it.

    Parameters
    ----------
    spread : float, default=0.25
        Standard deviation of the shifts along an axis, in sides of the image.
    """

    def __init__(self, spread=0.25):
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
