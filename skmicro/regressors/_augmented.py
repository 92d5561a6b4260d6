"""Regression helped by generated images, without a leak between training and test images."""

import numpy as np
from sklearn.base import MetaEstimatorMixin, RegressorMixin, clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline
from sklearn.utils import get_tags
from sklearn.utils.validation import check_is_fitted, check_memory, has_fit_parameter

from .._random import draw_seed, numpy_generator, seeded
from .._rollback import unchanged_on_error
from .._warnings import warn_user
from ..exceptions import DistributionWarning
from ..images import ImageEstimator, check_images
from ..parameters import RUNNING, parameter
from ..rules import anything, boolean, estimator_with, integer, optional, random_state, real
from . import _gate
from ._cnn import CNNRegressor
from ._samples import checked_samples

GENERATOR = ("fit", "sample")
LABELER = ("fit", "transform")


class AugmentedRegressor(MetaEstimatorMixin, RegressorMixin, ImageEstimator):
    """Regressor that learns from real images and from generated ones.

    ``fit`` trains the generator on its images, and on no others: in a cross-validation the
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
        the standard deviation of the latter; of all generated images, also of those that the gate
        kept out.
    baseline_ : ndarray of shape (n_outputs,)
        The same between random halves of the real images.

    Notes
    -----
    Generated images that are too much alike make predictions worse. Where a distance is more than
    twice the baseline, a :exc:`.DistributionWarning` says so. With ``gate=True`` only a selection
    is added: of the images nearest to each real one, in targets, the same number at most, and as
    many as keep all distances within twice the baseline.

    The labeler has to compute what ``y`` holds: with measured targets that it does not reproduce,
    the regressor learns two different quantities.

    With ``memory`` the fitted generator and the labelled images are stored, and taken from there
    where generator, labeler, images and seeds are the same, as in a search over parameters of
    the regressor; ``random_state`` has to be an integer.

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
        "Generator, unfitted; it is cloned. It has to be given.",
    )
    regressor: object = parameter(
        None,
        optional(estimator_with("fit", "predict")),
        """Regressor of images (n, \\*spatial), unfitted; it is cloned. ``None`` stands for
        ``CNNRegressor()``.""",
    )
    labeler: object = parameter(
        None,
        optional(estimator_with(*LABELER)),
        """Transformer that computes the targets of images, such as :class:`.ElasticStiffness`,
        one column for each of ``y``; it is cloned. It has to be given.""",
    )
    n_synthetic: int = parameter(500, integer(0), "Images that are generated.")
    synthetic_weight: float = parameter(
        1.0,
        real(0.0, open_low=True),
        """Weight of a generated image, where a real one has weight 1. Others than 1 need a
        regressor whose ``fit`` takes ``sample_weight``.""",
    )
    gate: bool = parameter(
        False,
        boolean(),
        "Whether generated images are kept out that move the distribution of the targets.",
    )
    memory: object = parameter(
        None,
        anything("None, str or joblib.Memory"),
        "Where fitted generators and labelled images are stored; ``None`` stores nothing.",
        RUNNING,
    )
    random_state: object = parameter(
        None,
        random_state(),
        """Seed of the samples, and of those ``random_state`` of generator and regressor that are
        ``None``.""",
        RUNNING,
    )

    def fit(self, X, y, groups=None):
        """Fit the generator, label its samples, and fit the regressor on all images.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Training images: phase labels (integers) or grey levels.
        y : array-like of shape (n,) or (n, n_outputs)
            Targets.
        groups : array-like of shape (n,) or None, default=None
            Groups of the images, for a regressor whose ``fit`` takes them; every generated image
            is a group of its own.

        Returns
        -------
        self : object
            The fitted regressor.

        Raises
        ------
        TypeError
            If generator, regressor or labeler lack a method.
        ValueError
            If images, targets, groups or a parameter are not allowed, or the labeler does not
            give as many finite columns as ``y`` has.

        Warns
        -----
        DistributionWarning
            If the targets of generated images are distributed otherwise than ``y``.
        """
        with unchanged_on_error(self):
            self._check_parameters()
            samples = checked_samples(self, X, y, None, groups)
            seed = draw_seed(self.random_state)
            images, labels = self._synthetic(samples, seed)
            images, labels = self._judged(images, labels, samples.targets, seed)
            self.n_synthetic_ = len(images)
            self._fit_regressor(samples, images, labels, seed, groups)
        return self

    def predict(self, X):
        """Predict the targets of images.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Images, of other sizes than those of the training if the regressor takes them.

        Returns
        -------
        y : ndarray of shape (n,) or (n, n_outputs)
            Predicted targets.
        """
        check_is_fitted(self)
        return self.regressor_.predict(check_images(self, X, reset=False, any_size=True))

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

    def _regressor(self):
        return CNNRegressor() if self.regressor is None else self.regressor

    def _synthetic(self, samples, seed):
        """Return generated images and their targets, (n_synthetic, n_outputs)."""
        memory = check_memory(self.memory)
        generator = seeded(self.generator, numpy_generator(seed, 1))
        self.generator_ = memory.cache(fitted)(generator, samples.images)
        self.labeler_ = memory.cache(fitted)(clone(self.labeler), samples.images)
        if self.n_synthetic == 0:
            return samples.images[:0], samples.targets[:0]
        arguments = (self.generator_, self.labeler_, self.n_synthetic, _small(seed, 2))
        images, labels = memory.cache(labelled)(*arguments)
        n_outputs = samples.targets.shape[1]
        if labels.shape[1] != n_outputs:
            raise ValueError(
                f"labeler must give as many columns as y has, {n_outputs}, got {labels.shape[1]}."
            )
        if not np.isfinite(labels).all():
            raise ValueError("labeler must give finite targets, got NaN or infinity.")
        return images, labels

    def _judged(self, images, labels, targets, seed):
        """Compare the targets of generated and real images; return those images to be added."""
        if len(images) == 0:
            self.distances_ = self.baseline_ = None
            return images, labels
        self.distances_ = _gate.distances(labels, targets)
        self.baseline_ = _gate.baseline(targets, numpy_generator(seed, 3))
        largest = _gate.LARGEST_RATIO * self.baseline_
        if (self.distances_ <= largest).all():
            return images, labels
        taken = "all of them are added"
        if self.gate:
            rows = _gate.admitted(labels, targets, largest)
            images, labels = images[rows], labels[rows]
            taken = f"{len(rows)} of them are added"
        worst = int(np.argmax(self.distances_ / np.maximum(self.baseline_, 1e-12)))
        warn_user(
            f"Targets of the {self.n_synthetic} generated images are distributed otherwise than "
            f"y: column {worst} has a Wasserstein distance of {self.distances_[worst]:.3g} "
            f"standard deviations, halves of y {self.baseline_[worst]:.3g}; {taken}.",
            DistributionWarning,
        )
        return images, labels

    def _fit_regressor(self, samples, images, labels, seed, groups):
        regressor = seeded(self._regressor(), numpy_generator(seed, 4))
        arguments = {}
        if self.synthetic_weight != 1.0:
            weights = np.full(len(images), float(self.synthetic_weight))
            arguments |= weight_arguments(regressor, np.concatenate([samples.weights, weights]))
        if groups is not None and has_fit_parameter(regressor, "groups"):
            own = samples.groups.max() + 1 + np.arange(len(images))
            arguments["groups"] = np.concatenate([samples.groups, own])
        y = np.concatenate([samples.targets, labels])
        X = np.concatenate([samples.images, images])
        self.regressor_ = regressor.fit(X, y[:, 0] if self._single else y, **arguments)


def fitted(estimator, images):
    """Return an estimator fitted on images."""
    return estimator.fit(images)


def labelled(generator, labeler, n_samples, seed):
    """Return samples of a fitted generator, and what a fitted labeler computes of them."""
    images = generator.sample(n_samples, random_state=seed)
    return images, np.asarray(labeler.transform(images), dtype=np.float64).reshape(n_samples, -1)


def weight_arguments(regressor, weights):
    """Return weights as the ``fit`` of a regressor takes them, by name.

    ValueError if it takes none.
    """
    if isinstance(regressor, Pipeline):
        name, last = regressor.steps[-1]
        inner = weight_arguments(last, weights)
        return {f"{name}__{key}": value for key, value in inner.items()}
    takes = regressor
    if isinstance(regressor, TransformedTargetRegressor) and regressor.regressor is not None:
        takes = regressor.regressor
    if not has_fit_parameter(takes, "sample_weight"):
        raise ValueError(
            "regressor must take sample_weight in fit with a synthetic_weight other than 1, got "
            f"{regressor!r}."
        )
    return {"sample_weight": weights}


def _small(seed, stream):
    """Return a seed that every library takes."""
    return int(numpy_generator(seed, stream).integers(2**31 - 1))
