"""Evaluation of generators: metrics of generated and real images with their baselines.

A distance between generated and real images says little on its own. Compare it with
the same distance between two sets of real images, its *baseline*, which no generator is
expected to beat. :func:`evaluate` computes both, with intervals and p-values; most other
functions are its parts. :func:`mutual_information_gap` is about latents instead of images.
"""

from ..reports import Calibration, Comparison, ConditionalReport, EvaluationReport, Metric, compare
from ._disentanglement import mutual_information_gap
from ._evaluate import evaluate
from ._local_memorisation import local_memorisation
from ._memorisation import memorisation
from ._metrics import (
    clipped_density_coverage,
    density_coverage,
    descriptor_wasserstein,
    diversity,
    mean_relative_error,
    two_point_rmse,
)
from ._representative import RepresentativeVolume, representative_volume

__all__ = [
    "Calibration",
    "Comparison",
    "ConditionalReport",
    "EvaluationReport",
    "Metric",
    "RepresentativeVolume",
    "clipped_density_coverage",
    "compare",
    "density_coverage",
    "descriptor_wasserstein",
    "diversity",
    "evaluate",
    "local_memorisation",
    "mean_relative_error",
    "memorisation",
    "mutual_information_gap",
    "representative_volume",
    "two_point_rmse",
]
