"""From images to channels and back.

Networks see ``(n, n_channels, *spatial)``. A :class:`PhaseEncoder` turns ``C`` phase
labels into one-hot channels; a network answers with a softmax over the channels, and
an image is the label of the largest one (Joshi et al. 2020, Sec. 4). A
:class:`GreyEncoder` scales grey levels to one channel in [0, 1].
"""

import math
from collections.abc import Sequence
from functools import reduce
from typing import ClassVar

import numpy as np
import torch

from ..registry import Persistent
from ..rules import array_of, instance_of, real
from ._doubts import TOO_MANY, warn_of_levels, warn_of_rims
from ._exact_counts import assigned_labels, thresholded_labels
from ._large import blocks_of

MAX_PHASES = 64
MAX_GREY = 1e12


class PhaseEncoder(Persistent):
    """Labels to one-hot channels.

    Parameters
    ----------
    phases : ndarray of shape (n_phases,)
        Sorted labels.
    dtype : numpy.dtype
        Type of the label images.
    """

    _former_places: ClassVar = ("skmicro.encoding.PhaseEncoder",)
    _kept: ClassVar = ("dtype", "phases")
    _values: ClassVar = {"dtype": instance_of(np.dtype), "phases": array_of("biuf")}

    def __init__(self, phases: np.ndarray, dtype):
        self.phases = np.asarray(phases)
        self.dtype = np.dtype(dtype)

    @property
    def n_channels(self):
        """Number of phases."""
        return len(self.phases)

    def channel_of(self, phase: int | None, name: str = "phase") -> int:
        """Return the channel of a label.

        Parameters
        ----------
        phase : int or None
            The label; ``None`` means the largest one.
        name : str, default="phase"
            What errors call it.

        Returns
        -------
        channel : int
            Index of the channel.

        Raises
        ------
        ValueError
            If no such label exists.
        """
        if phase is None:
            return self.n_channels - 1
        matches = np.flatnonzero(self.phases == phase)
        if len(matches) != 1:
            raise ValueError(
                f"{name} must be one of the labels {self.phases.tolist()}, got {phase!r}."
            )
        return int(matches[0])

    def check(self, images, name="X", known="seen in fit"):
        """Raise ValueError if the images hold a label that is not ``known``."""
        n_known = sum(
            np.count_nonzero(block == phase) for block in blocks_of(images) for phase in self.phases
        )
        if n_known < math.prod(images.shape):
            unseen = np.setdiff1d(distinct_values(images), self.phases)
            raise ValueError(
                f"{name} must hold only the phases {self.phases.tolist()} {known}, "
                f"got {unseen[:5].tolist()}."
            )

    def encode(self, images, device="cpu", dtype=torch.float32):
        """Return one-hot channels, (n, *S) -> (n, C, *S)."""
        images = np.asarray(images)
        channels = torch.empty(len(images), self.n_channels, *images.shape[1:], dtype=dtype)
        for channel, phase in enumerate(self.phases):
            channels[:, channel] = torch.from_numpy(np.asarray(images == phase))
        return channels.to(device)

    def physical(self, channels):
        """Return what descriptors measure: the phase probabilities themselves."""
        return channels

    def measured(self, channels: torch.Tensor) -> torch.Tensor:
        """Return what descriptors measure on decoded images, differentiable straight through.

        The value is the one-hot image of :meth:`decode` (where two channels tie exactly,
        both are one), the gradient that of the probabilities (Bengio et al. 2013).

        Parameters
        ----------
        channels : Tensor of shape (n, C, *spatial)
            Phase probabilities.

        Returns
        -------
        measured : Tensor of shape (n, C, *spatial)
            One-hot images.
        """
        largest = reduce(torch.maximum, channels.detach().unbind(1)).unsqueeze(1)
        one_hot = (channels == largest).to(channels.dtype)
        return one_hot + channels - channels.detach()

    def decode(self, channels):
        """Return the labels of the largest channel, (n, C, *S) -> (n, *S)."""
        return self._labels(channels.cpu().numpy().argmax(axis=1))

    def decode_counts(self, channels: torch.Tensor, counts: np.ndarray | int) -> np.ndarray:
        """Return labels with prescribed numbers of voxels per phase.

        Parameters
        ----------
        channels : Tensor of shape (n, C, *spatial)
            Phase probabilities.
        counts : ndarray of shape (n, C), int
            Voxels of each phase in each image; every row sums to the voxels.

        Returns
        -------
        images : ndarray of shape (n, *spatial)
            Labels that have exactly these counts.
        """
        n, n_channels, *spatial = channels.shape
        chances = channels.double().clamp_min(1e-30).reshape(n, n_channels, -1).cpu()
        if n_channels == 2:
            odds = (chances[:, 1] / chances[:, 0]).numpy()
            pairs = zip(odds, counts[:, 1], strict=True)
            index = np.stack([thresholded_labels(row, count) for row, count in pairs])
        else:
            pairs = zip(chances.log().numpy(), counts, strict=True)
            index = np.stack([assigned_labels(row, count) for row, count in pairs])
        return self._labels(index.reshape(n, *spatial))

    def _labels(self, index):
        return self.phases[index].astype(self.dtype)


class GreyEncoder(Persistent):
    """Grey levels to one channel in [0, 1].

    Parameters
    ----------
    low, high : float
        Grey levels that become 0 and 1.
    dtype : numpy.dtype
        Type of the images.
    """

    _former_places: ClassVar = ("skmicro.encoding.GreyEncoder",)
    _kept: ClassVar = ("dtype", "high", "low")
    _values: ClassVar = {"dtype": instance_of(np.dtype), "high": real(), "low": real()}
    n_channels = 1
    phases = None

    def __init__(self, low: float, high: float, dtype):
        self.low = float(low)
        self.high = float(high)
        self.dtype = np.dtype(dtype)

    @property
    def _scale(self):
        return self.high - self.low or 1.0

    def channel_of(self, phase: None, name: str = "phase") -> int:
        """Return 0; grey images have no phases to choose from.

        Parameters
        ----------
        phase : None
            No other value is allowed.
        name : str, default="phase"
            What errors call it.

        Returns
        -------
        channel : int
            Always 0.

        Raises
        ------
        ValueError
            If a phase is given.
        """
        if phase is not None:
            raise ValueError(f"{name} must be None for grey-level images, got {phase!r}.")
        return 0

    def check(self, images, name="X", known=None):
        """Raise where descriptors of the grey levels would leave single precision."""
        largest = max(float(np.abs(block).max()) for block in blocks_of(images))
        if largest > MAX_GREY:
            raise ValueError(
                f"{name} must hold grey levels of at most {MAX_GREY:g} in size, got {largest:g}."
            )

    def encode(self, images, device="cpu", dtype=torch.float32):
        """Return scaled levels, (n, *S) -> (n, 1, *S)."""
        native = np.ascontiguousarray(
            images, dtype=np.float64 if dtype == torch.float64 else np.float32
        )
        levels = torch.tensor(native, device=device, dtype=dtype)
        return ((levels - self.low) / self._scale).unsqueeze(1)

    def physical(self, channels):
        """Return what descriptors measure: grey levels in the images' own units."""
        return channels * self._scale + self.low

    def measured(self, channels):
        """Return the same as :meth:`physical`: grey images are decoded as they are."""
        return self.physical(channels)

    def decode(self, channels):
        """Return grey levels between the ends, (n, 1, *S) -> (n, *S)."""
        levels = self.physical(channels).squeeze(1).cpu().numpy()
        levels = levels.clip(self.low, self.high).astype(self.dtype)
        # Single precision may have rounded the ends themselves.
        return levels.clip(self.low, self.high)


def encoder_for(images: np.ndarray, phases: Sequence | None = None) -> "PhaseEncoder | GreyEncoder":
    """Choose the encoding that images call for.

    Booleans, integers and floats that are all whole numbers are phase labels;
    other floats are grey levels. Labels within {0, 1} always mean two phases, also
    where the images at hand show only one of them.

    Parameters
    ----------
    images : ndarray of shape (n, *spatial)
        Images.
    phases : sequence of int or None, default=None
        Labels that there are, where that is known; any number of them.

    Returns
    -------
    encoder : PhaseEncoder or GreyEncoder
        The encoding.

    Raises
    ------
    ValueError
        If integer images have more than 64 distinct values, or grey levels are too large
        for single precision, or images have other values than the phases stated.

    Warns
    -----
    GreyLevelWarning
        If grey levels lie outside [0, 1].
    LabelWarning
        If labels look like rims of a few phases, as of masks stored as JPEG.
    """
    if phases is not None:
        return _stated_encoder(images, phases)
    is_float = np.issubdtype(images.dtype, np.floating)
    if is_float and not _all_whole(images):
        return _grey_encoder(images)
    values = distinct_values(images)
    if len(values) > MAX_PHASES:
        if is_float:
            return _grey_encoder(images, whole=True)
        raise ValueError(
            f"X must have at most {MAX_PHASES} distinct labels, got {len(values)}: {TOO_MANY}."
        )
    if values[0] >= 0 and values[-1] <= 1:
        values = np.array([0, 1]).astype(images.dtype)
    warn_of_rims(images, values)
    return PhaseEncoder(values, images.dtype)


def _stated_encoder(images, phases):
    values = np.sort(np.asarray(phases))
    encoder = PhaseEncoder(values.astype(images.dtype), images.dtype)
    if not np.array_equal(encoder.phases, values):
        raise ValueError(f"phases must be labels of type {images.dtype}, got {phases!r}.")
    encoder.check(images, known="that phases states")
    return encoder


def _grey_encoder(images, whole=False):
    ends = [(block.min(), block.max()) for block in blocks_of(images)]
    low, high = min(low for low, _ in ends), max(high for _, high in ends)
    encoder = GreyEncoder(low, high, images.dtype)
    encoder.check(images)
    warn_of_levels(low, high, whole)
    return encoder


def distinct_values(images):
    """Return the sorted distinct values of images without a copy of the whole stack."""
    if images.dtype.itemsize == 1 and images.dtype != bool:
        present = np.zeros(256, dtype=bool)
        for block in blocks_of(images):
            present |= np.bincount(block.ravel().view(np.uint8), minlength=256) > 0
        return np.sort(np.flatnonzero(present).astype(np.uint8).view(images.dtype))
    values = np.zeros(0, images.dtype)
    for block in blocks_of(images):
        values = np.union1d(values, np.unique(block))
    return values


def _all_whole(images):
    return all(np.array_equal(block, np.rint(block)) for block in blocks_of(images))
