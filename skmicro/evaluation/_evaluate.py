"""A whole report on a generator: metrics, baselines, intervals, p-values."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from .. import _random
from .._checks import check_choice, check_integer
from .._typing import Seed
from ..descriptors import TwoPointCorrelation
from ..images import borders_match, encoder_for
from ..reports import EvaluationReport
from ._conditional import evaluate_targets, several
from ._copies import look_for_copies
from ._evidence import collect_evidence
from ._rows import (
    compare_axes,
    compare_diversities,
    compare_spaces,
    describe,
    paired,
    phase_fractions,
)
from ._ruler import Ruler
from ._sets import ThreeSets, gather
from ._tables import checked, default_descriptors, features_of, tables_of


def evaluate(
    generator,
    X_train: ArrayLike,
    X_test: ArrayLike,
    *,
    n_samples: int | None = None,
    descriptors: list | None = None,
    properties: list | None = None,
    targets: dict | None = None,
    positions=None,
    periodic: bool | None = None,
    random_state: Seed = None,
    n_bootstrap: int = 200,
):
    """Compare generated images with real images that were held out from training.

    Every metric compares generated images with ``X_test``, and is reported with its baseline: the
    same metric for real images in the place of the generated ones, the mean over many random
    divisions of test images and as many of ``X_train``. Its p-value is the probability of a
    difference as large if generated and test images come from one distribution. It is
    adjusted for the number of metrics: the chance that *any* of them is below 0.05 for a perfect
    generator is 5 %.

    Parameters
    ----------
    generator : BaseGenerator or array-like of shape (n, *spatial)
        Fitted generator, or images that any other program generated.
    X_train : array-like of shape (n_train, *spatial) or (n_train, n_voxels)
        Images that the generator was trained on. Rows of voxels need a fitted generator, which
        knows their shape.
    X_test : array-like of shape (n_test, *spatial) or (n_test, n_voxels)
        Other images of the same material.
    n_samples : int or None, default=None
        Number of generated images, at most ``len(X_train)``. ``None`` means the length of
        ``X_test``, or as many as ``X_train`` and given images allow. Given images are
        subsampled at random.
    descriptors : list of transformers or None, default=None
        Transformers of images, as in skmicro.descriptors; clones are fitted. ``None``
        means the phase fractions (the volume fraction of two phases), and, for the largest
        label, the two-point correlation, specific surface, lineal path, Euler number and
        clusters. An unset ``periodic`` is replaced by the parameter below.
    properties : list of transformers or None, default=None
        Further transformers, e.g. physical properties, treated in the same way.
    targets : dict or None, default=None
        Targets of ``generator.sample``, e.g. ``{"p1": 0.4}``: all samples have this value, and
        so should all of ``X_test``. Lists, ``{"p1": [0.3, 0.4, 0.5]}``, evaluate each target by
        the real images that are nearest to it, whose values are the targets of the
        generator: a fifth of the images, or fewer for more than five targets, but at least 12, or
        ``n_samples``.
    positions : pair of array-like or None, default=None
        Positions of the images of ``X_train`` and of ``X_test`` in their scans, as
        :func:`skmicro.extract_patches` returns them. Patches of one region are similar: they are
        resampled and permuted in blocks of three patches to a side. ``None``: the images
        are independent.
    periodic : bool or None, default=None
        Whether descriptors wrap around the borders of the images. ``None``: if both real
        and generated images do, detected from the images if possible, and from the ``periodic_``
        of the generator. Generated images that are periodic are compared with crops of a
        micrograph without wrapping around.
    random_state : None, int, RandomState or Generator, default=None
        Source of the samples, the part of ``X_train``, the divisions and the bootstrap. Samples
        have their own random stream: they differ from those of ``generator.score`` or of
        ``generator.sample`` with the same seed, by which a generator may have been selected.
    n_bootstrap : int, default=200
        Resamplings of the images for the intervals.

    Returns
    -------
    report : EvaluationReport or ConditionalReport
        The metrics; the latter for lists of targets.

    Raises
    ------
    ValueError
        If shapes or phases differ, a set has fewer than six images, a feature is not
        finite, or a parameter is not allowed.
    TypeError
        If ``generator`` is neither a generator nor an array of images, or ``positions`` is no
        pair of integer arrays.
    NotFittedError
        If the generator is not fitted.

    Warns
    -----
    BorderWarning
        If ``periodic`` is True and opposite borders of the images do not match.
    TargetWarning
        If the real images nearest to a target have another value on average, by half a standard
        deviation of all.
    OverlapWarning
        If images overlap and ``positions`` is None, or they are patches of few blocks.

    See Also
    --------
    EvaluationReport : The result.
    ConditionalReport : The result for several targets.
    memorisation : Copies of training images.
    local_memorisation : Copies of parts of them.
    density_coverage : Fidelity and coverage in descriptor space.

    Notes
    -----
    The rows are

    - for a descriptor of more than eight features, such as a correlation function,
      "relative error", ``||<f> - <f'>|| / ||<f'>||`` with the means over generated and test
      images, "adjusted error", the same at equal phase fractions, and "Wasserstein",
      :func:`descriptor_wasserstein`;
    - for each feature of the others "mean", "ratio" to the mean of the test images, "spread", the
      ratio of the standard deviations, "outside", the share of the images of either set with
      values beyond all those of the other, "Wasserstein", and "adjusted difference", the
      difference of the means at equal phase fractions in units of the standard deviation.
      Relative errors and ratios are left out where the mean of the test images is less than four
      standard errors away from zero;
    - "p2 anisotropy" and "surface anisotropy": the mean differences between the axes of
      the two-point correlation, over its norm, and of the surface normal to them, over its mean,
      and how far those of generated and of test images are from each other;
    - "density" and "coverage" with 5 neighbours over all descriptors together, each feature in
      units of its standard deviation, divided by the root of the number of features of its
      descriptor so that descriptors have equal weight; "clipped density" and "clipped coverage",
      :func:`clipped_density_coverage` of the same features, without a test;
    - "S2 diversity" and "pixel diversity": :func:`diversity` of the two-point correlation
      and of the one-hot images, over that of the test images;
    - "memorisation mean" and "memorisation p95", mean and 95th percentile of
      :func:`memorisation`, "memorised share", the share of the images above the largest value
      of test images, and "local memorisation mean", that of :func:`local_memorisation`. The
      baseline is that of the test images: a value well above it means copies, however good the
      others are.

    *At equal fractions.* Features are compared after a quadratic regression on the phase
    fractions, or mean grey levels, over both sets. It is omitted if these do not vary, or if there
    are fewer than ten images for each coefficient.

    *Bounds.* Distances between images are taken of at most 1,000 of each set (500 for clipped
    metrics), memorisation over as
    many images as two million comparisons with training images and their symmetries allow, at least
    32, and local memorisation over as many as 1e11 products allow, at least 8.

    *Intervals* hold 95 % of the values of resampled images, moved so that their median is
    the value; those of baselines 95 % of the divisions.

    *p-values.* All metrics are computed for 999 random divisions of generated and test images into
    two sets of these sizes, and compared with the largest of all of them (single-step maxT [1]_).
    The largest correlation with a training image, "memorised share", is tested separately with the
    Gumbel distribution fitted to those of test images, because a few copies do not change a mean.
    It gets a fifth of the false positive rate.

    References
    ----------
    .. [1] P. H. Westfall and S. S. Young, *Resampling-Based Multiple Testing*, Wiley, 1993.

    Examples
    --------
    >>> from skmicro.datasets import make_cahn_hilliard
    >>> from skmicro.descriptors import TwoPointCorrelation
    >>> from skmicro.evaluation import evaluate
    >>> X, _ = make_cahn_hilliard(40, (16, 16), n_steps=200, random_state=0)
    >>> copies = X[:20]
    >>> report = evaluate(
    ...     copies, X[:20], X[20:], descriptors=[TwoPointCorrelation()], random_state=0
    ... )
    >>> row = report["p2 relative error"]
    >>> row.value <= row.baseline_high, row.p_value
    (True, 1.0)
    >>> report["memorisation mean"].value > 0.999, report["memorisation mean"].p_value < 0.01
    (True, True)
    """
    check_integer("n_bootstrap", n_bootstrap, 2)
    check_choice("periodic", periodic, (None, True, False))
    if not isinstance(targets, (Mapping, type(None))):
        raise TypeError(f"targets must be a dictionary of values by name, got {targets!r}.")
    if several(targets):
        options = {
            "n_samples": n_samples, "descriptors": descriptors, "properties": properties,
            "periodic": periodic,
            "random_state": random_state, "n_bootstrap": n_bootstrap,
        }  # fmt: skip
        return evaluate_targets(evaluate, generator, X_train, X_test, targets, positions, options)
    seed = _random.draw_seed(random_state)
    transformers = checked(descriptors, properties)
    sets, blocks, training, remarks = gather(
        generator, X_train, X_test, n_samples, targets, positions, seed
    )
    encoder, shape = encoder_for(training), training.shape[1:]
    if descriptors is None:
        transformers = default_descriptors(encoder) + transformers
    ruler = Ruler(blocks, seed, n_bootstrap)
    if periodic is None:
        periodic = _all_wrap(generator, training, sets)
    tables = tables_of(transformers, training, sets, periodic)
    fractions = phase_fractions(encoder, shape, sets)
    for table in tables:
        describe(ruler, table, fractions)
    compare_axes(ruler, _along_axes(encoder, shape, sets, periodic))
    compare_spaces(ruler, tables)
    _compare_images(ruler, encoder, sets, periodic)
    compared = look_for_copies(ruler, sets, training)
    settings = {
        "n_samples": len(sets.samples),
        "targets": targets,
        "periodic": periodic,
        "random_state": seed,
        "n_bootstrap": n_bootstrap,
    }
    own = {"descriptors": descriptors, "properties": properties, "positions": positions}
    settings |= {name: value for name, value in own.items() if value is not None}
    return EvaluationReport(
        ruler.metrics(),
        n_samples=len(sets.samples),
        n_reference=len(sets.reference),
        remarks=remarks,
        evidence=collect_evidence(
            generator, sets, training, tables, compared=compared, settings=settings
        ),
    )


def _all_wrap(generator, training, sets):
    """Tell whether real and generated images wrap around."""
    real = borders_match(training)
    if not hasattr(generator, "sample"):
        return real is True and borders_match(sets.samples) is not False
    states = [getattr(generator, name, None) for name in ("periodic_", "periodic")]
    known = [state for state in states if state is not None]
    made = known[0] if known else borders_match(sets.samples) is True
    return made and real is not False


def _along_axes(encoder, shape, sets, periodic):
    """Return two-point correlations along the axes, as far as the shortest one goes."""
    correlation = TwoPointCorrelation(output="directional", periodic=periodic)
    correlation._bind(encoder, shape, periodic)
    lengths = [len(lags) for lags in correlation._axis_lags()]
    ends, n_lags = np.cumsum(lengths), min(lengths)

    def by_axis(images):
        profiles = np.split(correlation.transform(images).astype(float), ends[:-1], axis=1)
        return np.stack([profile[:, :n_lags] for profile in profiles], axis=1)

    return sets.map(by_axis)


def _compare_images(ruler, encoder, sets, periodic):
    """Add the diversities of images and of their correlations."""
    rows, chosen = paired(sets)
    some = ThreeSets(*(images[index] for images, index in zip(sets, rows, strict=True)))
    correlation = TwoPointCorrelation(periodic=periodic)._bind(
        encoder, sets.reference.shape[1:], periodic
    )
    curves = features_of(correlation, some)
    pixels = some.map(lambda images: encoder.encode(images).flatten(1).numpy())
    compare_diversities(ruler, curves, pixels, chosen)
