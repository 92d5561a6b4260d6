"""Flows from noise to images: channels, steps in time, filling of regions."""

from ._channels import (
    UNCERTAIN,
    blurred,
    flow_channels,
    flow_end,
    labelled_channels,
    n_flow_channels,
    noise_from_afar,
    renoised,
    with_fractions_of,
    with_mean_fractions,
)
from ._inpainting import completed_flow, damaged_images, inpainted
from ._model import FlowModel
from ._sections import SectionModel
from ._steps import METHODS, arc, integrate, time_grid
from ._student import StudentModel, short_flow

__all__ = ["FlowModel", "SectionModel", "StudentModel"]
