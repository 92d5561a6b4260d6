"""Convolutional network from images to properties (Cang et al. 2018)."""

import copy
from functools import partial
from typing import ClassVar

import numpy as np
import torch
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from .. import _arrays
from .._callbacks import CallbackSupportMixin, FitTask, with_callbacks
from .._random import draw_seed, numpy_generator, torch_generator
from .._rollback import unchanged_on_error
from ..images import SYMMETRIES, Symmetries, check_images, encoder_for, looks_periodic
from ..networks import regression_network
from ..parameters import MODEL, RUNNING, parameter
from ..rules import boolean, choice, integer, integers, optional, random_state, real, sequence_of
from ..training import (
    BestWeights,
    ImageBatches,
    NetworkEstimator,
    fingerprint,
    held_out_loss,
    regression_step,
    run,
)
from ._samples import checked_samples
from ._targets import BoundedTargets, FreeTargets, bound_property, tensor_target

N_GROUPS = 8
"""Moves of images in a batch."""


class CNNRegressor(RegressorMixin, MultiOutputMixin, CallbackSupportMixin, NetworkEstimator):
    r"""Convolutional network that tells numbers, such as properties, from images.

    Convolutions of 3 voxels along each axis, each followed by a rectifier and the largest of blocks
    of two voxels (max-pooling), a mean over the image, and two linear layers. What volume fractions
    alone tell of the targets, a polynomial by least squares, is taken off first; the network
    minimises the mean squared error of the rest, in units of its standard deviation. Images of
    other sizes than those of the training can be predicted; the answer is for a homogeneous
    material.

    Attributes
    ----------
    network_ : torch.nn.Module
        The trained network, channels to targets less their trend with the fractions, in units
        of the standard deviation.
    encoder_ : PhaseEncoder or GreyEncoder
        Images to channels.
    periodic_ : bool
        Whether the images were taken as periodic.
    n_outputs_ : int
        Targets of one image.
    held_out_ : ndarray of shape (n_held_out,)
        Rows of ``X`` that the training did not see.
    best_iter_ : int
        Iterations after which the network had the weights that were kept.
    history_ : dict of str to ndarray
        Losses of every iteration: ``"training"`` and, where images are held out,
        ``"validation"``, the loss on these as measured last.

    Notes
    -----
    Stiffness and conductivity follow the volume fractions more closely than a network of few
    images learns. ``fraction_degree`` leaves it what fractions do not tell: the polynomial has the
    powers of the fraction of each phase but the first, no products, one coefficient for ten
    different fractions at the most, and beyond the range of the training the value of its end.
    The trend of a tensor is one that the symmetries of ``augment`` do not change.

    Once in each pass through the images, and when the training ends, the loss on the images held
    out is measured; the weights with the least are kept, also where the training is interrupted.

    An iteration takes ``batch_size`` images, or all where there are fewer. Images of weight zero
    are left out. With all images in each iteration, none held out and ``periodic`` given, an image
    of weight 2 is the same as the image twice.

    A ``target`` says that the targets are the components of a tensor, as
    :class:`~skmicro.properties.ElasticStiffness` and
    :class:`~skmicro.properties.EffectiveConductivity` put them out. Where the axes of an image are
    exchanged or reversed, the tensor is turned with them: :math:`C_{11}` of the turned image is
    :math:`C_{22}` of the image, :math:`C_{16}` may change its sign.

    With ``output="bounded"`` the network tells a symmetric matrix S of any size, and the prediction
    is [2]_

    .. math:: C = C_V - L Y L, \quad L L = C_V - C_R, \quad Y = (1 + e^{-S})^{-1},

    with the bounds :math:`C_V` and :math:`C_R` of the image predicted, from the fractions of its
    phases. The eigenvalues of Y lie between 0 and 1, so that C is positive definite and lies
    between the bounds, whatever the network tells. The network is trained on S of the targets;
    what is nearer to a bound than 0.0001 of the way counts as that near. Bounds of Hashin and
    Shtrikman are narrower but hold for isotropic materials, not for every single image.

    The paper has four convolutions, max-pooling, validation data against overfitting and Adam with
    a rate of 0.001; it leaves open the numbers of channels and what follows the convolutions.

    :meth:`light` sets ``widths=(8, 16, 32, 32)``, ``n_iter=1500``, ``batch_size=16``.

    References
    ----------
    .. [1] R. Cang, H. Li, H. Yao, Y. Jiao, Y. Ren, "Improving direct physical properties
       prediction of heterogeneous materials from imaging data via convolutional neural network
       and a morphology-aware generative model", Comput. Mater. Sci. 150, 212-221, 2018.
    .. [2] S. Keshav, J. Herb, F. Fritzen, "Spectral normalization and Voigt-Reuss net: A universal
       approach to microstructure-property forecasting with physical guarantees",
       arXiv:2504.00712, 2025.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.regressors import CNNRegressor
    >>> X, p1 = make_cahn_hilliard(32, (16, 16), n_steps=200, random_state=0)
    >>> regressor = CNNRegressor.light(n_iter=5, random_state=0).fit(X, p1)
    >>> regressor.predict(X).shape
    (32,)
    """

    widths: tuple = parameter(
        (16, 32, 64, 64),
        integers(1),
        "Channels after each of the convolutions, of which there are as many.",
        MODEL,
    )
    periodic: bool | None = parameter(
        None,
        optional(boolean()),
        """Whether images are periodic: convolutions wrap around the borders, and pad with zeros
        otherwise. ``None`` compares the jumps across the borders of the training images with
        jumps inside; see ``periodic_``.""",
        MODEL,
    )
    validation_fraction: float = parameter(
        0.1,
        real(0.0, 1.0, open_high=True),
        """Share of the images that are held out to tell the best weights; 0 holds none out and
        keeps the last weights.""",
    )
    n_iter_no_change: int = parameter(
        1000,
        integer(1),
        "Iterations without a lower loss on the images held out after which the training ends.",
    )
    target: object = parameter(
        None,
        tensor_target(),
        """Property whose components the targets are, in the order of its ``outputs``; a name stands
        for all components. ``None`` for other numbers.""",
    )
    output: str = parameter(
        "free",
        choice("free", "bounded"),
        """``"bounded"`` predicts tensors between the bounds of Voigt and Reuss that belong to the
        image and to the phases of ``target``, which has to be an estimator with all components as
        its outputs.""",
    )
    fraction_degree: int = parameter(
        3,
        integer(0),
        """Degree of a polynomial in the phase fractions, or in the mean of grey levels, that is
        fitted to the targets first; the network learns the rest. 0 is their mean.""",
    )
    augment: tuple = parameter(
        (),
        sequence_of(*SYMMETRIES),
        """Symmetries of the material, by which training images are moved at random. The components
        of a ``target`` turn along; other targets are the same for moved images. Images that are
        not periodic are not translated.""",
    )
    random_state: object = parameter(
        None, random_state(), "Seed of weights, batches and the images held out.", RUNNING
    )
    n_iter: int = 5000
    learning_rate: float = 1e-3
    decay_from: float = 0.5

    _light: ClassVar = {"widths": (8, 16, 32, 32), "n_iter": 1500, "batch_size": 16}

    @with_callbacks
    def fit(self, X, y, sample_weight=None, groups=None):
        """Train on images and their targets.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Training images: phase labels (integers) or grey levels.
        y : array-like of shape (n,) or (n, n_outputs)
            Targets.
        sample_weight : array-like of shape (n,) or None, default=None
            Weights of the images, not negative; ``None`` stands for equal ones.
        groups : array-like of shape (n,) or None, default=None
            Groups of images that are either all held out or all trained on, such as the patches of
            one specimen.

        Returns
        -------
        self : object
            The fitted regressor.

        Raises
        ------
        ValueError
            If images, targets, weights, groups or a parameter are not allowed.
        DivergenceError
            If a loss is not finite; the estimator is left as it was before.
        """
        task = FitTask(self, self.n_iter, X, y)
        with unchanged_on_error(self):
            self._check_parameters()
            samples = checked_samples(self, X, y, sample_weight, groups)
            self.encoder_ = encoder_for(samples.images)
            self.phases_ = self.encoder_.phases
            told = self.periodic
            self.periodic_ = looks_periodic(samples.images) if told is None else told
            self.n_outputs_ = samples.targets.shape[1]
            self._seed = draw_seed(self.random_state)
            self._learn(samples, task)
        task.end()
        return self

    def predict(self, X):
        """Predict the targets of images.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Images of any size, or flat rows of the size that ``fit`` saw.

        Returns
        -------
        y : ndarray of shape (n,) or (n, n_outputs)
            Predicted targets, of one number for each image if ``fit`` had such. A row does not
            depend on the others.

        Raises
        ------
        ValueError
            If the images have another number of axes or an unseen phase.
        """
        check_is_fitted(self)
        images = check_images(self, X, reset=False, any_size=True)
        self.encoder_.check(images)
        like = next(self.network_.parameters())

        @torch.no_grad()
        def told(index):
            channels = self.encoder_.encode(images[index], like.device, like.dtype)
            return self.network_(channels).cpu().numpy().astype(np.float64)

        batch_size = _arrays.inference_batch_size(images.shape[1:])
        y = self._targets.decode(_arrays.map_batches(told, len(images), batch_size), images)
        return y[:, 0] if self._single else y

    def _check_parameters(self):
        super()._check_parameters()
        if self.output == "bounded" and (self.target is None or isinstance(self.target, str)):
            raise ValueError(
                "target must be an ElasticStiffness or EffectiveConductivity, which knows the "
                f"phases, with output='bounded', got {self.target!r}."
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # Rows of features that are no images tell a mean over them little.
        tags.regressor_tags.poor_score = True
        return tags

    def _networks(self):
        n_channels, n_axes = self.encoder_.n_channels, len(self.image_shape_)
        settings = {"widths": self._made.widths, "periodic": self.periodic_}
        return {
            "network": lambda: regression_network(n_channels, n_axes, self.n_outputs_, **settings)
        }

    def _learn(self, samples, task):
        """Train a network, and set the fitted attributes."""
        network = self._new_networks()["network"]
        train, held = samples.split(self.validation_fraction, self._seed)
        self.held_out_ = held.rows
        self._targets = self._new_targets(train)
        batches = self._batches(train, network)
        best = None
        if len(held):
            measure = partial(held_out_loss, batches=self._batches(held, network))
            best = BestWeights(network, measure)
        step = regression_step(
            network,
            learning_rate=self.learning_rate,
            rng=torch_generator(self._seed, 3),
            best=best,
            symmetries=self._symmetries(),
            turned=self._targets.turned,
            decay_from=self.decay_from,
        )
        history = self._run(step, batches, samples, task)
        if best is not None and best.n_measured < history.n_iter:
            best.update(history.n_iter)
        step.finish(batches)
        self._set(self._trained(*_kept(step, history), history))

    def _new_targets(self, train):
        """Return what turns targets into numbers that a network tells, and back."""
        kind = BoundedTargets if self.output == "bounded" else FreeTargets
        tensor = bound_property(self.target, self.encoder_, self.image_shape_, self.n_outputs_)
        targets = kind(tensor, self.encoder_, self.fraction_degree, self.augment)
        targets.check_turns(self.image_shape_, self.n_outputs_)
        return targets.fit(train)

    def _symmetries(self):
        names = [name for name in self.augment if self.periodic_ or name != "translation"]
        return Symmetries(names, N_GROUPS) if names else None

    def _run(self, step, batches, samples, task):
        looks = task.loop_callbacks(lambda history: self._as_if_finished(step, history))
        callbacks = [*(self.callbacks or ()), *looks]
        if "best" in step.modules:
            every = -(-len(batches.images) // batches.batch_size)
            callbacks.insert(0, step.modules["best"].stopping(every, self.n_iter_no_change))
        rows = np.column_stack([samples.targets, samples.weights, samples.groups])
        marked = self.checkpoint is not None
        return run(
            step,
            batches,
            self.n_iter,
            callbacks=callbacks,
            verbose=self.verbose,
            checkpoint=self.checkpoint,
            checkpoint_every=self.checkpoint_every,
            fingerprint=fingerprint(self, samples.images, rows) if marked else None,
        )

    def _batches(self, samples, network):
        """Return batches whose conditions are encoded targets and weights of mean 1."""
        like = next(network.parameters())
        weights = samples.weights / samples.weights.mean()
        return ImageBatches(
            samples.images,
            self.encoder_,
            np.column_stack([self._targets.encode(samples), weights]),
            batch_size=min(self.batch_size, len(samples)),
            seed=draw_seed(numpy_generator(self._seed, 2)),
            device=like.device,
            dtype=like.dtype,
        )

    def _trained(self, network, best_iter, history):
        """Return the fitted attributes that a training has changed."""
        return {
            "network_": network.requires_grad_(False),
            "best_iter_": best_iter,
            "history_": history.as_arrays(),
            "n_iter_": history.n_iter,
        }

    def _as_if_finished(self, step, history):
        """Return the fitted attributes as if training ended now."""
        fitted = {name: value for name, value in vars(self).items() if name.endswith("_")}
        parts = {"_targets": self._targets, "_single": self._single}
        network, best_iter = _kept(step, history)
        network = copy.deepcopy(network).eval()
        return fitted | self._trained(network, best_iter, history) | parts


def _kept(step, history):
    """Return the network that a training keeps, and the iterations after which it was so."""
    best = step.modules.get("best")
    if best is None:
        return step.modules["network"], history.n_iter
    return best.network, int(best.n_iter)
