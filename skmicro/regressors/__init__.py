"""Regressors: from images to the numbers that belong to them."""

from ._augmented import AugmentedRegressor
from ._cnn import CNNRegressor

__all__ = ["AugmentedRegressor", "CNNRegressor"]
