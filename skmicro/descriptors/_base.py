"""A descriptor: one differentiable function of phase probabilities, as a transformer."""

from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .. import _arrays
from .._rollback import unchanged_on_error
from ..images import EncodingEstimator, check_feature_names, check_images, known_voxels
from ..parameters import check_parameters

FEW_CHANNELS = 64
"""Up to which batches are as large as for one channel."""

ROWS_CHECKED = 2**14
"""Rows of features that are looked at together, so that masks of all are never there at once."""


class BaseDescriptor(TransformerMixin, EncodingEstimator):
    """A descriptor: one differentiable function of phase probabilities.

    Subclasses set ``name`` (how targets and invariances call the descriptor), declare their
    parameters (see :mod:`skmicro.parameters`), and implement :meth:`_describe` and
    :meth:`_feature_names`. Those whose features have no gradient, such as counts, set
    ``differentiable = False`` and refuse tensors that require one. Those that can do without some
    voxels set ``takes_unknown = True``. Their ``_describe(images, known=None)`` receives the
    known voxels, a tensor (n, *spatial) of ones and zeros, of images where some are not.
    """

    name = None
    differentiable = True
    _may_be_infinite = False

    def fit(self, X: ArrayLike, y=None) -> Self:
        """Learn the shape and the phases of the images.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Images.
        y : None
            Ignored, present for API consistency.

        Returns
        -------
        self : object
            The fitted descriptor.
        """
        with unchanged_on_error(self):
            check_parameters(self)
            images = check_images(self, X, reset=True)
            self._bind(self._encoder_for(images), images.shape[1:], self._told_borders(images))
        return self

    def _told_borders(self, images):
        """Return whether images wrap around, where that matters."""
        return None

    def _bind(self, encoder, image_shape, periodic=None):
        """Make the descriptor ready for images of a known encoding, shape and borders."""
        self.encoder_ = encoder
        self.phases_ = encoder.phases
        self.image_shape_ = tuple(image_shape)
        self.n_features_in_ = int(np.prod(image_shape))
        self._check_parameters()
        stated = getattr(self, "phases", None)
        if stated is not None and sorted(stated) != np.ravel(self.phases_).tolist():
            raise ValueError(f"phases must be those of the images, {self.phases_}, got {stated!r}.")
        return self

    def _check_kept_parameters(self):
        if hasattr(self, "encoder_"):
            self._check_parameters()
        else:
            super()._check_kept_parameters()

    def transform(self, X: ArrayLike) -> np.ndarray | torch.Tensor:
        """Describe images.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Images of the shape and with the phases that ``fit`` saw.

        Returns
        -------
        features : ndarray or Tensor of shape (n, n_features)
            One row for each image; a tensor where ``X`` is a tensor. NaN where the known voxels of
            an image with unknown ones, masked or NaN, do not determine a feature.

        Raises
        ------
        ValueError
            If the images have another shape or an unseen phase, a feature is not finite, or voxels
            are unknown and the descriptor has no use for that.
        """
        check_is_fitted(self)
        self._check_parameters()
        images = check_images(self, X, reset=False)
        self.encoder_.check(images)
        features = self._transformed(images, X.device if isinstance(X, torch.Tensor) else "cpu")
        masked = known_voxels(images) is not None
        for part in features.split(ROWS_CHECKED):
            wrong = part.isnan() if self._may_be_infinite else ~part.isfinite()
            if masked:
                wrong &= ~part.isnan()
            if wrong.any():
                raise ValueError(
                    f"{type(self).__name__}._describe must return finite numbers, got "
                    f"{part[wrong][0]:g}."
                )
        return features if isinstance(X, torch.Tensor) else features.numpy()

    def _transformed(self, images, device):
        """Describe checked images (n, *spatial), and return a tensor on ``device``."""
        known = known_voxels(images)
        if known is None:
            return self._in_batches(images, device)
        # Whole images by themselves: what they get does not depend on what comes with them.
        whole = known.reshape(len(known), -1).all(axis=1)
        images, place = np.asarray(images), torch.as_tensor(whole, device=device)
        rows = self._in_batches(images[~whole], device, known[~whole])
        features = rows.new_empty(len(images), rows.shape[1])
        features[~place] = rows
        if whole.any():
            features[place] = self._in_batches(images[whole], device)
        return features

    @torch.no_grad()
    def _in_batches(self, images, device, known=None):
        """Describe images in batches; ``known`` says which voxels are, where not all of them."""
        double = self.phases_ is None and images.dtype == np.float64
        dtype = torch.float64 if double else torch.float32
        n_features = self._n_features()

        def describe(index):
            channels = self.encoder_.physical(self.encoder_.encode(images[index], device, dtype))
            if known is None:
                features = self._describe(channels)
            else:
                told = torch.as_tensor(known[index], dtype=dtype, device=device)
                features = self._describe(channels, told)
            return self._of_shape((len(index), n_features), features)

        n_channels = self.encoder_.n_channels
        batch_size = _arrays.inference_batch_size(self.image_shape_)
        batch_size = max(1, batch_size * FEW_CHANNELS // max(FEW_CHANNELS, n_channels))
        return _arrays.map_batches(describe, len(images), batch_size)

    def __call__(self, images):
        """Describe phase probabilities, differentiably.

        Parameters
        ----------
        images : Tensor of shape (n, n_channels, *spatial)
            Phase probabilities (one-hot of the sorted labels) or one grey channel.

        Returns
        -------
        features : Tensor of shape (n, n_features)
            The same features as :meth:`transform`, on the same device, with gradients.

        Raises
        ------
        ValueError
            If ``images`` is not a floating-point tensor of 4 or 5 axes, or has
            another number of channels than ``fit`` saw.
        TypeError
            If ``images`` requires gradients and the descriptor has none.
        """
        if not isinstance(images, torch.Tensor) or not images.is_floating_point():
            raise ValueError(f"images must be a floating-point tensor, got {type(images)}.")
        if images.ndim not in (4, 5):
            raise ValueError(
                "images must have shape (n, n_channels, *spatial) with 2 or 3 spatial axes, "
                f"got {tuple(images.shape)}."
            )
        if 0 in images.shape:
            raise ValueError(f"images must not be empty, got shape {tuple(images.shape)}.")
        encoder = getattr(self, "encoder_", None)
        if encoder is not None and images.shape[1] != encoder.n_channels:
            raise ValueError(
                f"images must have {encoder.n_channels} channels, as in fit, got {images.shape[1]}."
            )
        if images.requires_grad and not self.differentiable:
            raise TypeError(
                f"images must not require gradients: {type(self).__name__} is not "
                "differentiable, got a tensor with requires_grad=True."
            )
        self._check_parameters()
        return self._ready_for(images)._describe(images)

    def _ready_for(self, images):
        """Return the descriptor, or a copy that has learned from channels what it must know."""
        return self

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
        """Return the names of the output columns.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Only checked against the names seen in ``fit``.

        Returns
        -------
        names : ndarray of str
            One name for each column of :meth:`transform`.
        """
        check_is_fitted(self)
        check_feature_names(self, input_features)
        return np.asarray(self._feature_names(), dtype=object)

    def _phase_field(self, images, phase):
        """Return the probability field (n, *spatial) of one phase.

        Before ``fit`` only ``phase=None``, the last channel, has a meaning.
        """
        if phase is None:
            return images[:, -1]
        check_is_fitted(self)
        return images[:, self.encoder_.channel_of(phase)]

    def _target_bounds(self):
        """Return the least and the largest value a target of this descriptor can take."""
        return -np.inf, np.inf

    def _feature_bounds(self):
        """Return the least and the largest value of each feature, two arrays (n_features,)."""
        return tuple(np.full(self._n_features(), end) for end in self._target_bounds())

    def _n_features(self):
        """Return the number of features; override where naming them all takes long."""
        return len(self._feature_names())

    def _of_shape(self, shape, features):
        """Return what ``_describe`` returned if it has this shape."""
        tensor = isinstance(features, torch.Tensor)
        if not tensor or features.shape != shape:
            got = f"shape {tuple(features.shape)}" if tensor else f"{type(features)}"
            raise ValueError(
                f"{type(self).__name__}._describe must return a tensor of shape {shape}: a row "
                f"for each image, a column for each of its _feature_names; got {got}."
            )
        return features

    def _describe(self, images):
        raise NotImplementedError(f"{type(self).__name__} must define _describe, got none.")

    def _feature_names(self):
        raise NotImplementedError(f"{type(self).__name__} must define _feature_names, got none.")
