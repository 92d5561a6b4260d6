"""What every estimator of the library promises beyond scikit-learn's suite."""

import pickle

import numpy as np
import pytest
import torch
from sklearn.base import clone
from states import global_random_states, packages_named_in
from tiny import (
    ESTIMATORS,
    GENERATORS,
    NETWORKS,
    TRANSFORMERS,
    fitted,
    of_each_kind,
    phase_images,
    tiny,
    varied,
)

import skmicro
from skmicro.generators import DAVEGAN, VAE, Autoencoder, FlowMatchingGenerator
from skmicro.properties import TortuosityFactor

pytestmark = [pytest.mark.usefixtures("short_searches"), of_each_kind]
every_estimator = pytest.mark.parametrize("cls", ESTIMATORS)
every_generator = pytest.mark.parametrize("cls", GENERATORS)
every_network = pytest.mark.parametrize("cls", NETWORKS)
every_transformer = pytest.mark.parametrize("cls", TRANSFORMERS)

# Classes whose light network no other class has see every shape, and both kinds of borders.
# Those that share one take two shapes each and see all pairs of shape and borders together.
SHAPES = [(16, 16), (4, 6, 5), (1, 9), (7, 7)]
ALONE = [Autoencoder, VAE, DAVEGAN, FlowMatchingGenerator]
LIGHT_CASES = [
    (cls, shape, (place + number) % 2 == 1)
    for place, cls in enumerate(ALONE)
    for number, shape in enumerate(SHAPES)
] + [
    (cls, SHAPES[(place + periodic) % len(SHAPES)], periodic)
    for place, cls in enumerate(cls for cls in NETWORKS if cls not in ALONE)
    for periodic in (False, True)
]


def outcome(estimator, X):
    """Whatever an estimator computes from images, to be compared bit by bit."""
    if hasattr(estimator, "sample"):
        return estimator.sample(4, random_state=1)
    return estimator.transform(X)


@every_transformer
def test_flat_rows_equal_images(cls):
    X = phase_images()
    nd = fitted(cls)
    flat = tiny(cls, image_shape=X.shape[1:]).fit(X.reshape(len(X), -1))
    np.testing.assert_array_equal(nd.transform(X), flat.transform(X.reshape(len(X), -1)))
    np.testing.assert_array_equal(nd.transform(X), nd.transform(X.reshape(len(X), -1)))
    assert nd.n_features_in_ == flat.n_features_in_ == X[0].size
    assert nd.image_shape_ == flat.image_shape_ == X.shape[1:]


@every_generator
def test_samples_have_the_layout_labels_and_type_of_the_training_images(cls):
    X = phase_images() * np.uint8(255)
    images = tiny(cls).fit(X).sample(3, random_state=0)
    flat = tiny(cls, image_shape=X.shape[1:]).fit(X.reshape(len(X), -1)).sample(3, random_state=0)
    assert images.shape == (3, *X.shape[1:])
    assert images.dtype == np.uint8
    assert set(np.unique(images)) <= {0, 255}
    np.testing.assert_array_equal(flat, images.reshape(3, -1))


@every_estimator
def test_wrong_shape_with_the_same_number_of_voxels_is_refused(cls):
    X, estimator = phase_images(), fitted(cls)
    with pytest.raises(ValueError, match=r"X must hold images of shape \(8, 6\)"):
        estimator.transform(X.reshape(len(X), 6, 8))
    with pytest.raises(ValueError, match=r"image_shape=\(6, 8\)"):
        tiny(cls, image_shape=(6, 8)).fit(X)


@every_estimator
def test_read_only_memory_map(cls, tmp_path):
    X = phase_images()
    np.save(tmp_path / "images.npy", X)
    mapped = np.load(tmp_path / "images.npy", mmap_mode="r")
    np.testing.assert_array_equal(outcome(tiny(cls).fit(mapped), mapped), outcome(fitted(cls), X))


@every_estimator
def test_types_agree(cls):
    X = phase_images()
    expected = outcome(fitted(cls), X)
    for dtype in (bool, np.int64, np.float32, np.float64):
        result = outcome(tiny(cls).fit(X.astype(dtype)), X.astype(dtype))
        np.testing.assert_array_equal(result, expected, err_msg=str(dtype))
    result = outcome(tiny(cls).fit(torch.tensor(X)), torch.tensor(X))
    np.testing.assert_array_equal(np.asarray(result), expected, err_msg="tensors")


@every_estimator
@pytest.mark.parametrize(("shape", "n_phases"), [((4, 6, 5), 3), ((1, 9), 2), ((7, 7), 3)])
def test_any_dimension_shape_and_number_of_phases(cls, shape, n_phases):
    X = phase_images(shape=shape, n_phases=n_phases)
    estimator = tiny(cls).fit(X)
    features = estimator.transform(X)
    # What no phase leads through has an infinite tortuosity.
    allowed = ~np.isnan(features) if cls is TortuosityFactor else np.isfinite(features)
    assert allowed.all()
    if hasattr(estimator, "sample"):
        assert estimator.sample(2, random_state=0).shape == (2, *shape)
        np.testing.assert_array_equal(estimator.phases_, np.arange(n_phases))


@every_estimator
def test_grey_images(cls):
    X = np.random.default_rng(0).random((5, 6, 6)).astype(np.float32) + 3
    estimator = tiny(cls).fit(X)
    assert estimator.phases_ is None
    assert np.isfinite(estimator.transform(X)).all()
    if hasattr(estimator, "sample"):
        images = estimator.sample(3, random_state=0)
        assert images.dtype == np.float32
        assert images.min() >= X.min()
        assert images.max() <= X.max()


@every_transformer
def test_rows_do_not_depend_on_batching_or_order(cls):
    X = phase_images(n=65)
    estimator = fitted(cls)
    whole = estimator.transform(X)
    order = np.random.default_rng(0).permutation(len(X))
    for n in (1, 2, 17, 65):
        some = order[:n]
        np.testing.assert_array_equal(estimator.transform(X[some]), whole[some], err_msg=str(n))


@every_network
def test_last_training_batch_of_one(cls):
    X = phase_images(n=5)
    generator = tiny(cls, batch_size=4).fit(X)
    assert all(np.isfinite(losses).all() for losses in generator.history_.values())
    assert generator.n_iter_ == 2


@every_estimator
def test_no_global_random_state_is_touched(cls):
    X = phase_images()
    before = global_random_states()
    estimator = tiny(cls, **({"random_state": None} if cls in GENERATORS else {})).fit(X)
    estimator.transform(X)
    if hasattr(estimator, "sample"):
        estimator.sample(2)
    if hasattr(estimator, "partial_fit"):
        estimator.partial_fit(X)
    assert global_random_states() == before


@every_estimator
def test_pickle_holds_no_torch_objects(cls):
    X, estimator = phase_images(), tiny(cls).fit(phase_images())
    text = pickle.dumps(estimator)
    assert "torch" not in packages_named_in(text)
    np.testing.assert_array_equal(outcome(pickle.loads(text), X), outcome(estimator, X))


@every_estimator
def test_saved_file_gives_the_estimator_back(cls, tmp_path):
    X, estimator = phase_images(), tiny(cls).fit(phase_images())
    estimator.save(tmp_path / "model.skm")
    loaded = skmicro.load(tmp_path / "model.skm")
    assert type(loaded) is cls
    assert repr(loaded) == repr(estimator)
    assert vars(loaded).keys() == vars(estimator).keys()
    np.testing.assert_array_equal(outcome(loaded, X), outcome(estimator, X))
    assert [p.name for p in tmp_path.iterdir()] == ["model.skm"]


@every_generator
def test_saved_file_gives_a_generator_of_grey_levels_back(cls, tmp_path):
    X = np.random.default_rng(0).random((6, 8, 8))
    estimator = tiny(cls).fit(X)
    estimator.save(tmp_path / "model.skm")
    loaded = skmicro.load(tmp_path / "model.skm")
    np.testing.assert_array_equal(outcome(loaded, X), outcome(estimator, X))


@every_estimator
def test_clone_and_refit_are_reproducible(cls):
    X = phase_images()
    estimator = tiny(cls)
    first = outcome(fitted(cls), X)
    np.testing.assert_array_equal(outcome(clone(estimator).fit(X), X), first)
    np.testing.assert_array_equal(outcome(estimator.fit(X[::-1]).fit(X), X), first)


@every_transformer
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_data_frames(cls, library):
    pytest.importorskip(library, reason=f"{library} is optional")
    X, estimator = phase_images(), fitted(cls)
    expected = estimator.transform(X)
    frame = estimator.set_output(transform=library).transform(X)
    assert list(frame.columns) == list(estimator.get_feature_names_out())
    np.testing.assert_array_equal(np.asarray(frame), expected)


@every_transformer
def test_feature_names_are_distinct_and_as_many_as_columns(cls):
    X, estimator = phase_images(), fitted(cls)
    names = estimator.get_feature_names_out()
    assert len(set(names)) == len(names) == estimator.transform(X).shape[1]


@every_generator
def test_first_samples_do_not_depend_on_how_many_follow(cls):
    generator = fitted(cls)
    many = generator.sample(70, random_state=1)
    np.testing.assert_array_equal(many[:3], generator.sample(3, random_state=1))
    np.testing.assert_array_equal(many[:65], generator.sample(65, random_state=1))


@every_generator
def test_samples_without_a_seed_are_new_each_time(cls):
    generator = varied(cls).fit(phase_images(shape=(16, 16)))
    # Many, since a small image of a generator that has learned little may come twice by chance.
    samples = [generator.sample(12, return_targets=False) for _ in range(3)]
    seeded = generator.sample(12, random_state=generator.random_state)
    assert not np.array_equal(samples[0], samples[1])
    assert not any(np.array_equal(images, seeded) for images in samples)


@every_generator
def test_round_trips_keep_shape_and_labels(cls):
    X, generator = phase_images(), fitted(cls)
    Z = generator.transform(X)
    np.testing.assert_array_equal(generator.reconstruct(X), generator.inverse_transform(Z))
    line = generator.interpolate(X[0], X[1], n_steps=5)
    np.testing.assert_array_equal(line[[0, -1]], generator.inverse_transform(Z[:2]))
    np.testing.assert_array_equal(line, generator.interpolate(Z[0], Z[1], n_steps=5))
    assert -2 <= generator.score(X) < 0.05


@every_network
def test_light_preset_is_an_ordinary_estimator(cls):
    light = cls.light(n_iter=7)
    assert light.n_iter == 7
    assert clone(light).get_params() == light.get_params()
    assert light.get_params() != cls(n_iter=7).get_params()


@pytest.mark.parametrize(("cls", "shape", "periodic"), LIGHT_CASES)
def test_light_preset_keeps_the_promises(cls, shape, periodic):
    X = phase_images(shape=shape)
    settings = {"n_iter": 2, "width": 4, "n_latent": 2, "batch_size": 4, "random_state": 0}
    settings["n_level_steps"] = 2
    known = {name: settings[name] for name in cls._get_param_names() if name in settings}
    light = cls.light(periodic=periodic, **known).fit(X)
    many = light.sample(18, random_state=1)
    assert many.shape == (18, *shape)
    np.testing.assert_array_equal(many[:3], light.sample(3, random_state=1))
    latents = light.transform(X)
    np.testing.assert_array_equal(light.transform(X[[5, 3]]), latents[[5, 3]])
    copied = pickle.loads(pickle.dumps(light))
    np.testing.assert_array_equal(copied.inverse_transform(latents), light.reconstruct(X))


@every_network
def test_partial_fit_continues(cls):
    X = phase_images()
    generator = varied(cls).partial_fit(X)
    first = generator.sample(20, random_state=0)
    before = {name: losses.copy() for name, losses in generator.history_.items()}
    generator.partial_fit(X[:3])
    assert generator.n_iter_ == 4
    for name, losses in generator.history_.items():
        np.testing.assert_array_equal(losses[:2], before[name])
        assert len(losses) == 4
    assert not np.array_equal(generator.sample(20, random_state=0), first)
