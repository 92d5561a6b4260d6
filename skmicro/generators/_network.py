"""Generators made of networks: from factories and a training step to fitted attributes.

Subclasses say what is particular to a method in two or three places:

- ``_networks()``: factories of their networks, by name (``"generator"`` among them);
- ``_training_step(networks, rng)``: the objective and the updates;
- ``_generate(latents, conditions)``: latents to channels, where it is more than one
  call of the generator network.
"""

import copy
from functools import partial
from numbers import Integral

from .. import _arrays
from .._callbacks import FitTask, with_callbacks
from .._checks import check_callables, check_file_path, check_integer, check_real
from .._rollback import unchanged_on_error
from .._warnings import warn_user
from ..exceptions import ImageShapeWarning
from ..training import ImageBatches
from ._base import BaseGenerator
from ._state import WEIGHTS, plain_parameters, rebuilt_networks, without_networks
from ._training import new_networks, parameter_summary, train

LASTING = {
    "architecture",
    "calibration",
    "conditions",
    "critic_loss",
    "critic_width",
    "crop_shape",
    "invariances",
    "matching",
    "n_latent",
    "periodic",
    "precision",
    "width",
}
RUNNING = {"_skl_callbacks", "_parent_callback_ctx"}


class NetworkGenerator(BaseGenerator):
    """Base class of generators made of networks.

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
    def partial_fit(self, X, y=None):
        """Continue training for ``n_iter`` iterations, on these images.

        Optimizers start afresh from the networks reached; nothing is checkpointed.
        Parameters that the networks and conditions were made with have to be those of the
        first training.

        Parameters
        ----------
        X : array-like or Tensor of shape (n, *spatial) or (n, n_voxels)
            Images of the shape and phases seen first.
        y : array-like, DataFrame or None, default=None
            As in :meth:`fit`.

        Returns
        -------
        self : object
            The generator, trained further.

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
            self._train_further(X, y, self.n_iter, task)
        task.end()
        return self

    def _train_further(self, X, y, n_iter, task, **step):
        images = self._check_training_images(X, reset=False)
        self._check_unchanged_parameters()
        self.encoder_.check(images)
        self.conditions_, rows = self._extended(self.conditions_, images, y)
        networks = {name: copy.deepcopy(getattr(self, f"{name}_")) for name in self._networks()}
        train(self, images, rows, networks, None, task, n_iter, **step)

    def _networks(self):
        """Return factories of the networks, by name."""
        raise NotImplementedError

    def _training_step(self, networks, rng):
        """Return the TrainingStep that trains these networks."""
        raise NotImplementedError

    def _generate(self, latents, conditions):
        return self.generator_(latents, conditions)

    def _batches(self, images, rows, **settings):
        """Return the batches of a training on images and their conditions."""
        return ImageBatches(images, self.encoder_, rows, **settings)

    def _trained(self, images):
        """Measure on training images what networks leave open; also in looks at a training."""

    def _finish(self):
        """Add, when the training is over, what would take too long for a look at it before."""

    def _learn(self, images, rows, task, checkpointed=True):
        checkpoint = self.checkpoint if checkpointed else None
        self._fitted_with = plain_parameters(self)
        self._made_with = self._lasting_parameters()
        self.n_iter_ = 0
        self.history_ = {}
        networks = new_networks(self)
        self._warn_of_a_seam(networks["generator"])
        train(self, images, rows, networks, checkpoint, task, self.n_iter)

    def _warn_of_a_seam(self, network):
        if not getattr(network, "seamless", True):
            warn_user(
                f"Sides of periodic images should be multiples of {network.coarseness} for the "
                f"{self.architecture!r} architecture, got {self.image_shape_}: opposite borders of "
                "generated images will not match.",
                ImageShapeWarning,
            )

    def _lasting_parameters(self):
        parameters = self.get_params(deep=False)
        return {k: parameter_summary(v) for k, v in parameters.items() if k in LASTING}

    def _check_unchanged_parameters(self):
        for name, value in self._lasting_parameters().items():
            if value != self._made_with[name]:
                raise ValueError(
                    f"{name} must stay as it was in fit to train further, {self._made_with[name]}, "
                    f"got {value}."
                )

    def _n_latent(self):
        return self.generator_.n_latent

    @property
    def _homogeneous(self):
        return hasattr(self.generator_, "resized")

    def _resized(self, shape, periodic):
        resized = super()._resized(shape, periodic)
        extent = (resized.image_shape_, resized.conditions_.periodic)
        if extent != (self.image_shape_, self.conditions_.periodic):
            resized.generator_ = self.generator_.resized(*extent)
        return resized

    def _check_parameters(self):
        """Raise if a parameter that all networks share is not allowed."""
        super()._check_parameters()
        check_integer("n_iter", self.n_iter, minimum=1)
        check_integer("batch_size", self.batch_size, minimum=2)
        check_real("learning_rate", self.learning_rate, 0.0, open_low=True)
        if hasattr(self, "n_latent"):
            check_integer("n_latent", self.n_latent, minimum=1)
        check_integer("checkpoint_every", self.checkpoint_every, minimum=1)
        if not isinstance(self.verbose, bool):
            check_integer("verbose", self.verbose, minimum=0)
        check_file_path("checkpoint", self.checkpoint)
        check_callables("callbacks", self.callbacks)
        _arrays.resolve_device(self.device)
        _arrays.resolve_precision(self.precision)

    @property
    def _device(self):
        return next(self.generator_.parameters()).device

    @property
    def _dtype(self):
        return next(self.generator_.parameters()).dtype

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
