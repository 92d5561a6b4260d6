"""Distances between sets of images or of their features."""

import reprlib

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from .._checks import check_integer
from ..descriptors import TwoPointCorrelation
from ..images import check_stack, encoder_for, refuse_unknown
from . import _clipped, _weighted


def mean_relative_error(a: ArrayLike, b: ArrayLike) -> float:
    r"""Return the mean relative error of features against a baseline.

    Parameters
    ----------
    a : array-like of shape (n_samples,) or (n_samples, n_features)
        Features of each image, e.g. volume fractions or correlation curves.
    b : array-like
        Baseline: one for all images, a number or (n_features,), or one for each image,
        of the shape of ``a``.

    Returns
    -------
    error : float
        The mean over the images.

    Raises
    ------
    ValueError
        If the shapes do not fit, or a baseline is zero.

    Notes
    -----
    Equation 34 of [1]_ with the Euclidean norm, without squares,

        E = 1/n sum_i ||b_i - a_i|| / ||b_i||.

    It contains the spread of the images about the baseline, which a perfect generator has
    as well: read it beside the same error of real images.

    References
    ----------
    .. [1] A. Henkes and H. Wessels, "Three-dimensional microstructure generation using
       generative adversarial neural networks in the context of continuum
       micromechanics", Comput. Methods Appl. Mech. Eng. 400, 115497, 2022.

    Examples
    --------
    >>> from skmicro.evaluation import mean_relative_error
    >>> round(mean_relative_error([0.18, 0.24], 0.2), 3)
    0.15
    """
    b = _numbers("b", b)
    if np.ndim(a) == b.ndim == 1:
        b = b[:, None]
    a = _rows("a", a)
    try:
        b = np.broadcast_to(b, a.shape)
    except ValueError as error:
        raise ValueError(
            f"b must be one baseline of {a.shape[1]} features or one for each of the {len(a)} "
            f"rows of a, got shape {b.shape}."
        ) from error
    norms = np.linalg.norm(b, axis=1)
    if not norms.all():
        raise ValueError("b must not be zero: the error is relative to its norm.")
    return float(np.mean(np.linalg.norm(b - a, axis=1) / norms))


def two_point_rmse(A: ArrayLike, B: ArrayLike) -> np.ndarray:
    """Return how far the two-point correlations of images are from each other.

    Parameters
    ----------
    A : array-like of shape (n, *spatial)
        Images: phase labels or grey levels.
    B : array-like of shape (m, *spatial)
        Images to compare each of ``A`` with.

    Returns
    -------
    errors : ndarray of shape (n, m)
        Root of the mean squared difference between the periodic S2 maps of the largest
        label, for each pair.

    Notes
    -----
    Equation 12 of Zhang et al. 2023 (arXiv:2303.03403),
    ``E_AB = sqrt(mean_r (S2_A(r) - S2_B(r))^2)`` over all lags of the period.
    For images and their reconstructions in the same order ``errors.diagonal().mean()`` is
    the paper's E_rec; for generated images and training images
    ``errors.min(axis=1).mean()``, the error to the nearest one, is its E_gen. E_gen is 0
    for copies of training images, also for rolled ones, and small for many samples of one
    good image: it needs :func:`diversity` and :func:`memorisation` beside it.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.evaluation import two_point_rmse
    >>> stripes = np.tile([0, 0, 1, 1], (1, 4, 1))
    >>> two_point_rmse(stripes, [stripes[0].T, np.roll(stripes[0], 1)]).round(3)
    array([[0.25, 0.  ]])
    """
    A, B = (check_stack(name, X, refused_by="two_point_rmse") for name, X in (("A", A), ("B", B)))
    if A.shape[1:] != B.shape[1:]:
        raise ValueError(
            "A and B must be images of one shape, (n, *spatial) and (m, *spatial), "
            f"got {A.shape} and {B.shape}."
        )
    encoder = encoder_for(B)
    encoder.check(A, "A", "of B")
    correlation = TwoPointCorrelation(output="map", periodic=True)._bind(encoder, B.shape[1:])
    maps = correlation.transform(np.concatenate([A, B])).astype(float)
    return cdist(maps[: len(A)], maps[len(A) :]) / np.sqrt(maps.shape[1])


def descriptor_wasserstein(a: ArrayLike, b: ArrayLike) -> float:
    """Return the 1-Wasserstein distance between distributions of features.

    Parameters
    ----------
    a : array-like of shape (n,) or (n, n_features)
        Features of the images to evaluate.
    b : array-like of shape (m,) or (m, n_features)
        Features of the reference.

    Returns
    -------
    distance : float
        Distance of each component in units of its standard deviation in ``b`` (components
        that are constant there count in their own unit), averaged over the components.

    Notes
    -----
    ``W1 = integral |F_a(t) - F_b(t)| dt`` with the distribution functions F of a component
    [1]_. It sees the whole distribution: right means with half the spread give about 0.4
    for normal features. Correlations between components are not seen.

    References
    ----------
    .. [1] S. S. Vallender, "Calculation of the Wasserstein distance between probability
       distributions on the line", Theory Probab. Appl. 18, 784-786, 1974.

    Examples
    --------
    >>> from skmicro.evaluation import descriptor_wasserstein
    >>> descriptor_wasserstein([3.0, 4.0, 5.0, 6.0], [2.0, 2.0, 4.0, 4.0])
    1.5
    """
    a, b = _pair("a", a, "b", b)
    return _weighted.value_of(_weighted.wasserstein(a, b), len(a), len(b))


def density_coverage(reference: ArrayLike, samples: ArrayLike, n_neighbors: int = 5):
    r"""Return density and coverage of samples with respect to a reference.

    Parameters
    ----------
    reference : array-like of shape (m, n_features)
        Features of real images; more rows than ``n_neighbors``.
    samples : array-like of shape (n, n_features)
        Features of the images to evaluate.
    n_neighbors : int, default=5
        Neighbours k that the ball around each reference point reaches to.

    Returns
    -------
    density : float
        Mean number of balls that a sample lies in, over k. 1 is expected of samples of the same
        distribution, 0 far from it, more in its densest part.
    coverage : float
        Share of the balls with a sample inside. Falls when parts of the distribution are
        left out; about ``1 - 2**-k`` is expected of as many samples of the same distribution,
        and more where features tie.

    Raises
    ------
    ValueError
        If the reference has too few rows.

    Notes
    -----
    With B_i the ball around the reference point x_i that reaches to its k-th neighbour [1]_,

        density = 1 / (k n) sum_j sum_i w_i(y_j),    w_i(y) = 1[y in B_i],
        coverage = 1 / m sum_i 1[some y_j in B_i].

    Distances are Euclidean after division of each component by its standard deviation in
    the reference.

    *Ties.* Features that are counts have many neighbours at the same distance, copies of an image
    a distance of 0. A sample at exactly the radius r_i counts with the probability to be among
    the k nearest if ties are broken at random,

        w_i(y) = (k - s_i) / (t_i + 1)    at this distance,

    with the s_i other reference points nearer to x_i than r_i, and the t_i at this distance. For
    samples of the reference's own distribution the expected density is 1, whether it has ties or
    not. Balls are closed for the coverage. (Another reading of [1]_, 1 or 0 for all ties, gives a
    density of 2 or of 0 for twenty points, each of them ten times in both sets, and k = 5.)

    References
    ----------
    .. [1] M. F. Naeem, S. J. Oh, Y. Uh, Y. Choi and J. Yoo, "Reliable fidelity and
       diversity metrics for generative models", ICML, 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.evaluation import density_coverage
    >>> line = np.arange(8.0)[:, None]
    >>> density_coverage(line, line[:4] + 0.1, n_neighbors=1)
    (2.0, 0.625)
    """
    samples, reference = _in_units_of_spread(samples, reference, n_neighbors)
    within = _weighted.within_neighbourhoods(samples, reference, n_neighbors)
    metrics = (_weighted.density(within, n_neighbors), _weighted.coverage(within))
    return tuple(_weighted.value_of(metric, *within.shape) for metric in metrics)


def clipped_density_coverage(reference: ArrayLike, samples: ArrayLike, n_neighbors: int = 5):
    r"""Return clipped density and coverage, as shares of good samples.

    Parameters
    ----------
    reference : array-like of shape (m, n_features)
        Features of real images; more rows than ``n_neighbors``.
    samples : array-like of shape (n, n_features)
        Features of the images to evaluate.
    n_neighbors : int, default=5
        Neighbours k that the ball around each reference point reaches to.

    Returns
    -------
    density : float
        Fidelity, from 0 to 1. Samples a share x of which lies far from the reference, and the
        rest of which has its distribution, are expected to have about 1 - x.
    coverage : float
        Variety, from 0 to 1, which is calibrated by the same samples.

    Raises
    ------
    ValueError
        If the reference has too few rows.

    See Also
    --------
    density_coverage : The metrics without bounds and calibration.

    Notes
    -----
    With the balls B_i and the weights w_i of :func:`density_coverage`, the clipped density [1]_ is

        D = a(y) / a(x),    a(z) = mean_j min(1/k sum_i w_i(z_j), 1),

    at most 1. No sample makes up for a bad one by lying in more than k balls, and radii are clipped
    at their median, so that outliers of the reference have no balls in which everything lies.
    a(x) is the same mean over the reference points, each without the ball around itself.

    The clipped coverage is

        C = f^-1(1/m sum_i min(n_i, k) / k) / n,

    with the number n_i of samples in B_i, whose radii are not clipped, and its expected value
    f(g) for g good samples, which does not depend on the distribution: the mass of a ball has the
    distribution Beta(k, m - k), hence n_i is beta-binomial. Between whole g it is linear.

    A share x of bad samples lowers both by x, up to noise, and both are a little less than 1
    without any, for they are cut there. Kinds of images that are left out lower C by their share
    of the reference if there are as many samples as reference points, ``n = m``: then the samples
    that are too many elsewhere have the same effect as bad ones. With more samples C is lower,
    with fewer higher. D does not see what is left out.

    Clipping of contributions and radii, a(x) and f are those of [1]_. Other than there, components
    are divided by their standard deviation in the reference; f is computed for less than k
    samples as well; and ties are broken at random in expectation: where n_i depends on that, the
    mean of min(n_i, k) over all ways to do so stands in its place, in a(x) ``(k - s_i) / t_i`` in
    that of w_i.

    References
    ----------
    .. [1] N. Salvy, H. Talbot and B. Thirion, "Enhanced generative model evaluation with clipped
       density and coverage", arXiv:2507.01761, 2025.

    Examples
    --------
    >>> import numpy as np
    >>> from skmicro.evaluation import clipped_density_coverage
    >>> reference, samples = np.random.default_rng(0).normal(size=(2, 400, 2))
    >>> samples[:100] += 1000  # a quarter of them is bad
    >>> density, coverage = clipped_density_coverage(reference, samples)
    >>> round(density, 1), round(coverage, 1)
    (0.7, 0.7)
    """
    samples, reference = _in_units_of_spread(samples, reference, n_neighbors)
    metrics = (_clipped.density, _clipped.coverage)
    return tuple(
        _weighted.value_of(build(samples, reference, n_neighbors), len(samples), len(reference))
        for build in metrics
    )


def _in_units_of_spread(samples, reference, n_neighbors):
    """Return both over the standard deviations of the reference, which has enough neighbours."""
    samples, reference = _pair("samples", samples, "reference", reference)
    check_integer("n_neighbors", n_neighbors, 1)
    if len(reference) <= n_neighbors:
        raise ValueError(
            f"reference must have more than n_neighbors={n_neighbors} rows, got {len(reference)}."
        )
    spread = _weighted.spread_of(reference)
    return samples / spread, reference / spread


def diversity(X: ArrayLike) -> float:
    """Return the mean distance between two different images, or between their features.

    Parameters
    ----------
    X : array-like of shape (n, ...)
        Grey images, or features such as S2 curves, at least two. Phase labels count as
        numbers: with more than two phases, pass one-hot images.

    Returns
    -------
    diversity : float
        Mean Euclidean distance over all pairs.

    Notes
    -----
    ``2 / (n (n - 1)) sum_{i<j} ||x_i - x_j||``. Its ratio to the diversity of real images
    is near 1 for a good generator and 0 for one that has collapsed.

    Examples
    --------
    >>> from skmicro.evaluation import diversity
    >>> diversity([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]])
    3.333...
    """
    _array("X", X)
    refuse_unknown("diversity", "X", X)
    X = _numbers("X", X)
    if X.ndim == 0 or len(X) < 2:
        raise ValueError(f"X must have at least two rows, got shape {X.shape}.")
    X = X.reshape(len(X), -1)
    return float(_weighted.mean_pair_distance(X)(np.full((1, len(X)), 1 / len(X)))[0])


def _array(name, values):
    """Return numbers as an array of floats, or raise TypeError."""
    try:
        if np.iscomplexobj(values):
            raise TypeError("complex numbers")
        return np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"{name} must hold numbers in rows of one length, got {reprlib.repr(values)}."
        ) from error


def _numbers(name, values):
    """Finite numbers in an array."""
    numbers = _array(name, values)
    if np.ma.is_masked(values):
        n_masked = np.ma.count_masked(values)
        raise ValueError(f"{name} must have no masked values, got {n_masked}.")
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name} must hold finite numbers, got NaN or infinity.")
    return numbers


def _rows(name, values):
    """Features as (n, n_features), one column where they are plain numbers."""
    rows = _numbers(name, values)
    if rows.ndim not in (1, 2) or rows.size == 0:
        raise ValueError(f"{name} must have shape (n,) or (n, n_features), got {rows.shape}.")
    return rows.reshape(len(rows), -1)


def _pair(first_name, first, second_name, second):
    first, second = _rows(first_name, first), _rows(second_name, second)
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"{first_name} and {second_name} must have the same number of columns, "
            f"got {first.shape[1]} and {second.shape[1]}."
        )
    return first, second
