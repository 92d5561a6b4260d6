"""Objectives: functions of network outputs that return one number."""

from .adversarial import ADVERSARIAL_LOSSES, AdversarialLoss
from .descriptor import DescriptorLoss, MomentLoss
from .penalties import GradientPenalty

__all__ = [
    "ADVERSARIAL_LOSSES",
    "AdversarialLoss",
    "DescriptorLoss",
    "GradientPenalty",
    "MomentLoss",
]
