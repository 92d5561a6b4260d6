"""Shuffled batches of encoded images, converted one batch at a time."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from .._random import torch_generator
from ..images import ChunkedImages, known_shares, known_voxels


class Batch(NamedTuple):
    """What a training step receives.

    Attributes
    ----------
    images : Tensor of shape (batch_size, n_channels, *spatial)
        Encoded real images.
    conditions : Tensor of shape (batch_size, n_conditions)
        Their conditions; no columns where the model has none.
    """

    images: torch.Tensor
    conditions: torch.Tensor


class ImageBatches:
    """Endless batches in random order; every image is seen once per pass.

    A batch may span two passes, so that all batches have the same size, also when
    there are fewer images than ``batch_size``.

    Parameters
    ----------
    images : ndarray of shape (n, *spatial)
        Images as the user passed them.
    encoder : PhaseEncoder or GreyEncoder
        Turns a batch into channels.
    conditions : ndarray of shape (n, n_conditions)
        One row for each image.
    batch_size : int
        Images per batch.
    seed : int
        Seed of the order.
    device : torch.device
        Where batches go.
    dtype : torch.dtype
        Their precision.
    """

    def __init__(
        self,
        images: np.ndarray,
        encoder,
        conditions: np.ndarray,
        *,
        batch_size: int,
        seed: int,
        device: torch.device,
        dtype: torch.dtype,
    ):
        self.images = images
        self.encoder = encoder
        self.conditions = torch.as_tensor(conditions, dtype=dtype, device=device)
        self.batch_size = batch_size
        self.device = device
        self.dtype = dtype
        self._rng = torch_generator(seed, 0)
        self._waiting = torch.zeros(0, dtype=torch.int64)

    def __next__(self):
        while len(self._waiting) < self.batch_size:
            order = torch.randperm(len(self.images), generator=self._rng)
            self._waiting = torch.cat([self._waiting, order])
        index, self._waiting = self._waiting.split(
            [self.batch_size, len(self._waiting) - self.batch_size]
        )
        return self.chosen(index)

    def chosen(self, index):
        """Return the batch of images by their numbers, a tensor of integers."""
        images, conditions = self._chosen(index)
        return Batch(self.encoder.encode(images, self.device, self.dtype), conditions)

    def _chosen(self, index):
        """Return images and conditions of a batch."""
        images = np.ascontiguousarray(self.images[index.numpy()])
        return images, self.conditions[index.to(self.conditions.device)]

    def state_dict(self):
        """Return what is needed to go on with the same batches."""
        return {"rng": self._rng.get_state(), "waiting": self._waiting.clone()}

    def load_state_dict(self, state):
        """Go on where :meth:`state_dict` was taken."""
        waiting = state["waiting"]
        inside = waiting.dtype == torch.int64 and waiting.ndim == 1
        if not inside or (
            len(waiting) and not 0 <= waiting.min() <= waiting.max() < len(self.images)
        ):
            raise ValueError("the images that wait for their batch are not those of the training")
        self._rng.set_state(state["rng"])
        self._waiting = waiting


class CropBatches(ImageBatches):
    """Endless batches of windows, cut at new random places in every batch.

    Parameters
    ----------
    images : ndarray of shape (n, *spatial)
        Images at least as large as the windows.
    encoder : PhaseEncoder or GreyEncoder
        Turns a batch into channels.
    variables : ndarray of shape (n, n_variables)
        Conditions that windows take over from their images.
    describe : callable
        ``describe(windows, variables) -> conditions``, (m, *shape) and (m, n_variables) to
        (m, n_conditions): windows have conditions of their own.
    shape : tuple of int
        Shape of the windows.
    **settings : any
        As in :class:`ImageBatches`.
    """

    def __init__(
        self,
        images: np.ndarray,
        encoder,
        variables: np.ndarray,
        describe: Callable,
        shape: tuple[int, ...],
        **settings,
    ):
        super().__init__(images, encoder, variables, **settings)
        self.describe = describe
        self.crops = Crops(images, shape)

    def _chosen(self, index):
        images = self.crops.drawn(index, self._rng)
        rows = self.describe(images, self.conditions[index.to(self.device)].cpu().numpy())
        return images, torch.as_tensor(rows, dtype=self.dtype, device=self.device)


def random_crops(
    images: np.ndarray | np.ma.MaskedArray | ChunkedImages,
    index,
    shape: tuple[int, ...],
    rng: torch.Generator,
) -> np.ndarray:
    """Cut one window out of each chosen image, at a random place where all voxels are known.

    Of places at equal distances, windows would see the voxels near a border less often than
    others. Places are drawn up to half a window beyond the borders and moved in: the strip of a
    window's width along a border is then seen as often as any other on average, in images at
    least two windows wide. What windows of a homogeneous image show is not biased against its
    borders. Of images with unknown voxels, each place where a window would see one is left out.

    Parameters
    ----------
    images : ndarray, MaskedArray or ChunkedImages of shape (n, *spatial)
        Images.
    index : Tensor of shape (n_crops,), int64
        Which image each window is cut from.
    shape : tuple of int
        Shape of the windows.
    rng : torch.Generator
        Source of the places.

    Returns
    -------
    crops : ndarray of shape (n_crops, *shape)
        The windows.

    Raises
    ------
    ValueError
        If an image has no place for a window without unknown voxels.
    """
    return Crops(images, shape).drawn(index, rng)


class Crops:
    """Windows of images at random places, see :func:`random_crops`."""

    def __init__(self, images, shape):
        self.shape = tuple(shape)
        known = known_voxels(images)
        self.images = images if known is None else images.data
        self._ends = [
            (length - side, (side - 1) // 2)
            for length, side in zip(images.shape[1:], self.shape, strict=True)
        ]
        self._open = (
            None if known is None else [self._chances(k, row) for k, row in enumerate(known)]
        )

    def drawn(self, index, rng):
        """Return a window of each chosen image, (n_crops, *shape)."""
        if self._open is None:
            places = [_places(last, margin, len(index), rng) for last, margin in self._ends]
        else:
            places = self._known_places(index, rng)
        if isinstance(self.images, ChunkedImages):
            return self.images.windows(index.numpy(), np.array(places).T, self.shape)
        rows = zip(index.tolist(), *places, strict=True)
        return np.stack([self.images[(k, *self._window(place))] for k, *place in rows])

    def _window(self, place):
        return (slice(low, low + side) for low, side in zip(place, self.shape, strict=True))

    def _chances(self, k, known):
        """Return the places of known windows, (n, n_axes), and the sums of their chances."""
        places = np.nonzero(known_shares(~known, self.shape) == 1)
        if not len(places[0]):
            raise ValueError(
                f"crop_shape must fit into what is known (neither masked nor NaN) of each image, "
                f"got {self.shape} and no place for it in image {k}."
            )
        chances = np.ones(len(places[0]))
        for place, (last, margin) in zip(places, self._ends, strict=True):
            chances *= 1 + margin * ((place == 0) + (place == last).astype(int))
        return np.stack(places, axis=1), chances.cumsum()

    def _known_places(self, index, rng):
        shares = torch.rand(len(index), generator=rng, dtype=torch.float64).tolist()
        chosen = []
        for k, share in zip(index.tolist(), shares, strict=True):
            places, sums = self._open[k]
            chosen.append(places[np.searchsorted(sums, share * sums[-1], side="right")])
        return np.stack(chosen, axis=1).tolist()


def _places(last, margin, n, rng):
    """Draw n places from 0 to ``last``, those within a margin beyond these at the ends."""
    drawn = torch.randint(-margin, last + margin + 1, (n,), generator=rng)
    return drawn.clamp(0, last).tolist()
