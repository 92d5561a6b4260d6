"""The only place with optimizers: one loop, and the steps it runs."""

from .batches import Batch, ImageBatches
from .loop import run
from .search import search_latents
from .steps import AdversarialStep, Projection, TrainingStep

__all__ = [
    "AdversarialStep",
    "Batch",
    "ImageBatches",
    "Projection",
    "TrainingStep",
    "run",
    "search_latents",
]
