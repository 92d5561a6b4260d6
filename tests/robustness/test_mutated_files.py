"""Files with one mutation: what they hold comes back, or an error names the file."""

import warnings

import numpy as np
import pytest
import tifffile
from cases import case
from mutator import mutate_model, mutated_bytes, seeds
from sklearn.base import is_regressor
from sklearn.exceptions import NotFittedError

import skmicro
from skmicro.descriptors import TwoPointCorrelation
from skmicro.exceptions import NotASavedFileError
from skmicro.generators import VAE, GaussianRandomField, InvNetGenerator, MarkovRandomField
from skmicro.io import read_images, write_images
from skmicro.regressors import CNNRegressor

IMAGES = np.random.default_rng(0).integers(0, 2, (6, 8, 8))
FEW, MANY = 20, 2000
"""Trials of each kind of file, in the default suite and in the slow one."""


@pytest.fixture(scope="module")
def models():
    tiny = {"n_iter": 1, "batch_size": 4, "random_state": 0, "device": "cpu"}
    return [
        TwoPointCorrelation(max_lag=3).fit(IMAGES),
        GaussianRandomField(random_state=0).fit(IMAGES),
        MarkovRandomField(random_state=0).fit(IMAGES),
        InvNetGenerator.light(**tiny, width=4, n_latent=2, n_level_steps=0).fit(IMAGES),
        CNNRegressor(**tiny, widths=(4, 4)).fit(IMAGES, IMAGES.mean(axis=(1, 2))),
    ]


def n_trials(few=FEW):
    """Mark a test to be run a few times, and many times in the slow suite."""
    first_of_many = 10**6
    return pytest.mark.parametrize(
        ("first", "n"), [(0, few), pytest.param(first_of_many, MANY, marks=pytest.mark.slow)]
    )


@n_trials()
def test_models_with_changed_bytes(tmp_path, models, first, n):
    path = tmp_path / "model.skm"
    for model in models:
        model.save(path)
        content = path.read_bytes()
        for seed, rng in seeds(first, n):
            kind, changed = mutated_bytes(content, rng)
            if changed == content:
                continue
            path.write_bytes(changed)
            trial = case((type(model).__name__, seed, kind))
            with trial, pytest.raises(NotASavedFileError, match=str(path)):
                skmicro.load(path)


@pytest.mark.filterwarnings("ignore::skmicro.exceptions.OldFileWarning")  # of names alone
@n_trials()
def test_models_that_say_something_else_with_a_right_digest(tmp_path, models, first, n):
    path = tmp_path / "model.skm"
    refused = 0
    for model in models:
        for seed, rng in seeds(first, n):
            model.save(path)
            told = mutate_model(path, rng)
            with case((type(model).__name__, seed, told)):
                try:
                    loaded = skmicro.load(path)
                except NotASavedFileError as error:
                    refused += 1
                    loaded, message = None, str(error)
                if loaded is None:
                    assert str(path) in message
                else:
                    assert_harmless(loaded)
    assert refused > 0.3 * len(models) * n


def begun(path):
    """Return an unfitted generator that goes on from a checkpoint."""
    settings = {"n_iter": 2, "batch_size": 4, "random_state": 0, "device": "cpu"}
    return VAE.light(**settings, width=4, n_latent=2, checkpoint=path)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    """The bytes of a checkpoint after one of two iterations."""
    path = tmp_path_factory.mktemp("training") / "training.skm"
    begun(path).set_params(n_iter=1).fit(IMAGES)
    return path.read_bytes()


@n_trials()
def test_checkpoints_with_changed_bytes(tmp_path, checkpoint, first, n):
    path = tmp_path / "training.skm"
    for seed, rng in seeds(first, n):
        kind, changed = mutated_bytes(checkpoint, rng)
        if changed == checkpoint:
            continue
        path.write_bytes(changed)
        with case((seed, kind)), pytest.raises(NotASavedFileError, match=str(path)):
            begun(path).fit(IMAGES)


@pytest.mark.filterwarnings("ignore::skmicro.exceptions.OldFileWarning")  # of names alone
@n_trials()
def test_checkpoints_that_say_something_else_with_a_right_digest(tmp_path, checkpoint, first, n):
    path, refused = tmp_path / "training.skm", 0
    for seed, rng in seeds(first, n):
        path.write_bytes(checkpoint)
        told, estimator = mutate_model(path, rng), begun(path)
        before = dict(vars(estimator))
        with case((seed, told)):
            try:
                estimator.fit(IMAGES)
            except ValueError as error:  # NotASavedFileError is one
                refused += 1
                message = str(error)
                assert vars(estimator) == before
                of_another = "checkpoint" in message and "another training" in message
                assert str(path) in message or of_another, message
            else:
                assert estimator.sample(1, random_state=0).shape == (1, 8, 8)
    assert refused > 0.3 * n


def assert_harmless(estimator):
    """What a file said stays what a file may say, and is enough to work with."""
    assert estimator.get_params().get("checkpoint") is None
    assert estimator.get_params().get("callbacks") is None
    assert set(type(estimator)._get_param_names()) <= set(vars(estimator))
    for name in vars(estimator):
        assert not callable(getattr(type(estimator), name, None)), name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            answer = answer_of(estimator)
        except NotFittedError:
            assert not hasattr(estimator, "n_features_in_")
        else:
            assert np.isfinite(answer).all()


def answer_of(estimator):
    if hasattr(estimator, "sample"):
        return estimator.sample(1, random_state=0)
    return estimator.predict(IMAGES) if is_regressor(estimator) else estimator.transform(IMAGES)


@n_trials()
def test_images_with_changed_bytes(tmp_path, first, n):
    images = np.random.default_rng(0).integers(0, 200, (4, 16, 16)).astype(np.uint8)
    for name in ("a.npy", "a.npz", "a.png", "a.tif", "pages.tif"):
        path = tmp_path / name
        if name == "a.npz":
            np.savez_compressed(path, images)
        elif name == "pages.tif":
            tifffile.imwrite(
                path, images, compression="zlib", photometric="minisblack", metadata=None
            )
        else:
            write_images(path, images[:1] if name == "a.png" else images)
        content, refused = path.read_bytes(), 0
        for seed, rng in seeds(first, n):
            kind, changed = mutated_bytes(content, rng)
            path.write_bytes(changed)
            with case((name, seed, kind)), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    found = read_images(path)
                except ValueError as error:
                    refused += 1
                    found, message = None, str(error)
                if found is None:
                    assert name in message
                else:
                    assert found.nbytes < 2**26
        assert refused > 0
