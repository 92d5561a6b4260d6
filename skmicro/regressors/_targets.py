"""Transformation between targets and network outputs.

A network predicts numbers minus their trend with the phase fractions, of variance 1. For free
targets the numbers are the targets themselves, for tensors between bounds the components of a
symmetric matrix S, of any size,

    C = C_V - L Y L,        L L = C_V - C_R,        Y = 1 / (1 + exp(-S)),

with C_V and C_R the bounds of Voigt and Reuss of the image, L the symmetric square root and Y a
function of a matrix: the eigenvectors are those of S, the eigenvalues lie between 0 and 1. Since
0 < Y < 1, C_R < C < C_V in the order of symmetric matrices. It is the parametrisation of Keshav et
al. 2025 ("Spectral normalization and Voigt-Reuss net", arXiv 2504.00712) with S for what the
network predicts. Rotations of the image act on S as on C, because the bounds are isotropic.
"""

from typing import ClassVar

import numpy as np
import torch
from sklearn.base import clone

from .. import _arrays
from .._warnings import warn_user
from ..exceptions import EstimateWarning
from ..images import GreyEncoder, PhaseEncoder, point_symmetries
from ..properties import EffectiveConductivity, ElasticStiffness
from ..registry import Persistent
from ..rules import Rule, array_of, instance_of
from ._trend import FractionTrend

PROPERTIES = {"stiffness": ElasticStiffness, "conductivity": EffectiveConductivity}
LEAST_SHARE = 1e-4
"""How near to a bound labels may lie, as a share of the way to the other."""
LARGEST_LOGIT = 20.0
"""Where predictions end: nearer to the bounds rounding would decide."""
OUTSIDE = 0.01
"""How far beyond a bound targets count as outside, as a share of the largest component."""
MOSTLY_OUTSIDE = 0.1
"""Share of images outside above which targets are taken for something else."""
LEAST_GAP = 1e-10
"""Eigenvalues of C_V - C_R below this share of those of C_V are zero."""


def tensor_target():
    """Return the rule of what targets are: plain numbers, or the components of a tensor."""

    def check(name, value):
        named = isinstance(value, str) and value in PROPERTIES
        if not (value is None or named or isinstance(value, tuple(PROPERTIES.values()))):
            raise ValueError(
                f"{name} must be None, one of {sorted(PROPERTIES)}, an ElasticStiffness or an "
                f"EffectiveConductivity, got {value!r}."
            )

    kinds = "ElasticStiffness, EffectiveConductivity or None"
    return Rule(f'{{"stiffness", "conductivity"}}, {kinds}', check)


def bound_property(target, encoder, image_shape, n_outputs):
    """Return the property whose components targets are, which knows the images; None for numbers.

    ValueError if it has another number of components.
    """
    if target is None:
        return None
    found = PROPERTIES[target]() if isinstance(target, str) else clone(target)
    found._bind(encoder, image_shape)
    n_components = len(found.get_feature_names_out())
    if n_components != n_outputs:
        raise ValueError(
            f"y must have {n_components} columns, the outputs of target={target!r}, got "
            f"{n_outputs}."
        )
    return found


class FreeTargets(Persistent):
    """Targets of any size, less their trend, in units of their spread.

    Parameters
    ----------
    tensor : ElasticStiffness, EffectiveConductivity or None
        The property whose components they are.
    encoder : PhaseEncoder or GreyEncoder
        Encoding of the images.
    degree : int
        Degree of the trend, a polynomial in the phase fractions.
    symmetries : sequence of str
        Symmetries by which images may be moved; the trend of tensors has them.
    """

    _kept: ClassVar = ("encoder", "spread", "symmetries", "tensor", "trend")
    _values: ClassVar = {
        "encoder": instance_of(PhaseEncoder, GreyEncoder),
        "spread": array_of("f"),
        "trend": instance_of(FractionTrend),
    }

    def __init__(self, tensor, encoder, degree, symmetries):
        self.tensor = tensor
        self.encoder = encoder
        self.trend = FractionTrend(degree, encoder)
        self.symmetries = tuple(symmetries)

    def _check_agreement(self):
        if self.trend.coefficients.shape[1:] != self.spread.shape:
            raise ValueError(f"trend must have {len(self.spread)} columns, as spread has.")

    def fit(self, samples):
        """Learn trend and spread of the network outputs for the training samples."""
        images, weights = samples.images, samples.weights
        numbers = self._numbers(samples.targets, images)
        self.trend.fit(images, numbers, weights)
        if self.tensor is not None:
            self.trend.symmetrise(self.tensor.turned, images.shape[1:], self.symmetries)
        distances = np.abs(numbers - self.trend(images))
        largest = np.where(distances.max(axis=0) > 0, distances.max(axis=0), 1.0)
        spread = largest * np.sqrt(np.average((distances / largest) ** 2, axis=0, weights=weights))
        # Constants are predicted exactly. Those of a tensor vary if images are rotated.
        self.spread = spread if self.tensor is None else np.where(spread > 0, spread, spread.max())
        return self

    def encode(self, samples):
        """Return the network outputs for samples, (n, n_outputs)."""
        numbers = self._numbers(samples.targets, samples.images)
        return (numbers - self.trend(samples.images)) / self._unit()

    def decode(self, told, images):
        """Return the targets of images (n, *spatial), from network outputs (k, n, n_outputs)."""
        return self._targets(told * self.spread + self.trend(images), images)

    def moved(self, targets, move):
        """Return the targets of moved images from those of the images before, (n, n_outputs)."""
        return targets if self.tensor is None else self.tensor.turned(targets, *move[:2])

    def turned(self, told, move):
        """Return the network outputs for moved images, from a tensor of those before."""
        if self.tensor is None:
            return told
        spread = told.new_tensor(self.spread)
        return self.moved(told * spread, move) / spread

    def check_turns(self, shape, n_outputs):
        """Raise ValueError unless the targets of images of a shape are known when they turn."""
        for move in point_symmetries(shape):
            self.moved(np.zeros((1, n_outputs)), move)

    def _unit(self):
        return np.where(self.spread > 0, self.spread, 1.0)

    def _numbers(self, targets, images):
        return targets

    def _targets(self, numbers, images):
        return numbers


class BoundedTargets(FreeTargets):
    """Tensors between the bounds of Voigt and Reuss; see the module."""

    def fit(self, samples):
        """Learn trend and spread, from targets that have to lie between the bounds."""
        self._check_between(samples)
        return super().fit(samples)

    def _check_between(self, samples):
        lower, upper = self._bounds(samples.images)
        C, largest = self.tensor.matrices(samples.targets), np.abs(upper).max(axis=(1, 2))
        least = [np.linalg.eigvalsh(gap).min(axis=1) for gap in (C - lower, upper - C)]
        n_outside = int(np.count_nonzero(np.minimum(*least) < -OUTSIDE * largest))
        if n_outside == 0:
            return
        message = (
            f"y must lie between the bounds of target={self.tensor!r} with output='bounded', got "
            f"{n_outside} of {len(samples)} images outside; is it in another unit, or of other "
            "phases?"
        )
        if n_outside > MOSTLY_OUTSIDE * len(samples):
            raise ValueError(message)
        warn_user(message, EstimateWarning)

    def _numbers(self, targets, images):
        _, inverse, missing, upper = self._roots(images)
        share = inverse @ (upper - self.tensor.matrices(targets)) @ inverse + missing / 2
        values, vectors = np.linalg.eigh(share)
        values = values.clip(LEAST_SHARE, 1 - LEAST_SHARE)
        return self.tensor.components(_composed(np.log(values / (1 - values)), vectors))

    def _targets(self, numbers, images):
        root, _, _, upper = self._roots(images)
        rows = numbers.reshape(-1, numbers.shape[-1])
        values, vectors = np.linalg.eigh(self.tensor.matrices(rows))
        shares = 1 / (1 + np.exp(-values.clip(-LARGEST_LOGIT, LARGEST_LOGIT)))
        way = _composed(shares, vectors).reshape(*numbers.shape[:-1], *upper.shape[1:])
        below = root @ way @ root
        matrices = upper - (below + below.swapaxes(-1, -2)) / 2
        rows = self.tensor.components(matrices.reshape(-1, *upper.shape[1:]))
        return rows.reshape(numbers.shape)

    def _roots(self, images):
        """Return L, its inverse, the projector on what it misses, and C_V, each (n, k, k)."""
        lower, upper = self._bounds(images)
        values, vectors = np.linalg.eigh(upper - lower)
        scale = np.abs(upper).max(axis=(1, 2))[:, None]
        open_ways = values > LEAST_GAP * scale
        roots = np.sqrt(np.where(open_ways, values, 0.0))
        inverses = np.divide(1.0, roots, out=np.zeros_like(roots), where=open_ways)
        parts = (roots, inverses, np.where(open_ways, 0.0, 1.0))
        return *(_composed(part, vectors) for part in parts), upper

    def _bounds(self, images):
        def both(index):
            channels = self.encoder.encode(images[index], dtype=torch.float64)
            return np.stack(self.tensor.bounds(self.encoder.physical(channels)), axis=1)

        size = _arrays.inference_batch_size(images.shape[1:])
        bounds = _arrays.map_batches(both, len(images), size)
        return bounds[:, 0], bounds[:, 1]


def _composed(values, vectors):
    """Return symmetric matrices of eigenvalues (n, k) and eigenvectors (n, k, k)."""
    return (vectors * values[:, None, :]) @ vectors.transpose(0, 2, 1)
