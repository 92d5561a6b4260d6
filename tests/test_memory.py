"""Memory beyond input and output does not grow with the number of images."""

import tracemalloc

import numpy as np
import pytest

from skmicro import _arrays
from skmicro.evaluation import memorisation
from skmicro.generators import GaussianRandomField

SHAPE = (8, 8)
N_IMAGES = 4000


def peak(call):
    """Return what a call returns, and the largest memory of NumPy's arrays during it, in bytes."""
    tracemalloc.start()
    try:
        result = call()
        return result, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.fixture
def images(tmp_path):
    path = tmp_path / "images.npy"
    drawn = np.random.default_rng(0).integers(0, 2, (N_IMAGES, *SHAPE), dtype=np.uint8)
    np.save(path, drawn)
    return np.load(path, mmap_mode="r")


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of few images, so that few images are many parts."""
    monkeypatch.setattr(_arrays, "PART_VOXELS", 2**13, raising=False)


def test_results_of_batches_are_kept_once():
    def function(index):
        return np.ones((len(index), 1000))

    result, largest = peak(lambda: _arrays.map_batches(function, 1000, 8))
    assert largest < 1.1 * result.nbytes


@pytest.mark.usefixtures("small_parts")
def test_samples_take_no_memory_beyond_their_own(images):
    generator = GaussianRandomField().fit(images[:64])
    generator.sample(8, random_state=0)
    few, n_few = peak(lambda: generator.sample(400, random_state=0))
    many, n_many = peak(lambda: generator.sample(N_IMAGES, random_state=0))
    assert n_many - many.nbytes < 1.5 * (n_few - few.nbytes)
    np.testing.assert_array_equal(many[:400], few)


@pytest.mark.usefixtures("small_parts")
def test_a_fit_takes_little_more_than_the_conditions_that_it_keeps(images):
    generator = GaussianRandomField().fit(images[:64])
    _, n_few = peak(lambda: GaussianRandomField().fit(images[:400]))
    _, n_many = peak(lambda: generator.fit(images))
    added = generator.conditions_.rows.nbytes
    assert n_many - n_few < 4 * added


@pytest.mark.usefixtures("small_parts")
def test_a_score_does_not_grow_with_the_images(images):
    generator = GaussianRandomField().fit(images[:64])
    generator.score(images[:64])
    _, n_few = peak(lambda: generator.score(images[:512]))
    _, n_many = peak(lambda: generator.score(images))
    assert n_many < 1.2 * n_few


def test_copies_are_found_in_any_block_of_training_images(images, monkeypatch):
    # 24 x 24 images are compared on a coarse grid first, noise of 8 x 8 as it is.
    coarse = np.kron(images[:40], np.ones((3, 3), np.uint8))
    for training in (images[:40], coarse):
        judged = np.concatenate([np.rot90(training[37:], axes=(1, 2)), training[:1, ::-1]])
        for n_candidates in (4, None):
            whole = memorisation(judged, training, n_candidates=n_candidates)
            with monkeypatch.context() as patch:
                patch.setattr("skmicro.evaluation._memorisation.TRAINING_VOXELS", 2**10)
                parts = memorisation(judged, training, n_candidates=n_candidates)
            np.testing.assert_allclose(parts, 1.0, atol=1e-5)
            np.testing.assert_array_equal(parts, whole)
