"""The only place with optimizers: one loop, and the steps it runs."""

from .adversarial import AdversarialStep
from .autoencoding import AutoencodingStep
from .autoencoding_adversarial import AutoencodingAdversarialStep
from .batches import Batch, CropBatches, ImageBatches, random_crops
from .invariance import InvarianceStep
from .loop import run
from .matching import MatchingStep
from .search import search_latents
from .steps import GeneratorStep, Projection, TrainingStep

__all__ = [
    "AdversarialStep",
    "AutoencodingAdversarialStep",
    "AutoencodingStep",
    "Batch",
    "CropBatches",
    "GeneratorStep",
    "ImageBatches",
    "InvarianceStep",
    "MatchingStep",
    "Projection",
    "TrainingStep",
    "random_crops",
    "run",
    "search_latents",
]
