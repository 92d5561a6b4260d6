"""Objectives: functions of network outputs that return one number."""

from .adversarial import ADVERSARIAL_LOSSES, AdversarialLoss
from .conditional import AttributeLoss, ConditionView, ResidualView
from .descriptor import DescriptorLoss, MomentLoss
from .distillation import distillation_loss
from .isotropy import IsotropyLoss
from .matching import labelling_loss, matching_loss
from .penalties import GradientPenalty
from .standard import FractionPenalty, StandardView
from .style import gram_matrices, mode_collapse_loss, style_loss
from .variational import (
    augmented_divergence,
    cross_entropy,
    drawn_latents,
    normal_divergence,
    squared_error,
)

__all__ = [
    "ADVERSARIAL_LOSSES",
    "AdversarialLoss",
    "AttributeLoss",
    "ConditionView",
    "DescriptorLoss",
    "FractionPenalty",
    "GradientPenalty",
    "IsotropyLoss",
    "MomentLoss",
    "ResidualView",
    "StandardView",
    "augmented_divergence",
    "cross_entropy",
    "distillation_loss",
    "drawn_latents",
    "gram_matrices",
    "labelling_loss",
    "matching_loss",
    "mode_collapse_loss",
    "normal_divergence",
    "squared_error",
    "style_loss",
]
