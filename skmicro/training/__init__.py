"""The only place with optimizers: one loop, and the steps it runs."""

from .adversarial import AdversarialStep
from .batches import Batch, ImageBatches
from .invariance import InvarianceStep
from .loop import run
from .search import search_latents
from .steps import GeneratorStep, Projection, TrainingStep

__all__ = [
    "AdversarialStep",
    "Batch",
    "GeneratorStep",
    "ImageBatches",
    "InvarianceStep",
    "Projection",
    "TrainingStep",
    "run",
    "search_latents",
]
