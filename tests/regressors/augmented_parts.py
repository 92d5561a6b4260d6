"""Parts of augmented regressors that show what they were given."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin, TransformerMixin
from textures import blobs

from skmicro.descriptors import SpecificSurface
from skmicro.generators import GaussianRandomField
from skmicro.regressors import AugmentedRegressor

quiet = pytest.mark.filterwarnings("ignore::skmicro.exceptions.DistributionWarning")


class Recorder(RegressorMixin, BaseEstimator):
    """Keeps what it was fitted on, and predicts the mean."""

    def fit(self, X, y, sample_weight=None, groups=None):
        self.seen_ = {"X": X, "y": y, "sample_weight": sample_weight, "groups": groups}
        return self

    def predict(self, X):
        return np.full(len(X), np.mean(self.seen_["y"]))


class Surface(TransformerMixin, BaseEstimator):
    """A labeler of the user, of one number for each image."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return SpecificSurface(periodic=True).fit_transform(X)[:, 0]


class Copies(BaseEstimator):
    """A generator that repeats training images of the largest sums, and remembers all."""

    def fit(self, X, y=None):
        self.X_ = X
        return self

    def sample(self, n_samples=1, random_state=None):
        order = np.argsort(-self.X_.reshape(len(self.X_), -1).sum(axis=1))
        return self.X_[order[np.arange(n_samples) % 3]]


def augmented(**options):
    settings = {
        "generator": GaussianRandomField(periodic=True),
        "regressor": Recorder(),
        "labeler": SpecificSurface(periodic=True),
        "n_synthetic": 40,
        "random_state": 0,
    }
    return AugmentedRegressor(**(settings | options))


def data(n=24):
    X = blobs(n)
    return X, SpecificSurface(periodic=True).fit_transform(X)[:, 0]


class Both(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        return self

    def transform(self, X):
        X = np.asarray(X)
        return np.column_stack(
            [SpecificSurface(periodic=True).fit_transform(X)[:, 0], X.mean(axis=(1, 2))]
        )


class Counting(GaussianRandomField):
    """Counts how often it was fitted, in this process."""

    n_fits = 0

    def fit(self, X, y=None):
        Counting.n_fits += 1
        return super().fit(X, y)
