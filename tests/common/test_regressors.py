"""What every regressor of the library promises beyond scikit-learn's suite."""

import pickle

import numpy as np
import pytest
import torch
from cases import case
from sklearn.base import clone
from states import global_random_states, packages_named_in
from test_bad_input import BAD_IMAGES
from tiny import REGRESSORS, fitted, phase_images, targets_of, tiny

import skmicro

every_regressor = pytest.mark.parametrize("cls", REGRESSORS)


@every_regressor
def test_flat_rows_equal_images(cls):
    X, regressor = phase_images(), fitted(cls)
    rows = X.reshape(len(X), -1)
    flat = tiny(cls, image_shape=X.shape[1:]).fit(rows, targets_of(X))
    expected = regressor.predict(X)
    np.testing.assert_array_equal(flat.predict(rows), expected)
    np.testing.assert_array_equal(flat.predict(X), expected)
    np.testing.assert_array_equal(regressor.predict(rows), expected)
    assert flat.image_shape_ == X.shape[1:]


@every_regressor
def test_rows_do_not_depend_on_batching_or_order(cls):
    X, regressor = phase_images(n=65), fitted(cls)
    whole = regressor.predict(X)
    order = np.random.default_rng(0).permutation(len(X))
    for n in (1, 2, 17, 65):
        some = order[:n]
        np.testing.assert_array_equal(regressor.predict(X[some]), whole[some], err_msg=str(n))
    assert len(np.unique(whole)) > 65


@every_regressor
def test_one_number_for_each_image_comes_back_as_one(cls):
    X = phase_images()
    y = targets_of(X)
    assert fitted(cls).predict(X).shape == (6, 2)
    single = tiny(cls).fit(X, y[:, 0]).predict(X)
    column = tiny(cls).fit(X, y[:, :1]).predict(X)
    assert (single.shape, column.shape) == ((6,), (6, 1))
    np.testing.assert_array_equal(single, column[:, 0])


@every_regressor
def test_no_global_random_state_is_touched(cls):
    X = phase_images()
    before = global_random_states()
    tiny(cls, random_state=None).fit(X, targets_of(X)).predict(X)
    assert global_random_states() == before


@every_regressor
def test_read_only_memory_map(cls, tmp_path):
    X = phase_images()
    np.save(tmp_path / "images.npy", X)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    predicted = tiny(cls).fit(mapped, targets_of(X)).predict(mapped)
    np.testing.assert_array_equal(predicted, fitted(cls).predict(X))


@every_regressor
def test_types_agree(cls):
    X = phase_images()
    y, expected = targets_of(X), fitted(cls).predict(X)
    for convert in (
        *(lambda images, kind=kind: images.astype(kind) for kind in (bool, np.int64, np.float32)),
        torch.tensor,
    ):
        images = convert(X)
        predicted = tiny(cls).fit(images, y).predict(images)
        np.testing.assert_array_equal(predicted, expected)


@every_regressor
@pytest.mark.parametrize(("shape", "n_phases"), [((4, 6, 5), 3), ((1, 9), 2), ((7, 7), 3)])
def test_any_dimension_shape_and_number_of_phases(cls, shape, n_phases):
    X = phase_images(shape=shape, n_phases=n_phases)
    for periodic in (None, False, True):
        regressor = tiny(cls, periodic=periodic).fit(X, targets_of(X))
        assert np.isfinite(regressor.predict(X)).all()


@every_regressor
def test_grey_images(cls):
    X = np.random.default_rng(0).random((5, 6, 6)).astype(np.float32) + 3
    regressor = tiny(cls).fit(X, targets_of(X))
    assert regressor.phases_ is None
    assert np.isfinite(regressor.predict(X)).all()


@every_regressor
def test_images_of_other_sizes(cls):
    regressor = fitted(cls)
    for shape in ((8, 7), (5, 33), (70, 64)):
        X = phase_images(n=3, shape=shape)
        whole = regressor.predict(X)
        assert np.isfinite(whole).all()
        np.testing.assert_array_equal(regressor.predict(X[2:]), whole[2:])
    with pytest.raises(ValueError, match=r"images of shape \(8, 6\), .*got \(8, 6, 5\)"):
        regressor.predict(phase_images(shape=(8, 6, 5)))
    with pytest.raises(ValueError, match=r"has 49 features, but .* expecting 48"):
        regressor.predict(np.zeros((2, 49), dtype=np.uint8))


@every_regressor
def test_clone_and_refit_are_reproducible(cls):
    X, regressor = phase_images(), tiny(cls)
    y, first = targets_of(X), fitted(cls).predict(X)
    np.testing.assert_array_equal(clone(regressor).fit(X, y).predict(X), first)
    np.testing.assert_array_equal(regressor.fit(X[::-1], y).fit(X, y).predict(X), first)


@every_regressor
def test_pickle_holds_no_torch_objects(cls):
    X, regressor = phase_images(), fitted(cls)
    text = pickle.dumps(regressor)
    assert "torch" not in packages_named_in(text)
    np.testing.assert_array_equal(pickle.loads(text).predict(X), regressor.predict(X))


@every_regressor
def test_saved_file_gives_the_regressor_back(cls, tmp_path):
    X, regressor = phase_images(), fitted(cls)
    regressor.set_params(callbacks=[print]).save(tmp_path / "model.skm")
    loaded = skmicro.load(tmp_path / "model.skm")
    assert type(loaded) is cls
    assert repr(loaded) == repr(regressor.set_params(callbacks=None))
    assert vars(loaded).keys() == vars(regressor).keys()
    np.testing.assert_array_equal(loaded.predict(X), regressor.predict(X))


@every_regressor
def test_fit_refuses_images_and_leaves_the_regressor_as_it_was(cls):
    y = targets_of(phase_images())
    for kind, (X, error, message) in BAD_IMAGES.items():
        regressor = tiny(cls)
        before = dict(vars(regressor))
        with case(kind):
            with pytest.raises(error, match=message):
                regressor.fit(X, y[: len(X)])
            assert vars(regressor) == before


BAD_ARGUMENTS = {
    "no targets": ({"y": None}, "requires y to be passed, but the target y is None"),
    "targets of fewer images": ({"y": np.zeros(5)}, "inconsistent numbers of samples"),
    "targets with NaN": ({"y": [0, 1, 2, np.nan, 4, 5]}, "Input y contains NaN"),
    "targets of three axes": ({"y": np.zeros((6, 2, 2))}, r"y must have shape .*\(6, 2, 2\)|dim 3"),
    "weights of fewer images": (
        {"sample_weight": np.ones(5)},
        r"sample_weight must have shape \(6,\), got \(5,\)",
    ),
    "negative weights": (
        {"sample_weight": [1, 1, 1, -0.5, 1, 1]},
        "sample_weight must be at least 0, got -0.5",
    ),
    "weights of one image": (
        {"sample_weight": [0, 0, 1, 0, 0, 0]},
        "sample_weight must be positive for at least 2 images, got 1",
    ),
    "groups of fewer images": (
        {"groups": list("aabbc")},
        r"groups must have shape \(6,\), got \(5,\)",
    ),
    "one group": ({"groups": ["a"] * 6}, "validation_fraction must be 0 unless two images"),
}


@every_regressor
def test_fit_refuses_and_leaves_the_fitted_state(cls):
    X = phase_images()
    for kind, (arguments, message) in BAD_ARGUMENTS.items():
        regressor = fitted(cls)
        before = dict(vars(regressor))
        with case(kind):
            with pytest.raises(ValueError, match=message):
                regressor.fit(X, **({"y": targets_of(X)} | arguments))
            assert vars(regressor) == before


@every_regressor
def test_predict_refuses(cls):
    regressor, unseen = fitted(cls), phase_images()
    unseen[1, 2, 3] = 7
    with pytest.raises(ValueError, match=r"only the phases \[0, 1\] seen in fit, got \[7\]"):
        regressor.predict(unseen)
    with pytest.raises(ValueError, match=r"one image of shape \(8, 6\): pass X\[None\]"):
        regressor.predict(phase_images()[0])


BAD_PARAMETERS = [
    ("n_iter", 0, "n_iter must be >= 1, got 0"),
    ("batch_size", 1, "batch_size must be >= 2, got 1"),
    ("learning_rate", 0.0, "learning_rate must lie in .*got 0.0"),
    ("validation_fraction", 1.0, "validation_fraction must lie in .*got 1.0"),
    ("calibration_fraction", 1.0, "calibration_fraction must lie in .*got 1.0"),
    ("n_members", 0, "n_members must be >= 1, got 0"),
    ("equivariant", "yes", "equivariant must be one of .*got 'yes'"),
    ("n_iter_no_change", 0, "n_iter_no_change must be >= 1, got 0"),
    ("widths", (), r"widths must hold at least one integer, got \(\)"),
    ("widths", (4, 0), r"widths\[1\] must be >= 1, got 0"),
    ("device", "abacus", "device must be 'auto' or a torch device.*abacus"),
    ("precision", "half", "precision must be one of .*half"),
    ("random_state", -1, "random_state must be >= 0, got -1"),
]


@every_regressor
def test_parameters(cls):
    X = phase_images()
    for name, value, message in BAD_PARAMETERS:
        with case(name, value), pytest.raises(ValueError, match=message):
            tiny(cls, **{name: value}).fit(X, targets_of(X))


@every_regressor
def test_light_preset_is_an_ordinary_estimator(cls):
    light = cls.light(n_iter=7)
    assert light.n_iter == 7
    assert clone(light).get_params() == light.get_params()
    assert light.get_params() != cls(n_iter=7).get_params()
