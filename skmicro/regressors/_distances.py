"""How far the targets of generated images are from those of real ones."""

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array

from .._random import draw_seed
from .._typing import Seed
from . import _gate


def target_distances(values: ArrayLike, real: ArrayLike, *, random_state: Seed = None):
    """Compare the distributions of targets of two sets of images.

    Parameters
    ----------
    values : array-like of shape (n,) or (n, n_outputs)
        Targets of the images to compare, such as generated ones.
    real : array-like of shape (n_real,) or (n_real, n_outputs)
        Targets of the images that they are compared with, two at least.
    random_state : None, int, RandomState or Generator, default=None
        Source of the halves.

    Returns
    -------
    distances : ndarray of shape (n_outputs,)
        Wasserstein distance between the values of each output, in units of their standard
        deviation in ``real``; of an output that is constant there, in units of the output.
    baseline : ndarray of shape (n_outputs,)
        The same between two halves of ``real``, the mean over 20 ways to halve it at random.

    Raises
    ------
    ValueError
        If a number is not finite, a set is too small, or outputs are not equally many.

    See Also
    --------
    AugmentedRegressor : Has both as ``distances_`` and ``baseline_``.
    skmicro.plotting.DescriptorDistributionDisplay : The picture.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.regressors import target_distances
    >>> real = np.random.default_rng(0).normal(size=1000)
    >>> distances, baseline = target_distances(real + 0.5, real, random_state=0)
    >>> distances.round(1), bool(baseline < 0.1)
    (array([0.5]), True)
    """
    values, real = _rows("values", values, 1), _rows("real", real, 2)
    if values.shape[1] != real.shape[1]:
        raise ValueError(
            f"values must have as many columns as real, {real.shape[1]}, got {values.shape[1]}."
        )
    return _gate.distances(values, real), _gate.baseline(real, draw_seed(random_state))


def _rows(name, values, n_least):
    checked = check_array(
        values, dtype=np.float64, ensure_2d=False, ensure_min_samples=n_least, input_name=name
    )
    return checked.reshape(len(checked), -1)
