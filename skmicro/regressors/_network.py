"""The life of a regressor made of networks: images set apart, training, members, intervals."""

from functools import partial
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from .._callbacks import CallbackSupportMixin, FitTask, with_callbacks
from .._random import draw_seed, numpy_generator, torch_generator
from .._rollback import unchanged_on_error
from ..images import SYMMETRIES, Symmetries, check_images, resolve_periodic
from ..parameters import MODEL, RUNNING, parameter
from ..rules import boolean, instance_of, integer, optional, random_state, real, sequence_of
from ..training import (
    BestWeights,
    ImageBatches,
    NetworkEstimator,
    agreed_seed,
    begin_together,
    fingerprint,
    held_out_loss,
    measure_every,
    n_processes,
    regression_step,
    run,
    without_progress,
    without_stopping,
)
from ._conformal import half_widths
from ._members import joined, kept_members, members_of, predictions
from ._samples import checked_samples
from ._targets import FreeTargets

N_GROUPS = 8
"""Moves of images in a batch."""
BATCHES, MOVES, HELD_OUT, CALIBRATION = 2, 3, 4, 5
"""Streams of the seed."""


class NetworkRegressor(RegressorMixin, MultiOutputMixin, CallbackSupportMixin, NetworkEstimator):
    """Base class of regressors made of networks.

    Subclasses define a network in ``_member()``, and its outputs in ``_new_targets(train)``.

    Attributes
    ----------
    network_ : torch.nn.Module
        The trained network, channels to targets less their trend with the fractions, in units
        of the standard deviation; with several members a ``ModuleList`` of such.
    encoder_ : PhaseEncoder or GreyEncoder
        Images to channels.
    periodic_ : bool
        Whether the images were taken as periodic.
    n_outputs_ : int
        Targets of one image.
    held_out_ : ndarray of shape (n_held_out,)
        Rows of ``X`` that chose the weights.
    calibration_ : ndarray of shape (n_calibration,)
        Rows of ``X`` that were set apart for intervals.
    residuals_ : ndarray of shape (n_calibration, n_outputs)
        Absolute errors of the predictions of these.
    best_iter_ : int or ndarray of shape (n_members,)
        Iterations after which the network, or each member, had the weights that were kept.
    history_ : dict of str to ndarray
        Losses of every iteration: ``"training"`` and, where images are held out,
        ``"validation"``, the loss on these as measured last; means over the members.
    """

    periodic: bool | None = parameter(
        None,
        optional(boolean()),
        """Whether images are periodic: convolutions wrap around the borders, and pad with zeros
        otherwise. ``None`` compares the jumps across the borders of the training images with
        jumps inside; see ``periodic_``.""",
        MODEL,
    )
    n_members: int = parameter(
        1,
        integer(1),
        """Networks of which the prediction is the mean, each with initial weights, batches and
        moves of its own. Training takes as many times longer.""",
        MODEL,
    )
    equivariant: bool = parameter(
        False,
        boolean(),
        """Whether the prediction is the mean over the turns and flips of the image, all those that
        keep its shape, with the components of a ``target`` turned back: that of a turned image is
        then the turned prediction. Other targets are the same for turned images. Predicting takes
        8 times longer for squares, 48 times for cubes.""",
        MODEL,
    )
    validation_fraction: float = parameter(
        0.1,
        real(0.0, 1.0, open_high=True),
        """Share of the images held out to select the best weights, of those that are not
        set apart for calibration; 0 holds none out and keeps the last weights.""",
    )
    calibration_fraction: float = parameter(
        0.0,
        real(0.0, 1.0, open_high=True),
        """Share of the images that are set apart for ``predict_interval``: neither the training
        nor the choice of weights sees them.""",
    )
    n_iter_no_change: int = parameter(
        1000,
        integer(1),
        """Iterations without a lower loss on the images held out, of any member, after which the
        training ends.""",
    )
    augment: tuple = parameter(
        (),
        sequence_of(*SYMMETRIES),
        """Symmetries of the material, by which training images are moved at random. The components
        of a ``target`` turn along; other targets are the same for moved images. Images that are
        not periodic are not translated.""",
    )
    random_state: object = parameter(
        None, random_state(), "Seed of weights, batches and the images set apart.", RUNNING
    )

    _kept: ClassVar = ("_single", "_targets")
    _fitted: ClassVar = ("_single", "_targets", "n_outputs_")
    _values: ClassVar = {"_single": boolean(), "_targets": instance_of(FreeTargets)}

    @with_callbacks
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        groups: ArrayLike | None = None,
        trained_only: ArrayLike | None = None,
    ) -> Self:
        """Train on images and their targets.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Training images: phase labels (integers) or grey levels.
        y : array-like of shape (n,) or (n, n_outputs)
            Targets.
        sample_weight : array-like of shape (n,) or None, default=None
            Weights of the images, not negative; ``None`` means equal ones. Images of weight
            zero are left out; beyond that, intervals do not depend on weights.
        groups : array-like of shape (n,) or None, default=None
            Groups of images that are all held out, all set apart or all trained on, such as the
            patches of one specimen. Where their sizes do not allow the requested shares, as many
            images as come near to them.
        trained_only : array-like of bool of shape (n,) or None, default=None
            Images that are trained on in any case, such as generated ones; shares to hold out and
            to set apart are those of the others.

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

        Warns
        -----
        EstimateWarning
            If some targets lie outside the bounds between which they are predicted.
        """
        begin_together(self)
        task = FitTask(self, self.n_iter, X, y)
        with unchanged_on_error(self):
            self._check_parameters()
            samples = checked_samples(self, X, y, sample_weight, groups, trained_only)
            self.encoder_ = self._encoder_for(samples.images)
            self.phases_ = self.encoder_.phases
            self.periodic_ = resolve_periodic(self.periodic, samples.images)
            self.n_outputs_ = samples.targets.shape[1]
            self._seed = agreed_seed(self.random_state)
            self._learn(samples, task)
        task.end()
        return self

    def predict(self, X: ArrayLike, return_std: bool = False):
        """Predict the targets of images.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Images of any size, or flat rows of the size that ``fit`` saw.
        return_std : bool, default=False
            Whether to return the standard deviation over the members as well.

        Returns
        -------
        y : ndarray of shape (n,) or (n, n_outputs)
            Predicted targets, of one number for each image if ``fit`` had such. A row does not
            depend on the others.
        std : ndarray of shape (n,) or (n, n_outputs)
            Standard deviation of what the members predict, the root of the mean squared distance
            from ``y``. Only with ``return_std=True``.

        Raises
        ------
        ValueError
            If the images have another number of axes or an unseen phase, or a standard deviation
            is asked of one member.
        """
        check_is_fitted(self)
        if return_std and self._made.n_members == 1:
            raise ValueError("n_members must be >= 2 in fit for return_std=True, got 1.")
        images = check_images(self, X, reset=False, any_size=True)
        self.encoder_.check(images)
        members = self._predicted(self.network_, images)
        members = members[..., 0] if self._single else members
        mean = members.mean(axis=1)
        return (mean, members.std(axis=1)) if return_std else mean

    def predict_interval(self, X: ArrayLike, coverage: float = 0.9) -> np.ndarray:
        """Predict intervals that hold the targets of a share of images.

        Split conformal prediction [1]_: the interval reaches as far to both sides of the prediction
        as the error of one of the images set apart, that of the smallest rank k with k / (n + 1) at
        least ``coverage``, n their number.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Images, as for :meth:`predict`.
        coverage : float, default=0.9
            Share of the intervals that are to hold their target, in (0, 1): the decimal that it
            is written as, 9/10 and not the nearest binary number.

        Returns
        -------
        intervals : ndarray of shape (n, 2) or (n, n_outputs, 2)
            Lower and upper ends.

        Raises
        ------
        ValueError
            If no images were set apart, or the coverage is not between 0 and 1.

        Warns
        -----
        CoverageWarning
            If too few images were set apart; the intervals are of infinite width.

        Notes
        -----
        The share holds on average over choices of the images set apart, for new images that are
        exchangeable with these, so for images of the same material and size, and for every output
        by itself. All intervals of an output are equally wide. Sample weights do not
        enter. Of images in groups, whole groups are set apart; images of one group contain
        less information than as many others, and the share is met less exactly.

        References
        ----------
        .. [1] J. Lei, M. G'Sell, A. Rinaldo, R. J. Tibshirani, L. Wasserman, "Distribution-free
           predictive inference for regression", J. Am. Stat. Assoc. 113, 1094-1111, 2018,
           Sec. 2.2.
        """
        check_is_fitted(self)
        if len(self.residuals_) == 0:
            raise ValueError("calibration_fraction must be > 0 in fit for predict_interval, got 0.")
        reach = half_widths(self.residuals_, coverage)
        reach = reach[0] if self._single else reach
        y = self.predict(X)
        return np.stack([y - reach, y + reach], axis=-1)

    def _member(self):
        """Return a network."""
        raise NotImplementedError

    def _new_targets(self, train):
        """Return the transformation between targets and network outputs."""
        raise NotImplementedError

    def _networks(self):
        n = self._made.n_members
        return {"network": self._member if n == 1 else lambda: joined(self._member, n)}

    def _learn(self, samples, task):
        """Train the members, and set the fitted attributes."""
        network = self._new_networks()["network"]
        rest, calibration = self._apart(samples, "calibration_fraction", CALIBRATION)
        train, held = self._apart(rest, "validation_fraction", HELD_OUT)
        self.held_out_, self.calibration_ = held.rows, calibration.rows
        self._targets = self._new_targets(train)
        batches = self._batches(train, network)
        bests = []
        if len(held):
            measure = partial(held_out_loss, batches=self._batches(held, network))
            bests = [BestWeights(member, measure) for member in members_of(network)]
        step = regression_step(
            members_of(network),
            learning_rate=self.learning_rate,
            rng=torch_generator(self._seed, MOVES),
            bests=bests,
            symmetries=self._symmetries(),
            turned=self._targets.turned,
            decay_from=self.decay_from,
        )

        def trained(history):
            return self._trained(*kept_members(network, bests, history), history, calibration)

        looks = task.loop_callbacks(lambda history: self._as_if_finished(trained(history)))
        history = self._run(step, batches, bests, samples, looks)
        for best in bests:
            if best.n_measured < history.n_iter:
                best.update(history.n_iter)
        step.finish(batches)
        self._set(trained(history))

    def _apart(self, samples, name, stream):
        rng = numpy_generator(self._seed, stream)
        return samples.split(name, getattr(self, name), rng)

    def _symmetries(self):
        names = [name for name in self.augment if self.periodic_ or name != "translation"]
        return Symmetries(names, N_GROUPS) if names else None

    def _run(self, step, batches, bests, samples, looks):
        callbacks, stopping = without_stopping(self.callbacks)
        if stopping is not None:
            raise ValueError(
                "callbacks must hold no EarlyStopping for regressors, which hold out images of "
                f"their own, see n_iter_no_change; got {stopping!r}."
            )
        callbacks = [*callbacks, *looks]
        finished = None
        if bests:
            every = -(-len(batches.images) // batches.batch_size)
            callbacks.insert(0, measure_every(every, bests))
            finished = partial(without_progress, bests, self.n_iter_no_change)
        data = {"X": samples.images, "y": samples.targets, "groups": samples.groups}
        data |= {"sample_weight": samples.weights, "trained_only": samples.trained_only}
        marked = self.checkpoint is not None or n_processes() > 1
        return run(
            step,
            batches,
            self.n_iter,
            callbacks=callbacks,
            finished=finished,
            verbose=self.verbose,
            checkpoint=self.checkpoint,
            checkpoint_every=self.checkpoint_every,
            fingerprint=fingerprint(self, **data) if marked else None,
            name=type(self).__name__,
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
            seed=draw_seed(numpy_generator(self._seed, BATCHES)),
            device=like.device,
            dtype=like.dtype,
        )

    def _trained(self, network, best_iter, history, calibration):
        """Return the fitted attributes that a training has changed."""
        network.requires_grad_(False).eval()
        residuals = calibration.targets
        if len(calibration):
            predicted = self._predicted(network, calibration.images).mean(axis=1)
            residuals = np.abs(predicted - calibration.targets)
        return {
            "network_": network,
            "best_iter_": best_iter,
            "residuals_": residuals,
            "history_": history.as_arrays(),
            "n_iter_": history.n_iter,
        }

    def _as_if_finished(self, trained):
        """Return the fitted attributes as if training ended now."""
        fitted = {name: value for name, value in vars(self).items() if name.endswith("_")}
        return fitted | trained | {"_targets": self._targets, "_single": self._single}

    def _predicted(self, network, images):
        """Return the targets that each member predicts, (n, n_members, n_outputs)."""
        parts = {"encoder": self.encoder_, "targets": self._targets}
        return predictions(network, images, equivariant=self._made.equivariant, **parts)
