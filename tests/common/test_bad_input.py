"""Bad input gets an error that names what is wrong, and leaves the estimator as it was."""

import numpy as np
import pytest
from cases import case
from tiny import ESTIMATORS, GENERATORS, NETWORKS, fitted, of_each_kind, phase_images, tiny

pytestmark = pytest.mark.usefixtures("short_searches")
every_estimator = pytest.mark.parametrize("cls", ESTIMATORS)
every_generator = pytest.mark.parametrize("cls", GENERATORS)


def with_value(value):
    X = phase_images().astype(float)
    X[2, 1, 1] = value
    return X


BAD_IMAGES = {
    "infinity": (with_value(np.inf), ValueError, "X contains infinity"),
    "no images": (np.zeros((0, 8, 6)), ValueError, "0 sample"),
    "no voxels": (np.zeros((4, 0, 6)), ValueError, r"at least one voxel, got shape \(4, 0, 6\)"),
    "one axis": (np.zeros(5), ValueError, "Expected 2D array"),
    "five axes": (np.zeros((2, 3, 3, 3, 3)), ValueError, r"X must have shape .*\(2, 3, 3, 3, 3\)"),
    "ragged": ([np.zeros((3, 3)), np.zeros((2, 3))], ValueError, r"one common shape.*\(2, 3\)"),
    "objects": (np.full((4, 8, 6), {}), TypeError, "dict"),
    "text": (np.full((4, 8, 6), "a"), ValueError, "arrays of bytes/strings"),
    "complex": (np.full((4, 8, 6), 1j), ValueError, "Complex data not supported"),
    "dates": (np.zeros((4, 8, 6), "M8[s]"), TypeError, r"X must hold numbers, .* datetime64\[s\]"),
    "huge grey levels": (
        np.linspace(0.1, 1e300, 192).reshape(4, 8, 6),
        ValueError,
        r"X must hold grey levels of at most 1e\+12 in size, got .*e\+300",
    ),
    "too many labels": (
        np.arange(4 * 48).reshape(4, 8, 6),
        ValueError,
        "X must have at most 64 distinct labels, got 192",
    ),
}


@every_estimator
def test_fit_refuses(cls):
    for kind, (X, error, message) in BAD_IMAGES.items():
        estimator = tiny(cls)
        before = dict(vars(estimator))
        with case(kind):
            with pytest.raises(error, match=message):
                estimator.fit(X)
            assert vars(estimator) == before


@of_each_kind
@every_estimator
def test_one_image_is_no_stack_of_images(cls):
    estimator = fitted(cls)
    use = getattr(estimator, "transform", None) or estimator.predict
    with pytest.raises(ValueError, match=r"one image of shape \(8, 6\): pass X\[None\]"):
        use(phase_images()[0])


@every_estimator
def test_failed_refit_keeps_the_fitted_state(cls):
    estimator = fitted(cls)
    before = dict(vars(estimator))
    with pytest.raises(ValueError, match="X contains infinity"):
        estimator.fit(with_value(np.inf))
    assert vars(estimator) == before


@every_estimator
def test_unseen_phase_at_transform(cls):
    estimator, unseen = fitted(cls), phase_images()
    unseen[1, 2, 3] = 7
    with pytest.raises(ValueError, match=r"only the phases \[0, 1\] seen in fit, got \[7\]"):
        estimator.transform(unseen)


@every_estimator
def test_image_shape(cls):
    rule = r"image_shape(\[0\])? must (hold 2 or 3 integers|be >= 1|be an integer), got"
    for shape in (3, (3,), (2, 3, 4, 5), (0, 4), ("a", 3)):
        with case(shape), pytest.raises((TypeError, ValueError), match=rule):
            tiny(cls, image_shape=shape).fit(phase_images().reshape(6, -1))


@every_estimator
def test_image_shape_that_does_not_fit_the_rows(cls):
    with pytest.raises(ValueError, match=r"as many voxels as the rows of X \(48\), got \(5, 5\)"):
        tiny(cls, image_shape=(5, 5)).fit(phase_images().reshape(6, -1))


@every_generator
def test_one_sample_where_two_are_needed(cls):
    if cls._min_images == 1:
        assert tiny(cls).fit(phase_images(n=1)).sample(2).shape == (2, 8, 6)
        return
    with pytest.raises(ValueError, match=r"1 sample.*minimum of 2 is required"):
        tiny(cls).fit(phase_images(n=1))


BAD_TARGETS = {
    "negative": ({"p1": -0.1}, ValueError, r"target p1 must lie in \[0, 1\], got -0.1"),
    "above one": ({"p1": [0.5, 1.5, 0.2]}, ValueError, r"target p1 must lie in .*got 1.5"),
    "NaN": ({"p1": np.nan}, ValueError, "target p1 must lie in .*nan"),
    "wrong length": ({"p1": [0.4, 0.5]}, ValueError, r"\(n_samples,\) = \(3,\).*got shape \(2,\)"),
    "wrong components": ({"phase_fractions": [0.2, 0.3, 0.5]}, ValueError, r"\(2,\)"),
    "wrong sum": ({"phase_fractions": [0.2, 0.3]}, ValueError, "sum to 1.*0.5"),
    "scalar for a vector": ({"phase_fractions": 0.4}, ValueError, "phase_fractions must be an arr"),
    "unknown": ({"p7": 0.4}, ValueError, "target or invariance must be one of .*got 'p7'"),
    "text": ({"p1": "high"}, TypeError, "target p1 must be numeric, got 'high'"),
}


@every_generator
def test_sample_refuses(cls):
    generator = fitted(cls)
    for kind, (targets, error, message) in BAD_TARGETS.items():
        with case(kind), pytest.raises(error, match=message):
            generator.sample(3, **targets)


@every_generator
def test_exact_needs_one_fraction(cls):
    generator = fitted(cls)
    for targets in ({}, {"p1": 0.4, "phase_fractions": [0.4, 0.6]}):
        with pytest.raises(ValueError, match="exact=True needs one target"):
            generator.sample(3, exact=True, **targets)


BAD_PARAMETERS = [
    ("n_iter", 0, "n_iter must be >= 1, got 0"),
    ("batch_size", 1, "batch_size must be >= 2, got 1"),
    ("learning_rate", 0.0, "learning_rate must lie in .*got 0.0"),
    ("learning_rate", -1e-3, "learning_rate must lie in .*got -0.001"),
    ("device", "abacus", "device must be 'auto' or a torch device.*abacus"),
    ("precision", "half", "precision must be one of .*half"),
    ("checkpoint_every", 0, "checkpoint_every must be >= 1"),
    ("random_state", -1, "random_state must be >= 0, got -1"),
]


@pytest.mark.parametrize("cls", NETWORKS)
def test_parameters(cls):
    for name, value, message in BAD_PARAMETERS:
        with case(name, value), pytest.raises(ValueError, match=message):
            tiny(cls, **{name: value}).fit(phase_images())


@of_each_kind
@pytest.mark.parametrize("cls", NETWORKS)
def test_parameters_of_further_training(cls):
    for name, value, message in BAD_PARAMETERS:
        generator = fitted(cls).set_params(**{name: value})
        before = dict(vars(generator))
        with case(name, value):
            with pytest.raises(ValueError, match=message):
                generator.partial_fit(phase_images())
            assert vars(generator) == before


@every_generator
def test_sample_and_latents(cls):
    generator = fitted(cls)
    with pytest.raises(ValueError, match="n_samples must be >= 1, got 0"):
        generator.sample(0)
    with pytest.raises(TypeError, match=r"n_samples must be an integer, got 2\.5"):
        generator.sample(2.5)
    with pytest.raises(ValueError, match=r"Z must have .* columns"):
        generator.inverse_transform(np.zeros((2, 50)))
    with pytest.raises(ValueError, match=r"Z must have shape \(n, \d+\), got \(50,\)"):
        generator.inverse_transform(np.zeros(50))
    with pytest.raises(ValueError, match="n_steps must be >= 2, got 1"):
        generator.interpolate(phase_images()[0], phase_images()[1], n_steps=1)
