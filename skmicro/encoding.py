"""From images to channels and back.

Networks see ``(n, n_channels, *spatial)``. A :class:`PhaseEncoder` turns ``C`` phase
labels into one-hot channels; a network answers with a softmax over the channels, and
an image is the label of the largest one (Joshi et al. 2020, Sec. 4). A
:class:`GreyEncoder` scales grey levels to one channel in [0, 1].

**Exact phase fractions.** Adding an offset ``b_c`` to the log-probability of phase
``c`` before the argmax moves voxels between phases, the least certain ones first. The
offsets that give prescribed counts ``n_c`` minimise the convex function

    sum_x max_c (l_c(x) + b_c) - sum_c n_c b_c,

the dual of the assignment of voxels to phases with those counts and the largest total
log-probability. With two phases this is a decision threshold chosen by sorting.
"""

from functools import reduce

import numpy as np
import torch

from .persistence import Persistent

MAX_PHASES = 64
MAX_GREY = 1e12
CHECKED_VOXELS = 2**20
MAX_ROUNDS = 200


class PhaseEncoder(Persistent):
    """Labels to one-hot channels.

    Parameters
    ----------
    phases : ndarray of shape (n_phases,)
        Sorted labels.
    dtype : numpy.dtype
        Type of the label images.
    """

    def __init__(self, phases, dtype):
        self.phases = np.asarray(phases)
        self.dtype = np.dtype(dtype)

    @property
    def n_channels(self):
        """Number of phases."""
        return len(self.phases)

    def channel_of(self, phase):
        """Return the channel of a label.

        Parameters
        ----------
        phase : int or None
            The label; ``None`` stands for the largest one.

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
                f"phase must be one of the labels {self.phases.tolist()}, got {phase!r}."
            )
        return int(matches[0])

    def check(self, images, name="X", known="seen in fit"):
        """Raise ValueError if the images hold a label that is not ``known``."""
        size = max(1, CHECKED_VOXELS // max(1, images[:1].size))
        blocks = (images[start : start + size] for start in range(0, len(images), size))
        n_known = sum(np.count_nonzero(block == phase) for block in blocks for phase in self.phases)
        if n_known < images.size:
            unseen = np.setdiff1d(distinct_values(images), self.phases)
            raise ValueError(
                f"{name} must hold only the phases {self.phases.tolist()} {known}, "
                f"got {unseen[:5].tolist()}."
            )

    def encode(self, images, device="cpu", dtype=torch.float32):
        """Return one-hot channels, (n, *S) -> (n, C, *S)."""
        channels = torch.empty(len(images), self.n_channels, *images.shape[1:], dtype=dtype)
        for channel, phase in enumerate(self.phases):
            channels[:, channel] = torch.from_numpy(np.asarray(images == phase))
        return channels.to(device)

    def physical(self, channels):
        """Return what descriptors measure: the phase probabilities themselves."""
        return channels

    def measured(self, channels):
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

    def decode_counts(self, channels, counts):
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
        logits = channels.double().clamp_min(1e-30).log().reshape(n, n_channels, -1).cpu().numpy()
        index = np.stack([_assign(row, count) for row, count in zip(logits, counts, strict=True)])
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

    n_channels = 1
    phases = None

    def __init__(self, low, high, dtype):
        self.low = float(low)
        self.high = float(high)
        self.dtype = np.dtype(dtype)

    @property
    def _scale(self):
        return self.high - self.low or 1.0

    def channel_of(self, phase):
        """Return 0; grey images have no phases to choose from.

        Parameters
        ----------
        phase : None
            No other value is allowed.

        Returns
        -------
        channel : int
            Always 0.

        Raises
        ------
        ValueError
            If a phase is asked for.
        """
        if phase is not None:
            raise ValueError(f"phase must be None for grey-level images, got {phase!r}.")
        return 0

    def check(self, images, name="X", known=None):
        """Raise where descriptors of the grey levels would leave single precision."""
        largest = float(np.abs(images).max())
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
        """Return grey levels, (n, 1, *S) -> (n, *S)."""
        levels = self.physical(channels).squeeze(1).cpu().numpy()
        return levels.clip(self.low, self.high).astype(self.dtype)


def encoder_for(images):
    """Choose the encoding that images call for.

    Booleans, integers and floats that are all whole numbers are phase labels;
    other floats are grey levels. Labels within {0, 1} always mean two phases, also
    where the images at hand show only one of them.

    Parameters
    ----------
    images : ndarray of shape (n, *spatial)
        Images.

    Returns
    -------
    encoder : PhaseEncoder or GreyEncoder
        The encoding.

    Raises
    ------
    ValueError
        If integer images have more than 64 distinct values, or grey levels are too large
        for single precision.
    """
    is_float = np.issubdtype(images.dtype, np.floating)
    if is_float and not _all_whole(images):
        return _grey_encoder(images)
    values = distinct_values(images)
    if len(values) > MAX_PHASES:
        if is_float:
            return _grey_encoder(images)
        raise ValueError(
            f"X must have at most {MAX_PHASES} distinct labels, got {len(values)}; "
            "convert grey levels to float."
        )
    if values[0] >= 0 and values[-1] <= 1:
        values = np.array([0, 1]).astype(images.dtype)
    return PhaseEncoder(values, images.dtype)


def _grey_encoder(images):
    encoder = GreyEncoder(images.min(), images.max(), images.dtype)
    encoder.check(images)
    return encoder


def distinct_values(images):
    """Return the sorted distinct values of images without a copy of the whole stack."""
    if images.dtype.itemsize == 1 and images.dtype != bool:
        present = np.zeros(256, dtype=bool)
        for image in images:
            present[image.ravel().view(np.uint8)] = True
        return np.sort(np.flatnonzero(present).astype(np.uint8).view(images.dtype))
    values = np.zeros(0, images.dtype)
    for image in images:
        values = np.union1d(values, np.unique(image))
    return values


def _all_whole(images):
    return all(np.array_equal(image, np.rint(image)) for image in images)


def balanced_offsets(scores, counts, start):
    """Return offsets whose argmax gives every phase of one image its number of voxels.

    Phases take turns: with the other offsets fixed, the offset that gives phase ``c``
    its count lies midway between two of its margins. Every turn is an exact minimisation
    along one coordinate of the convex dual; for two phases it is the only one. The first
    phase keeps its offset, since only differences matter.

    Parameters
    ----------
    scores : ndarray of shape (C, N)
        Scores of the phases, such as log-probabilities.
    counts : ndarray of shape (C,), int
        Voxels of each phase, at least one; they sum to N.
    start : ndarray of shape (C,)
        Offsets to begin with.

    Returns
    -------
    offsets : ndarray of shape (C,)
        Offsets that meet the counts, but for ties and where the rounds are used up.
    """
    offsets = np.array(start)
    for _ in range(MAX_ROUNDS):
        before = offsets.copy()
        for c in range(1, len(scores)):
            rivals = scores + offsets[:, None]
            rivals[c] = -np.inf
            offsets[c] = _threshold(scores[c] - rivals.max(axis=0), counts[c])
        if len(scores) <= 2 or np.array_equal(offsets, before):
            break
        labels = (scores + offsets[:, None]).argmax(axis=0)
        if np.array_equal(np.bincount(labels, minlength=len(scores)), counts):
            break
    return offsets


def _threshold(margins, count):
    """Offset that makes ``count`` of the margins positive, some but not all of them."""
    place = len(margins) - count
    below, above = np.partition(margins, (place - 1, place))[place - 1 : place + 1]
    return -0.5 * (above + below)


def _assign(logits, counts):
    """Labels of one image, (C, N) log-probabilities, with the given counts.

    Voxels that balanced offsets leave undecided move by smallest loss.
    """
    present = np.flatnonzero(counts)
    logits, counts = logits[present], np.asarray(counts)[present]
    offsets = balanced_offsets(logits, counts, np.zeros(len(logits)))
    shifted = logits + offsets[:, None]
    return present[_repair(shifted, shifted.argmax(axis=0), counts)]


def _repair(shifted, labels, counts):
    """Move voxels from phases in surplus to phases in need, those that lose least first."""
    surplus = np.bincount(labels, minlength=len(counts)) - counts
    while surplus.any():
        needy = np.flatnonzero(surplus < 0)
        rich = np.flatnonzero(surplus[labels] > 0)
        loss = shifted[labels[rich], rich] - shifted[np.ix_(needy, rich)]
        best = loss.argmin(axis=0)
        order = np.argsort(loss[best, np.arange(len(rich))], kind="stable")
        voxels, sources, targets = rich[order], labels[rich[order]], needy[best[order]]
        ends = [np.flatnonzero(sources == c)[:n][-1] for c, n in enumerate(surplus) if n > 0]
        for c in needy:
            arriving = np.flatnonzero(targets == c)[: -surplus[c]]
            ends += [arriving[-1]] if len(arriving) == -surplus[c] else []
        moved = slice(min(ends) + 1)
        labels[voxels[moved]] = targets[moved]
        surplus = np.bincount(labels, minlength=len(counts)) - counts
    return labels
