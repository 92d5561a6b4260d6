"""The only place with optimizers: one loop, one step, and what makes steps of different kinds."""

from .adversarial import adversarial_step
from .autoencoding import autoencoding_step
from .autoencoding_adversarial import autoencoding_adversarial_step
from .batches import Batch, CropBatches, ImageBatches, random_crops
from .descents import RowAdam, RowAscent, RowGaussNewton, RowLBFGS
from .distillation import PairBatches, distillation_step
from .distributed import agreed_seed, begin_together, is_first, n_processes
from .early_stopping import EarlyStopping, without_stopping
from .estimator import NetworkEstimator
from .fingerprint import fingerprint, parameter_summary
from .invariance import invariance_step
from .loop import run
from .matching import matching_step
from .projections import Projection
from .regression import (
    BestWeights,
    held_out_loss,
    measure_every,
    regression_step,
    without_progress,
)
from .search import search_latents
from .steps import Player, TrainingStep, Update, adam, nadam
from .style import style_term

__all__ = [
    "Batch",
    "BestWeights",
    "CropBatches",
    "EarlyStopping",
    "ImageBatches",
    "NetworkEstimator",
    "PairBatches",
    "Player",
    "Projection",
    "RowAdam",
    "RowAscent",
    "RowGaussNewton",
    "RowLBFGS",
    "TrainingStep",
    "Update",
    "adam",
    "adversarial_step",
    "agreed_seed",
    "autoencoding_adversarial_step",
    "autoencoding_step",
    "begin_together",
    "distillation_step",
    "fingerprint",
    "held_out_loss",
    "invariance_step",
    "is_first",
    "matching_step",
    "measure_every",
    "n_processes",
    "nadam",
    "parameter_summary",
    "random_crops",
    "regression_step",
    "run",
    "search_latents",
    "style_term",
    "without_progress",
    "without_stopping",
]
