"""Regressors: from images to the numbers that belong to them."""

from ._augmented import AugmentedRegressor
from ._cnn import CNNRegressor
from ._distances import target_distances
from ._occlusion import occlusion_map

__all__ = ["AugmentedRegressor", "CNNRegressor", "occlusion_map", "target_distances"]
