"""The life of a generator: validate, encode, train, sample, decode.

Subclasses say what is particular to a method in three places:

- ``_networks()``: factories of their networks, by name (``"generator"`` among them);
- ``_training_step(networks, rng)``: the objective and the updates;
- ``_generate(latents, conditions)``: latents to channels, where it is more than one
  call of the generator network.
"""

import copy
from numbers import Integral

import numpy as np
import torch
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .. import _arrays, _random
from .._callbacks import CallbackSupportMixin, FitTask, with_callbacks
from .._validation import (
    check_callables,
    check_feature_names,
    check_file_path,
    check_images,
    check_integer,
    check_latents,
    check_real,
    is_flat,
    unchanged_on_error,
)
from ..base import ImageEstimator
from ..descriptors import TwoPointCorrelation
from ..encoding import encoder_for
from ._conditions import ConditionTable, described
from ._latents import meet_targets, nearest_latents
from ._state import WEIGHTS, plain_parameters, rebuilt_networks, without_networks
from ._targets import exact_fractions, phase_counts, read_targets, warn_missed, warn_outside
from ._training import new_networks, train

SCORE_SAMPLES = 256
RUNNING = {"_skl_callbacks", "_parent_callback_ctx"}


class BaseGenerator(TransformerMixin, CallbackSupportMixin, ImageEstimator):
    """Base class of generators of microstructure images.

    Attributes
    ----------
    generator_ : torch.nn.Module
        The trained network.
    history_ : dict of str to ndarray
        Losses of every iteration.
    n_iter_ : int
        Iterations trained.
    image_shape_ : tuple of int
        Shape of one image.
    phases_ : ndarray or None
        Sorted labels; ``None`` for grey levels.
    n_features_in_ : int
        Voxels of one image.
    conditions_ : ConditionTable
        Descriptors whose values the network receives, with their values in the
        training images; empty without conditions.
    """

    @with_callbacks
    def fit(self, X, y=None):
        """Train on images.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Training images, at least two: phase labels (integers) or grey levels.
        y : None
            Ignored, present for API consistency.

        Returns
        -------
        self : object
            The fitted generator.

        Raises
        ------
        ValueError
            If the images or a parameter are not allowed.
        DivergenceError
            If a loss is not finite; the estimator is left as it was before.
        """
        return self._fit_anew(X, y, self.checkpoint)

    def _fit_anew(self, X, y, checkpoint):
        task = FitTask(self, self.n_iter, X, y)
        with unchanged_on_error(self):
            images = self._check_training_images(X, reset=True)
            self._fitted_with = plain_parameters(self)
            self.encoder_ = encoder_for(images)
            self.phases_ = self.encoder_.phases
            self._flat = is_flat(X)
            self.conditions_, rows = ConditionTable(
                self._condition_descriptors(),
                self.encoder_,
                self.image_shape_,
                self._matched_descriptors(),
            ).extended(images)
            self.n_iter_ = 0
            self.history_ = {}
            self._seed = _random.draw_seed(self.random_state)
            train(self, images, rows, new_networks(self), checkpoint, task)
        task.end()
        return self

    @with_callbacks
    def partial_fit(self, X, y=None):
        """Continue training for ``n_iter`` iterations, on these images.

        Optimizers start afresh from the networks reached; nothing is checkpointed.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Images of the shape and phases seen first.
        y : None
            Ignored, present for API consistency.

        Returns
        -------
        self : object
            The generator, trained further.
        """
        if not hasattr(self, "generator_"):
            return self._fit_anew(X, y, None)
        task = FitTask(self, self.n_iter, X, y)
        with unchanged_on_error(self):
            images = self._check_training_images(X, reset=False)
            self.encoder_.check(images)
            self.conditions_, rows = self.conditions_.extended(images)
            networks = {name: copy.deepcopy(getattr(self, f"{name}_")) for name in self._networks()}
            train(self, images, rows, networks, None, task)
        task.end()
        return self

    def sample(
        self, n_samples=1, *, random_state=None, return_targets=False, exact=False, **targets
    ):
        """Generate images, with targets where they are given.

        A target that is a condition of the network is fed to it; conditions that are
        not given are drawn from the training images (those nearest to the given
        ones). For any other target the latents are searched by gradient, within
        bounded work.

        Parameters
        ----------
        n_samples : int, default=1
            Number of images.
        random_state : None, int, RandomState or Generator, default=None
            Source of the latents. ``None`` draws new images in every call; an
            integer gives the same images, and the first ones do not depend on
            ``n_samples``.
        return_targets : bool, default=False
            Return the conditions and targets of the images as well.
        exact : bool, default=False
            Move the decision threshold of each image so that the phase fractions
            asked for are met to half a voxel. The phases' borders move by
            a fraction of a voxel where the network was nearly right; where it was
            not, the image's correlation functions change with its phase fraction.
        **targets : float or array-like
            Targets by descriptor name, e.g. ``p1=0.4``: a scalar, an array
            (n_samples,), or for a descriptor of k components (k,) or (n_samples, k).

        Returns
        -------
        images : ndarray of shape (n_samples, *image_shape)
            Images with the labels, type and layout of the training images.
        targets : dict of str to ndarray of shape (n_samples, n_components)
            Only with ``return_targets``: values asked for or drawn.

        Raises
        ------
        ValueError
            If a target is unknown, of wrong length or out of bounds.

        Warns
        -----
        ExtrapolationWarning
            If a target lies outside what the training images covered.
        TargetWarning
            If a searched target is missed by more than ``target_tol``.
        """
        check_is_fitted(self)
        check_integer("n_samples", n_samples, minimum=1)
        seed = _random.draw_seed(random_state)
        table = self.conditions_
        wanted = read_targets(
            targets, table.descriptors, self.encoder_, self.image_shape_, n_samples
        )
        fractions = exact_fractions(wanted) if exact else None
        for target in wanted:
            if target.name in table.ranges:
                warn_outside(target, *table.ranges[target.name])
        conditions = table.draw(n_samples, wanted, seed)
        latents = _random.normal_rows(n_samples, self._n_latent(), _random.numpy_generator(seed, 0))
        searched = [target for target in wanted if target.name not in table.names]
        if searched:
            latents = meet_targets(self, latents, conditions, searched, seed)
        images = self._decode(latents, conditions, fractions)
        if searched:
            warn_missed(images, searched, self.target_tol)
        if not return_targets:
            return images
        drawn = dict(zip(table.names, table.split(conditions), strict=True))
        return images, drawn | {target.name: target.values for target in wanted}

    def transform(self, X):
        """Find the latents of images.

        Without an encoder these are the latents whose images are nearest (mean
        squared difference of the channels), found by gradient descent from the best
        of a few fixed starting points.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Images.

        Returns
        -------
        latents : ndarray of shape (n, n_latent + n_conditions)
            Latent vectors, followed by the conditions of the images where the
            network has any.
        """
        check_is_fitted(self)
        images = check_images(self, X, reset=False)
        self.encoder_.check(images)
        conditions = self.conditions_.describe(images)
        return np.hstack([nearest_latents(self, images, conditions), conditions])

    def inverse_transform(self, Z):
        """Turn latents into images.

        Parameters
        ----------
        Z : array-like of shape (n, n_latent + n_conditions)
            Latents as :meth:`transform` returns them.

        Returns
        -------
        images : ndarray of shape (n, *image_shape)
            Their images.
        """
        check_is_fitted(self)
        n_latent = self._n_latent()
        Z = check_latents(self, Z, n_latent + self.conditions_.n_columns)
        return self._decode(Z[:, :n_latent], Z[:, n_latent:])

    def reconstruct(self, X):
        """Return ``inverse_transform(transform(X))``."""
        return self.inverse_transform(self.transform(X))

    def interpolate(self, a, b, n_steps=10):
        """Generate images along the latent line between two images or latents.

        Parameters
        ----------
        a, b : array-like
            Two images of shape ``image_shape_`` (or flat), or two latent vectors.
        n_steps : int, default=10
            Number of images, the two ends included.

        Returns
        -------
        images : ndarray of shape (n_steps, *image_shape)
            The first is the image of ``a``, the last that of ``b``.
        """
        check_is_fitted(self)
        check_integer("n_steps", n_steps, minimum=2)
        ends = [self._latent_vector(end) for end in (a, b)]
        share = np.linspace(0.0, 1.0, n_steps, dtype=np.float32)[:, None]
        return self.inverse_transform((1.0 - share) * ends[0] + share * ends[1])

    def score(self, X, y=None):
        """Return minus the distance between the correlations of ``X`` and of samples.

        The distance is the relative error ||S2 - S2'|| / ||S2'|| of the mean radial
        two-point correlation of 256 samples against that of ``X``, for every phase but
        the first. It wraps around the borders if the generator is ``periodic``.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Images to compare with.
        y : None
            Ignored, present for API consistency.

        Returns
        -------
        score : float
            At most 0; higher is better.
        """
        check_is_fitted(self)
        images = check_images(self, X, reset=False)
        self.encoder_.check(images)
        samples = self.sample(SCORE_SAMPLES, random_state=0).reshape(-1, *self.image_shape_)
        phases = [None] if self.phases_ is None else self.phases_[-max(1, len(self.phases_) - 1) :]
        periodic = getattr(self, "periodic", True)
        curves = [
            TwoPointCorrelation(phase=phase, periodic=periodic)._bind(
                self.encoder_, self.image_shape_
            )
            for phase in phases
        ]
        wanted, got = (described(curves, stack).mean(axis=0) for stack in (images, samples))
        return -float(np.linalg.norm(got - wanted) / max(np.linalg.norm(wanted), 1e-12))

    def get_feature_names_out(self, input_features=None):
        """Return the names of the columns of :meth:`transform`.

        Parameters
        ----------
        input_features : array-like of str or None, default=None
            Only checked against the names seen in ``fit``.

        Returns
        -------
        names : ndarray of str
            ``latent0``, ``latent1``, ..., then the names of the conditions.
        """
        check_is_fitted(self)
        check_feature_names(self, input_features)
        names = [f"latent{k}" for k in range(self._n_latent())]
        for descriptor in self.conditions_.descriptors:
            names += descriptor._feature_names()
        return np.asarray(names, dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _networks(self):
        """Return factories of the networks, by name."""
        raise NotImplementedError

    def _training_step(self, networks, rng):
        """Return the TrainingStep that trains these networks."""
        raise NotImplementedError

    def _generate(self, latents, conditions):
        """Return the channels of latents, (n, n_latent), (n, k) -> (n, C, *S)."""
        return self.generator_(latents, conditions)

    def _condition_descriptors(self):
        """Return new descriptors whose values the networks receive."""
        return []

    def _matched_descriptors(self):
        """Return new descriptors whose training values the training step wants."""
        return []

    def _n_latent(self):
        return self.generator_.n_latent

    def _check_parameters(self):
        """Raise if a parameter that all generators share is not allowed."""
        check_integer("n_iter", self.n_iter, minimum=1)
        check_integer("batch_size", self.batch_size, minimum=2)
        check_real("learning_rate", self.learning_rate, 0.0, open_low=True)
        check_integer("n_latent", self.n_latent, minimum=1)
        check_real("target_tol", self.target_tol, 0.0)
        check_integer("checkpoint_every", self.checkpoint_every, minimum=1)
        check_file_path("checkpoint", self.checkpoint)
        check_callables("callbacks", self.callbacks)
        _arrays.resolve_device(self.device)
        _arrays.resolve_precision(self.precision)

    def _check_training_images(self, X, reset):
        self._check_parameters()
        return check_images(self, X, reset=reset, min_samples=2)

    @property
    def _device(self):
        return next(self.generator_.parameters()).device

    @property
    def _dtype(self):
        return next(self.generator_.parameters()).dtype

    @property
    def _batch_size(self):
        return _arrays.inference_batch_size(self.image_shape_)

    def _tensor(self, array):
        return torch.tensor(np.asarray(array), device=self._device, dtype=self._dtype)

    def _decode(self, latents, conditions, fractions=None):
        """Images of latents in the layout of the training images."""

        def decode(index):
            with torch.no_grad():
                channels = self._generate(
                    self._tensor(latents[index]), self._tensor(conditions[index])
                )
            if fractions is None:
                return self.encoder_.decode(channels)
            counts = phase_counts(fractions, index, channels, self.encoder_)
            return self.encoder_.decode_counts(channels, counts)

        images = _arrays.map_batches(decode, len(latents), self._batch_size)
        return images.reshape(len(images), -1) if self._flat else images

    def _latent_vector(self, end):
        end = np.asarray(end)
        n_columns = self._n_latent() + self.conditions_.n_columns
        is_image = self._flat and end.size == self.n_features_in_
        if end.ndim == 1 and len(end) == n_columns and not is_image:
            return end[None].astype(np.float32)
        return self.transform(end[None])

    def _persistent_state(self):
        """State for a file: callbacks and random generators stay behind."""
        state = self.__getstate__() | {"callbacks": None}
        state = {k: v for k, v in state.items() if k not in RUNNING}
        seeded = self.random_state is None or isinstance(self.random_state, Integral)
        return state if seeded else state | {"random_state": None}

    def __getstate__(self):
        return without_networks(super().__getstate__(), self._network_names())

    def __setstate__(self, state):
        super().__setstate__({key: value for key, value in state.items() if key != WEIGHTS})
        for name, module in rebuilt_networks(self, state.get(WEIGHTS, {})).items():
            setattr(self, f"{name}_", module)

    def _network_names(self):
        return list(self._networks()) if hasattr(self, "generator_") else []
