"""The life of a generator: validate, encode, learn, sample, decode.

Subclasses say what is particular to a method in ``_learn(images, rows, task)``, what is learned
from images and their conditions, and in ``_model()``, the fitted state as one object, which turns
latents into images. Those made of networks say less: see :class:`NetworkGenerator`.
"""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import TransformerMixin
from sklearn.utils.validation import check_is_fitted

from .. import _random
from .._arrays import joined, parts_of
from .._callbacks import CallbackSupportMixin, FitTask, with_callbacks
from .._checks import check_choice, check_image_shape, check_integer
from .._rollback import unchanged_on_error
from .._typing import Seed
from ..conditioning import (
    ConditionTable,
    exact_fractions,
    images_for,
    read_targets,
    variable_values,
    warn_missed,
    warn_outside,
)
from ..images import (
    EncodingEstimator,
    check_feature_names,
    check_images,
    check_latents,
    is_flat,
    wraps_around,
)
from ..parameters import RUNNING, SAMPLING, check_parameters, parameter
from ..rules import boolean, instance_of, random_state, real
from ..training import agreed_seed, begin_together
from ._ends import latent_vector
from ._score import distribution_distance
from ._sources import WholeImages

SCORE_SAMPLES = 256


class BaseGenerator(TransformerMixin, CallbackSupportMixin, EncodingEstimator):
    """Base class of generators of microstructure images.

    Attributes
    ----------
    conditions_ : ConditionTable
        Descriptors whose values are inputs of the generator, with their values in the
        training images; empty without conditions.
    """

    target_tol: float = parameter(
        0.01,
        real(0.0, finite=False),
        """Root mean square error up to which a target counts as met. If an image misses a phase
        fraction, its threshold is moved; if it misses another condition, it is generated again;
        other targets are met by a search for latents.""",
        SAMPLING,
    )
    random_state: object = parameter(
        None, random_state(), "Seed of weights, batches and latents.", RUNNING
    )

    _kept: ClassVar = ("_flat", "_seed")
    _values: ClassVar = {"conditions_": instance_of(ConditionTable), "_flat": boolean()}
    _fitted: ClassVar = ("_flat", "_seed", "conditions_")
    _min_images = 2
    _conditions_class = ConditionTable

    @with_callbacks
    def fit(self, X: ArrayLike, y=None) -> Self:
        """Train on images.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Training images: phase labels (integers) or grey levels.
        y : array-like, DataFrame or None, default=None
            Process variables, where ``conditions`` may name columns of it; else ignored.

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
        return self._fit_anew(X, y, self._learn)

    def _fit_anew(self, X, y, learn):
        begin_together(self)
        task = FitTask(self, getattr(self, "n_iter", 0), X, y)
        with unchanged_on_error(self):
            images = self._check_training_images(X, reset=True)
            self.encoder_ = self._encoder_for(images)
            self.phases_ = self.encoder_.phases
            self._flat = is_flat(X)
            self._seed = agreed_seed(self.random_state)
            table = self._conditions_class(
                self._condition_descriptors(),
                self.encoder_,
                self.image_shape_,
                self._measured_descriptors(),
                wraps_around(self),
            )
            self.conditions_, rows = self._extended(table, images, y)
            learn(images, rows, task)
        task.end()
        return self

    def sample(
        self,
        n_samples: int = 1,
        *,
        random_state: Seed = None,
        return_targets: bool = False,
        exact: bool = False,
        shape: tuple[int, ...] | None = None,
        periodic: bool | None = None,
        **targets: float | ArrayLike,
    ):
        """Sample images, optionally with targets.

        A target that is a condition of the generator is an input of its network. If an image
        misses it by more than ``target_tol``, the image is generated again with a corrected
        input; phase fractions are corrected without a second pass, by moving the decision
        threshold of the image. Conditions without a target are drawn from the training images
        (nearest to the given targets). Any other target is met by a gradient search for latents.
        The number of corrections and steps is limited. Conditions keep their definition from
        ``fit``; other names are descriptors with default parameters, periodic if the generated
        images are.

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
            Move the decision threshold of every image, not only of those that miss by more than
            ``target_tol``, so that the target phase fractions are met to half a voxel. Phase
            borders move by a fraction of a voxel if the network was nearly correct; otherwise
            the correlation functions of the image change with its phase fraction.
        shape : tuple of int or None, default=None
            Size of the images, by default that of the training images; for generators
            that are homogeneous in space (fully convolutional, or a random field).
        periodic : bool or None, default=None
            Whether opposite borders of the images match, for the same generators;
            ``None`` means as in training.
        **targets : float or array-like
            Targets by descriptor name, e.g. ``p1=0.4``: a scalar, an array
            (n_samples,), or for a descriptor of k components (k,) or (n_samples, k).
            ``volume_fraction`` is an alias of ``p1``, or sets phases by label:
            ``volume_fraction={0: 0.3}``, one phase, all, or all but one.

        Returns
        -------
        images : ndarray of shape (n_samples, *image_shape)
            Images with the labels, type and layout of the training images; with
            ``shape`` or ``periodic`` always (n_samples, *shape).
        targets : dict of str to ndarray of shape (n_samples, n_components)
            Only with ``return_targets``: values given or drawn.

        Raises
        ------
        ValueError
            If a target is unknown, of wrong length or out of bounds, or the generator
            supports one image size only.

        Warns
        -----
        ExtrapolationWarning
            If a target lies outside the range of the training images.
        TargetWarning
            If a target is missed by more than ``target_tol``.
        ThresholdWarning
            If ``exact`` moved more than 5 % of an image's voxels to another phase.
        """
        check_is_fitted(self)
        check_integer("n_samples", n_samples, minimum=1)
        check_choice("exact", exact, (True, False))
        check_choice("return_targets", return_targets, (True, False))
        check_parameters(self, SAMPLING)
        model = self._model()
        if shape is not None or periodic is not None:
            model = self._resized(model, shape, periodic)
        seed = _random.draw_seed(random_state)
        table = model.conditions
        wanted = read_targets(targets, table, model.encoder, model.image_shape, n_samples)
        if exact:
            exact_fractions(wanted)
        warn_outside(wanted, table.ranges)
        conditions = np.empty((n_samples, table.n_columns), np.float32) if return_targets else None
        images = images_for(model, n_samples, wanted, exact, seed, conditions)
        warn_missed(images, wanted, model.target_tol, model.image_shape)
        if not return_targets:
            return images
        drawn = dict(zip(table.names, table.split(conditions), strict=True))
        return images, drawn | {target.name: target.values for target in wanted}

    def transform(self, X: ArrayLike) -> np.ndarray:
        """Find the latents of images.

        For generators without an inverse, these are the latents with the closest images
        (mean squared difference of the channels), found by quasi-Newton steps from the best of
        a few fixed starting points. An encoder computes them in one evaluation. Flows and random
        fields are inverted to their noise, up to integration or rounding errors.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Images.

        Returns
        -------
        latents : ndarray of shape (n, n_latent + n_conditions)
            Latent vectors, followed by the conditions of the images, if the
            network has any. Light networks have ``n_latent`` for each coarse voxel.
        """
        check_is_fitted(self)
        images = check_images(self, X, reset=False)
        self.encoder_.check(images)
        model, table = self._model(), self.conditions_

        def latents(part):
            conditions = table.completed(table.describe(images[part]))
            rows = model.latents_of(images[part], conditions).astype(np.float32)
            return np.hstack([rows, conditions])

        parts = parts_of(len(images), self.image_shape_)
        return joined((latents(part) for part in parts), len(images))

    def inverse_transform(self, Z: ArrayLike) -> np.ndarray:
        """Generate the images of latents.

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
        model = self._model()
        Z = check_latents(self, Z, model.n_latent + self.conditions_.n_columns)
        return model.decode(Z[:, : model.n_latent], Z[:, model.n_latent :])

    def reconstruct(self, X):
        """Return ``inverse_transform(transform(X))``."""
        return self.inverse_transform(self.transform(X))

    def interpolate(self, a: ArrayLike, b: ArrayLike, n_steps: int = 10) -> np.ndarray:
        """Generate images along the latent line between two images or latents.

        Parameters
        ----------
        a, b : array-like
            Two images of shape ``image_shape_`` (or flat), or two latent vectors. Ambiguous
            vectors are images if ``fit`` had flat images, else latents.
        n_steps : int, default=10
            Number of images, the two ends included.

        Returns
        -------
        images : ndarray of shape (n_steps, *image_shape)
            The first is the image of ``a``, the last that of ``b``.
        """
        check_is_fitted(self)
        check_integer("n_steps", n_steps, minimum=2)
        ends = [latent_vector(self, name, end) for name, end in (("a", a), ("b", b))]
        share = np.linspace(0.0, 1.0, n_steps, dtype=np.float32)[:, None]
        return self.inverse_transform(self._model().between(*ends, share))

    def score(self, X: ArrayLike, y=None) -> float:
        """Return minus the distance between 256 samples and other images, a single number.

        It is minus the sum of two terms, about 0 for samples that are like ``X`` and at most 1: the
        mean over descriptors of the coefficient of inhomogeneity of their distributions, and a
        repetition term, which is large if samples are closer to each other than to ``X``, as
        copies of few training images are. See the user guide.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Held-out images; if more than 256, an evenly spaced subset is used.
        y : None
            Ignored, present for API consistency.

        Returns
        -------
        score : float
            Higher is better: at most about 0, up to random fluctuations.

        Raises
        ------
        ValueError
            If the images have other phases or shapes, or none of the scored phases.
        """
        check_is_fitted(self)
        images = self._source.pieces(self, X)
        self.encoder_.check(images)
        samples = self.sample(SCORE_SAMPLES, random_state=0).reshape(-1, *self.image_shape_)
        return -distribution_distance(samples, images, self.encoder_, self.conditions_.periodic)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> np.ndarray:
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
        names = [f"latent{k}" for k in range(self._model().n_latent)]
        names += [name for d in self.conditions_.descriptors for name in d._feature_names()]
        return np.asarray(names, dtype=object)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def _learn(self, images, rows, task):
        """Learn from images (n, *S) and their conditions (n, k), naming the task."""
        raise NotImplementedError

    def _model(self):
        """Return the fitted state as a :class:`Model`; subclasses say of which class."""
        raise NotImplementedError

    def _shared_parts(self):
        """Return the parts that models of all generators have."""
        return {
            "encoder": self.encoder_,
            "image_shape": self.image_shape_,
            "conditions": self.conditions_,
            "target_tol": self.target_tol,
            "flat": self._flat,
        }

    def _resized(self, model, shape, periodic):
        """Return the model of images of another size."""
        if not model.homogeneous:
            raise ValueError(
                f"shape and periodic must be None for this {type(self).__name__}, which makes "
                f"images of one size, got shape={shape!r} and periodic={periodic!r}."
            )
        check_choice("periodic", periodic, (None, True, False))
        periodic = model.conditions.periodic if periodic is None else periodic
        shape = model.image_shape if shape is None else shape
        return model.resized(check_image_shape("shape", shape, (len(model.image_shape),)), periodic)

    def _condition_descriptors(self):
        """Return names or descriptors whose values are inputs of the generator."""
        return []

    def _measured_descriptors(self):
        """Return names or descriptors whose training values learning needs."""
        return []

    @property
    def _source(self):
        """Where a training takes its images from."""
        return WholeImages(self._min_images)

    def _extended(self, table, images, y):
        """Return the table with the conditions of training images, and these, row by row."""
        variables = variable_values(table.variables, y, len(images))
        return self._source.described(table, images, variables, self._seed)

    def _check_training_images(self, X, reset):
        self._check_parameters()
        images = self._source.checked(self, X, reset)
        if reset and hasattr(self, "periodic"):
            self.periodic_ = self._source.wraps_around(images, self.periodic)
        return images
