"""Flows that can be distilled: a student makes images in one evaluation of its network."""

import copy
from dataclasses import replace
from typing import ClassVar

from sklearn.utils.validation import check_is_fitted

from .._checks import check_integer
from .._random import draw_seed, normal_rows, numpy_generator, torch_generator
from ..flows import StudentModel, flow_end, n_flow_channels, short_flow
from ..images import Symmetries
from ..training import PairBatches, distillation_step, run, without_stopping
from ._flow_generator import FlowGenerator

TEACHER_STEPS = 4
OF_A_STUDENT = ("student_", "n_evaluations_")


class DistillableFlow(FlowGenerator):
    """Base class of flows from noise to phases that students can learn from.

    Attributes
    ----------
    student_ : torch.nn.Module
        The network that generates the images, if returned by :meth:`distill`.
    n_evaluations_ : int
        Its evaluations per image.
    """

    _optional_networks: ClassVar = ("student",)

    def distill(self, n_evaluations: int = 1, *, n_pairs: int = 1024, n_iter: int = 400):
        """Return a copy that generates images in one evaluation of its network instead of many.

        A student, initialised as the trained network, learns to predict the phases
        that the flow generates from the same noise, with more steps than ``n_steps``. No training
        images are needed.

        Parameters
        ----------
        n_evaluations : int, default=1
            Evaluations of the network per image; two are closer to the flow.
        n_pairs : int, default=1024
            Noises from which the flow is followed once; symmetries augment them.
        n_iter : int, default=400
            Iterations of the student's training.

        Returns
        -------
        student : object
            A fitted generator. ``sample`` and ``inverse_transform`` use the student: same
            noise, nearly the same images, of any size; so does ``design``, with one further
            evaluation of the flow's network at ``restart_time``. ``transform`` and ``inpaint``
            follow the flow, and only they use ``n_steps`` and ``method``.
            Further training discards the student.

        Raises
        ------
        ValueError
            If the images have grey levels.
        DivergenceError
            If a loss is not finite.

        Notes
        -----
        The loss is added to ``history_`` as ``"distillation"``.

        References
        ----------
        .. [1] E. Luhman, T. Luhman, "Knowledge distillation in iterative generative models
           for improved sampling speed", 2021.
        """
        check_is_fitted(self)
        for name, value in (("n_evaluations", n_evaluations), ("n_pairs", n_pairs)):
            check_integer(name, value, minimum=1)
        check_integer("n_iter", n_iter, minimum=1)
        if self.phases_ is None:
            raise ValueError("distill needs images of phases, got a generator of grey levels.")
        model, seed = super()._model(), draw_seed(numpy_generator(self._seed, 6))
        student = copy.deepcopy(self.generator_)
        step = distillation_step(
            student,
            lambda network, *given: short_flow(model, network, n_evaluations).evidence(*given),
            rng=torch_generator(seed, 1),
            augment=Symmetries(self._moves),
        )
        batches = self._pairs(model, n_pairs, seed)
        callbacks, _ = without_stopping(self.callbacks)
        name = f"a student of {type(self).__name__}"
        history = run(step, batches, n_iter, callbacks=callbacks, verbose=self.verbose, name=name)
        made = type(self)(**self.get_params(deep=False))
        made._set(vars(self))
        made.student_ = step.finish(batches)["generator"].requires_grad_(False)
        made.n_evaluations_ = n_evaluations
        made.history_ = self.history_ | history.as_arrays()
        return made

    def _pairs(self, model, n_pairs, seed):
        """Return batches of noise and of what the flow makes of it, with training conditions."""
        conditions = model.conditions.draw(n_pairs, [], numpy_generator(seed, 1))
        noise = normal_rows(n_pairs, model.n_latent, numpy_generator(seed, 0))
        # A restart predicts borders from new noise, which a student cannot follow.
        steps = {"n_steps": TEACHER_STEPS, "method": "midpoint", "restart_time": None}
        teacher = replace(model, **steps)
        images, shape = teacher.decode(noise, conditions), model.image_shape
        return PairBatches(
            noise.reshape(n_pairs, n_flow_channels(model.encoder), *shape),
            images.reshape(n_pairs, *shape),
            flow_end,
            encoder=model.encoder,
            conditions=conditions,
            batch_size=self.batch_size,
            seed=seed,
            device=model.device,
            dtype=model.dtype,
        )

    @property
    def _moves(self):
        """Names of the symmetries by which images are moved at random."""
        raise NotImplementedError

    def _model(self):
        model = super()._model()
        if not hasattr(self, "student_"):
            return model
        parts = vars(model) | {"student": self.student_, "n_evaluations": self.n_evaluations_}
        return StudentModel(**parts)

    def _design_model(self):
        # Without it, the borders of designs are as rough as those of the images of a student.
        model = self._model()
        return replace(model, restarts=True) if isinstance(model, StudentModel) else model

    def _learn(self, *arguments, **settings):
        if hasattr(self, "student_"):
            self.history_ = {k: v for k, v in self.history_.items() if k != "distillation"}
        for name in OF_A_STUDENT:
            vars(self).pop(name, None)
        super()._learn(*arguments, **settings)

    def _kept_networks(self):
        networks = super()._kept_networks()
        return networks | {"student": networks["generator"]}
