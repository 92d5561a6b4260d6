"""A student of a flow: noise to phases in one evaluation of its network, or a few."""

from dataclasses import dataclass, fields, replace

import torch

from ._channels import labelled_channels, n_flow_channels
from ._model import FlowModel


@dataclass(frozen=True, kw_only=True)
class StudentModel(FlowModel):
    """A model whose images a student generates; all other methods use the flow behind it.

    Attributes
    ----------
    encoder, image_shape, conditions, target_tol, flat, network, n_steps, method, guidance, \
    restart_time : any
        As in :class:`FlowModel`: those of the flow.
    student : torch.nn.Module
        A network of the same kind.
    n_evaluations : int
        How often an image needs it.
    restarts : bool, default=False
        Whether the network of the flow predicts the phases again, at ``restart_time``.
    """

    student: torch.nn.Module
    n_evaluations: int
    restarts: bool = False

    def generate(self, latents, conditions):
        """Return the channels of noise, (n, n_latent), (n, k) -> (n, C, *S)."""
        noise = latents.view(-1, n_flow_channels(self.encoder), *self.image_shape)
        told = short_flow(self, self.student, self.n_evaluations).evidence(noise, conditions)
        if self.restarts:
            told = self.restarted(told, noise, conditions)
        return labelled_channels(told)

    def resized(self, shape, periodic):
        """Return the model of images of another shape, unless both are as they are."""
        resized = super().resized(shape, periodic)
        if (shape, periodic) == (self.image_shape, self.conditions.periodic):
            return resized
        return replace(resized, student=self.student.resized(shape, periodic))


def short_flow(model, student, n_evaluations):
    """Return the flow of a student, which takes so many steps of Euler.

    The last one predicts the phases where it begins: the only one, straight from the noise.
    """
    parts = {field.name: getattr(model, field.name) for field in fields(FlowModel)}
    steps = {"n_steps": n_evaluations, "method": "euler", "guidance": 1.0, "restart_time": None}
    return FlowModel(**(parts | steps | {"network": student}))
