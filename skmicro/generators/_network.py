"""Generators made of networks: from factories and a training step to fitted attributes.

Subclasses say what is particular to a method in two or three places:

- ``_networks()``: factories of their networks, by name (``"generator"`` among them);
- ``_training_step(networks, rng)``: the objectives and the updates;
- ``_model()``: how latents become images, where it is more than one call of the generator
  network.
"""

import copy
from functools import partial
from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike

from .._callbacks import FitTask, with_callbacks
from .._random import draw_seed, numpy_generator, torch_generator
from .._rollback import unchanged_on_error
from .._warnings import warn_user
from ..conditioning import NetworkModel
from ..exceptions import ImageShapeWarning
from ..parameters import MODEL, parameter, parameters_of
from ..rules import boolean, integer, optional
from ..training import (
    NetworkEstimator,
    fingerprint,
    n_processes,
    parameter_summary,
    run,
    without_stopping,
)
from ._architectures import check_networks
from ._base import BaseGenerator
from ._design import PropertyDesign


class NetworkGenerator(PropertyDesign, NetworkEstimator, BaseGenerator):
    """Base class of generators made of networks.

    Attributes
    ----------
    generator_ : torch.nn.Module
        The trained generator.
    periodic_ : bool
        Whether the training images were treated as periodic.
    """

    width: int = parameter(64, integer(2), "Channels of the finest feature map.", MODEL)
    periodic: bool | None = parameter(
        False,
        optional(boolean()),
        """Whether training images are periodic: convolutions wrap around the borders, and so
        do descriptors given by name. ``None`` detects it from the images; see ``periodic_``.""",
        MODEL,
    )

    _kept: ClassVar = ("_made_with",)

    @property
    def _wraps(self):
        # Files of earlier revisions have only what was stated.
        return getattr(self, "periodic_", self._made.periodic)

    @with_callbacks
    def partial_fit(self, X: ArrayLike, y=None) -> Self:
        """Continue training for ``n_iter`` iterations on the given images.

        Optimizers restart from the current networks; no checkpoint is written.
        Parameters of the networks and conditions must be those of the first training.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Images with the shape and phases of the first training.
        y : array-like, DataFrame or None, default=None
            As in :meth:`fit`.

        Returns
        -------
        self : object
            The generator.

        Raises
        ------
        ValueError
            If the images have another shape or phases, or a parameter of the networks
            or conditions was changed since ``fit``.
        """
        if not hasattr(self, "generator_"):
            return self._fit_anew(X, y, partial(self._learn, checkpointed=False))
        task = FitTask(self, self.n_iter, X, y)
        with unchanged_on_error(self):
            self._learn_more(X, y, self.n_iter, task)
        task.end()
        return self

    def _training_step(self, networks, rng):
        """Return the TrainingStep that trains these networks."""
        raise NotImplementedError

    def _model(self):
        return NetworkModel(network=self.generator_, **self._shared_parts())

    def _untrained(self):
        """Return further fitted attributes as they are before the first training."""
        return {}

    def _measured(self, networks, images):
        """Return further fitted attributes that follow from networks and training images."""
        return {}

    def _finish(self):
        """Add, when the training is over, what would take too long for a look at it before."""

    def _learn(self, images, rows, task, networks=None, n_iter=None, checkpointed=True, **settings):
        """Train networks, new ones if none are given, and set the fitted attributes.

        Networks to start from are changed; ``n_iter=None`` takes the parameter; ``checkpointed``
        keeps the state in the file that the parameter names; ``settings`` say what the training
        step is to do otherwise than the parameters say.
        """
        networks = self._begun() if networks is None else networks
        like, done = next(networks["generator"].parameters()), self.n_iter_
        checkpoint = self.checkpoint if checkpointed else None
        batches = self._source.batches(
            images,
            self.encoder_,
            rows,
            self.conditions_,
            batch_size=self.batch_size,
            seed=draw_seed(numpy_generator(self._seed, 2, done)),
            device=like.device,
            dtype=like.dtype,
        )
        step = self._training_step(networks, torch_generator(self._seed, 3, done), **settings)
        callbacks, stopping = without_stopping(self.callbacks)

        def reached(history):
            return self._as_if_finished(step, batches, images, history)

        callbacks, watch = [*callbacks, *task.loop_callbacks(reached)], None
        if stopping is not None:
            self._check_validation_images(stopping.X_val)
            watch = stopping.watch(step, batches, lambda history: self._with(reached(history)))
            callbacks.insert(0, watch)
        marked = checkpoint is not None or n_processes() > 1
        marks = fingerprint(self, data=images, conditions=rows) if marked else None
        if marked and stopping is not None:
            marks["early_stopping"] = stopping.mark
        history = run(
            step,
            batches,
            n_iter or self.n_iter,
            callbacks=callbacks,
            finished=watch and watch.finished,
            verbose=self.verbose,
            checkpoint=checkpoint,
            checkpoint_every=self.checkpoint_every,
            fingerprint=marks,
            name=type(self).__name__,
        )
        curves = watch.curves(history) if watch else {}
        self._set(self._trained(step.finish(batches), images, history, curves))
        self._finish()

    def _learn_more(self, X, y, n_iter, task, **settings):
        images = self._check_training_images(X, reset=False)
        self._check_unchanged_parameters()
        self.encoder_.check(images)
        self.conditions_, rows = self._extended(self.conditions_, images, y)
        networks = {name: copy.deepcopy(getattr(self, f"{name}_")) for name in self._networks()}
        self._learn(images, rows, task, networks, n_iter, checkpointed=False, **settings)

    def _begun(self):
        """Set what is known before the first iteration, and return new networks."""
        parameters = parameters_of(self, MODEL)
        self._made_with = {name: parameter_summary(v) for name, v in parameters.items()}
        networks = self._new_networks(self._untrained())
        check_networks(self, networks)
        self._warn_of_a_seam(networks["generator"])
        return networks

    def _trained(self, networks, images, history, curves=None):
        """Return the fitted attributes that a training has changed."""
        losses = history.as_arrays() | (curves or {})
        losses = joined(self.history_, losses, self.n_iter_, history.n_iter)
        kept = {f"{name}_": network.requires_grad_(False) for name, network in networks.items()}
        done = {"history_": losses, "n_iter_": self.n_iter_ + history.n_iter}
        return kept | done | self._measured(networks, images)

    def _as_if_finished(self, step, batches, images, history):
        """Return the fitted attributes as if training ended now."""
        networks = step.look(batches)
        fitted = {name: value for name, value in vars(self).items() if name.endswith("_")}
        return fitted | self._trained(networks, images, history) | {"_flat": self._flat}

    def _with(self, attributes):
        """Return a copy of the generator with other fitted attributes."""
        twin = object.__new__(type(self))
        vars(twin).update(vars(self) | attributes)
        return twin

    def _check_validation_images(self, X):
        try:
            self.encoder_.check(self._source.pieces(self, X))
        except ValueError as error:
            raise ValueError(f"X_val must be images like those trained on: {error}") from error

    def _warn_of_a_seam(self, network):
        if not getattr(network, "seamless", True):
            warn_user(
                f"Sides of periodic images should be multiples of {network.coarseness} for the "
                f"{self.architecture!r} architecture, got {self.image_shape_}: opposite borders of "
                "generated images will not match.",
                ImageShapeWarning,
            )

    def _check_unchanged_parameters(self):
        for name, default in parameters_of(type(self), MODEL).items():
            summary = parameter_summary(getattr(self, name))
            # Files of earlier revisions do not know parameters that came later.
            made_with = self._made_with.get(name, parameter_summary(default))
            if summary != made_with:
                raise ValueError(
                    f"{name} must stay as it was in fit to train further, {made_with}, "
                    f"got {summary}."
                )

    @classmethod
    def _renamed(cls, state):
        state = super()._renamed(state)
        noted = {"_made_with"} & set(state)
        return state | {name: super(NetworkGenerator, cls)._renamed(state[name]) for name in noted}


def joined(before, after, n_before, n_after):
    """Return losses of two trainings, one after the other; NaN where one has none of a name."""
    return {
        name: np.concatenate(
            [
                losses.get(name, np.full(n_iter, np.nan, np.float32))
                for losses, n_iter in ((before, n_before), (after, n_after))
            ]
        )
        for name in before | after
    }
