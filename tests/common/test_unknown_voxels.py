"""Every estimator honours unknown voxels, masked or NaN, or refuses them by name."""

import numpy as np
import pytest
from tiny import ESTIMATORS, REGRESSORS, fitted, phase_images, targets_of, tiny

from skmicro.descriptors import BaseDescriptor, ChordLength
from skmicro.generators import FlowMatchingGenerator, GaussianRandomField

TAKING = [cls for cls in ESTIMATORS if cls.takes_unknown]
REFUSING = [cls for cls in ESTIMATORS + REGRESSORS if not cls.takes_unknown]
# Of the first columns of images, what whole images of those columns have.
ALIKE = {"periodic": False, "max_lag": 2, "max_length": 2}


def masked(X, seed=0):
    """Images some of whose voxels are masked, with what is no phase there; one has none."""
    mask = np.random.default_rng(seed).random(X.shape) < 0.2
    mask[1] = False
    return np.ma.masked_array(np.where(mask, 9, X), mask)


def with_nan(X):
    return X.astype(float).filled(np.nan)


def test_known_estimators_take_unknown_voxels():
    names = {cls.__name__ for cls in TAKING}
    assert names == {
        "ChordLength", "ClusterStatistics", "GaussianRandomField", "LinealPath", "PhaseFractions",
        "SpecificSurface", "TwoPointCorrelation", "VolumeFraction",
    }  # fmt: skip


@pytest.mark.parametrize("cls", REFUSING)
def test_others_refuse_them(cls):
    X = phase_images()
    rule = rf"^{cls.__name__} does not support unknown voxels \(masked or NaN\), got \d+ in X: "
    estimator = tiny(cls)
    before = dict(vars(estimator))
    y = {"y": targets_of(X)} if cls in REGRESSORS else {}
    for unknown in (masked(X), with_nan(masked(X)), list(masked(X))):
        with pytest.raises(ValueError, match=rule):
            estimator.fit(unknown, **y)
        assert vars(estimator) == before
    trained = fitted(cls)
    use = getattr(trained, "transform", None) or trained.predict
    with pytest.raises(ValueError, match=rule):
        use(masked(X))


@pytest.mark.parametrize("cls", TAKING)
def test_what_is_under_the_mask_has_no_effect(cls):
    X = phase_images()
    unknown = masked(X)
    expected = tiny(cls).fit(unknown).transform(unknown)
    other = np.ma.masked_array(np.where(unknown.mask, 200, X), unknown.mask)
    for same in (with_nan(unknown), list(unknown), unknown.reshape(6, -1), other):
        settings = {"image_shape": X.shape[1:]} if np.ndim(same) == 2 else {}
        features = tiny(cls, **settings).fit(same).transform(same)
        np.testing.assert_array_equal(features, expected)
    np.testing.assert_array_equal(tiny(cls).fit(unknown).transform(X[1:2]), expected[1:2])


@pytest.mark.parametrize("cls", [cls for cls in TAKING if issubclass(cls, BaseDescriptor)])
def test_a_masked_margin_is_a_smaller_image(cls):
    X = phase_images(shape=(9, 12))
    settings = {name: value for name, value in ALIKE.items() if name in cls._get_param_names()}
    mask = np.zeros(X.shape, bool)
    mask[:, :, 8:] = mask[:, :1] = True
    features = tiny(cls, **settings).fit_transform(np.ma.masked_array(X, mask))
    expected = tiny(cls, **settings).fit_transform(X[:, 1:, :8])
    np.testing.assert_allclose(features, expected, rtol=2e-6, atol=1e-7)
    if cls is ChordLength:
        as_cut = tiny(cls, **settings, edge_correction=False)
        features = as_cut.fit_transform(np.ma.masked_array(X, mask))
        np.testing.assert_allclose(features, as_cut.fit_transform(X[:, 1:, :8]), rtol=2e-6)


@pytest.mark.parametrize("cls", TAKING)
def test_an_image_of_which_nothing_is_known(cls):
    X = np.ma.masked_array(phase_images())
    X[2] = np.ma.masked
    with pytest.raises(ValueError, match="known voxels in each image, got none in image 2"):
        tiny(cls).fit(X)


def test_ends_of_interpolations_that_are_masked_are_refused():
    X = phase_images()
    generator = fitted(FlowMatchingGenerator)
    with pytest.raises(ValueError, match=r"^a must be an .* does not support unknown"):
        generator.interpolate(masked(X)[0], X[1])


def test_a_random_field_needs_known_neighbours():
    X = phase_images()
    for axis in (0, 1):
        mask = np.broadcast_to(np.indices(X.shape[1:])[axis] % 2 == 1, X.shape)
        with pytest.raises(ValueError, match=f"neighbours .* got none along axis {axis} in images"):
            GaussianRandomField().fit(np.ma.masked_array(X, mask))


def test_fractions_of_a_quarter():
    """The case of a disc in a square: 0.25 of what is known, 0.625 with what is under the mask."""
    image = np.ones((1, 4, 4))
    image[0, :2] = [[1, 0, 0, 0], [1, 0, 0, 0]]
    mask = np.zeros(image.shape, bool)
    mask[0, 2:] = True
    scan = np.ma.masked_array(image, mask)
    for cls in TAKING:
        if cls.__name__ in ("VolumeFraction", "TwoPointCorrelation", "LinealPath"):
            assert cls().fit_transform(scan)[0, 0] == 0.25
    generator = GaussianRandomField().fit(scan)
    assert generator.sample(5, random_state=0).mean() == 0.25
    assert not np.ma.isMaskedArray(generator.sample(1, random_state=0))


def test_a_random_field_learns_from_the_known_part():
    rng = np.random.default_rng(0)
    X = (rng.random((20, 16, 16)) < 0.4).repeat(2, axis=2)[:, :, :16].astype(np.uint8)
    mask = np.zeros(X.shape, bool)
    mask[:, 8:] = True
    spoilt = np.where(mask, 1, X)
    known = GaussianRandomField(periodic=False).fit(np.ma.masked_array(spoilt, mask))
    half = GaussianRandomField(periodic=False).fit(X[:, :8])
    np.testing.assert_allclose(known.conditions_.rows[:, 0], half.conditions_.rows[:, 0], rtol=1e-6)
    a, b = (g.conditions_.maps[0] for g in (known, half))
    np.testing.assert_allclose(a[4:13], b, atol=1e-12)
    scan = np.ma.masked_array(spoilt, mask)
    assert known.score(scan) > -0.1
    filled = known.reconstruct(scan)
    assert np.mean(filled[:, :8] == X[:, :8]) > 0.9


def test_windows_of_a_flow_are_cut_where_voxels_are_known():
    rng = np.random.default_rng(0)
    scan = rng.integers(0, 2, (1, 24, 24)).astype(float)
    scan[0, :14, :14] = np.nan
    settings = {"crop_shape": (8, 8), "n_iter": 2, "batch_size": 4, "width": 4, "random_state": 0}
    flow = FlowMatchingGenerator(**settings).fit(scan)
    assert set(np.unique(flow.sample(2, random_state=0))) <= {0.0, 1.0}
    scan[0, :14, :14] = 7
    mask = scan == 7
    same = FlowMatchingGenerator(**settings).fit(np.ma.masked_array(scan, mask))
    np.testing.assert_array_equal(same.conditions_.rows, flow.conditions_.rows)
    np.testing.assert_array_equal(same.history_["matching"], flow.history_["matching"])
    assert np.isfinite(same.score(np.ma.masked_array(scan, mask)))
    with pytest.raises(ValueError, match="and no place for it in image 0"):
        FlowMatchingGenerator(**settings).fit(np.where(np.arange(24) % 5, scan, np.nan))
    with pytest.raises(ValueError, match="FlowMatchingGenerator does not support unknown voxels"):
        same.transform(np.ma.masked_array(scan[:, :8, :8], mask[:, :8, :8]))
