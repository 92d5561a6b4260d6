"""Regressors: from images to the numbers that belong to them."""

from ._cnn import CNNRegressor

__all__ = ["CNNRegressor"]
