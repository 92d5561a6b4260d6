"""Where a training takes its images from: whole images, or windows of larger ones."""

import numpy as np
import torch

from .._random import torch_generator
from ..images import (
    ChunkedImages,
    check_images,
    extract_patches,
    is_chunked,
    resolve_periodic,
)
from ..training import CropBatches, ImageBatches, random_crops

N_DESCRIBED = 1024


class WholeImages:
    """Training on the images as they are, ``n_least`` of them at least."""

    def __init__(self, n_least):
        self.n_least = n_least

    def checked(self, estimator, X, reset, takes_unknown=None):
        """Return checked images (n, *spatial); the estimator learns their shape if ``reset``."""
        n_least = self.n_least if reset else 1
        settings = {"min_samples": n_least, "takes_unknown": takes_unknown}
        return check_images(estimator, X, reset=reset, **settings)

    def wraps_around(self, images, periodic):
        """Return whether training images are periodic, as stated or as they look."""
        return resolve_periodic(periodic, images)

    def described(self, table, images, variables, seed):
        """Return a table with more rows, and what batches take for each image, (n, n_columns).

        ``variables`` are the process variables of the images, (n, n_variables).
        """
        return table.extended(images, variables)

    def batches(self, images, encoder, rows, table, **settings):
        """Return the batches of a training on images and the rows that describe them."""
        return ImageBatches(images, encoder, rows, **settings)

    def pieces(self, estimator, X):
        """Return images of the shape that the estimator knows, (n, *image_shape)."""
        return check_images(estimator, X, reset=False)


class Windows(WholeImages):
    """Training on windows of a shape, cut from larger images at random places.

    Whatever the estimator says of itself, the images may have unknown voxels, windows have none.
    """

    def __init__(self, shape):
        super().__init__(n_least=1)
        self.shape = tuple(int(side) for side in shape)

    def checked(self, estimator, X, reset):
        """Return checked images (n, *spatial); the estimator learns the windows' shape."""
        if any(map(is_chunked, X)) if isinstance(X, (list, tuple)) else is_chunked(X):
            scans = ChunkedImages(X)
        else:
            unfitted = type(estimator)(**estimator.get_params(deep=False))
            scans = super().checked(unfitted, X, reset=True, takes_unknown=True)
        sides = scans.shape[1:]
        if len(self.shape) != len(sides) or any(np.greater(self.shape, sides)):
            hint = " [X] is one volume, X is many images." if len(self.shape) == scans.ndim else ""
            raise ValueError(
                f"crop_shape must fit into the images {sides}, got {self.shape}.{hint}"
            )
        if reset:
            estimator.image_shape_ = self.shape
            estimator.n_features_in_ = int(np.prod(self.shape))
        elif self.shape != estimator.image_shape_:
            raise ValueError(
                f"crop_shape must be {estimator.image_shape_} as in fit, got {self.shape}."
            )
        return scans

    def wraps_around(self, images, periodic):
        """Tell that windows are not periodic."""
        return False

    def described(self, table, images, variables, seed):
        """Describe 1024 windows, and leave it to batches to describe theirs."""
        index = torch.arange(max(N_DESCRIBED, len(images))) % len(images)
        windows = random_crops(images, index, self.shape, torch_generator(seed, 4))
        return table.extended(windows, variables[index])[0], variables

    def batches(self, images, encoder, rows, table, **settings):
        """Return batches of windows, which are described as they are cut."""
        return CropBatches(images, encoder, rows, table.describe, self.shape, **settings)

    def pieces(self, estimator, X):
        """Return windows of the images, side by side."""
        if np.shape(X)[1:] == self.shape:
            return super().pieces(estimator, X)
        scans = self.checked(estimator, X, reset=False)
        tiles = [extract_patches(scan, self.shape, method="grid") for scan in scans]
        return np.concatenate(tiles)
