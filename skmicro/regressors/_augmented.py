"""Regression helped by generated images, without a leak between training and test images."""

from numbers import Integral
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn import config_context
from sklearn.base import MetaEstimatorMixin, RegressorMixin, clone
from sklearn.utils import get_tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, check_memory

from .._random import numpy_generator, seeded
from .._rollback import unchanged_on_error
from ..images import ImageEstimator, check_images
from ..parameters import RUNNING, parameter
from ..rules import anything, boolean, choice, estimator_with, integer, optional, random_state, real
from ..training import agreed_seed, begin_together
from . import _gate, _routing, _synthetic
from ._cnn import CNNRegressor
from ._samples import checked_samples

GENERATOR, LABELER = ("fit", "sample"), ("fit", "transform")


def _tells_intervals(self):
    return hasattr(self._regressor(), "predict_interval")


class AugmentedRegressor(MetaEstimatorMixin, RegressorMixin, ImageEstimator):
    """Regressor trained on real and generated images.

    ``fit`` trains the generator on its images only, so that in cross-validation the
    generator of a fold has not seen the test images. It samples ``n_synthetic`` images, computes
    their targets with the labeler, and trains the regressor on both [1]_.

    Attributes
    ----------
    generator_ : estimator instance
        The generator, fitted on the images.
    labeler_ : estimator instance
        The labeler, fitted on the images.
    regressor_ : estimator instance
        The regressor, fitted on real and generated images.
    n_synthetic_ : int
        Generated images that were added.
    distances_ : ndarray of shape (n_outputs,)
        Wasserstein distances between the targets of generated and of real images, in units of
        the standard deviation of the latter; of all generated images, including those that the gate
        rejects.
    baseline_ : ndarray of shape (n_outputs,)
        The same between random halves of the real images.

    Notes
    -----
    Generated images that are too similar make predictions worse. If a distance is more than
    twice the baseline, a :exc:`.DistributionWarning` is issued. With ``gate=True`` only a selection
    is added: of the images nearest to each real one, in targets, the same number at most, and as
    many as keep all distances within twice the baseline.

    With ``targets`` generated images fill a range evenly, also where there are few training images;
    with ``selection="uncertainty"`` the images with the most uncertain predictions are labelled.
    In both cases their targets are distributed differently from ``y`` on purpose: distances
    are measured, but there is no warning and no ``gate``.

    For ``selection="uncertainty"`` the regressor is first fitted on the real images alone. Of
    ``n_candidates`` generated images those ``n_synthetic`` are labelled of which it predicts the
    largest standard deviations, their squares added over the outputs in units of the variance of
    ``y``. Use it if labels cost more than images. It does not always help: images selected
    together may be very similar, and the most uncertain ones may be unlike any image to predict.
    Compare with ``selection="random"``.

    Generated images are used for training only: a :class:`CNNRegressor` holds out real images to
    select weights and to calibrate intervals.

    The labeler must compute the quantity in ``y``: with measured targets that it does not
    reproduce, the regressor learns two different quantities. Before the generator is trained,
    targets of at most eight images are computed; if they differ from ``y`` by more than 0.1
    standard deviations, a :exc:`.DistributionWarning` is issued. Transform targets inside, with a
    :class:`~sklearn.compose.TransformedTargetRegressor` as ``regressor``; if it is outside, the
    labeler must compute transformed targets as well.

    With ``memory`` the fitted generator and the labelled images are cached, and reused
    if generator, labeler, images and seeds are the same, as in a search over parameters of
    the regressor; ``random_state`` must be an integer. A generator whose training was
    interrupted is not stored.

    ``groups`` and weights reach the last regressor of a :class:`~sklearn.pipeline.Pipeline` and of
    a :class:`~sklearn.compose.TransformedTargetRegressor`; requests of metadata routing made inside
    ``regressor`` are not needed and not used.

    References
    ----------
    .. [1] R. Cang, H. Li, H. Yao, Y. Jiao, Y. Ren, "Improving direct physical properties
       prediction of heterogeneous materials from imaging data via convolutional neural network
       and a morphology-aware generative model", Comput. Mater. Sci. 150, 212-221, 2018.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.model_selection import cross_val_score
    >>> from sklearn.pipeline import make_pipeline
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.descriptors import TwoPointCorrelation
    >>> from skmicro.generators import GaussianRandomField
    >>> from skmicro.properties import EffectiveConductivity
    >>> from skmicro.regressors import AugmentedRegressor
    >>> X, p1 = make_cahn_hilliard(30, (16, 16), n_steps=200, random_state=0)
    >>> labeler = EffectiveConductivity(conductivity=(1.0, 10.0), outputs=("k11",))
    >>> y = labeler.fit_transform(X)[:, 0]
    >>> regressor = AugmentedRegressor(
    ...     generator=GaussianRandomField(),
    ...     regressor=make_pipeline(TwoPointCorrelation(), Ridge()),
    ...     labeler=labeler,
    ...     n_synthetic=50,
    ...     random_state=0,
    ... )
    >>> bool(cross_val_score(regressor, X, y, cv=3).mean() > 0.5)
    True
    """

    generator: object = parameter(
        None,
        optional(estimator_with(*GENERATOR)),
        "Generator, unfitted; it is cloned. Required.",
    )
    regressor: object = parameter(
        None,
        optional(estimator_with("fit", "predict")),
        """Regressor of images (n, \\*spatial), unfitted; it is cloned. ``None`` means
        ``CNNRegressor()``.""",
    )
    labeler: object = parameter(
        None,
        optional(estimator_with(*LABELER)),
        """Transformer that computes the targets of images, such as :class:`.ElasticStiffness`,
        one column for each of ``y``; it is cloned. Required.""",
    )
    n_synthetic: int = parameter(500, integer(0), "Number of generated images.")
    synthetic_weight: float = parameter(
        1.0,
        real(0.0, open_low=True),
        """Weight of a generated image; real images have weight 1. Other values than 1 need a
        regressor whose ``fit`` takes ``sample_weight``.""",
    )
    targets: dict | None = parameter(
        None,
        _synthetic.target_ranges(),
        """Targets of generated images by name, as ``sample`` of the generator takes them, each with
        the range (low, high) that it is drawn from, uniformly, as in ``{"p1": (0.2, 0.8)}``. A
        range of ``None`` is that from the least to the largest value of the images of ``fit``. A
        target has one component. ``None`` samples without targets.""",
    )
    selection: str = parameter(
        "random",
        choice("random", "uncertainty"),
        """Which generated images are labelled: ``"uncertainty"`` takes those that the regressor,
        fitted on the real images, is least certain of. Its ``predict`` must accept
        ``return_std``.""",
    )
    n_candidates: int | None = parameter(
        None,
        optional(integer(1)),
        """Generated images to choose from with ``selection="uncertainty"``, at least
        ``n_synthetic``; ``None`` means ten times as many.""",
    )
    gate: bool = parameter(
        False,
        boolean(),
        """Whether to reject generated images that change the distribution of the targets; not
        with ``targets`` or ``selection="uncertainty"``.""",
    )
    memory: object = parameter(
        None,
        anything("None, str or joblib.Memory"),
        "Cache of fitted generators and labelled images; ``None`` disables it.",
        RUNNING,
    )
    random_state: object = parameter(
        None,
        random_state(),
        """Seed of the samples, and of those ``random_state`` of generator and regressor that are
        ``None``.""",
        RUNNING,
    )

    _kept = ("_single",)
    _left_behind = ("memory",)  # it holds pickles

    def fit(self, X: ArrayLike, y: ArrayLike, groups: ArrayLike | None = None) -> Self:
        """Fit the generator, label its samples, and fit the regressor on all images.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Training images: phase labels (integers) or grey levels.
        y : array-like of shape (n,) or (n, n_outputs)
            Targets.
        groups : array-like of shape (n,) or None, default=None
            Groups of the images, for a regressor whose ``fit`` takes them, also as the last step
            of a pipeline; every generated image is a group of its own.

        Returns
        -------
        self : object
            The fitted regressor.

        Raises
        ------
        TypeError
            If generator, regressor or labeler lack a method.
        ValueError
            If images, targets, groups or a parameter are not allowed, the generator lacks a target,
            the regressor returns no standard deviations or accepts no weights if needed, or
            the labeler gives no row of finite targets like ``y``.

        Warns
        -----
        DistributionWarning
            If the labeler computes other targets for real images than ``y``, or the targets of
            generated images are distributed differently from ``y`` and no parameter requests this.
        """
        begin_together(self)
        with unchanged_on_error(self):
            self._check_parameters()
            samples = checked_samples(self, X, y, None, groups)
            seed = agreed_seed(self.random_state)
            _synthetic.check_ranges(self.generator, self.targets or {}, samples.images)
            labelled = self._labelled(samples, seed, groups)
            images, labels = self._judged(*labelled, samples.targets, seed)
            self.n_synthetic_ = len(images)
            parts = self._regressor(), samples, images, labels, seed, groups
            self.regressor_ = self._fitted_regressor(*parts)
        return self

    def predict(self, X: ArrayLike, return_std: bool = False):
        """Predict the targets of images.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Images, of other sizes than those of the training if the regressor takes them.
        return_std : bool, default=False
            Whether to return standard deviations as well, if the regressor computes them.

        Returns
        -------
        y : ndarray of shape (n,) or (n, n_outputs)
            Predicted targets.
        std : ndarray of shape (n,) or (n, n_outputs)
            Standard deviations of the regressor. Only with ``return_std=True``.

        Raises
        ------
        ValueError
            If the regressor does not compute standard deviations.
        """
        check_is_fitted(self)
        images = check_images(self, X, reset=False, any_size=True)
        if not return_std:
            return self.regressor_.predict(images)
        _routing.check_tells_deviations(self.regressor_, "return_std=True")
        return self.regressor_.predict(images, return_std=True)

    @available_if(_tells_intervals)
    def predict_interval(self, X, coverage=0.9):
        """Predict intervals that contain the targets with a given coverage.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Images, as for :meth:`predict`.
        coverage : float, default=0.9
            Share of the intervals that contain their target, in (0, 1).

        Returns
        -------
        intervals : ndarray of shape (n, 2) or (n, n_outputs, 2)
            Those of the regressor, such as :meth:`.CNNRegressor.predict_interval`, whose images set
            apart are real ones.
        """
        check_is_fitted(self)
        images = check_images(self, X, reset=False, any_size=True)
        return self.regressor_.predict_interval(images, coverage)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        own = get_tags(self._regressor())
        tags.target_tags.multi_output = own.target_tags.multi_output
        # Images generated from rows of features that are no images teach little.
        tags.regressor_tags.poor_score = True
        return tags

    def _check_parameters(self):
        super()._check_parameters()
        estimator_with(*GENERATOR)("generator", self.generator)
        estimator_with(*LABELER)("labeler", self.labeler)
        if self.targets is not None:
            _synthetic.check_takes(self.generator, self.targets)
        _routing.check_inner_parameters(self._regressor())
        if self.synthetic_weight != 1.0:
            _routing.check_takes_weights(self._regressor())
        if self._chooses:
            integer(self.n_synthetic)("n_candidates", self._n_candidates())
            _routing.check_tells_deviations(self._regressor())
        stores = getattr(check_memory(self.memory), "location", True) is not None
        if stores and not isinstance(self.random_state, Integral):
            raise ValueError(
                "random_state must be an integer with memory, where results of other seeds are "
                f"never found again, got {self.random_state!r}."
            )
        if self.gate and self._distributes_otherwise:
            raise ValueError(
                "gate must be False with targets or selection='uncertainty', which distribute the "
                "targets of generated images otherwise than y on purpose, got True."
            )

    @property
    def _chooses(self):
        return self.selection == "uncertainty"

    @property
    def _distributes_otherwise(self):
        return self._chooses or self.targets is not None

    def _n_candidates(self):
        return 10 * self.n_synthetic if self.n_candidates is None else self.n_candidates

    def _regressor(self):
        return CNNRegressor() if self.regressor is None else self.regressor

    def _labelled(self, samples, seed, groups):
        """Return generated images and their targets, (n_synthetic, n_outputs)."""
        nothing = samples.images[:0], samples.targets[:0]
        memory = check_memory(self.memory)
        self.labeler_, _ = _synthetic.fitted_once(memory, clone(self.labeler), samples.images)
        if self.n_synthetic:
            _synthetic.compare(self.labeler_, samples, memory)
        judge = None
        if self._chooses and self.n_synthetic:
            # The final fit would go on from a checkpoint of this one.
            regressor = _routing.without_checkpoints(self._regressor())
            judge = self._fitted_regressor(regressor, samples, *nothing, seed, groups)
            # Detect a regressor without standard deviations before a long training.
            judge.predict(samples.images[:1], return_std=True)
        generator = seeded(self.generator, numpy_generator(seed, 1))
        self.generator_, memory = _synthetic.fitted_once(memory, generator, samples.images)
        if self.n_synthetic == 0:
            return nothing
        n_samples = self.n_synthetic if judge is None else self._n_candidates()
        ranges = _synthetic.closed_ranges(self.targets or {}, self.generator_, samples.images)
        arguments = (self.generator_, n_samples, _small(seed, 2), ranges)
        images = memory.cache(_synthetic.sampled)(*arguments)
        if judge is not None:
            scale = _gate.spread(samples.targets)
            images = images[_synthetic.most_uncertain(judge, images, self.n_synthetic, scale)]
        labels = memory.cache(_synthetic.labelled)(self.labeler_, images)
        _synthetic.check_labels(labels, samples.targets.shape[1])
        return images, labels

    def _judged(self, images, labels, targets, seed):
        """Compare the targets of generated and real images; return those images to be added."""
        if len(images) == 0:
            self.distances_ = self.baseline_ = None
            return images, labels
        self.distances_ = _gate.distances(labels, targets)
        self.baseline_ = _gate.baseline(targets, seed)
        if self._distributes_otherwise:
            return images, labels
        rows = _gate.passing(labels, targets, self.distances_, self.baseline_, closed=self.gate)
        return images[rows], labels[rows]

    def _fitted_regressor(self, regressor, samples, images, labels, seed, groups):
        """Return a regressor, fitted on the real images and on labelled ones."""
        regressor = seeded(regressor, numpy_generator(seed, 4))
        arguments = {"trained_only": np.arange(len(samples) + len(images)) >= len(samples)}
        if self.synthetic_weight != 1.0:
            own = np.full(len(images), float(self.synthetic_weight))
            arguments["sample_weight"] = np.concatenate([samples.weights, own])
        if groups is not None:
            own = samples.groups.max() + 1 + np.arange(len(images))
            arguments["groups"] = np.concatenate([samples.groups, own])
        arguments = _routing.fit_arguments(regressor, **arguments)
        y = np.concatenate([samples.targets, labels])
        X = np.concatenate([samples.images, images])
        y = y[:, 0] if self._single else y
        # What goes where is settled here; requests would be asked for what nobody routed.
        with config_context(enable_metadata_routing=False):
            return regressor.fit(X, y, **arguments)


def _small(seed, stream):
    """Return a seed that every library takes."""
    return int(numpy_generator(seed, stream).integers(2**31 - 1))
