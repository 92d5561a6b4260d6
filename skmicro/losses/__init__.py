"""Objectives: functions of network outputs that return one number."""

from .adversarial import ADVERSARIAL_LOSSES, AdversarialLoss
from .conditional import AttributeLoss, ConditionView, ResidualView
from .descriptor import DescriptorLoss, MomentLoss
from .isotropy import IsotropyLoss
from .matching import labelling_loss, matching_loss
from .penalties import GradientPenalty

__all__ = [
    "ADVERSARIAL_LOSSES",
    "AdversarialLoss",
    "AttributeLoss",
    "ConditionView",
    "DescriptorLoss",
    "GradientPenalty",
    "IsotropyLoss",
    "MomentLoss",
    "ResidualView",
    "labelling_loss",
    "matching_loss",
]
